"""One explored image as small pictures that a page can scale: arrays, and no plot behind them."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from wsss_lib.datasets.classes import palette
from wsss_lib.expand.sampling import PixelSamples

#: Pixels that a picture is at least wide, so that small images are not blurred by the page.
WIDTH = 480
#: Side of a sample's dot in such a picture, at most: fewer samples are drawn larger.
_DOTS = ((100, 9), (1000, 5))


def enlarge(picture: np.ndarray) -> np.ndarray:
    """Repeat the pixels of a small picture until it is about `WIDTH` wide: (H, W, 3) uint8."""
    times = max(1, WIDTH // picture.shape[1])
    return picture.repeat(times, 0).repeat(times, 1)


def sample_picture(image: np.ndarray, samples: PixelSamples) -> np.ndarray:
    """Samples as dots in the colour of their class over a faded photograph (Figure 6).

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    samples : PixelSamples

    Returns
    -------
    ndarray, shape (f H, f W, 3), uint8
        Enlarged by the whole number f, see `enlarge`.
    """
    picture = enlarge((0.35 * image + 0.65 * 255).astype(np.uint8))
    times = picture.shape[0] // image.shape[0]
    side = next((side for most, side in _DOTS if samples.requested <= most), 3)
    rows, cols = (times * place + times // 2 for place in (samples.rows, samples.cols))
    colours = palette()[samples.labels]
    for down, across in np.ndindex(side, side):
        at = (
            (rows + down - side // 2).clip(0, picture.shape[0] - 1),
            (cols + across - side // 2).clip(0, picture.shape[1] - 1),
        )
        picture[at] = colours
    return picture


def png_uri(picture: np.ndarray) -> str:
    """A picture, (H, W, 3) uint8, as the address of a PNG that is its own content."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "png", compress_level=1)  # quick rather than small
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
