"""Photographs and strokes from any camera or program, good and bad."""

import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.datasets.images import write_mask
from wsss_lib.datasets.photo import read_photo, read_strokes, scale_photo
from wsss_lib.errors import ImageError, MaskError

RGB = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
STROKES = np.array([[0, 1, 20], [255, 20, 0]], np.uint8)


def save_turned(path, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, RGB),
        (3, RGB[::-1, ::-1]),
        (6, np.rot90(RGB, -1)),
        (8, np.rot90(RGB)),
        (5, RGB.transpose(1, 0, 2)),
    ],
)
def test_a_photograph_is_turned_as_its_camera_says(tmp_path, orientation, upright):
    np.testing.assert_array_equal(
        read_photo(save_turned(tmp_path / "a.png", RGB, orientation)), upright
    )


def test_strokes_are_turned_as_well_and_agree_with_the_photograph(tmp_path):
    path = save_turned(tmp_path / "s.png", STROKES, 6)
    np.testing.assert_array_equal(read_strokes(path, (3, 2)), np.rot90(STROKES, -1))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "No image .*Check the path"), (b"text", "not a picture"), ("half", "damaged")],
)
def test_files_that_are_not_a_photograph_are_named(tmp_path, content, sentence):
    path = tmp_path / "a.jpg"
    if content == "half":
        Image.fromarray(RGB).resize((64, 64)).save(path)
        content = path.read_bytes()[:700]
    if content is not None:
        path.write_bytes(content)
    for read in (read_photo, lambda path: read_strokes(path, (5, 4))):
        with pytest.raises(ImageError, match=sentence):
            read(path)


@pytest.mark.parametrize("most", [5, 15])  # above twice the limit Pillow refuses, below it warns
def test_absurdly_large_photographs_are_told(tmp_path, monkeypatch, most):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with pytest.raises(ImageError, match=r"too large.*Scale it down"):
        read_photo(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [((30, 40), 40, (30, 40)), ((30, 40), 20, (15, 20)), ((400, 3), 100, (100, 1))],
)
def test_only_what_is_too_long_is_scaled(size, long_side, expected):
    image = np.full((*size, 3), 77, np.uint8)
    scaled = scale_photo(image, long_side)
    assert scaled.shape == (*expected, 3)
    assert (scaled == 77).all()


@pytest.mark.parametrize("mode", ["P", "L"])
def test_palette_and_grey_strokes_hold_their_labels(tmp_path, mode):
    image = Image.fromarray(STROKES)
    if mode == "P":
        image.putpalette(np.random.default_rng(1).bytes(768))
    image.save(tmp_path / "s.png")
    np.testing.assert_array_equal(read_strokes(tmp_path / "s.png", (2, 3)), STROKES)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_of_the_palette_are_their_classes(tmp_path, mode):
    write_mask(tmp_path / "s.png", STROKES)
    with Image.open(tmp_path / "s.png") as image:
        image.convert(mode).save(tmp_path / "c.png")
    np.testing.assert_array_equal(read_strokes(tmp_path / "c.png", (2, 3)), STROKES)


def test_white_and_what_is_not_opaque_are_not_labelled(tmp_path):
    pixels = np.dstack([palette()[STROKES], np.full((2, 3), 255, np.uint8)])
    pixels[0, 0] = (255, 255, 255, 255)
    pixels[0, 1, 3] = 254
    pixels[1, 2] = (12, 34, 56, 0)
    Image.fromarray(pixels).save(tmp_path / "s.png")
    expected = [[VOID, VOID, 20], [VOID, 20, VOID]]
    np.testing.assert_array_equal(read_strokes(tmp_path / "s.png", (2, 3)), expected)


def test_another_colour_is_named_with_its_place(tmp_path):
    pixels = palette()[STROKES].copy()
    pixels[1, 2] = (255, 0, 1)
    Image.fromarray(pixels).save(tmp_path / "s.png")
    with pytest.raises(MaskError, match=r"#ff0001 at x = 2, y = 1; .*#800000 is class 1"):
        read_strokes(tmp_path / "s.png", (2, 3))


@pytest.mark.parametrize("mode", ["1", "LA", "I;16"])
def test_other_kinds_of_pictures_are_told(tmp_path, mode):
    Image.new(mode, (3, 2)).save(tmp_path / "s.png")
    with pytest.raises(MaskError, match=f"has mode {mode}"):
        read_strokes(tmp_path / "s.png", (2, 3))


def test_a_jpeg_blurs_labels(tmp_path):
    Image.fromarray(STROKES).save(tmp_path / "s.jpg")
    with pytest.raises(MaskError, match=r"JPEG.*Save strokes as a PNG"):
        read_strokes(tmp_path / "s.jpg", (2, 3))


def test_another_size_is_told(tmp_path):
    write_mask(tmp_path / "s.png", STROKES)
    with pytest.raises(MaskError, match="3 x 2 pixels, the photograph 2 x 3"):
        read_strokes(tmp_path / "s.png", (3, 2))


@pytest.mark.parametrize("count", [32, 33])
def test_a_soft_brush_is_known_by_its_many_classes(tmp_path, count):
    soft = np.arange(count, dtype=np.uint8)[None]
    write_mask(tmp_path / "s.png", soft)
    if count == 32:
        np.testing.assert_array_equal(read_strokes(tmp_path / "s.png", (1, count)), soft)
    else:
        with pytest.raises(MaskError, match=r"33 classes.*edges are hard"):
            read_strokes(tmp_path / "s.png", (1, count))
