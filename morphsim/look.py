"""One look for all figures: colours that colour-blind readers can tell apart, fonts and lines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from morphsim.files import atomic_buffer

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

Given = ParamSpec("Given")
Drawn = TypeVar("Drawn")

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

ACCEPTOR_COLOUR: Colour = (20, 52, 108)
"""Dark blue; its lightness differs from the donor's, so colour-blind readers can tell them apart."""
DONOR_COLOUR: Colour = (250, 190, 70)
"""Light orange."""
MIXED_COLOUR: Colour = (122, 122, 122)
"""Grey between them in lightness, for a binary picture of a film that has not demixed."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, RED, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
"""Colours of lines: Okabe and Ito's palette for colour-blind readers (Color Universal Design, 2008)."""
GREY, PALE = "#888888", "#d0d0d0"
"""Colours of what lies in the background."""
CYCLE = (BLUE, RED, GREEN, ORANGE, SKY, PURPLE, BLACK, GREY)
"""Colours of several lines, in order."""

FONT = "DejaVu Sans"
FONT_SIZE = 9.0
"""Of labels [points]; titles have the same, ticks and legends 8."""


def look() -> AbstractContextManager[None]:
    """A context in which matplotlib draws with this look, and SVG files don't depend on chance."""
    import matplotlib
    from cycler import cycler

    style: dict[Any, Any] = {
        "axes.prop_cycle": cycler(color=CYCLE),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": FONT_SIZE,
        "font.family": FONT,
        "font.size": FONT_SIZE,
        "legend.fontsize": 8.0,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "morphsim",
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
    }
    return matplotlib.rc_context(style)


def with_look(draw: Callable[Given, Drawn]) -> Callable[Given, Drawn]:
    """A function that draws with this look."""

    @wraps(draw)
    def drawn(*args: Given.args, **options: Given.kwargs) -> Drawn:
        with look():
            return draw(*args, **options)

    return drawn


def hexadecimal(colour: Colour) -> str:
    """A colour as matplotlib takes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def phase_patches(*, mixed: bool = False) -> list[Patch]:
    """Entries of a legend of binary frames: donor, acceptor and, where it is drawn, mixed."""
    from matplotlib.patches import Patch

    colours = {"donor": DONOR_COLOUR, "acceptor": ACCEPTOR_COLOUR, "mixed": MIXED_COLOUR}
    names = list(colours) if mixed else ["donor", "acceptor"]
    return [Patch(color=hexadecimal(colours[name]), label=name) for name in names]


def save_figure(figure: Figure, path: str | Path, *, dpi: float) -> None:
    """Write a figure in the format that the suffix names, PNG by default; equal figures give equal bytes.

    Args:
        figure: of matplotlib.
        path: of the file.
        dpi: pixels per inch.
    """
    kind = Path(path).suffix.lower().lstrip(".") or "png"
    metadata: dict[str, Any] = {
        "svg": {"Date": None, "Creator": "morphsim"},
        "png": {"Software": None},
        "pdf": {"CreationDate": None},
    }
    with atomic_buffer(path) as buffer:
        figure.savefig(buffer, dpi=dpi, format=kind, metadata=metadata.get(kind))
