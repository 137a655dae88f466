"""The command that compares masks by the segmentation networks that learn from them."""

from pathlib import Path

import click

from wsss_lib.cli.options import (
    DATA,
    DATASET,
    DEVICE,
    EPOCHS,
    IMAGES,
    TRAIN_LIST,
    WORKERS,
    options,
    report,
)
from wsss_lib.paths import output_dir


@click.command("second-stage")
@options(DATASET, DATA, TRAIN_LIST, IMAGES, DEVICE, WORKERS, EPOCHS)
@click.option(
    "--masks",
    "kinds",
    default="truth,bound,svm,seed",
    show_default=True,
    help="Kinds: truth, bound (SVM with samples from the ground truth), seed, svm, crf, irn, or "
    "folders of masks. What is not there is made.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="How many.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the tables [build/second_stage/<dataset>].",
)
def second_stage(
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    kinds: str,
    seeds: int,
    out: Path,
    **how: object,
) -> None:
    """Train the segmentation network from several kinds of masks; score each on val (Figure 8)."""
    from wsss_lib.classify.spec import training_images
    from wsss_lib.evaluate.second_stage import second_stage

    folder = out or output_dir() / "build" / "second_stage" / dataset
    opened = training_images(dataset, list_name, root=root, images=images)
    found = second_stage(opened, kinds.split(","), range(seeds), **how)
    found.write(folder)
    caption = f"mIoU (%) on {found.provenance['val']}; masks_miou: of the masks learnt from"
    report(found.over_seeds(), folder, {}, caption)
