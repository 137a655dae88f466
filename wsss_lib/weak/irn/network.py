"""IRN's edge network: where the label changes, read off a frozen backbone."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from wsss_lib.classify.backbones import Backbone
from wsss_lib.weak.irn.pairs import affinity_loss

#: Channels of each tap of the edge branch, the groups of their normalisation, and how often the
#: maps F1 (pooled), F2..F5 must be doubled to stand at 1/4 of the image.
CHANNELS, GROUPS = 32, 4
SCALES = (1, 1, 2, 4, 4)


class EdgeNetwork(nn.Module):
    """Finds edges between classes at 1/4 of the image (IRN, Ahn et al. 2019).

    Each of F1..F5 is brought to a few channels and to 1/4; a 1x1 convolution makes one logit of
    them all. F1 is max-pooled first. Only this edge branch learns. IRN's second branch,
    displacements to the centres of instances, is left out: semantic labels do not depend on it.

    Parameters
    ----------
    backbone : Backbone
        Frozen, whatever its weights, and always in evaluation mode.
    crop : int
        Side of the crops that it learns from, in pixels: smaller images are padded to it, see
        `edge_map`.
    seed : int
        Of the first weights of the edge branch. The global random state is left alone.
    """

    def __init__(self, backbone: Backbone, crop: int = 512, seed: int = 0) -> None:
        super().__init__()
        self.crop = crop
        self.backbone = backbone.requires_grad_(False).eval()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.taps = nn.ModuleList(map(_tap, backbone.channels, SCALES))
            self.edge = nn.Conv2d(CHANNELS * len(SCALES), 1, 1)

    def train(self, mode: bool = True) -> "EdgeNetwork":
        """Set training mode; the backbone stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    def edge_logits(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of edges, (N, ceil(H / 4), ceil(W / 4)), of normalised images (N, 3, H, W)."""
        with torch.no_grad():
            first, *others = self.backbone.stages(x)
            maps = [functional.max_pool2d(first, 3, stride=2, padding=1), *others]
        height, width = maps[1].shape[2:]
        taps = [tap(map_)[..., :height, :width] for tap, map_ in zip(self.taps, maps, strict=True)]
        return self.edge(torch.cat(taps, 1))[:, 0]

    def losses(
        self, x: torch.Tensor, labels: torch.Tensor, radius: int = 10
    ) -> dict[str, torch.Tensor]:
        """Training losses by name: here one.

        Parameters
        ----------
        x : Tensor, shape (N, 3, H, W), float32
            Normalised crops, 0 where they reach beyond their image.
        labels : Tensor, shape (N, ceil(H / 4), ceil(W / 4)), uint8
            Affinity labels at 1/4 of the image, 255 = void.
        radius : int
            Of the pairs, in cells.

        Returns
        -------
        dict of Tensor, scalars
            ``"affinity"``, see `affinity_loss`.
        """
        return {"affinity": affinity_loss(self.edge_logits(x).sigmoid(), labels, radius)}

    def parameter_groups(self, lr: float, head_factor: float) -> list[dict]:
        """What learns, for an optimiser: the edge branch at `lr`.

        The backbone does not learn, so there is nothing that the head could be a multiple of.
        """
        branch = [*self.taps.parameters(), *self.edge.parameters()]
        return [{"params": branch, "lr": lr, "initial_lr": lr}]


@torch.no_grad()
def edge_map(network: EdgeNetwork, image: np.ndarray) -> np.ndarray:
    """The probabilities of edges in an image: the logits of it and of its mirror image, averaged.

    Where the image is smaller than the crops of the training, both are padded with zeros at the
    bottom and on the right, as in IRN: the group normalisation counts all cells of its input, and
    would otherwise see other statistics than it learned with. A larger image is left whole (IRN's
    code cuts it).

    Parameters
    ----------
    network : EdgeNetwork
        Put in evaluation mode.
    image : ndarray, shape (H, W, 3), uint8

    Returns
    -------
    ndarray, shape (ceil(H / 4), ceil(W / 4)), float32
    """
    network.eval()
    height, width = image.shape[:2]
    x = network.backbone.normalise(np.stack([image, image[:, ::-1]]))
    beyond = max(network.crop - width, 0), max(network.crop - height, 0)
    framed = network.edge_logits(functional.pad(x, (0, beyond[0], 0, beyond[1])))
    logits, mirrored = framed[:, : -(-height // 4), : -(-width // 4)]
    return ((logits + mirrored.flip(-1)) / 2).sigmoid().cpu().numpy()


def _tap(channels: int, scale: int) -> nn.Module:
    """What brings one feature map to 1/4 of the image."""
    return nn.Sequential(
        nn.Conv2d(channels, CHANNELS, 1, bias=False),
        nn.GroupNorm(GROUPS, CHANNELS),
        nn.Upsample(scale_factor=scale, mode="bilinear"),
        nn.ReLU(),
    )
