"""Networks, steps and a finished run that tests may look at or go on with."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.features import extract
from wsss_lib.scores import ClassScores
from wsss_lib.weak.irn.network import EdgeNetwork
from wsss_lib.weak.masks import pseudo_masks
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.steps import CRF, IRN, SVM, Networks, Seed

STEPS = (Seed(), SVM(40, feature="F2"), CRF(), IRN(doublings=3))


@pytest.fixture(scope="session")
def networks(checkpoints) -> Networks:
    return Networks(Localiser(checkpoints.plain, (1.0,), threshold=0.4), checkpoints.edges)


@pytest.fixture(scope="session")
def steps():
    return STEPS


@pytest.fixture(scope="session")
def finished(squares, networks, tmp_path_factory):
    """A run over three images, to be looked at only: its ``result``, ``store`` and ``masks``."""
    folder = tmp_path_factory.mktemp("pseudo")
    three = squares.subset(squares.ids[:3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(folder / "cache"))
        result = pseudo_masks(three, STEPS, networks, masks_out=folder / "masks")
    return SimpleNamespace(
        result=result, store=folder / "cache/rows.sqlite", masks=folder / "masks"
    )


@pytest.fixture
def again(finished, few_squares, networks, tmp_path):
    """Runs over `few_squares`, which hold the same images, as if they had been `finished` before.

    Called with what differs; store and masks are copies, and the maps are made anew.
    """
    shutil.copy(finished.store, tmp_path / "rows.sqlite")
    shutil.copytree(finished.masks, tmp_path / "masks")

    def run(dataset=few_squares, steps=STEPS, networks=networks, **how):
        where = {"store": tmp_path / "rows.sqlite", "masks_out": tmp_path / "masks"}
        return pseudo_masks(dataset, steps, networks, **where | how)

    return run


@pytest.fixture
def annotate():
    """Says in XML which labels an image has, and takes its mask away."""

    def annotate_(dataset, id_):
        names = (dataset.classes.names[label] for label in dataset.labels(id_))
        objects = "".join(f"<object><name>{name}</name></object>" for name in names)
        path = dataset.devkit / "Annotations" / f"{id_}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<annotation>{objects}</annotation>")
        dataset.mask_path(id_).unlink()

    return annotate_


@pytest.fixture(scope="module")
def edges():
    return EdgeNetwork(build_backbone("resnet18"))


@pytest.fixture
def view(edges):
    """Three stripes of different colours, with noise; scores of the classes 0, 3 and 5."""
    rng = np.random.default_rng(0)
    stripes = np.repeat([0, 1, 2], 10)
    colours = np.array([(60, 60, 60), (180, 60, 60), (60, 60, 180)])
    image = (colours[stripes] + rng.normal(0, 20, (24, 30, 3))).clip(0, 255).astype(np.uint8)
    sure = 0.7 * (stripes == np.arange(3)[:, None])[:, None]
    scores = ClassScores((sure + 0.5 * rng.random((3, 24, 30))).astype(np.float32), (0, 3, 5))
    maps = extract(image, ("img", "xy"))
    return SimpleNamespace(
        id="stripes",
        dataset="some data set",
        image=image,
        scores=scores,
        features=lambda layers: {layer: maps[layer] for layer in layers},
        networks=SimpleNamespace(
            localiser=SimpleNamespace(scores=lambda *asked: (asked, scores)),
            load_edges=lambda: edges,
        ),
    )
