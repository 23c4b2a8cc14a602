"""The frames that a metric is judged on, with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames import FrameSet
from morphsim.frames.labels import moment_labels, recipe_labels
from morphsim.types import Boundary

Labels = NDArray[np.int64]
Moments = Literal["all", "last"]


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedFrames:
    """N frames of films of several recipes.

    Raises:
        InputError: labels of another length than the frames.
    """

    frames: NDArray[np.uint8]
    """(N, H, W) 0/1."""
    recipe: Labels
    """(N,) the recipe that made each frame."""
    moment: Labels
    """(N,) which of its film's moments each frame is."""
    trajectory: Labels
    """(N,) the film of each frame: one recipe and one noise."""
    boundary: Boundary
    """What happens at the left and right end."""

    def __post_init__(self) -> None:
        for name in ("recipe", "moment", "trajectory"):
            if np.shape(getattr(self, name)) != (len(self.frames),):
                raise InputError(
                    f"{name} has the shape {np.shape(getattr(self, name))}; it must be ({len(self.frames)},)"
                )

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def of(cls, frame_set: FrameSet) -> JudgedFrames:
        """Label the frames of a frame set.

        Raises:
            InputError: frames of several channels.
        """
        if frame_set.frames.ndim != 3:
            raise InputError(
                f"frames have the shape {frame_set.frames.shape}; only those of one channel, (N, H, W), "
                "can be judged"
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

    def select(self, chosen: NDArray[Any]) -> JudgedFrames:
        """Take some frames, by number or by a bool mask."""
        return replace(
            self,
            frames=self.frames[chosen],
            recipe=self.recipe[chosen],
            moment=self.moment[chosen],
            trajectory=self.trajectory[chosen],
        )


def shows_something(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N,) whether frames hold both phases; one of a single phase shows nothing of its recipe."""
    flat = frames.reshape(len(frames), -1)
    return np.asarray(flat.min(axis=1) != flat.max(axis=1))


def fewer_films(judged: JudgedFrames, *, most: int, seed: int = 0) -> JudgedFrames:
    """Keep at most some `most` frames by leaving out whole films, of each recipe alike, at random.

    Args:
        judged: the frames.
        most: how many frames are wanted at most; of each recipe at least two films stay.
        seed: decides which films go.
    """
    if len(judged) <= most:
        return judged
    generator = np.random.default_rng(seed)
    share = most / len(judged)
    kept: list[NDArray[Any]] = []
    for recipe in np.unique(judged.recipe):
        films = np.unique(judged.trajectory[judged.recipe == recipe])
        count = min(len(films), max(2, int(share * len(films))))
        kept.append(generator.choice(films, count, replace=False))
    return judged.select(np.isin(judged.trajectory, np.concatenate(kept)))


def halves(judged: JudgedFrames) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Split the films of each recipe in two: every other one, in the order of their numbers.

    Returns:
        Two masks (N,) without a film in common; of an odd number the first half gets one more.
    """
    first = np.zeros(len(judged), bool)
    for recipe in np.unique(judged.recipe):
        films = np.unique(judged.trajectory[judged.recipe == recipe])
        first |= np.isin(judged.trajectory, films[::2])
    return first, ~first
