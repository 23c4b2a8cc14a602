"""Images as arrays of shades of grey, within size limits."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError, MachineError
from morphsim.frames.colour import grey_pictures
from morphsim.frames.tiff_stacks import TIFF, is_installed, needs_tifffile, read_stack
from morphsim.system_errors import explain

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 2**27
"""Largest number of pixels of a page. Pillow itself refuses images that are a third larger."""
MOST_PIXELS_IN_FILE = 2**28
"""Largest number of pixels of all pages of a file together."""
MOST_PAGES = 100_000
"""Largest number of pages of a file."""

_BYTE = 255
_SHORT = 65535
_LONG = 2**31 - 1
# Found by content, whatever the suffix. Other formats may start external programs when read (EPS).
_FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "DIB", "GIF", "WEBP", "PPM")
_GREY = frozenset({"1", "L", "F", "I"})
_COLOURED = frozenset({"RGB", "RGBA", "LA", "P"})
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_SIZE_LOCK = threading.Lock()


def read_image(path: Path, *, channel: str = "frames") -> tuple[NDArray[Any], int]:
    """Read all pages of an image.

    Args:
        path: the file.
        channel: number of the channel, for TIFF stacks of several (OME, ImageJ), which need tifffile.

    Returns:
        The pages (N, H, W) in shades of grey, bool, integers or floating point, and the largest value of the
        integer type.

    Raises:
        InputError: not an image, too large, or pages that differ.
        MachineError: the file can't be read at the moment.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as file, _opened(file) as image:
                if path.suffix.lower() in TIFF and needs_tifffile(image):
                    return read_stack(path, channel=channel)
                full, white_is_zero = _full(image), _white_is_zero(image)
                pages = _pages(image)
    except InputError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            refused = explain(error, path)
            if isinstance(refused, MachineError):
                raise refused from error
            raise InputError(f"it can't be read ({error.strerror})") from error
        if path.suffix.lower() in TIFF and type(error).__name__ == "UnidentifiedImageError":
            # Pillow lacks some types of numbers, such as signed or double precision.
            if is_installed():
                return read_stack(path, channel=channel)
            raise InputError(
                "it is not a TIFF file, or of a kind that only the package tifffile reads; install that with "
                "`pip install 'morphsim[tiff]'`"
            ) from error
        # For a broken file Pillow raises almost any exception.
        reason = "" if "cannot identify" in str(error) else f" ({_one_line(error)})"
        raise InputError(
            f"it is not an image of a kind that can be read ({', '.join(_FORMATS)}), or is truncated{reason}"
        ) from error
    if len({page.shape[:2] for page in pages}) > 1:
        raise InputError("its pages differ in size; save them as separate images")
    if any(page.ndim == 3 for page in pages):
        if any(page.dtype != np.uint8 for page in pages):
            raise InputError("its pages differ in depth; save them as separate images")
        return grey_pictures(np.stack([_as_colours(page) for page in pages])), _BYTE
    if len({page.dtype for page in pages}) > 1:
        raise InputError("its pages differ in depth; save them as separate images")
    values, full = _mask(np.stack(pages), full)
    return (full - values if white_is_zero else values), full


def _opened(file: BinaryIO) -> Image.Image:
    from PIL import Image

    try:
        return Image.open(file, formats=_FORMATS)
    except Image.DecompressionBombError:
        # Pillow refuses the image before its size is known.
        with _SIZE_LOCK:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                file.seek(0)
                with Image.open(file, formats=_FORMATS) as image:
                    size = image.size
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    raise _too_large(size)


def _pages(image: Image.Image) -> list[NDArray[Any]]:
    """The pages, (H, W), or (H, W, 3) or (H, W, 4) in colours, after a check of their sizes."""
    from PIL import Image

    width, height = image.size
    _check_page(image)
    count = int(getattr(image, "n_frames", 1))
    if count > MOST_PAGES:
        raise InputError(
            f"its {count} pages exceed the limit of {MOST_PAGES} in a file; save them as several files"
        )
    if count * width * height > MOST_PIXELS_IN_FILE:
        raise InputError(
            f"its {count} pages of {width} x {height} pixels exceed the limit of {MOST_PIXELS_IN_FILE} "
            "pixels in a file; save them as several files"
        )
    pages = []
    total = 0
    for number in range(count):
        try:
            image.seek(number)
        except Image.DecompressionBombError as error:
            raise InputError(f"its page {number} is too large ({_one_line(error)})") from error
        _check_page(image)
        # Pages of TIFF may differ in size from the first one.
        total += image.size[0] * image.size[1]
        if total > MOST_PIXELS_IN_FILE:
            raise InputError(
                f"its pages exceed the limit of {MOST_PIXELS_IN_FILE} pixels in a file; save them as several "
                "files"
            )
        pages.append(_page(image))
    return pages


def _check_page(page: Image.Image) -> None:
    if page.size[0] * page.size[1] > MOST_PIXELS:
        raise _too_large(page.size)


def _too_large(size: tuple[int, int]) -> InputError:
    return InputError(
        f"its {size[0]} x {size[1]} pixels exceed the limit of {MOST_PIXELS} pixels; cut it into parts, or "
        "save it smaller"
    )


def _full(image: Image.Image) -> int:
    if image.mode == "I":
        # Some versions of Pillow return 16-bit PNG as 32-bit integers.
        return _SHORT if image.format in {"PNG", "PPM"} else _LONG
    return _SHORT if image.mode.startswith("I;16") else _BYTE


def _white_is_zero(image: Image.Image) -> bool:
    """Whether white is 0 in a 16-bit TIFF, which Pillow does not invert."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I;16") and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _page(page: Image.Image) -> NDArray[Any]:
    from PIL import ImageOps

    # As viewers show it: Pillow itself applies orientation tags to TIFF only.
    page = ImageOps.exif_transpose(page)
    deep = page.mode.startswith("I;16")
    if page.mode not in _GREY | _COLOURED and not deep:
        raise InputError(f"its colour mode {page.mode} is not known; save it as grey or RGB")
    if "A" in page.mode or ("transparency" in page.info and page.mode in {"1", "L", "P", "RGB"}):
        return np.array(page.convert("RGBA"))
    if page.mode in _COLOURED:
        return np.array(page.convert("RGB"))
    values = np.array(page)
    return values.astype(np.uint16) if deep else values


def _as_colours(page: NDArray[Any]) -> NDArray[Any]:
    """A page as (H, W, 4), since only some pages of a file may have transparency."""
    colours = page if page.ndim == 3 else np.repeat(page[..., None], 3, axis=-1)
    if colours.shape[-1] == 4:
        return colours
    return np.concatenate([colours, np.full((*colours.shape[:2], 1), _BYTE, np.uint8)], axis=-1)


def _mask(values: NDArray[Any], full: int) -> tuple[NDArray[Any], int]:
    """Keep the range of 0/255 or 0/65535 masks that are stored with more bits than they need."""
    if full == _BYTE:
        return values, full
    if full == _LONG and values.min() == -1 and values.max() <= 0:
        # The largest unsigned 32-bit integer.
        return values == -1, _BYTE
    high = int(values.max())
    if high in (_BYTE, _SHORT) and ((values == 0) | (values == high)).all():
        full = high
    return values, full


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
