import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree
from torchvision.datasets import VOCSegmentation

from wsss_lib.datasets.classes import VOC, VOID, palette
from wsss_lib.datasets.devkit import DevkitDataset, open_devkit
from wsss_lib.datasets.toy import TOY, TOY_VERSION, make_toy, write
from wsss_lib.datasets.toy.scenes import KINDS, Frame, Scene, Thing, draw_scene
from wsss_lib.errors import DataError

N_TRAIN, N_VAL = 24, 6


@pytest.fixture(scope="module")
def toy_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy(tmp_path_factory.mktemp("toy"), N_TRAIN, N_VAL, seed=3)


@pytest.fixture(scope="module")
def toy(toy_root: Path) -> DevkitDataset:
    return open_devkit("toy", toy_root, TOY, "train")


def contents(root: Path) -> dict[Path, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root): path.read_bytes() for path in files}


def test_class_names_are_our_own():
    assert len(TOY) == len(TOY.short) == 7
    assert TOY.names[0] == "background"
    assert TOY.short[0] == "bkg"
    assert not set(TOY.names[1:] + TOY.short[1:]) & set(VOC.names + VOC.short)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(toy_root: Path, tmp_path: Path):
    made = contents(toy_root)
    assert contents(make_toy(tmp_path / "again", N_TRAIN, N_VAL, seed=3)) == made
    other = contents(make_toy(tmp_path / "other", 2, 1, seed=4))
    photograph = Path("VOCdevkit/VOC2012/JPEGImages/toy_000001.jpg")
    assert other[photograph] != made[photograph]


def test_the_faster_of_two_processes_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def overtaken(*args: object) -> None:
        monkeypatch.setattr(write, "_write_devkit", write_devkit)
        make_toy(tmp_path, 2, 1)
        write_devkit(*args)

    write_devkit = write._write_devkit
    monkeypatch.setattr(write, "_write_devkit", overtaken)
    assert make_toy(tmp_path, 2, 1) == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["VOCdevkit"]


def test_a_finished_set_is_not_made_again(toy_root: Path):
    photograph = toy_root / "VOCdevkit/VOC2012/JPEGImages/toy_000001.jpg"
    before = photograph.stat().st_mtime_ns
    make_toy(toy_root, N_TRAIN, N_VAL, seed=3)
    assert photograph.stat().st_mtime_ns == before


