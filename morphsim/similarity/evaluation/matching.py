"""Patterns of different designs, matched in interface length and mean wavenumber."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphsim.similarity.descriptors import interface_length, mean_wavenumber
from morphsim.similarity.evaluation.patterns import Field, Frame, upper_half
from morphsim.types import Boundary

BOUNDARY: Boundary = "periodic"

Make = Callable[[np.random.Generator, float, float], Field]
"""Makes a field from a generator, a length [pixel] and a second parameter."""

_CALIBRATION_FRAMES = 8
_CALIBRATION_ROUNDS = 8
_JITTER = 0.04


@dataclass(frozen=True)
class Design:
    """A kind of pattern with two parameters that control interface length and wavenumber.

    Attributes:
        make: makes the field; the larger half of its values becomes donor.
        length: initial value of the first parameter [pixel].
        second: initial value of the second parameter.
        free: whether the parameters may be fitted; False for the design that the others are matched to.
    """

    make: Make
    length: float
    second: float
    free: bool = True


def matched_frames(designs: Sequence[Design], *, count: int, candidates: int, seed: int) -> NDArray[np.uint8]:
    """Make sets of one frame of each design, with matched descriptors within each set.

    First the parameters of each design are fitted until the means of interface length and wavenumber are
    those of the first design. Then many candidates of each design are made with slightly perturbed
    parameters, and the best matched sets are kept.

    Args:
        designs: K designs; the first one is not free.
        count: number of sets, S.
        candidates: number of frames of each design to choose from.
        seed: of everything random.

    Returns:
        (S, K, H, W), area fraction exactly one half.
    """
    target: Field | None = None
    pools, features = [], []
    for number, design in enumerate(designs):
        parameters = np.log([design.length, design.second])
        if design.free and target is not None:
            parameters = _calibrated(design, parameters, target, seed=seed)
        elif target is None:
            target = _mean_features(design, parameters, seed=seed)
        generator = np.random.default_rng((seed, number, 1))
        frames = []
        for _ in range(candidates):
            off = generator.uniform(-_JITTER, _JITTER, 2)
            frames.append(upper_half(design.make(generator, *np.exp(parameters + off))))
        pools.append(np.stack(frames))
        features.append(_features(pools[-1]))
    chosen = _most_alike(features, count)
    return np.stack([pool[chosen[:, number]] for number, pool in enumerate(pools)], axis=1)


def _features(frames: NDArray[np.uint8]) -> Field:
    """Logarithms of interface length and mean wavenumber, (N, 2)."""
    return np.log(
        np.stack(
            [interface_length(frames, boundary=BOUNDARY), mean_wavenumber(frames, boundary=BOUNDARY)], axis=1
        )
    )


def _mean_features(design: Design, parameters: Field, *, seed: int) -> Field:
    frames: list[Frame] = []
    for number in range(_CALIBRATION_FRAMES):
        # The same noise for all parameters, so that their effect is not lost in it.
        generator = np.random.default_rng((seed, number, 0))
        frames.append(upper_half(design.make(generator, *np.exp(parameters))))
    return np.asarray(_features(np.stack(frames)).mean(axis=0))


def _calibrated(design: Design, parameters: Field, target: Field, *, seed: int) -> Field:
    """Fit both parameters by Newton's method with slopes from finite differences."""
    step = 0.1
    best, smallest = parameters, np.inf
    for _ in range(_CALIBRATION_ROUNDS):
        here = _mean_features(design, parameters, seed=seed)
        missing = target - here
        if np.abs(missing).max() < smallest:
            best, smallest = parameters, float(np.abs(missing).max())
        if smallest < 0.003:
            break
        slopes = np.stack(
            [
                (_mean_features(design, parameters + turn, seed=seed) - here) / step
                for turn in step * np.eye(2)
            ],
            axis=1,
        )
        turn = np.linalg.lstsq(slopes, missing, rcond=1e-3)[0]
        parameters = parameters + np.clip(turn, -0.4, 0.4)
    return best


def _most_alike(features: Sequence[Field], count: int) -> NDArray[np.int64]:
    """Choose sets (S, K) whose features differ least within a set; each candidate is used once."""
    first = features[0]
    nearest = []
    for other in features[1:]:
        apart = np.abs(first[:, None] - other).max(axis=2)
        nearest.append(apart)
    used = [np.zeros(len(other), bool) for other in features]
    sets: list[list[int]] = []
    for _ in range(min(count, *(len(each) for each in features))):
        worst = np.zeros(len(first))
        partners = []
        for number, apart in enumerate(nearest, start=1):
            open_ = np.where(used[number], np.inf, apart)
            partners.append(open_.argmin(axis=1))
            worst = np.maximum(worst, open_.min(axis=1))
        worst[used[0]] = np.inf
        row = int(worst.argmin())
        chosen = [row, *(int(partner[row]) for partner in partners)]
        for number, candidate in enumerate(chosen):
            used[number][candidate] = True
        sets.append(chosen)
    return np.array(sets, np.int64)
