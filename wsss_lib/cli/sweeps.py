"""Commands that expand with labels: Table 1, studies, the second stage, a photograph."""

from functools import partial
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsss_lib.cli.options import (
    CLASSES,
    CRF_PRESETS,
    DEVICE,
    EPOCHS,
    FILE,
    FOLDER,
    PNG,
    SEED,
    SEEDS,
    SWEEP,
    TRAINING_SET,
    WORKERS,
    check_outputs,
    data_set,
    name_other_masks,
    options,
    report,
    svm_parameters,
    training_set,
)
from wsss_lib.files import with_ending
from wsss_lib.paths import output_dir, shown

if TYPE_CHECKING:
    from wsss_lib.datasets.devkit import DevkitDataset
    from wsss_lib.studies.study import Study


class _StudyName(click.ParamType):
    """The name of a study; the studies are slow to import, and read only where they are needed."""

    name = "study"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Study":
        from wsss_lib.studies.catalogue import find_study

        return find_study(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        from wsss_lib.studies import STUDIES

        return f"{{{'|'.join(STUDIES)}}}"


@click.command()
@data_set()
@SWEEP
@click.option("--layers", default="img,F1,F2,F3,F4,F5")
@svm_parameters
@click.option("--solver", type=click.Choice(["ours", "libsvm"]), default="ours")
@click.option("--save-masks", is_flag=True, help="Write masks to OUT/masks/<feature>/<id>.png.")
@PNG
@click.option("--out", type=FOLDER, help="Folder of the tables [build/table1/<dataset>].")
def table1(
    dataset: "DevkitDataset",
    backbone: str | None,
    weights: str,
    samples: int | None,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    layers: str,
    svm: dict,
    solver: str,
    save_masks: bool,
    png: str,
    out: Path | None,
) -> None:
    """Table 1: IoU per class of the image-specific classifier, one row per feature."""
    from wsss_lib.classify.spec import choose_backbone
    from wsss_lib.engine import convert_masks
    from wsss_lib.evaluate.iou import table1
    from wsss_lib.evaluate.settings import settings_for
    from wsss_lib.evaluate.sweeps import sweep
    from wsss_lib.features import needs_backbone

    if png == "index" and not save_masks:
        raise click.UsageError("--png index is a kind of masks; none are written: --save-masks.")
    folder = out or output_dir() / "build" / "table1" / dataset.name
    check_outputs(*(folder / f"table1{end}" for end in (".csv", "_heldout.csv", ".json")))
    settings = settings_for(dataset, layers.split(","), samples, solver=solver, seed=seed, **svm)
    network = None
    if any(needs_backbone(setting.feature) for setting in settings):
        network = choose_backbone(dataset, backbone, weights, seed)
    masks_out = folder / "masks" if save_masks else None
    result = sweep(
        dataset, settings, network, workers=workers, scheduler=scheduler, masks_out=masks_out
    )
    if masks_out:
        convert_masks(result, masks_out, png)
    found = table1(result)
    found.write(folder)
    name_other_masks(folder / "masks", result.rows if save_masks else {})
    report(found.main, folder, found.failures)


@click.command()
@click.argument("study", type=_StudyName())
@data_set()
@options(SWEEP, CLASSES, SEEDS)
@click.option("--sampling", help="Only these of the study's ways, e.g. uniform,blocks64 [all].")
@click.option("--out", type=FILE, help="CSV to write [build/studies/<dataset>/NAME.csv].")
def study(
    study: "Study",
    dataset: "DevkitDataset",
    backbone: str | None,
    weights: str,
    seed: int,
    classes: str | None,
    seeds: Path | None,
    sampling: str | None,
    out: Path | None,
    **sweeping: object,
) -> None:
    """Sweep and score one study: one line per setting, with intervals over images.

    The study threshold is one of seeds: of those in --seeds, or of the network of --weights. It
    takes no --samples, --sampling, --workers and --scheduler.
    """
    from wsss_lib.classify.spec import choose_backbone, choose_classifier
    from wsss_lib.studies.catalogue import run_study
    from wsss_lib.studies.study import SeedStudy
    from wsss_lib.weak.seed_files import SeedFiles
    from wsss_lib.weak.seeds import Localiser

    path = out or output_dir() / "build" / "studies" / dataset.name / f"{study.name}.csv"
    path = with_ending(path, ".csv")
    own = path.parent.glob(f"{escape(path.stem)}_*.csv")
    check_outputs(path, path.with_suffix(".json"), *own)
    over = classes.split(",") if classes else None
    if isinstance(study, SeedStudy):
        source = seeds or choose_classifier(dataset, weights, backbone)
        source = SeedFiles(source) if seeds else Localiser(source)
        found = study.run(dataset, source, over=over, seed=seed)
    elif seeds:
        raise click.UsageError(f"The study {study.name} takes no --seeds; threshold does.")
    else:
        network = choose_backbone(dataset, backbone, weights, seed) if study.needs_network else None
        sweeping |= {"samplings": sampling.split(",") if sampling else None, "over": over}
        found = run_study(study.name, dataset, network, seed=seed, **sweeping)
    report(found.main, found.write(path.parent, path.stem), found.failures)


@click.command("second-stage")
@options(TRAINING_SET, DEVICE, WORKERS, EPOCHS)
@click.option(
    "--masks",
    "kinds",
    default="truth,bound,expand,svm,seed",
    help="Kinds: truth, bound (SVM with samples from the ground truth), seed, svm, expand, crf, "
    "irn, or folders of masks. Missing masks are made.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Number of seeds.")
@click.option("--out", type=FOLDER, help="Folder of the tables [build/second_stage/<dataset>].")
def second_stage(
    dataset: str,
    root: Path,
    list_name: str,
    images: int,
    kinds: str,
    seeds: int,
    out: Path,
    device: str,
    workers: int | None,
    epochs: int | None,
) -> None:
    """Train the segmentation network from several kinds of masks; score each on val (Figure 8)."""
    from wsss_lib.evaluate.mask_worth import second_stage
    from wsss_lib.segmentation.train import SegmenterSettings

    folder = out or output_dir() / "build" / "second_stage" / dataset
    settings = SegmenterSettings(epochs=epochs)  # refuses a bad value before anything is read
    check_outputs(*(folder / name for name in ("scores.csv", "spread.csv", "scores.json")))
    found = second_stage(
        training_set(dataset, root, list_name, images, None),
        kinds.split(","),
        range(seeds),
        device=device,
        workers=workers,
        settings=settings,
    )
    found.write(folder)
    caption = f"mIoU (%) on {found.provenance['val']}; masks_miou: of the masks learnt from"
    report(found.tables["spread"], folder, {}, caption)


@click.command()
@click.argument("photo", type=FILE)
@click.option(
    "--labels",
    required=True,
    type=FILE,
    help="Strokes alone, on an empty layer: a PNG of the photograph's size. Grey: 255 is not "
    "labelled, any other value, including 0, is a class. In colour, indexed or not: exactly the "
    "colours of VOC's palette; white or transparent is not labelled.",
)
@click.option(
    "--out", type=FILE, help="Palette PNG to write [build/expand/<name of the photograph>.png]."
)
@click.option(
    "--backbone",
    default="efficientnet_lite0",
    help="Network behind F1 to F5, one of those of wsss table1.",
)
@click.option("--weights", default="imagenet", help="imagenet, random, or a file.")
@click.option(
    "--layers",
    "feature",
    default="F1*F2*F3*F4*F5",
    help="A layer, or several: F1+F3 concatenates, F1*F3 multiplies kernels.",
)
@click.option("--samples", type=int, default=2500, help="Pixels per class, at most.")
@partial(svm_parameters, preset="strokes")
@click.option("--crf", type=CRF_PRESETS, help="Refine with published parameters.")
@click.option(
    "--long-side",
    type=click.IntRange(min=16),
    default=640,
    help="Longer side, in pixels, to which a larger photograph is scaled; the mask keeps its size.",
)
@options(SEED)
def expand(
    photo: Path,
    labels: Path,
    out: Path | None,
    backbone: str,
    weights: str,
    seed: int,
    svm: dict,
    **parameters: object,
) -> None:
    """Segment a PHOTO of your own: an image-specific SVM learns from your strokes.

    PHOTO is a JPEG or PNG, rotated as its camera recorded.
    """
    from wsss_lib.classify.spec import BackboneSpec
    from wsss_lib.datasets.images import write_mask
    from wsss_lib.evaluate.photo import segment

    path = with_ending(out or output_dir() / "build" / "expand" / f"{photo.stem}.png", ".png")
    check_outputs(path)
    network = BackboneSpec(backbone, weights, seed)
    parameters |= {"seed": seed, **svm}
    mask, scores = segment(photo, labels, backbone=network, return_scores=True, **parameters)
    write_mask(path, mask)
    for label in scores.labels:
        click.echo(f"class {label}: {100 * (mask == label).mean():.1f} % of the pixels")
    click.echo(f"Written to {shown(path)}")
