"""Where the frame of a step comes from: the observation, a part of it, `info`, a picture, or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.frames.colour import luminance

FrameFunction = Callable[[Any, dict[str, Any]], NDArray[Any]]
"""Takes an observation and its info, returns a frame as `Encoder.encode` takes it, without the batch axis."""

FrameSource = str | FrameFunction
"""`"observation"`, `"observation:KEY"`, `"info:KEY"`, `"render"`, or a function."""

SHOWS_FRAMES = "render_shows_frames"
"""Entry of an environment's metadata; False where its pictures are for people and no frames."""

OBSERVES_FRAMES = "observes_frames"
"""Entry of an environment's metadata; True where observations are frames already: 1, or white, is donor."""

_FRAME_KEY = "frame"


class FrameReader:
    """Takes the frame out of what an environment returns.

    Args:
        source: where it is. "observation" is a picture itself or the entry "frame" of a Dict observation.
        space: of a single observation.
        encoder: for whose frames it is.
        binarisation: how pictures become its frames; without it as its training frames were made.

    Attributes:
        picture: the last one in shades of grey, before it was cut.
        colours_first: whether observations are pictures in colours, (3, H, W).

    Raises:
        InputError: an unknown source, or one that the observation space can't have.
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
        self.place: tuple[str, str | None] = ("observation", None)
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
            self.place = ("observation", _FRAME_KEY)
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
            self.place = ("observation", key)
            self._check_picture(space.spaces[key])
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

    def as_frame(self, picture: Any) -> NDArray[np.uint8]:
        """Turn a picture into a frame: colours become shades of grey, which are cut.

        Raises:
            InputError: it has no frame's number of axes, or numbers that are no picture's.
        """
        array = np.asarray(picture)
        if self.channels == 1:
            array = _grey(array)
        self.picture = array
        cut = self.binarisation.turned(self.binarisation.cut(array))
        return self.binarisation.fit(cut, self.shape)

    def _check_picture(self, space: gym.Space[Any]) -> None:
        shape = space.shape
        wanted: set[tuple[int, ...]] = set()
        for height, width in self.binarisation.sizes(self.shape):
            if self.channels > 1:
                wanted |= {(self.channels, height, width)}
                continue
            wanted |= {(height, width)} | {(c, height, width) for c in (1, 3)}
            wanted |= {(height, width, c) for c in (1, 3, 4)}
        if not isinstance(space, gym.spaces.Box | gym.spaces.MultiBinary) or shape is None or len(shape) < 2:
            raise InputError(f"the observation is {space}, which is no picture; {_SOURCES}")
        if shape not in wanted:
            frame = self.shape if self.channels == 1 else (self.channels, *self.shape)
            raise InputError(
                f"the observation has the shape {shape}, but the encoder takes frames of {frame}; make the "
                "environment in that shape, train an encoder for this one, or give a function(observation, "
                "info) that resizes"
            )

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


def shows_colours_first(
    source: FrameSource, space: gym.Space[Any], made: Binarisation, encoder: Encoder
) -> bool | None:
    """Whether pictures are in colours with these in the first axis, (3, H, W).

    Args:
        source: where pictures are.
        space: of a single observation.
        made: how they become frames.
        encoder: for its frames.

    Returns:
        None where it is not known before they are seen.
    """
    if not isinstance(source, str) or source.startswith("info:"):
        return None
    place = _place(source, space)
    shape = None if place is None else place.shape
    return (
        shape is not None
        and len(shape) == 3
        and shape[0] == 3
        and shape[1:] in made.sizes(encoder.frame_shape)
    )


def holds_picture(source: FrameSource, space: gym.Space[Any]) -> bool:
    """Whether an observation has a picture where frames should be, of whatever size; latents have no bounds.

    Args:
        source: where pictures are.
        space: of a single observation.
    """
    place = _place(source, space) if isinstance(source, str) else None
    if isinstance(place, gym.spaces.MultiBinary):
        return len(place.shape) > 1
    return isinstance(place, gym.spaces.Box) and len(place.shape) > 1 and place.is_bounded()


def _place(source: str, space: gym.Space[Any]) -> gym.Space[Any] | None:
    """The space of the pictures in an observation; None where they are elsewhere."""
    where, _, key = source.partition(":")
    if where != "observation":
        return None
    return space.spaces.get(key or _FRAME_KEY) if isinstance(space, gym.spaces.Dict) else space


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


def _grey(array: NDArray[Any]) -> NDArray[Any]:
    """A picture as (H, W) in shades of grey."""
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
        return array[0] if array.shape[0] == 1 else array[..., 0]
    colours = array.ndim == 3 and (array.shape[-1] in (3, 4) or array.shape[0] == 3)
    if colours and array.dtype.kind in "biuf":
        grey = luminance(array if array.shape[-1] in (3, 4) else np.moveaxis(array, 0, -1))
        # Of whole numbers the luminance is a whole number.
        return grey if array.dtype.kind == "f" else grey.astype(np.int64)
    if array.ndim != 2:
        raise InputError(
            f"the frame has shape {array.shape}, which is no (H, W), (1, H, W), (H, W, 1), or picture in "
            f"colours, (3, H, W), (H, W, 3) or (H, W, 4); {_SOURCES}"
        )
    return array
