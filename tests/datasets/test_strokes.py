"""Strokes from all kinds of drawing programs."""

import zlib

import numpy as np
import pytest
from PIL import Image, ImageFilter

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.datasets.images import write_mask
from wsss_lib.datasets.strokes import read_strokes
from wsss_lib.errors import MaskError

SIZE = (40, 60)
STROKES = np.full(SIZE, VOID, np.uint8)
STROKES[5:9, 5:30], STROKES[20:24, 10:50], STROKES[30:33, 2:9] = 1, 0, 15
STROKES[12, 3:50] = 8  # as thin as can be
WHITE = palette()[STROKES].copy()
WHITE[STROKES == VOID] = 255
PHOTO = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def read(path):
    return read_strokes(path, SIZE)


def saved(path, image, **options):
    image.save(path, **options)
    return path


def indexed(order, colours=None):
    """The strokes as a palette picture whose colours have this order."""
    number = np.zeros(256, np.uint8)
    number[[*order]] = np.arange(len(order))
    image = Image.fromarray(number[STROKES]).convert("P")
    table = np.where(np.arange(256)[:, None] == VOID, 255, palette())
    image.putpalette((table[[*order]] if colours is None else colours).astype(np.uint8).tobytes())
    return image


def transparent():
    alpha = np.where(STROKES == VOID, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([np.where(WHITE == 255, 90, WHITE), alpha]).astype(np.uint8))


COLOURED = {
    "RGB": ("s.png", Image.fromarray(WHITE), {}),
    "RGB as TIFF": ("s.tif", Image.fromarray(WHITE), {}),
    "RGB as BMP": ("s.bmp", Image.fromarray(WHITE), {}),
    "RGB whose white is transparent": (
        "s.png",
        Image.fromarray(WHITE),
        {"transparency": (255, 255, 255)},
    ),
    "RGBA": ("s.png", transparent(), {}),
    "quantised": ("s.png", Image.fromarray(WHITE).quantize(256), {}),
    "quantised RGBA": ("s.png", transparent().quantize(16), {}),
    "GIF": ("s.gif", Image.fromarray(WHITE), {}),
    "transparent GIF": ("s.gif", indexed([VOID, 8, 0, 15, 1]), {"transparency": 0}),
    "VOC's palette": ("s.png", indexed(range(256)), {}),
    "another order": ("s.png", indexed([15, 0, VOID, 1, 8]), {}),
    "transparent palette": ("s.png", indexed([0, 8, VOID, 15, 1]), {"transparency": 2}),
    "translucent palette": (
        "s.png",
        indexed([8, 0, VOID, 15, 1]),
        {"transparency": bytes([255, 255, 40, 255, 255])},
    ),
}


@pytest.mark.parametrize("kind", COLOURED)
def test_the_same_picture_gives_the_same_labels_however_it_is_saved(tmp_path, kind):
    name, image, options = COLOURED[kind]
    np.testing.assert_array_equal(read(saved(tmp_path / name, image, **options)), STROKES)


@pytest.mark.parametrize("kind", ["L", "TIFF", "ramp", "VOC", "any", "few", "index PNG"])
def test_plain_indices_are_labels(tmp_path, kind):
    path, grey = tmp_path / "s.png", Image.fromarray(STROKES)
    if kind == "VOC":
        write_mask(path, STROKES)
    elif kind == "index PNG":
        write_mask(path, STROKES, png="index")
    elif kind == "TIFF":
        path = saved(tmp_path / "s.tif", grey)
    elif kind == "L":
        saved(path, grey)
    elif kind == "ramp":
        saved(path, grey.convert("P"))
    else:
        colours = np.random.default_rng(1).integers(1, 250, (256, 3))
        if kind == "few":  # some of the colours are VOC's, of other classes
            colours[[0, 1]] = palette()[[4, 0]]
        saved(path, indexed(range(256), colours))
    np.testing.assert_array_equal(read(path), STROKES)


def test_a_grey_value_that_is_transparent_is_not_labelled(tmp_path):
    grey = Image.fromarray(np.where(STROKES == VOID, 77, STROKES).astype(np.uint8))
    path = saved(tmp_path / "s.png", grey, transparency=77)
    np.testing.assert_array_equal(read(path), STROKES)


RED = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (255, 255, 255), (0, 0, 255)])


@pytest.mark.parametrize("options", [{}, {"transparency": 3}])
@pytest.mark.parametrize("name", ["s.png", "s.gif"])
def test_indices_in_other_colours_without_255_say_nothing(tmp_path, name, options):
    path = saved(tmp_path / name, indexed([0, 1, 15, VOID, 8], RED), **options)
    with pytest.raises(MaskError, match=r"#ff0000 at x = 5, y = 5; .*#800000 is class 1"):
        read(path)


def blocks(values):
    """Three bars on a ground, of colours or grey values, 40 x 60."""
    ground, *bars = np.array(values, np.uint8)
    picture = np.tile(ground, (*SIZE, *[1] * ground.ndim))
    for number, value in enumerate(bars):
        picture[4 + 12 * number : 11 + 12 * number, 5 + number : 50 - number] = value
    return Image.fromarray(picture)


