"""Average precision of the scores."""

import numpy as np

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.classify.precision import average_precision, image_scores


def test_average_precision_by_hand():
    """Ranks of the positives: 1 and 3 in the first class (1/1 and 2/3), all in the second."""
    labels = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    scores = np.array([[3.0, 1, 0], [2, 5, 1], [1, 0, 2]])
    np.testing.assert_allclose(average_precision(labels, scores), [(1 + 2 / 3) / 2, np.nan, 1])


def test_whole_images_are_scored_one_by_one(tiny):
    network = ClassificationNetwork(build_backbone("resnet18"), 2).train()
    scores = image_scores(network, tiny.subset(tiny.ids[:3]))
    last = network.backbone.normalise(tiny.image(tiny.ids[2]))
    assert scores.shape == (3, 2)
    np.testing.assert_allclose(scores[2], network.eval()(last).detach().numpy()[0], rtol=1e-4)
