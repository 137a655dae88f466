"""What several commands have in common: options, and functions that use them."""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsss_lib.errors import ParameterError
from wsss_lib.files import writable_folder, writing
from wsss_lib.paths import shown

if TYPE_CHECKING:
    import pandas as pd

    from wsss_lib.datasets.devkit import DevkitDataset

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE_THAT_IS_THERE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER_THAT_IS_THERE = click.Path(exists=True, file_okay=False, path_type=Path)
CRF_PRESETS = click.Choice(["irn", "psa", "deeplab"])

DATASET = click.option("--dataset", type=click.Choice(["toy", "voc"]), default="toy")
DATA = click.option("--data", "root", type=Path, help="Folder that holds VOCdevkit/ [WSSS_DATA].")
LIST = click.option("--list", "list_name", default="train", help="Name of an id list, or a file.")
TRAIN_LIST = click.option(
    "--list", "list_name", help="Name of an id list, or a file [trainaug; toy: train]."
)
IMAGES = click.option("--images", type=int, help="Only the first N ids.")
MASKS = click.option(
    "--masks",
    default="SegmentationClass",
    help="SegmentationClass, SegmentationClassAug or a folder.",
)
#: Those of `wsss_lib.classify.backbones.RECIPES` except resnet101, which only the second stage
#: uses; that module is not imported here, since torch would slow the help down.
BACKBONES = (
    *("resnet50", "resnet18", "resnet10"),
    *("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
)
BACKBONE = click.option(
    "--backbone",
    type=click.Choice(BACKBONES),
    help="Network behind F1 to F5 [resnet50; toy: the one trained on it].",
)

#: Where only features are needed; the library knows the names.
FEATURE_BACKBONE = click.option(
    "--backbone",
    help=f"Network behind F1 to F5: {', '.join(BACKBONES)} or timm/NAME [resnet50; toy: the one "
    "trained on it].",
)
SEED = click.option("--seed", type=click.IntRange(min=0), default=0)
WEIGHTS = click.option(
    "--weights",
    default="trained",
    help="random, imagenet, a file, or trained or sipe: from 'wsss train classifier|sipe'.",
)
SAMPLES = click.option("--samples", type=int, help="Pixels per class [2500; toy: 300].")
WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes, one thread each [WSSS_WORKERS, else a core each, at most 4].",
)
SCHEDULER = click.option(
    "--scheduler", help="Dask scheduler whose workers do the images, e.g. tcp://10.0.0.1:8786."
)
PNG = click.option(
    "--png",
    type=click.Choice(["palette", "index"]),
    default="palette",
    help="Kind of the masks: with VOC's palette, or plain 8-bit class indices, as the scripts of "
    "IRN and SIPE read them.",
)
EPOCHS = click.option("--epochs", type=int, help="Passes over the images [the data set's].")
DEVICE = click.option("--device", default="cpu", help="cpu, cuda or auto.")
BACKGROUND_WEIGHT = click.option(
    "--background-weight",
    type=click.FloatRange(0, min_open=True),
    help="Weight of SIPE's background [0.5]; 1 for a network with a short training.",
)
SEED_WEIGHTS = click.option(
    "--weights",
    default="sipe",
    help="Classification network: sipe, trained (the plain one), or a checkpoint. A missing one "
    "is trained. With --seeds also imagenet: the backbone alone, for the features.",
)
SEEDS = click.option(
    "--seeds",
    type=FOLDER_THAT_IS_THERE,
    help="Folder of seeds of any method, <id>.npy, .npz or .png, in the place of the network's.",
)
THRESHOLD = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.15,
    help="Background score for seeds that have none, such as plain CAMs; SIPE needs none, and IRN "
    "right after the seed has 0.25.",
)
IRN_WEIGHTS = click.option(
    "--irn-weights",
    type=FILE_THAT_IS_THERE,
    help="Checkpoint from 'wsss train irn'; trained when left out.",
)
CLASSES = click.option(
    "--classes", help="Short names of the classes that count [all], e.g. bkg,cat,dog."
)
PHOTO_WORKERS = click.option(
    "--workers", type=click.IntRange(min=0), default=0, help="Processes that read images."
)


