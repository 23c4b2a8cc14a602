"""Exciton diffusion: distances of pixels to the interface."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_choice
from morphsim.errors import InputError
from morphsim.similarity.descriptors.frames import Frames, Values, checked_frames
from morphsim.types import Boundary

Metric = Literal["graph", "euclidean"]


def interface_distance_map(
    frames: ArrayLike, *, boundary: Boundary, metric: Metric = "graph"
) -> NDArray[np.float64]:
    """Distance of the centre of every pixel to the nearest interface.

    "graph" is GraSPI's convention: the shortest path on the graph of 8 neighbours, with steps of 1 and √2 (up
    to 8.2 % longer than a straight line); the last step, into the other phase, counts half. "euclidean" is
    the straight line to the centre of the nearest pixel of the other phase, minus half a pixel. Both are 0.5
    beside an interface along the grid.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" paths may cross the seam.
        metric: "graph" or "euclidean".

    Returns:
        (N, H, W) [pixel]; infinite in a frame of one phase.

    Raises:
        InputError: invalid frames, an unknown boundary or metric.
    """
    checked = checked_frames(frames, boundary)
    check_choice("metric", metric, get_args(Metric))
    if metric == "graph":
        from morphsim.similarity.descriptors.exciton_kernels import map_distances

        return map_distances(checked, boundary == "periodic")
    found = np.empty(checked.shape)
    for number, frame in enumerate(checked):
        found[number] = _euclidean(frame, boundary)
    return found


def interface_distance(frames: ArrayLike, *, boundary: Boundary, metric: Metric = "graph") -> Values:
    """Mean distance to the nearest interface, of donor pixels (where excitons are generated) and acceptor.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" paths may cross the seam.
        metric: see `interface_distance_map`.

    Returns:
        (N, 2) [pixel]: of donor and acceptor; NaN if the phase is absent, infinite if the other phase is.

    Raises:
        InputError: invalid frames, an unknown boundary or metric.
    """
    checked = checked_frames(frames, boundary)
    distance = interface_distance_map(checked, boundary=boundary, metric=metric)
    return np.stack([_mean_where(distance, checked == phase) for phase in (1, 0)], axis=1)


def near_interface_share(
    frames: ArrayLike, *, boundary: Boundary, within: float = 10.0, metric: Metric = "graph"
) -> Values:
    """Fraction of each phase within a diffusion length of an interface.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" paths may cross the seam.
        within: diffusion length of an exciton [pixel].
        metric: see `interface_distance_map`.

    Returns:
        (N, 2): of donor and acceptor, 0 to 1; 0 if the phase is absent.

    Raises:
        InputError: invalid frames, an unknown boundary or metric, or a length that is not positive.
    """
    checked = checked_frames(frames, boundary)
    if not within > 0.0:
        raise InputError(f"within is {within!r}; it must be positive")
    near = interface_distance_map(checked, boundary=boundary, metric=metric) < within
    found = [
        np.count_nonzero(near & (checked == phase), axis=(1, 2))
        / np.maximum(np.count_nonzero(checked == phase, axis=(1, 2)), 1)
        for phase in (1, 0)
    ]
    return np.stack(found, axis=1)


def _mean_where(values: Values, chosen: NDArray[np.bool_]) -> Values:
    with np.errstate(invalid="ignore"):
        total = np.where(chosen, values, 0.0).sum(axis=(1, 2))
        return np.asarray(total / np.count_nonzero(chosen, axis=(1, 2)))


def _euclidean(frame: Frames, boundary: Boundary) -> Values:
    from scipy.ndimage import distance_transform_edt

    if frame.min() == frame.max():
        return np.full(frame.shape, np.inf)
    # Along x, no pixel is further than half a period from the nearest image of another one.
    margin = (frame.shape[1] + 1) // 2 if boundary == "periodic" else 0
    wide = np.pad(frame, ((0, 0), (margin, margin)), mode="wrap")
    distance = distance_transform_edt(wide) + distance_transform_edt(1 - wide) - 0.5
    return np.asarray(distance[:, margin : margin + frame.shape[1]], np.float64)
