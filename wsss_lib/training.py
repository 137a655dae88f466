"""The training of every network of the kit: settings, the loop, and loading what came of it.

A network brings ``losses`` and ``parameter_groups``; the loop brings the schedule, a checkpoint
after each epoch, and resuming a training that was stopped. A checkpoint is in the cache; its
name has a key of its *setting*, all that determines the training, so a finished one is found again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from wsss_lib.checkpoints import (
    NETWORKS,
    WeightsInfo,
    check_finished,
    read_progress,
    read_tensors,
    state_dict_in,
    write_checkpoint,
)
from wsss_lib.errors import DivergedError, ParameterError, WeightsError
from wsss_lib.files import sha256, writable_folder
from wsss_lib.paths import shown


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
        The checkpoint, see `wsss_lib.checkpoints.checkpoint_path`.
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
                history.append({"epoch": epoch + 1, **losses, **self.scores()})
                self._write(history)
        load_checkpoint.cache_clear()  # which may hold an earlier network of this path

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
        )

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
        In the order of the network's scores; empty where it scores no classes.
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
    network.load_state_dict(state_dict_in(path, content))
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
        classes=tuple(content.get("classes", ())),
        source=content.get("source", {}),
    )


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
