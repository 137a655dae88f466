"""The training of every network of the kit: settings, the loop, checkpoints and loading them.

A network brings ``losses`` and ``parameter_groups``; the loop brings the schedule, a checkpoint
after each epoch, and resuming a training that was stopped. A checkpoint is in the cache; its
name has a key of its *setting*, all that determines the training, so a finished one is found again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from wsss_lib.errors import DamagedError, DivergedError, ParameterError, WeightsError
from wsss_lib.files import atomic_path, sha256, writable_folder, writing
from wsss_lib.paths import cache_dir, shown

#: The networks of the kit by the entry of a checkpoint's setting that holds the settings of their
#: training: what each is called, and what ``wsss train`` calls it.
NETWORKS = {
    "preset": ("a classification network", "classifier"),
    "segmenter": ("a segmentation network", "segmenter"),
    "irn": ("an edge network", "irn"),
}

#: The layers of the kit's networks that score classes, by the names of their weights.
SCORING_LAYERS = ("classifier.weight", "aspp.branches.0.weight")

#: What files call the part that holds the weights.
PARTS = ("network", "state_dict", "model_state_dict", "model")
#: What stands in front of all names where a network was wrapped, as by DataParallel.
WRAPPERS = {"module", "model", "network", "net", "_orig_mod"}


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a network learns; None leaves a value to the preset of the data set.

    Attributes
    ----------
    epochs, batch : int
        The images that do not fill the last batch of an epoch are left out.
    optimiser : {"sgd", "adamw"}
    lr : float
        Learning rate of the backbone at the first step; it falls as (1 - step / steps) ** `power`.
    head_factor : float
        The new layers' learning rate as a multiple of the backbone's.
    momentum : float
        Of SGD; AdamW's first beta.
    weight_decay : float
    power : float
    clip_norm : float
        Greatest L2 norm of the gradient of all parameters together; infinite where it is not cut.

    Raises
    ------
    ParameterError
        If a value is out of range.
    """

    # a checkpoint's bytes, and with them its checksum, depend on the order of the fields
    epochs: int | None = None
    batch: int | None = None
    optimiser: Literal["sgd", "adamw"] | None = None
    lr: float | None = None
    head_factor: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    power: float | None = None
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        positive = {"epochs", "batch", "lr", "head_factor", "clip_norm", "crop", "accumulate"}
        for name in given.keys() & positive:  # the last two are of some networks only
            if not (given[name] > 0 and (name == "clip_norm" or given[name] < np.inf)):
                raise ParameterError(f"{name}={given[name]}; it must be positive and finite.")
        for name in given.keys() & {"weight_decay", "power"}:
            if not given[name] >= 0:
                raise ParameterError(f"{name}={given[name]}; it must not be negative.")
        if not 0 <= given.get("momentum", 0) < 1:
            raise ParameterError(f"momentum={self.momentum}; expected at least 0 and below 1.")
        if given.get("optimiser", "sgd") not in ("sgd", "adamw"):
            raise ParameterError(f"No optimiser {self.optimiser!r}; expected 'sgd' or 'adamw'.")

    @classmethod
    def presets(cls, network: str) -> dict[str, Self]:
        """The settings of a network for each data set, as ``presets.yaml`` has them."""
        return {
            dataset: cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in preset.items()})
            for dataset, preset in _read_presets()[network].items()
        }

    def completed(self, presets: Mapping[str, Self], dataset: str) -> Self:
        """These settings, and where they leave a value open that of the data set's preset.

        Raises
        ------
        ParameterError
            If there is no preset of that data set, or values do not fit together.
        """
        if dataset not in presets:
            raise ParameterError(f"No training preset {dataset!r}; expected {', '.join(presets)}.")
        given = {name: value for name, value in vars(self).items() if value is not None}
        return replace(presets[dataset], **given)