def halved(image):
    """Scaled down by an odd place: rows and columns of half one colour and half the other."""
    large = image.resize((2 * SIZE[1], 2 * SIZE[0]), Image.Resampling.NEAREST)
    moved = np.roll(np.array(large), (1, 1), (0, 1))
    return Image.fromarray(moved).resize(SIZE[::-1], Image.Resampling.BOX)


BLACK, MAROON = (0, 0, 0), (128, 0, 0)
SOFT = {
    "one grey": halved(blocks([255, 0])),
    "two classes": halved(blocks([255, 0, 1])),
    "slightly blurred": blocks([255, 1, 0, 20]).filter(ImageFilter.BoxBlur(1)),
    "on class 0": halved(blocks([0, 200, 100])),
    "slightly turned": blocks([255, 3, 0])
    .rotate(3, Image.Resampling.BILINEAR, fillcolor=255)
    .quantize(14)
    .convert("L"),
    "black, half white: class 7": halved(blocks([(255, 255, 255), BLACK])),
    "maroon, half black: class 8": halved(blocks([BLACK, MAROON])),
    "maroon, half white: class 15": halved(blocks([(255, 255, 255), MAROON])),
}


@pytest.mark.parametrize("kind", SOFT)
@pytest.mark.parametrize("name", ["s.png", "s.gif", "s.tif"])
def test_soft_edges_are_no_classes(tmp_path, kind, name):
    image = SOFT[kind]
    if name == "s.gif" and image.mode == "L":
        image = image.convert("P")
        name = "s.png"
    with pytest.raises(MaskError, match=r"soft edges: .*nobody painted.*on an empty layer"):
        read(saved(tmp_path / name, image))


def test_the_first_soft_edge_is_named_with_its_place(tmp_path):
    path = saved(tmp_path / "s.png", SOFT["maroon, half black: class 8"])
    with pytest.raises(MaskError, match=r"the first 8 at x = 6, y = 4, "):
        read(path)


@pytest.mark.parametrize("quality", [75, 90, 98])
@pytest.mark.parametrize("values", [(255, 0, 1), ((255, 255, 255), BLACK, MAROON)])
def test_what_was_a_jpeg_once_is_no_better_as_a_png(tmp_path, quality, values):
    image = Image.open(saved(tmp_path / "s.jpg", blocks(values), quality=quality))
    with pytest.raises(MaskError, match="hard edges"):
        read(saved(tmp_path / "s.png", image))


@pytest.mark.parametrize("name", ["s.jpg", "s.png", "s.webp"])
def test_files_that_blur_are_refused_whatever_their_names(tmp_path, name):
    with open(tmp_path / name, "wb") as file:
        Image.fromarray(STROKES).save(file, "WEBP" if name == "s.webp" else "JPEG")
    with pytest.raises(MaskError, match=r"which blurs labels\. Save the strokes alone"):
        read(tmp_path / name)


@pytest.mark.parametrize("png", ["palette", "index"])
def test_touching_and_crossing_strokes_of_one_pixel_are_no_soft_edges(tmp_path, png):
    labels = STROKES.copy()
    labels[:, 20], labels[26, :], labels[27, :] = 2, 1, 0
    labels[28, :30], labels[34:37, 20:30] = 2, 254
    write_mask(tmp_path / "s.png", labels, png=png)
    np.testing.assert_array_equal(read(tmp_path / "s.png"), labels)


def test_a_photograph_is_told_from_strokes(tmp_path):
    painted = PHOTO.copy()
    painted[5:9], painted[20:24] = BLACK, MAROON
    for image, found in (
        (Image.fromarray(painted), r"% of its pixels in colours that are no class"),
        (Image.fromarray(PHOTO).convert("RGBA"), "it is a photograph, or strokes painted on one"),
        (Image.fromarray(painted).quantize(256), "it is a photograph, or strokes painted on one"),
        (Image.fromarray(PHOTO).convert("L"), r"holds \d+ classes.*Is it the photograph"),
    ):
        with pytest.raises(MaskError, match=f"{found}.*on an empty layer"):
            read(saved(tmp_path / "s.png", image))


@pytest.mark.parametrize("ground", [(200, 200, 200), (255, 250, 240)])
def test_a_canvas_of_another_colour_is_no_photograph(tmp_path, ground):
    path = saved(tmp_path / "s.png", blocks([ground, BLACK, MAROON]))
    with pytest.raises(
        MaskError, match="has the colour #{:02x}{:02x}{:02x} at x = 0, y = 0".format(*ground)
    ):
        read(path)


def test_no_message_advises_to_paint_on_the_photograph(tmp_path):
    path = saved(tmp_path / "s.png", Image.fromarray(STROKES[:-1]))
    with pytest.raises(MaskError, match="60 x 39 pixels, the photograph 60 x 40") as caught:
        read(path)
    assert "on an empty layer over the photograph" in str(caught.value)


def filled(ground, bar):
    image = blocks([ground, bar, bar])
    return image


