"""Photographs and masks, good and bad."""

import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import palette
from wsss_lib.datasets.images import read_image, read_mask, write_mask
from wsss_lib.errors import ImageError, MaskError

RGB = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
MASK = np.array([[0, 1, 20], [255, 20, 0]], np.uint8)


def test_a_photograph_is_read_as_it_is(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, RGB)
    image[0] = 0  # it may be written to


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "LA", "1"])
def test_other_kinds_of_pictures_are_converted(tmp_path, mode):
    other = Image.fromarray(RGB).convert(mode)
    other.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image.shape, image.dtype) == ((5, 4, 3), np.uint8)
    if mode == "RGBA":
        np.testing.assert_array_equal(image, RGB)
    elif mode == "P":
        indices, colours = np.array(other), np.reshape(other.getpalette(), (-1, 3))
        np.testing.assert_array_equal(image, colours[indices])
    else:
        grey = np.array(other.convert("L"))
        np.testing.assert_array_equal(image, np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_print_jpegs_are_converted(tmp_path, mode):
    red = Image.new("RGB", (16, 16), (250, 5, 5)).convert(mode)
    red.save(tmp_path / "a.jpg", quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (16, 16, 3)
    expected = (250, 5, 5) if mode == "CMYK" else (78, 78, 78)
    assert abs(image.astype(int) - expected).max() < 12


def test_truncated_files_are_damaged(tmp_path):
    noise = np.random.default_rng(0).integers(0, 21, (64, 64), dtype=np.uint8)
    write_mask(tmp_path / "a.png", noise)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    for path in (tmp_path / "a.jpg", tmp_path / "a.png"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=r"a\.jpg is damaged .*truncated.*Copy it again"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(MaskError, match="damaged"):
        read_mask(tmp_path / "a.png", 21)


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_what_is_no_picture_is_an_error(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ImageError, match="not a picture that Pillow can read"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(MaskError, match="damaged"):
        read_mask(tmp_path / "a.jpg", 21)


def test_missing_files_are_errors(tmp_path):
    with pytest.raises(ImageError, match=r"No image .*a\.jpg"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(MaskError, match=r"No mask .*a\.png.*--masks"):
        read_mask(tmp_path / "a.png", 21)


def test_absurdly_large_pictures_are_errors(tmp_path, monkeypatch):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(ImageError, match="too large"):
        read_image(tmp_path / "a.png")
    with pytest.raises(MaskError, match="exceeds limit"):
        read_mask(tmp_path / "a.png", 21)


@pytest.mark.parametrize("mode", ["P", "L"])
def test_masks_are_indices_whatever_their_colours(tmp_path, mode):
    image = Image.fromarray(MASK)
    if mode == "P":
        image.putpalette(np.random.default_rng(1).bytes(768))
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", 21), MASK)


def test_a_value_that_is_neither_class_nor_void_is_an_error(tmp_path):
    write_mask(tmp_path / "a.png", MASK)
    with pytest.raises(MaskError, match=r"a\.png holds the value 20; expected 0 to 19, or 255"):
        read_mask(tmp_path / "a.png", 20)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "1"])
def test_a_mask_in_colour_is_an_error(tmp_path, mode):
    Image.fromarray(RGB).convert(mode).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=f"has mode {mode}"):
        read_mask(tmp_path / "a.png", 21)


def test_written_masks_have_the_palette_and_every_index(tmp_path):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_mask(tmp_path / "new" / "a.png", every)
    np.testing.assert_array_equal(read_mask(tmp_path / "new" / "a.png", 255), every)
    with Image.open(tmp_path / "new" / "a.png") as image:
        colours = np.array(image.convert("RGB")).reshape(-1, 3)
    np.testing.assert_array_equal(colours, palette())
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]
