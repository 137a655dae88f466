"""Commands that expand: Table 1, studies, pseudo masks, the second stage, a photograph."""

from functools import partial
from pathlib import Path

import click

from wsss_lib.cli.options import (
    BACKBONE,
    BACKBONES,
    BACKGROUND_WEIGHT,
    DATA,
    DATASET,
    DEVICE,
    EPOCHS,
    IMAGES,
    LIST,
    MASKS,
    SAMPLES,
    SCHEDULER,
    SEED,
    SVM,
    TRAIN_LIST,
    WEIGHTS,
    WORKERS,
    options,
    report,
    training_set,
)
from wsss_lib.paths import output_dir, shown


class _StudyName(click.ParamType):
    """The name of a study; the studies are slow to import, and needed only when help lists them."""

    name = "study"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        from wsss_lib.studies import STUDIES

        return f"{{{'|'.join(STUDIES)}}}"


@click.command()
@options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, WEIGHTS, SAMPLES, SEED)
@options(WORKERS, SCHEDULER)
@click.option("--layers", default="img,F1,F2,F3,F4,F5", show_default=True)
@options(*SVM)
@click.option("--solver", type=click.Choice(["ours", "libsvm"]), default="ours", show_default=True)
@click.option("--save-masks", is_flag=True, help="Write palette PNGs to OUT/masks/<feature>/.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the tables [build/table1/<dataset>].",
)
def table1(
    dataset: str,
    root: Path | None,
    list_name: str,
    images: int | None,
    masks: str,
    backbone: str | None,
    weights: str,
    samples: int | None,
    seed: int,
    workers: int,
    scheduler: str | None,
    layers: str,
    svm: str,
    svm_kernel: str | None,
    svm_c: float | None,
    svm_gamma: str | None,
    solver: str,
    save_masks: bool,
    out: Path | None,
) -> None:
    """Table 1: IoU per class of the image-specific classifier, one row per feature."""
    from wsss_lib.classify.spec import choose_backbone
    from wsss_lib.datasets import load_dataset
    from wsss_lib.evaluate.iou import table1
    from wsss_lib.evaluate.settings import settings_for
    from wsss_lib.evaluate.sweeps import sweep
    from wsss_lib.features import needs_backbone

    folder = out or output_dir() / "build" / "table1" / dataset
    opened = load_dataset(dataset, list_name, root=root, images=images, masks=masks)
    settings = settings_for(
        opened,
        layers.split(","),
        samples=samples,
        svm=svm,
        kernel=svm_kernel,
        C=svm_c,
        gamma=svm_gamma,
        solver=solver,
        seed=seed,
    )
    network = None
    if any(needs_backbone(setting.feature) for setting in settings):
        network = choose_backbone(opened, backbone, weights, seed)
    masks_out = folder / "masks" if save_masks else None
    result = sweep(
        opened, settings, network, workers=workers, scheduler=scheduler, masks_out=masks_out
    )
    found = table1(result)
    found.write(folder)
    report(found.main, folder, found.failures)


@click.command()
@click.argument("name", type=_StudyName())
@options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, WEIGHTS, SAMPLES, SEED)
@options(WORKERS, SCHEDULER)
@click.option("--classes", help="Short names of the classes that count [all], e.g. bkg,cat,dog.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV to write [build/studies/<dataset>/NAME.csv].",
)
def study(
    name: str,
    dataset: str,
    root: Path | None,
    list_name: str,
    images: int | None,
    masks: str,
    backbone: str | None,
    weights: str,
    samples: int | None,
    seed: int,
    workers: int,
    scheduler: str | None,
    classes: str | None,
    out: Path | None,
) -> None:
    """Sweep and score one study: one line per setting, with intervals over images."""
    from wsss_lib.classify.spec import choose_backbone
    from wsss_lib.datasets import load_dataset
    from wsss_lib.studies.catalogue import find_study, run_study

    needs_network = find_study(name).needs_network  # a wrong name is refused first
    opened = load_dataset(dataset, list_name, root=root, images=images, masks=masks)
    network = None
    if needs_network:
        network = choose_backbone(opened, backbone, weights, seed)
    over = classes.split(",") if classes else None
    found = run_study(
        name, opened, network, samples, seed, over=over, workers=workers, scheduler=scheduler
    )
    path = out or output_dir() / "build" / "studies" / dataset / f"{name}.csv"
    report(found.main, found.write(path.parent, path.stem), found.failures)


