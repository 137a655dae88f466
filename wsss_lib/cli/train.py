"""Commands that train a network: stopped ones go on where they were, finished ones are kept."""

from pathlib import Path

import click

from wsss_lib.cli.options import (
    BACKBONE,
    BACKGROUND_WEIGHT,
    DATA,
    DATASET,
    DEVICE,
    IMAGES,
    PHOTO_WORKERS,
    SEED,
    WORKERS,
    options,
)
from wsss_lib.paths import shown

TRAIN_LIST = click.option(
    "--list", "list_name", help="Name of an id list, or a file [trainaug; toy: train]."
)
TRAIN_MASKS = click.option("--masks", help="Folder of masks, for labels where there is no XML.")
EPOCHS = click.option("--epochs", type=int, help="Passes over the images [the data set's].")
BATCH = click.option("--batch", type=int, help="Images a step [the data set's].")
OPTIMISER = click.option(
    "--optimiser", type=click.Choice(["sgd", "adamw"]), help="[sgd; toy: adamw]"
)
LR = click.option("--lr", type=float, help="First learning rate [0.1; toy: the network's own].")
MOMENTUM = click.option(
    "--momentum", type=float, help="Of SGD, or AdamW's first beta [0.0001, as released; toy: 0.9]."
)
CROP = click.option("--crop", type=int, help="Side of the crops in pixels [512; toy: 96].")
LONG_SIDE = click.option(
    "--long-side",
    nargs=2,
    type=int,
    metavar="LEAST MOST",
    help="Longer side of an image after random scaling [320 640; toy: as it is].",
)

CLASSIFIER_OPTIONS = options(
    *(DATASET, DATA, TRAIN_LIST, IMAGES, TRAIN_MASKS, BACKBONE, SEED, DEVICE, PHOTO_WORKERS),
    *(EPOCHS, BATCH, OPTIMISER, LR, MOMENTUM, CROP, LONG_SIDE),
)


@click.group()
def train() -> None:
    """Train a network."""


@train.command()
@CLASSIFIER_OPTIONS
@click.option(
    "--weights", help="To start from: random, imagenet or a file [imagenet; toy: random]."
)
def classifier(**given: object) -> None:
    """Train the classification network with image-level labels (section 4.1)."""
    _classifier(None, **given)


@train.command()
@CLASSIFIER_OPTIONS
@click.option(
    "--weights",
    help="To start from: random, imagenet, a file, or trained, what 'wsss train classifier' made "
    "[imagenet; toy: trained].",
)
def sipe(**given: object) -> None:
    """Train SIPE's network with image-level labels; its maps make better seeds than CAMs."""
    from wsss_lib.classify.sipe.network import SIPESettings

    _classifier(SIPESettings(), **given)


def _classifier(
    sipe: object,
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    **settings: object,
) -> None:
    from wsss_lib.classify.checkpoint import load_trained
    from wsss_lib.classify.spec import training_images
    from wsss_lib.classify.train import train_classifier

    opened = training_images(dataset, list_name, root=root, images=images, masks=masks)
    path = train_classifier(opened, sipe=sipe, **settings)
    last = load_trained(path).history.iloc[-1]
    click.echo(f"{shown(path)}: loss {last['loss']:.3f}, mean AP on val {last['mean_ap']:.3f}")


@train.command()
@options(DATASET, DATA, TRAIN_LIST, IMAGES, TRAIN_MASKS, BACKBONE, SEED, DEVICE, WORKERS)
@options(EPOCHS, BATCH, OPTIMISER, LR, MOMENTUM, CROP, BACKGROUND_WEIGHT)
@click.option(
    "--weights",
    help="Of the frozen backbone: imagenet, trained (what 'wsss train classifier' made), sipe or a "
    "file [imagenet; toy: trained].",
)
@click.option(
    "--classifier",
    default="sipe",
    show_default=True,
    help="Whose maps are the labels: sipe, trained (the plain network), or a checkpoint.",
)
def irn(
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    backbone: str,
    classifier: str,
    background_weight: float | None,
    **settings: object,
) -> None:
    """Train IRN's edge network; its labels are made of maps and of the dense CRF.

    On toy the first images of the list are enough, unless --list or --images says otherwise.
    """
    from wsss_lib.classify.spec import choose_classifier, training_images
    from wsss_lib.expand.localise import Localiser
    from wsss_lib.refine.irn.train import EDGE_IMAGES, train_irn

    if list_name is None and images is None:
        images = EDGE_IMAGES[dataset]
    device = settings["device"]
    path = choose_classifier(dataset, classifier, backbone, root=root, device=device)
    localiser = Localiser(path, background_weight=background_weight, device=device)
    opened = training_images(dataset, list_name, root=root, images=images, masks=masks)
    path = train_irn(opened, localiser, **settings)
    click.echo(f"{shown(path)}")
