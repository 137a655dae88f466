from pathlib import Path

import pytest

from wsss_lib import paths


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("WSSS_DATA", "WSSS_CACHE", "WSSS_OUTPUT"):
        monkeypatch.delenv(name, raising=False)


def test_in_a_checkout_everything_lies_below_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    here = Path(paths.__file__).parents[1]
    assert paths.checkout() == here
    assert paths.data_root() == here / "data"
    assert paths.cache_dir() == here / ".cache/wsss"
    assert paths.figures_dir("toy") == here / "figures/toy"


def test_without_a_checkout_the_user_cache_and_the_working_folder_serve(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "_PARENT", tmp_path / "site-packages")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert paths.checkout() is None
    assert paths.cache_dir() != Path(paths.__file__).parents[1] / ".cache/wsss"
    assert paths.output_dir() == tmp_path
    assert paths.data_root() == tmp_path / "data"


@pytest.mark.parametrize(
    ("variable", "function"),
    [
        ("WSSS_DATA", paths.data_root),
        ("WSSS_CACHE", paths.cache_dir),
        ("WSSS_OUTPUT", paths.output_dir),
    ],
)
def test_a_variable_names_another_folder(monkeypatch, tmp_path, variable, function):
    monkeypatch.setenv(variable, str(tmp_path / "there"))
    assert function() == tmp_path / "there"


def test_paths_are_shown_relative_where_they_can_be(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert paths.shown(tmp_path / "a" / "b.png") == str(Path("a/b.png"))
    assert paths.shown(Path("/elsewhere/b.png")) == "/elsewhere/b.png"
