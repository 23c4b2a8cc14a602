"""Encodes the frames of a vector environment in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.rewards.frame_encoder import BaseFrameEncoder
from morphsim.rewards.source import FrameOptions, check_boundary
from morphsim.rewards.vector.batching import (
    EncodedBatch,
    StepMask,
    autoreset_mode,
    info_of,
    observation_of,
)


class VectorFrameEncoder(BaseFrameEncoder):
    """Encodes the frames of a vector environment. For its arguments see `BaseFrameEncoder`.

    Attributes:
        latest: the batch that was encoded last.

    Raises:
        InputError: as `BaseFrameEncoder`; the autoreset mode is unknown; or frames would be rendered only
            after a new episode has begun.
    """

    _inner: VectorFrameEncoder | None

    def __init__(
        self, envs: VectorEnv[Any, Any, Any], encoder: Encoder, **options: Unpack[FrameOptions]
    ) -> None:
        super().__init__(envs, envs.single_observation_space, encoder, **options)
        rendered = self._reader is not None and self._reader.rendered
        if rendered and autoreset_mode(envs) is AutoresetMode.SAME_STEP:
            raise InputError(
                "frame is 'render', but with autoreset in the same step the last picture of an episode "
                "is gone; use autoreset_mode NEXT_STEP, or wrap the single environments"
            )
        self.latest: EncodedBatch | None = None

    def chain(self) -> list[VectorFrameEncoder]:
        """This frame encoder and those of all wrappers inside."""
        found, layer = [self], self._env
        while layer is not None:
            inner = vars(layer).get("frame_encoder")
            found += [inner] if isinstance(inner, VectorFrameEncoder) else []
            layer = vars(layer).get("env")
        return found

    def encode_reset(
        self, observations: Any, infos: dict[str, Any], indices: Sequence[int], *, reconstruct: bool = False
    ) -> EncodedBatch:
        """Encode the first frames of the environments that were reset, by their indices."""
        return self._encode(observations, infos, indices, (), indices, reconstruct=reconstruct)

    def encode_step(
        self, observations: Any, infos: dict[str, Any], mask: StepMask, *, reconstruct: bool = False
    ) -> EncodedBatch:
        """Encode the frames after a step, and the final ones of the episodes that it ended."""
        ended, started = np.flatnonzero(mask.ended).tolist(), np.flatnonzero(mask.started).tolist()
        everyone = range(len(mask.stepped))
        return self._encode(observations, infos, everyone, ended, started, reconstruct=reconstruct)

    def _encode(
        self,
        observations: Any,
        infos: dict[str, Any],
        indices: Sequence[int],
        ended: Sequence[int],
        started: Sequence[int],
        *,
        reconstruct: bool,
    ) -> EncodedBatch:
        """Encode the present frames of `indices`, and the final frames of `ended`."""
        for index in started:
            check_boundary(info_of(infos, index), self.encoder)
        inner = self._inner.latest if self._inner is not None else None
        frames = self._frames(observations, infos, indices, ended) if self._reader is not None else None
        if inner is not None and (frames is None or inner.holds(frames, indices, ended)):
            batch = inner
            if reconstruct and batch.encoded.reconstruction is None:
                batch = batch.with_encoded(self.encoder.encode_all(batch.frames, reconstruct=True))
        else:
            assert frames is not None
            assert self._reader is not None
            current = {index: row for row, index in enumerate(indices)}
            final = {index: len(indices) + row for row, index in enumerate(ended)}
            if self._watch.active:
                # Frames after steps only.
                stepped = {index: row for index, row in current.items() if index not in started} | final
                self._watch.update(frames[list(stepped.values())], list(stepped), self._reader)
            encoded = self.encoder.encode_all(frames, reconstruct=reconstruct)
            batch = EncodedBatch(frames=frames, encoded=encoded, current=current, final=final)
        self.latest = batch
        return batch

    def _frames(
        self, observations: Any, infos: dict[str, Any], indices: Sequence[int], ended: Sequence[int]
    ) -> NDArray[Any]:
        """The frames (M, H, W) or (M, C, H, W): the present ones of `indices`, then the final ones."""
        reader = self._reader
        assert reader is not None
        pictures: Any = self._env.render() if reader.rendered else None
        frames = [
            reader.read(
                observation_of(observations, index),
                info_of(infos, index),
                lambda index=index: None if pictures is None else pictures[index],  # type: ignore[misc]
            )
            for index in indices
        ]
        for index in ended:
            final_info = info_of(infos.get("final_info", {}), index)
            frames.append(reader.read(infos["final_obs"][index], final_info, lambda: None))
        shapes = {frame.shape for frame in frames}
        if len(shapes) > 1:
            raise InputError(f"the environments show frames of different shapes, {sorted(shapes)}")
        return np.stack(frames)
