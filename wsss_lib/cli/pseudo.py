"""The command that makes pseudo masks from image-level labels."""

from pathlib import Path

import click

from wsss_lib.cli.options import (
    BACKBONE,
    BACKGROUND_WEIGHT,
    DATA,
    DATASET,
    DEVICE,
    IMAGES,
    LIST,
    MASKS,
    SAMPLES,
    SCHEDULER,
    SEED,
    WORKERS,
    options,
    report,
)
from wsss_lib.paths import output_dir


@click.command()
@options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, SAMPLES, SEED, WORKERS, SCHEDULER, DEVICE)
@options(BACKGROUND_WEIGHT)
@click.option(
    "--weights",
    default="sipe",
    show_default=True,
    help="Classification network: sipe, trained (the plain one), or a checkpoint. What is not "
    "there is trained.",
)
@click.option(
    "--irn-weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What 'wsss train irn' made; trained when left out.",
)
@click.option("--steps", default="seed,svm,crf,irn", show_default=True)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Constant background of CAMs; SIPE has none [0.15].",
)
@click.option(
    "--selection",
    type=click.Choice(["seed", "confident", "consistent"]),
    default="seed",
    show_default=True,
    help="Which pixels of the seed the SVM learns from.",
)
@click.option("--layer", "feature", default="F4", show_default=True, help="Feature of the SVM.")
@click.option("--svm-c", "C", type=float, default=1.0, show_default=True)
@click.option("--svm-gamma", "gamma", default="scale", show_default=True)
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    help="Of the softmax of the SVM's decision values.",
)
@click.option(
    "--crf",
    "preset",
    type=click.Choice(["irn", "psa", "deeplab"]),
    default="irn",
    show_default=True,
    help="Published parameters of the CRF.",
)
@click.option(
    "--beta",
    type=float,
    help="Of IRN's random walk: the higher, the sooner edges stop it [10; toy: 20].",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the masks and scores [build/pseudo/<dataset>].",
)
def pseudo(
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    steps: str,
    out: Path,
    workers: int,
    scheduler: str,
    **given: object,
) -> None:
    """Pseudo masks from image-level labels: seed, SVM, CRF, IRN (Figure 5a).

    Writes OUT/<step>/<id>.png and, where there is ground truth, OUT/scores.csv.
    """
    from wsss_lib.datasets import load_dataset
    from wsss_lib.evaluate.pseudo.chain import make_steps
    from wsss_lib.evaluate.pseudo.choose import choose_networks
    from wsss_lib.evaluate.pseudo.scores import score_steps

    folder = out or output_dir() / "build" / "pseudo" / dataset
    opened = load_dataset(
        dataset, list_name, root=root, images=images, masks=masks, need_masks=False
    )
    chain = make_steps(steps.split(","), dataset, **given)
    names = ("weights", "backbone", "irn_weights", "threshold", "background_weight", "device")
    networks = choose_networks(
        dataset,
        edges="irn" in steps.split(","),
        root=root,
        workers=workers,
        **{name: given[name] for name in names},
    )
    scores = score_steps(
        opened, chain, networks, masks_out=folder, workers=workers, scheduler=scheduler
    )
    scores.write(folder)
    report(scores.table, folder, scores.failures, scores.caption())
