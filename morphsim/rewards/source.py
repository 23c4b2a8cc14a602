"""Where the frame of a step comes from: the observation, an entry of it, `info`, `render()` or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.frames.colour import luminance

FrameFunction = Callable[[Any, dict[str, Any]], NDArray[Any]]
"""Takes an observation and its info; returns a frame as `Encoder.encode` takes it, without the batch axis."""

FrameSource = str | FrameFunction
"""`"observation"`, `"observation:KEY"`, `"info:KEY"`, `"render"`, or a function."""


class FrameOptions(TypedDict, total=False):
    """Types of the keyword arguments by which every latent wrapper finds and binarises its frames."""

    frame: FrameSource
    frame_threshold: float | None
    invert: bool | None


SHOWS_FRAMES = "render_shows_frames"
"""Entry of an environment's metadata; False if `render` draws for people rather than returning frames."""

OBSERVES_FRAMES = "observes_frames"
"""Entry of an environment's metadata; True if observations are already frames: 1, or white, is donor."""

_FRAME_KEY = "frame"


class FrameReader:
    """Reads the frame from an environment's observation, info or rendered picture.

    Args:
        source: where the frame is. "observation" is a picture itself or the entry "frame" of a Dict.
        space: space of a single observation.
        encoder: the frame must have its shape.
        binarisation: how pictures become frames; None for that of the encoder's training frames.

    Attributes:
        picture: the last picture in greyscale, before binarisation.
        colours_first: whether observations are colour pictures (3, H, W).

    Raises:
        InputError: the source is unknown, or the observation space lacks it.
    """

    def __init__(
        self,
        source: FrameSource,
        space: gym.Space[Any],
        encoder: Encoder,
        binarisation: Binarisation | None = None,
    ) -> None:
        self.source = source
        self.channels = encoder.channels
        self.shape = encoder.frame_shape
        self.binarisation = binarisation or Binarisation.of_encoder(encoder.metadata)
        self.picture: NDArray[Any] = np.zeros((0, 0))
        self.function: FrameFunction | None = None
        self.rendered = source == "render"
        self.location: tuple[str, str | None] = ("observation", None)
        self.colours_first = encoder.channels == 1 and bool(
            shows_colours_first(source, space, self.binarisation, encoder)
        )
        if callable(source):
            self.function = source
        elif source == "observation" and isinstance(space, gym.spaces.Dict):
            if _FRAME_KEY not in space.spaces:
                raise InputError(
                    f"the observation has no entry 'frame'; name one as frame='observation:KEY' with KEY one "
                    f"of {', '.join(space.spaces)}, {_OTHERS}"
                )
            self.location = ("observation", _FRAME_KEY)
            self._check_picture(space.spaces[_FRAME_KEY])
        elif source == "observation":
            self._check_picture(space)
        elif isinstance(source, str) and source.startswith("observation:"):
            key = source.removeprefix("observation:")
            if not isinstance(space, gym.spaces.Dict) or key not in space.spaces:
                has = (
                    ", ".join(space.spaces)
                    if isinstance(space, gym.spaces.Dict)
                    else f"no keys: it is {space}"
                )
                raise InputError(f"frame is {source!r}, but the observation has {has}; {_SOURCES}")
            self.location = ("observation", key)
            self._check_picture(space.spaces[key])
        elif isinstance(source, str) and source.startswith("info:"):
            self.location = ("info", source.removeprefix("info:"))
        elif not self.rendered:
            raise InputError(f"frame is {source!r}; {_SOURCES}")

    def read(self, observation: Any, info: dict[str, Any], render: Callable[[], Any]) -> NDArray[np.uint8]:
        """The frame (H, W), or (C, H, W) for an encoder of several channels, of one environment.

        Raises:
            InputError: there is no frame.
        """
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

    def as_frame(self, picture: Any) -> NDArray[np.uint8]:
        """Turn a picture into a frame: colours become greyscale, which is thresholded.

        Raises:
            InputError: the number of axes or the values are not those of a picture.
        """
        array = np.asarray(picture)
        if self.channels == 1:
            array = _greyscale(array)
        self.picture = array
        binary = self.binarisation.turned(self.binarisation.cut(array))
        return self.binarisation.fit(binary, self.shape)

    def _check_picture(self, space: gym.Space[Any]) -> None:
        shape = space.shape
        allowed: set[tuple[int, ...]] = set()
        for height, width in self.binarisation.sizes(self.shape):
            if self.channels > 1:
                allowed |= {(self.channels, height, width)}
                continue
            allowed |= {(height, width)} | {(c, height, width) for c in (1, 3)}
            allowed |= {(height, width, c) for c in (1, 3, 4)}
        if not isinstance(space, gym.spaces.Box | gym.spaces.MultiBinary) or shape is None or len(shape) < 2:
            raise InputError(f"the observation is {space}, which is not a picture; {_SOURCES}")
        if shape not in allowed:
            frame = self.shape if self.channels == 1 else (self.channels, *self.shape)
            raise InputError(
                f"the observation has the shape {shape}, but the encoder takes frames of {frame}; make the "
                "environment in that shape, train an encoder for this one, or give a function(observation, "
                "info) that resizes"
            )

    def _entry(self, observation: Any, info: dict[str, Any]) -> Any:
        where, key = self.location
        if where == "observation":
            return observation if key is None else observation[key]
        assert key is not None
        if key not in info:
            raise InputError(
                f"info has no {key!r} to take the frame from; it has {', '.join(info) or 'nothing'}"
            )
        return info[key]


