"""The check of the machine."""

import json
import os
import shutil
import sys
import warnings
from importlib.metadata import PackageNotFoundError, requires, version
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import psutil
import pytest
import torch
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from packaging.requirements import Requirement

from wsss_lib import doctor
from wsss_lib import doctor as machine
from wsss_lib import doctor as software
from wsss_lib import doctor as study
from wsss_lib.datasets.toy import TOY_VERSION
from wsss_lib.errors import ParameterError
from wsss_lib.training import write_checkpoint

LOOKS = {**software.LOOKS, **machine.LOOKS, **study.LOOKS}


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    """A machine with a network, without data and cache."""
    for name in ("data", "cache", "output"):
        monkeypatch.setenv(f"WSSS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setattr(machine, "_answers", lambda: True)
    return tmp_path


def look(name):
    return LOOKS[name](name)


def absent(*_, **__):
    raise PackageNotFoundError("it")


def names(checks):
    return {check.name: check for check in checks}


def test_a_whole_environment_has_no_problem_but_missing_data(empty, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    checks = names(doctor.examine())
    assert [name for name, check in checks.items() if check.status == "missing"] == []
    assert checks["torch"].found == version("torch")
    assert checks["cache"].found == str(empty / "cache")
    assert list(empty.iterdir()) == []  # looking makes nothing


def test_every_package_that_the_kit_asks_for_is_looked_at():
    wanted = [Requirement(text) for text in requires("wsss-study-kit")]
    plain = {each.name for each in wanted if each.marker is None}
    assert set(names(doctor.examine())) >= plain


def test_a_package_outside_the_range_of_the_metadata_is_noted(monkeypatch):
    monkeypatch.setattr(
        software, "requires", lambda kit: ["numpy>=99", 'ruff>=99; extra == "test"']
    )
    (check,) = software.packages()
    assert (check.status, check.found) == ("note", f"{version('numpy')}, outside >=99")
    assert check.advice == "run 'python -m pip install \"numpy>=99\"'"


def test_a_package_that_is_not_installed_is_missing(monkeypatch):
    monkeypatch.setattr(software, "requires", lambda kit: ["no-such-package-anywhere>=1"])
    (check,) = software.packages()
    assert (check.status, check.found) == ("missing", "not installed")
    assert 'install "no-such-package-anywhere>=1"' in check.advice


def test_a_kit_that_is_not_installed_is_missing(monkeypatch):
    monkeypatch.setattr(software, "requires", absent)
    (check,) = software.packages()
    assert (check.name, check.status) == ("wsss-study-kit", "missing")
    assert "pip install -e ." in check.advice


def test_a_broken_package_is_a_line_and_no_traceback(monkeypatch):
    def broken(name):
        raise OSError("libtorch.so: cannot open shared object file")

    monkeypatch.setitem(machine.LOOKS, "device", broken)
    check = names(doctor.examine())["device"]
    assert (check.status, check.advice) == ("missing", "run 'make setup'")
    assert "libtorch.so" in check.found


def test_an_old_python_is_missing(monkeypatch):
    monkeypatch.setattr(software.platform, "python_version", lambda: "3.10.4")
    check = look("python")
    assert check.status == "missing"
    assert "Python >=3.11" in check.why
    assert "make setup PYTHON=" in check.advice


def test_a_python_without_venv_is_noted_with_the_package_of_debian(monkeypatch):
    monkeypatch.setattr(software, "find_spec", lambda name: None if name == "ensurepip" else name)
    check = look("venv")
    assert check.status == "note"
    assert f"apt install python3.{sys.version_info.minor}-venv" in check.advice


@pytest.mark.parametrize("error", [ImportError("Numba needs NumPy 2.3"), OSError("libllvm")])
def test_a_broken_numba_is_noted_since_numpy_stands_in(monkeypatch, error):
    class Broken:
        def find_spec(self, name, *_):
            if name == "numba":
                raise error

    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    check = look("numba")
    assert check.status == "note"
    assert str(error) in check.found
    assert "NumPy" in check.why


def kernel(monkeypatch, program):
    spec = SimpleNamespace(argv=[program, "-m", "ipykernel_launcher"])
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda self, name: spec)
    return look("kernel")


def test_the_kernel_must_be_of_this_environment(monkeypatch):
    assert kernel(monkeypatch, "python").status == "ok"
    assert kernel(monkeypatch, sys.executable).status == "ok"
    check = kernel(monkeypatch, "/opt/other/bin/python")
    assert check.status == "missing"
    assert "/opt/other/bin/python" in check.found
    assert "ipykernel install --sys-prefix" in check.advice


def test_no_kernel_is_missing(monkeypatch):
    def none(self, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    assert look("kernel").status == "missing"
    assert "pip install ipykernel" in look("kernel").advice


def test_a_jupyter_without_the_widgets_front_end_is_noted(monkeypatch, empty):
    other = empty / "other" / "bin" / "jupyter-lab"
    other.parent.mkdir(parents=True)
    other.touch()
    monkeypatch.setattr(shutil, "which", lambda name: str(other))
    check = look("widgets")
    assert (check.status, check.advice) == ("note", "run 'make lab'")
    assert str(other) in check.found
    monkeypatch.setattr(sys, "prefix", str(empty))
    assert "--force-reinstall jupyterlab_widgets" in look("widgets").advice


@pytest.mark.parametrize(
    ("policy", "cores", "status"),
    [("ACTIVE", 2, "note"), (None, 2, "note"), ("passive", 2, "ok"), (None, 1, "ok")],
)
def test_threads_that_wait_busily_are_noted_on_several_cores(monkeypatch, policy, cores, status):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_WAIT_POLICY")
    if policy:
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    assert look("OMP_WAIT_POLICY").status == status


def test_little_memory_is_noted(monkeypatch):
    little = SimpleNamespace(available=2**30, total=2**31)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    check = look("memory")
    assert check.status == "note"
    assert check.found == "1.0 of 2.0 GB free"


@pytest.mark.parametrize(("free", "status"), [(0.4, "missing"), (1.5, "note"), (3, "ok")])
def test_a_full_disk_is_told(monkeypatch, free, status):
    usage = SimpleNamespace(free=free * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    assert look("disk").status == status


@pytest.mark.parametrize("name", ["cache", "output"])
def test_a_folder_that_cannot_be_written_to_is_missing(monkeypatch, empty, name):
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    check = look(name)
    assert check.status == "missing"
    assert f"export WSSS_{name.upper()}=" in check.advice


def test_a_file_in_the_folders_place_is_missing(empty):
    (empty / "cache").touch()
    assert look("cache").found == f"{empty / 'cache'} is no folder"


@pytest.fixture
def cuda(monkeypatch):
    """A torch built for CUDA, on a machine without NVIDIA's programs."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "GTX 580")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return monkeypatch


def test_a_torch_with_cuda_and_no_device_is_a_note(cuda):
    check = look("device")
    assert (check.status, check.blocks) == ("note", ())
    assert "CUDA 13.0, and there is no NVIDIA driver" in check.found


def test_a_driver_that_is_too_old_is_told_in_its_own_words(cuda):
    def warn():
        warnings.warn("The NVIDIA driver on your system is too old. Update it.", stacklevel=1)
        return False

    cuda.setattr(torch.cuda, "is_available", warn)
    check = look("device")
    assert check.found.endswith("but The NVIDIA driver on your system is too old")
    assert "nvidia-smi" in check.advice


def test_a_gpu_that_torch_was_not_built_for_is_a_note(cuda):
    def refuse(name):
        raise ParameterError("no kernel image is available")

    cuda.setattr(torch.cuda, "is_available", lambda: True)
    cuda.setattr("wsss_lib.training.check_device", refuse)
    check = look("device")
    assert check.found == "GTX 580, unusable: no kernel image is available"
    assert "CUDA_VISIBLE_DEVICES" in check.advice
    cuda.setattr("wsss_lib.training.check_device", lambda name: None)
    assert (look("device").status, look("device").found) == ("ok", "GTX 580")


def test_without_a_network_voc_needs_weights_that_are_here(monkeypatch, empty):
    monkeypatch.setattr(machine, "_answers", lambda: False)
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    check = look("network")
    assert (check.status, check.blocks) == ("note", ("voc",))
    assert "toy and all that is here work" in check.why
    monkeypatch.setattr(machine, "find_spec", lambda name: name)
    assert look("network").blocks == ()


def test_no_network_is_asked_for_where_nothing_is_left_to_download(monkeypatch, empty):
    monkeypatch.setattr(machine, "_answers", None)
    (empty / "data" / "VOCdevkit").mkdir(parents=True)
    (empty / "cache" / "weights").mkdir(parents=True)
    (empty / "cache" / "weights" / "resnet50-0676ba61.pth").touch()
    assert look("network").status == "ok"


@pytest.mark.parametrize(
    ("error", "answers"),
    [
        (URLError("Name or service not known"), False),
        (TimeoutError(), False),
        (HTTPError("https://pytorch.org", 403, "Forbidden", {}, None), True),
    ],
)
def test_any_answer_is_a_network(monkeypatch, error, answers):
    monkeypatch.undo()

    def refuse(address, timeout):
        raise error

    monkeypatch.setattr(machine, "urlopen", refuse)
    assert machine._answers() is answers


def test_missing_data_is_a_note_with_the_next_command():
    assert (look("voc").status, look("voc").blocks) == ("note", ("voc",))
    assert "make data DATASET=voc" in look("voc").advice
    assert (look("toy set").status, look("toy set").blocks) == ("note", ())


def test_the_variable_without_a_devkit_is_named(empty):
    assert look("voc").found == f"no VOCdevkit in {empty / 'data'} (WSSS_DATA)"


@pytest.mark.parametrize("inside", ["VOCdevkit", "VOCdevkit/VOC2012"])
def test_a_variable_that_names_the_devkit_itself_is_put_right(monkeypatch, squares, inside):
    monkeypatch.setenv("WSSS_DATA", str(squares.root / inside))
    assert look("voc").advice == f"run 'export WSSS_DATA={squares.root}'"


def test_a_disk_too_small_for_voc_is_told(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=10**9))
    assert "1.0 GB free there, 7.6 GB needed" in look("voc").found


def test_the_missing_folder_of_an_incomplete_voc_is_named(monkeypatch, few_squares, empty):
    monkeypatch.setenv("WSSS_DATA", str(few_squares.root))
    assert look("voc").found.startswith("12 train images in ")
    shutil.rmtree(few_squares.devkit / "SegmentationClass")
    check = look("voc")
    assert (check.status, check.blocks) == ("note", ("voc",))
    assert "(SegmentationClass missing)" in check.advice


def test_a_toy_set_that_is_there_is_found(empty):
    (empty / "cache" / f"toy-{TOY_VERSION}" / "VOCdevkit").mkdir(parents=True)
    assert look("toy set").status == "ok"


def trained(folder, kind, epoch):
    how = {"irn": {"epochs": 3}} if kind == "irn" else {"preset": {"epochs": 3}}
    setting = {"dataset": "toy", **how, **({"sipe": {}} if kind == "sipe" else {})}
    write_checkpoint(folder / f"toy-{kind}-01.pth", {"epoch": epoch, "setting": setting})


@pytest.mark.parametrize("kind", ["classifier", "sipe", "irn"])
def test_a_stopped_training_is_told_with_the_command_that_goes_on(empty, kind):
    folder = empty / "cache" / "weights"
    assert look("trained weights").found == "none yet"
    trained(folder, kind, epoch=3)
    (folder / "resnet50-0676ba61.pth").touch()  # ImageNet's, not trained here
    assert look("trained weights").found == f"toy-{kind}-01.pth in {folder}"
    trained(folder, kind, epoch=2)
    check = look("trained weights")
    assert check.found == f"toy-{kind}-01.pth: epoch 2 of 3, stopped or still running"
    assert check.advice.startswith(f"run 'wsss train {kind} --dataset toy'")


def test_a_damaged_checkpoint_is_told(empty):
    path = empty / "cache" / "weights" / "toy-resnet18-01.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    check = look("trained weights")
    assert check.status == "note"
    assert check.advice.startswith(f"run 'rm {path}'")


def test_offline_weights_that_are_not_installed_are_noted(monkeypatch):
    monkeypatch.setattr(study, "version", absent)
    assert look("offline weights").status == "note"
    assert ".[offline]" in look("offline weights").advice


CHECKS = [
    doctor.Check("torch", "2.9"),
    doctor.Check("voc", "not under data", "note", "run 'wsss data voc'", "for voc", ("voc",)),
    doctor.Check("kernel", "none", "missing", "run 'make setup'", "they need it", ("toy", "voc")),
]


def test_text_has_problems_first_and_ends_with_what_can_be_run():
    assert doctor.as_text(CHECKS) == "\n".join(
        [
            "missing  kernel           none",
            "                          they need it",
            "                          -> run 'make setup'",
            "",
            "note     voc              not under data",
            "                          for voc",
            "                          -> run 'wsss data voc'",
            "",
            "ok       torch            2.9",
            "",
            "ready for toy: no, see kernel",
            "ready for voc: no, see voc, kernel",
        ]
    )
    assert doctor.as_text(CHECKS[:1]).endswith("ready for toy: yes\nready for voc: yes")


def test_long_text_is_wrapped_under_its_column():
    lines = doctor.as_text([doctor.Check("voc", "word " * 40)]).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[1].startswith(" " * 26 + "word")


def test_json_holds_every_field():
    assert json.loads(doctor.as_json(CHECKS))[1] == {
        "name": "voc",
        "found": "not under data",
        "status": "note",
        "advice": "run 'wsss data voc'",
        "why": "for voc",
        "blocks": ["voc"],
    }


def test_table_holds_every_check_in_order():
    table = doctor.as_table(CHECKS)
    assert table.data["name"].tolist() == ["torch", "voc", "kernel"]
    html = table.to_html()
    assert "run &#x27;wsss data voc" in html or "run 'wsss data voc'" in html
