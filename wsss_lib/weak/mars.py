"""Removal of biased objects: what looks like the backgrounds of the data set is taken away.

A class often drags along what it is seen with: the rails with the train, the meadow with the cow.
MARS (Jo et al., "MARS: Model-agnostic Biased Object Removal without Additional Supervision for
Weakly-Supervised Semantic Segmentation", ICCV 2023, sections 3.2 and 3.3) finds out by looking at
all images together, since meadows are background elsewhere. It clusters the features of each class
of each pseudo mask, and of its background, into two centroids. The distance of a class's centroid
from backgrounds is its mean cosine distance from the background centroids of all images. The 40 %
of the class's centroids that are farthest away are averaged: the debiased centroid. A pixel stays
an object where its feature is like the debiased centroid of any class of its image.

This is not the published method, of which two parts are not here:

- Its features are those of an unsupervised segmentation (STEGO). Here they are F4 of the
  classification network's backbone. Clusters are found in F4 as z-scored in each image, as an
  image's SVM sees it. To be compared between images, features are z-scored over the centroids of
  all images: as they are, cosines of a network's features lie close together.
- Removed pixels are void there, until a segmentation network fills them in while it learns (section
  3.4). Here they become background.

What the paper leaves open and is guessed here: which similarity is enough, its CRF, and which
pseudo masks are clustered. A pixel is an object where the similarity is above 0, since the paper
cuts off what is below, and IRN's CRF for labels refines that; with the similarity as probability
no object is left, so low are cosines in F4. The pseudo masks are the seeds that are to be mended,
be they files of another method, where the paper has those of a finished method.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from joblib import delayed
from sklearn.cluster import KMeans
from torch.nn import functional
from tqdm.auto import tqdm

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.engine import one_thread, processes
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.features import FeatureMap, extract
from wsss_lib.files import atomic_path
from wsss_lib.paths import cache_dir
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import dense_crf, unary_from_labels
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import Localiser

#: Clusters of each class, and of the background, in each image (K_fg, K_bg).
CLUSTERS = 2
#: The share of a class's centroids, those farthest from backgrounds, that are right (alpha).
SHARE = 0.4
#: Pixels of a class of an image that are clustered, at most.
PIXELS = 1000


@dataclass(frozen=True)
class Centroids:
    """The debiased centroids of a data set.

    Attributes
    ----------
    labels : ndarray, shape (K,), int64
        The object classes that have one.
    values : ndarray, shape (K, C), float32
        In features that were z-scored by the next two.
    mean, deviation : ndarray, shape (C,), float32
        Of the channels, over all centroids of the data set.
    """

    labels: np.ndarray
    values: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def similarity(self, feature: FeatureMap, labels: tuple[int, ...]) -> np.ndarray:
        """How alike each pixel and the debiased centroid of the likest class are.

        Parameters
        ----------
        feature : FeatureMap
            Not z-scored.
        labels : tuple of int
            Of the image; those without a centroid are left out.

        Returns
        -------
        ndarray, shape (H, W), float32
            The greatest cosine, 0 where it is below, brought to image size by bilinear
            interpolation.
        """
        scale = [torch.from_numpy(part)[:, None, None] for part in (self.mean, self.deviation)]
        cells = functional.normalize((feature.values - scale[0]) / scale[1], dim=0)
        centroids = torch.from_numpy(self.values[np.isin(self.labels, labels)])
        cosines = torch.einsum("kc,chw->khw", functional.normalize(centroids, dim=1), cells)
        greatest = cosines.amax(0).relu()[None, None]
        return functional.interpolate(greatest, feature.image_size, mode="bilinear")[0, 0].numpy()


def collect_centroids(
    dataset: DevkitDataset, localiser: Localiser | SeedFiles, *, workers: int | None = None
) -> Path:
    """Find the debiased centroids of a data set, unless they are there already.

    Parameters
    ----------
    dataset : DevkitDataset
        All its images count, by their seeds.
    localiser : Localiser or SeedFiles
        Gives the seeds, and by its network's backbone the features.
    workers : int, optional
        Processes, one thread each.

    Returns
    -------
    Path
        A file of `Centroids`, in ``centroids`` in the cache.

    Raises
    ------
    DataError
        If an image cannot be read.
    WorkerError
        If a process died.
    """
    threshold = None if localiser.has_background else localiser.threshold
    images = [(id_, localiser.key(dataset, id_)) for id_ in dataset.ids]
    depends = json.dumps([localiser.name, threshold, images])
    name = hashlib.sha256(depends.encode()).hexdigest()[:10]
    path = cache_dir() / "centroids" / f"{dataset.name}-{name}.npz"
    if path.is_file():
        return path
    with processes(workers, None, []) as run:
        made = run(delayed(_of_image)(dataset, localiser, id_) for id_ in dataset.ids)
        found = dict(tqdm(made, desc="centroids", total=len(dataset), unit="image"))
    labels, values = zip(*(found[id_] for id_ in dataset.ids), strict=True)
    centroids = debiased(np.concatenate(labels), np.concatenate(values))
    with atomic_path(path) as temporary:
        np.savez(temporary, **vars(centroids))
    return path


def _of_image(
    dataset: DevkitDataset, localiser: Localiser | SeedFiles, id_: str
) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
    with one_thread():  # no number depends on the workers
        seed = localiser.scores(dataset, id_).mask()
        return id_, class_centroids(image_feature(dataset, localiser, id_), seed, id_)


def load_centroids(path: Path) -> Centroids:
    """Read a file of `collect_centroids`."""
    with np.load(path) as arrays:
        return Centroids(**arrays)


def image_feature(dataset: DevkitDataset, localiser: Localiser | SeedFiles, id_: str) -> FeatureMap:
    """What is compared: F4 of an image, not z-scored."""
    trained = localiser.load()
    backbone = trained and trained.network.backbone
    return extract(dataset.image(id_), ["F4"], backbone, zscore=False)["F4"]


def class_centroids(
    feature: FeatureMap, mask: np.ndarray, image_id: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Cluster each class of a mask, and its background.

    Parameters
    ----------
    feature : FeatureMap
        Not z-scored.
    mask : ndarray, shape (H, W), uint8
        Class indices.
    image_id : str
        Which `PIXELS` of a class are clustered depends on it.

    Returns
    -------
    labels : ndarray, shape (k,), int64
    values : ndarray, shape (k, C), float32
        Mean features, not z-scored: two of a class that has two pixels.
    """
    pixels = sample_mask(mask, PIXELS, image_id=image_id)
    values, seen = (each.at(pixels.rows, pixels.cols) for each in (feature, feature.zscore()))
    labels, means = [], []
    for label, count in pixels.counts.items():
        own = pixels.labels == label
        clusters = KMeans(min(CLUSTERS, count), random_state=0).fit_predict(seen[own])
        for cluster in np.unique(clusters):
            labels.append(label)
            means.append(values[own][clusters == cluster].mean(0))
    return np.array(labels), np.array(means)


