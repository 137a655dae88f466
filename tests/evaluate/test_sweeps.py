import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_lib import engine
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.images import read_mask
from wsss_lib.datasets.toy import make_toy
from wsss_lib.engine import Task, do_image, located
from wsss_lib.errors import MaskError, ParameterError, StoreError, WeightsError
from wsss_lib.evaluate import pools, sweeps
from wsss_lib.evaluate.settings import Setting, settings_for
from wsss_lib.evaluate.sweeps import image_masks, sweep
from wsss_lib.store import FORMAT

from ..killed import run_until_killed, stored

RANDOM18 = BackboneSpec("resnet18", "random")
IMG = settings_for(None, ["img"], 40)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def many(tiny, tmp_path):
    """Eight images: those of `tiny` and as many copies."""
    copies = [f"copy_{number}" for number in range(4)]
    for copy, id_ in zip(copies, tiny.ids, strict=True):
        tiny.image_path(copy).write_bytes(tiny.image_path(id_).read_bytes())
        tiny.mask_path(copy).write_bytes(tiny.mask_path(id_).read_bytes())
    return tiny.subset((*tiny.ids, *copies))


@pytest.fixture
def events(monkeypatch):
    """The images that are begun and the lines that are printed, in their order."""
    seen = []
    original = sweeps.evaluate_image

    def noted(dataset, id_, *rest, **more):
        seen.append(id_)
        return original(dataset, id_, *rest, **more)

    monkeypatch.setattr(sweeps, "evaluate_image", noted)
    monkeypatch.setattr(engine.tqdm, "write", seen.append)
    return seen


@pytest.mark.parametrize(
    ("what", "files", "settings", "images"),
    [
        (
            "table1 --layers img,xy --out {}",
            ["table1.csv", "table1_heldout.csv", "table1.json"],
            2,
            24,
        ),
        ("study which-svm --out {}/svm.csv", ["svm.csv", "svm.json"], 28, 8),
    ],
)
def test_a_run_that_is_killed_computes_only_what_is_missing_when_run_again(
    tmp_path, what, files, settings, images
):
    root = make_toy(tmp_path / "voc", n_train=images, n_val=1)

    def command(out):
        more = f"--dataset voc --data {root} --samples 60"
        return f"{sys.executable} -m wsss_lib {what.format(tmp_path / out)} {more}".split()

    environments = [
        os.environ | {"WSSS_CACHE": str(tmp_path / name), "OMP_NUM_THREADS": "1"}
        for name in ("killed cache", "whole cache")
    ]
    before = run_until_killed(command("killed"), environments[0], 3 * settings)
    assert 3 * settings <= len(before) < images * settings
    assert list((tmp_path / "killed").iterdir()) == []  # only the place was checked

    for out, environment in zip(("killed", "whole"), environments, strict=True):
        subprocess.run(command(out), env=environment, check=True, capture_output=True)
    after = stored(tmp_path / "killed cache" / "rows.sqlite")
    assert len(after) == images * settings
    assert {key: after[key] for key in before} == before
    for name in files:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_only_missing_images_are_begun_and_without_any_no_worker_is_needed(many, tmp_path, events):
    sweep(many.subset(many.ids[:5]), IMG, store=tmp_path / "s")
    assert events == list(many.ids[:5])
    events.clear()
    sweep(many, IMG, store=tmp_path / "s")
    sweep(many, IMG, store=tmp_path / "s", scheduler="tcp://nobody.asks:1")
    assert events == list(many.ids[5:])


def test_a_changed_image_is_computed_again(tiny, tmp_path, events):
    sweep(tiny, IMG, store=tmp_path / "s")
    path = tiny.image_path(tiny.ids[1])
    Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    sweep(tiny, IMG, store=tmp_path / "s")
    assert events[4:] == [tiny.ids[1]]


@pytest.mark.parametrize("older", [2, 3])
def test_rows_of_an_older_format_are_computed_again(tiny, tmp_path, monkeypatch, events, older):
    for version in (older, FORMAT):
        monkeypatch.setattr("wsss_lib.evaluate.settings.FORMAT", version)
        for _ in range(2):
            sweep(tiny, IMG, store=tmp_path / "s")
    assert events == [*tiny.ids, *tiny.ids]
    assert len(stored(tmp_path / "s")) == 2 * len(tiny)


