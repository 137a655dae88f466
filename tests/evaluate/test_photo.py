import numpy as np
import pytest
from PIL import Image

import wsss_lib as wsss
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import ImageError, MaskError, ParameterError
from wsss_lib.evaluate.cells import resize_labels
from wsss_lib.evaluate.photo import PhotoSegmenter, enlarged_mask
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.image import expand
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.strokes import stroke_samples
from wsss_lib.features import extract
from wsss_lib.scores import ClassScores

PIXELS = Setting("img", 50)
NETWORK = BackboneSpec("resnet18", "random")


@pytest.fixture(scope="module")
def photo():
    """Left dark, right bright, 24 x 36 pixels."""
    image = np.random.default_rng(0).integers(40, 60, (24, 36, 3), dtype=np.uint8)
    image[:, 18:] += 120
    return image


@pytest.fixture(scope="module")
def strokes(photo):
    strokes = np.full(photo.shape[:2], VOID, np.uint8)
    strokes[4, 3:12], strokes[15, 22:30] = 5, 0
    return strokes


def test_strokes_on_two_halves_find_the_halves(photo, strokes):
    mask = PhotoSegmenter(photo, None, PIXELS).mask(strokes)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, np.where(np.arange(36) < 18, 5, 0)[None].repeat(24, 0))


def test_it_is_the_image_specific_svm_of_the_strokes(photo, strokes):
    segmenter = PhotoSegmenter(photo, NETWORK, Setting("F1*F2", 6, C=3.0, seed=2))
    maps = list(extract(photo, ["F1", "F2"], NETWORK.load()).values())
    expected = expand(maps, stroke_samples(strokes, 6, 2).label_image(), ProductSVM(C=3.0)).mask
    np.testing.assert_array_equal(segmenter.mask(strokes), expected)


def test_features_are_extracted_once(photo, strokes, monkeypatch):
    segmenter = PhotoSegmenter(photo, None, PIXELS)
    before = segmenter.mask(strokes)
    monkeypatch.setattr("wsss_lib.evaluate.photo.extract", None)
    np.testing.assert_array_equal(segmenter.mask(strokes), before)


def test_a_large_photograph_gets_a_mask_of_its_own_size(photo, strokes):
    large = photo.repeat(5, 0).repeat(5, 1)
    segmenter = PhotoSegmenter(large, None, PIXELS, long_side=36)
    assert (segmenter.image.shape, segmenter.full_size) == ((24, 36, 3), (120, 180))
    painted = resize_labels(strokes, (120, 180))
    mask = segmenter.mask(painted)
    assert mask.shape == (120, 180)
    assert (mask[:, :85] == 5).all()
    assert (mask[:, 95:] == 0).all()
    np.testing.assert_array_equal(segmenter.mask(strokes), mask)  # strokes on the scaled one


def test_the_crf_takes_a_speck_away(photo, strokes):
    specked = photo.copy()
    specked[10, 6] = 250
    segmenter = PhotoSegmenter(specked, None, PIXELS)
    assert segmenter.mask(strokes)[10, 6] == 0
    assert segmenter.mask(strokes, "psa")[10, 6] == 5


def test_samples_can_be_a_share_of_the_cells(photo, strokes):
    by_share = PhotoSegmenter(photo, None, Setting("img", "0.005xcells")).mask(strokes)
    by_number = PhotoSegmenter(photo, None, Setting("img", 4)).mask(strokes)
    np.testing.assert_array_equal(by_share, by_number)


def test_strokes_that_do_not_fit_are_refused(photo, strokes):
    segmenter = PhotoSegmenter(photo, None, PIXELS)
    with pytest.raises(MaskError, match=r"Strokes of \(24, 35\)"):
        segmenter.scores(strokes[:, 1:])
    with pytest.raises(MaskError, match="only the class 0"):
        segmenter.scores(np.where(strokes == 5, VOID, strokes))
    with pytest.raises(ParameterError, match="No CRF preset 'none'"):
        segmenter.scores(strokes, "none")


def test_what_cannot_work_is_refused_at_once(photo):
    with pytest.raises(ParameterError, match="F1 comes from a network"):
        PhotoSegmenter(photo, None, Setting("F1", 10))
    with pytest.raises(ParameterError, match="long_side=0"):
        PhotoSegmenter(photo, None, PIXELS, long_side=0)


def test_three_lines_give_the_mask_of_arrays_and_of_files(photo, strokes, tmp_path):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    write_mask(tmp_path / "strokes.png", strokes)
    expected = PhotoSegmenter(photo, None, PIXELS).mask(strokes)
    files = tmp_path / "photo.png", str(tmp_path / "strokes.png")
    for given in ((photo, strokes), files, (photo, strokes.astype(np.int64))):
        mask, scores = wsss.segment(*given, feature="img", samples=50, C=1, return_scores=True)
        np.testing.assert_array_equal(mask, expected)
        assert scores.labels == (0, 5)
        assert scores.values.shape == (2, 24, 36)


def test_the_mask_has_the_size_of_the_photograph_and_the_scores_that_of_the_scaled_one(
    photo, strokes
):
    large = photo.repeat(2, 0).repeat(2, 1), resize_labels(strokes, (48, 72))
    mask, scores = wsss.segment(*large, feature="img", long_side=36, return_scores=True)
    assert (mask.shape, scores.values.shape) == ((48, 72), (2, 24, 36))


def test_every_argument_reaches_the_segmenter(photo, strokes):
    setting = Setting("F1*F2", 6, C=3.0, gamma=0.1, seed=2)
    own = dict(feature="F1*F2", samples=6, C=3.0, gamma=0.1, seed=2, backbone=NETWORK, crf="psa")
    expected = PhotoSegmenter(photo, NETWORK, setting, long_side=30).mask(strokes, "psa")
    np.testing.assert_array_equal(wsss.segment(photo, strokes, long_side=30, **own), expected)


@pytest.mark.parametrize(
    ("change", "error", "found"),
    [
        (lambda photo, strokes: (photo / 255, strokes), ImageError, r"float64, shape \(24, 36, 3"),
        (lambda photo, strokes: (photo[..., 0], strokes), ImageError, r"uint8, shape \(24, 36\)"),
        (lambda photo, strokes: (photo, strokes == 0), MaskError, "Strokes of bool"),
        (lambda photo, strokes: (photo, strokes[None]), MaskError, r"shape \(1, 24, 36\)"),
        (lambda photo, strokes: (photo, strokes.astype(int) - 1), MaskError, "the value -1"),
        (lambda photo, strokes: (photo, strokes[1:]), MaskError, r"Strokes of \(23, 36\)"),
        (lambda photo, strokes: ("none.jpg", strokes), ImageError, "No image none.jpg"),
    ],
)
def test_bad_inputs_are_named(photo, strokes, change, error, found):
    with pytest.raises(error, match=found):
        wsss.segment(*change(photo, strokes), feature="img")


def test_an_enlarged_mask_has_the_border_where_scores_cross():
    values = np.array([[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 1]]], np.float32)
    scores = ClassScores(values, (0, 4, 9))
    np.testing.assert_array_equal(enlarged_mask(scores, (2, 9)), [[0] * 3 + [4] * 3 + [9] * 3] * 2)
    np.testing.assert_array_equal(enlarged_mask(scores, (1, 3)), scores.mask())
    uneven = ClassScores(np.array([[[0.9, 0.4]], [[0.1, 0.6]]], np.float32), (2, 3))
    # along the way the first falls from 0.9 to 0.4: it is ahead for four fifths of it
    assert (enlarged_mask(uneven, (1, 200)) == 2).sum() == 130
