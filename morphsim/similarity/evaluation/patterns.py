"""Random patterns that look like demixed films, with exactly half of the pixels donor."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Field = NDArray[np.float64]

_RELAXATIONS = 3
_SAMPLES_PER_CELL = 30


def upper_half(field: Field) -> Frame:
    """Set the half of the pixels (H, W) with the larger values to donor."""
    order = np.argpartition(field.reshape(-1), field.size // 2)
    frame = np.zeros(field.size, np.uint8)
    frame[order[field.size // 2 :]] = 1
    return frame.reshape(field.shape)


def random_waves(
    shape: tuple[int, int],
    generator: np.random.Generator,
    *,
    wavelength: float,
    bandwidth: float,
    aspect: float = 1.0,
    angle: float = 0.0,
) -> Field:
    """Sum of many waves of about one wavelength with random phases, as in early spinodal decomposition.

    J. W. Cahn, J. Chem. Phys. 42 (1965) 93, doi 10.1063/1.1695731. Periodic along x, not in depth.

    Args:
        shape: (H, W).
        generator: of the phases.
        wavelength: [pixel].
        bandwidth: standard deviation of the logarithm of the wavenumbers.
        aspect: length over width of the domains, which stand upright at the angle 0.
        angle: tilt of the domains [radian].

    Returns:
        (H, W) of variance 1.
    """
    height, width = shape
    depth = 2.0 * math.pi * np.fft.fftfreq(2 * height)[:, None]
    along = 2.0 * math.pi * np.fft.rfftfreq(width)[None, :]
    across = along * math.cos(angle) + depth * math.sin(angle)
    lengthwise = depth * math.cos(angle) - along * math.sin(angle)
    stretch = math.sqrt(aspect)
    wavenumber = np.hypot(across / stretch, lengthwise * stretch) * wavelength / (2.0 * math.pi)
    wavenumber[0, 0] = 1.0
    spectrum = np.exp(-0.5 * np.square(np.log(wavenumber) / bandwidth))
    spectrum[0, 0] = 0.0
    noise = np.fft.rfft2(generator.standard_normal((2 * height, width)))
    field = np.fft.irfft2(noise * spectrum, s=(2 * height, width))[:height]
    return np.asarray(field / field.std())


def droplets(
    shape: tuple[int, int], generator: np.random.Generator, *, spacing: float, rounding: float
) -> Field:
    """Distance from the walls of random cells; its larger half is droplets separated by thin walls.

    The cells are Voronoi cells of random points after a few steps of Lloyd's algorithm (IEEE Trans. Inf.
    Theory 28 (1982) 129, doi 10.1109/TIT.1982.1056489). Periodic along x.

    Args:
        shape: (H, W).
        generator: of the points.
        spacing: square root of the area of a cell [pixel].
        rounding: width of the Gaussian filter that rounds the cells off [pixel].

    Returns:
        (H, W) [pixel].
    """
    from scipy.ndimage import gaussian_filter

    height, width = shape
    # Cells that the surface or the substrate cuts may have their centres outside.
    box = np.array([height + 2.0 * spacing, float(width)])
    count = max(4, round(box[0] * box[1] / spacing**2))
    points = generator.random((count, 2)) * box
    for _ in range(_RELAXATIONS):
        samples = generator.random((_SAMPLES_PER_CELL * count, 2)) * box
        owner = _nearest(points, samples, box, 1)[1][:, 0]
        apart = samples - points[owner]
        apart[:, 1] -= width * np.round(apart[:, 1] / width)
        sizes = np.maximum(np.bincount(owner, minlength=count), 1)
        moved = [np.bincount(owner, apart[:, axis], minlength=count) / sizes for axis in range(2)]
        points = points + np.stack(moved, axis=1)
        points[:, 1] %= width
    rows, columns = np.indices(shape).reshape(2, -1)
    pixels = np.stack([rows + spacing + 0.5, columns + 0.5], axis=1)
    distance = _nearest(points, pixels, box, 2)[0]
    walls = (distance[:, 1] - distance[:, 0]).reshape(shape)
    return np.asarray(gaussian_filter(walls, rounding, mode=("nearest", "wrap")))


def _nearest(points: Field, asked: Field, box: Field, count: int) -> tuple[Field, NDArray[np.int64]]:
    """Distance and number of the nearest points, x periodic: (N, count) each."""
    from scipy.spatial import KDTree

    copies = np.concatenate([points + np.array([0.0, shift * box[1]]) for shift in (0, 1, -1)])
    distance, number = KDTree(copies).query(asked, k=count)
    return distance.reshape(-1, count), (number % len(points)).reshape(-1, count)
