"""A user's photograph, segmented from strokes: features once, an SVM for each new stroke."""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate
from tqdm.auto import tqdm

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.images import read_photo, scale_photo
from wsss_lib.datasets.strokes import read_strokes
from wsss_lib.errors import ImageError, MaskError, ParameterError
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.expand.sampling import samples_on
from wsss_lib.expand.strokes import shrink_strokes, stroke_samples
from wsss_lib.features import FeatureMap, check_backbone, extract, needs_backbone
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import refine_by_crf
from wsss_lib.weak.steps import decision_scores

#: A network whose weights come with a package, so that a first try needs no download.
NETWORK = BackboneSpec("efficientnet_lite0", "imagenet")
#: The product of all layers, and at most this many pixels of the strokes per class. With simulated
#: strokes (``wsss study strokes``) on 20 photographs of VOC, where it was chosen, and on 20 others
#: the preset's gamma is 5.5 and 8.6 points of mean IoU better than scikit-learn's. A third of it is
#: as good, three times as much 1 point worse; C makes no difference. F4 alone is 4 and 5.5 points
#: worse; F3*F4*F5 differs by +0.3 and -0.8, and has no map finer than 8 pixels. A CRF stays a
#: choice: ``deeplab`` gains 0 to 4 points, but a stroke waits a second more for its mask.
SETTING = Setting("F1*F2*F3*F4*F5", 2500, **svm_preset("strokes"))
#: A larger photograph is scaled to it: doubling the side means four times the work, and the
#: network does not recognise objects better that are larger than those it was trained on.
LONG_SIDE = 640


class PhotoSegmenter:
    """Segments one photograph as often as it is asked; its features are extracted once.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    backbone : BackboneSpec or None
        The network behind F1 to F5; None if only ``img`` or ``xy`` are needed.
    setting : Setting
        Only its feature, z-scoring, samples, seed and SVM are used.
    long_side : int
        The photograph is scaled so that its longer side has at most this many pixels.

    Attributes
    ----------
    image : ndarray, shape (h, w, 3), uint8
        The scaled photograph.
    full_size : tuple of int
        (H, W).

    Raises
    ------
    ParameterError
        If a layer needs a network and there is none, or `long_side` is not positive.
    """

    def __init__(
        self,
        image: np.ndarray,
        backbone: BackboneSpec | None = NETWORK,
        setting: Setting = SETTING,
        *,
        long_side: int = LONG_SIDE,
    ) -> None:
        if long_side < 1:
            raise ParameterError(f"long_side={long_side}; at least 1 was expected.")
        check_backbone(setting.layers, backbone)
        self._backbone, self._setting = backbone, setting
        self.full_size, self.image = image.shape[:2], scale_photo(image, long_side)

    @cached_property
    def maps(self) -> tuple[FeatureMap, ...]:
        """The features of the scaled photograph, extracted when they are first needed.

        Raises
        ------
        WeightsError
            If the network's weights are missing.
        """
        network = self._backbone.load() if self._backbone else None
        layers, zscore = self._setting.layers, self._setting.zscore
        return tuple(extract(self.image, layers, network, zscore).values())

    def scores(self, strokes: np.ndarray, crf: str | None = None) -> ClassScores:
        """The scores of an SVM that is fitted to the strokes, refined by a CRF if there is one.

        Parameters
        ----------
        strokes : ndarray, shape (H, W) or (h, w), uint8
            In the full or in the scaled size of the photograph; 255 = not labelled.
        crf : str, optional
            A preset of `wsss_lib.weak.crf.PRESETS`; no CRF when left out.

        Returns
        -------
        ClassScores
            Probabilities of the painted classes at the scaled size.

        Raises
        ------
        MaskError
            If the size is different, or fewer than two classes are painted.
        ParameterError
            If there is no such preset.
        """
        if strokes.shape not in (self.full_size, self.image.shape[:2]):
            raise MaskError(
                f"Strokes of {strokes.shape}; the photograph has {self.full_size} (rows, columns)."
            )
        small = shrink_strokes(strokes, self.image.shape[:2])
        n = samples_on(self._setting.samples, self.maps[0].size)
        samples = stroke_samples(small, n, self._setting.seed)
        svm = self._setting.svm(threads=None)  # one photograph: all cores are free
        scores = decision_scores(svm.fit(self.maps, samples.label_image()), self.maps)
        return refine_by_crf(self.image, scores, crf) if crf else scores

    def mask(self, strokes: np.ndarray, crf: str | None = None) -> np.ndarray:
        """The class of every pixel of the photograph, (H, W) uint8; arguments as of `scores`."""
        return enlarged_mask(self.scores(strokes, crf), self.full_size)


