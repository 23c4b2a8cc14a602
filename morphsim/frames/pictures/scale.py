"""The scale of a picture: lengths are drawn equally along and across the film, or the stretch is stated."""

from __future__ import annotations

from dataclasses import dataclass

from morphsim.frames.pictures.lengths import round_length

FLATTEST, STEEPEST = 8.0, 0.25
"""Largest and smallest width over height of a drawn film; beyond them one direction is stretched."""


@dataclass(frozen=True)
class Stretch:
    """Factors by which a film is stretched; both are 1 where a picture is to scale.

    Attributes:
        along: of the width.
        across: of the thickness.
    """

    along: float
    across: float

    @property
    def text(self) -> str:
        """What a reader must know, empty where the picture is to scale."""
        if self.across > 1.0:
            return f"height × {self.across:g}"
        return f"width × {self.along:g}" if self.along > 1.0 else ""


def stretch_of(width_nm: float, thickness_nm: float) -> Stretch:
    """The smallest of the factors 1, 2, 5, 10, ... with which a film of this size is legible.

    Args:
        width_nm: of the film [nm].
        thickness_nm: where it is thickest [nm].
    """
    aspect = width_nm / thickness_nm
    return Stretch(along=_factor(STEEPEST / aspect), across=_factor(aspect / FLATTEST))


def scale_bar(width_nm: float) -> float:
    """A round length of a tenth to a quarter of the film's width [nm]."""
    return round_length(0.25 * width_nm)


def _factor(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... that is at least `least`."""
    return 1.0 if least <= 1.0 else 1.0 / round_length(1.0 / least)