@click.command("second-stage")
@options(DATASET, DATA, TRAIN_LIST, IMAGES, DEVICE, WORKERS, EPOCHS)
@click.option(
    "--masks",
    "kinds",
    default="truth,bound,svm,seed",
    show_default=True,
    help="Kinds: truth, bound (SVM with samples from the ground truth), seed, svm, crf, irn, or "
    "folders of masks. Missing masks are made.",
)
@click.option(
    "--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Number of seeds."
)
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
    device: str,
    workers: int,
    epochs: int | None,
) -> None:
    """Train the segmentation network from several kinds of masks; score each on val (Figure 8)."""
    from wsss_lib.evaluate.mask_worth import second_stage
    from wsss_lib.segment.train import SegmenterSettings

    folder = out or output_dir() / "build" / "second_stage" / dataset
    found = second_stage(
        training_set(dataset, root, list_name, images, None),
        kinds.split(","),
        range(seeds),
        device=device,
        workers=workers,
        settings=SegmenterSettings(epochs=epochs),
    )
    found.write(folder)
    caption = f"mIoU (%) on {found.provenance['val']}; masks_miou: of the masks learnt from"
    report(found.tables["spread"], folder, {}, caption)


@click.command()
@options(DATASET, DATA, LIST, IMAGES, MASKS, BACKBONE, SAMPLES, SEED, WORKERS, SCHEDULER, DEVICE)
@options(BACKGROUND_WEIGHT)
@click.option(
    "--weights",
    default="sipe",
    show_default=True,
    help="Classification network: sipe, trained (the plain one), or a checkpoint. A missing one "
    "is trained.",
)
@click.option(
    "--irn-weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Checkpoint from 'wsss train irn'; trained when left out.",
)
@click.option("--steps", default="seed,svm,crf,irn", show_default=True)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.15,
    show_default=True,
    help="Background score for plain CAMs; SIPE needs none.",
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
    root: Path | None,
    list_name: str,
    images: int | None,
    masks: str,
    backbone: str | None,
    samples: int | None,
    seed: int,
    workers: int,
    scheduler: str | None,
    device: str,
    background_weight: float | None,
    weights: str,
    irn_weights: Path | None,
    steps: str,
    threshold: float,
    selection: str,
    feature: str,
    C: float,
    gamma: str,
    temperature: float,
    preset: str,
    beta: float | None,
    out: Path | None,
) -> None:
    """Pseudo masks from image-level labels: seed, SVM, CRF, IRN (Figure 5a).

    Writes OUT/<step>/<id>.png and, where there is ground truth, OUT/scores.csv.
    """
    from wsss_lib.classify.spec import choose_classifier
    from wsss_lib.datasets import load_dataset
    from wsss_lib.weak.irn.train import trained_edges
    from wsss_lib.weak.masks import caption, pseudo_masks, score_steps
    from wsss_lib.weak.seeds import BACKGROUND_WEIGHT, Localiser
    from wsss_lib.weak.steps import make_steps

    folder = out or output_dir() / "build" / "pseudo" / dataset
    opened = load_dataset(
        dataset, list_name, root=root, images=images, masks=masks, need_masks=False
    )
    names = steps.split(",")
    make = partial(
        make_steps,
        names,
        opened,
        samples=samples,
        feature=feature,
        selection=selection,
        C=C,
        gamma=gamma,
        temperature=temperature,
        seed=seed,
        preset=preset,
        beta=beta,
    )
    unknown = Path("not chosen yet")
    make(localiser=Localiser(unknown), edges=unknown)  # refuses bad values before a training
    if background_weight is None:
        background_weight = BACKGROUND_WEIGHT[dataset]
    localiser = Localiser(
        choose_classifier(opened, weights, backbone, device=device),
        threshold=threshold,
        background_weight=background_weight,
        device=device,
    )
    if "irn" in names and irn_weights is None:
        irn_weights = trained_edges(opened, localiser, device=device, workers=workers)
    chain = make(localiser=localiser, edges=irn_weights)
    found = score_steps(
        pseudo_masks(opened, chain, workers=workers, scheduler=scheduler, masks_out=folder)
    )
    found.write(folder)
    report(found.main, folder, found.failures, caption(found))


