"""Steps, an image to take through them, and a finished run that tests may look at or go on with."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from wsss_lib.scores import ClassScores
from wsss_lib.weak.masks import pseudo_masks
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.steps import CRF, IRN, SVM, Seed


@pytest.fixture(scope="session")
def localiser(checkpoints) -> Localiser:
    return Localiser(checkpoints.plain, (1.0,), threshold=0.4)


@pytest.fixture(scope="session")
def steps(localiser, checkpoints):
    svm = SVM(localiser, 40, feature="F2")
    return (Seed(localiser), svm, CRF(), IRN(checkpoints.edges, doublings=3))


@pytest.fixture(scope="session")
def finished(squares, steps, tmp_path_factory):
    """A run over three images, to be looked at only: its ``result``, ``store`` and ``masks``."""
    folder = tmp_path_factory.mktemp("pseudo")
    three = squares.subset(squares.ids[:3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(folder / "cache"))
        result = pseudo_masks(three, steps, masks_out=folder / "masks")
    return SimpleNamespace(
        result=result, store=folder / "cache/rows.sqlite", masks=folder / "masks"
    )


@pytest.fixture
def again(finished, few_squares, steps, tmp_path):
    """Runs over `few_squares`, which hold the same images, as if they had been `finished` before.

    Store and masks are copies, and the maps are made again.
    """
    shutil.copy(finished.store, tmp_path / "rows.sqlite")
    shutil.copytree(finished.masks, tmp_path / "masks")

    def run(steps=steps):
        store, masks = tmp_path / "rows.sqlite", tmp_path / "masks"
        return pseudo_masks(few_squares, steps, store=store, masks_out=masks)

    return run


@pytest.fixture
def stripes():
    """A data set of one image, three stripes of different colours with noise, and its localiser.

    Without a network: ``localiser`` gives ``scores`` of the classes 0, 3 and 5.
    """
    rng = np.random.default_rng(0)
    stripes = np.repeat([0, 1, 2], 10)
    colours = np.array([(60, 60, 60), (180, 60, 60), (60, 60, 180)])
    image = (colours[stripes] + rng.normal(0, 20, (24, 30, 3))).clip(0, 255).astype(np.uint8)
    sure = 0.7 * (stripes == np.arange(3)[:, None])[:, None]
    scores = ClassScores((sure + 0.5 * rng.random((3, 24, 30))).astype(np.float32), (0, 3, 5))

    class NoNetwork:
        device = "cpu"

        def load(self):
            return SimpleNamespace(network=SimpleNamespace(backbone=None))

        def scores(self, dataset, id_):
            return scores if (dataset.name, id_) == ("toy", "stripes") else None

    return SimpleNamespace(
        name="toy", image=lambda id_: image, localiser=NoNetwork(), scores=scores
    )