@cache  # read once for all networks: it is asked for while they are imported
def _read_presets() -> dict[str, dict[str, dict]]:
    text = Path(__file__).with_name("presets.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@dataclass
class Training:
    """One training: what learns, from what, and where its checkpoint is.

    Attributes
    ----------
    network : Module
        Its ``parameter_groups(lr, head_factor)`` says what learns.
    optimisation : TrainingSettings
    batches : callable
        The batches of an epoch, given its number from 0.
    losses : callable
        The parts of the loss by name, given a batch; their sum is minimised.
    path : Path
        The checkpoint, see `checkpoint_path`.
    record : dict
        Kept in the checkpoint beside the network: the ``setting``, the ``classes`` and the like.
    scores : callable
        What to note after each epoch, by name.
    description : str
        For the progress bar.
    accumulate : int
        Parts that a batch is split into: a step takes the mean of their gradients, and the memory
        of one. Losses are noted as means over them.
    """

    network: nn.Module
    optimisation: TrainingSettings
    batches: Callable[[int], DataLoader]
    losses: Callable[[list], dict[str, torch.Tensor]]
    path: Path
    record: dict
    scores: Callable[[], dict[str, float]] = dict
    description: str = "training"
    accumulate: int = 1
    _optimiser: torch.optim.Optimizer = field(init=False)

    def run(self) -> None:
        """Run the epochs that are left, writing a checkpoint after each.

        Raises
        ------
        DivergedError
            If something is not finite: no checkpoint is written of that epoch.
        StoreError
            If checkpoints cannot be written; the place is checked before the first epoch.
        """
        writable_folder(self.path.parent)
        content = read_progress(self.path, self.record.get("classes", ()))
        history = json.loads(content["history"])
        self._optimiser = _optimiser(self.network, self.optimisation)
        if content["epoch"]:
            self.network.load_state_dict(content["network"])
            self._optimiser.load_state_dict(content["optimiser"])
        epochs, steps = self.optimisation.epochs, len(self.batches(0))
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
            tqdm(
                desc=self.description,
                total=epochs * steps,
                initial=content["epoch"] * steps,
                unit="step",
            ) as bar,
        ):
            for epoch in range(content["epoch"], epochs):
                losses = self._epoch(epoch, bar)
                if name := first_not_finite(self.network):
                    self._stop(f"{name} is not finite", epoch, steps)
                try:
                    scores = self.scores()
                except DivergedError:
                    self._stop("what the network gives is not finite", epoch, steps)
                history.append({"epoch": epoch + 1, **losses, **scores})
                self._write(history)

    def _epoch(self, epoch: int, bar: tqdm) -> dict[str, float]:
        """Train for one epoch and give the mean loss and, if it has several, those of its parts."""
        self.network.train()
        settings, batches, parts = self.optimisation, self.batches(epoch), []
        for index, batch in enumerate(batches):
            done = (epoch + index / len(batches)) / settings.epochs
            for group in self._optimiser.param_groups:
                group["lr"] = group["initial_lr"] * (1 - done) ** settings.power
            self._optimiser.zero_grad()
            pieces = list(zip(*(part.chunk(self.accumulate) for part in batch), strict=True))
            for piece in pieces:
                losses = self.losses(piece)
                loss = sum(losses.values())
                if not np.isfinite(value := loss.item()):
                    self._stop(f"the loss is {value}", epoch, index + 1)
                (loss / len(pieces)).backward()
                parts.append({"loss": value})
                if len(losses) > 1:
                    parts[-1] |= {name: part.item() for name, part in losses.items()}
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
            self._optimiser.step()
            bar.update()
            bar.set_postfix(epoch=epoch + 1, loss=f"{parts[-1]['loss']:.3f}")
        return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}

    def _stop(self, reason: str, epoch: int, step: int) -> None:
        kept = f"{shown(self.path)} has the epochs before" if epoch else "Nothing is kept"
        raise DivergedError(
            f"The training diverged: {reason} at step {step} of epoch {epoch + 1}, with the "
            f"learning rate {self.optimisation.lr:g}. {kept}. Start it with a lower one (--lr) "
            "or with shorter gradients (--clip-norm 1); that is another training, which begins "
            "anew."
        ) from None

    def _write(self, history: list[dict]) -> None:
        finished = len(history) == self.optimisation.epochs
        write_checkpoint(
            self.path,
            {
                "epoch": len(history),
                "network": self.network.state_dict(),
                "optimiser": None if finished else self._optimiser.state_dict(),
                "history": json.dumps(history),
                **self.record,
            },
        )


def _optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    groups = network.parameter_groups(settings.lr, settings.head_factor)
    decay, momentum = settings.weight_decay, settings.momentum
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=momentum, weight_decay=decay)
    return torch.optim.AdamW(groups, betas=(momentum, 0.999), weight_decay=decay)


def checkpoint_path(name: str, setting: dict) -> Path:
    """The path of a training's checkpoint: its name has a key of all that determines it."""
    key = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:10]
    return cache_dir() / "weights" / f"{name}-{key}.pth"


