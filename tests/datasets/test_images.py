"""Photographs, masks and strokes, good and bad."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.datasets.images import (
    convert_mask,
    read_mask,
    read_note,
    read_photo,
    scale_photo,
    write_mask,
)
from wsss_lib.datasets.strokes import read_strokes
from wsss_lib.errors import ImageError, MaskError

RGB = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
MASK = np.array([[0, 1, 20], [255, 20, 0]], np.uint8)


def test_a_photograph_is_read_as_it_is(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    image = read_photo(tmp_path / "a.png")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, RGB)
    image[0] = 0  # it may be written to


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "LA", "1"])
def test_other_kinds_of_pictures_are_converted(tmp_path, mode):
    other = Image.fromarray(RGB).convert(mode)
    other.save(tmp_path / "a.png")
    image = read_photo(tmp_path / "a.png")
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
    image = read_photo(tmp_path / "a.jpg")
    assert image.shape == (16, 16, 3)
    expected = (250, 5, 5) if mode == "CMYK" else (78, 78, 78)
    assert abs(image.astype(int) - expected).max() < 12


def save_raw_png(path, samples, colour):
    """Write samples (H, bytes) as a PNG by hand: `colour` is its bit depth and colour type."""
    height, width = samples.shape[0], samples.shape[1] * 8 // colour[0] // CHANNELS[colour[1]]
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, *colour, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in chunks.items():
            file.write(struct.pack(">I", len(data)) + name + data)
            file.write(struct.pack(">I", zlib.crc32(name + data)))


CHANNELS = {0: 1, 2: 3, 6: 4}  # of PNG's colour types


def save_turned(path, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(path, exif=exif)
    return path


def mask_of_voc(path):
    return read_mask(path, 21)


def small_strokes(path):
    return read_strokes(path, (2, 3))


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (mask_of_voc, MaskError),
        (read_photo, ImageError),
        (small_strokes, ImageError),
    ],
)
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"No (image|mask) .*a\.png\. (Check|Leave)"),
        (b"", "not a picture that Pillow can read"),
        (b"no picture", "not a picture that Pillow can read"),
        ("half", r"a\.png is damaged .*Copy it again"),
        ("large", "too large: .*exceeds limit.*Scale it down"),
    ],
)
def test_a_bad_file_is_an_error(tmp_path, monkeypatch, read, error, content, sentence):
    path = tmp_path / "a.png"
    if content in ("half", "large"):
        write_mask(path, np.random.default_rng(0).integers(0, 21, (64, 64), dtype=np.uint8))
    if content == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif content == "large":
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=sentence):
        read(path)


def test_a_photograph_of_which_pillow_only_warns_is_too_large(tmp_path, monkeypatch):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15)
    with pytest.raises(ImageError, match=r"too large.*Scale it down"):
        read_photo(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["P", "L"])
def test_palette_and_grey_files_hold_labels_whatever_their_colours(tmp_path, mode):
    image = Image.fromarray(MASK)
    if mode == "P":
        image.putpalette(np.random.default_rng(1).bytes(768))
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(mask_of_voc(tmp_path / "a.png"), MASK)


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (MASK, "the value 20"),
        (np.uint8([[0, 7, 254]]), "the value 254"),
        (np.uint8([[128, 3, 64]]), "the values 64, 128"),
        (np.uint8([np.arange(0, 256, 30)]), r"the values 30, 60, 90, 120, 150, \.\.\."),
        (np.uint16([[0, 65535]]), "the value 65535"),
        (np.uint16([[256, 512]]), "the values 256, 512"),
    ],
)
def test_values_that_are_neither_class_nor_void_are_an_error(tmp_path, mask, says):
    Image.fromarray(mask).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=rf"a\.png holds {says}; expected 0 to 19, or 255"):
        read_mask(tmp_path / "a.png", 20)


@pytest.mark.parametrize(("name", "kind"), [("a.png", np.uint16), ("a.tif", ">u2")])
def test_a_mask_of_16_bits_is_read(tmp_path, name, kind):
    Image.fromarray(MASK.astype(kind)).save(tmp_path / name)
    mask = mask_of_voc(tmp_path / name)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, MASK)


@pytest.mark.parametrize("bits", [2, 4])
def test_a_grey_mask_of_fewer_bits_would_be_scaled(tmp_path, bits):
    save_raw_png(tmp_path / "a.png", np.uint8([[0x01], [0x10]]), (bits, 0))
    with pytest.raises(MaskError, match=r"mode L, scaled from fewer bits; .* PNG of 8 bits"):
        mask_of_voc(tmp_path / "a.png")


def save_coloured(path, mask, colours):
    """Write a mask as an indexed file with a palette (n, 3) of its own."""
    image = Image.fromarray(np.uint8(mask))
    image.putpalette(np.uint8(colours).tobytes())
    image.save(path)


def greys(*values):
    return np.repeat(np.array(values)[:, None], 3, 1)


@pytest.mark.parametrize(
    ("mask", "colours", "says"),
    [
        ([0, 1, 1], palette()[[1, 0]], "0 is painted as #800000, the colour of class 1"),
        ([0, 1, 2], palette()[[0, 2, 1]], "1 is painted as #008000, the colour of class 2"),
        ([0, 2, 2], palette()[[0, 2, 1]], "2 is painted as #800000, the colour of class 1"),
        ([0, 1, 2], palette()[[0, VOID, 7]], "1 is painted as #e0e0c0, the colour of class 255"),
        ([4, 4, 4], np.roll(palette(), 1, 0), "4 is painted as #808000, the colour of class 3"),
        ([0, 1, 2], [*palette()[[0, 15]], [255] * 3], "1 .* #c08080, the colour of class 15"),
        ([0, 1, 2], [[255] * 3, *palette()[[0, 2]]], "1 .* #000000, the colour of class 0"),
        ([0, 1, 2], greys(0, 20, 255), "1 is painted as #141414, the colour of class 20"),
        ([1, 0, 1], greys(3, 0), "0 is painted as #030303, the colour of class 3"),
    ],
)
def test_classes_and_colours_at_odds_are_an_error(tmp_path, mask, colours, says):
    save_coloured(tmp_path / "a.png", [mask], colours)
    with pytest.raises(MaskError, match=rf"a\.png has classes and colours .* odds: {says}\. If"):
        mask_of_voc(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("mask", "colours"),
    [
        ([0, 1, 20], palette()[:21]),
        ([0, 1, 20], np.zeros((21, 3))),
        ([0, 1, 2], palette()[[0, 2, 100]]),  # one colour is of no class
        ([0, 1, 2], palette()[[0, 2, 2]]),
        ([0, 1, 2], [*palette()[:2], [255] * 3]),  # a class that is white
        ([0, 1, 1], greys(0, 255)),  # black and white
        ([0, 3, 3], greys(255, 170, 85, 0)),
        ([0, 7, 20], greys(*range(0, 252, 12))),
        ([0, 7, 255], greys(*range(256))),
        ([5, 5, 5], np.zeros((21, 3))),
    ],
)
def test_other_colours_say_nothing(tmp_path, mask, colours):
    save_coloured(tmp_path / "a.png", [mask], colours)
    np.testing.assert_array_equal(mask_of_voc(tmp_path / "a.png"), [mask])


@pytest.mark.parametrize("read", [mask_of_voc, small_strokes])
@pytest.mark.parametrize(
    ("kind", "more"), [("JPEG", {"quality": 100}), ("WEBP", {}), ("TIFF", {"compression": "jpeg"})]
)
def test_a_file_that_blurs_labels_is_told_by_its_content(tmp_path, read, kind, more):
    Image.fromarray(MASK).save(tmp_path / "a.png", kind, **more)
    with pytest.raises(MaskError, match=rf"a\.png is a {kind}.*blurs labels\. Save .* as a PNG"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_other_files_that_keep_labels_are_read(tmp_path, kind):
    Image.fromarray(MASK).save(tmp_path / "a.png", kind)
    np.testing.assert_array_equal(mask_of_voc(tmp_path / "a.png"), MASK)


def test_a_gif_numbers_grey_values_anew(tmp_path):
    Image.fromarray(MASK).save(tmp_path / "a.png", "GIF")
    with pytest.raises(MaskError, match="2 is painted as #141414, the colour of class 20"):
        mask_of_voc(tmp_path / "a.png")


def test_a_mask_is_turned_as_well(tmp_path):
    path = save_turned(tmp_path / "a.png", MASK, 6)
    np.testing.assert_array_equal(mask_of_voc(path), np.rot90(MASK, -1))


@pytest.mark.parametrize(
    ("read", "mode"),
    [(mask_of_voc, mode) for mode in ("RGB", "RGBA", "LA", "1")]
    + [(small_strokes, mode) for mode in ("1", "LA", "I;16")],
)
def test_other_kinds_of_pictures_hold_no_labels(tmp_path, read, mode):
    Image.new(mode, (3, 2)).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=f"has mode {mode}"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("mask", [MASK, np.arange(256, dtype=np.uint8).reshape(8, 32)])
def test_index_files_are_the_array_itself(tmp_path, mask):
    """8 bits of grey by the PNG's own header, so that no reader makes colours of them."""
    path = tmp_path / "a.png"
    write_mask(path, mask, "some note", png="index")
    assert (path.read_bytes()[24], path.read_bytes()[25]) == (8, 0)
    with Image.open(path) as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.array(image), mask)
    assert read_note(path) == "some note"