def test_missing_masks_are_written_though_the_rows_are_there(tiny, tmp_path, events):
    sweep(tiny, IMG, store=tmp_path / "s")
    sweep(tiny, IMG, store=tmp_path / "s", masks_out=tmp_path / "masks")
    assert len(list((tmp_path / "masks/img").glob("*.png"))) == 4
    assert len(events) == 8


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_images_are_named_and_the_others_done(tiny, tmp_path, workers):
    one, two, three, _ = tiny.ids
    tiny.image_path(one).write_bytes(tiny.image_path(one).read_bytes()[:200])
    tiny.mask_path(two).unlink()
    void = Image.open(tiny.mask_path(three)).point(lambda _: 255)
    void.save(tiny.mask_path(three))
    result = sweep(tiny, IMG, store=tmp_path / "s", workers=workers)
    assert list(result.failures) == [one, two, three]  # though the second is noticed first
    assert "damaged" in result.failures[one]
    assert "all void" in result.failures[three]
    assert [row["id"] for row in result.rows[IMG[0]]] == [tiny.ids[3]]


def test_masks_of_another_setting_are_replaced(tiny, tmp_path):
    masks = {}
    for cost in (0.01, 100.0, 0.01):
        chosen = settings_for(None, ["img"], 40, C=cost)
        sweep(tiny, chosen, store=tmp_path / "s", masks_out=tmp_path / "masks")
        written = [np.array(Image.open(path)) for path in sorted(tmp_path.glob("masks/img/*.png"))]
        assert np.array_equal(masks.setdefault(cost, written), written)
    assert not np.array_equal(masks[0.01], masks[100.0])


def test_the_bar_shows_images_pace_time_left_and_score(many, tmp_path, capsys):
    sweep(many, IMG, store=tmp_path / "s")
    last = capsys.readouterr().err.rsplit("\r", 1)[-1]
    assert "8/8 images [00:0" in last
    assert "images/min, img mIoU " in last


def test_a_mask_that_cannot_be_written_stops_the_run_and_keeps_the_rows(tiny, tmp_path, events):
    two = tiny.ids[1]
    (tmp_path / "masks/img" / f"{two}.png").mkdir(parents=True)
    with pytest.raises(StoreError, match=f"Cannot write .*{two}.png"):
        sweep(tiny, IMG, store=tmp_path / "s", masks_out=tmp_path / "masks")
    assert len(stored(tmp_path / "s")) == 1
    (tmp_path / "masks/img" / f"{two}.png").rmdir()
    events.clear()
    sweep(tiny, IMG, store=tmp_path / "s", masks_out=tmp_path / "masks")
    assert events == list(tiny.ids[1:])


def test_relative_paths_hold_in_worker_processes(tiny, tmp_path, monkeypatch):
    sweep(tiny, IMG, store=tmp_path / "s", workers=2)
    monkeypatch.chdir(tmp_path)  # the worker processes stay where they are
    relative = replace(tiny, root=tiny.root.relative_to(tmp_path))
    result = sweep(relative, IMG, store="other", workers=2, masks_out=Path("masks"))
    assert not result.failures
    assert set(stored(tmp_path / "s")) == set(stored(tmp_path / "other"))
    assert len(list(tmp_path.glob("masks/img/*.png"))) == 4


def test_other_weights_at_the_workers_are_refused(tiny):
    (f1,) = settings_for(None, ["F1"], 40)
    job = partial(sweeps.evaluate_image, located(tiny), backbone=RANDOM18)
    task = Task(tiny.ids[0], {f1: "key"})
    _, rows, _ = do_image(job, task, [f1])
    assert rows["key"]["id"] == tiny.ids[0]
    with pytest.raises(WeightsError, match="other weights of resnet18"):
        do_image(partial(job, weights="resnet18:0123"), task, [f1])


@pytest.mark.parametrize("pool", ["own", "pooled2", "pooled2known"])
def test_row_and_mask_are_those_of_a_sweep(tiny, tmp_path, pool):
    setting = Setting("F2", 30, pool=pool)
    row, mask = image_masks(tiny, "tiny_2", [setting], RANDOM18)[setting]
    rows = sweep(tiny, [setting], RANDOM18, store=tmp_path / "s", masks_out=tmp_path).rows[setting]
    seconds = {"fit_seconds": 0, "predict_seconds": 0}
    assert row | seconds == rows[2] | seconds
    np.testing.assert_array_equal(mask, read_mask(tmp_path / "F2" / "tiny_2.png", 3))


def test_a_sweep_finds_the_fitted_pools(tiny, tmp_path, monkeypatch):
    setting = Setting("img", 30, pool="pooled1")
    image_masks(tiny, "tiny_0", [setting])
    monkeypatch.setattr(pools, "_fit", None)  # nothing is left to be fitted
    assert len(sweep(tiny, [setting], store=tmp_path / "s").rows[setting]) == 4


def test_a_missing_network_or_mask_is_refused(tiny):
    with pytest.raises(ParameterError, match="F1 comes from a network"):
        image_masks(tiny, "tiny_0", [Setting("F1", 30)])
    tiny.mask_path("tiny_0").unlink()
    with pytest.raises(MaskError):
        image_masks(tiny, "tiny_0", [Setting("img", 30, pool="pooled1")])
