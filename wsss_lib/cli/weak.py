"""The command that compares several ways from seed to mask."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsss_lib.cli.options import (
    BACKBONE,
    BACKGROUND_WEIGHT,
    CLASSES,
    DEVICE,
    FILE_THAT_IS_THERE,
    FOLDER,
    IRN_WEIGHTS,
    SCHEDULER,
    SEED_WEIGHTS,
    WORKERS,
    check_outputs,
    data_set,
    options,
    report,
    with_networks,
)
from wsss_lib.paths import output_dir

if TYPE_CHECKING:
    from wsss_lib.datasets.devkit import DevkitDataset
    from wsss_lib.weak.seeds import Localiser
    from wsss_lib.weak.steps import Step


@click.command()
@click.argument("chains", type=FILE_THAT_IS_THERE)
@data_set()
@options(SEED_WEIGHTS, IRN_WEIGHTS, BACKGROUND_WEIGHT, BACKBONE, CLASSES)
@click.option("--against", help="The chain that the others are compared with [the seed].")
@options(WORKERS, SCHEDULER, DEVICE)
@click.option("--out", type=FOLDER, help="Folder of the tables [build/compare/<dataset>].")
def compare(
    chains: Path,
    dataset: "DevkitDataset",
    weights: str,
    irn_weights: Path | None,
    background_weight: float | None,
    backbone: str | None,
    classes: str | None,
    against: str | None,
    workers: int,
    scheduler: str | None,
    device: str,
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
    from wsss_lib.weak.seeds import THRESHOLD

    folder = out or output_dir() / "build" / "compare" / dataset.name
    check_outputs(*(folder / name for name in ("chains.csv", "images.csv", "chains.json")))
    described, over = read_chains(chains), classes.split(",") if classes else None
    dataset.classes.places(over)

    def make(**needed: "Localiser | str | Path | None") -> dict[str, tuple["Step", ...]]:
        made = make_chains(described, dataset, **needed)
        check_chains(made, against)
        return made

    made = with_networks(
        make,
        dataset,
        weights=weights,
        backbone=backbone,
        threshold=THRESHOLD,
        background_weight=background_weight,
        steps={step for chain in described.values() for step in chain["steps"]},
        irn_weights=irn_weights,
        device=device,
        workers=workers,
    )
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
