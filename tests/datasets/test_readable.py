"""Bad files are told all at once."""

import pytest

from wsss_lib.datasets.readable import check_readable
from wsss_lib.errors import DataError, ImageError


def test_good_files_pass(squares):
    check_readable(squares, masks=True)


def test_all_bad_photographs_are_named_and_masks_only_if_asked_for(few_squares):
    good, *bad = few_squares.ids
    for id_ in bad:
        few_squares.image_path(id_).write_bytes(b"no picture")
    few_squares.mask_path(good).write_bytes(b"no picture")
    named = rf"{bad[0]}, {bad[1]}\. The first: .*{bad[0]}\.jpg"
    with pytest.raises(ImageError, match=rf"^2 of 3 images cannot be read: {named}"):
        check_readable(few_squares)
    named = rf"{good}, {bad[0]}, {bad[1]}\. The first: .*{good}\.png"
    with pytest.raises(DataError, match=rf"^3 of 3 images with their masks .*: {named}"):
        check_readable(few_squares, masks=True)
