"""The command line ``wsss``: thin commands over the library."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from wsss_lib.errors import WsssError
from wsss_lib.paths import output_dir, shown

DATASET = click.option(
    "--dataset", type=click.Choice(["toy", "voc"]), default="toy", show_default=True
)
DATA = click.option("--data", "root", type=Path, help="Folder that holds VOCdevkit/ [WSSS_DATA].")
LIST = click.option(
    "--list", "list_name", default="train", show_default=True, help="Name of an id list, or a file."
)
IMAGES = click.option("--images", type=int, help="Only the first N ids.")
MASKS = click.option(
    "--masks",
    default="SegmentationClass",
    show_default=True,
    help="SegmentationClass, SegmentationClassAug or a folder.",
)
BACKBONE = click.option(
    "--backbone",
    type=click.Choice(["resnet50", "resnet18", "efficientnet_lite0"]),
    help="Network behind F1 to F5 [resnet50; toy: the one trained on it].",
)
SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
WEIGHTS = click.option(
    "--weights",
    default="trained",
    show_default=True,
    help="random, imagenet, a file, or what 'wsss train classifier' made.",
)
SAMPLES = click.option("--samples", type=int, help="Pixels a class [2500; toy: 300].")
WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes, one thread each.",
)
SCHEDULER = click.option(
    "--scheduler", help="Dask scheduler, e.g. tcp://10.0.0.1:8786: its workers do the images."
)
CACHE = click.option(
    "--cache-gb",
    type=click.FloatRange(min=0),
    default=0,
    show_default=True,
    help="Keep features on the disk for runs with other settings, at most so many GB.",
)
DEVICE = click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
#: As in `wsss_lib.evaluate.studies`, which is slow to import.
STUDY_NAMES = (
    *("which-svm", "zscore", "layers", "readings", "bound", "errors", "sample-count"),
    *("specific-or-global", "combining", "label-noise", "companions"),
)


def _options(*options: Callable) -> Callable:
    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class _Group(click.Group):
    """Show the kit's own errors as one sentence and exit with 1."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except WsssError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Group)
