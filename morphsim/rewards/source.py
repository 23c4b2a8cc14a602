"""Where the frame of a step comes from: the observation, a part of it, `info`, a picture, or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames import binarise

FrameFunction = Callable[[Any, dict[str, Any]], NDArray[Any]]
"""Takes an observation and its info, returns a frame as `Encoder.encode` takes it, without the batch axis."""

FrameSource = str | FrameFunction
"""`"observation"`, `"observation:KEY"`, `"info:KEY"`, `"render"`, or a function."""

SHOWS_FRAMES = "render_shows_frames"
"""Entry of an environment's metadata; False where its pictures are for people and no frames."""

HALF = 128
"""Bytes from here on are donor."""

_FRAME_KEY = "frame"


class FrameReader:
    """Takes the frame out of what an environment returns.

    Args:
        source: where it is. "observation" is a picture itself or the entry "frame" of a Dict observation.
        space: of a single observation.
        encoder: for whose frames it is.

    Raises:
        InputError: an unknown source, or one that the observation space can't have.
    """

    def __init__(self, source: FrameSource, space: gym.Space[Any], encoder: Encoder) -> None:
        self.source = source
        self.channels = encoder.channels
        self.function: FrameFunction | None = None
        self.rendered = source == "render"
        self.place: tuple[str, str | None] = ("observation", None)
        if callable(source):
            self.function = source
        elif source == "observation" and isinstance(space, gym.spaces.Dict):
            if _FRAME_KEY not in space.spaces:
                raise InputError(
                    f"the observation has no entry 'frame'; name one as frame='observation:KEY' with KEY one "
                    f"of {', '.join(space.spaces)}, {_OTHERS}"
                )
            self.place = ("observation", _FRAME_KEY)
            _check_picture(space.spaces[_FRAME_KEY], encoder)
        elif source == "observation":
            _check_picture(space, encoder)
        elif isinstance(source, str) and source.startswith("observation:"):
            key = source.removeprefix("observation:")
            if not isinstance(space, gym.spaces.Dict) or key not in space.spaces:
                has = (
                    ", ".join(space.spaces)
                    if isinstance(space, gym.spaces.Dict)
                    else f"no keys: it is {space}"
                )
                raise InputError(f"frame is {source!r}, but the observation has {has}; {_SOURCES}")
            self.place = ("observation", key)
            _check_picture(space.spaces[key], encoder)
        elif isinstance(source, str) and source.startswith("info:"):
            self.place = ("info", source.removeprefix("info:"))
        elif not self.rendered:
            raise InputError(f"frame is {source!r}; {_SOURCES}")

    def one(self, observation: Any, info: dict[str, Any], render: Callable[[], Any]) -> NDArray[Any]:
        """The frame (H, W), or (C, H, W) for an encoder of several channels, of one environment."""
        if self.function is not None:
            return self.as_frame(self.function(observation, info))
        if self.rendered:
            picture = render()
            if picture is None:
                raise InputError(
                    "the environment renders nothing; make it with render_mode='rgb_array', or name another "
                    "source of frames"
                )
            return self.as_frame(picture)
        return self.as_frame(self._entry(observation, info))

    def as_frame(self, picture: Any) -> NDArray[Any]:
        """Turn a picture into a frame: colours and shades of grey become 1 where they are above the middle.

        Raises:
            InputError: it has no frame's number of axes, or numbers that are no picture's.
        """
        array = np.asarray(picture)
        bytes_given = array.dtype == np.uint8
        if self.channels > 1:
            return cut(array)
        if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
            array = array[0] if array.shape[0] == 1 else array[..., 0]
        elif array.ndim == 3 and 3 in (array.shape[0], array.shape[-1]):
            array = array.mean(axis=-1 if array.shape[-1] == 3 else 0)
            array = array.astype(np.uint8) if bytes_given else array
        if array.ndim != 2:
            raise InputError(
                f"the frame has shape {array.shape}, which is no (H, W), (1, H, W), (H, W, 1) or picture of "
                f"three colours; {_SOURCES}"
            )
        return cut(array)

    def _entry(self, observation: Any, info: dict[str, Any]) -> Any:
        where, key = self.place
        if where == "observation":
            return observation if key is None else observation[key]
        assert key is not None
        if key not in info:
            raise InputError(
                f"info has no {key!r} to take the frame from; it has {', '.join(info) or 'nothing'}"
            )
        return info[key]


