"""The masks of one image by several settings, those with a pool too."""

from collections.abc import Sequence

import numpy as np

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.evaluate.rows.image import evaluate_image
from wsss_lib.evaluate.rows.jobs import find_files, make_job
from wsss_lib.evaluate.rows.pool import fit_pools
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.features import check_backbone, extract


def image_masks(
    dataset: DevkitDataset,
    id_: str,
    settings: Sequence[Setting],
    backbone: BackboneSpec | None = None,
) -> dict[Setting, tuple[dict, np.ndarray]]:
    """Expand one image as a sweep over the data set does, without the other images.

    Classifiers of pools are fitted to samples of all images, once: a sweep over the same images
    finds them in the cache.

    Parameters
    ----------
    dataset : DevkitDataset
        All images of the pools.
    id_ : str
    settings : sequence of Setting
    backbone : BackboneSpec, optional
        The network behind F1 to F5.

    Returns
    -------
    dict of Setting to (dict, ndarray)
        The row, as in `wsss_lib.evaluate.rows.sweep.SweepResult`, and the mask, (H, W) uint8.

    Raises
    ------
    ParameterError
        If a feature needs a network and there is none.
    DataError
        If the image or its mask cannot be read.
    """
    settings = list(settings)
    check_backbone([setting.feature for setting in settings], backbone)
    job = make_job(dataset, settings, backbone, None, extract)
    pools = fit_pools(job, find_files(dataset, {}), settings)
    done = evaluate_image(job.dataset, id_, settings, job.backbone, pools=pools)
    return dict(zip(settings, done, strict=True))