@click.version_option(package_name="wsss-study-kit")
def main() -> None:
    """WSSS study kit: image-specific classifiers for weakly supervised segmentation."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def doctor(as_json: bool) -> None:
    """Check versions, memory, device, data and weights; say what to do next."""
    from wsss_lib import doctor

    checks = doctor.examine()
    click.echo(doctor.as_json(checks) if as_json else doctor.as_text(checks))
    sys.exit(any(check.status == "missing" for check in checks))


@main.command()
@click.argument("name", type=click.Choice(["toy", "voc"]))
@DATA
def data(name: str, root: Path | None) -> None:
    """Make the toy set, or download PASCAL VOC 2012 and SBD (2 GB and 1.4 GB)."""
    from wsss_lib.datasets import load_dataset, make_toy
    from wsss_lib.datasets.voc import prepare_voc
    from wsss_lib.paths import data_root

    if name == "voc":
        prepare_voc(root or data_root())
    elif root:
        make_toy(root)
    dataset = load_dataset(name, root=root)
    click.echo(f"{name}: {len(dataset)} train images in {shown(dataset.devkit)}")


@main.group()
def train() -> None:
    """Train a network."""


@train.command()
@_options(DATASET, DATA, IMAGES, BACKBONE, SEED, DEVICE)
@click.option("--list", "list_name", help="Name of an id list, or a file [trainaug; toy: train].")
@click.option("--masks", help="Folder of masks, for labels where there is no XML.")
@click.option(
    "--weights", help="To start from: random, imagenet or a file [imagenet; toy: random]."
)
@click.option("--epochs", type=int, help="Passes over the images [5; toy: 24].")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Processes that read images.",
)
def classifier(
    dataset: str, root: Path, list_name: str, images: int, masks: str, **options: object
) -> None:
    """Train the classification network with image-level labels (section 4.1).

    A training that was stopped goes on where it was; a finished one is kept.
    """
    from wsss_lib.classify.checkpoint import load_trained
    from wsss_lib.classify.spec import TRAINING_LISTS
    from wsss_lib.classify.train import train_classifier
    from wsss_lib.datasets import load_dataset

    usual_list, usual_masks = TRAINING_LISTS[dataset]
    opened = load_dataset(
        dataset, list_name or usual_list, root=root, images=images, masks=masks or usual_masks
    )
    path = train_classifier(opened, **options)
    last = load_trained(path).history.iloc[-1]
    click.echo(f"{shown(path)}: loss {last['loss']:.3f}, mean AP on val {last['mean_ap']:.3f}")


@main.command()
@_options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, WEIGHTS, SAMPLES, SEED)
@_options(WORKERS, SCHEDULER, CACHE)
@click.option("--layers", default="img,F1,F2,F3,F4,F5", show_default=True)
@click.option(
    "--svm", type=click.Choice(["sklearn", "paper"]), default="sklearn", show_default=True
)
@click.option("--svm-kernel", type=click.Choice(["rbf", "linear"]))
@click.option("--svm-c", type=float)
@click.option("--svm-gamma", help="scale, a number, or e.g. 3xscale.")
@click.option("--solver", type=click.Choice(["ours", "libsvm"]), default="ours", show_default=True)
@click.option("--save-masks", is_flag=True, help="Write palette PNGs to OUT/masks/<feature>/.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the tables [build/table1/<dataset>].",
)
def table1(
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    out: Path,
    **options: object,
) -> None:
    """Table 1: IoU per class of the image-specific classifier, a row a feature."""
    from wsss_lib.datasets import load_dataset
    from wsss_lib.evaluate.table1 import settings_for, table1
    from wsss_lib.features import needs_backbone

    folder = out or output_dir() / "build" / "table1" / dataset
    settings = settings_for(
        dataset,
        options["layers"].split(","),
        samples=options["samples"],
        svm=options["svm"],
        kernel=options["svm_kernel"],
        C=options["svm_c"],
        gamma=options["svm_gamma"],
        solver=options["solver"],
        seed=options["seed"],
    )
    opened = load_dataset(dataset, list_name, root=root, images=images, masks=masks)
    needed = any(needs_backbone(setting.feature) for setting in settings)
    tables = table1(
        opened,
        settings,
        _network(dataset, root, options) if needed else None,
        masks_out=folder / "masks" if options["save_masks"] else None,
        **_processes(options),
    )
    tables.write(folder)
    click.echo(tables.all_pixels.to_string(float_format="{:.2f}".format, na_rep=""))
    click.echo(f"Written to {shown(folder)}")
    _name_failures(tables.failures)


def _network(dataset: str, root: Path | None, options: dict) -> object:
    """The network that the options name."""
    from wsss_lib.classify.spec import choose_backbone

    return choose_backbone(
        dataset, options["backbone"], options["weights"], options["seed"], root=root
    )


def _processes(options: dict) -> dict:
    """How a sweep is to be run."""
    return {name: options[name] for name in ("workers", "scheduler", "cache_gb")}


def _name_failures(failures: dict[str, str]) -> None:
    if failures:
        names = ", ".join(failures)
        raise click.ClickException(f"{len(failures)} image(s) could not be done: {names}")


@main.command()
@click.argument("name", type=click.Choice(STUDY_NAMES))
@_options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, WEIGHTS, SAMPLES, SEED)
@_options(WORKERS, SCHEDULER, CACHE)
@click.option("--classes", help="Short names of the classes that count [all], e.g. bkg,cat,dog.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV to write [build/studies/<dataset>/NAME.csv].",
)
def study(
    name: str,
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    out: Path,
    **options: object,
) -> None:
    """Sweep and score one study: a line for each setting, with intervals over images."""
    from wsss_lib.datasets import load_dataset
    from wsss_lib.evaluate.studies import find_study, run_study

    opened = load_dataset(dataset, list_name, root=root, images=images, masks=masks)
    found = run_study(
        name,
        opened,
        _network(dataset, root, options) if find_study(name).needs_network else None,
        options["samples"],
        options["seed"],
        over=options["classes"] and options["classes"].split(","),
        **_processes(options),
    )
    path = found.write(out or output_dir() / "build" / "studies" / dataset / f"{name}.csv")
    click.echo(found.scores.to_string(float_format="{:.2f}".format, na_rep=""))
    click.echo(f"Written to {shown(path)}")
    _name_failures(found.provenance["failures"])


@main.command()
@DATASET
@click.argument("numbers", nargs=-1)
@click.option("--timeout", type=int, help="Seconds a cell may take [1800; voc: a week].")
@click.option(
    "--parameters",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML of parameters by notebook, laid over notebooks/parameters/<dataset>.yaml.",
)
def notebooks(
    dataset: str, numbers: tuple[str, ...], timeout: int | None, parameters: Path
) -> None:
    """Execute the notebooks (all, or e.g. 03 05) headless with papermill."""
    from wsss_lib.run import find_notebooks, read_parameters, run_notebooks

    own = read_parameters(parameters) if parameters else {}
    run_notebooks(find_notebooks(numbers), dataset, own, timeout)