@pytest.mark.parametrize("kept", [0, 60, 0.5, -30, -5])
def test_a_mask_that_was_cut_off_has_no_note(tmp_path, kept):
    """Its note comes before its pixels: it would count as made."""
    mask = np.random.default_rng(0).integers(0, 3, (60, 80)).astype(np.uint8)
    write_mask(tmp_path / "a.png", mask, "some note")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: int(len(whole) * kept) if kept == 0.5 else kept])
    assert read_note(tmp_path / "a.png") == ""


@pytest.mark.parametrize(("first", "second"), [("palette", "index"), ("index", "palette")])
def test_the_kind_of_a_mask_is_changed_and_nothing_else(tmp_path, first, second):
    path, expected = tmp_path / "a.png", tmp_path / "b.png"
    write_mask(path, MASK, "some note", png=first)
    write_mask(expected, MASK, "some note", png=second)
    before = path.read_bytes()
    convert_mask(path, first)
    assert path.read_bytes() == before
    convert_mask(path, second)
    assert path.read_bytes() == expected.read_bytes() != before


@pytest.mark.parametrize("what", ["a photograph", "no note", "no picture"])
def test_files_of_others_are_not_converted(tmp_path, what):
    path = tmp_path / "a.png"
    comment = PngInfo()
    comment.add_text("Comment", "Created with GIMP")
    match what:
        case "a photograph":
            Image.new("RGB", (3, 2), (90, 0, 7)).save(path, pnginfo=comment)
        case "no note":
            write_mask(path, MASK)
        case "no picture":
            path.write_bytes(b"no picture")
    before = path.read_bytes()
    convert_mask(path, "index")
    assert path.read_bytes() == before


