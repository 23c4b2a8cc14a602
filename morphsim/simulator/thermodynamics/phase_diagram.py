"""Figures of phase diagrams: a Gibbs triangle with solvent, interaction against composition without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from morphsim.checks import whole_number
from morphsim.errors import InputError
from morphsim.look import BLACK, BLUE, PALE, RED, SKY
from morphsim.simulator.processes.annealing import AnnealingRecipe
from morphsim.simulator.processes.laws import chi_at
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.quantities import ZERO_CELSIUS
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.thermodynamics.demixing import Demixing, demixing
from morphsim.simulator.thermodynamics.mixture import Array, BinaryMixture, TernaryMixture, energy_of
from morphsim.simulator.thermodynamics.phases import binodal, critical_chi, spinodal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINODAL, _SPINODAL, _FILM, _TIE, _GRID = BLUE, RED, BLACK, SKY, PALE
_LEGEND: dict[str, Any] = {"fontsize": 8, "frameon": False, "handlelength": 1.8, "borderaxespad": 0.2}
_MOST_TIE_LINES = 10_000
_HEIGHT = float(np.sqrt(3.0) / 2.0)
_TICKS = np.arange(1, 5) / 5.0


def film_path(recipe: TernaryRecipe, thickness: ArrayLike | None = None) -> Array:
    """Mean composition of a film during drying or swelling, with a constant amount of solutes.

    Args:
        recipe: of the film.
        thickness: (n,) thicknesses of the film in order, such as those of its snapshots [h0]; by default from
            the start to the end of the process.

    Returns:
        Donor, acceptor and solvent fractions, (n, 3).

    Raises:
        InputError: a thickness that is not finite, or less than that of the solutes alone.
    """
    solids = recipe.last_thickness * (1.0 - recipe.last_solvent)
    if thickness is None:
        thickness = np.linspace(solids / (1.0 - recipe.solvent), recipe.last_thickness, 51)
    passed = np.atleast_1d(np.asarray(thickness, dtype=np.float64))
    whole = passed.ndim == 1 and passed.size > 0 and bool(np.isfinite(passed).all())
    if not whole or passed.min() < solids * (1.0 - 1e-6):
        raise InputError(
            f"thickness of shape {passed.shape} must be a list of numbers from {solids:.4g}, the thickness "
            "of the solutes alone"
        )
    content = np.minimum(solids / passed, 1.0)
    share = recipe.blend_ratio
    return np.stack([share * content, (1.0 - share) * content, 1.0 - content], axis=1)


def plot_phase_diagram(
    recipe: Recipe, *, path: ArrayLike | None = None, ax: Axes | None = None, tie_lines: int = 9
) -> Axes:
    """Draw the phase diagram of a recipe at its temperature, with the composition of its film.

    For a film with solvent: a Gibbs triangle with spinodal, binodal, tie lines, critical point and the film's
    mean path, marked where the film begins to demix. For annealing: the interaction parameter against the
    donor fraction, with the temperature on the right.

    Args:
        recipe: of the film.
        path: the film's mean compositions, in order: donor, acceptor and solvent fractions (n, 3) with
            solvent, by default those of `film_path`; donor fraction and interaction parameter (n, 2) when
            annealing, by default the recipe's own point.
        ax: the axes; by default those of a new figure.
        tie_lines: number of tie lines in a triangle.

    Returns:
        The axes; `ax.figure.savefig("diagram.png")` stores them.

    Raises:
        InputError: a path of another shape or out of range, or fewer than 0 tie lines.
    """
    from matplotlib.figure import Figure

    whole_number("tie_lines", tie_lines, 0, _MOST_TIE_LINES)
    mixture = energy_of(recipe)
    if ax is None:
        size = (5.2, 4.9) if isinstance(mixture, TernaryMixture) else (5.2, 4.0)
        ax = Figure(figsize=size, dpi=150, layout="constrained").add_subplot()
    if isinstance(mixture, TernaryMixture):
        assert isinstance(recipe, TernaryRecipe)
        points = film_path(recipe) if path is None else mixture.checked(path)
        if points.ndim != 2 or not len(points):
            raise InputError(f"path has shape {points.shape}; give (n, 3)")
        _draw_triangle(ax, mixture, points, tie_lines)
        if path is None:
            _draw_crossings(ax, demixing(recipe))
        _draw_legends(ax)
    else:
        assert isinstance(recipe, AnnealingRecipe)
        given = [[recipe.blend_ratio, mixture.chi]] if path is None else path
        points = np.asarray(given, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
            raise InputError(f"path has shape {points.shape}; give finite donor fractions and chi, (n, 2)")
        if points[:, 0].min() < 0.0 or points[:, 0].max() > 1.0:
            raise InputError("path holds a donor fraction that does not lie from 0 to 1")
        _draw_binary(ax, recipe, points)
    return ax


def _draw_triangle(ax: Axes, mixture: TernaryMixture, path: Array, tie_lines: int) -> None:
    _draw_frame(ax)
    lines = binodal(mixture)
    if len(lines):
        for ends in _evenly(lines, tie_lines):
            ax.plot(*_corner_coordinates(ends), color=_TIE, linewidth=0.7, zorder=2)
        outline = np.concatenate([lines[:, 0], lines[::-1, 1]])
        ax.plot(*_corner_coordinates(outline), color=_BINODAL, linewidth=1.6, label="binodal", zorder=4)
        ax.plot([], [], color=_TIE, linewidth=0.7, label="tie lines")
    for number, curve in enumerate(spinodal(mixture)):
        label = "_" if number else "spinodal"
        ax.plot(
            *_corner_coordinates(curve), color=_SPINODAL, linewidth=1.4, linestyle="--", label=label, zorder=3
        )
    if len(lines) and np.array_equal(lines[-1, 0], lines[-1, 1]):
        ax.plot(
            *_corner_coordinates(lines[-1, :1]),
            linestyle="none",
            marker="D",
            markersize=6.5,
            color=_BINODAL,
            markeredgecolor="white",
            label="critical point",
            zorder=8,
        )
    _draw_path(ax, _corner_coordinates(path))


def _draw_crossings(ax: Axes, found: Demixing) -> None:
    """Where the film's path meets the binodal and the spinodal."""
    # A ring around a triangle, since the two often lie close together.
    ring: dict[str, Any] = {"marker": "o", "markersize": 11.0, "fillstyle": "none", "color": _BINODAL}
    triangle: dict[str, Any] = {"marker": "v", "markersize": 6.0, "color": _SPINODAL}
    for point, style, label in (
        (found.at_binodal, ring, "phases can coexist"),
        (found.at_spinodal, triangle, "film is unstable"),
    ):
        if point is not None:
            x, y = _corner_coordinates(point)
            ax.plot(x, y, linestyle="none", label=label, zorder=9, **style)


