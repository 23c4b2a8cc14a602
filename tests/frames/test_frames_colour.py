from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from morphsim.errors import InputError
from morphsim.frames.colour import luminance


def test_bytes_have_the_luminance_that_pillow_gives() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    grey = luminance(picture)
    assert grey.dtype == np.float32
    np.testing.assert_array_equal(grey, np.asarray(Image.fromarray(picture).convert("L")))


@given(st.sampled_from([np.uint8, np.uint16, np.float32]), st.data())
def test_grey_stays_exactly_the_same_grey(dtype: type[np.generic], data: st.DataObject) -> None:
    if dtype is np.float32:
        value = data.draw(st.floats(0, 1, width=32))
    else:
        value = data.draw(st.integers(0, np.iinfo(dtype).max))
    picture = np.full((2, 2, 3), value, dtype)
    assert (luminance(picture) == np.float32(value)).all()


def test_batches_and_transparency() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), np.uint8)
    alpha = np.random.default_rng(1).integers(0, 256, (4, 5, 6, 1), np.uint8)
    np.testing.assert_array_equal(luminance(np.concatenate([picture, alpha], axis=-1)), luminance(picture))


def test_a_pattern_that_is_in_transparency_alone_is_refused() -> None:
    picture = np.zeros((2, 4, 5, 4), np.uint8)
    picture[0, ..., 0] = np.eye(4, 5)
    picture[1, :2, :, 3] = 255
    with pytest.raises(InputError, match="transparency"):
        luminance(picture)
    picture[1, ..., 3] = 255
    luminance(picture)


@pytest.mark.parametrize("picture", [np.zeros((4, 4)), np.zeros((4, 4, 2)), np.zeros((4, 4, 3), complex)])
def test_arrays_without_colours_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(InputError):
        luminance(picture)
