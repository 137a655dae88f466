import numpy as np
import pytest
import torch

from wsss_lib.errors import DataError, ParameterError
from wsss_lib.expand.pooled import PooledClassifier, parse_pool, pool_samples
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import FeatureMap


def mask_of(*counts):
    """A row of pixels, so many of class 0, of class 1 and so on."""
    return np.repeat(np.arange(len(counts), dtype=np.uint8), counts)[None]


@pytest.mark.parametrize("times", [1, 2, 4])
def test_the_pool_has_the_stated_size_and_the_classes_of_the_images(times):
    masks = [mask_of(90, 70), mask_of(80, 0, 60), mask_of(100, 30), mask_of(40, 40, 40)]
    images = [sample_mask(m, 30, 0, f"image {i}") for i, m in enumerate(masks)]
    pool = pool_samples(images, times)
    assert sum(map(len, pool)) == round(times * sum(map(len, images)) / 4)
    for taken, image in zip(pool, images, strict=True):
        samples = set(zip(image.rows, image.cols, image.labels, strict=True))
        assert set(zip(taken.rows, taken.cols, taken.labels, strict=True)) <= samples
        for label, count in image.counts.items():
            assert abs(taken.counts.get(label, 0) - count * times / 4) <= 1


def test_a_pool_takes_at_most_all_samples():
    images = [sample_mask(mask_of(50, 50), 20, 0, str(i)) for i in range(3)]
    assert sum(map(len, pool_samples(images, 10))) == 120


def pixels(values):
    return FeatureMap(torch.tensor([[values]], dtype=torch.float32), (1, len(values)))


@pytest.mark.parametrize("classes", [2, 3])
def test_known_labels_are_the_only_ones_that_are_given(classes):
    X = np.arange(30.0)[:, None]
    y = (np.arange(30) * classes // 30).astype(np.uint8)
    classifier = PooledClassifier(ImageSVM(C=100.0, threads=1).fit(X, y), {})
    feature = pixels([2.0, 15.0, 28.0])
    decision = classifier.decide(feature)
    free = classifier.choose(decision)
    assert free[0, 0] == 0
    assert free[0, 2] == classes - 1
    known = classifier.choose(decision, known=[0, classes - 1])
    assert known.dtype == np.uint8
    assert set(known.ravel()) == {0, classes - 1}
    assert set(classifier.choose(decision, known=[0]).ravel()) == {0}


def test_a_pool_of_one_class_gives_that_class_and_no_other():
    svm = ImageSVM(threads=1).fit(np.arange(4.0)[:, None], np.full(4, 3, np.uint8))
    classifier = PooledClassifier(svm, {3: 4})
    decision = classifier.decide(pixels([0.0, 9.0]))
    assert classifier.choose(decision, [0, 3]).tolist() == [[3, 3]]
    with pytest.raises(DataError, match="Take a larger pool"):
        classifier.choose(decision, [1, 2])


def test_the_name_of_a_pool_is_read():
    assert parse_pool("own") == (0, False)
    assert parse_pool("pooled8") == (8, False)
    assert parse_pool("pooled8known") == (8, True)
    for bad in ("pooled", "pooled0", "all4", "ownknown", "pooled4 known"):
        with pytest.raises(ParameterError, match="pooled<times>"):
            parse_pool(bad)