def shows_colours_first(
    source: FrameSource, space: gym.Space[Any], binarisation: Binarisation, encoder: Encoder
) -> bool | None:
    """Whether pictures are in colour with the colours in the first axis, (3, H, W).

    Args:
        source: where the pictures are.
        space: space of a single observation.
        binarisation: how pictures become frames.
        encoder: takes the frames.

    Returns:
        None if this is unknown before a picture is seen.
    """
    if not isinstance(source, str) or source.startswith("info:"):
        return None
    pictures = _picture_space(source, space)
    shape = None if pictures is None else pictures.shape
    return (
        shape is not None
        and len(shape) == 3
        and shape[0] == 3
        and shape[1:] in binarisation.sizes(encoder.frame_shape)
    )


def holds_picture(source: FrameSource, space: gym.Space[Any]) -> bool:
    """Whether an observation has a picture, of any size, where frames should be; latents are unbounded.

    Args:
        source: where the pictures are.
        space: space of a single observation.
    """
    pictures = _picture_space(source, space) if isinstance(source, str) else None
    if isinstance(pictures, gym.spaces.MultiBinary):
        return len(pictures.shape) > 1
    return isinstance(pictures, gym.spaces.Box) and len(pictures.shape) > 1 and pictures.is_bounded()


def _picture_space(source: str, space: gym.Space[Any]) -> gym.Space[Any] | None:
    """The space of the pictures in an observation; None if they are elsewhere."""
    where, _, key = source.partition(":")
    if where != "observation":
        return None
    return space.spaces.get(key or _FRAME_KEY) if isinstance(space, gym.spaces.Dict) else space


def check_shows_frames(metadata: Mapping[str, Any]) -> None:
    """Check that an environment renders frames.

    Raises:
        InputError: its metadata say that it does not.
    """
    if metadata.get(SHOWS_FRAMES, True) is False:
        raise InputError(
            "frame is 'render', but this environment's pictures are for people: they show films in colour, "
            "at their present thickness; leave frame out, since the frames are in the observation"
        )


def check_boundary(info: Mapping[str, Any], encoder: Encoder, *, name: str = "the film") -> None:
    """Check that a film has the lateral boundary condition of the encoder's training frames.

    Args:
        info: info of the film; nothing is checked if it has no `boundary`.
        encoder: takes the frames.
        name: name of the film in the error.

    Raises:
        InputError: the boundary conditions differ.
    """
    boundary = info.get("boundary")
    if isinstance(boundary, str) and boundary != encoder.boundary:
        raise InputError(
            f"{name}'s boundary is {boundary}, but the encoder was trained on {encoder.boundary} frames; "
            f"use {encoder.boundary} films, or an encoder trained on {boundary} frames"
        )


_OTHERS = "or as 'info:KEY', 'render' or a function(observation, info)"
_SOURCES = (
    "set frame to where frames are: 'observation', 'observation:KEY', 'info:KEY', 'render', or a "
    "function(observation, info) that returns a frame (H, W)"
)


def _greyscale(array: NDArray[Any]) -> NDArray[Any]:
    """A picture as (H, W) in greyscale."""
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
        return array[0] if array.shape[0] == 1 else array[..., 0]
    colours = array.ndim == 3 and (array.shape[-1] in (3, 4) or array.shape[0] == 3)
    if colours and array.dtype.kind in "biuf":
        grey = luminance(array if array.shape[-1] in (3, 4) else np.moveaxis(array, 0, -1))
        # The luminance of integers is an integer.
        return grey if array.dtype.kind == "f" else grey.astype(np.int64)
    if array.ndim != 2:
        raise InputError(
            f"the frame has shape {array.shape}, which is not one of (H, W), (1, H, W), (H, W, 1), or in "
            f"colour (3, H, W), (H, W, 3), (H, W, 4); {_SOURCES}"
        )
    return array
