"""A trained segmentation network in use: probabilities, masks, and their confusion matrix."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from wsss_lib.checkpoints import check_classes
from wsss_lib.classify.backbones import build_backbone
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.metrics import confusion_matrix
from wsss_lib.scores import ClassScores
from wsss_lib.segmentation.network import CaffeBackbone, DeepLabV2
from wsss_lib.training import Trained, check_finite, load_checkpoint
from wsss_lib.weak.crf import refine_by_crf


class Segmenter(Trained):
    """A trained segmentation network (`DeepLabV2`) in use.

    Its classes begin with the background. Where there was a list to score, its history has
    ``mean_iou`` and the IoU of each class under its name (0..1, NaN for a class that is neither
    there nor found), without CRF. Its source names the ``list`` and the ``masks`` that it learnt
    from, and ``val``, the list that it was scored on, against the masks in SegmentationClass (None
    for none).
    """

    def scores(self, image: np.ndarray, crf_preset: str | None = None) -> ClassScores:
        """The probability of every class for each pixel of an RGB image, (H, W, 3) uint8.

        Parameters
        ----------
        image : ndarray, shape (H, W, 3), uint8
        crf_preset : str, optional
            Refine them by the dense CRF with these parameters, see `wsss_lib.weak.crf.PRESETS`:
            ``"deeplab"`` is what DeepLab has at test time. None for no CRF.

        Raises
        ------
        ParameterError
            If there is no such preset.
        """
        values = probabilities(self.network, image)
        scores = ClassScores(values, tuple(range(len(self.classes))))
        return scores if crf_preset is None else refine_by_crf(image, scores, crf_preset)

    def mask(self, image: np.ndarray, crf_preset: str | None = None) -> np.ndarray:
        """The most probable class of each pixel, (H, W) uint8; arguments as of `scores`."""
        return self.scores(image, crf_preset).mask()

    def caption(self) -> str:
        """What the last epoch came to: the loss and, where it was scored, whose mIoU it is."""
        last = self.history.iloc[-1]
        scored = "not scored"
        if self.source["val"] is not None:
            scored = (
                f"mIoU {100 * last['mean_iou']:.1f} % on {self.source['val']} against "
                "SegmentationClass, CRF: no"
            )
        return (
            f"loss {last['loss']:.3f}, {scored}; learnt from {self.setting['images']} images of "
            f"{self.source['list']} ({self.setting['dataset']}) with {self.source['masks']}"
        )


def load_segmenter(
    path: str | Path, device: str = "cpu", dataset: DevkitDataset | None = None
) -> Segmenter:
    """Load a finished segmentation network; errors as of `load_checkpoint`.

    With a data set that it is to be used on, its classes must be the data set's (`WeightsError`).
    """
    trained = load_checkpoint(Path(path), "segmenter", _build, device)
    if dataset is not None:
        check_classes(trained.path, trained.classes, dataset.classes.names)
    return Segmenter(**vars(trained))


def _build(content: dict) -> DeepLabV2:
    preset = content["setting"]["segmenter"]
    backbone = build_backbone(preset["backbone"])
    if content["setting"]["layout"] == "caffe":
        backbone = CaffeBackbone(backbone.name, backbone.body, backbone.weights)
    return DeepLabV2(backbone, len(content["classes"]), preset["rates"])


@torch.no_grad()
def probabilities(network: DeepLabV2, image: np.ndarray) -> np.ndarray:
    """The probability of every class for each pixel: softmax of the logits at the image's size.

    Parameters
    ----------
    network : DeepLabV2
        In evaluation mode.
    image : ndarray, shape (H, W, 3), uint8

    Returns
    -------
    ndarray, shape (classes, H, W), float32

    Raises
    ------
    DivergedError
        If they are not finite.
    """
    logits = network(network.backbone.normalise(image))
    logits = functional.interpolate(logits, image.shape[:2], mode="bilinear")
    found = logits.softmax(1)[0].cpu().numpy()
    check_finite(found, "Probabilities")
    return found


def pooled_confusion(
    predict: Callable[[np.ndarray], np.ndarray], dataset: DevkitDataset
) -> np.ndarray:
    """The confusion matrix of all images of a list: `wsss_lib.metrics.mean_iou` gives its mIoU.

    Parameters
    ----------
    predict : callable
        The mask of an image: `Segmenter.mask`, say.
    dataset : DevkitDataset

    Returns
    -------
    ndarray, shape (classes, classes), int64
        Rows are true classes.
    """
    confusion = np.zeros((len(dataset.classes),) * 2, np.int64)
    samples = tqdm(dataset, desc="segmenting images", unit="image", delay=2, leave=False)
    for sample in samples:
        confusion += confusion_matrix(sample.mask, predict(sample.image), len(dataset.classes))
    return confusion
