"""Micrographs of known patterns, with the faults that real ones have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

Frame = NDArray[np.uint8]


def pattern(shape: tuple[int, int], size: float, seed: int, *, share: float = 0.45) -> Frame:
    """Bicontinuous domains (H, W) of about `size` pixels, of which `share` are donor."""
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.standard_normal(shape), size, mode="wrap")
    return (field >= np.quantile(field, 1 - share)).astype(np.uint8)


def soft(frame: Frame) -> NDArray[np.float64]:
    """A frame with the resolution of a tip or a beam."""
    return np.asarray(ndimage.gaussian_filter(frame.astype(float), 1.0))


def place(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column of each pixel over the height and width, from -0.5 to 0.5."""
    height, width = shape
    rows, columns = np.mgrid[:height, :width]
    return rows / height - 0.5, columns / width - 0.5


def afm_phase(frame: Frame, seed: int) -> NDArray[np.float64]:
    """An AFM phase image in degrees: tilt, an offset in each scan line that drifts, scars and noise."""
    random = np.random.default_rng(seed)
    rows, columns = place(frame.shape)
    phase = 12 + 9 * soft(frame) + 6 * rows + 12 * columns + random.normal(0, 1.2, frame.shape)
    phase += np.cumsum(random.normal(0, 1.5, frame.shape[0]))[:, None]
    phase[random.choice(frame.shape[0], 3, replace=False)] += 8
    return phase


def tem(frame: Frame, seed: int, *, bar: bool = True) -> Frame:
    """A TEM image in shades of grey: uneven illumination, shot noise and a burnt-in scale bar."""
    random = np.random.default_rng(seed)
    rows, columns = place(frame.shape)
    counts = (105 + 40 * soft(frame)) * (1 + 0.5 * columns - 0.4 * rows)
    picture = Image.fromarray(np.clip(random.poisson(1.5 * counts) / 1.5, 0, 255).astype(np.uint8))
    if bar:
        height, width = frame.shape
        pen = ImageDraw.Draw(picture)
        pen.rectangle((20, height - 12, 20 + width // 5, height - 8), fill=255)
        pen.text((24, height - 27), "100 nm", fill=255)
    return np.asarray(picture)


def sem(frame: Frame, seed: int, *, rows: int = 30) -> Frame:
    """An SEM image with a data bar of `rows` below it: white text and a line on black."""
    random = np.random.default_rng(seed)
    grey = np.clip(70 + 90 * soft(frame) + random.normal(0, 15, frame.shape), 0, 255)
    bar = Image.new("L", (frame.shape[1], rows), 0)
    pen = ImageDraw.Draw(bar)
    pen.line((0, 0, frame.shape[1], 0), fill=255)
    pen.text((10, rows // 3), "SE2   5.00 kV   WD 4.1 mm   mag 50 kx", fill=255)
    return np.concatenate([grey.astype(np.uint8), np.asarray(bar)])


def height_map(frame: Frame, seed: int) -> NDArray[np.float64]:
    """Heights in metres: domains 4 nm high on a tilted film at 210 nm."""
    random = np.random.default_rng(seed)
    rows, columns = place(frame.shape)
    tilt = 1.5e-8 * rows + 1.2e-8 * columns
    return 2.1e-7 + 4e-9 * soft(frame) + tilt + random.normal(0, 6e-10, frame.shape)


def agreement(one: Frame, other: Frame) -> float:
    """Share of equal pixels."""
    assert one.shape == other.shape
    return float((one == other).mean())
