"""Pickles of arrays from anywhere, read without running what else they hold.

A pickle may name any function of the machine and have it called, so `np.load` with
``allow_pickle=True`` runs whatever a stranger wrote into an ``.npy`` file. Here a pickle may name
what arrays and tensors are rebuilt by, and nothing else.
"""

import io
import pickle
from collections import OrderedDict

import numpy as np
import torch

from wsss_lib.errors import DataError


def _tensor_bytes(data: bytes) -> object:
    """The storage of a tensor, which torch wrote as a file in the file."""
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _latin(text: str, encoding: str) -> bytes:
    """The bytes of an array as protocols 0 to 2 write them."""
    if encoding != "latin1":
        raise DataError(f"Bytes as {encoding} text; arrays write latin1.")
    return text.encode("latin1")


_REBUILD = np.empty(0).__reduce__()[0]
_SCALAR = np.float32(0).__reduce__()[0]
_FROM_BUFFER = np.empty(0).__reduce_ex__(5)[0]

#: What a pickle may name. numpy 2 moved ``core`` to ``_core``; files name either.
_KNOWN = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch.storage", "_load_from_bytes"): _tensor_bytes,
} | {
    (f"numpy.{core}.{module}", name): function
    for core in ("core", "_core")
    for module, name, function in [
        ("multiarray", "_reconstruct", _REBUILD),
        ("multiarray", "scalar", _SCALAR),
        ("numeric", "_frombuffer", _FROM_BUFFER),
    ]
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _KNOWN:
            raise DataError(
                f"it names {module}.{name}, which could run anything, and only numpy arrays and "
                "torch tensors are read. If you trust it, save its arrays with np.savez."
            )
        return _KNOWN[module, name]


def read_npy(data: bytes) -> object:
    """What an ``.npy`` file holds: an array, or the object that was pickled in place of one.

    Parameters
    ----------
    data : bytes
        The whole file.

    Raises
    ------
    DataError
        If its pickle names anything but numpy arrays, torch tensors and plain containers.
    Exception
        Of any kind if it is damaged: a broken pickle makes numpy and torch raise what they like.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    first = version == (1, 0)
    read_header = (
        np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    )
    if not read_header(file)[2].hasobject:
        return np.load(io.BytesIO(data), allow_pickle=False)
    found = _ArraysOnly(file).load()
    return found.item() if isinstance(found, np.ndarray) and found.shape == () else found
