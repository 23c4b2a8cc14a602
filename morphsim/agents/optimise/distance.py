"""The distance of frames from a target, which a search makes small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.agents.environment import check_target
from morphsim.encoder import Encoder, load_encoder
from morphsim.encoder.input import as_array, check_frames
from morphsim.errors import InputError
from morphsim.frames import read_target_frames, stated_boundary
from morphsim.frames.binarisation import Binarisation
from morphsim.hashes import hash_arrays
from morphsim.rewards.metric import LatentMetric
from morphsim.rewards.source import check_boundary


class TargetDistance:
    """The calibrated distance of latents from the nearest target; 1 is the median of random pairs.

    Args:
        encoder: of the frames.
        target: (H, W), or (K, H, W) of which the nearest counts.

    Raises:
        InputError: a target of another shape.
    """

    def __init__(self, encoder: Encoder, target: ArrayLike) -> None:
        self.encoder = encoder
        self.binarisation = Binarisation.of_encoder(encoder.metadata)
        self.target = self._frames(target, "target")
        """(K, H, W) uint8 0/1."""
        check_target(self.target, "target", encoder)
        self._metric = LatentMetric(encoder)
        self._latents = self._encode(self.target)

    @classmethod
    def read(cls, encoder: str | Path, target: str) -> TargetDistance:
        """Load an encoder, and read a target as FILE, FILE:ROW or FILE:ROW,ROW,...

        Args:
            encoder: name of a shipped encoder, or the folder of one.
            target: of the boundary of its training frames.

        Raises:
            InputError: one of them can't be used.
        """
        # Workers share a machine, and one frame at a time gains nothing from a GPU.
        loaded = load_encoder(encoder, device="cpu")
        made = Binarisation.of_encoder(loaded.metadata)
        frames = made.fit(read_target_frames(target, binarisation=made), loaded.frame_shape)
        check_boundary({"boundary": stated_boundary(target)}, loaded, name=target)
        check_target(frames, target, loaded)
        return cls(loaded, frames)

    def __call__(self, frames: ArrayLike) -> NDArray[np.float64]:
        """Distances (N,) of frames (N, H, W), or (1,) of a frame (H, W).

        Pictures in shades of grey are binarised as the encoder's training frames were.

        Raises:
            InputError: frames that the encoder does not take.
        """
        checked = check_frames(self._frames(frames, "frames"), self.encoder.frame_shape)
        distances = self._metric(self._encode(checked)[:, None], self._latents)
        return np.asarray(distances.min(axis=1), np.float64)

    def of_file(self, path: str | Path) -> NDArray[np.float64]:
        """Distances (N,) of the frames in a file, read as targets are.

        Raises:
            InputError: a file that can't be read, or frames that the encoder does not take.
        """
        made, shape = self.binarisation, self.encoder.frame_shape
        check_boundary({"boundary": stated_boundary(path)}, self.encoder, name=str(path))
        frames = made.fit(read_target_frames(path, binarisation=made), shape)
        if frames.shape[1:] != shape:
            raise InputError(
                f"{path} has frames of {frames.shape[1]} x {frames.shape[2]}; the encoder takes "
                f"{shape[0]} x {shape[1]}: convert it with `morphsim import --shape {shape[0]} {shape[1]}`"
            )
        return self(frames)

    def target_hash(self) -> str:
        """The SHA-256 of the target's frames."""
        return hash_arrays({"frames": self.target})

    def _encode(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        # One by one, since the last bits of a latent depend on the batch.
        return np.concatenate([self.encoder.encode(frame[None]) for frame in frames])

    def _frames(self, given: ArrayLike, name: str) -> NDArray[Any]:
        array = as_array(given, name=name)
        if array.ndim == 2:
            array = array[None]
        return self.binarisation.frames(array, self.encoder.frame_shape, name=name)