def read_progress(path: Path, classes: Sequence[str] = ()) -> dict:
    """A checkpoint's content; of one that is not there the content before the first epoch.

    A damaged file is set aside: it is as if it were not there.

    Parameters
    ----------
    path : Path
        In the cache.
    classes : sequence of str
        What the network scores, in order.

    Raises
    ------
    WeightsError
        If it scores other classes: a checkpoint's name does not depend on their names.
    """
    try:
        content = read_tensors(path) if path.is_file() else {"epoch": 0, "history": "[]"}
    except DamagedError:
        set_aside(path)
        return read_progress(path)
    if content["epoch"]:
        check_classes(path, class_names(content), classes)
    return content


def set_aside(path: Path) -> None:
    """Rename a damaged file of the cache to ``<name>.damaged``, and say so."""
    with writing(path):
        aside = path.replace(path.with_name(f"{path.name}.damaged"))
    tqdm.write(f"{shown(path)} is damaged: it is now {aside.name}, and made again.")


def class_names(content: Mapping) -> tuple[str, ...]:
    """The classes that the network in a checkpoint scores; empty names where none are noted."""
    network = content.get("network", {})
    count = sum(len(network[name]) for name in SCORING_LAYERS if name in network)
    return tuple(content.get("classes", [""] * count))


def check_classes(path: Path, found: Sequence[str], expected: Sequence[str]) -> None:
    """Check that a network scores the classes of a data set, in their order.

    Parameters
    ----------
    path : Path
        The network's checkpoint.
    found, expected : sequence of str
        The classes of the network, see `class_names`, and of the data set.

    Raises
    ------
    WeightsError
        Naming the first class that differs.
    """
    for number, (has, wants) in enumerate(zip_longest(found, expected, fillvalue="none"), 1):
        if has != wants and (has or wants == "none"):
            raise WeightsError(
                f"{shown(path)} was trained for other classes than the data set has: number "
                f"{number} is {has or 'unnamed'} in the network (of {len(found)}) and {wants} in "
                f"the data set (of {len(expected)}). Use the classes.txt that it was trained with, "
                "or another network; to train this one again, remove the file."
            )


def check_finite(values: np.ndarray, what: str) -> None:
    """Raise `DivergedError` unless all that a network gave is finite; `what` says what it is."""
    if not np.isfinite(values).all():
        raise DivergedError(
            f"{what} that are not finite: their network's training diverged. Train it with a "
            "lower learning rate (--lr)."
        )


def first_not_finite(network: nn.Module) -> str | None:
    """The name of the first tensor of a network that holds NaN or infinity."""
    state = network.state_dict().items()
    return next((name for name, value in state if not value.isfinite().all()), None)


def write_checkpoint(path: Path, content: dict) -> None:
    """Write a checkpoint atomically; equal contents give equal bytes."""
    # to an open file: torch would write a file's name, here a random one, into the archive
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)


@dataclass(frozen=True)
class WeightsInfo:
    """Which weights a network has; it stands in every result.

    Attributes
    ----------
    name : str
        ``"random"``, ``"imagenet"`` or the file's name.
    sha256 : str
        Of the file; of random weights, see `wsss_lib.classify.weights.state_sha256`.
    """

    name: str
    sha256: str

    @property
    def pretrained(self) -> bool:
        """Whether the weights were learnt."""
        return self.name != "random"


@dataclass(frozen=True)
class Trained:
    """A trained network and how it came about.

    Attributes
    ----------
    network : Module
        In evaluation mode.
    setting : dict
        All that determines the training: data, first weights, settings, seed.
    history : DataFrame
        One row per epoch: ``epoch`` (from 1), ``loss`` (mean of its steps), its parts where it has
        several, and the scores that were taken.
    weights : WeightsInfo
        Name and checksum of the checkpoint.
    path : Path
        The checkpoint.
    classes : tuple of str
        In the order of the network's scores, see `class_names`.
    source : dict of str to str
        What the files were called that it learnt from, where that was noted.
    """

    network: nn.Module
    setting: dict
    history: pd.DataFrame
    weights: WeightsInfo
    path: Path
    classes: tuple[str, ...] = ()
    source: dict[str, str] = field(default_factory=dict)


def check_finished(path: str | Path, content: dict) -> str | None:
    """The kind of a checkpoint, a key of `NETWORKS`; None for any other file of weights.

    Raises
    ------
    WeightsError
        If its training was stopped.
    """
    setting = content.get("setting", {})
    kind = next((kind for kind in NETWORKS if kind in setting), None)
    if kind and content["epoch"] < setting[kind]["epochs"]:
        command = "sipe" if "sipe" in setting else NETWORKS[kind][1]
        raise WeightsError(
            f"The training in {shown(path)} was stopped after epoch {content['epoch']} of "
            f"{setting[kind]['epochs']}. Start it again with 'wsss train {command}'; it goes on "
            "from there."
        )
    return kind