def _evenly(lines: Array, count: int) -> Array:
    """Tie lines (count, 2, 3) with evenly spaced midpoints, without the critical point."""
    middles = lines.mean(axis=1)
    passed = np.concatenate([[0.0], np.linalg.norm(np.diff(middles, axis=0), axis=1).cumsum()])
    positions = np.linspace(0.0, passed[-1], count + 1)[:-1]
    flat = lines.reshape(len(lines), 6)
    columns = [np.interp(positions, passed, flat[:, column]) for column in range(6)]
    return np.stack(columns, axis=1).reshape(-1, 2, 3)


def _draw_frame(ax: Axes) -> None:
    """Triangle, grid, ticks and names; donor left, acceptor right, solvent on top."""
    corners = np.eye(3)
    names = ("donor", "acceptor", "solvent")
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_xlim(-0.12, 1.12)
    ax.set_ylim(-0.13, _HEIGHT + 0.09)
    for number, name in enumerate(names):
        following = corners[(number + 1) % 3]
        opposite = corners[(number + 2) % 3]
        for value in _TICKS:
            start = value * corners[number] + (1.0 - value) * following
            end = value * corners[number] + (1.0 - value) * opposite
            ax.plot(*_corner_coordinates(np.stack([start, end])), color=_GRID, linewidth=0.6, zorder=1)
            # Each component's ticks lie outside the side that follows its corner, along its grid lines.
            outside = start + 0.025 * (start - end) / (1.0 - value)
            x, y = _corner_coordinates(start + 0.05 * (start - end) / (1.0 - value))
            ax.plot(
                *_corner_coordinates(np.stack([start, outside])), color="black", linewidth=0.7, clip_on=False
            )
            ax.text(float(x), float(y), f"{value:.1f}", ha="center", va="center", fontsize=7.5)
        middle = 0.5 * (corners[number] + following)
        x, y = _corner_coordinates(middle + 0.13 * (middle - opposite))
        # Along the side, and never upside down.
        ax.text(
            float(x),
            float(y),
            f"{name} fraction",
            rotation=(0.0, -60.0, 60.0)[number],
            ha="center",
            va="center",
            fontsize=8.5,
        )
        x, y = _corner_coordinates(1.06 * corners[number] - 0.03 * (1.0 - corners[number]))
        ax.text(float(x), float(y), name, ha="center", va="center", fontsize=10, fontweight="bold")
    ax.plot(*_corner_coordinates(corners[[0, 1, 2, 0]]), color="black", linewidth=1.0, zorder=5)