def cut(picture: NDArray[Any], *, name: str = "the frame") -> NDArray[Any]:
    """Cut shades of grey at the middle: bytes from 0 to 255, and floating point from 0 to 1.

    Args:
        picture: of any shape; 0 and 1 in whole numbers of any type stay what they are.
        name: what it is called in an error.

    Returns:
        uint8 0/1, in its shape.

    Raises:
        InputError: no numbers, NaN, or numbers out of range.
    """
    if picture.dtype == np.bool_ or not picture.size:
        return picture.astype(np.uint8)
    if picture.dtype.kind not in "iuf":
        raise InputError(f"{name} is of {picture.dtype}; give 0/1, 0/255 or a picture in shades of grey")
    low, high = picture.min(), picture.max()
    shares = picture.dtype.kind == "f"
    if np.isnan(low):
        raise InputError(f"{name} holds NaN; floating-point pictures must lie from 0 to 1")
    if low < 0 or high > (1 if shares else 255):
        raise InputError(
            f"{name} holds values from {low} to {high}; give whole numbers 0/1 or 0 to 255, or floating "
            "point from 0 to 1"
        )
    if shares:
        return binarise(picture)
    return (picture >= (1 if high == 1 else HALF)).astype(np.uint8)


def check_shows_frames(metadata: Mapping[str, Any]) -> None:
    """Check that an environment's pictures are frames.

    Raises:
        InputError: it says that they are not.
    """
    if metadata.get(SHOWS_FRAMES, True) is False:
        raise InputError(
            "frame is 'render', but this environment's pictures are for people: they show films in colours, "
            "at their present thickness; leave frame out, for its frames are in the observation"
        )


def check_boundary(info: Mapping[str, Any], encoder: Encoder, *, name: str = "the film") -> None:
    """Check that a film ends at its sides as the encoder's training frames did, where its info tells.

    Args:
        info: of the film.
        encoder: for its frames.
        name: what it is called in an error.

    Raises:
        InputError: it does not.
    """
    boundary = info.get("boundary")
    if isinstance(boundary, str) and boundary != encoder.boundary:
        raise InputError(
            f"{name}'s boundary is {boundary}, but the encoder was trained on {encoder.boundary} frames; "
            f"use {encoder.boundary} films, or an encoder trained on {boundary} frames"
        )


_OTHERS = "or as 'info:KEY', 'render' or a function(observation, info)"
_SOURCES = (
    "name where frames are as frame='observation', 'observation:KEY', 'info:KEY', 'render', or give a "
    "function(observation, info) that returns one of (H, W)"
)


def _check_picture(space: gym.Space[Any], encoder: Encoder) -> None:
    shape = space.shape
    height, width = encoder.frame_shape
    wanted: set[tuple[int, ...]]
    if encoder.channels > 1:
        wanted = {(encoder.channels, height, width)}
    else:
        wanted = (
            {(height, width)} | {(c, height, width) for c in (1, 3)} | {(height, width, c) for c in (1, 3)}
        )
    if not isinstance(space, gym.spaces.Box | gym.spaces.MultiBinary) or shape is None or len(shape) < 2:
        raise InputError(f"the observation is {space}, which is no picture; {_SOURCES}")
    if shape not in wanted:
        frame = (height, width) if encoder.channels == 1 else (encoder.channels, height, width)
        raise InputError(
            f"the observation has the shape {shape}, but the encoder takes frames of {frame}; make the "
            "environment in that shape, train an encoder for this one, or give a function(observation, info) "
            "that resizes"
        )
