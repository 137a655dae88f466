"""Seeds from files, written here as the methods' own scripts write them."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.errors import DataError
from wsss_lib.features import extract
from wsss_lib.weak import mars, masks
from wsss_lib.weak.chain import make_steps
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.steps import Seed

SIZE = (40, 52)
FLOAT = np.float32


@pytest.fixture
def cams(few_squares):
    """Maps of each id: (k, H, W), 0 to 1."""
    rng = np.random.default_rng(0)
    return {
        id_: rng.random((len(few_squares.labels(id_)), *SIZE)).astype(FLOAT)
        for id_ in few_squares.ids
    }


@pytest.fixture
def empty(tmp_path):
    """A folder for files of seeds."""
    (tmp_path / "seeds").mkdir()
    return tmp_path / "seeds"


def psa(path, labels, maps):
    np.save(path / "x.npy", {label - 1: each for label, each in zip(labels, maps, strict=True)})


def irn(path, labels, maps):
    keys = torch.tensor([label - 1 for label in labels], dtype=torch.int64)
    cam = torch.from_numpy(maps[:, ::4, ::4].copy())
    np.save(path / "x.npy", {"keys": keys, "cam": cam, "high_res": maps})


def with_constant(maps):
    return np.concatenate([np.full((1, *SIZE), 0.4, FLOAT), maps])


def sipe(path, labels, maps):
    np.save(path / "x.npy", {"keys": np.array([0, *labels]), "IS_CAM": with_constant(maps)})


def keyed(path, labels, maps):
    np.savez(path / "x.npz", keys=np.array(labels, int), maps=maps)


def plain(path, labels, maps):
    np.save(path / "x.npy", maps)


def png(path, labels, maps):
    from PIL import Image

    index = np.array([0, *labels], np.uint8)[with_constant(maps).argmax(0)]
    Image.fromarray(index).save(path / "x.png")


KINDS = {
    "PSA-style": psa,
    "IRN-style": irn,
    "SIPE-style": sipe,
    "keyed maps": keyed,
    "maps": plain,
    "mask": png,
}


@pytest.fixture
def folder(few_squares, cams, tmp_path):
    """Writes a folder of files of a kind."""

    def write(kind, ids=few_squares.ids):
        place = tmp_path / kind
        place.mkdir()
        for id_ in ids:
            KINDS[kind](place, few_squares.labels(id_), cams[id_])
            (found,) = place.glob("x.*")
            found.rename(place / f"{id_}{found.suffix}")
        return place

    return write


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seeds_in_all_formats_give_the_same_masks(few_squares, cams, folder, kind):
    seeds = SeedFiles(folder(kind), threshold=0.4)
    assert seeds.has_background == (kind in ("SIPE-style", "mask"))
    for id_ in few_squares.ids:
        expected = np.array([0, *few_squares.labels(id_)])[with_constant(cams[id_]).argmax(0)]
        np.testing.assert_array_equal(seeds.scores(few_squares, id_).mask(), expected)
        assert seeds.describe(few_squares, id_) == {"kind": kind, "scaled": False}


def test_seeds_are_expanded_scored_and_told(few_squares, folder, monkeypatch):
    seeds = SeedFiles(folder("IRN-style"), threshold=0.4)
    options = {"localiser": seeds, "samples": 20, "feature": "img"}
    steps = make_steps(["seed", "svm", "crf"], few_squares, **options)
    result = masks.pseudo_masks(few_squares, steps)
    report = masks.score_steps(result)
    assert list(report.main.index) == ["seed", "svm", "crf"]
    assert report.main["mean"].notna().all()
    assert masks.caption(report).endswith("threshold: 0.4; CRF: yes; seeds from files: 3 IRN-style")
    assert report.provenance["method"] == "files"
    monkeypatch.setattr(masks, "run_steps", None)  # nothing is computed again
    assert masks.pseudo_masks(few_squares, steps).rows == result.rows


def test_every_step_runs_on_files_with_the_features_of_any_backbone(
    few_squares, cams, folder, checkpoints, monkeypatch
):
    spec = BackboneSpec("resnet10", "random")
    seeds = SeedFiles(folder("PSA-style"), threshold=0.4, network=spec)
    centroids = mars.collect_centroids(few_squares, seeds)
    parts = []  # as by hand: of the files' masks
    for id_ in few_squares.ids:
        mask = np.array([0, *few_squares.labels(id_)])[with_constant(cams[id_]).argmax(0)]
        feature = extract(few_squares.image(id_), ["F4"], spec.load(), zscore=False)["F4"]
        parts.append(mars.class_centroids(feature, mask.astype(np.uint8), id_))
    expected = mars.debiased(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    np.testing.assert_array_equal(mars.load_centroids(centroids).values, expected.values)

    names = ["seed", "mars", "svm", "expand", "crf", "irn"]
    needed = {"localiser": seeds, "centroids": centroids, "edges": checkpoints.edges}
    options = {"samples": 20, "feature": "F2", "rounds": 1, "watched": True}
    steps = make_steps(names, few_squares, **needed, **options)
    result = masks.pseudo_masks(few_squares, steps)
    assert not result.failures
    assert [step.name for step in result.rows] == names
    assert result.provenance["network"] == {"backbone": "resnet10", **asdict(spec.load().weights)}
    signs = next(iter(result.rows[steps[3]]))["rounds"][0]
    assert "agreement" in signs
    assert "whole" not in signs  # which only a classifier can tell

    other = replace(seeds, network=replace(spec, seed=1))
    assert mars.collect_centroids(few_squares, other) != centroids
    keys = [
        masks.row_keys(few_squares, few_squares.ids[0], (Seed(each),)) for each in (seeds, other)
    ]
    assert not set(keys[0].values()) & set(keys[1].values())


def test_features_without_a_network_are_refused(few_squares, folder):
    steps = make_steps(["seed", "svm"], few_squares, localiser=SeedFiles(folder("maps"), 0.4))
    with pytest.raises(DataError, match="The layer F2 comes from a network and none was given"):
        masks.pseudo_masks(few_squares, steps)


def test_another_file_is_another_key(few_squares, folder):
    seeds, id_ = SeedFiles(folder("maps")), few_squares.ids[0]
    before = seeds.key(few_squares, id_)
    np.save(seeds.path(id_), np.zeros((2, *SIZE), FLOAT))
    assert seeds.key(few_squares, id_) != before


def test_own_sipe_maps_come_back(few_squares, checkpoints, empty):
    own = Localiser(checkpoints.sipe, (1.0,), background_weight=1.0)
    id_ = few_squares.ids[0]
    scores = own.scores(few_squares, id_)
    found = {"keys": np.array(scores.labels), "IS_CAM": scores.values}
    np.save(empty / f"{id_}.npy", found)
    again = SeedFiles(empty).scores(few_squares, id_)
    assert again.labels == scores.labels
    np.testing.assert_array_equal(again.values, scores.values)


def test_smaller_maps_are_scaled_bilinearly_and_negative_values_are_none(few_squares, empty):
    id_ = few_squares.ids[1]
    np.save(empty / f"{id_}.npy", np.tile(np.array([-0.2, 1.0], FLOAT), (1, 3, 1)))
    seeds = SeedFiles(empty)
    maps, _ = seeds.maps(few_squares, id_)
    assert maps.shape == (1, *SIZE)
    centres = (np.arange(52) + 0.5) / 26 - 0.5  # of the pixels, between the two columns
    expected = np.interp(centres, [0, 1], [-0.2, 1]).clip(0)
    np.testing.assert_allclose(maps[0], np.tile(expected, (40, 1)), atol=1e-6)
    assert seeds.describe(few_squares, id_)["scaled"]


class Payload:
    """Its pickle makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_malicious_pickle_is_refused_and_never_run(few_squares, empty, tmp_path):
    id_, made = few_squares.ids[0], tmp_path / "made"
    np.save(empty / f"{id_}.npy", {"keys": [0], "cam": Payload(made)})
    with pytest.raises(DataError, match=r"refused: it names \w+\.open"):
        SeedFiles(empty).maps(few_squares, id_)
    assert not made.exists()


