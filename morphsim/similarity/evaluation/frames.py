"""Labelled frames that a metric is evaluated on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames import FrameSet
from morphsim.frames.labels import moment_labels, recipe_labels
from morphsim.lazy import renamed_argument
from morphsim.types import Boundary

Labels = NDArray[np.int64]
Moments = Literal["all", "last"]


@dataclass(frozen=True, eq=False, kw_only=True)
class EvaluationFrames:
    """N labelled frames from films of several recipes.

    Raises:
        InputError: labels of another length than the frames.
    """

    frames: NDArray[np.uint8]
    """(N, H, W) 0/1."""
    recipe: Labels
    """(N,) recipe of each frame."""
    moment: Labels
    """(N,) moment of each frame within its film."""
    trajectory: Labels
    """(N,) film of each frame: one recipe and one noise realisation."""
    boundary: Boundary
    """Lateral boundary condition."""

    def __post_init__(self) -> None:
        for name in ("recipe", "moment", "trajectory"):
            if np.shape(getattr(self, name)) != (len(self.frames),):
                raise InputError(
                    f"{name} has the shape {np.shape(getattr(self, name))}; it must be ({len(self.frames)},)"
                )

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def of(cls, frame_set: FrameSet) -> EvaluationFrames:
        """Label the frames of a frame set.

        Raises:
            InputError: frames of several channels.
        """
        if frame_set.frames.ndim != 3:
            raise InputError(
                f"frames have the shape {frame_set.frames.shape}; only frames of one channel, (N, H, W), "
                "can be evaluated"
            )
        return cls(
            frames=frame_set.frames,
            recipe=recipe_labels(frame_set)[frame_set.trajectory],
            moment=moment_labels(frame_set),
            trajectory=frame_set.trajectory,
            boundary=frame_set.boundary,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of a frame."""
        return int(self.frames.shape[1]), int(self.frames.shape[2])

    @property
    def recipes(self) -> int:
        """Number of different recipes."""
        return len(np.unique(self.recipe))

    @property
    def last(self) -> NDArray[np.bool_]:
        """(N,) whether a frame is the last of its film."""
        latest = np.full(int(self.trajectory.max()) + 1, -1)
        np.maximum.at(latest, self.trajectory, self.moment)
        return np.asarray(self.moment == latest[self.trajectory])

    def select(self, chosen: NDArray[Any]) -> EvaluationFrames:
        """Take some frames, by number or by a bool mask."""
        return replace(
            self,
            frames=self.frames[chosen],
            recipe=self.recipe[chosen],
            moment=self.moment[chosen],
            trajectory=self.trajectory[chosen],
        )


def has_both_phases(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N,) whether each frame holds both phases; a single phase tells nothing about the recipe."""
    flat = frames.reshape(len(frames), -1)
    return np.asarray(flat.min(axis=1) != flat.max(axis=1))


@renamed_argument("judged", "labelled")
def subsample_films(labelled: EvaluationFrames, *, most: int, seed: int = 0) -> EvaluationFrames:
    """Keep about `most` frames: drop whole films at random, the same fraction of each recipe.

    Args:
        labelled: the frames.
        most: approximate upper limit; at least two films of each recipe are kept.
        seed: of the random choice.
    """
    if len(labelled) <= most:
        return labelled
    generator = np.random.default_rng(seed)
    share = most / len(labelled)
    kept: list[NDArray[Any]] = []
    for recipe in np.unique(labelled.recipe):
        films = np.unique(labelled.trajectory[labelled.recipe == recipe])
        count = min(len(films), max(2, int(share * len(films))))
        kept.append(generator.choice(films, count, replace=False))
    return labelled.select(np.isin(labelled.trajectory, np.concatenate(kept)))


@renamed_argument("judged", "labelled")
def halves(labelled: EvaluationFrames) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Split the films of each recipe into two halves by taking every other film.

    Returns:
        Two masks (N,) without a film in common; of an odd number of films, the first half gets one more.
    """
    first = np.zeros(len(labelled), bool)
    for recipe in np.unique(labelled.recipe):
        films = np.unique(labelled.trajectory[labelled.recipe == recipe])
        first |= np.isin(labelled.trajectory, films[::2])
    return first, ~first
