"""Dense CRF: every pixel pulls every other one to its label, near and alike ones the most.

Mean field inference of Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with
Gaussian edge potentials", NIPS 2011, with two kernels: one of the positions, which removes specks,
and one of positions and colours, which moves borders to those of the image. Both are normalised
symmetrically and labels are compatible or not (Potts), as pydensecrf does by default.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import softmax

from wsss_lib.errors import ParameterError
from wsss_lib.scores import ClassScores
from wsss_lib.weak.lattice import PermutohedralLattice


@dataclass(frozen=True)
class CRFParameters:
    """Widths and weights of the two kernels.

    Parameters
    ----------
    gaussian_sxy, gaussian_compat : float
        Standard deviation of the kernel of positions, in pixels, and its weight (0 for none).
    bilateral_sxy, bilateral_srgb, bilateral_compat : float
        Standard deviations of the kernel of positions and colours, in pixels and in grey levels,
        and its weight (0 for none).
    iterations : int
        Of the mean field.
    """

    gaussian_sxy: float
    gaussian_compat: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_compat: float
    iterations: int = 10


#: As published: labels for IRN and SIPE, PSA's soft scores, each class of PMM by itself, DeepLab v2
#: at test time.
PRESETS = {
    "irn": CRFParameters(3, 3, 50, 5, 10),
    "psa": CRFParameters(3, 3, 80, 13, 10),
    "pmm": CRFParameters(3, 10, 80, 13, 10),
    "deeplab": CRFParameters(1, 3, 67, 3, 4),
}

#: The probability with which hard labels are right, as in IRN.
CONFIDENCE = 0.7
#: The least probability of a label, as a share of all; that of pydensecrf.
_LEAST = 1e-5


def find_preset(name: str) -> CRFParameters:
    """The published parameters of a name; `ParameterError` if there are none."""
    if name not in PRESETS:
        raise ParameterError(f"No CRF preset {name!r}; expected one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def refine_by_crf(
    image: np.ndarray, scores: ClassScores, preset: str = "irn", *, hard: bool = False
) -> ClassScores:
    """Scores of an image after the dense CRF, as marginal probabilities of the same labels.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    scores : ClassScores, at (H, W)
    preset : str
        A name of `PRESETS`.
    hard : bool
        Take each pixel's label as right with probability 0.7, as IRN does, and not the scores as
        probabilities.

    Raises
    ------
    ParameterError
        If there is no such preset, or sizes do not agree.
    """
    return DenseCRF(image, find_preset(preset)).refine(scores, hard=hard)


def dense_crf(
    image: np.ndarray, unary: np.ndarray, parameters: CRFParameters = PRESETS["irn"]
) -> np.ndarray:
    """Marginal probabilities of the labels, see `DenseCRF.marginals`."""
    return DenseCRF(image, parameters).marginals(unary)


class DenseCRF:
    """The dense CRF of one image, whose kernels are made once for any number of inferences.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    parameters : CRFParameters

    Raises
    ------
    ParameterError
        If the image is not uint8 RGB.
    """

    def __init__(self, image: np.ndarray, parameters: CRFParameters = PRESETS["irn"]) -> None:
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ParameterError(
                f"An image of {image.shape}, {image.dtype}; expected (H, W, 3), uint8."
            )
        self._image, self._parameters = image, parameters

    @cached_property
    def _kernels(self) -> list[Callable[[np.ndarray], np.ndarray]]:
        """Those that have a weight, as functions of the marginals (pixels, K)."""
        image, widths = self._image, self._parameters
        places = np.indices(image.shape[:2], np.float32)[::-1].reshape(2, -1).T
        colours = image.reshape(-1, 3).astype(np.float32)
        both = np.hstack([places / widths.bilateral_sxy, colours / widths.bilateral_srgb])
        weighted = (
            (places / widths.gaussian_sxy, widths.gaussian_compat),
            (both, widths.bilateral_compat),
        )
        return [_kernel(features, weight) for features, weight in weighted if weight]

    def refine(self, scores: ClassScores, *, hard: bool = False) -> ClassScores:
        """The marginal probabilities of the scores' labels, see `refine_by_crf`."""
        if hard:
            unary = unary_from_labels(scores.values.argmax(0), len(scores.labels))
        else:
            unary = unary_from_probabilities(scores.values)
        return ClassScores(self.marginals(unary), scores.labels)

    def marginals(self, unary: np.ndarray) -> np.ndarray:
        """Marginal probabilities of the labels, given what each pixel says and how they look.

        Parameters
        ----------
        unary : ndarray, shape (K, H, W), float32
            Negative log probabilities, see `unary_from_labels` and `unary_from_probabilities`.

        Returns
        -------
        ndarray, shape (K, H, W), float32
            They sum to 1 over the labels; ones where there is one label only.

        Raises
        ------
        ParameterError
            If sizes do not agree.
        """
        unary = np.asarray(unary, np.float32)
        if unary.shape[1:] != self._image.shape[:2]:
            raise ParameterError(
                f"A unary of {unary.shape} for an image of {self._image.shape}; expected (K, H, W)."
            )
        if len(unary) == 1:
            return np.ones_like(unary)
        evidence = -unary.reshape(len(unary), -1)
        marginals = softmax(evidence, 0)
        for _ in range(self._parameters.iterations):
            pixels = np.ascontiguousarray(marginals.T)
            marginals = softmax(sum((kernel(pixels).T for kernel in self._kernels), evidence), 0)
        return marginals.reshape(unary.shape)


def unary_from_labels(labels: np.ndarray, n_labels: int) -> np.ndarray:
    """Negative log probabilities of hard labels that are right with probability 0.7 everywhere.

    Parameters
    ----------
    labels : ndarray, shape (H, W), int
        Below `n_labels`; none of them means "unsure". The labels that a pixel does not have share
        the other 0.3.
    n_labels : int

    Returns
    -------
    ndarray, shape (n_labels, H, W), float32
    """
    own = np.arange(n_labels)[:, None, None] == labels
    probability = np.where(own, CONFIDENCE, (1 - CONFIDENCE) / max(1, n_labels - 1))
    return -np.log(probability).astype(np.float32)


def unary_from_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Negative log probabilities of soft scores, such as the softmax of an SVM's decision values.

    Parameters
    ----------
    probabilities : ndarray, shape (K, H, W), float
        At least 0; brought to the sum 1 over the labels. None counts as less than 1e-5, so that no
        label is ruled out for good.

    Returns
    -------
    ndarray, shape (K, H, W), float32
    """
    values = np.asarray(probabilities, np.float64)
    floored = np.maximum(values, _LEAST * values.sum(0) + np.finfo(float).tiny)
    return -np.log(floored / floored.sum(0)).astype(np.float32)


def _kernel(features: np.ndarray, weight: float) -> Callable[[np.ndarray], np.ndarray]:
    lattice = PermutohedralLattice(features)
    norm = 1 / np.sqrt(lattice.filter(np.ones((len(features), 1))))
    return lambda values: lattice.filter(values * norm) * (norm * np.float32(weight))
