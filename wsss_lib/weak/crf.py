"""Dense CRF: every pixel pulls every other one to its label, near and alike ones the most.

Mean field inference of Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with
Gaussian edge potentials", NIPS 2011, with two kernels: one of the positions, which removes specks,
and one of positions and colours, which moves borders to those of the image. Both are normalised
symmetrically and labels are compatible or not (Potts), as pydensecrf does by default.
"""

from dataclasses import astuple, dataclass
from numbers import Integral

import numpy as np

from wsss_lib.errors import ParameterError
from wsss_lib.weak.lattice import PermutohedralLattice


@dataclass(frozen=True)
class CRFParameters:
    """Widths and weights of the two kernels.

    Parameters
    ----------
    gaussian_sxy, gaussian_compat : float
        Standard deviation of the kernel of positions, in pixels, and its weight.
    bilateral_sxy, bilateral_srgb, bilateral_compat : float
        Standard deviations of the kernel of positions and colours, in pixels and in grey levels,
        and its weight.
    iterations : int
        Of the mean field.

    Raises
    ------
    ParameterError
        If a width is not positive, a weight negative, or the iterations no whole number.
    """

    gaussian_sxy: float
    gaussian_compat: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_compat: float
    iterations: int = 10

    def __post_init__(self) -> None:
        widths = (self.gaussian_sxy, self.bilateral_sxy, self.bilateral_srgb)
        others = (self.gaussian_compat, self.bilateral_compat, self.iterations)
        in_range = np.isfinite(astuple(self)).all() and min(widths) > 0 and min(others) >= 0
        if not (in_range and isinstance(self.iterations, Integral)):
            raise ParameterError(f"{self}; expected widths above 0, and all else at least 0.")


#: As published: labels for IRN and SIPE, PSA's soft scores, DeepLab v2 at test time.
PRESETS = {
    "irn": CRFParameters(3, 3, 50, 5, 10),
    "psa": CRFParameters(3, 3, 80, 13, 10),
    "deeplab": CRFParameters(1, 3, 67, 3, 4),
}

#: The least probability of a label, as a share of all.
_LEAST = 1e-6


def find_preset(name: str) -> CRFParameters:
    """The published parameters of a name; `ParameterError` if there are none."""
    if name not in PRESETS:
        raise ParameterError(f"No CRF preset {name!r}; expected one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def dense_crf(
    image: np.ndarray, unary: np.ndarray, parameters: CRFParameters = PRESETS["irn"]
) -> np.ndarray:
    """Marginal probabilities of the labels, given what each pixel says and how the pixels look.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    unary : ndarray, shape (K, H, W), float32
        Negative log probabilities, see `unary_from_labels` and `unary_from_probabilities`.
    parameters : CRFParameters

    Returns
    -------
    ndarray, shape (K, H, W), float32
        They sum to 1 over the labels; ones where there is one label only.

    Raises
    ------
    ParameterError
        If sizes do not agree, the image is not uint8 RGB, or the unary is not finite.
    """
    image, unary = np.asarray(image), np.asarray(unary, np.float32)
    _check(image, unary)
    if len(unary) == 1:
        return np.ones_like(unary)
    evidence = -unary.reshape(len(unary), -1)
    kernels = _kernels(image, parameters)
    marginals = _softmax(evidence)
    for _ in range(parameters.iterations):
        pixels = np.ascontiguousarray(marginals.T)
        marginals = _softmax(sum((kernel(pixels).T for kernel in kernels), evidence))
    return marginals.reshape(unary.shape)


def unary_from_labels(labels: np.ndarray, n_labels: int, confidence: float = 0.7) -> np.ndarray:
    """Negative log probabilities of hard labels that are right with one probability everywhere.

    Parameters
    ----------
    labels : ndarray, shape (H, W), uint8
        Below `n_labels`; none of them means "unsure".
    n_labels : int
    confidence : float
        Between 0 and 1; the labels that a pixel does not have share the rest. 0.7 is IRN's.

    Returns
    -------
    ndarray, shape (n_labels, H, W), float32

    Raises
    ------
    ParameterError
        If `confidence` is out of range, or a label is not below `n_labels`.
    """
    labels = np.asarray(labels)
    values = np.unique(labels).tolist()
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence={confidence}; expected a number between 0 and 1.")
    if labels.ndim != 2 or not set(values) <= set(range(n_labels)):
        found = f"Labels of {labels.shape} with the values {values}"
        raise ParameterError(f"{found}; expected (H, W), whole numbers from 0 to {n_labels - 1}.")
    own = np.arange(n_labels)[:, None, None] == labels
    probability = np.where(own, confidence, (1 - confidence) / max(1, n_labels - 1))
    return -np.log(probability).astype(np.float32)


def unary_from_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Negative log probabilities of soft scores, such as the softmax of an SVM's decision values.

    Parameters
    ----------
    probabilities : ndarray, shape (K, H, W), float
        At least 0; brought to the sum 1 over the labels. None counts as less than 1e-6, so that no
        label is ruled out for good.

    Returns
    -------
    ndarray, shape (K, H, W), float32

    Raises
    ------
    ParameterError
        If one is negative or not finite.
    """
    values = np.asarray(probabilities, np.float64)
    if values.ndim != 3 or not values.size or not (values.min() >= 0 and values.max() < np.inf):
        raise ParameterError(f"Scores of {values.shape}; expected (K, H, W), finite, at least 0.")
    floored = np.maximum(values, _LEAST * values.sum(0) + np.finfo(float).tiny)
    return -np.log(floored / floored.sum(0)).astype(np.float32)


def _check(image: np.ndarray, unary: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ParameterError(
            f"An image of {image.shape}, {image.dtype}; expected (H, W, 3), uint8, not empty."
        )
    height, width = image.shape[:2]
    if unary.ndim != 3 or not len(unary) or unary.shape[1:] != (height, width):
        raise ParameterError(f"A unary of {unary.shape}; expected (K, {height}, {width}).")
    if not np.isfinite(unary).all():
        raise ParameterError("A unary that is not finite; expected -log of what is above 0.")


def _kernels(image: np.ndarray, p: CRFParameters) -> list:
    """The kernels that have a weight, as functions of the marginals (pixels, K)."""
    places = np.indices(image.shape[:2], np.float32)[::-1].reshape(2, -1).T
    colours = image.reshape(-1, 3).astype(np.float32)
    both = np.hstack([places / p.bilateral_sxy, colours / p.bilateral_srgb])
    weighted = ((p.gaussian_compat, places / p.gaussian_sxy), (p.bilateral_compat, both))
    return [_kernel(features, compat) for compat, features in weighted if compat]


def _kernel(features: np.ndarray, compat: float):
    lattice = PermutohedralLattice(features)
    norm = 1 / np.sqrt(lattice.filter(np.ones((len(features), 1))))
    return lambda values: lattice.filter(values * norm) * (norm * np.float32(compat))


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Over the labels (K, pixels)."""
    exponentials = np.exp(logits - logits.max(0))
    return exponentials / exponentials.sum(0)
