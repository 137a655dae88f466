"""Commands that expand with ground truth: Table 1 and the studies."""

from pathlib import Path

import click

from wsss_lib.cli.options import (
    BACKBONE,
    CACHE,
    DATA,
    DATASET,
    IMAGES,
    LIST,
    MASKS,
    SAMPLES,
    SCHEDULER,
    SEED,
    WEIGHTS,
    WORKERS,
    chosen_network,
    options,
    processes,
    report,
)
from wsss_lib.paths import output_dir

#: As in `wsss_lib.evaluate.studies`, which is slow to import.
STUDY_NAMES = (
    *("which-svm", "zscore", "layers", "readings", "bound", "errors", "sample-count"),
    *("specific-or-global", "combining", "label-noise", "companions"),
)


@click.command()
@options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, WEIGHTS, SAMPLES, SEED)
@options(WORKERS, SCHEDULER, CACHE)
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
    **given: object,
) -> None:
    """Table 1: IoU per class of the image-specific classifier, a row a feature."""
    from wsss_lib.datasets import load_dataset
    from wsss_lib.evaluate.table1 import settings_for, table1
    from wsss_lib.features import needs_backbone

    folder = out or output_dir() / "build" / "table1" / dataset
    settings = settings_for(
        dataset,
        given["layers"].split(","),
        samples=given["samples"],
        svm=given["svm"],
        kernel=given["svm_kernel"],
        C=given["svm_c"],
        gamma=given["svm_gamma"],
        solver=given["solver"],
        seed=given["seed"],
    )
    opened = load_dataset(dataset, list_name, root=root, images=images, masks=masks)
    needed = any(needs_backbone(setting.feature) for setting in settings)
    tables = table1(
        opened,
        settings,
        chosen_network(dataset, root, given) if needed else None,
        masks_out=folder / "masks" if given["save_masks"] else None,
        **processes(given),
    )
    tables.write(folder)
    report(tables.all_pixels, folder, tables.failures)


@click.command()
@click.argument("name", type=click.Choice(STUDY_NAMES))
@options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, WEIGHTS, SAMPLES, SEED)
@options(WORKERS, SCHEDULER, CACHE)
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
    **given: object,
) -> None:
    """Sweep and score one study: a line for each setting, with intervals over images."""
    from wsss_lib.datasets import load_dataset
    from wsss_lib.evaluate.studies import find_study, run_study

    opened = load_dataset(dataset, list_name, root=root, images=images, masks=masks)
    found = run_study(
        name,
        opened,
        chosen_network(dataset, root, given) if find_study(name).needs_network else None,
        given["samples"],
        given["seed"],
        over=given["classes"] and given["classes"].split(","),
        **processes(given),
    )
    path = found.write(out or output_dir() / "build" / "studies" / dataset / f"{name}.csv")
    report(found.scores, path, found.provenance["failures"])
