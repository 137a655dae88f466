"""The command that scores anybody's masks and seeds."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsss_lib.cli.options import (
    CLASSES,
    FOLDER,
    FOLDER_THAT_IS_THERE,
    SEEDS,
    THRESHOLD,
    check_outputs,
    data_set,
    options,
    report,
)
from wsss_lib.paths import output_dir

if TYPE_CHECKING:
    from wsss_lib.datasets.devkit import DevkitDataset


@click.command()
@click.argument("folders", nargs=-1, type=FOLDER_THAT_IS_THERE)
@data_set()
@options(SEEDS, CLASSES, THRESHOLD)
@click.option(
    "--against",
    type=FOLDER_THAT_IS_THERE,
    help="Folder of masks that the others are compared with, image by image.",
)
@click.option("--out", type=FOLDER, help="Folder of the tables [build/score/<dataset>].")
def score(
    folders: tuple[Path, ...],
    dataset: "DevkitDataset",
    seeds: Path | None,
    classes: str | None,
    threshold: float,
    against: Path | None,
    out: Path | None,
) -> None:
    """Score masks or seeds of any method against the ground truth, which --masks names.

    FOLDERS hold <id>.png: class indices, 255 counts as background.
    """
    from wsss_lib.evaluate.mask_scores import score_caption, score_masks
    from wsss_lib.weak.seed_files import SeedFiles

    folder = out or output_dir() / "build" / "score" / dataset.name
    tables = ("scores", "classes", "bands", "images", "thresholds")
    check_outputs(*(folder / f"{name}.csv" for name in tables), folder / "scores.json")
    found = score_masks(
        dataset,
        folders,
        seeds=SeedFiles(seeds, threshold) if seeds else None,
        against=against,
        over=classes.split(",") if classes else None,
    )
    found.write(folder)
    report(found.main, folder, found.failures, score_caption(found))