def maps_of(count, value=0.5, size=SIZE):
    return np.full((count, *size), value, FLOAT)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({0: maps_of(1)[0], 4: maps_of(1)[0]}, "object classes 1, 5; the image's labels are 1, 2"),
        ({0: maps_of(1)[0]}, "object classes 1; the image's labels are 1, 2"),
        (maps_of(2, np.nan), "holds NaN or infinity"),
        (maps_of(2, 3), "go up to 3; expected 0 to 1"),
        (maps_of(3), "holds 3 maps without keys; expected one for each"),
        (maps_of(2)[0], r"holds maps of \(40, 52\) for no keys"),
        ({"keys": [0], "IS_CAM": maps_of(2)}, r"of \(2, 40, 52\) for 1 keys"),
        ({"keys": [0, 1], "maps": maps_of(2)}, "it holds keys, maps; expected 'IS_CAM'"),
        ({"a": 1}, "it holds a; expected 'keys' or object classes"),
    ],
)
def test_what_does_not_fit_is_named(few_squares, empty, content, said):
    id_ = few_squares.ids[0]
    np.save(empty / f"{id_}.npy", content)
    with pytest.raises(DataError, match=said):
        SeedFiles(empty).maps(few_squares, id_)


def test_missing_damaged_and_mixed_files_are_failures_of_their_images(few_squares, folder):
    place = folder("maps")
    first, second, third = few_squares.ids
    (place / f"{second}.npy").write_bytes((place / f"{second}.npy").read_bytes()[:200])
    (place / f"{third}.npy").unlink()
    steps = make_steps(["seed"], few_squares, localiser=SeedFiles(place))
    result = masks.pseudo_masks(few_squares, steps)
    assert [row["id"] for row in result.rows[steps[0]]] == [first]
    assert "is damaged or no file of arrays" in result.failures[second]
    assert "expected one file of seeds" in result.failures[third]
    background = {"keys": np.array([0, 1]), "IS_CAM": maps_of(2)}
    (place / f"{second}.npy").unlink()
    np.save(place / f"{second}.npy", background)
    with pytest.raises(DataError, match="has a background, unlike the first file"):
        SeedFiles(place).maps(few_squares, second)
