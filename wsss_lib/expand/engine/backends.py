"""Which code does the heavy work: compiled loops, plain NumPy, or torch on an accelerator."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

from wsss_lib import devices
from wsss_lib.expand.engine import predict_numpy, predict_torch, smo_numpy


@dataclass(frozen=True)
class Backend:
    """The functions that a fit and a prediction are made of.

    Attributes
    ----------
    decide_rows, decide_maps : callable
        RBF decision functions, see `predict_numpy`.
    gaussian : callable
        Inner products to kernel values, see `gram.gram`.
    solve : callable
        Solves a binary problem, see `smo_numpy.solve`.
    combine : callable, optional
        Inner products of pixels from those of cells, see `samples.CellSamples`; where it is
        missing they are computed from the pixels' features.
    """

    decide_rows: Callable
    decide_maps: Callable
    gaussian: Callable
    solve: Callable
    combine: Callable | None = None


NUMPY = Backend(
    predict_numpy.decide_rows, predict_numpy.decide_maps, predict_numpy.gaussian, smo_numpy.solve
)


def backend(device: str) -> Backend:
    """The backend of a device.

    Parameters
    ----------
    device : str
        ``"cpu"``: compiled loops, or NumPy where numba is missing, which is said once.
        ``"cuda"``, ``"cuda:1"``, ...: torch predicts there; the solver, whose steps follow each
        other, stays on the CPU. For comparison: ``"numpy"``, and ``"torch:cpu"`` for CPU tensors.

    Raises
    ------
    ParameterError
        If there is no such device.
    """
    if device == "cpu":
        return _compiled()
    if device == "numpy":
        return NUMPY
    check_device(device)
    name = device.removeprefix("torch:")
    return replace(
        _compiled(),
        decide_rows=partial(predict_torch.decide_rows, device=name),
        decide_maps=partial(predict_torch.decide_maps, device=name),
    )


def check_device(device: str) -> None:
    """Refuse a device that is not there; parameters and errors are those of `backend`."""
    if device not in ("cpu", "numpy"):
        devices.check_device(device.removeprefix("torch:"))


@cache
def _compiled() -> Backend:
    try:
        from wsss_lib.expand.engine import compiled, predict_compiled, smo
    except ImportError as error:
        warnings.warn(
            f"The SVM runs in plain NumPy, many times slower, because numba is missing ({error}). "
            "Run 'pip install numba'.",
            stacklevel=3,
        )
        return NUMPY
    return Backend(
        predict_compiled.decide_rows,
        predict_compiled.decide_maps,
        compiled.gaussian,
        smo.solve,
        compiled.combine,
    )
