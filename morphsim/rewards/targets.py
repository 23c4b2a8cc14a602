"""What an agent should approach: frames, latents, files, or a new draw for each episode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import Encoder
from morphsim.encoder.input import as_array
from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames, read_target_frames, stated_boundary
from morphsim.frames.binarisation import Binarisation
from morphsim.rewards.source import check_boundary

Several = Literal["nearest", "distribution"]

TargetLike = ArrayLike | str | Path
"""A frame, several frames, a latent, several latents, or a file of frames; see `read_target`."""

TargetSampler = Callable[[np.random.Generator], TargetLike]
"""Draws the target of an episode with the generator that it is given."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Target:
    """Encoded targets."""

    latents: NDArray[np.float32]
    """(K, D) means of the content latents."""
    deviations: NDArray[np.float32]
    """(K, D) posterior standard deviations; NaN where they are unknown."""
    frames: NDArray[np.uint8] | None = None
    """(N, H, W), or (N, C, H, W): the frames that were encoded; None for targets given as latents."""


def read_target(
    target: TargetLike,
    encoder: Encoder,
    *,
    several: Several = "nearest",
    binarisation: Binarisation | None = None,
) -> Target:
    """Encode a target.

    Args:
        target: a frame (H, W), several (K, H, W) or (K, 1, H, W), a latent (D,), several (K, D), or `FILE`,
            `FILE:ROW` as for `morphsim.frames.read_target_frames`; with C channels a frame is (C, H, W).
            An array of integers 0 and 1 is a frame, 1 = donor. Any other array is a picture like those of
            the environment, in greyscale or in colour, (H, W, 3) or (H, W, 4), and is binarised like them.
            A file is thresholded, inverted and resized as the encoder's training frames were.
        encoder: takes the frames.
        several: what several targets mean. "nearest": alternatives, of which the nearest counts.
            "distribution": samples of one distribution; the mean and the standard deviation are those of the
            mixture of their posteriors.
        binarisation: how the environment's pictures become frames; None for that of the encoder's training
            frames.

    Raises:
        InputError: the target is missing, has a wrong shape, holds NaN, or is a file that can't be read.
    """
    if several not in ("nearest", "distribution"):
        raise InputError(f"several is {several!r}; use nearest or distribution")
    training = Binarisation.of_encoder(encoder.metadata)
    found = _encode(_as_array(target, encoder, training), encoder, binarisation or training)
    if several == "nearest" or len(found.latents) == 1:
        return found
    mean = found.latents.mean(axis=0, keepdims=True)
    within = np.square(found.deviations).mean(axis=0, keepdims=True)
    # The law of total variance.
    variance = within + found.latents.var(axis=0, keepdims=True)
    return Target(latents=mean, deviations=np.sqrt(variance), frames=found.frames)


def _as_array(target: TargetLike, encoder: Encoder, training: Binarisation) -> NDArray[Any]:
    if target is None:
        raise InputError(
            "target is missing; give a frame (H, W), several (K, H, W), a latent (D,), 'FILE:ROW', or a "
            "function that draws one"
        )
    if isinstance(target, str | Path):
        check_boundary({"boundary": stated_boundary(target)}, encoder, name=str(target))
        frames = training.fit(read_target_frames(target, binarisation=training), encoder.frame_shape)
        return frames if encoder.channels == 1 else frames[:, None]
    array = as_array(target, name="target")
    if array.size == 0:
        raise InputError(f"target holds no frame: its shape is {array.shape}; give at least one")
    return array


