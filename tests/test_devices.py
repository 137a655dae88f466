"""Devices: what is there is taken, what is not is refused in a sentence."""

import pytest
import torch

from wsss_lib.devices import check_device, choose_device
from wsss_lib.errors import ParameterError


@pytest.mark.parametrize("name", ["banana", "cuda:99", "meta", ""])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(ParameterError, match=rf"device='{name}' cannot be used here \(.*'cpu'"):
        check_device(name)


@pytest.mark.parametrize(("found", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, found, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    assert choose_device("auto") == expected


def test_a_named_device_is_kept_and_checked():
    assert choose_device("cpu") == "cpu"
    with pytest.raises(ParameterError, match="'banana'"):
        choose_device("banana")
