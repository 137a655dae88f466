"""Files of weights: their names, writing, reading, and whose classes they score."""

import hashlib

import pytest
import torch

from wsss_lib.checkpoints import check_classes, checkpoint_path, read_progress, write_checkpoint
from wsss_lib.errors import WeightsError

SETTING = {"dataset": "toy", "seed": 0, "preset": {"lr": 0.001, "long_side": (320, 640)}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path))


def test_a_name_is_for_ever(tmp_path):
    """Checkpoints that took hours are found again only by their name."""
    text = '{"dataset": "toy", "preset": {"long_side": [320, 640], "lr": 0.001}, "seed": 0}'
    name = f"toy-some-{hashlib.sha256(text.encode()).hexdigest()[:10]}.pth"
    assert checkpoint_path("toy-some", SETTING) == tmp_path / "weights" / name


def test_the_name_depends_on_all_of_the_setting_but_not_on_its_order():
    settings = [
        SETTING,
        SETTING | {"seed": 1},
        SETTING | {"preset": {"lr": 0.002, "long_side": (320, 640)}},
        SETTING | {"preset": {"lr": 0.001, "long_side": None}},
        SETTING | {"more": None},
    ]
    assert len({checkpoint_path("a", setting) for setting in settings}) == 5
    turned = dict(reversed(SETTING.items()))
    assert checkpoint_path("a", turned) == checkpoint_path("a", SETTING)


def test_of_a_checkpoint_that_is_not_there_nothing_is_done(tmp_path):
    assert read_progress(tmp_path / "none.pth") == {"epoch": 0, "history": "[]"}


def test_what_is_written_is_read_and_equal_contents_are_equal_bytes(tmp_path):
    content = {"epoch": 2, "history": "[1, 2]", "network": {"a": torch.arange(3.0)}}
    for name in ("one.pth", "other.pth"):
        write_checkpoint(tmp_path / "new" / name, content)
    found = read_progress(tmp_path / "new" / "one.pth")
    assert torch.equal(found["network"].pop("a"), torch.arange(3.0))
    assert found == {"epoch": 2, "history": "[1, 2]", "network": {}}
    one, other = (tmp_path / "new" / name for name in ("one.pth", "other.pth"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("error", [PermissionError("denied"), OSError("stale"), MemoryError()])
def test_a_checkpoint_that_only_now_cannot_be_read_is_kept(tmp_path, monkeypatch, error):
    write_checkpoint(tmp_path / "line.pth", {"epoch": 1})

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(
        WeightsError, match=r"line\.pth cannot be read \((denied|stale|no memory)\)"
    ):
        read_progress(tmp_path / "line.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["line.pth"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (
            ("cow", "dog", "cat"),
            r"number 1 is cat in the network \(of 3\) and cow in the data set",
        ),
        (("cat", "Cow", "dog"), r"number 2 is cow in the network \(of 3\) and Cow in the data set"),
        (
            ("cat", "cow"),
            r"number 3 is dog in the network \(of 3\) and none in the data set \(of 2\)",
        ),
        (
            ("cat", "cow", "dog", "hen"),
            r"number 4 is none in the network \(of 3\) and hen in",
        ),
        ((), r"number 1 is cat in the network \(of 3\) and none in the data set"),
    ],
)
def test_a_network_of_other_classes_is_named_with_the_first_that_differs(tmp_path, names, text):
    check_classes(tmp_path / "net.pth", ("cat", "cow", "dog"), ("cat", "cow", "dog"))
    with pytest.raises(WeightsError, match=rf"net\.pth .*{text}") as error:
        check_classes(tmp_path / "net.pth", ("cat", "cow", "dog"), names)
    assert "classes.txt" in str(error.value)


def test_a_write_that_fails_leaves_the_checkpoint_before(tmp_path):
    path = tmp_path / "some.pth"
    write_checkpoint(path, {"epoch": 1})
    with pytest.raises(AttributeError):
        write_checkpoint(path, {"epoch": 2, "no value": lambda: None})
    assert read_progress(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]
