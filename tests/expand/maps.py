"""Feature maps for the tests of the classifiers, and what they are at every pixel."""

import numpy as np
import torch

from wsss_lib.features import FeatureMap


def feature_map(channels, size, image_size, seed=0):
    values = np.random.default_rng(seed).normal(size=(channels, *size))
    return FeatureMap(torch.tensor(values, dtype=torch.float32), image_size, f"random {seed}")


def full_resolution(*maps):
    """Every pixel's feature by torch's own interpolation, (pixels, d) float64."""
    return np.hstack(
        [
            torch.nn.functional.interpolate(
                feature.values[None].double(), feature.image_size, mode="bilinear"
            )[0]
            .flatten(1)
            .T.numpy()
            for feature in maps
        ]
    )