def test_written_masks_have_the_palette_and_every_index(tmp_path):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_mask(tmp_path / "new" / "a.png", every)
    np.testing.assert_array_equal(read_mask(tmp_path / "new" / "a.png", 255), every)
    with Image.open(tmp_path / "new" / "a.png") as image:
        colours = np.array(image.convert("RGB")).reshape(-1, 3)
    np.testing.assert_array_equal(colours, palette())
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]


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


def exif(*tags):
    """EXIF by hand: (tag, type, count, value of 4 bytes) of each entry."""
    entries = b"".join(struct.pack("<HHI4s", *tag) for tag in sorted(tags))
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


TURNED = exif((0x112, 3, 1, b"\6\0"))


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
@pytest.mark.parametrize(
    ("content", "turns"),
    [
        (exif((0x112, 3, 1, b"\6\0"), (0x128, 7, 1, b"\2")), -1),  # a unit that is no number
        (exif((0x112, 3, 1, b"\6\0"), (0x131, 11, 1, b"\0\0\0@")), -1),  # a program that is one
        (exif((0x112, 3, 1, b"\6\0"), (0x11A, 2, 2, b"72")), -1),  # a resolution in letters
        (b"Exif\0\0garbage!", 0),
        (TURNED[:12], 0),
    ],
)
def test_odd_exif_is_used_as_far_as_it_goes(tmp_path, name, content, turns):
    Image.fromarray(RGB).save(tmp_path / name, exif=content, lossless=True)
    np.testing.assert_array_equal(read_photo(tmp_path / name), np.rot90(RGB, turns))


@pytest.mark.parametrize(("read", "error"), [(read_photo, ImageError), (mask_of_voc, MaskError)])
@pytest.mark.parametrize("keyword", ["Comment", "XML:com.adobe.xmp"])
def test_a_file_that_pillow_refuses_for_its_text_is_told(tmp_path, read, error, keyword):
    text = PngInfo()
    text.add_text(keyword, "a" * 2_000_000, zip=True)
    Image.fromarray(MASK).save(tmp_path / "a.png", pnginfo=text)
    with pytest.raises(error, match=r"a\.png is damaged \(Decomp.* or save it again in a program"):
        read(tmp_path / "a.png")


RAMP = np.tile(np.arange(256), (3, 1))  # a grey picture of every tone


@pytest.mark.parametrize(
    ("grey", "name"),
    [
        (np.uint16(RAMP * 257), "a.png"),
        (np.uint16(RAMP * 257), "a.tif"),
        (np.uint16(RAMP * 257).astype(">u2"), "a.tif"),
        (np.uint16(np.round(RAMP * 4095 / 255)), "a.png"),  # 12 bits
        (np.uint16(RAMP), "a.tif"),  # 8 bits
        (np.int32(RAMP * 257), "a.tif"),
        (np.float32(RAMP / 255), "a.tif"),
        (np.float32(RAMP), "a.tif"),
        (np.float32(RAMP * 4095 / 255), "a.tif"),
        (np.float32(RAMP * 257), "a.tif"),
    ],
)
def test_more_than_8_bits_are_scaled_and_not_clipped(tmp_path, grey, name):
    Image.fromarray(grey).save(tmp_path / name)
    np.testing.assert_array_equal(read_photo(tmp_path / name), np.stack([RAMP] * 3, axis=2))


