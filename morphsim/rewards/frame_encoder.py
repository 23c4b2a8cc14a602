"""Encodes the frames of an environment, each once however many wrappers need its latents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.frames.preparation import Preparation
from morphsim.rewards.source import (
    OBSERVES_FRAMES,
    FrameOptions,
    FrameReader,
    FrameSource,
    check_boundary,
    check_shows_frames,
    holds_picture,
    shows_colours_first,
)
from morphsim.rewards.watch import FrameWatch


class BaseFrameEncoder:
    """What the frame encoders of single and of vector environments share.

    A wrapper inside may already have encoded the same frame with the same encoder; its latents are then
    reused. Frames are compared by their pixels, since a wrapper in between may have changed the very array
    that was encoded.

    Args:
        env: the environment, or vector environment, whose frames are encoded.
        space: space of a single observation.
        encoder: encodes the frames.
        frame: where the frame is, see `FrameReader`. Where a wrapper inside has replaced the picture in the
            observation, "observation" means the frame that it encoded.
        frame_threshold: threshold of pictures; None for that of a wrapper inside which reads the same frames
            with the same encoder, or else that of the encoder's training frames.
        invert: whether dark pixels are donor; None likewise.

    Attributes:
        binarisation: how pictures become frames.

    Raises:
        InputError: a value is out of range, the source of frames is unknown, or frames have another shape
            than the encoder's.
    """

    binarisation: Binarisation
    _inner: BaseFrameEncoder | None

    def __init__(
        self,
        env: Any,
        space: gym.Space[Any],
        encoder: Encoder,
        *,
        frame: FrameSource = "observation",
        frame_threshold: float | None = None,
        invert: bool | None = None,
    ) -> None:
        self.encoder = encoder
        self.source = frame
        self._env = env
        self._inner = self._find_inner(env)
        known = self._inner.binarisation if self._inner is not None else self._training_binarisation(space)
        self.binarisation = known.changed(threshold=frame_threshold, invert=invert)
        self._reader = self._make_reader(space)
        self._watch = FrameWatch()

    def _find_inner(self, env: Any) -> BaseFrameEncoder | None:
        """The frame encoder of a wrapper inside `env` that reads the same frames with the same encoder."""
        layer = env
        while layer is not None:
            inner = vars(layer).get("frame_encoder")
            # "observation" is the default, so it doesn't ask for another frame than a wrapper inside reads.
            if (
                isinstance(inner, type(self))
                and inner.encoder.hash == self.encoder.hash
                and self.source in ("observation", inner.source)
            ):
                return inner
            layer = vars(layer).get("env")
        return None

    def _training_binarisation(self, space: gym.Space[Any]) -> Binarisation:
        """How the encoder's training frames were binarised, as far as it applies to this environment."""
        known = Binarisation.of_encoder(self.encoder.metadata)
        if self._env.metadata.get(OBSERVES_FRAMES) is True:
            known = replace(known, invert=False, transpose=False, preparation=Preparation())
        colours_first = shows_colours_first(self.source, space, known, self.encoder)
        return replace(known, colours_first=colours_first)

    def _make_reader(self, space: gym.Space[Any]) -> FrameReader | None:
        """A reader of frames; None if they are always those that the wrapper inside encodes."""
        inner = self._inner
        try:
            reader = FrameReader(self.source, space, self.encoder, self.binarisation)
        except InputError:
            if inner is None or holds_picture(self.source, space):
                raise
            if inner.binarisation != self.binarisation:
                raise InputError(
                    "the observation is no longer a picture, and the wrapper inside that encoded it "
                    f"binarises pictures with frame_threshold={inner.binarisation.threshold:g} and "
                    f"invert={inner.binarisation.invert}; give frame_threshold and invert to that wrapper"
                ) from None
            return None
        _check_not_stacked(self._env, reader)
        if reader.rendered:
            check_shows_frames(self._env.metadata)
            alike = inner is not None and (inner.source, inner.binarisation) == (
                self.source,
                self.binarisation,
            )
            if inner is not None and alike and not _renders_in_between(self._env, inner):
                # It would be the same picture, and rendering may take long.
                return None
        return reader


class FrameEncoder(BaseFrameEncoder):
    """Encodes the frames of a single environment. For its arguments see `BaseFrameEncoder`.

    Attributes:
        frames: (1, H, W), the last frame.
        encoded: the last frame, encoded.
    """

    _inner: FrameEncoder | None

    def __init__(self, env: gym.Env[Any, Any], encoder: Encoder, **options: Unpack[FrameOptions]) -> None:
        super().__init__(env, env.observation_space, encoder, **options)
        self.frames: NDArray[Any] = np.zeros((0, *encoder.frame_shape))
        self.encoded: EncodedFrames | None = None

    def encode_frame(
        self, observation: Any, info: dict[str, Any], *, reset: bool = False, reconstruct: bool = False
    ) -> EncodedFrames:
        """Encode the frame that the environment shows now.

        Args:
            observation: returned by the environment.
            info: likewise.
            reset: whether they were returned by `reset`.
            reconstruct: whether the reconstruction is needed too.

        Returns:
            One row.

        Raises:
            InputError: there is no frame, or the encoder does not take it.
        """
        if reset:
            check_boundary(info, self.encoder)
        inner, frames = self._inner, None
        if self._reader is not None:
            frames = self._reader.read(observation, info, self._env.render)[None]
        if inner is not None and (frames is None or np.array_equal(frames, inner.frames)):
            self.frames, encoded = inner.frames, inner.encoded
            assert encoded is not None
            if reconstruct and encoded.reconstruction is None:
                encoded = self.encoder.encode_all(self.frames, reconstruct=True)
        else:
            assert frames is not None
            assert self._reader is not None
            if not reset:
                self._watch.update(frames, [0], self._reader)
            self.frames = frames
            # Encoded one by one, equal frames have equal latents to the last bit, and a frame that reached
            # its target is at distance 0.
            encoded = self.encoder.encode_all(frames, reconstruct=reconstruct)
        self.encoded = encoded
        return encoded


def _check_not_stacked(env: Any, reader: FrameReader) -> None:
    """Refuse the frames of three steps, which would be taken for the colours of one picture."""
    if not reader.colours_first:
        return
    name = "stack_size"  # of gymnasium's FrameStackObservation
    sizes: tuple[Any, ...] = ()
    if not isinstance(env, VectorEnv):
        sizes = (env.get_wrapper_attr(name),) if env.has_wrapper_attr(name) else ()
    elif hasattr(env.unwrapped, "call") and all(env.unwrapped.call("has_wrapper_attr", name)):
        sizes = env.unwrapped.call("get_wrapper_attr", name)
    if 3 in sizes:
        raise InputError(
            "the observation holds the frames of 3 steps (FrameStackObservation), which would be taken for "
            "colours; put it outside of this wrapper, or give frame=a function(observation, info) that "
            "returns the last one"
        )


def _renders_in_between(env: Any, inner: BaseFrameEncoder) -> bool:
    """Whether a wrapper around that of `inner` renders pictures of its own."""
    layer = env
    while vars(layer).get("frame_encoder") is not inner:
        if type(layer).render not in (gym.Wrapper.render, gym.vector.VectorWrapper.render):
            return True
        layer = vars(layer)["env"]
    return False