def segment(
    photo: np.ndarray | str | Path,
    strokes: np.ndarray | str | Path,
    *,
    feature: str = SETTING.feature,
    kernel: str = SETTING.kernel,
    C: float = SETTING.C,
    gamma: str | float = SETTING.gamma,
    samples: int | str = SETTING.samples,
    seed: int = SETTING.seed,
    backbone: BackboneSpec | None = NETWORK,
    crf: str | None = None,
    long_side: int = LONG_SIDE,
    return_scores: bool = False,
) -> np.ndarray | tuple[np.ndarray, ClassScores]:
    """Segment a photograph from some strokes of each class; `PhotoSegmenter` for further strokes.

    Parameters
    ----------
    photo : ndarray, shape (H, W, 3), uint8, or path
        RGB, or a file as of `wsss_lib.datasets.images.read_photo`.
    strokes : ndarray, shape (H, W), of integers, or path
        A class, 0 to 254, where something was painted, 255 elsewhere; or a file as of
        `wsss_lib.datasets.strokes.read_strokes`.
    feature, kernel, C, gamma, samples, seed
        See `wsss_lib.evaluate.settings.Setting`.
    backbone : BackboneSpec or None
        The network behind F1 to F5.
    crf : str, optional
        A preset of `wsss_lib.weak.crf.PRESETS`; no CRF when left out.
    long_side : int
        The photograph is scaled so that its longer side has at most this many pixels.
    return_scores : bool

    Returns
    -------
    mask : ndarray, shape (H, W), uint8
        The class of every pixel.
    scores : ClassScores
        With `return_scores`: the probabilities of the painted classes, at the size of the scaled
        photograph, at which they are computed; `enlarged_mask` made the mask of them.

    Raises
    ------
    ImageError
        If the photograph has another shape or type, or its file cannot be read.
    MaskError
        If the strokes have another shape, type or size, or hold fewer than two classes.
    ParameterError
        If a value is outside its range.
    WeightsError
        If the network's weights are missing.

    Examples
    --------
    >>> import wsss_lib as wsss
    >>> mask = wsss.segment("dog.jpg", "strokes.png")  # doctest: +SKIP
    >>> mask, scores = wsss.segment(photo, strokes, return_scores=True)  # doctest: +SKIP
    """
    setting = Setting(feature, samples, kernel, C, gamma, seed=seed)
    image = _checked_photo(photo) if isinstance(photo, np.ndarray) else read_photo(photo)
    if isinstance(strokes, np.ndarray):
        strokes = _checked_strokes(strokes)
    else:
        strokes = read_strokes(strokes, image.shape[:2])
    network = backbone if needs_backbone(feature) else None
    segmenter = PhotoSegmenter(image, network, setting, long_side=long_side)
    with tqdm(total=2, desc="features, then SVM", unit="step", leave=False) as progress:
        for step in (lambda: segmenter.maps, lambda: segmenter.scores(strokes, crf)):
            scores = step()
            progress.update()
    mask = enlarged_mask(scores, image.shape[:2])
    return (mask, scores) if return_scores else mask


def _checked_photo(photo: np.ndarray) -> np.ndarray:
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ImageError(
            f"A photograph of {photo.dtype}, shape {photo.shape}; expected uint8, (rows, columns, "
            "3), RGB from 0 to 255. Convert it, or hand on the name of its file."
        )
    return photo


def _checked_strokes(strokes: np.ndarray) -> np.ndarray:
    if strokes.dtype.kind not in "iu" or strokes.ndim != 2:
        raise MaskError(
            f"Strokes of {strokes.dtype}, shape {strokes.shape}; expected integers, (rows, "
            f"columns): a class, or {VOID} where nothing was painted."
        )
    wrong = strokes[(strokes < 0) | (strokes > VOID)]
    if wrong.size:
        raise MaskError(
            f"Strokes hold the value {wrong[0]}; expected a class, 0 to 254, or {VOID} where "
            "nothing was painted."
        )
    return strokes.astype(np.uint8)


def enlarged_mask(scores: ClassScores, size: tuple[int, int]) -> np.ndarray:
    """The mask at another size, with smooth borders: scores are interpolated, not labels.

    Parameters
    ----------
    scores : ClassScores
    size : tuple of int
        (H, W). Done one class at a time, so that a photograph of 50 million pixels fits into 1 GB.

    Returns
    -------
    ndarray, shape (H, W), uint8
    """
    best, mask = torch.full(size, -torch.inf), torch.zeros(size, dtype=torch.uint8)
    for label, values in zip(scores.labels, torch.from_numpy(scores.values), strict=True):
        score = interpolate(values[None, None], size, mode="bilinear", align_corners=False)[0, 0]
        mask[score > best] = label
        torch.maximum(best, score, out=best)
    return mask.numpy()