def _encode(array: NDArray[Any], encoder: Encoder, binarisation: Binarisation) -> Target:
    size = encoder.latent_size
    latent = array.ndim == 1 or (array.ndim == 2 and array.shape[1] == size)
    if latent and array.shape != encoder.frame_shape:
        return _from_latents(array, size)
    frames = binarisation.frames(array, encoder.frame_shape, name="target")
    frame_axes = 2 if encoder.channels == 1 else 3
    if encoder.channels == 1 and frames.ndim == 4 and frames.shape[1] == 1:
        frames = frames[:, 0]
    if frames.ndim == frame_axes:
        frames = frames[None]
    # Encoded one by one, equal frames have equal latents to the last bit, and a frame that reached its target
    # is at distance 0.
    encoded = [encoder.encode_all(frame[None]) for frame in frames] if frames.ndim == frame_axes + 1 else []
    if not encoded:
        shape = encoder.frame_shape if encoder.channels == 1 else (encoder.channels, *encoder.frame_shape)
        raise InputError(
            f"target has the shape {array.shape}; this encoder takes a frame {shape}, several, or a latent "
            f"({size},)"
        )
    return Target(
        latents=np.concatenate([each.content for each in encoded]),
        deviations=np.concatenate([each.deviation for each in encoded]),
        frames=frames,
    )


def _from_latents(array: NDArray[Any], size: int) -> Target:
    # A copy, so that changing the array later leaves the target alone.
    latents = np.atleast_2d(np.array(array, np.float32))
    if latents.shape[1] != size:
        raise InputError(f"target is a latent of {latents.shape[1]} numbers; this encoder has {size}")
    if not np.isfinite(latents).all():
        raise InputError("target holds NaN or infinity; a latent must be finite")
    return Target(latents=latents, deviations=np.full_like(latents, np.nan))


class DataSetTargets:
    """Draws a frame of a data set for each episode.

    Args:
        frames: a set of frames, or a file that `morphsim.frames.read_frames` reads.
        rows: numbers of the frames to draw from; all frames by default.

    Raises:
        InputError: the file can't be read, or there is no frame to draw from.
    """

    def __init__(self, frames: FrameSet | str | Path, *, rows: ArrayLike | None = None) -> None:
        data = frames if isinstance(frames, FrameSet) else read_frames(Path(frames))
        chosen = np.arange(len(data.frames)) if rows is None else np.asarray(rows)
        if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
            raise InputError(f"rows are {rows!r}; name at least one frame by its number")
        if chosen.min() < 0 or chosen.max() >= len(data.frames):
            wrong = chosen[(chosen < 0) | (chosen >= len(data.frames))][0]
            raise InputError(f"row {wrong} is asked for; rows run from 0 to {len(data.frames) - 1}")
        self.frames: NDArray[np.uint8] = data.frames[chosen]

    def __call__(self, generator: np.random.Generator) -> NDArray[np.uint8]:
        """Draw a frame (H, W)."""
        return np.asarray(self.frames[int(generator.integers(len(self.frames)))])


class PriorTargets:
    """Draws a latent for each episode from a normal distribution fitted to the encoder's training latents.

    The latents of a regularised encoder seldom follow its prior; a density fitted to them afterwards is
    closer (Ghosh et al., ICLR 2020, doi 10.48550/arXiv.1903.12436). Latents have no posterior, so the reward
    "log_prob" can't use them.

    Args:
        encoder: holds the training latents; where it has none, the prior N(0, 1) is used.
    """

    def __init__(self, encoder: Encoder) -> None:
        latents = encoder.training_latents
        size = encoder.latent_size
        if latents is None or len(latents) < 2:
            self.mean, self.factor = np.zeros(size), np.eye(size)
            return
        values = np.asarray(latents, np.float64)
        self.mean = values.mean(axis=0)
        eigenvalues, directions = np.linalg.eigh(np.cov(values, rowvar=False).reshape(size, size))
        self.factor = directions * np.sqrt(np.maximum(eigenvalues, 0.0))

    def __call__(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw a latent (D,)."""
        drawn = self.mean + self.factor @ generator.standard_normal(len(self.mean))
        return np.asarray(drawn, np.float32)


class FixedTargets:
    """Draws one of some given targets for each episode.

    Args:
        targets: frames or latents, each the target of an episode.

    Raises:
        InputError: there are none.
    """

    def __init__(self, targets: NDArray[Any] | list[TargetLike]) -> None:
        self.targets = list(targets)
        if not self.targets:
            raise InputError("targets are empty; give at least one")

    def __call__(self, generator: np.random.Generator) -> TargetLike:
        """Draw one of the targets."""
        chosen: TargetLike = self.targets[int(generator.integers(len(self.targets)))]
        return chosen
