"""Frames of an environment as latents, each coded once however many wrappers want them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.rewards.source import (
    OBSERVES_FRAMES,
    FrameReader,
    FrameSource,
    check_boundary,
    check_shows_frames,
    holds_picture,
    shows_colours_first,
)
from morphsim.rewards.watch import FrameWatch


class FrameCoder:
    """What coders of one and of many environments have in common."""

    encoder: Encoder
    source: FrameSource
    binarisation: Binarisation
    """How pictures become frames."""


class Coder(FrameCoder):
    """Encodes the frames of one environment.

    A wrapper inside that coded an equal frame with the same encoder is asked for what it has found. Frames
    are compared by their pixels, since a wrapper in between may have changed the very array that was coded.

    Args:
        env: to which frames belong.
        encoder: that codes them.
        frame: where they are, see `FrameReader`. Where the observation is no picture any more, because a
            wrapper inside has replaced it, "observation" means the frame that the wrapper inside has coded.
        reconstruct: whether frames are painted again too.
        binarisation: how pictures become frames.

    Attributes:
        frames: (1, H, W), the last frame.
        codes: a row, of the last frame.

    Raises:
        InputError: the frame's place is unknown, or of another shape than the encoder's.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder,
        frame: FrameSource,
        *,
        reconstruct: bool,
        binarisation: Binarisation,
    ) -> None:
        self.encoder = encoder
        self.reconstruct = reconstruct
        self._env = env
        self.source = frame
        self.binarisation = binarisation
        self._inner, self._reader = find_frames(
            env, env.observation_space, encoder, frame, binarisation, Coder
        )
        self._watch = FrameWatch()
        self.frames: NDArray[Any] = np.zeros((0, *encoder.frame_shape))
        self.codes: EncodedFrames | None = None

    def code(self, observation: Any, info: dict[str, Any], *, first: bool = False) -> EncodedFrames:
        """Code the frame that the environment shows now.

        Args:
            observation: what it returned.
            info: the same.
            first: whether it was reset.

        Raises:
            InputError: there is no frame, or none that the encoder takes.
        """
        if first:
            check_boundary(info, self.encoder)
        inner, frames = self._inner, None
        if self._reader is not None:
            frames = np.asarray(self._reader.one(observation, info, self._env.render))[None]
        if inner is not None and (frames is None or np.array_equal(frames, inner.frames)):
            self.frames, codes = inner.frames, inner.codes
            assert codes is not None
            if self.reconstruct and codes.reconstruction is None:
                codes = self.encoder.encode_all(self.frames, reconstruct=True)
        else:
            assert frames is not None
            assert self._reader is not None
            if not first:
                self._watch.see(frames, [0], self._reader)
            self.frames = frames
            # Always one by one: equal frames have equal latents to the last bit, and a frame that reached
            # its target is at distance 0.
            codes = self.encoder.encode_all(frames, reconstruct=self.reconstruct)
        self.codes = codes
        return codes


_Coder = TypeVar("_Coder", bound=FrameCoder)


def binarisation_for(
    env: Any,
    space: gym.Space[Any],
    encoder: Encoder,
    frame: FrameSource,
    *,
    threshold: float | None,
    invert: bool | None,
) -> Binarisation:
    """How the pictures of an environment become an encoder's frames.

    Args:
        env: an environment, or many.
        space: of a single observation.
        encoder: for its frames.
        frame: where frames are.
        threshold: instead of that of a wrapper inside which reads the same, or of the training frames.
        invert: likewise.

    Raises:
        InputError: a value out of range.
    """
    known = Binarisation.of_encoder(encoder.metadata)
    inner = _inside(env, encoder, frame, FrameCoder)
    if inner is not None:
        known = inner.binarisation
    else:
        if env.metadata.get(OBSERVES_FRAMES) is True:
            known = replace(known, invert=False, transpose=False)
        known = replace(known, colours_first=shows_colours_first(frame, space, known, encoder))
    return replace(
        known,
        threshold=known.threshold if threshold is None else threshold,
        invert=known.invert if invert is None else invert,
    )


def find_frames(
    env: Any,
    space: gym.Space[Any],
    encoder: Encoder,
    frame: FrameSource,
    binarisation: Binarisation,
    kind: type[_Coder],
) -> tuple[_Coder | None, FrameReader | None]:
    """The coder of a wrapper inside `env` that may have coded the same frames, and a reader of its own.

    Args:
        env: an environment, or many.
        space: of a single observation.
        encoder: of both.
        frame: where frames are.
        binarisation: how pictures become frames.
        kind: of the coder.

    Raises:
        InputError: frames can't be read, and no wrapper inside has coded them.
    """
    inner = _inside(env, encoder, frame, kind)
    try:
        reader = FrameReader(frame, space, encoder, binarisation)
    except InputError:
        if inner is None or holds_picture(frame, space):
            raise
        if inner.binarisation != binarisation:
            made = inner.binarisation
            raise InputError(
                "the observation is no picture any more, and the wrapper inside that has coded it cuts "
                f"pictures at frame_threshold={made.threshold:g} with invert={made.invert}; give "
                "frame_threshold and invert to that one"
            ) from None
        return inner, None
    _check_stacked(env, reader)
    if reader.rendered:
        check_shows_frames(env.metadata)
        alike = inner is not None and (inner.source, inner.binarisation) == (frame, binarisation)
        if inner is not None and alike and not _renders_in_between(env, inner):
            # It would be the same picture, and pictures may take long to draw.
            return inner, None
    return inner, reader


def _check_stacked(env: Any, reader: FrameReader) -> None:
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


def _renders_in_between(env: Any, inner: FrameCoder) -> bool:
    """Whether a wrapper around that of `inner` draws pictures of its own."""
    layer = env
    while vars(layer).get("coder") is not inner:
        if type(layer).render not in (gym.Wrapper.render, gym.vector.VectorWrapper.render):
            return True
        layer = vars(layer)["env"]
    return False


def _inside(env: Any, encoder: Encoder, frame: FrameSource, kind: type[_Coder]) -> _Coder | None:
    layer = env
    while layer is not None:
        coder = vars(layer).get("coder")
        found = isinstance(coder, kind) and coder.encoder.hash == encoder.hash
        # "observation" is what nobody chose.
        if found and frame in ("observation", coder.source):
            return coder  # type: ignore[no-any-return]
        layer = vars(layer).get("env")
    return None


class TargetGenerator:
    """Random numbers for targets, that follow from an environment's seed but leave its own stream alone.

    So an environment makes the same films whether or not its targets are drawn.
    """

    def __init__(self) -> None:
        self.generator: np.random.Generator | None = None

    def after_reset(self, seed: int | None, env_seed: object) -> np.random.Generator:
        """The generator, begun anew where a reset gave a seed.

        Args:
            seed: that `reset` was given.
            env_seed: the environment's own, where it was given none.
        """
        if seed is not None or self.generator is None:
            chosen = seed if seed is not None else env_seed
            known = isinstance(chosen, int | np.integer) and chosen >= 0
            self.generator = np.random.default_rng([_STREAM, int(chosen)] if known else None)  # type: ignore[call-overload]
        return self.generator

    def state(self) -> dict[str, Any] | None:
        """What `restore` needs."""
        return None if self.generator is None else dict(self.generator.bit_generator.state)

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go back to a `state`."""
        self.generator = None
        if state is not None:
            self.generator = np.random.default_rng()
            self.generator.bit_generator.state = state


_STREAM = 0x74617267
