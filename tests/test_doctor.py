"""The check of the machine."""

import json
import os
import shutil
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import psutil
import pytest
import torch
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from wsss_lib import doctor
from wsss_lib.checkpoints import write_checkpoint
from wsss_lib.datasets.toy import TOY_VERSION
from wsss_lib.errors import ParameterError


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    """A machine without data and cache."""
    for name in ("data", "cache", "output"):
        monkeypatch.setenv(f"WSSS_{name.upper()}", str(tmp_path / name))
    return tmp_path


def look(name):
    """The one check of that name."""
    return doctor.Check(name, *doctor._LOOKS[name]())


def test_a_whole_environment_lacks_nothing_but_data(empty):
    checks = {check.name: check for check in doctor.examine()}
    assert [name for name, check in checks.items() if check.status == "missing"] == []
    assert version("torch").split("+")[0] in checks["torch"].found
    assert str(empty / "cache") in checks["disk"].found
    assert list(empty.iterdir()) == []  # looking makes nothing


def test_a_broken_package_is_a_line_and_no_traceback(monkeypatch):
    def broken():
        raise OSError("libtorch.so: cannot open shared object file")

    monkeypatch.setitem(doctor._LOOKS, "torch", broken)
    (check,) = [check for check in doctor.examine() if check.name == "torch"]
    assert (check.status, check.advice) == ("missing", "run 'make setup'")
    assert "libtorch.so" in check.found


def test_an_old_python_is_missing(monkeypatch):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.10.4")
    check = look("python")
    assert check.status == "missing"
    assert "Python >=3.11" in check.found
    assert "make setup PYTHON=" in check.advice


@pytest.mark.parametrize("error", [ImportError("Numba needs NumPy 2.3"), OSError("libllvm")])
def test_a_broken_numba_is_missing(monkeypatch, error):
    class Broken:
        def find_spec(self, name, *_):
            if name == "numba":
                raise error

    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    check = look("numba")
    assert check.status == "missing"
    assert str(error) in check.found


@pytest.mark.parametrize("program", ["python", sys.executable, "/opt/other/bin/python"])
def test_the_kernel_must_be_of_this_environment(monkeypatch, program):
    spec = SimpleNamespace(argv=[program, "-m", "ipykernel_launcher"], resource_dir="/j/python3")
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda self, name: spec)
    check, other = look("kernel"), program.startswith("/opt")
    assert check.status == ("note" if other else "ok")  # 'wsss notebooks' starts its own
    assert ("remove /j/python3 (or take it out of JUPYTER_PATH)" in check.advice) == other