def options(*decorators: Callable) -> Callable:
    """Decorate a command with options, in this order."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(decorators):
            command = option(command)
        return command

    return decorate


#: The images to train a network on, see `training_set`.
TRAINING_SET = options(DATASET, DATA, TRAIN_LIST, IMAGES)
#: Of sweeps with features of a network.
SWEEP = options(FEATURE_BACKBONE, WEIGHTS, SAMPLES, SEED, WORKERS, SCHEDULER)


def data_set(*, need_masks: bool = True) -> Callable:
    """Give a command, as ``dataset``, the images that its first five options name."""

    def decorate(command: Callable) -> Callable:
        @options(DATASET, DATA, LIST, IMAGES, MASKS)
        @wraps(command)
        def on_images(
            dataset: str,
            root: Path | None,
            list_name: str,
            images: int | None,
            masks: str,
            **others: object,
        ) -> None:
            from wsss_lib.datasets.load import load_dataset

            opened = load_dataset(
                dataset, list_name, root=root, images=images, masks=masks, need_masks=need_masks
            )
            command(dataset=opened, **others)

        return on_images

    return decorate


def svm_parameters(command: Callable, preset: str = "sklearn") -> Callable:
    """Give a command kernel, C and gamma of its SVM in one dictionary, ``svm``."""
    presets = click.Choice(["sklearn", "paper", "strokes"])

    @click.option("--svm", type=presets, default=preset)
    @click.option("--svm-kernel", type=click.Choice(["rbf", "linear"]))
    @click.option("--svm-c", type=float)
    @click.option("--svm-gamma", help="scale, a number, or e.g. 3xscale.")
    @wraps(command)
    def with_parameters(
        svm: str,
        svm_kernel: str | None,
        svm_c: float | None,
        svm_gamma: str | None,
        **others: object,
    ) -> None:
        from wsss_lib.evaluate.settings import svm_preset

        command(svm=svm_preset(svm, svm_kernel, svm_c, svm_gamma), **others)

    return with_parameters


def training_set(
    dataset: str,
    root: Path | None,
    list_name: str | None,
    images: int | None,
    masks: str | None,
    need_masks: bool = True,
) -> "DevkitDataset":
    """The images to train a network on, by default with the data set's own list and masks."""
    from wsss_lib.classify.spec import training_images
    from wsss_lib.datasets.load import load_dataset

    opened = load_dataset(dataset, list_name or "train", root=root, need_masks=False)
    return training_images(opened, list_name, images=images, masks=masks, need_masks=need_masks)


def check_outputs(*paths: Path) -> None:
    """Check, before the work, that files can be written and that none of them is an input.

    Parameters
    ----------
    *paths : Path
        What the command will write; its inputs are the files that its options name.

    Raises
    ------
    ParameterError
        If a file is an input.
    StoreError
        If files cannot be written there.
    """
    for path in paths:
        for name, value in click.get_current_context().params.items():
            given = isinstance(value, str | Path) and name != "out" and os.path.isfile(value)
            if given and os.path.exists(path) and path.samefile(value):
                raise ParameterError(
                    f"{shown(path)} would be written over {shown(value)}, which this command "
                    "reads. Name another place with --out."
                )
        writable_folder(path.parent)
        with writing(path):
            if path.is_dir():
                raise IsADirectoryError("a folder is where a file was expected")


def name_other_masks(folder: Path, rows: Mapping[Hashable, Sequence[dict]]) -> None:
    """Say how many masks of earlier runs lie in a folder beside those of this one's `rows`."""
    from wsss_lib.datasets.images import read_note

    own = {folder / key.name / f"{row['id']}.png" for key, rows in rows.items() for row in rows}
    for place in sorted(folder.glob("*/")):
        others = [path for path in place.rglob("*.png") if path not in own]
        # what has no note was never written by a sweep: the folder may be a devkit
        if others and read_note(others[0]):
            click.echo(f"{shown(place)} still holds masks of earlier runs: {len(others)}")


def report(table: "pd.DataFrame", path: Path, failures: dict[str, str], caption: str = "") -> None:
    """Show a table of scores, if there are any, and where it was written.

    The exit status is 1 if some images could not be done.
    """
    if len(table):
        click.echo(table.to_string(float_format="{:.2f}".format, na_rep=""))
        if caption:
            click.echo(caption)
    click.echo(f"Written to {shown(path)}")
    if failures:
        names = ", ".join(failures)
        raise click.ClickException(f"{len(failures)} image(s) could not be done: {names}")
