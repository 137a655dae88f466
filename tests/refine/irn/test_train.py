"""Training of the edge network: it learns, it goes on, and it refuses what it cannot use."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.expand.localise import Localiser
from wsss_lib.files import sha256
from wsss_lib.refine.irn import train
from wsss_lib.refine.irn.network import edge_map
from wsss_lib.refine.irn.train import EDGE_IMAGES, PRESETS, load_edges, train_irn, trained_edges

SMALL = {"crop": 48, "batch": 4, "epochs": 2, "radius": 3}


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def localiser(checkpoints):
    return Localiser(checkpoints.plain, (1.0,))


@pytest.fixture
def how(checkpoints):
    return SMALL | {"weights": str(checkpoints.plain)}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def true_labels(monkeypatch):
    """The ground truth takes the place of affinity labels: edges are sure to be found then."""
    monkeypatch.setattr(train, "make_affinity_labels", lambda dataset, *_: dataset.mask_folder)


@pytest.fixture
def no_training(monkeypatch):
    """Trainings are asked for, but none takes place: their settings and batches."""
    seen = []

    def training(_network, _settings, batches, _losses, _path, record, **_more):
        seen.append((record["setting"], batches))
        return SimpleNamespace(run=lambda: None)

    monkeypatch.setattr(train, "Training", training)
    return seen


def history_of(path):
    return json.loads(torch.load(path, weights_only=True)["history"])


def test_it_learns_where_labels_change(squares, localiser, how, true_labels):
    path = train_irn(squares, localiser, **how | {"epochs": 5})
    losses = [row["loss"] for row in history_of(path)]
    assert len(losses) == 5
    assert losses[-1] < 0.9 * losses[0]
    network = load_edges(path)
    assert not network.training
    on, off = [], []
    for sample in squares.subset(squares.ids[:4]):
        edges = edge_map(network, sample.image)
        small = sample.mask[2::4, 2::4]
        border = np.zeros(small.shape, bool)
        border[1:] |= small[1:] != small[:-1]
        border[:, 1:] |= small[:, 1:] != small[:, :-1]
        on.append(edges[border])
        off.append(edges[~border])
    assert np.concatenate(on).mean() > 1.2 * np.concatenate(off).mean()


def test_the_backbone_below_is_frozen(checkpoints):
    kept = torch.load(checkpoints.edges, weights_only=True)
    below = torch.load(checkpoints.plain, weights_only=True)["network"]
    below = {name: value for name, value in below.items() if name.startswith("backbone.")}
    assert all(torch.equal(kept["network"][name], value) for name, value in below.items())
    assert kept["setting"]["weights"]["sha256"] == sha256(checkpoints.plain)
    own = load_edges(checkpoints.edges).state_dict()
    assert own.keys() == kept["network"].keys()
    assert all(torch.equal(own[name], value) for name, value in kept["network"].items())


def test_a_stopped_training_ends_in_the_same_bytes(
    squares, localiser, how, true_labels, tmp_path, monkeypatch
):
    eight = squares.subset(squares.ids[:8])
    whole = train_irn(eight, localiser, **how)
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "another"))
    read, left = DevkitDataset.image, iter(range(8 + 5))  # one batch of the second epoch is done

    def image(self, id_):
        if next(left, None) is None:
            raise Stopped
        return read(self, id_)

    with monkeypatch.context() as patch:
        patch.setattr(DevkitDataset, "image", image)
        with pytest.raises(Stopped):
            train_irn(eight, localiser, **how)
    path = tmp_path / "another/weights" / whole.name
    assert len(history_of(path)) == 1
    with pytest.raises(WeightsError, match=r"stopped after epoch 1 of 2\. .*'wsss train irn'"):
        load_edges(path)
    assert train_irn(eight, localiser, **how) == path
    assert path.read_bytes() == whole.read_bytes()


def test_a_finished_training_is_not_repeated(squares, checkpoints, how, no_training, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(checkpoints.edges.parents[1]))
    localiser = Localiser(checkpoints.plain, scales=(1.0,))
    path = train_irn(squares, localiser, **how | {"crop": 32, "epochs": 1})
    assert path == checkpoints.edges
    assert path.name.startswith("toy-irn-resnet10-")
    assert not no_training


def test_what_matters_gives_another_checkpoint(
    squares, localiser, checkpoints, how, true_labels, no_training
):
    sipe = Localiser(checkpoints.sipe, (1.0,))
    paths = [
        train_irn(squares, localiser, **how),
        train_irn(squares, localiser, seed=1, **how),
        train_irn(squares, localiser, **how | {"radius": 4}),
        train_irn(squares, localiser, **how | {"weights": str(checkpoints.sipe)}),
        train_irn(squares, sipe, **how),
        train_irn(squares.subset(squares.ids[:8]), localiser, **how),
    ]
    assert len(set(paths)) == 6
    train_irn(squares, localiser, **how | {"power": None})
    assert no_training[-1][0] == no_training[0][0]  # None keeps the data set's own


def test_crops_show_affinity_labels(squares, localiser, how, no_training, monkeypatch, tmp_path):
    for id_ in squares.ids:
        write_mask(tmp_path / "made" / id_, np.full((40, 52), 4))
    monkeypatch.setattr(train, "make_affinity_labels", lambda *_: tmp_path / "made")
    train_irn(squares, localiser, **how)
    ((_, batches),) = no_training
    first, second = ([labels for _, _, labels in batches(epoch)] for epoch in (0, 1))
    assert [labels.shape for labels in first] == [(4, 12, 12)] * 3
    assert set(torch.cat(first).unique().tolist()) == {4, 255}  # 255 beyond the image
    assert not torch.equal(torch.cat(first), torch.cat(second))


@pytest.mark.parametrize(
    ("dataset", "images", "count"),
    [("toy", None, EDGE_IMAGES["toy"]), ("voc", None, None), ("toy", 7, 7)],
)
def test_as_many_images_are_learnt_from_as_are_enough(
    localiser, monkeypatch, dataset, images, count
):
    monkeypatch.setattr(train, "training_images", lambda name, **which: (name, which))
    monkeypatch.setattr(train, "train_irn", lambda *given, **how: (given, how))
    given, how = trained_edges(dataset, localiser, root="here", images=images, epochs=2)
    assert given == ((dataset, {"root": "here", "images": count}), localiser)
    assert how == {"epochs": 2}


def test_the_frozen_backbone_is_of_the_kind_and_the_data_of_the_images(
    squares, localiser, true_labels, no_training, monkeypatch
):
    asked, choose = [], train.choose_backbone

    def chosen(*given, **how):
        asked.append((*given, how))
        return choose("toy", "resnet18", "random")

    monkeypatch.setattr(train, "choose_backbone", chosen)
    train_irn(squares, localiser)
    assert asked == [("toy", "resnet10", "trained", {"root": squares.root, "device": "cpu"})]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"speed": 3}, "No training setting 'speed'.*'radius'"),
        ({"epochs": 0}, "epochs=0"),
        ({"device": "banana"}, "device='banana'"),
    ],
)
def test_wrong_settings_are_told_before_labels_are_made(squares, localiser, changes, text):
    with pytest.raises(ParameterError, match=text):
        train_irn(squares, localiser, **changes)


@pytest.mark.parametrize(
    "changes", [{"crop": 30}, {"crop": 32, "radius": 5}, {"crop": 64, "radius": 1}]
)
def test_crops_that_do_not_fit_the_radius_are_refused_at_once(squares, changes):
    with pytest.raises(ParameterError, match=f"crop={changes['crop']}, radius=.*2 x radius - 1"):
        train_irn(squares, None, **changes)


def test_a_data_set_without_a_preset_is_refused(squares, localiser):
    other = DevkitDataset("tiny", squares.root, squares.classes, "train", squares.ids)
    with pytest.raises(ParameterError, match="No training preset 'tiny'; expected toy, voc"):
        train_irn(other, localiser)


def test_the_voc_preset_is_that_of_irn():
    voc = PRESETS["voc"]
    assert (voc.epochs, voc.batch, voc.crop, voc.radius) == (3, 32, 512, 10)
    assert (voc.lr, voc.weight_decay, voc.power, voc.optimiser) == (0.1, 1e-4, 0.9, "sgd")
    assert (voc.weights, voc.momentum, voc.clip_norm) == ("imagenet", 1e-4, float("inf"))


def test_other_files_are_no_edge_network(checkpoints, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "plain.pth")
    for path in (checkpoints.plain, checkpoints.sipe, tmp_path / "plain.pth"):
        with pytest.raises(WeightsError, match=rf"{path.name} is no edge network.*train irn"):
            load_edges(path)
    with pytest.raises(WeightsError, match="No weights file"):
        load_edges(tmp_path / "nowhere.pth")