@click.command()
@click.argument("photo", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--labels",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Strokes: a PNG of the photograph's size. Grey or palette: 255 is not labelled, any other "
    "value, including 0, is a class. In colour: exactly the colours of VOC's palette; white or "
    "transparent is not labelled.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Palette PNG to write [build/expand/<name of the photograph>.png].",
)
@click.option(
    "--backbone",
    type=click.Choice(BACKBONES),
    default="efficientnet_lite0",
    show_default=True,
    help="Network behind F1 to F5.",
)
@click.option(
    "--weights", default="imagenet", show_default=True, help="imagenet, random, or a file."
)
@click.option(
    "--layers",
    "feature",
    default="F1*F2*F3*F4*F5",
    show_default=True,
    help="A layer, or several: F1+F3 concatenates, F1*F3 multiplies kernels.",
)
@click.option(
    "--samples", type=int, default=2500, show_default=True, help="Pixels per class, at most."
)
@options(*SVM)
@click.option(
    "--crf", type=click.Choice(["irn", "psa", "deeplab"]), help="Refine with published parameters."
)
@click.option(
    "--long-side",
    type=click.IntRange(min=16),
    default=640,
    show_default=True,
    help="Longer side, in pixels, to which a larger photograph is scaled; the mask keeps its size.",
)
@options(SEED)
def expand(
    photo: Path,
    labels: Path,
    out: Path | None,
    backbone: str,
    weights: str,
    feature: str,
    samples: int,
    svm: str,
    svm_kernel: str | None,
    svm_c: float | None,
    svm_gamma: str | None,
    crf: str | None,
    long_side: int,
    seed: int,
) -> None:
    """Segment a PHOTO of your own: an image-specific SVM learns from strokes painted on it.

    PHOTO is a JPEG or PNG, rotated as its camera recorded.
    """
    import numpy as np
    from tqdm.auto import tqdm

    from wsss_lib.classify.spec import BackboneSpec
    from wsss_lib.datasets.classes import VOID
    from wsss_lib.datasets.images import write_mask
    from wsss_lib.datasets.photo import read_photo, read_strokes
    from wsss_lib.evaluate.photo import PhotoSegmenter
    from wsss_lib.evaluate.settings import Setting, svm_preset
    from wsss_lib.features import needs_backbone

    parameters = svm_preset(svm, svm_kernel, svm_c, svm_gamma)
    setting = Setting(feature, samples, seed=seed, **parameters)
    image = read_photo(photo)
    strokes = read_strokes(labels, image.shape[:2])
    network = BackboneSpec(backbone, weights, seed) if needs_backbone(feature) else None
    segmenter = PhotoSegmenter(image, network, setting, long_side=long_side)
    with tqdm(total=2, desc="features, then SVM", unit="step", leave=False) as progress:
        for step in (lambda: segmenter.maps, lambda: segmenter.mask(strokes, crf)):
            mask = step()
            progress.update()
    path = (out or output_dir() / "build" / "expand" / photo.name).with_suffix(".png")
    write_mask(path, mask)
    for label in np.setdiff1d(strokes, [VOID]):
        click.echo(f"class {label}: {100 * (mask == label).mean():.1f} % of the pixels")
    click.echo(f"Written to {shown(path)}")
