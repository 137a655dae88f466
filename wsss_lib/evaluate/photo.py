"""A user's photograph, segmented from strokes: features once, an SVM for each new stroke."""

from functools import cached_property

import numpy as np
import torch
from torch.nn.functional import interpolate

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.images import scale_photo
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.sampling import samples_on
from wsss_lib.expand.strokes import shrink_strokes, stroke_samples
from wsss_lib.features import FeatureMap, check_backbone, extract
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import refine_by_crf
from wsss_lib.weak.steps import decision_scores

#: A network whose weights come with a package, so that a first try needs no download.
NETWORK = BackboneSpec("efficientnet_lite0", "imagenet")
#: The product of all layers, and at most this many pixels of the strokes per class. On eight
#: photographs of VOC with thin strokes made from ground truth the product reached a mean IoU of
#: 76 %, the best single layer (F4) 70 %, and C made no difference.
SETTING = Setting("F1*F2*F3*F4*F5", 2500)
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
        svm = self._setting.svm().set_params(threads=None)  # one photograph: all cores are free
        scores = decision_scores(svm.fit(self.maps, samples.label_image()), self.maps)
        return refine_by_crf(self.image, scores, crf) if crf else scores

    def mask(self, strokes: np.ndarray, crf: str | None = None) -> np.ndarray:
        """The class of every pixel of the photograph, (H, W) uint8; arguments as of `scores`."""
        return enlarged_mask(self.scores(strokes, crf), self.full_size)


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
