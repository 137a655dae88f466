"""Commands of weak supervision: pseudo masks, and several ways to them compared."""

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsss_lib.cli.options import (
    BACKBONE,
    BACKGROUND_WEIGHT,
    CLASSES,
    CRF_PRESETS,
    DEVICE,
    FILE_THAT_IS_THERE,
    FOLDER,
    IRN_WEIGHTS,
    PNG,
    SAMPLES,
    SCHEDULER,
    SEED,
    SEED_WEIGHTS,
    SEEDS,
    THRESHOLD,
    WORKERS,
    check_outputs,
    data_set,
    name_other_masks,
    options,
    report,
)
from wsss_lib.paths import output_dir

if TYPE_CHECKING:
    from wsss_lib.datasets.devkit import DevkitDataset
    from wsss_lib.weak.steps import Step


def network_options(command: Callable) -> Callable:
    """Give a command, as ``networks``, what the options tell `with_networks`."""
    names = ("seeds", "threshold", "weights", "irn_weights", "background_weight")
    names += ("backbone", "device")

    @options(SEEDS, THRESHOLD, SEED_WEIGHTS, IRN_WEIGHTS, BACKGROUND_WEIGHT, BACKBONE, DEVICE)
    @wraps(command)
    def with_options(**given: object) -> None:
        command(networks={name: given.pop(name) for name in names}, **given)

    return with_options


@click.command()
@data_set(need_masks=False)
@network_options
@options(SAMPLES, SEED, WORKERS, SCHEDULER)
@click.option("--steps", default="seed,svm,crf,irn")
@click.option(
    "--selection",
    type=click.Choice(["seed", "confident", "consistent", "crossed"]),
    help="Which pixels of the seed the SVM learns from [seed; toy: confident].",
)
@click.option(
    "--layer",
    "feature",
    help="Feature of the SVM: a layer, or several joined by + or * [F4; expand: F3*F4*F5; toy: F2, "
    "F2*F3*F4].",
)
@click.option("--svm-c", "C", type=float, help="[1; expand: 0.1]")
@click.option("--svm-gamma", "gamma", help="[scale; expand: 0.3xscale]")
@click.option("--rounds", type=int, default=2, help="Of the expansion.")
@click.option(
    "--least-change",
    type=float,
    default=0.0,
    help="Share of the objects' area, such as 0.1: an image that the first round of the expansion "
    "changes by less keeps its seed.",
)
@click.option(
    "--temperature", type=float, default=1.0, help="Of the softmax of the SVM's decision values."
)
@click.option(
    "--crf",
    "preset",
    type=CRF_PRESETS,
    help="Published parameters of the CRF [irn; toy and between rounds: deeplab].",
)
@click.option(
    "--beta",
    type=float,
    help="Of IRN's random walk: the higher, the sooner edges stop it [10; toy: 80].",
)
@PNG
@click.option("--out", type=FOLDER, help="Folder of the masks and scores [build/pseudo/<dataset>].")
def pseudo(
    dataset: "DevkitDataset",
    networks: dict,
    workers: int | None,
    scheduler: str | None,
    steps: str,
    png: str,
    out: Path | None,
    **parameters: object,
) -> None:
    """Pseudo masks from image-level labels: seed, SVM or expand, CRF, IRN (Figure 5a).

    Writes OUT/<step>/<id>.png and, where there is ground truth, OUT/scores.csv.
    """
    from wsss_lib.engine import convert_masks
    from wsss_lib.weak.chain import make_steps, with_networks
    from wsss_lib.weak.masks import caption, pseudo_masks, score_steps

    folder = out or output_dir() / "build" / "pseudo" / dataset.name
    check_outputs(*(folder / name for name in ("scores.csv", "precision.csv", "scores.json")))
    names = steps.split(",")
    make = partial(make_steps, names, dataset, **parameters)
    chain = with_networks(make, dataset, names, workers=workers, **networks)
    result = pseudo_masks(dataset, chain, workers=workers, scheduler=scheduler, masks_out=folder)
    convert_masks(result, folder, png)
    found = score_steps(result)
    found.write(folder)
    name_other_masks(folder, result.rows)
    report(found.main, folder, found.failures, caption(found))


@click.command()
@click.argument("chains", type=FILE_THAT_IS_THERE)
@data_set()
@network_options
@options(CLASSES, WORKERS, SCHEDULER)
@click.option("--against", help="The chain that the others are compared with [the seed].")
@click.option("--out", type=FOLDER, help="Folder of the tables [build/compare/<dataset>].")
def compare(
    chains: Path,
    dataset: "DevkitDataset",
    networks: dict,
    classes: str | None,
    workers: int | None,
    scheduler: str | None,
    against: str | None,
    out: Path | None,
) -> None:
    """Compare ways from one seed to masks: gains with intervals, images that lose.

    CHAINS is a YAML file of steps and parameters by name, such as
    'weak: {steps: "seed,svm,crf", C: 0.1}'.
    """
    from wsss_lib.evaluate.chains import (
        POINTS,
        check_chains,
        compare_chains,
        make_chains,
        read_chains,
    )
    from wsss_lib.weak.chain import with_networks

    folder = out or output_dir() / "build" / "compare" / dataset.name
    check_outputs(*(folder / name for name in ("chains.csv", "images.csv", "chains.json")))
    described, over = read_chains(chains), classes.split(",") if classes else None
    dataset.classes.places(over)

    def make(**needed: object) -> dict[str, tuple["Step", ...]]:
        made = make_chains(described, dataset, **needed)
        check_chains(made, against)
        return made

    steps = {step for chain in described.values() for step in chain["steps"]}
    made = with_networks(make, dataset, steps, workers=workers, **networks)
    found = compare_chains(
        dataset,
        made,
        against=against,
        over=over,
        workers=workers,
        scheduler=scheduler,
    )
    found.write(folder)
    of = found.provenance
    caption = (
        f"mIoU on {of['images']} images of {of['list']} ({of['dataset']}) against {of['masks']}, "
        f"gains on {of['against']}; an image is harmed or helped by more than {POINTS:g} points"
    )
    rounds = found.main["round"].astype(object).fillna("")
    report(found.main.assign(round=rounds), folder, found.failures, caption)
