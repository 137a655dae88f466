"""Loading trained networks, devices, settings, and the loop against its formulas."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from wsss_lib.checkpoints import write_checkpoint
from wsss_lib.classify.train import load_trained
from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.files import sha256
from wsss_lib.segmentation.segmenter import load_segmenter
from wsss_lib.training import Training, TrainingSettings, choose_device
from wsss_lib.weak.irn.train import load_edges


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path))


DAMAGES = {
    "half": lambda path: path.read_bytes()[: path.stat().st_size // 2],
    "all but the end": lambda path: path.read_bytes()[:-100],
    "zeros": lambda path: bytes(path.stat().st_size),
    "nothing": lambda path: b"",
    "a page": lambda path: b"<html>quota exceeded</html>",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_set_aside_and_the_training_begins_anew(tmp_path, capsys, damage):
    whole, path = tmp_path / "whole.pth", tmp_path / "line.pth"
    train(whole)
    damaged = damage(whole)
    path.write_bytes(damaged)
    train(path)
    assert path.read_bytes() == whole.read_bytes()
    assert (tmp_path / "line.pth.damaged").read_bytes() == damaged
    said = capsys.readouterr().out
    assert "line.pth is damaged: it is now line.pth.damaged, and made again" in said


@pytest.mark.parametrize("load", [load_trained, load_segmenter, load_edges])
@pytest.mark.parametrize("damage", ["half", "nothing"])
def test_a_damaged_file_of_somebody_is_named_and_left_alone(checkpoints, tmp_path, load, damage):
    path, damaged = tmp_path / "mine.pth", DAMAGES[damage](checkpoints.plain)
    path.write_bytes(damaged)
    with pytest.raises(WeightsError, match=r"mine\.pth is damaged"):
        load(path)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    ("kind", "layer", "value"),
    [
        ("plain", "classifier.weight", float("nan")),
        ("sipe", "backbone.body.conv1.weight", float("inf")),
        ("edges", "edge.bias", -float("inf")),
    ],
)
def test_a_network_that_diverged_is_not_loaded(checkpoints, tmp_path, kind, layer, value):
    content = torch.load(getattr(checkpoints, kind), weights_only=True)
    content["network"][layer].view(-1)[0] = value
    write_checkpoint(tmp_path / "old.pth", content)
    with pytest.raises(WeightsError, match=rf"old\.pth diverged: {layer} is not finite\. Remove"):
        (load_edges if kind == "edges" else load_trained)(tmp_path / "old.pth")


def test_a_checkpoint_that_was_saved_again_from_dataparallel_is_loaded(checkpoints, tmp_path):
    content = torch.load(checkpoints.plain, weights_only=True)
    network = {f"module.{name}": value for name, value in content["network"].items()}
    write_checkpoint(tmp_path / "parallel.pth", content | {"network": network})
    found = load_trained(tmp_path / "parallel.pth").network.state_dict()
    assert all(value.equal(found[name]) for name, value in content["network"].items())


@pytest.mark.parametrize("kind", ["plain", "sipe", "edges"])
def test_a_loaded_checkpoint_is_named_and_ready(checkpoints, kind):
    path = getattr(checkpoints, kind)
    found = load_edges(path) if kind == "edges" else load_trained(str(path))
    assert (found.weights.name, found.weights.sha256) == (path.name, sha256(path))
    assert found.network.backbone.weights == found.weights
    assert not found.network.training
    assert found.history["epoch"].tolist() == list(range(1, len(found.history) + 1))
    again = load_edges(path) if kind == "edges" else load_trained(path)
    assert again.network is found.network  # once in a process


@pytest.mark.parametrize(
    ("load", "kind", "text"),
    [
        (load_trained, "edges", "is an edge network of this kit; a classification .* classifier'"),
        (load_segmenter, "plain", "is a classification network of this kit; a seg.* segmenter'"),
        (load_edges, "sipe", "is a classification network of this kit; an edge .* irn'"),
        (load_edges, None, "is no checkpoint of this kit; an edge network was expected"),
    ],
)
def test_another_network_is_named_and_what_trains_the_right_one(
    checkpoints, load, kind, text, tmp_path
):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    path = getattr(checkpoints, kind) if kind else tmp_path / "other.pth"
    with pytest.raises(WeightsError, match=rf"{path.name} {text}"):
        load(path)
    with pytest.raises(WeightsError, match=r"No weights file .*nowhere\.pth"):
        load(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("name", ["banana", "cuda:99", "meta", ""])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(ParameterError, match=rf"device='{name}' cannot be used here \(.*'cpu'"):
        choose_device(name)


@pytest.mark.parametrize(("found", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, found, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    assert choose_device("auto") == expected


SETTINGS = {
    "epochs": 3,
    "batch": 5,
    "optimiser": "sgd",
    "lr": 0.1,
    "head_factor": 3,
    "momentum": 0.8,
    "weight_decay": 0.02,
    "power": 0.9,
    "clip_norm": float("inf"),
}


class Stopped(Exception):
    """Somebody pulled the plug."""


class Line(nn.Module):
    """Predicts ``x @ slope + offset``; the offset is a new layer."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([0.5, -1.0], dtype=torch.float64))
        self.offset = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))

    def losses(self, batch):
        x, y = batch
        return {"square": ((x @ self.slope + self.offset - y) ** 2).mean()}

    def parameter_groups(self, lr, head_factor):
        return [
            {"params": [self.slope], "lr": lr, "initial_lr": lr},
            {"params": [self.offset], "lr": head_factor * lr, "initial_lr": head_factor * lr},
        ]


