"""How clean labels must be.

The paper's results improve "when the labels of the selected samples are sufficiently precise"
(section 5). `label-noise` gives some of the samples wrong labels, at random or along boundaries;
`companions` takes what always adjoins an object for the object, as a CAM does. Notebook 12 shows
both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import Sample
from wsss_lib.engine import SweepResult
from wsss_lib.evaluate.scores import difference_table
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.expand.noise import parse_noise
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.features import LAYERS
from wsss_lib.show.masks import class_colours, error_map, faded, legend_below, picture_grid
from wsss_lib.studies.bound import FAIR
from wsss_lib.studies.errors import error_handles
from wsss_lib.studies.study import BOTH, Study

#: Kinds of wrong labels, and their share in per cent of the samples.
NOISES = (
    "none",
    *(f"{kind}{percent}" for kind in ("random", "border") for percent in (10, 20, 40)),
)
#: In per cent of the background samples on companions, which the toy set has.
COMPANIONS = ("none", *(f"companion{percent}" for percent in (25, 50, 75, 100)))


def settings(
    samples: int,
    seed: int,
    *,
    noises: Sequence[str] = NOISES,
    layers: Sequence[str] = LAYERS,
    samplings: Sequence[str] = ("uniform", FAIR),
    svm: str = "sklearn",
) -> list[Setting]:
    """Every kind of wrong labels, for every layer and sampling.

    Parameters
    ----------
    samples : int
        Pixels per class.
    seed : int
    noises : sequence of str
        See `wsss_lib.expand.noise.corrupt`; with ``none``, with which the others are compared.
    layers : sequence of str
    samplings : sequence of str
        See `wsss_lib.expand.sampling.draw_samples`.
    svm : str
        One of `wsss_lib.evaluate.settings.SVM_PRESETS`.
    """
    return [
        Setting(layer, samples, seed=seed, noise=noise, sampling=sampling, **svm_preset(svm))
        for sampling in samplings
        for noise in noises
        for layer in layers
    ]


def companion_settings(samples: int, seed: int) -> list[Setting]:
    """What always adjoins an object taken for it; for the toy set."""
    return settings(samples, seed, noises=COMPANIONS)


def clean_labels(setting: Setting) -> list[Setting]:
    """For wrong labels, the same setting with clean ones."""
    return [replace(setting, noise="none")]


def loss_table(
    result: SweepResult,
    regions: Sequence[str] = ("held_out",),
    over: Sequence[str] | None = None,
) -> pd.DataFrame:
    """How many points of mean IoU wrong labels cost each setting.

    Parameters
    ----------
    result : SweepResult
        With clean labels among the settings.
    regions, over
        As in `wsss_lib.evaluate.scores.difference_table`.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, the ``kind`` of the noise and its ``percent``, and
        the ``loss`` in points with its 95 % interval over draws of images ``loss_low`` to
        ``loss_high``; below 0 where the wrong labels helped. Settings with clean labels have no
        line.
    """
    table = difference_table(result, regions, over, reference=clean_labels)
    read = pd.DataFrame(map(parse_noise, table["noise"]), table.index, ["kind", "percent"])
    ends = ["difference", "difference_high", "difference_low"]  # a loss turns the interval round
    losses = (0.0 - table[ends]).set_axis(["loss", "loss_low", "loss_high"], axis=1)
    return table.drop(columns=["against", *ends]).join(read).join(losses)


def tables(result: SweepResult, over: Sequence[str] | None = None) -> dict[str, pd.DataFrame]:
    """The ``losses`` that wrong labels cause."""
    return {"losses": loss_table(result, BOTH, over)}


def noise_figure(
    sample: Sample,
    clean: PixelSamples,
    noisy: Mapping[str, PixelSamples],
    masks: Mapping[str, np.ndarray],
    classes: ClassSet,
) -> Figure:
    """The samples of an image under several kinds of noise, and what is wrong in the masks.

    Parameters
    ----------
    sample : Sample
    clean : PixelSamples
    noisy : mapping of str to PixelSamples
        The same pixels with other labels, by the name of the noise.
    masks : mapping of str to ndarray, shape (H, W), uint8
        What was predicted from them, by the same names.
    classes : ClassSet

    Returns
    -------
    Figure
        Above the samples over the faded image, with how many of them are wrong: right ones as grey
        dots, wrong ones in the colour of their wrong class. Below the wrong pixels, and how many of
        those outside void they are.
    """
    pale = faded(sample.image)
    errors = [error_map(sample.mask, masks[name]) for name in noisy]
    figure = picture_grid([[pale] * len(noisy), errors], [""] * len(noisy), 2.1)
    judged = sample.mask != VOID
    for number, (name, samples) in enumerate(noisy.items()):
        above, below = figure.axes[number], figure.axes[number + len(noisy)]
        wrong = samples.labels != clean.labels
        above.scatter(samples.cols[~wrong], samples.rows[~wrong], s=1.5, c="0.55", linewidths=0)
        colours = class_colours(samples.labels[wrong])
        above.scatter(samples.cols[wrong], samples.rows[wrong], s=6, c=colours, linewidths=0)
        above.set_title(f"{name}\n{100 * wrong.mean():.1f} % of samples wrong", size="medium")
        missed = (masks[name] != sample.mask)[judged]
        below.set_title(f"{100 * missed.mean():.1f} % of pixels wrong", size="medium")
    dot = {"linestyle": "", "marker": "o"}
    dots = [Line2D([], [], color="0.55", markersize=3, label="right label", **dot)]
    for label in clean.counts:
        look = {"color": class_colours(label), "label": f"labelled {classes.names[label]}"}
        dots.append(Line2D([], [], markersize=5, **look, **dot))
    legend_below(figure, [*dots, *error_handles()])
    return figure


STUDY = Study("label-noise", "How clean must labels be?", settings, tables=tables)
COMPANION_STUDY = Study(
    "companions",
    "What if a companion is taken for its object?",
    companion_settings,
    tables=tables,
)