def _corner_coordinates(fractions: Array) -> tuple[Array, Array]:
    """Coordinates x and y of compositions (..., 3): donor at (0, 0), acceptor at (1, 0), solvent on top."""
    return fractions[..., 1] + 0.5 * fractions[..., 2], _HEIGHT * fractions[..., 2]


def _draw_binary(ax: Axes, recipe: AnnealingRecipe, path: Array) -> None:
    critical = critical_chi(1.0, 1.0)
    top = max(1.35 * critical, 1.15 * float(path[:, 1].max()))
    bottom = min(0.75 * critical, float(path[:, 1].min()) - 0.15 * critical)
    # Equally spaced in the width of the gap, which grows as the square root.
    levels = critical + (top - critical) * np.linspace(1e-2, 1.0, 80) ** 2
    for edges, color, style, label in (
        (binodal, _BINODAL, "-", "binodal"),
        (spinodal, _SPINODAL, "--", "spinodal"),
    ):
        pairs: list[Any] = [edges(BinaryMixture(chi=float(level))) for level in levels]
        donor = np.array([[0.5, 0.5], *pairs])
        chi = np.concatenate([[critical], levels])
        outline = np.concatenate([donor[::-1, 0], donor[1:, 1]])
        heights = np.concatenate([chi[::-1], chi[1:]])
        ax.plot(outline, heights, color=color, linestyle=style, linewidth=1.6, label=label)
    ax.plot(
        0.5,
        critical,
        linestyle="none",
        marker="D",
        markersize=5.5,
        color=_BINODAL,
        markeredgecolor="white",
        label="critical point",
        zorder=6,
    )
    _draw_path(ax, (path[:, 0], path[:, 1]))
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(bottom, top)
    ax.set_xlabel("donor fraction φ")
    ax.set_ylabel("interaction parameter χ")
    ax.grid(color=_GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    _draw_temperature(ax, recipe, bottom, top)
    ax.legend(loc="lower left", **_LEGEND)


def _draw_temperature(ax: Axes, recipe: AnnealingRecipe, bottom: float, top: float) -> None:
    """The temperatures at which the recipe's blend has the interaction parameters on the left."""
    celsius = np.arange(-50.0, 326.0, 25.0)
    chi = chi_at([recipe], celsius + ZERO_CELSIUS)
    shown = (chi > bottom) & (chi < top)
    if recipe.chi_slope == 0.0 or not shown.any():
        return
    # Labels that would overlap are omitted.
    kept: list[int] = []
    for index in np.flatnonzero(shown):
        if not kept or abs(chi[index] - chi[kept[-1]]) > 0.06 * (top - bottom):
            kept.append(int(index))
    right = ax.twinx()
    right.set_ylim(bottom, top)
    right.set_yticks(chi[kept], [f"{value:.0f}" for value in celsius[kept]])
    right.set_ylabel("temperature [°C]")
    right.spines["right"].set_visible(True)


def _draw_path(ax: Axes, path: tuple[Array, Array]) -> None:
    x, y = path
    style: dict[str, Any] = {"color": _FILM, "linestyle": "none", "markersize": 6.5, "zorder": 7}
    if len(x) == 1:
        ax.plot(x, y, marker="o", label="film", **style)
        return
    ax.plot(x, y, color=_FILM, linewidth=1.3, label="film", zorder=6)
    ax.plot(x[:1], y[:1], marker="o", markerfacecolor="white", label="start", **style)
    ax.plot(x[-1:], y[-1:], marker="s", label="end", **style)


def _draw_legends(ax: Axes) -> None:
    """The mixture on the left of the triangle's tip, the film on the right."""
    entries = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    mixture = [name for name in entries if name in {"binodal", "tie lines", "spinodal", "critical point"}]
    film = [name for name in entries if name not in mixture]
    if mixture:
        handles = [entries[name] for name in mixture]
        ax.add_artist(ax.legend(handles, mixture, loc="upper left", **_LEGEND))
    ax.legend([entries[name] for name in film], film, loc="upper right", **_LEGEND)