def batches(epoch):
    """Three batches that are others in every epoch."""
    rng = np.random.default_rng(epoch)
    return [
        (torch.from_numpy(rng.normal(size=(5, 2))), torch.from_numpy(rng.normal(size=5)))
        for _ in range(3)
    ]


def by_hand(optimiser, momentum, weight_decay, clip_norm, power=0.9):
    """The parameters after 3 epochs of 3 steps, and the mean loss of each epoch."""
    values, losses = np.array([0.5, -1.0, 0.0]), []
    first, second = np.zeros(3), np.zeros(3)
    for step in range(9):
        x, y = (part.numpy() for part in batches(step // 3)[step % 3])
        x = np.column_stack([x, np.ones(5)])
        losses.append(((x @ values - y) ** 2).mean())
        gradient = 2 * x.T @ (x @ values - y) / 5
        gradient *= min(1, clip_norm / (np.linalg.norm(gradient) + 1e-6))
        rates = np.array([0.1, 0.1, 0.3]) * (1 - step / 9) ** power
        if optimiser == "sgd":
            first = momentum * first + gradient + weight_decay * values
            values = values - rates * first
        else:
            first = momentum * first + (1 - momentum) * gradient
            second = 0.999 * second + 0.001 * gradient**2
            step_size = first / (1 - momentum ** (step + 1))
            spread = np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-8
            values = values * (1 - rates * weight_decay) - rates * step_size / spread
    return values, np.mean(np.reshape(losses, (3, 3)), 1)


def train(path, batches=batches, losses=None, scores=dict, **changes):
    """Train a line; its parameters and what was written."""
    line = Line()
    Training(
        line,
        TrainingSettings(**SETTINGS | changes),
        batches,
        losses or line.losses,
        path,
        {"setting": {"of": "a line"}},
        scores,
    ).run()
    return [*line.slope.tolist(), line.offset.item()], torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"momentum": 0, "weight_decay": 0},
        {"power": 2},
        {"clip_norm": 0.7},
        {"optimiser": "adamw"},
        {"optimiser": "adamw", "clip_norm": 0.7},
    ],
    ids=str,
)
def test_steps_are_those_of_the_formulas(tmp_path, changes):
    """The learning rate at a step is lr (1 - step / steps) ** power, for new layers a multiple."""
    kinds = ("optimiser", "momentum", "weight_decay", "clip_norm")
    expected, losses = by_hand(**{kind: SETTINGS[kind] for kind in kinds} | changes)
    found, content = train(tmp_path / "line.pth", **changes)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    history = json.loads(content["history"])
    assert [list(row) for row in history] == [["epoch", "loss"]] * 3
    assert [row["epoch"] for row in history] == [1, 2, 3]
    np.testing.assert_allclose([row["loss"] for row in history], losses, rtol=1e-10)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize(("accumulate", "sizes"), [(2, (3, 2)), (3, (2, 2, 1)), (5, (1,) * 5)])
def test_parts_of_a_batch_weigh_the_same(tmp_path, optimiser, accumulate, sizes):
    """As if the loss were the mean of the parts' losses, whatever their sizes."""
    whole, parts = Line(), Line()
    seen = []

    def mean_of_parts(batch):
        pairs = zip(*(part.split(sizes) for part in batch), strict=True)
        return {"square": sum(whole.losses(pair)["square"] for pair in pairs) / len(sizes)}

    def one_part(batch):
        seen.append(len(batch[0]))
        return parts.losses(batch)

    settings, contents = TrainingSettings(**SETTINGS | {"optimiser": optimiser}), []
    for line, losses, count in ((whole, mean_of_parts, 1), (parts, one_part, accumulate)):
        path = tmp_path / f"{count}.pth"
        Training(line, settings, batches, losses, path, {}, accumulate=count).run()
        contents.append(json.loads(torch.load(path, weights_only=True)["history"]))
    assert seen == [*sizes] * 9
    np.testing.assert_allclose(parts.slope.tolist(), whole.slope.tolist(), rtol=1e-12)
    assert parts.offset.item() == pytest.approx(whole.offset.item(), rel=1e-12)
    expected, found = ([row["loss"] for row in content] for content in contents)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_several_losses_are_summed_and_noted_one_by_one(tmp_path):
    line = Line()  # not the one that is trained, so that it stays as it is

    def losses(batch):
        nothing = 0 * line.losses(batch)["square"]
        return {"near": nothing + batch[0].mean(), "far": nothing + 2}

    _, content = train(tmp_path / "line.pth", losses=losses, scores=lambda: {"score": 0.5})
    for epoch, row in enumerate(json.loads(content["history"])):
        near = np.mean([batch[0].mean() for batch in batches(epoch)])
        assert list(row) == ["epoch", "loss", "near", "far", "score"]
        assert row["near"] == pytest.approx(near)
        assert (row["far"], row["score"]) == (2, 0.5)
        assert row["loss"] == pytest.approx(near + 2)


