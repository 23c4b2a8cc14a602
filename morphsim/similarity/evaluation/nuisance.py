"""Sensitivity of a metric to symmetries: mirroring a film, and rolling a periodic one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.lazy import renamed_argument
from morphsim.similarity.evaluation.frames import EvaluationFrames, has_both_phases
from morphsim.similarity.evaluation.projection import checked_vectors

_PAIRS = 20_000


@dataclass(frozen=True, eq=False, kw_only=True)
class NuisanceFrames:
    """Some frames, the same frames mirrored and rolled, and pairs of different frames.

    Attributes:
        frames: (K, H, W).
        mirrored: (K, H, W).
        rolled: (K, H, W), each by a random shift; None for no-flux walls, where rolling makes a seam.
        pairs: (P, 2) numbers of different frames.
    """

    frames: NDArray[np.uint8]
    mirrored: NDArray[np.uint8]
    rolled: NDArray[np.uint8] | None
    pairs: NDArray[np.int64]


@dataclass(frozen=True)
class NuisanceRatio:
    """Mean distance between a frame and its transformed copy, over the mean between random frames.

    Attributes:
        mirror: of mirrored frames; NaN if the embedding maps all frames to one vector.
        roll: of rolled frames; None for no-flux walls.
    """

    mirror: float
    roll: float | None


@renamed_argument("judged", "labelled")
def nuisance_frames(labelled: EvaluationFrames, *, count: int = 400, seed: int = 0) -> NuisanceFrames:
    """Choose frames that hold both phases, and mirror and roll them.

    Args:
        labelled: the frames to choose from.
        count: maximum number of frames.
        seed: of the choice, the shifts and the pairs.
    """
    generator = np.random.default_rng(seed)
    shown = np.flatnonzero(has_both_phases(labelled.frames))
    chosen = np.sort(generator.choice(shown, min(count, len(shown)), replace=False))
    frames = labelled.frames[chosen]
    width = frames.shape[2]
    shifts = generator.integers(1, width, size=len(frames)) if width > 1 else np.zeros(len(frames), int)
    rolled = None
    if labelled.boundary == "periodic":
        columns = (np.arange(width) - shifts[:, None]) % width
        rolled = np.take_along_axis(frames, columns[:, None, :], axis=2)
    return NuisanceFrames(
        frames=frames,
        mirrored=np.ascontiguousarray(frames[..., ::-1]),
        rolled=rolled,
        pairs=random_pairs(len(frames), _PAIRS, generator),
    )


def nuisance_ratio(
    vectors: ArrayLike, mirrored: ArrayLike, rolled: ArrayLike | None, pairs: NDArray[np.int64]
) -> NuisanceRatio:
    """Compare the distances that should be zero with those between random frames.

    Args:
        vectors: (K, D) of the frames.
        mirrored: (K, D) of the mirrored frames.
        rolled: (K, D) of the rolled frames; None for none.
        pairs: (P, 2) numbers of different frames.
    """
    own = checked_vectors(vectors)
    random = float(np.linalg.norm(own[pairs[:, 0]] - own[pairs[:, 1]], axis=1).mean()) if len(pairs) else 0.0

    def ratio(posed: ArrayLike) -> float:
        moved = np.linalg.norm(checked_vectors(posed, count=len(own)) - own, axis=1).mean()
        return float(moved) / random if random > 0.0 else float("nan")

    return NuisanceRatio(ratio(mirrored), None if rolled is None else ratio(rolled))


def random_pairs(count: int, pairs: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw (P, 2) pairs of different numbers below `count`; no pairs if `count` is below two."""
    if count < 2:
        return np.empty((0, 2), np.int64)
    first = generator.integers(count, size=pairs)
    second = (first + generator.integers(1, count, size=pairs)) % count
    return np.stack([first, second], axis=1)