@pytest.mark.parametrize(
    ("image", "label"),
    [
        (filled(0, 1), 0),
        (filled(BLACK, (0, 128, 0)), 0),
        (filled(BLACK, MAROON).quantize(4), 0),
        (filled(7, 0), 7),
    ],
)
def test_a_class_on_nearly_everything_is_said(tmp_path, capsys, image, label):
    image = image.resize((120, 80), Image.Resampling.NEAREST)
    ground = Image.new(image.mode, (240, 160), image.getpixel((0, 0)))
    if image.mode == "P":
        ground.putpalette(image.getpalette())
    ground.paste(image)
    strokes = read_strokes(saved(tmp_path / "s.png", ground), (160, 240))
    assert (strokes == label).mean() > 0.9
    said = capsys.readouterr().out
    assert f"class {label} covers {100 * (strokes == label).mean():.0f} % of the image" in said
    assert "Not labelled is what has 255" in said


@pytest.mark.parametrize("share", [0.5, 0.89])
def test_no_other_file_is_talked_about(tmp_path, capsys, share):
    labels = np.full((100, 100), VOID, np.uint8)
    labels[: round(100 * share)], labels[-5:] = 0, 1
    saved(tmp_path / "s.png", Image.fromarray(labels))
    np.testing.assert_array_equal(read_strokes(tmp_path / "s.png", (100, 100)), labels)
    assert capsys.readouterr().out == ""


def test_strokes_are_turned_as_their_photograph(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    saved(tmp_path / "s.png", Image.fromarray(STROKES), exif=exif)
    turned = read_strokes(tmp_path / "s.png", SIZE[::-1])
    np.testing.assert_array_equal(turned, np.rot90(STROKES, -1))


def test_white_and_what_is_not_opaque_are_not_labelled(tmp_path):
    pixels = np.dstack([palette()[STROKES], np.full(SIZE, 255, np.uint8)])
    pixels[5, 5] = (255, 255, 255, 255)
    pixels[5, 6, 3] = 254
    pixels[21, 12] = (12, 34, 56, 0)
    expected = STROKES.copy()
    expected[[5, 5, 21], [5, 6, 12]] = VOID
    np.testing.assert_array_equal(
        read(saved(tmp_path / "s.png", Image.fromarray(pixels))), expected
    )


@pytest.mark.parametrize("opacity", [70, 128, 230, 254])
@pytest.mark.parametrize("label", [0, 15])
@pytest.mark.parametrize("name", ["s.png", "s.tif", "indexed.png"])
def test_a_class_that_is_nowhere_opaque_is_not_lost_in_silence(tmp_path, opacity, label, name):
    pixels = np.array(transparent())
    pixels[label == STROKES, 3] = opacity
    image = Image.fromarray(pixels)
    path = saved(tmp_path / name, image.quantize(8) if name == "indexed.png" else image)
    row, col = np.argwhere(label == STROKES)[0]
    with pytest.raises(MaskError, match=rf"class {label}, at x = {col}, y = {row}, .*100 %"):
        read(path)


@pytest.mark.parametrize("opacity", [1, 128, 254])
def test_a_soft_edge_towards_transparent_is_not_labelled(tmp_path, opacity):
    beside = np.roll(STROKES, 1, 0)
    rim = (STROKES == VOID) & (beside != VOID)
    alpha = np.where(rim, opacity, np.where(STROKES == VOID, 0, 255))
    pixels = np.dstack([palette()[np.where(rim, beside, STROKES)], alpha.astype(np.uint8)])
    np.testing.assert_array_equal(read(saved(tmp_path / "s.png", Image.fromarray(pixels))), STROKES)


def test_another_colour_is_named_with_its_place(tmp_path):
    pixels = WHITE.copy()
    pixels[21, 12] = (255, 0, 1)
    with pytest.raises(MaskError, match=r"#ff0001 at x = 12, y = 21; .*#800000 is class 1"):
        read(saved(tmp_path / "s.png", Image.fromarray(pixels)))


@pytest.mark.parametrize("count", [32, 33])
def test_more_than_32_classes_are_not_painted_by_hand(tmp_path, count):
    labels = np.arange(count, dtype=np.uint8).repeat(9).reshape(1, -1).repeat(9, 0)
    path = saved(tmp_path / "s.png", Image.fromarray(labels))
    if count == 32:
        np.testing.assert_array_equal(read_strokes(path, labels.shape), labels)
    else:
        with pytest.raises(MaskError, match=r"33 classes.*hard edges on an empty layer"):
            read_strokes(path, labels.shape)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_values_of_fewer_bits_are_refused(tmp_path, bits):
    grey = Image.fromarray(np.where(STROKES == VOID, 1, 0).astype(np.uint8))
    save_raw = saved(tmp_path / "s.png", grey.convert("P"), bits=bits)
    content = bytearray(save_raw.read_bytes())
    assert content[24] == bits
    start, end = content.index(b"PLTE") - 4, content.index(b"IDAT") - 4
    content[25] = 0  # grey, and without its palette
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    save_raw.write_bytes(content[:start] + content[end:])
    with pytest.raises(MaskError, match=r"has mode (1|L); expected .* of 8 bits"):
        read(save_raw)
