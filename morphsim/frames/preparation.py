"""What is done to grey pictures before they are cut into two phases, and the rule of the cut.

The steps (crop, flatten, denoise) are applied in this order. The crop comes first, since a scale bar would
tilt the fitted plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import check_choice, check_whole, shown
from morphsim.errors import InputError
from morphsim.frames.plausible import warn_of_frames
from morphsim.frames.scale_bar import Rectangle, crop_free, find_bar

Flatten = Literal["plane", "rows"]
Rule = Literal["otsu", "median"]
Mask = Rectangle | Literal["bar"]

MOST_DENOISE = 51
"""Largest size of the median filter [pixels]."""
_BINS = 256
_HALF = 0.5
_PERCENTILES = (1, 99)


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Steps from a micrograph to a picture of two phases.

    Raises:
        InputError: a value is out of range.
    """

    mask: Mask | None = None
    """Rectangle to leave out: the largest rectangle free of it is kept. `bar` finds the data bar or the scale
    bar at the bottom of the first page."""
    flatten: Flatten | None = None
    """Background to remove: a fitted plane, or the offset of each row and then a plane."""
    denoise: int | None = None
    """Size of a median filter [pixels], odd."""
    rule: Rule | None = None
    """How the threshold of each picture is found; None for a fixed one."""

    def __post_init__(self) -> None:
        if self.flatten is not None:
            check_choice("flatten", self.flatten, get_args(Flatten))
        if self.rule is not None:
            check_choice("threshold rule", self.rule, get_args(Rule))
        if self.denoise is not None:
            check_whole("denoise", self.denoise, 3, MOST_DENOISE)
            if self.denoise % 2 == 0:
                raise InputError(f"denoise is {self.denoise}; the filter needs an odd size, such as 3 or 5")
        if self.mask is not None and self.mask != "bar":
            _check_rectangle(self.mask)

    def to_dict(self) -> dict[str, Any]:
        """The steps that are taken, as JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value is not None
        }

    @classmethod
    def from_dict(cls, values: object) -> Preparation:
        """Read what `to_dict` returned.

        Raises:
            InputError: a field is unknown or out of range.
        """
        known = {"mask", "flatten", "denoise", "rule"}
        if not isinstance(values, Mapping) or not set(values) <= known:
            raise InputError("preparation must be an object of mask, flatten, denoise and rule")
        mask = values.get("mask")
        return cls(**{**values, "mask": tuple(mask) if isinstance(mask, list) else mask})

    def crop(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """Leave the mask out of pictures (N, H, W).

        Raises:
            InputError: the mask lies outside, or leaves nothing.
        """
        if self.mask is None:
            return pictures
        mask = find_bar(pictures[0]) if self.mask == "bar" else self.mask
        if mask is None:
            warn_of_frames(
                "no scale bar or data bar was found at its bottom, and nothing was cropped; "
                "--mask X,Y,WIDTH,HEIGHT leaves a rectangle out"
            )
            return pictures
        return crop_free(pictures, mask)

    def level(self, pictures: NDArray[Any], *, scale: bool = False) -> NDArray[np.float32]:
        """Flatten, denoise and scale pictures.

        Args:
            pictures: (..., H, W), finite numbers.
            scale: take the 1st and 99th percentile of each picture as 0 and 1.

        Returns:
            The same shape. Flattening keeps the mean of a picture.
        """
        result = np.empty(pictures.shape, np.float32)
        for index in np.ndindex(pictures.shape[:-2]):
            picture = pictures[index].astype(np.float64)
            if self.flatten == "rows":
                picture = without_row_offsets(picture)
            if self.flatten is not None:
                picture = without_plane(picture)
            picture = self.smooth(picture)
            result[index] = _scaled(picture) if scale else picture
        return result

    def smooth(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Apply the median filter to a picture (H, W), mirrored at the edges."""
        if self.denoise is None:
            return picture
        from scipy import ndimage

        filtered: NDArray[Any] = ndimage.median_filter(picture, size=self.denoise, mode="reflect")
        return filtered

    def donor(self, shares: NDArray[Any]) -> NDArray[np.uint8]:
        """Cut pictures (..., H, W) at the threshold that the rule finds in each of them.

        A picture of a single value shows no two levels, and is cut at one half.
        """
        find = otsu if self.rule == "otsu" else np.median
        result = np.empty(shares.shape, np.uint8)
        for index in np.ndindex(shares.shape[:-2]):
            picture = shares[index]
            constant = not picture.size or picture.min() == picture.max()
            result[index] = picture >= (_HALF if constant else find(picture))
        return result


def without_plane(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the plane that fits a picture (H, W) best by least squares, and add its mean."""
    # Centred coordinates are orthogonal, so that each slope is a projection.
    for axis, side in enumerate(picture.shape):
        place = np.arange(side) - (side - 1) / 2
        along = place[:, None] if axis == 0 else place[None]
        norm = float((place**2).sum()) * picture.size / side
        if norm > 0:
            picture = picture - along * (float((along * picture).sum()) / norm)
    return picture


def without_row_offsets(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift the rows of a picture (H, W) so that the median difference of neighbouring rows is 0.

    The median of each row itself would jump where another phase covers most of the row; neighbouring rows
    show nearly the same phases (Nečas and Klapetek 2012, doi 10.2478/s11534-011-0096-2, as in Gwyddion's
    median of differences). The mean is kept.
    """
    steps = np.median(np.diff(picture, axis=0), axis=1)
    offsets = np.concatenate([[0.0], np.cumsum(steps)])
    level: NDArray[np.float64] = picture - (offsets - offsets.mean())[:, None]
    return level


def otsu(values: NDArray[Any]) -> float:
    """The threshold that separates two classes of values best.

    It maximises the variance between the classes over a histogram of 256 bins (Otsu 1979,
    doi 10.1109/TSMC.1979.4310076, eq. 18); of equal ones the middle is taken.

    Returns:
        Values of at least this are the upper class.
    """
    low, high = float(values.min()), float(values.max())
    if not low < high:
        return low
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = values.size - below
    total = np.cumsum(counts * centres)
    apart = total[:-1] / below - (total[-1] - total[:-1]) / above
    between = below * above * apart**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(edges[1 + best[0]] + edges[1 + best[-1]]) / 2


def read_mask(text: str) -> Mask:
    """Read a mask as it is written on a command line: `bar` or `X,Y,WIDTH,HEIGHT`.

    Raises:
        InputError: anything else.
    """
    if text == "bar":
        return "bar"
    words = text.split(",")
    if len(words) != 4 or not all(word.strip().isascii() and word.strip().isdigit() for word in words):
        raise InputError(f"the mask is {text!r}; give X,Y,WIDTH,HEIGHT in pixels, as 0,440,512,72, or bar")
    x, y, width, height = (int(word) for word in words)
    _check_rectangle((x, y, width, height))
    return x, y, width, height


def _check_rectangle(mask: object) -> None:
    numbers = mask if isinstance(mask, tuple) else ()
    whole = len(numbers) == 4 and all(type(number) is int and 0 <= number < 2**31 for number in numbers)
    if not whole or min(numbers[2:]) < 1:
        raise InputError(
            f"the mask is {shown(mask)}; it is bar, or x, y, width and height in pixels, the latter of at "
            "least 1"
        )


def _scaled(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.percentile(picture, _PERCENTILES)
    if low == high:
        low, high = picture.min(), picture.max()
    scaled: NDArray[np.float64] = (picture - low) / (high - low if high > low else 1.0)
    return scaled
