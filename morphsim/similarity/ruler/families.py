"""The descriptors of a frame that the ruler compares, by family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from morphsim.checks import check_choice
from morphsim.errors import InputError
from morphsim.similarity.descriptors import (
    PHASE_ELECTRODES,
    DescriptorTable,
    chord_lengths,
    composition_profile,
    connected_share,
    interface_components,
    power_spectrum,
    tortuosity,
    two_point_statistics,
)
from morphsim.similarity.descriptors.frames import Frames, Values, checked_frames
from morphsim.types import Boundary

FamilyName = Literal["interface", "profile", "spectrum", "connectivity", "chords", "tortuosity", "two_point"]
FAMILIES: tuple[FamilyName, ...] = get_args(FamilyName)
"""Names of all families, in their order."""

PROFILE_BINS = 10
SPECTRUM_BINS = 8
# Logarithms of smaller shares of the power would be those of a few pixels.
_LEAST_POWER = 1e-4
_LAGS = (2, 4, 8, 16, 32)
_FRAMES_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class RulerDescriptors:
    """Descriptors of N frames."""

    table: DescriptorTable
    """A row for each frame and a named column for each descriptor, D in all."""
    families: tuple[FamilyName, ...]
    """(D,) family of each column; the columns of a family are neighbours."""


def ruler_descriptors(
    frames: ArrayLike, *, boundary: Boundary, families: Sequence[FamilyName] = FAMILIES
) -> RulerDescriptors:
    """Compute the descriptors that the ruler compares.

    None of them changes when a frame is mirrored left and right, or when a periodic frame is rolled. Ratios
    matter for lengths and powers, so these enter as logarithms.

    - `interface`: logarithms of the pairs of different neighbours side by side and above each other. A frame
      without any counts as one with a single pair.
    - `profile`: share of donor in 10 slices of equal thickness, from the top.
    - `spectrum`: logarithm of the share of the power of the radially averaged structure factor in 8 bins of
      equal width in the logarithm of the wavenumber, at least 10⁻⁴; a frame of one phase has all of it in
      the first bin.
    - `connectivity`: share of each phase that is connected to the top and to the bottom; 0 if it is absent.
    - `chords`: logarithm of the mean chord of each phase along x and along the depth, in pixels; that of a
      single pixel if the phase is absent.
    - `tortuosity`: logarithm of the tortuosity of each phase to the top and to the bottom. A phase that
      hardly touches a surface has only straight paths to it; one that does not touch it gets the same value,
      0, so that the descriptor does not jump. `connectivity` tells them apart.
    - `two_point`: correlation (S₂ - φ²) / (φ (1 - φ)) of pixels 2, 4, ... 32 apart along x and along the
      depth, up to half of the frame; 0 in a frame of one phase.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.
        families: which families to compute.

    Raises:
        InputError: invalid frames, an unknown boundary or family, or a family twice.
    """
    chosen = check_families(families)
    checked = checked_frames(frames, boundary)
    # Small batches keep what is computed on the way in the processor's cache.
    parts = [
        np.concatenate([_VALUES[family](checked[rows], boundary) for family in chosen], axis=1)
        for rows in (
            slice(start, start + _FRAMES_AT_ONCE) for start in range(0, len(checked), _FRAMES_AT_ONCE)
        )
    ]
    names, family_of = descriptor_names((checked.shape[1], checked.shape[2]), families=chosen)
    values = np.concatenate([np.empty((0, len(names))), *parts])
    return RulerDescriptors(DescriptorTable(names, values), family_of)


def descriptor_names(
    shape: tuple[int, int], *, families: Sequence[FamilyName] = FAMILIES
) -> tuple[tuple[str, ...], tuple[FamilyName, ...]]:
    """Names of the descriptors of frames (H, W), and the family of each."""
    pairs = [(name, family) for family in check_families(families) for name in _NAMES[family](shape)]
    return tuple(name for name, _ in pairs), tuple(family for _, family in pairs)


def check_families(families: Sequence[str]) -> tuple[FamilyName, ...]:
    """Return the names of families in the order of `FAMILIES`.

    Raises:
        InputError: none, an unknown name, or a name twice.
    """
    for name in families:
        check_choice("family", name, FAMILIES)
    if not families or len(set(families)) != len(families):
        raise InputError(
            f"families are {', '.join(families) or 'none'}; name at least one, and each only once"
        )
    return tuple(name for name in FAMILIES if name in families)


def _lags(side: int) -> list[int]:
    return [lag for lag in _LAGS if 2 * lag <= side]


_NAMES: dict[FamilyName, Callable[[tuple[int, int]], list[str]]] = {
    "interface": lambda _: ["log_interface_x", "log_interface_depth"],
    "profile": lambda _: [f"donor_in_slice_{number}" for number in range(PROFILE_BINS)],
    "spectrum": lambda _: [f"log_power_{number}" for number in range(SPECTRUM_BINS)],
    "connectivity": lambda _: [f"connected_{where}" for where in PHASE_ELECTRODES],
    "chords": lambda _: [
        f"log_chord_{way}_{phase}" for way in ("x", "depth") for phase in ("donor", "acceptor")
    ],
    "tortuosity": lambda _: [f"log_tortuosity_{where}" for where in PHASE_ELECTRODES],
    "two_point": lambda shape: [
        f"correlation_{way}_{lag}"
        for way, side in (("x", shape[1]), ("depth", shape[0]))
        for lag in _lags(side)
    ],
}


def _interface(frames: Frames, boundary: Boundary) -> Values:
    least = 1.0 / (frames.shape[1] * frames.shape[2])
    return np.asarray(np.log(np.maximum(interface_components(frames, boundary=boundary), least)))


def _profile(frames: Frames, boundary: Boundary) -> Values:
    return composition_profile(frames, boundary=boundary, bins=PROFILE_BINS)


def _spectrum(frames: Frames, boundary: Boundary) -> Values:
    power = power_spectrum(frames, boundary=boundary, bins=SPECTRUM_BINS)
    power[np.isnan(power).any(axis=1)] = np.eye(1, SPECTRUM_BINS)
    return np.asarray(np.log(np.maximum(power, _LEAST_POWER)))


def _connectivity(frames: Frames, boundary: Boundary) -> Values:
    return connected_share(frames, boundary=boundary)


def _chords(frames: Frames, boundary: Boundary) -> Values:
    mean = chord_lengths(frames, boundary=boundary).mean.reshape(len(frames), 4)
    return np.asarray(np.log(np.nan_to_num(mean, nan=1.0)))


def _tortuosity(frames: Frames, boundary: Boundary) -> Values:
    return np.asarray(np.log(np.nan_to_num(tortuosity(frames, boundary=boundary), nan=1.0)))


def _two_point(frames: Frames, boundary: Boundary) -> Values:
    deep, far = (_lags(side) for side in frames.shape[1:])
    largest = (max(deep, default=0), max(far, default=0))
    statistics = two_point_statistics(frames, boundary=boundary, largest_lag=largest)
    pairs = np.concatenate([statistics[:, 0, far], statistics[:, deep, 0]], axis=1)
    share = statistics[:, 0, :1]
    variance = share * (1.0 - share)
    return np.asarray(np.divide(pairs - share**2, variance, out=np.zeros_like(pairs), where=variance > 0.0))


_VALUES: dict[FamilyName, Callable[[Frames, Boundary], Values]] = {
    "interface": _interface,
    "profile": _profile,
    "spectrum": _spectrum,
    "connectivity": _connectivity,
    "chords": _chords,
    "tortuosity": _tortuosity,
    "two_point": _two_point,
}
