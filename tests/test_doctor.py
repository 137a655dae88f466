"""The check of the machine."""

import json
from importlib.metadata import version

import pytest

from wsss_lib import doctor
from wsss_lib.datasets.toy import TOY_VERSION


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A machine without data and cache."""
    monkeypatch.setenv("WSSS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def found(checks):
    return {check.name: check for check in checks}


def test_versions_are_those_installed(empty):
    checks = found(doctor.examine())
    assert checks["torch"].found == version("torch")
    assert checks["python"].status == "ok"
    assert checks["cache"].found == str(empty / "cache")


def test_missing_data_is_a_note_with_the_next_command(empty):
    checks = found(doctor.examine())
    assert checks["voc"].status == "note"
    assert "make data DATASET=voc" in checks["voc"].advice
    assert checks["toy set"].status == "note"
    assert not (empty / "cache").exists()  # looking makes nothing


def test_data_that_is_there_is_found(empty):
    (empty / "cache" / f"toy-{TOY_VERSION}" / "VOCdevkit").mkdir(parents=True)
    (empty / "cache" / "weights").mkdir()
    (empty / "cache" / "weights" / "toy-resnet18-0123456789.pth").touch()
    (empty / "cache" / "weights" / "resnet50-0676ba61.pth").touch()  # ImageNet's, not trained here
    checks = found(doctor.examine())
    assert checks["toy set"].status == "ok"
    assert checks["trained weights"].found.startswith("toy-resnet18-0123456789.pth in ")


def test_a_package_that_is_not_installed_is_missing(monkeypatch, empty):
    monkeypatch.setattr(doctor, "_PACKAGES", "no-such-package-anywhere")
    check = found(doctor.examine())["no-such-package-anywhere"]
    assert (check.status, check.found) == ("missing", "not installed")


def test_a_broken_package_is_a_line_and_no_traceback(monkeypatch, empty):
    def broken(name):
        raise ImportError("libtorch.so: cannot open shared object file")

    monkeypatch.setitem(doctor._CHECKS, "device", broken)
    check = found(doctor.examine())["device"]
    assert check.status == "missing"
    assert "libtorch.so" in check.found
    assert check.advice


def test_little_memory_is_noted(monkeypatch):
    import psutil

    class Little:
        available, total = 2**30, 2**31

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    check = doctor._memory("memory")
    assert check.status == "note"
    assert check.found == "1.0 of 2.0 GB free"


CHECKS = [
    doctor.Check("torch", "2.9"),
    doctor.Check("voc", "not under data", "note", "run 'wsss data voc'"),
]


def test_text_has_the_advice_below_its_line():
    lines = doctor.as_text(CHECKS).splitlines()
    assert lines[0].split() == ["ok", "torch", "2.9"]
    assert lines[2].strip() == "-> run 'wsss data voc'"


def test_json_holds_every_field():
    assert json.loads(doctor.as_json(CHECKS))[1] == {
        "name": "voc",
        "found": "not under data",
        "status": "note",
        "advice": "run 'wsss data voc'",
    }


def test_table_holds_every_check_in_order():
    table = doctor.as_table(CHECKS)
    assert table.data["name"].tolist() == ["torch", "voc"]
    html = table.to_html()
    assert "run &#x27;wsss data voc" in html or "run 'wsss data voc'" in html
