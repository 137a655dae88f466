"""Commands that train a network: stopped trainings are resumed, finished ones are kept."""

from pathlib import Path

import click

from wsss_lib.cli.options import (
    BACKBONE,
    BACKBONES,
    BACKGROUND_WEIGHT,
    DEVICE,
    EPOCHS,
    PHOTO_WORKERS,
    SEED,
    TRAINING_SET,
    WORKERS,
    options,
    training_set,
)
from wsss_lib.paths import shown

TRAIN_MASKS = click.option("--masks", help="Folder of masks, for labels if there is no XML.")
BATCH = click.option("--batch", type=int, help="Images per step [the data set's].")
OPTIMISER = click.option(
    "--optimiser", type=click.Choice(["sgd", "adamw"]), help="[sgd; toy: adamw]"
)
LR = click.option("--lr", type=float, help="Initial learning rate [0.1; toy: the network's own].")
MOMENTUM = click.option(
    "--momentum", type=float, help="Of SGD, or AdamW's first beta [0.0001, as released; toy: 0.9]."
)
CLIP_NORM = click.option(
    "--clip-norm",
    type=float,
    help="Greatest norm of the gradient [inf, which cuts nothing; sipe, toy: 1].",
)
CROP = click.option("--crop", type=int, help="Side of the crops in pixels [512; toy: 96].")
LONG_SIDE = click.option(
    "--long-side",
    nargs=2,
    type=int,
    metavar="LEAST MOST",
    help="Longer side of an image after random scaling [320 640; toy: not scaled].",
)

SEGMENTER_OPTIONS = options(
    click.option(
        "--masks",
        help="To learn from: SegmentationClass, SegmentationClassAug, a folder of pseudo masks, or "
        "a kind to make now: bound, seed, svm, expand, crf, irn [SegmentationClassAug; toy: "
        "SegmentationClass].",
    ),
    click.option(
        "--backbone",
        type=click.Choice(["resnet101", *BACKBONES]),
        help="Network below the pyramid [resnet101; toy: resnet10].",
    ),
    click.option(
        "--weights",
        help="To start from: imagenet, trained or sipe (from 'wsss train classifier|sipe'), "
        "random, or a file, such as deeplab-pytorch's deeplabv1_resnet101-coco.pth, from which "
        "the published networks start [imagenet; toy: trained].",
    ),
    click.option(
        "--lr", type=float, help="Initial learning rate of the backbone [the data set's]."
    ),
    click.option("--momentum", type=float, help="Of SGD, or AdamW's first beta [0.9]."),
    click.option("--crop", type=int, help="Side of the crops in pixels [321; toy: 80]."),
)

CLASSIFIER_OPTIONS = options(
    *(TRAINING_SET, TRAIN_MASKS, BACKBONE, SEED, DEVICE, PHOTO_WORKERS),
    *(EPOCHS, BATCH, OPTIMISER, LR, MOMENTUM, CLIP_NORM, CROP, LONG_SIDE),
)


@click.group()
def train() -> None:
    """Train a network."""


@train.command()
@CLASSIFIER_OPTIONS
@click.option(
    "--weights", help="To start from: random, imagenet or a file [imagenet; toy: random]."
)
def classifier(**choices: object) -> None:
    """Train the classification network with image-level labels (section 4.1)."""
    _classifier(None, **choices)


@train.command()
@CLASSIFIER_OPTIONS
@click.option(
    "--weights",
    help="To start from: random, imagenet, a file, or trained: from 'wsss train classifier' "
    "[imagenet; toy: trained].",
)
def sipe(**choices: object) -> None:
    """Train SIPE's network with image-level labels; its maps make better seeds than CAMs."""
    from wsss_lib.classify.sipe import SIPESettings

    _classifier(SIPESettings(), **choices)


def _classifier(
    sipe: object,
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    seed: int,
    device: str,
    workers: int,
    **settings: object,
) -> None:
    from wsss_lib.classify.train import ClassifierSettings, load_trained, train_classifier

    settings = ClassifierSettings(**settings)  # refuses bad values before anything is read
    path = train_classifier(
        training_set(dataset, root, list_name, images, masks, need_masks=False),
        settings,
        sipe=sipe,
        seed=seed,
        device=device,
        workers=workers,
    )
    last = load_trained(path).history.iloc[-1]
    scored = f"mean AP on val {last['mean_ap']:.3f}" if "mean_ap" in last else "not scored"
    click.echo(f"{shown(path)}: loss {last['loss']:.3f}, {scored}")


@train.command()
@options(TRAINING_SET, TRAIN_MASKS, BACKBONE, SEED, DEVICE, WORKERS)
@options(EPOCHS, BATCH, OPTIMISER, LR, MOMENTUM, CLIP_NORM, CROP, BACKGROUND_WEIGHT)
@click.option(
    "--weights",
    help="Of the frozen backbone: imagenet, trained (from 'wsss train classifier'), sipe or a "
    "file [imagenet; toy: trained].",
)
@click.option(
    "--classifier",
    default="sipe",
    help="Network whose maps give the labels: sipe, trained (the plain one), or a checkpoint.",
)
@click.option(
    "--labels",
    help="Folder of masks to learn from, such as build/pseudo/voc/expand; --classifier, "
    "--background-weight and --masks then have no effect [made of maps].",
)
def irn(
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    backbone: str,
    classifier: str,
    labels: str | None,
    background_weight: float | None,
    seed: int,
    device: str,
    workers: int,
    **settings: object,
) -> None:
    """Train IRN's edge network; its labels come from maps and the dense CRF, or are masks.

    On toy the first images of the list are enough, unless --list or --images says otherwise.
    """
    from wsss_lib.classify.spec import choose_classifier
    from wsss_lib.weak.irn.train import EDGE_IMAGES, PRESETS, EdgeSettings, train_irn
    from wsss_lib.weak.seeds import Localiser

    settings = EdgeSettings(**settings).completed(PRESETS, dataset)  # before another is trained
    if list_name is None and images is None:
        images = EDGE_IMAGES[dataset]
    folder, localiser = labels or masks, None
    opened = training_set(dataset, root, list_name, images, folder, need_masks=labels is not None)
    if labels is None:
        path = choose_classifier(opened, classifier, backbone, device=device)
        localiser = Localiser(path, background_weight=background_weight, device=device)
    path = train_irn(
        opened,
        localiser,
        settings,
        backbone=backbone,
        seed=seed,
        device=device,
        workers=workers,
    )
    click.echo(f"{shown(path)}")


@train.command()
@options(TRAINING_SET, SEED, DEVICE, PHOTO_WORKERS)
@options(EPOCHS, BATCH, OPTIMISER, CLIP_NORM)
@SEGMENTER_OPTIONS
def segmenter(
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    masks: str,
    seed: int,
    device: str,
    workers: int,
    **settings: object,
) -> None:
    """Train the segmentation network, DeepLabV2, with masks: the second stage (Figure 1)."""
    from wsss_lib.evaluate.mask_worth import KINDS, WEAK, training_masks
    from wsss_lib.segmentation.segmenter import load_segmenter
    from wsss_lib.segmentation.train import SegmenterSettings, train_segmenter

    settings = SegmenterSettings(**settings)
    folder = None if masks in KINDS else masks
    opened = training_set(dataset, root, list_name, images, folder, need_masks=masks not in WEAK)
    if masks in KINDS:
        opened = training_masks(masks, opened, device=device, workers=workers or None)
    path = train_segmenter(opened, settings, seed=seed, device=device, workers=workers)
    click.echo(f"{shown(path)}: {load_segmenter(path).caption()}")
