"""How pictures become binary frames: at which threshold they are cut, and which phase is bright."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import check_choice, check_flag, check_fraction
from morphsim.errors import InputError
from morphsim.frames.aspect import Aspect, resize_parts, window
from morphsim.frames.colour import luminance
from morphsim.frames.preparation import Preparation
from morphsim.frames.transforms import binarise

NOTE = "binarisation"
"""Name of the note in a frame file whose frames were inverted or resized, and of the entry in an encoder's
metadata."""

_BYTE = 255
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Binarisation:
    """How pictures were turned into binary frames.

    Raises:
        InputError: a value is out of range.
    """

    threshold: float = 0.5
    """Smallest donor share, or grey value over its range, of a donor pixel. The rule of `preparation`
    replaces it for pictures, but not for simulated films."""
    invert: bool = False
    """Whether dark pixels, or 0, are donor."""
    original_shape: tuple[int, int] | None = None
    """(H, W) of all pictures, after transposition, before they were resized; None if they were not resized or
    differed in shape."""
    transpose: bool = False
    """Whether rows of pictures are columns of frames."""
    aspect: Aspect = "stretch"
    """How pictures of another aspect ratio were brought to the shape of the frames. A single picture that is
    to become one frame is cropped where pictures were cut into tiles."""
    preparation: Preparation = field(default_factory=Preparation)
    """What was done to pictures before they were cut. Pictures of environments are not cropped."""

    colours_first: bool | None = False
    """Whether (3, H, W) is one picture in colours rather than three pictures; None if unknown."""

    def __post_init__(self) -> None:
        check_fraction("frame_threshold", self.threshold)
        check_flag("invert", self.invert)
        check_flag("transpose", self.transpose)
        check_choice("aspect", self.aspect, get_args(Aspect))
        shape = self.original_shape
        if shape is not None and (
            not isinstance(shape, tuple)
            or len(shape) != 2
            or not all(type(n) is int and n > 0 for n in shape)
        ):
            raise InputError(f"original_shape is {shape!r}; it must be a height and a width, or null")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that describe training frames, as JSON values."""
        shape = None if self.original_shape is None else list(self.original_shape)
        values: dict[str, Any] = {"threshold": self.threshold, "invert": self.invert, "original_shape": shape}
        if self.transpose:
            values["transpose"] = True
        if self.aspect != "stretch":
            values["aspect"] = self.aspect
        if self.preparation != Preparation():
            values["preparation"] = self.preparation.to_dict()
        return values

    @classmethod
    def from_dict(cls, values: object) -> Binarisation:
        """Read what `to_dict` returned; missing fields take their defaults.

        Raises:
            InputError: a field is unknown or out of range.
        """
        known = ("threshold", "invert", "original_shape", "transpose", "aspect", "preparation")
        if not isinstance(values, Mapping) or not set(values) <= set(known):
            raise InputError(f"binarisation must be an object of {', '.join(known)}")
        shape = values.get("original_shape")
        return cls(
            **{
                **values,
                "original_shape": tuple(shape) if isinstance(shape, list) else shape,
                "preparation": Preparation.from_dict(values.get("preparation", {})),
            }
        )

    @classmethod
    def of_encoder(cls, metadata: Mapping[str, Any]) -> Binarisation:
        """The binarisation of an encoder's training frames; a threshold of 0.5 if its metadata lacks one."""
        return cls.from_dict(metadata.get(NOTE, {}))

    def changed(self, *, threshold: float | None, invert: bool | None) -> Binarisation:
        """The same with another threshold, which replaces a rule, or another phase as donor; None keeps."""
        changed = self if invert is None else replace(self, invert=invert)
        if threshold is None:
            return changed
        return replace(changed, threshold=threshold, preparation=replace(self.preparation, rule=None))

    def cut(self, picture: NDArray[Any], *, name: str = "the frame") -> NDArray[np.uint8]:
        """Binarise pictures in shades of grey: bytes from 0 to 255, or floating point from 0 to 1.

        Args:
            picture: of any shape, (..., H, W) if it is prepared; bool values and integers up to 1 are taken
                as 0/1.
            name: of the picture, for errors.

        Returns:
            uint8 0/1 in the shape of `picture`, a new array.

        Raises:
            InputError: values that are not numbers, NaN, or numbers out of range.
        """
        if picture.dtype == np.bool_ or not picture.size:
            return np.asarray(picture != self.invert, np.uint8)
        if picture.dtype.kind not in "iuf":
            raise InputError(f"{name} has the dtype {picture.dtype}; give 0/1, 0/255 or shades of grey")
        low, high = picture.min(), picture.max()
        is_float = picture.dtype.kind == "f"
        if np.isnan(low):
            raise InputError(f"{name} holds NaN; floating-point pictures must lie from 0 to 1")
        if low < 0 or high > (1 if is_float else _BYTE):
            raise InputError(
                f"{name} holds values from {low} to {high}; give whole numbers 0/1 or 0 to 255, or floating "
                "point from 0 to 1"
            )
        prepared = replace(self.preparation, mask=None) != Preparation()
        if prepared and picture.ndim > 1 and (is_float or high > 1):
            shares = self.preparation.level(picture if is_float else picture / np.float32(_BYTE))
            shares = 1 - shares if self.invert else shares
            if self.preparation.rule is not None:
                return self.preparation.donor(shares)
            return binarise(shares, threshold=self.threshold)
        if is_float:
            return binarise(1.0 - picture if self.invert else picture, threshold=self.threshold)
        # For integers the threshold is one of the grey levels: all levels on one side of it are donor.
        full = 1 if high == 1 else _BYTE
        steps = np.arange(full + 1, dtype=np.float32) / np.float32(full)
        donor = binarise(1.0 - steps if self.invert else steps, threshold=self.threshold)
        if self.invert:
            return (picture < int(donor.sum())).astype(np.uint8)
        return (picture >= full + 1 - int(donor.sum())).astype(np.uint8)

    def frames(
        self, pictures: NDArray[Any], shape: tuple[int, int], *, name: str = "the frames"
    ) -> NDArray[np.uint8]:
        """Turn frames or pictures into frames like the training frames.

        Integers 0 and 1 are frames already and are never inverted. All other values are pictures in shades of
        grey, or in colours as (..., H, W, 3) or (..., H, W, 4).

        Args:
            pictures: (..., H, W).
            shape: (H, W) of the frames.
            name: of the pictures, for errors.

        Returns:
            uint8 0/1, (..., H, W); the given array itself if it is a frame already.

        Raises:
            InputError: as `cut`, or integers of which none reaches the threshold.
        """
        values = without_colours(pictures, shape, *self.sizes(shape))
        if _are_frames(values):
            return self.fit(values.astype(np.uint8, copy=False), shape)
        values = self._without_colours_first(values, shape, name)
        whole = values.dtype.kind in "biu"
        found = self.cut(values, name=name)
        if whole and (found == self.invert).all():
            raise InputError(
                f"{name} hold bytes up to {values.max()}, of which none reaches the threshold of "
                f"{self.threshold:g}; give 0/1, 0/255 or pictures in shades of grey"
            )
        return self.fit(self.turned(found), shape)

    def turned(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """Transpose pictures (..., H, W) if the training pictures were transposed."""
        return np.ascontiguousarray(pictures.swapaxes(-2, -1)) if self.transpose else pictures

    def sizes(self, shape: tuple[int, int]) -> set[tuple[int, int]]:
        """Possible shapes (H, W) of pictures that become frames of `shape`."""
        sizes = {shape, self.original_shape or shape}
        return {(width, height) for height, width in sizes} if self.transpose else sizes

    def _without_colours_first(
        self, pictures: NDArray[Any], shape: tuple[int, int], name: str
    ) -> NDArray[Any]:
        """Turn a picture in colours (3, H, W) into shades of grey; others are returned unchanged."""
        found = pictures.shape
        if found[0:1] != (3,) or found[1:] not in self.sizes(shape) or self.colours_first is False:
            return pictures
        if self.colours_first:
            return without_colours(np.moveaxis(pictures, 0, -1), *self.sizes(shape))
        masks = pictures.dtype.kind in "iu" and ((pictures == 0) | (pictures == _BYTE)).all()
        if masks or (pictures == pictures[:1]).all():
            return pictures
        raise InputError(
            f"{name} of the shape {found} may be three pictures, or one in colours; give three as frames of "
            "0 and 1, and one in colours as (H, W, 3)"
        )

    def fit(self, frames: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Resize frames (..., H, W) of the original shape to `shape`, as the training frames were.

        Where these were cut into tiles, the rectangle in the centre is kept, which has the size of a tile.
        """
        found = tuple(frames.shape[-2:])
        if found == tuple(shape) or found != self.original_shape or frames.ndim not in (2, 3):
            return frames
        return resize_parts(frames, shape, "stretch" if self.aspect == "stretch" else "crop")


def _are_frames(values: NDArray[Any]) -> bool:
    whole = values.dtype.kind in "biu"
    return whole and (not values.size or bool(values.min() >= 0 and values.max() <= 1))


def without_colours(pictures: NDArray[Any], *shapes: tuple[int, int] | None) -> NDArray[Any]:
    """Turn pictures (..., H, W, 1), (..., H, W, 3) or (..., H, W, 4) into shades of grey (..., H, W).

    Args:
        pictures: arrays of other shapes are returned unchanged.
        shapes: possible (H, W) of a picture, by which channels are told from columns.
    """
    if pictures.ndim < 3 or tuple(pictures.shape[-2:]) in shapes:
        return pictures
    if tuple(pictures.shape[-3:-1]) not in shapes or pictures.shape[-1] not in (1, 3, 4):
        return pictures
    if pictures.shape[-1] == 1:
        return pictures[..., 0]
    grey = luminance(pictures)
    return grey if pictures.dtype.kind == "f" else grey.astype(np.uint8)


def stated_binarisation(notes: Mapping[str, str], threshold: float) -> Binarisation:
    """The binarisation of the frames in a frame file.

    Args:
        notes: of the file.
        threshold: of its frames.

    Raises:
        InputError: an invalid note.
    """
    try:
        return Binarisation.from_dict({**json.loads(notes.get(NOTE, "{}")), "threshold": threshold})
    except (InputError, ValueError, TypeError) as error:
        raise InputError(
            f"the note {NOTE!r} of the frames can't be used ({error}); import them again"
        ) from error


def binarisation_notes(used: Collection[Binarisation], shape: tuple[int, int]) -> dict[str, str]:
    """The notes of a frame file for these binarisations; empty if all are the default.

    Args:
        used: the binarisations of its frames.
        shape: (H, W) of the stored frames.
    """
    known = Binarisation(
        invert={each.invert for each in used} == {True},
        transpose={each.transpose for each in used} == {True},
        original_shape=_common([each.original_shape for each in used], None),
        aspect=_common([each.aspect for each in used], "stretch"),
        preparation=_common([each.preparation for each in used], Preparation()),
    )
    if known.original_shape == shape:
        known = replace(known, original_shape=None)
    if known.original_shape is None or window(known.original_shape, shape) == known.original_shape:
        # Nothing was cropped.
        known = replace(known, aspect="stretch")
    if known == Binarisation():
        return {}
    return {NOTE: json.dumps({key: value for key, value in known.to_dict().items() if key != "threshold"})}


def _common(values: Sequence[T], otherwise: T) -> T:
    """The value that all have; `otherwise` if they differ."""
    return values[0] if values and all(value == values[0] for value in values) else otherwise