def test_a_photograph_of_16_bits_is_turned_as_well(tmp_path):
    path = save_turned(tmp_path / "a.png", np.uint16(RAMP * 257), 6)
    np.testing.assert_array_equal(read_photo(path)[..., 0], np.rot90(RAMP, -1))


@pytest.mark.parametrize(
    ("grey", "says"),
    [
        (np.float32([[0, 1.5]]), "floats from 0 to 1.5; expected 0 to 1 or 0 to 255"),
        (np.float32([[-0.5, 1]]), "floats from -0.5 to 1"),
        (np.float32([[0, 7e4]]), "floats from 0 to 70000"),
        (np.float32([[0, np.nan]]), "floats from nan"),
        (np.float32([[0, np.inf]]), "floats from 0 to inf"),
        (np.int32([[-1, 9]]), "integers from -1 to 9; expected 0 to 255"),
        (np.int32([[0, 70000]]), "integers from 0 to 70000"),
    ],
)
def test_values_of_no_known_range_are_an_error(tmp_path, grey, says):
    Image.fromarray(grey).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=rf"a\.tif holds {says}"):
        read_photo(tmp_path / "a.tif")


def change_tag(path, tag, before, after):
    """Change a short number in the head of a TIFF."""
    old, new = (struct.pack("<HHIH", tag, 3, 1, value) for value in (before, after))
    assert path.read_bytes().count(old) == 1
    path.write_bytes(path.read_bytes().replace(old, new))


def test_a_tiff_whose_white_is_0_is_turned_over_or_refused(tmp_path):
    path, grey = tmp_path / "a.tif", np.stack([RAMP] * 3, axis=2)
    Image.fromarray(np.uint8(255 - RAMP)).save(path)
    change_tag(path, 262, 1, 0)
    np.testing.assert_array_equal(read_photo(path), grey)
    Image.fromarray(np.uint16(65535 - RAMP * 257)).save(path)
    change_tag(path, 262, 1, 0)
    with pytest.raises(ImageError, match=r"a\.tif has more than 8 bits and white as 0.*Save it as"):
        read_photo(path)


def test_a_tiff_of_16_bits_with_its_colours_in_planes_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(np.full((6, 4, 3), 200, np.uint8)).save(path)
    change_tag(path, 284, 1, 2)
    path.write_bytes(path.read_bytes().replace(struct.pack("<3H", 8, 8, 8), b"\x10\0" * 3))
    with pytest.raises(ImageError, match=r"a\.tif has more than 8 bits and planes.*Save it as"):
        read_photo(path)
    Image.fromarray(np.full((6, 4, 3), 200, np.uint8)).save(path)
    change_tag(path, 284, 1, 2)
    path.write_bytes(path.read_bytes() + bytes(2000))
    assert read_photo(path)[0, 0, 0] == 200  # of 8 bits


@pytest.mark.parametrize("colour", [2, 6])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_colours_of_16_bits_are_read_if_all_bits_are_used(tmp_path, bits, colour):
    samples = np.repeat(np.round(RAMP * (2**bits - 1) / 255), CHANNELS[colour], 1).astype(">u2")
    if colour == 6:
        samples[:, 3::4] = 65535  # opaque
    save_raw_png(tmp_path / "a.png", samples.view(np.uint8), (16, colour))
    if bits == 16:
        np.testing.assert_array_equal(read_photo(tmp_path / "a.png")[..., 1], RAMP)
    else:
        with pytest.raises(ImageError, match=r"16 bits .* lower 12 .*Save it with 8 bits"):
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


@pytest.mark.parametrize(
    ("name", "written"),
    [("a.jpg", "a.jpg.png"), ("a", "a.png"), ("a.5", "a.5.png"), ("b", "b.png")],
)
def test_a_mask_takes_the_place_of_no_other_file(tmp_path, name, written):
    for other in ("a.jpg", "b.jpeg", "a.4.png"):
        (tmp_path / other).write_text("a photograph")
    write_mask(tmp_path / name, MASK)
    np.testing.assert_array_equal(mask_of_voc(tmp_path / written), MASK)
    for other in ("a.jpg", "b.jpeg", "a.4.png"):
        assert (tmp_path / other).read_text() == "a photograph"