def test_no_kernel_is_missing(monkeypatch):
    def none(self, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    assert look("kernel").status == "missing"
    assert "pip install ipykernel" in look("kernel").advice


def test_little_memory_is_noted(monkeypatch):
    little = SimpleNamespace(available=2**30, total=2**31)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    assert (look("memory").status, look("memory").found) == ("note", "1.0 of 2.0 GB free")


@pytest.mark.parametrize(("free", "status"), [(0.4, "missing"), (1.5, "note"), (3, "ok")])
def test_a_full_disk_is_found(monkeypatch, free, status):
    usage = SimpleNamespace(free=free * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    assert look("disk").status == status


def test_a_cache_that_cannot_be_written_to_is_missing(monkeypatch, empty):
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda place, mode: False)
        assert look("disk").status == "missing"
    (empty / "cache").touch()
    assert look("disk").status == "missing"
    assert "export WSSS_CACHE=" in look("disk").advice


@pytest.fixture
def cuda(monkeypatch):
    """A torch built for CUDA, on a machine without NVIDIA's programs."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "GTX 580")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return monkeypatch


def test_without_a_gpu_all_is_well(cuda):
    assert look("torch").status == "ok"
    assert "device: cpu" in look("torch").found


def test_a_driver_that_is_too_old_is_noted_in_its_own_words(cuda):
    def warn():
        warnings.warn("The NVIDIA driver on your system is too old. Update it.", stacklevel=1)
        return False

    cuda.setattr(torch.cuda, "is_available", warn)
    check = look("torch")
    assert check.found.endswith("; The NVIDIA driver on your system is too old")
    assert "nvidia-smi" in check.advice


def test_a_gpu_that_torch_was_not_built_for_is_a_note(cuda):
    def refuse(name):
        raise ParameterError("no kernel image is available")

    cuda.setattr(torch.cuda, "is_available", lambda: True)
    cuda.setattr("wsss_lib.training.choose_device", refuse)
    check = look("torch")
    assert check.found.endswith("GTX 580, unusable: no kernel image is available")
    assert "CUDA_VISIBLE_DEVICES" in check.advice
    cuda.setattr("wsss_lib.training.choose_device", lambda name: None)
    assert look("torch").status == "ok"


def test_missing_data_is_a_note_with_the_next_command(empty):
    assert (look("voc").status, look("voc").blocks) == ("note", ("voc",))
    assert "make data DATASET=voc" in look("voc").advice
    assert (look("toy set").status, look("toy set").blocks) == ("note", ())
    (empty / "cache" / f"toy-{TOY_VERSION}" / "VOCdevkit").mkdir(parents=True)
    assert look("toy set").status == "ok"


def test_the_missing_folder_of_an_incomplete_voc_is_named(monkeypatch, few_squares):
    monkeypatch.setenv("WSSS_DATA", str(few_squares.root))
    assert look("voc").found.startswith("12 train images in ")
    shutil.rmtree(few_squares.devkit / "SegmentationClass")
    assert look("voc").blocks == ("voc",)
    assert look("voc").found.endswith("not all with masks; weak supervision does without")
    assert "No folder of masks 'SegmentationClass'" in look("voc").advice
    shutil.rmtree(few_squares.devkit / "JPEGImages")
    assert "(JPEGImages missing)" in look("voc").advice


def test_stopped_trainings_and_damaged_checkpoints_are_noted_with_the_next_command(empty):
    folder = empty / "cache" / "weights"
    assert look("trained weights").found.startswith("none yet")
    setting = {"dataset": "toy", "irn": {"epochs": 3}}
    write_checkpoint(folder / "toy-irn-01.pth", {"epoch": 3, "setting": setting})
    (folder / "resnet50-0676ba61.pth").touch()  # ImageNet's, not trained here
    assert look("trained weights").found == f"toy-irn-01.pth in {folder}"
    write_checkpoint(folder / "toy-irn-01.pth", {"epoch": 2, "setting": setting})
    check = look("trained weights")
    assert check.status == "note"
    assert "'wsss train irn" in check.found
    (folder / "toy-irn-01.pth").write_bytes(b"half")
    assert "toy-irn-01.pth is damaged" in look("trained weights").found
    assert look("trained weights").advice == "train again; a damaged file is set aside then"


def test_offline_weights_that_are_not_installed_block_toy(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", absent)
    assert look("offline weights").status == "missing"
    assert look("offline weights").advice == "run 'make setup'"


CHECKS = [
    doctor.Check("torch", "2.9"),
    doctor.Check("voc", "not under data", "note", "run 'wsss data voc'"),
    doctor.Check("kernel", "none", "missing", "run 'make setup'"),
]


def test_text_has_problems_first_and_ends_with_what_can_be_run():
    assert doctor.as_text(CHECKS) == "\n".join(
        [
            "missing  kernel           none",
            "                       -> run 'make setup'",
            "",
            "note     voc              not under data",
            "                       -> run 'wsss data voc'",
            "",
            "ok       torch            2.9",
            "",
            "ready for toy: no, see kernel",
            "ready for voc: no, see voc, kernel",
        ]
    )
    assert doctor.as_text(CHECKS[:1]).endswith("ready for toy: yes\nready for voc: yes")


def test_json_holds_every_field():
    assert json.loads(doctor.as_json(CHECKS))[1] == {
        "name": "voc",
        "found": "not under data",
        "status": "note",
        "advice": "run 'wsss data voc'",
        "blocks": ["voc"],
    }