def debiased(labels: np.ndarray, values: np.ndarray) -> Centroids:
    """The mean of those centroids of each class that are farthest from all backgrounds.

    Parameters
    ----------
    labels : ndarray, shape (n,), int64
        The classes of the centroids of all images, 0 = background.
    values : ndarray, shape (n, C), float32
        Not z-scored.
    """
    mean, deviation = values.mean(0), values.std(0)
    deviation[deviation == 0] = 1
    standard = (values - mean) / deviation
    units = standard / np.linalg.norm(standard, axis=1, keepdims=True).clip(min=1e-12)
    # the mean cosine is the cosine with the mean of the unit vectors
    distance = (1 - units @ units[labels == 0].sum(0) / max(1, (labels == 0).sum())) / 2
    objects, chosen = np.unique(labels[labels > 0]), []
    for label in objects:
        own = np.flatnonzero(labels == label)
        farthest = own[np.argsort(-distance[own], kind="stable")]
        chosen.append(standard[farthest[: math.ceil(SHARE * len(own))]].mean(0))
    return Centroids(objects, np.reshape(chosen, (-1, len(mean))), mean, deviation)


def remove_biased(
    image: np.ndarray, before: ClassScores, feature: FeatureMap, centroids: Centroids
) -> ClassScores:
    """Give to the background what is unlike all debiased centroids of the image's classes.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    before : ClassScores, at (H, W)
        Their mask is the pseudo mask.
    feature : FeatureMap
        `image_feature`.
    centroids : Centroids

    Returns
    -------
    ClassScores
        Of the background (0) and the object labels, as they were but for removed pixels, where the
        background has the greatest score and objects 0. A class that has no centroid, since no seed
        of the data set has a pixel of it, keeps its own.
    """
    mask, objects = before.mask(), [label for label in before.labels if label > 0]
    values = np.zeros((1 + len(objects), *before.image_size), np.float32)
    values[-len(before.labels) :] = before.values
    scores = ClassScores(values, (0, *objects))
    known = np.isin(objects, centroids.labels)
    if not known.any():
        return scores
    similarity = centroids.similarity(feature, before.labels)
    stays = dense_crf(image, unary_from_labels(similarity > 0, 2)).argmax(0)
    biased = np.isin(mask, centroids.labels) & (stays == 0)
    values[0, biased] = values[:, biased].max(0)
    values[1:, biased] = 0
    return scores