def test_an_interrupted_run_leaves_no_devkit_and_starts_again(
    toy_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(scene: Scene, rng: np.random.Generator) -> np.ndarray:
        if sum(1 for _ in tmp_path.rglob("*.jpg")) == 2:
            raise KeyboardInterrupt
        return paint(scene, rng)

    paint = write.paint
    monkeypatch.setattr(write, "paint", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_toy(tmp_path, N_TRAIN, N_VAL, seed=3)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(write, "paint", paint)
    assert contents(make_toy(tmp_path, N_TRAIN, N_VAL, seed=3)) == contents(toy_root)


def test_what_a_killed_run_left_is_removed_but_not_what_another_is_writing(tmp_path: Path):
    killed, running = tmp_path / ".toy-partial-a", tmp_path / ".toy-partial-b"
    (killed / "VOCdevkit").mkdir(parents=True)
    running.mkdir()
    os.utime(killed, (0, 0))
    make_toy(tmp_path, 1, 1)
    assert not killed.exists()
    assert running.exists()


def test_another_devkit_is_never_overwritten(toy_root: Path, tmp_path: Path):
    with pytest.raises(DataError, match="'seed': 3"):
        make_toy(toy_root, N_TRAIN, N_VAL, seed=5)
    (tmp_path / "VOCdevkit" / "VOC2012").mkdir(parents=True)
    with pytest.raises(DataError, match="no toy set"):
        make_toy(tmp_path)


@pytest.mark.parametrize(
    ("note", "says"),
    [
        (b"", r"toy\.json is damaged"),
        (b'{"version": 2, "n_tr', r"toy\.json is damaged"),
        (b"\xff\xd8", r"toy\.json is damaged"),
        (b'{"files": []}', r"holds {'files': \[\]}"),
        (b"[1]", r"holds \[1\]"),
    ],
)
def test_a_note_that_is_not_the_recipe_is_named_with_what_to_do(tmp_path: Path, note, says):
    (tmp_path / "VOCdevkit").mkdir()
    (tmp_path / "VOCdevkit" / "toy.json").write_bytes(note)
    with pytest.raises(DataError, match=rf"{says}.*was expected\. Remove it"):
        make_toy(tmp_path)


def test_recipe_lists_and_ids(toy_root: Path):
    recipe = json.loads((toy_root / "VOCdevkit/toy.json").read_text())
    assert recipe == {"version": TOY_VERSION, "n_train": N_TRAIN, "n_val": N_VAL, "seed": 3}
    lists = {name: open_devkit("toy", toy_root, TOY, name).ids for name in ("train", "val")}
    assert lists["train"][0] == "toy_000001"
    assert lists["val"] == tuple(f"toy_{n:06d}" for n in range(N_TRAIN + 1, N_TRAIN + N_VAL + 1))
    assert open_devkit("toy", toy_root, TOY, "trainaug").ids == lists["train"]


def test_images_differ_in_size_and_show_one_to_three_classes(toy: DevkitDataset):
    shapes = {sample.image.shape for sample in toy}
    sides = {side for shape in shapes for side in shape[:2]}
    assert min(sides) >= 96
    assert max(sides) <= 160
    assert len(shapes) > N_TRAIN // 2
    assert {len(toy.labels(id_)) for id_ in toy.ids} == {1, 2, 3}


def test_classes_are_equally_frequent():
    sets = write.label_sets(200, (0,))
    counts = np.bincount(np.concatenate(sets), minlength=len(TOY))[1:]
    assert np.ptp(counts) <= 2
    assert all(len(set(labels)) == len(labels) for labels in sets)


def test_void_separates_every_object_from_everything_else(toy: DevkitDataset):
    for sample in toy:
        mask = sample.mask.astype(int)
        for one, other in ((mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])):
            touching = (one != other) & (one != VOID) & (other != VOID)
            assert not touching.any()


def block(label: int, left: int, right: int) -> Thing:
    """A thing that covers the columns `left` to `right` of an 8 x 16 image."""
    coverage = np.zeros((8, 16), np.float32)
    coverage[:, left:right] = 1
    return Thing(label, KINDS["starfish"], Frame((8, 4), 4), coverage)


@pytest.mark.parametrize(
    ("things", "row"),
    [
        ([(3, 4, 16)], [0] * 3 + [VOID] * 2 + [3] * 11),
        # one hides another, and a companion is background
        (
            [(0, 0, 16), (1, 0, 8), (2, 4, 12)],
            [1] * 3 + [VOID] * 2 + [2] * 6 + [VOID] * 2 + [0] * 3,
        ),
        ([(1, 0, 8), (1, 8, 16)], [1] * 7 + [VOID] * 2 + [1] * 7),  # two of one class
    ],
)
def test_a_void_border_of_two_pixels_parts_objects(things, row):
    mask = Scene((8, 16), tuple(block(*thing) for thing in things)).mask()
    assert mask.tolist() == [row] * 8


def test_objects_show_enough_of_themselves_and_some_are_small(toy: DevkitDataset):
    areas = [np.mean(s.mask == c) for s in toy for c in toy.labels(s.id)]
    assert all(np.sum(s.mask == c) >= 80 for s in toy for c in toy.labels(s.id))
    assert min(areas) < 0.02
    assert max(areas) > 0.1


@pytest.mark.parametrize("name", ["fish", "basket"])
def test_a_companion_always_adjoins_its_object(name: str):
    for seed in range(8):
        things = draw_scene((TOY.index(name),), np.random.default_rng(seed)).things
        objects = [thing for thing in things if thing.label]
        companions = [thing for thing in things if not thing.label]
        assert len(companions) == len(objects) > 0
        for companion, thing in zip(companions, objects, strict=True):
            beside = ndimage.binary_dilation(thing.coverage > 0.5, iterations=4)
            assert np.sum(beside & (companion.coverage > 0.5)) >= 10


def test_only_two_classes_have_a_companion():
    assert [name for name, kind in KINDS.items() if kind.companion] == ["fish", "basket"]


def test_companions_are_seen_where_nothing_stands_before_them_and_no_border_is():
    weed = replace(block(0, 0, 16), companion_of=4)
    weed.coverage[:4] = 0.49
    wall = replace(block(0, 12, 16), companion_of=5)
    scene = Scene((8, 16), (weed, wall, block(4, 6, 8), block(1, 0, 2)))
    assert scene.mask()[7].tolist() == [1, VOID, VOID, 0, 0] + [VOID] * 4 + [0] * 7
    assert scene.companions()[7].tolist() == [0] * 3 + [4] * 2 + [0] * 4 + [4] * 3 + [5] * 4
    assert scene.companions()[0].tolist() == [0] * 12 + [5] * 4


def test_companions_are_background_beside_their_objects(toy: DevkitDataset):
    companions = replace(toy, masks="Companions")
    companions.check_files()
    with_companion = {TOY.index("fish"), TOY.index("basket")}
    expected, seen = [], []
    for id_ in toy.ids:
        mask, companion = toy.mask(id_), companions.mask(id_)
        assert companion.shape == mask.shape
        assert set(mask[companion > 0]) <= {0}
        labels = set(np.unique(companion)) - {0}
        assert labels <= set(toy.labels(id_)) & with_companion
        expected += [(id_, label) for label in toy.labels(id_) if label in with_companion]
        seen += [(id_, label) for label in labels if np.sum(companion == label) >= 50]
    assert len(expected) > N_TRAIN // 3
    assert len(seen) > 0.9 * len(expected)


def test_object_and_background_share_their_colours(toy: DevkitDataset):
    """Of an object's pixels, most have a background pixel of nearly their colour."""
    shared = []
    for sample in toy:
        tree = cKDTree(sample.image[sample.mask == 0].astype(float))
        object_ = sample.image[(sample.mask != 0) & (sample.mask != VOID)].astype(float)
        shared.append(np.mean(tree.query(object_)[0] < 12))
    assert np.median(shared) > 0.8


def test_no_class_has_a_colour_of_its_own(toy: DevkitDataset):
    """Mean colours of the classes differ less between classes than between images."""
    means = {label: [] for label in range(1, len(TOY))}
    for sample in toy:
        for label in toy.labels(sample.id):
            means[label].append(sample.image[sample.mask == label].mean(0))
    within = np.mean([np.std(colours, 0).mean() for colours in means.values()])
    between = np.std([np.mean(colours, 0) for colours in means.values()], 0).mean()
    assert between < within


@pytest.mark.parametrize("texture", [kind.texture for kind in KINDS.values()])
def test_a_texture_repeats_at_its_period_or_near(texture):
    v, u = np.mgrid[-1:1:128j, -1:1:128j]
    coarse = texture(u, v, 0.5, np.random.default_rng(0))
    fine = texture(u, v, 0.125, np.random.default_rng(0))
    assert np.isfinite(fine).all()
    ratio = (
        np.abs(np.diff(fine)).mean() / fine.std() / (np.abs(np.diff(coarse)).mean() / coarse.std())
    )
    assert 1.5 < ratio < 6  # four times as many edges, or near that


def test_a_frame_turns_flips_and_inverts():
    frame = Frame((10, 20), 4, angle=np.pi / 2, flip=True)
    assert frame.to_pixels(np.array([[1.0, 0.0], [0.0, 1.0]])).round(6).tolist() == [
        [10, 16],
        [6, 20],
    ]
    u, v = frame.coordinates((40, 40))
    pixels = frame.to_pixels(np.stack([u, v], -1).reshape(-1, 2)).reshape(40, 40, 2)
    y, x = np.mgrid[:40, :40] + 0.5
    np.testing.assert_allclose(pixels, np.stack([x, y], -1))


def test_coverage_is_the_area_with_at_most_an_eighth_of_a_pixel_more_all_round():
    square = [np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])]
    coverage = Frame((4.0, 4.0), 2.0).coverage(square, (8, 8))
    assert 4**2 <= coverage.sum() <= 4.26**2
    assert coverage[4, 4] == 1
    assert coverage[0, 0] == 0


def test_torchvision_reads_the_same(toy_root: Path, toy: DevkitDataset):
    oracle = VOCSegmentation(str(toy_root), year="2012", image_set="train")
    assert len(oracle) == len(toy)
    for sample, (image, mask) in zip(toy, oracle, strict=True):
        np.testing.assert_array_equal(sample.image, np.asarray(image))
        np.testing.assert_array_equal(sample.mask, np.asarray(mask))
        assert mask.mode == "P"
        np.testing.assert_array_equal(np.asarray(mask.convert("RGB")), palette()[sample.mask])
