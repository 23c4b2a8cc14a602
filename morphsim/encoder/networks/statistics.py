"""Statistics of frames that neither a roll nor a mirror image changes, as a layer without weights.

They are what a materials scientist reads off a micrograph by eye or by Fourier transform: how much donor
there is at each depth, how much interface there is and in which direction it runs, and the power spectrum,
which is the Fourier transform of the two-point statistics (Torquato 2002, chapter 2,
https://doi.org/10.1007/978-1-4757-6355-3). They are exact, while convolutions only approximate them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch

from morphsim.types import Boundary

_T = TypeVar("_T")


def _constant(make: Callable[..., _T]) -> Callable[..., _T]:
    """Compute a constant once, and outside inference mode, since it may be needed for gradients later."""
    return cache(torch.inference_mode(False)(make))


DEPTHS = 10
_BANDS_OF_ROWS = 14
_BANDS_OF_PLANE = (10, 12)
_FLOOR = 1e-3
_PER_THOUSAND = 1000.0
_WINDOW = 5
_LAYERS = 3


def statistics(frames: torch.Tensor, *, boundary: Boundary) -> tuple[torch.Tensor, torch.Tensor]:
    """Measure frames; every number is scaled to the order of 1.

    Args:
        frames: (B, C, H, W) float, 0 to 1.
        boundary: what happens at the left and right end.

    Returns:
        The few most informative numbers, (B, 13 C): phase fraction; signed squares of the first three cosine
        moments of the depth profile, which distinguish layers from random variations of few domains;
        interface per pixel, in total, across x and across the depth; mean wavenumber, in total, along x,
        along the depth, and along both at once, which detects inclined domains; Euler number per pixel, of
        the frame and of its majority in windows of 5 x 5. Interface and wavenumber are logarithmic.
        And (B, S), S = `spectra_size`: the depth profile and power spectra in logarithmic bands, of the rows
        at each depth and of the plane.
    """
    device = str(frames.device)
    height = frames.shape[2]
    depths = _depths(height, device)
    rows = frames if boundary == "periodic" else torch.cat([frames, frames.flip(3)], dim=3)
    modes = torch.view_as_real(torch.fft.rfft(rows, dim=3)).flatten(3) / math.sqrt(rows.shape[3])
    along_x = _power(modes)
    # The cosine transform in depth as a matrix product, which is faster than an FFT of so few rows.
    plane = _power(_cosines(height, device) @ modes)
    lines = (depths @ along_x) @ _bands(along_x.shape[3], _BANDS_OF_ROWS, False, device).T
    bands_of_depth = _bands(height, _BANDS_OF_PLANE[0], True, device)
    bands_of_x = _bands(along_x.shape[3], _BANDS_OF_PLANE[1], True, device)
    # The mean is not a fluctuation and belongs to no band.
    plane = plane * _without_mean(height, along_x.shape[3], device)
    powers = torch.cat([lines.flatten(1), (bands_of_depth @ plane @ bands_of_x.T).flatten(1)], dim=1)
    profile = frames.mean(dim=3)
    many = [4.0 * ((profile @ depths.T).flatten(1) - 0.5), (torch.log(powers + _FLOOR) + 1.0) / 3.0]
    few = [
        8.0 * (profile.mean(dim=2) - 0.5),
        *(_signed_square(8.0 * (profile * wave).mean(dim=2)) for wave in _layers(height, device)),
        *(torch.log(value + _FLOOR) + 3.0 for value in _interface(frames, boundary)),
        *(torch.log(value + _FLOOR) + 3.5 for value in _mean_wavenumbers(plane)),
        *(torch.asinh(_PER_THOUSAND * value) for value in _euler_numbers(frames, boundary)),
    ]
    return torch.cat(few, dim=1), torch.cat(many, dim=1)


def moments_size(channels: int) -> int:
    """Return how many of the few numbers `statistics` returns."""
    return (_LAYERS + 10) * channels


def spectra_size(frame_shape: tuple[int, int], channels: int, *, boundary: Boundary) -> int:
    """Return how many of the many numbers `statistics` returns."""
    height, width = frame_shape
    waves = (width if boundary == "periodic" else 2 * width) // 2 + 1
    depths = len(_edges_of_depths(height)) - 1
    lines = len(_edges(waves - 1, _BANDS_OF_ROWS)) - 1
    plane = (len(_edges(height - 1, _BANDS_OF_PLANE[0]))) * (len(_edges(waves - 1, _BANDS_OF_PLANE[1])))
    return channels * (depths + depths * lines + plane)


def _power(modes: torch.Tensor) -> torch.Tensor:
    """Return |modes|² (..., K) of complex modes (..., 2 K), whose real and imaginary parts alternate."""
    squares = modes.square()
    return squares[..., 0::2] + squares[..., 1::2]


def _signed_square(values: torch.Tensor) -> torch.Tensor:
    return values * values.abs()


def _interface(frames: torch.Tensor, boundary: Boundary) -> tuple[torch.Tensor, ...]:
    """Return changes of phase between neighbours per pixel, all, along x and along the depth, each (B, C)."""
    pixels = frames.shape[2] * frames.shape[3]
    wrapped = torch.cat([frames, frames[..., :1]], dim=3) if boundary == "periodic" else frames
    along_x = wrapped.diff(dim=3).abs().sum(dim=(2, 3)) / pixels
    along_depth = frames.diff(dim=2).abs().sum(dim=(2, 3)) / pixels
    return along_x + along_depth, along_x, along_depth


def _euler_numbers(frames: torch.Tensor, boundary: Boundary) -> tuple[torch.Tensor, torch.Tensor]:
    """Return donor domains minus holes per pixel, of the frame and of the frame without specks, each (B, C).

    Besides the phase fraction it is the only measure here that is odd under an exchange of the phases:
    droplets of donor count as +1, droplets of acceptor as -1. It is the mean of the Euler numbers of 4- and
    of 8-connected donor, from the quads of pixels with one and with three donors (Gray 1971,
    https://doi.org/10.1109/T-C.1971.223289).
    """
    # Bytes take a quarter of the time of floats.
    phases = (frames > 0.5).to(torch.int8)
    reach = _WINDOW // 2
    ends = (phases[..., -reach:], phases[..., :reach])
    if boundary == "no-flux" or phases.shape[3] < reach:
        ends = (
            phases[..., :1].expand(*phases.shape[:3], reach),
            phases[..., -1:].expand(*phases.shape[:3], reach),
        )
    wide = torch.cat([ends[0], phases, ends[1]], dim=3)
    rows = _window_sums(wide, 3)
    top, bottom = rows[:, :, :1], rows[:, :, -1:]
    sums = _window_sums(torch.cat([top] * reach + [rows] + [bottom] * reach, dim=2), 2)
    majority = (sums > _WINDOW**2 // 2).to(torch.int8)
    return _euler_number(phases, boundary), _euler_number(majority, boundary)


def _window_sums(phases: torch.Tensor, axis: int) -> torch.Tensor:
    """Return sums in a window along an axis, which gets shorter by the window minus one."""
    length = phases.shape[axis] - _WINDOW + 1
    total = phases.narrow(axis, 0, length).clone()
    for start in range(1, _WINDOW):
        total += phases.narrow(axis, start, length)
    return total


def _euler_number(phases: torch.Tensor, boundary: Boundary) -> torch.Tensor:
    wrapped = torch.cat([phases, phases[..., :1]], dim=3) if boundary == "periodic" else phases
    pairs = wrapped[..., 1:] + wrapped[..., :-1]
    quads = pairs[:, :, 1:] + pairs[:, :, :-1]
    # 3 for a quad with one donor, -3 with three, 0 for all others.
    corners = (quads * (2 - quads) * (4 - quads)).sum(dim=(2, 3), dtype=torch.int32)
    return corners / (12.0 * phases.shape[2] * phases.shape[3])


def _mean_wavenumbers(power: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield first moments of the power (B, C, K, L) averaged over rings [1/pixel], each (B, C)."""
    wavenumber, along_depth, along_x, weights = _wavenumbers(*power.shape[2:], str(power.device))
    weighted = power * weights
    total = weighted.sum(dim=(2, 3)).clamp(min=1e-12)
    for axis in (wavenumber, along_x, along_depth, (along_x * along_depth).sqrt()):
        yield (weighted * axis).sum(dim=(2, 3)) / total


@_constant
def _wavenumbers(height: int, width: int, device: str) -> tuple[torch.Tensor, ...]:
    """Return wavenumbers [1/pixel], absolute, along the depth and along x, and weights of a ring average."""
    along_depth = torch.arange(height, device=device)[:, None] / (2 * height)
    along_x = torch.arange(width, device=device)[None] / (2 * max(width - 1, 1))
    wavenumber = torch.hypot(along_depth, along_x)
    weights = torch.where(wavenumber > 0, 1.0 / wavenumber.clamp(min=1e-9), torch.zeros_like(wavenumber))
    # Only one of the modes k and -k along x is stored.
    twice = torch.full((1, width), 2.0, device=device)
    twice[:, 0] = 1.0
    return wavenumber, along_depth, along_x, weights * twice


@_constant
def _cosines(height: int, device: str) -> torch.Tensor:
    """Return the orthonormal cosine transform, type II, (H, H)."""
    order, place = np.mgrid[:height, :height]
    matrix = np.sqrt(2.0 / height) * np.cos(np.pi * order * (place + 0.5) / height)
    matrix[0] /= np.sqrt(2.0)
    return torch.from_numpy(matrix.astype(np.float32)).to(device)


def _layers(height: int, device: str) -> torch.Tensor:
    """Return the first cosines over the depth, (layers, H), which are 1 below the free surface."""
    cosines = _cosines(max(height, _LAYERS + 1), device)[1 : _LAYERS + 1, :height]
    return cosines * math.sqrt(max(height, _LAYERS + 1) / 2.0)


@_constant
def _without_mean(height: int, width: int, device: str) -> torch.Tensor:
    keep = torch.ones(height, width, device=device)
    keep[0, 0] = 0.0
    return keep


@_constant
def _depths(height: int, device: str) -> torch.Tensor:
    """Return averages over equal parts of the depth, (depths, H)."""
    return _averages(_edges_of_depths(height), height).to(device)


@_constant
def _bands(count: int, bands: int, zero: bool, device: str) -> torch.Tensor:
    """Return averages (bands, count) over logarithmic bands of the modes from 1; `zero` adds mode 0."""
    edges = [edge + 1 for edge in _edges(count - 1, bands)]
    return _averages([0, *edges] if zero else edges, count).to(device)


def _edges(count: int, bands: int) -> list[int]:
    """Return the edges, from 0 to `count`, of at most `bands` bands that grow geometrically."""
    if count < 1:
        return [0]
    return sorted({round(float(edge)) - 1 for edge in np.geomspace(1.0, count + 1.0, bands + 1)})


def _edges_of_depths(height: int) -> list[int]:
    parts = min(DEPTHS, height)
    return [part * height // parts for part in range(parts + 1)]


def _averages(edges: list[int], count: int) -> torch.Tensor:
    matrix = torch.zeros(len(edges) - 1, count)
    for row, (start, end) in enumerate(pairwise(edges)):
        matrix[row, start:end] = 1.0 / (end - start)
    return matrix