@lru_cache(maxsize=4)
def load_checkpoint(
    path: Path, kind: str, build: Callable[[dict], nn.Module], device: str = "cpu"
) -> Trained:
    """Load a finished training, once in a process.

    Parameters
    ----------
    path : Path
    kind : str
        What is expected, a key of `NETWORKS`.
    build : callable
        The network with any weights, given the content of the checkpoint.
    device : str
        Where the network is to run, see `choose_device`.

    Raises
    ------
    ParameterError
        If there is no such device.
    WeightsError
        If the file is missing or holds something else, or its training was stopped or diverged.
    """
    content = read_tensors(path)
    found = check_finished(path, content)
    if found != kind:
        name, command = NETWORKS[kind]
        raise WeightsError(
            f"{shown(path)} is {NETWORKS[found][0] if found else 'no checkpoint'} of this kit; "
            f"{name} was expected. Train one with 'wsss train {command}'."
        )
    network, weights = build(content), WeightsInfo(path.name, sha256(path))
    network.load_state_dict(content["network"])
    if name := first_not_finite(network):
        raise WeightsError(
            f"The training in {shown(path)} diverged: {name} is not finite. Remove the file and "
            "train with a lower learning rate (--lr)."
        )
    network.backbone.weights = weights
    return Trained(
        network=network.to(choose_device(device)).eval(),
        setting=content["setting"],
        history=pd.DataFrame(json.loads(content["history"])),
        weights=weights,
        path=path,
        classes=class_names(content),
        source=content.get("source", {}),
    )


def read_tensors(path: str | Path) -> dict:
    """Read a file written by ``torch.save``, refusing anything but tensors and plain values.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or holds other objects.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsError(
            f"No weights file {shown(path)}. Expected 'imagenet', 'random' or a file's path."
        ) from None
    except (OSError, MemoryError) as error:
        raise WeightsError(f"{shown(path)} cannot be read ({str(error) or 'no memory'}).") from None
    except Exception:
        # reading another kind of file can fail in any way, and torch's own text would advise to
        # read it unsafely
        raise DamagedError(
            f"{shown(path)} is damaged, or holds more than tensors and plain values. Expected a "
            "state dict written by torch.save, or a checkpoint of this kit."
        ) from None
    if not isinstance(content, dict):
        raise WeightsError(
            f"{shown(path)} holds a {type(content).__name__}; a state dict (name -> tensor) was "
            "expected. Save the network's state_dict()."
        )
    return content


def state_dict_in(path: str | Path, content: Mapping) -> dict[str, torch.Tensor]:
    """The one state dict in the content of a file of weights, under the names of its network.

    It may be the content itself or a part of it, see `PARTS`, and have `WRAPPERS` in front of all
    of its names.

    Raises
    ------
    WeightsError
        If several parts hold weights, or a key is no name.
    """
    holding = [key for key, value in content.items() if _holds_weights(value)]
    parts = [key for key in PARTS if key in holding] or holding
    if len(parts) > 1:
        raise WeightsError(
            f"{shown(path)} holds the weights of several networks, under {' and '.join(parts)}; "
            f"one was expected. Save one of them: torch.save(torch.load(FILE)[{parts[0]!r}], NEW)."
        )
    if parts:
        return state_dict_in(path, content[parts[0]])
    if others := [key for key in content if not isinstance(key, str)]:
        raise WeightsError(
            f"{shown(path)} has the key {others[0]!r}; names were expected. Save the network's "
            "state_dict()."
        )
    state = dict(content)
    while len(first := {key.partition(".")[0] for key in state}) == 1 and first <= WRAPPERS:
        state = {key.partition(".")[2]: value for key, value in state.items()}
    return state


def _holds_weights(part: object) -> bool:
    """Whether a part of a file is a state dict, or holds one under a usual name."""
    if not isinstance(part, Mapping):
        return False
    tensors = any(isinstance(value, torch.Tensor) for value in part.values())
    return tensors or any(_holds_weights(part[key]) for key in PARTS if key in part)


def choose_device(name: str) -> str:
    """The device of a name, checked: ``"auto"`` is CUDA where there is one, else the CPU.

    Parameters
    ----------
    name : str
        ``"auto"``, or as torch writes it: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...

    Raises
    ------
    ParameterError
        If there is no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).cpu()  # and back: "meta" holds no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ParameterError(
            f"device={name!r} cannot be used here ({str(error).splitlines()[0]}); expected 'cpu' "
            "or an accelerator that torch finds, such as 'cuda'."
        ) from None
    return name
