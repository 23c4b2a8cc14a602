"""Different frames with equal area fraction, interface length and mean wavenumber.

A metric that captures more than those three descriptors must still separate them: by the depth at which a
phase lies, by the direction of domains, by which phase is connected. Some classes of a family are made from
the same pattern by turning it upside down or by exchanging the phases, which leaves the three descriptors
exactly equal; the other classes are matched to them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_choice
from morphsim.errors import InputError
from morphsim.similarity.evaluation.bootstrap import BootstrapMean, bootstrap_mean
from morphsim.similarity.evaluation.matching import Design, matched_frames
from morphsim.similarity.evaluation.patterns import Field, droplets, random_waves
from morphsim.similarity.evaluation.projection import checked_vectors
from morphsim.similarity.evaluation.triplets import grouped_shares

Family = Literal["layering", "orientation", "connectivity"]
FAMILIES: tuple[Family, ...] = get_args(Family)

_LEAST_SHAPE = (32, 64)
_WAVELENGTH = 0.24


@dataclass(frozen=True, eq=False, kw_only=True)
class EqualSet:
    """S sets of K frames; the frames of a set have equal descriptors and belong to K different classes.

    Attributes:
        family: how the classes differ.
        classes: (K,) their names.
        frames: (S K, H, W), set by set, periodic along x.
        label: (S K,) class of each frame.
        base: (S K,) set of each frame.
    """

    family: Family
    classes: tuple[str, ...]
    frames: NDArray[np.uint8]
    label: NDArray[np.int64]
    base: NDArray[np.int64]


def large_enough(shape: tuple[int, int]) -> bool:
    """Whether frames (H, W) are large enough to show the domains of these families."""
    return shape[0] >= _LEAST_SHAPE[0] and shape[1] >= _LEAST_SHAPE[1]


def equal_set(
    family: Family,
    *,
    shape: tuple[int, int] = (100, 400),
    count: int = 40,
    candidates: int = 200,
    seed: int = 0,
) -> EqualSet:
    """Make one family of frames.

    - `layering`: donor at the substrate, at the surface, at both, or in the middle.
    - `orientation`: domains upright, flat, leaning by 45 degrees either way, or without a direction.
    - `connectivity`: acceptor droplets in a donor matrix, donor droplets in an acceptor matrix, or a
      labyrinth of both.

    Args:
        family: name of the family.
        shape: (H, W) of the frames, at least 32 x 64.
        count: number of sets, S.
        candidates: patterns of each kind to choose the sets from; more candidates give better matched sets.
        seed: of the patterns.

    Raises:
        InputError: an unknown family, or a shape or number that is too small.
    """
    check_choice("family", family, FAMILIES)
    if not large_enough(shape):
        raise InputError(
            f"shape is {shape}; frames must be at least {_LEAST_SHAPE[0]} x {_LEAST_SHAPE[1]} to show domains"
        )
    if not 2 <= count <= candidates:
        raise InputError(f"count is {count}; it must lie from 2 to the number of candidates, {candidates}")
    make = {"layering": _layering, "orientation": _orientation, "connectivity": _connectivity}[family]
    classes, frames = make(shape, count, candidates, seed)
    kinds = len(classes)
    return EqualSet(
        family=family,
        classes=classes,
        frames=np.ascontiguousarray(frames.reshape(-1, *shape)),
        label=np.tile(np.arange(kinds), len(frames)),
        base=np.repeat(np.arange(len(frames)), kinds),
    )


def equal_triplets(vectors: ArrayLike, equal: EqualSet) -> BootstrapMean:
    """Share of triplets in which the positive, of the anchor's class, is nearer than the negative.

    The negative is of another class, and all three frames are of different sets. Triplets are counted as in
    `recipe_triplets`; vectors that are equal within each set score exactly one half.

    Args:
        vectors: (S K, D).
        equal: the frames.
    """
    checked = checked_vectors(vectors, count=len(equal.frames))
    shares, comparisons = grouped_shares(
        checked,
        equal.label,
        group=np.zeros(len(checked), int),
        positive_apart=equal.base,
        negative_apart=equal.base,
    )
    return bootstrap_mean(shares, equal.base, comparisons=comparisons)


def equal_sets(
    *, shape: tuple[int, int] = (100, 400), count: int = 40, candidates: int = 200, seed: int = 0
) -> dict[str, EqualSet]:
    """Make all families, by name; see `equal_set`."""
    return {
        family: equal_set(family, shape=shape, count=count, candidates=candidates, seed=seed)
        for family in FAMILIES
    }


_Made = tuple[tuple[str, ...], NDArray[np.uint8]]


def _layering(shape: tuple[int, int], count: int, candidates: int, seed: int) -> _Made:
    depth = (np.arange(shape[0])[:, None] + 0.5) / shape[0]

    def one_face(generator: np.random.Generator, length: float, bias: float) -> Field:
        waves = random_waves(shape, generator, wavelength=length, bandwidth=0.2)
        return waves - bias * np.cos(math.pi * depth)

    def both_faces(generator: np.random.Generator, length: float, bias: float) -> Field:
        waves = random_waves(shape, generator, wavelength=length, bandwidth=0.2)
        return waves + bias * np.cos(2.0 * math.pi * depth)

    wavelength = _WAVELENGTH * shape[0]
    designs = (Design(one_face, wavelength, 0.6, free=False), Design(both_faces, 0.8 * wavelength, 1.2))
    made = matched_frames(designs, count=count, candidates=candidates, seed=seed)
    bottom, faces = made[:, 0], made[:, 1]
    return (
        ("donor at the substrate", "donor at the surface", "donor at both", "donor in the middle"),
        np.stack([bottom, bottom[:, ::-1], faces, 1 - faces], axis=1),
    )


def _orientation(shape: tuple[int, int], count: int, candidates: int, seed: int) -> _Made:
    def running(aspect: float, angle: float) -> Design:
        def make(generator: np.random.Generator, length: float, bandwidth: float) -> Field:
            side = 1.0 if generator.random() < 0.5 else -1.0
            return random_waves(
                shape,
                generator,
                wavelength=length,
                bandwidth=bandwidth,
                aspect=aspect,
                angle=side * angle,
            )

        leaning = angle != 0.0
        return Design(make, _WAVELENGTH * shape[0], 0.12 if leaning else 0.3, free=not leaning)

    stretch = 2.5
    designs = (
        running(stretch, math.pi / 4),
        running(stretch, 0.0),
        running(1.0 / stretch, 0.0),
        running(1.0, 0.0),
    )
    made = matched_frames(designs, count=count, candidates=candidates, seed=seed)
    return ("leaning", "upright", "flat", "without direction"), made


def _connectivity(shape: tuple[int, int], count: int, candidates: int, seed: int) -> _Made:
    def donor_droplets(generator: np.random.Generator, spacing: float, rounding: float) -> Field:
        return droplets(shape, generator, spacing=spacing, rounding=rounding * spacing)

    def labyrinth(generator: np.random.Generator, length: float, bandwidth: float) -> Field:
        return random_waves(shape, generator, wavelength=length, bandwidth=bandwidth)

    wavelength = _WAVELENGTH * shape[0]
    designs = (Design(donor_droplets, wavelength, 0.08, free=False), Design(labyrinth, wavelength, 0.4))
    made = matched_frames(designs, count=count, candidates=candidates, seed=seed)
    drops = made[:, 0]
    return (
        ("donor droplets", "acceptor droplets", "labyrinth"),
        np.stack([drops, 1 - drops, made[:, 1]], axis=1),
    )
