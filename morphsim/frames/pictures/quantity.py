"""What a picture of a film shows: a volume fraction, the donor share of the solids, or the binary frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.look import ACCEPTOR_COLOUR, DONOR_COLOUR, MIXED_COLOUR, Colour
from morphsim.simulator import find_process

if TYPE_CHECKING:
    from morphsim.simulator import Snapshot

Show = Literal["share", "donor", "acceptor", "solvent", "frame"]
SHOWN: tuple[str, ...] = get_args(Show)
"""What a picture can show."""

SHADES = 230
"""Colours of the quantity's scale in a palette."""
ACCEPTOR, DONOR = SHADES, SHADES + 1
"""Places of the phases' colours in every palette."""
BLACK, WHITE = SHADES + 2, 255
"""Ends of the greys in every palette."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantity and its colours, between which lightness changes monotonically.

    Attributes:
        show: name of the quantity, as users give it.
        label: text at its colour bar.
        low: colour of 0.
        high: colour of the largest value.
        ends: texts at the two ends of the colour bar, or empty ones.
    """

    show: Show
    label: str
    low: Colour
    high: Colour
    ends: tuple[str, str] = ("", "")


QUANTITIES: dict[Show, Quantity] = {
    "share": Quantity(
        show="share",
        label="donor share of the solids",
        low=ACCEPTOR_COLOUR,
        high=DONOR_COLOUR,
        ends=("acceptor", "donor"),
    ),
    "donor": Quantity(show="donor", label="volume fraction of donor", low=(34, 24, 16), high=DONOR_COLOUR),
    "acceptor": Quantity(
        show="acceptor", label="volume fraction of acceptor", low=(226, 232, 240), high=ACCEPTOR_COLOUR
    ),
    "solvent": Quantity(
        show="solvent", label="volume fraction of solvent", low=(236, 233, 220), high=(0, 78, 62)
    ),
    "frame": Quantity(show="frame", label="", low=ACCEPTOR_COLOUR, high=DONOR_COLOUR),
}
"""The quantities by name."""


def check_shown(show: str, process: str) -> None:
    """Check that films of a process have a quantity.

    Raises:
        InputError: an unknown quantity, or the solvent of films without solvent.
    """
    if show not in SHOWN:
        raise InputError(f"show is {show!r}; it must be one of {', '.join(SHOWN)}")
    if show == "solvent" and find_process(process).components == 1:
        raise InputError(f"films of {process} hold no solvent to show; show share, donor, acceptor or frame")


def shown_values(snapshot: Snapshot, show: Show) -> NDArray[np.float32]:
    """Values (H, W) of a quantity other than the binary frame, each 0 to 1."""
    return np.asarray(np.clip(getattr(snapshot, show), 0.0, 1.0), np.float32)


def largest_shown(snapshots: Sequence[Snapshot], show: Show) -> float:
    """The upper end of the colour bar: 1, or the next tenth above the largest volume fraction."""
    if show in ("share", "frame"):
        return 1.0
    largest = max(float(shown_values(snapshot, show).max()) for snapshot in snapshots)
    return min(1.0, max(0.1, math.ceil(10.0 * largest - 1e-6) / 10.0))


def shades(values: NDArray[Any], largest: float) -> NDArray[np.uint8]:
    """Places in a palette of values from 0 to `largest`."""
    return np.rint((SHADES - 1) * np.clip(values / largest, 0.0, 1.0)).astype(np.uint8)


def palette(quantity: Quantity) -> NDArray[np.uint8]:
    """Colours (256, 3): the quantity's scale, those of acceptor and donor, and greys from black to white."""
    low, high = np.array(quantity.low, np.float64), np.array(quantity.high, np.float64)
    scale = low + np.linspace(0.0, 1.0, SHADES)[:, None] * (high - low)
    greys = np.linspace(0.0, 255.0, WHITE - BLACK + 1)[:, None].repeat(3, axis=1)
    colours = [scale, [ACCEPTOR_COLOUR, DONOR_COLOUR], greys]
    joined = np.concatenate([np.asarray(part, np.float64) for part in colours])
    return np.asarray(np.rint(joined), np.uint8)


def grey(level: int) -> int:
    """The place of the grey nearest to `level`, 0 to 255, in every palette."""
    return BLACK + round(level / 255 * (WHITE - BLACK))


MIXED = grey(MIXED_COLOUR[0])
"""Place of the colour of a mixed film in every palette."""
