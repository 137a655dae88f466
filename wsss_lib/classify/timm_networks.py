"""F1 to F5 from the networks of timm: convolutional ones and vision transformers."""

from contextlib import suppress
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from wsss_lib.checkpoints import WeightsInfo
from wsss_lib.classify.backbones import Backbone
from wsss_lib.classify.weights import load_state, state_sha256
from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.files import sha256
from wsss_lib.paths import shown

#: Before timm's own name of a network.
PREFIX = "timm/"
#: Tried one after the other: a network that cannot have an option refuses it.
OPTIONS = ({"output_stride": 16}, {"dynamic_img_size": True})


class TimmNetwork(Backbone):
    """A network of timm that gives F1 to F5. It has no parts: it is not trained here.

    A network of five or more levels gives its last five, one that begins at 1/4 of the image its
    stem and its four levels, one of equal blocks (a vision transformer) five blocks spread evenly.

    Parameters
    ----------
    name : str
        As in `build_timm_network`.
    body : Module
        The network without its classifier.
    weights : WeightsInfo

    Raises
    ------
    ParameterError
        If it has no such maps, or does not take images of any size.
    """

    def __init__(self, name: str, body: nn.Module, weights: WeightsInfo) -> None:
        nn.Module.__init__(self)  # not the backbone's, which knows the kit's own networks only
        self.name, self.body, self.weights = name, body, weights
        for key, own in (("_mean", "mean"), ("_deviation", "std")):
            value = 255 * torch.tensor(body.pretrained_cfg[own]).view(1, 3, 1, 1)
            self.register_buffer(key, value, persistent=False)
        strides = [level["reduction"] for level in body.feature_info]
        depth, self._step = len(strides), max(strides)
        self._stem = depth == 4 and hasattr(body, "stem")
        self._levels = list(range(depth))[-5:]
        if depth >= 5 and len(set(strides)) == 1:
            self._levels = [place * depth // 5 - 1 for place in range(1, 6)]
        try:
            with torch.no_grad():
                maps = self.stages(torch.zeros(1, 3, 4 * self._step + 1, 6 * self._step))
            if len(maps) < 5:
                raise RuntimeError(f"{len(maps)} maps, at the strides {strides}")
        except (AssertionError, RuntimeError) as error:
            raise ParameterError(
                f"{name} does not make five maps of images of any size ({error}). Name another "
                "network of timm, such as a ResNet, a ConvNeXt or a plain vision transformer."
            ) from None
        self.channels = tuple(map_.shape[1] for map_ in maps)

    def stages(self, x: torch.Tensor, last: int = 5) -> list[torch.Tensor]:
        """The feature maps F1 to F`last`, as `Backbone.stages` gives them.

        Images are continued to a multiple of the greatest stride, and what the maps have there is
        cut off again: a map of stride s has ceil(n / s) cells.
        """
        height, width = x.shape[2:]
        x = functional.pad(x, (0, -width % self._step, 0, -height % self._step), mode="replicate")
        maps = [self.body.stem(x)] if self._stem else []
        if levels := self._levels[: last - len(maps)]:
            maps += self.body.forward_intermediates(
                x, indices=levels, stop_early=True, intermediates_only=True
            )
        cut = []
        for map_ in maps:
            cells, stride = map_.shape[2:], x.shape[2] // map_.shape[2]
            if (cells[0] * stride, cells[1] * stride) != x.shape[2:]:
                raise RuntimeError(f"{tuple(cells)} cells of {tuple(x.shape[2:])} pixels")
            cut.append(map_[..., : -(-height // stride), : -(-width // stride)])
        return cut


def build_timm_network(name: str, weights: str | Path = "random", seed: int = 0) -> TimmNetwork:
    """Build a network of timm, in evaluation mode.

    Its last maps stay at 1/16 of the image where timm can do that (by dilation).

    Parameters
    ----------
    name : str
        ``"timm/"`` and a name that timm knows, such as ``"timm/convnext_tiny.fb_in1k"``.
    weights : str or path
        ``"random"``, ``"imagenet"`` (those that timm has for this name, fetched once), or a file: a
        state dict of the same network, as safetensors or by ``torch.save``.
    seed : int
        Of the random weights. The global random state is left alone.

    Raises
    ------
    ParameterError
        If timm is not installed or has no such network, or the network has not the maps.
    WeightsError
        If the weights cannot be fetched or do not fit.
    """
    try:
        import timm
    except ImportError:
        raise ParameterError(
            f"{name} needs timm. Install the extra: pip install -e '.[networks]'."
        ) from None
    own = name.removeprefix(PREFIX)
    if not timm.is_model(own):
        raise ParameterError(
            f"timm {timm.__version__} has no network for {name!r}; its names: timm.list_models()."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = _fetched_body(own) if weights == "imagenet" else _make_body(own)
    if weights in ("random", "imagenet"):
        info = WeightsInfo(weights, state_sha256(body.state_dict()))
    else:
        path, head = Path(weights), body.pretrained_cfg.get("classifier") or ()
        head = tuple(f"{layer}." for layer in ([head] if isinstance(head, str) else head))
        try:
            state = timm.models.load_state_dict(str(path), weights_only=True)
        except Exception:  # as `wsss_lib.checkpoints.read_tensors`
            raise WeightsError(
                f"{shown(path)} is not there, damaged, or holds more than tensors. Expected "
                "'random', 'imagenet', or a state dict as safetensors or by torch.save."
            ) from None
        load_state(body, state, head, path.name)
        info = WeightsInfo(path.name, sha256(path))
    return TimmNetwork(name, body.eval(), info).eval()


def _make_body(name: str, *, pretrained: bool = False) -> nn.Module:
    """The network without its classifier, with the first of `OPTIONS` that it takes, if any."""
    import timm

    for options in OPTIONS:
        with suppress(TypeError, AssertionError, NotImplementedError):
            return timm.create_model(name, pretrained=pretrained, num_classes=0, **options)
    return timm.create_model(name, pretrained=pretrained, num_classes=0)


def _fetched_body(name: str) -> nn.Module:
    from huggingface_hub import constants, get_session

    try:
        if not constants.HF_HUB_OFFLINE:
            get_session().head(constants.ENDPOINT, timeout=3)  # or a download is tried for a minute
        return _make_body(name, pretrained=True)
    except Exception as error:  # the hub's client has errors of many kinds
        raise WeightsError(
            f"The weights of {PREFIX}{name} could not be fetched ({error}). Without a network set "
            "HF_HUB_OFFLINE=1 to use what was fetched before, or give a file with --weights PATH, "
            "or --weights random."
        ) from None