def test_all_parts_of_the_loss_are_made_small(tmp_path):
    line = Line()
    settings = TrainingSettings(**SETTINGS | {"momentum": 0, "weight_decay": 0, "epochs": 20})

    def losses(_batch):
        return {"slope": (line.slope**2).sum(), "offset": (line.offset - 1) ** 2}

    Training(line, settings, batches, losses, tmp_path / "line.pth", {}).run()
    np.testing.assert_allclose(line.slope.tolist(), [0, 0], atol=1e-2)
    assert line.offset.item() == pytest.approx(1, abs=1e-2)


class Broken(list):
    """Batches, of which only the first can be read."""

    def __iter__(self):
        yield self[0]
        raise Stopped


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_stopped_training_ends_in_the_same_bytes(tmp_path, optimiser):
    whole, path, asked = tmp_path / "whole.pth", tmp_path / "stopped.pth", []
    train(whole, optimiser=optimiser)

    def fails(epoch):
        return Broken(batches(epoch)) if epoch == 1 else batches(epoch)

    with pytest.raises(Stopped):
        train(path, fails, optimiser=optimiser)
    kept = torch.load(path, weights_only=True)
    assert (kept["epoch"], len(json.loads(kept["history"]))) == (1, 1)
    assert kept["setting"] == {"of": "a line"}

    def noted(epoch):
        asked.append(epoch)
        return batches(epoch)

    _, content = train(path, noted, optimiser=optimiser)
    assert asked == [0, 1, 2]  # epoch 0 only to count its steps
    assert content["optimiser"] is None
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (1, 2), (2, 1)])
def test_a_training_stops_where_its_loss_is_not_finite(tmp_path, bad, epoch, step):
    """What was good before is kept, and nothing is marked as finished."""
    path, good = tmp_path / "line.pth", tmp_path / "good.pth"

    def diverging(number):
        made = batches(number)
        if number == epoch:
            made[step] = (made[step][0], made[step][1] + bad)
        return made

    said = rf"the loss is (nan|inf) at step {step + 1} of epoch {epoch + 1}, with .* rate 0\.1\."
    for _ in range(2):  # started again it stops there again
        with pytest.raises(ParameterError, match=said) as error:
            train(path, diverging)
        assert ("Nothing is kept" if epoch == 0 else "line.pth has the epochs") in str(error.value)
        assert "--lr" in str(error.value)
        assert path.exists() == (epoch > 0)
    if epoch:
        kept = torch.load(path, weights_only=True)
        assert (kept["epoch"], len(json.loads(kept["history"]))) == (epoch, epoch)
        assert kept["optimiser"] is not None
        assert kept["network"]["slope"].isfinite().all()
        train(path)  # as if the batch had been good
        train(good)
        assert path.read_bytes() == good.read_bytes()


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_weights_that_the_last_step_makes_infinite_are_not_kept(tmp_path, optimiser):
    changes = {"lr": 1.7e308, "epochs": 1, "power": 0, "head_factor": 1, "weight_decay": 2.0}
    with pytest.raises(ParameterError, match=r"slope is not finite at step 1 of epoch 1, with"):
        train(tmp_path / "line.pth", lambda _: batches(0)[:1], optimiser=optimiser, **changes)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lr": float("inf")}, "lr=inf; it must be positive and finite"),
        ({"batch": float("inf")}, "batch=inf"),
        ({"epochs": 0}, "epochs=0; it must be positive and finite"),
        ({"batch": -1}, "batch=-1"),
        ({"lr": 0}, "lr=0"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"head_factor": 0}, "head_factor=0"),
        ({"clip_norm": 0}, "clip_norm=0"),
        ({"momentum": -0.1}, "momentum=-0.1; expected at least 0 and below 1"),
        ({"momentum": 1}, "momentum=1"),
        ({"weight_decay": -1}, "weight_decay=-1; it must not be negative"),
        ({"power": -1}, "power=-1"),
        ({"optimiser": "lbfgs"}, "'lbfgs'; expected 'sgd' or 'adamw'"),
    ],
)
def test_bad_values_are_refused(change, text):
    with pytest.raises(ParameterError, match=text):
        TrainingSettings(**SETTINGS | change)


def test_what_is_left_open_comes_from_the_preset():
    presets = {"toy": TrainingSettings(**SETTINGS), "voc": TrainingSettings()}
    found = TrainingSettings(epochs=7, lr=None).completed(presets, "toy")
    assert found == TrainingSettings(**SETTINGS | {"epochs": 7})
    with pytest.raises(ParameterError, match="No training preset 'tiny'; expected toy, voc"):
        TrainingSettings().completed(presets, "tiny")
