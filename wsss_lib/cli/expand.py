"""The command that segments a photograph of one's own from a few strokes."""

from pathlib import Path

import click

from wsss_lib.cli.options import BACKBONES, SEED, options
from wsss_lib.paths import output_dir, shown


@click.command()
@click.argument("photo", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--labels",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Strokes: a PNG of the photograph's size. Grey or palette: 255 is not labelled, any other "
    "value, 0 too, is a class. In colour: exactly the colours of VOC's palette; white or "
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
    "--samples", type=int, default=2500, show_default=True, help="At most so many pixels a class."
)
@click.option(
    "--svm", type=click.Choice(["sklearn", "paper"]), default="sklearn", show_default=True
)
@click.option("--svm-kernel", type=click.Choice(["rbf", "linear"]))
@click.option("--svm-c", type=float)
@click.option("--svm-gamma", help="scale, a number, or e.g. 3xscale.")
@click.option(
    "--crf", type=click.Choice(["irn", "psa", "deeplab"]), help="Refine with published parameters."
)
@click.option(
    "--long-side",
    type=click.IntRange(min=16),
    default=640,
    show_default=True,
    help="Pixels to which a larger photograph is scaled for its features; the mask is not.",
)
@options(SEED)
def expand(
    photo: Path,
    labels: Path,
    out: Path | None,
    feature: str,
    crf: str | None,
    long_side: int,
    **given: object,
) -> None:
    """Segment a PHOTO of your own: an image-specific SVM learns from strokes painted on it.

    PHOTO is a JPEG or PNG, turned as its camera says.
    """
    import numpy as np
    from tqdm.auto import tqdm

    from wsss_lib.classify.spec import BackboneSpec
    from wsss_lib.datasets.classes import VOID
    from wsss_lib.datasets.images import write_mask
    from wsss_lib.datasets.photo import read_photo, read_strokes
    from wsss_lib.evaluate.photo import PhotoSegmenter
    from wsss_lib.evaluate.table1 import settings_for
    from wsss_lib.features import needs_backbone

    how = {name: given[f"svm_{name.lower()}"] for name in ("kernel", "C", "gamma")}
    how |= {name: given[name] for name in ("samples", "svm", "seed")}
    (setting,) = settings_for("voc", [feature], **how)
    image = read_photo(photo)
    strokes = read_strokes(labels, image.shape[:2])
    spec = BackboneSpec(given["backbone"], given["weights"], given["seed"])
    segmenter = PhotoSegmenter(
        image, spec if needs_backbone(feature) else None, setting, long_side=long_side
    )
    with tqdm(total=2, desc="features, then SVM", unit="step", leave=False) as progress:
        for step in (lambda: segmenter.maps, lambda: segmenter.mask(strokes, crf)):
            mask = step()
            progress.update()
    path = (out or output_dir() / "build" / "expand" / photo.name).with_suffix(".png")
    write_mask(path, mask)
    for label in np.setdiff1d(strokes, [VOID]):
        click.echo(f"class {label}: {100 * (mask == label).mean():.1f} % of the pixels")
    click.echo(f"Written to {shown(path)}")
