"""TIFF files whose pages have axes of their own (OME, ImageJ) or that Pillow can't read, by tifffile."""

from __future__ import annotations

import contextlib
import logging
import math
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.colour import grey_pictures
from morphsim.limits import check_bytes
from morphsim.system_errors import reading

if TYPE_CHECKING:
    from PIL import Image

TIFF = frozenset({".tif", ".tiff"})
_DEFAULT = "frames"
_DESCRIPTION = 270
_OME_CHANNELS = re.compile(r'<OME.*?\bSizeC="([0-9]{1,9})"', re.DOTALL)
_IMAGEJ = re.compile(r"^(channels|images)=([0-9]{1,9})\s*$", re.MULTILINE)
_MEND = "install it with `pip install 'morphsim[tiff]'`, or save the file as plain TIFF or PNG"


def needs_tifffile(image: Image.Image) -> bool:
    """Whether the pages of an open TIFF are not simply frames: several channels, or a stack in one page."""
    text = str(getattr(image, "tag_v2", {}).get(_DESCRIPTION, ""))
    if found := _OME_CHANNELS.search(text):
        return int(found[1]) > 1
    if text.startswith("ImageJ="):
        stated = {name: int(count) for name, count in _IMAGEJ.findall(text)}
        return stated.get("channels", 1) > 1 or stated.get("images", 1) > getattr(image, "n_frames", 1)
    return False


def is_installed() -> bool:
    """Whether tifffile can be imported."""
    return find_spec("tifffile") is not None


def read_stack(path: Path, *, channel: str = _DEFAULT) -> tuple[NDArray[Any], int]:
    """Read the first series of a TIFF file; other files that it names are not read.

    Args:
        path: the file.
        channel: number of the channel, from 0, if there are several.

    Returns:
        (N, H, W) in the order of the file, and the largest value of the integer type.

    Raises:
        InputError: tifffile is missing, the file can't be read, or the channel is not given.
        MachineError: the operating system refuses to read it.
    """
    try:
        import tifffile
    except ImportError as error:
        raise InputError(f"it is a TIFF stack that needs the package tifffile; {_MEND}") from error
    with (
        reading(path, "a TIFF file that can be read"),
        _errors_raised(),
        tifffile.TiffFile(path, _multifile=False) as file,
    ):
        series = file.series[0]
        if series.dtype is None or series.dtype.kind not in "biuf":
            raise InputError(f"it holds {series.dtype} values; pictures are bool, integers or floats")
        check_bytes(math.prod(series.shape) * series.dtype.itemsize, "its first series")
        size = path.stat().st_size
        for page in series.pages:
            ends = [] if page is None else zip(page.dataoffsets, page.databytecounts, strict=True)
            # Missing values would be read as zeros.
            if any(start + count > size for start, count in ends):
                raise InputError("its values end early; it is truncated")
        values, axes = np.asarray(series.asarray()), str(series.axes)
    pictures = _pages(values, axes, channel)
    return pictures, 255 if pictures.dtype.itemsize == 1 else 65535


@contextlib.contextmanager
def _errors_raised() -> Iterator[None]:
    """Raise what tifffile only logs, such as a strip that it can't decode and fills with zeros."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                found.append(record.getMessage())

    logger = logging.getLogger("tifffile")
    collector, passes_on = Collector(), logger.propagate
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(collector)
        logger.propagate = passes_on
    if found:
        raise InputError(f"it is damaged ({' '.join(found[0].split())[:200]}); fetch or make it again")


def _pages(values: NDArray[Any], axes: str, channel: str) -> NDArray[Any]:
    """Bring the axes to (N, H, W): one channel, and shades of grey."""
    if "Y" not in axes or "X" not in axes:
        raise InputError(f"its axes are {axes}; pictures need Y and X")
    if "C" in axes:
        place = axes.index("C")
        count = values.shape[place]
        # A single channel may have any name, as a single array may.
        chosen = 0 if count == 1 else _number(channel, count)
        values, axes = values.take(chosen, axis=place), axes.replace("C", "")
    colours = "S" in axes
    values = np.moveaxis(values, [axes.index(name) for name in "YX"], [-2, -1])
    if colours:
        order = [name for name in axes if name not in "YX"]
        values = np.moveaxis(values, order.index("S"), -1)
        pictures = values.reshape(-1, *values.shape[-3:])
        return grey_pictures(pictures)
    return values.reshape(-1, *values.shape[-2:])


def _number(channel: str, count: int) -> int:
    if not channel.isascii() or not channel.isdigit() or len(channel) > 9 or int(channel) >= count:
        raise InputError(
            f"it holds {count} channels, and the array {channel!r} is asked for; choose one with "
            f"--array 0 to --array {count - 1}"
        )
    return int(channel)
