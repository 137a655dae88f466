"""Where torch computes: refusing a device that is not there, and choosing one."""

import torch

from wsss_lib.errors import ParameterError


def check_device(name: str) -> None:
    """Refuse a device that torch cannot compute on.

    Parameters
    ----------
    name : str
        As torch writes it: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...

    Raises
    ------
    ParameterError
        If there is no such device.
    """
    try:
        torch.zeros(1, device=name).cpu()  # and back: "meta" holds no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ParameterError(
            f"device={name!r} cannot be used here ({str(error).splitlines()[0]}); expected 'cpu' "
            "or an accelerator that torch finds, such as 'cuda'."
        ) from None


def choose_device(name: str) -> str:
    """The device of a name, checked: ``"auto"`` is CUDA where there is one, else the CPU.

    Parameters
    ----------
    name : str
        ``"auto"``, or as in `check_device`.

    Raises
    ------
    ParameterError
        If there is no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    check_device(name)
    return name
