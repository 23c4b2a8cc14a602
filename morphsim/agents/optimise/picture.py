"""The picture of a search: target and films, the knobs, and the distances of all films."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.comparison import RANDOM, RECIPE, AgentEvaluation
from morphsim.agents.optimise.contest import OPTIMUM, Row
from morphsim.agents.optimise.search import Candidate
from morphsim.agents.optimise.space import KnobSpace
from morphsim.agents.optimise.study import Study
from morphsim.frames import to_rgb
from morphsim.frames.pictures.knobs import physical
from morphsim.frames.pictures.lengths import length_text, time_scale
from morphsim.frames.pictures.scale import scale_bar, stretch_of
from morphsim.frames.pictures.size import figure_size, shrink
from morphsim.look import BLACK, BLUE, GREY, ORANGE, RED, phase_patches, save_figure, with_look

_DOTS_PER_INCH = 110
_WIDTH = 10.0
_COLOURS = {OPTIMUM: BLUE, RECIPE: RED, RANDOM: GREY}
_LABELS = {OPTIMUM: "optimum", RECIPE: "untouched recipe", RANDOM: "random knobs"}


@with_look
def draw_optimum(
    path: Path, study: Study, chosen: Candidate, evaluation: AgentEvaluation, rows: Sequence[Row]
) -> None:
    """Draw a search.

    Above the target beside three films of the check, the nearest, the one in the middle and the farthest;
    below them each knob over dryness or time, and the distances of all films.

    Args:
        path: of the picture.
        study: the search.
        chosen: candidate.
        evaluation: of its check.
        rows: all films.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    space = study.space
    panels = len(space.names) + 1
    recipe, units = space.base.recipe, space.base.units
    size = recipe.width * units.length_nm, recipe.last_thickness * units.length_nm
    stretch = stretch_of(*size)
    film_height = 0.5 * _WIDTH * size[1] * stretch.across / (size[0] * stretch.along) + 0.35
    across = min(panels, 3)
    down = math.ceil(panels / across)
    heights = [min(2.0 * film_height, 6.0) + 0.3, 2.6 * down]
    figure = Figure(figsize=figure_size(_WIDTH, sum(heights), dpi=_DOTS_PER_INCH), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subfigures(2, 1, height_ratios=heights)  # type: ignore[misc]
    _draw_films(above, study, evaluation, size)
    axes = below.subplots(down, across, squeeze=False).ravel()
    for axis, name in zip(axes, space.names, strict=False):
        _draw_knob(axis, space, chosen, name)
    _draw_distances(axes[panels - 1], evaluation, rows)
    for axis in axes[panels:]:
        axis.set_axis_off()
    save_figure(figure, path, dpi=_DOTS_PER_INCH)


def _draw_films(figure: Any, study: Study, evaluation: AgentEvaluation, size: tuple[float, float]) -> None:
    stretch = stretch_of(*size)
    place: dict[str, Any] = {
        "interpolation": "nearest",
        "extent": (0.0, size[0], 0.0, size[1]),
        "aspect": stretch.across / stretch.along,
    }
    result = evaluation[OPTIMUM]
    order = np.argsort(np.where(result.diverged, np.inf, result.distances), kind="stable")
    films: dict[int, str] = {}
    for number, word in ((order[0], "nearest"), (order[len(order) // 2], "middle"), (order[-1], "farthest")):
        films.setdefault(int(number), word)
    axes = figure.subplots(2, 2).ravel()
    for axis in axes:
        axis.set_axis_off()
    axes[0].imshow(shrink(to_rgb(study.distance.target[0])), **place)
    count = len(study.distance.target)
    axes[0].set_title("target" if count == 1 else f"first of {count} targets")
    for axis, (number, word) in zip(axes[1:], films.items(), strict=False):
        axis.imshow(shrink(to_rgb(result.frames[number])), **place)
        told = "failed" if result.diverged[number] else f"distance {result.distances[number]:.2f}"
        axis.set_title(f"optimum, {word} of {len(order)} new films: {told}")
    bar = scale_bar(size[0])
    text = ", ".join(part for part in (length_text(bar), stretch.text) if part)
    # The bar must not shrink the film above it.
    axes[2].autoscale(False)
    (line,) = axes[2].plot([0.0, bar], [-0.1 * size[1]] * 2, color=BLACK, lw=3, clip_on=False)
    told = axes[2].text(1.05 * bar, -0.1 * size[1], text, va="center", fontsize=8)
    for each in (line, told):
        each.set_in_layout(False)
    figure.legend(handles=phase_patches(), loc="outside lower right", ncols=2)


def _draw_knob(axis: Any, space: KnobSpace, chosen: Candidate, name: str) -> None:
    """Draw the settings of a knob, within its range, beside the value of the recipe."""
    from matplotlib.ticker import ScalarFormatter

    knob = next(each for each in space.panel.knobs if each.name == name)
    own = float(getattr(space.base.recipe, name))
    # Together, so that all have one unit.
    raw = np.array([*chosen.settings[name], own, knob.low, knob.high])
    values, unit = physical(name, raw, space.base.units)
    *settings, own_value, low, high = values.tolist()
    edges, label, logarithmic = _edges(space)
    axis.stairs(settings, edges, baseline=None, color=BLUE, lw=2.0, label="optimum")
    if not space.base.schedule:
        axis.axhline(own_value, color=RED, lw=1.0, ls="--", label="untouched recipe")
    if knob.logarithmic:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.get_major_formatter().set_scientific(False)
    axis.set_ylim(*_with_margin(low, high, logarithmic=knob.logarithmic))
    if logarithmic:
        axis.set_xscale("log")
    axis.set_xlim(edges[0], edges[-1])
    axis.set_xlabel(label)
    axis.set_ylabel(f"{name.replace('_', ' ')} [{unit}]" if unit else name.replace("_", " "))
    axis.set_title("range of the knob from bottom to top", fontsize=8, color=GREY)
    axis.legend(loc="best")


def _edges(space: KnobSpace) -> tuple[NDArray[np.float64], str, bool]:
    """Where stages begin and the last one ends, the label of the axis, and whether it is logarithmic."""
    if space.over == "dryness":
        return np.array([*space.shares, 1.0]), "dryness", False
    seconds = space.base.recipe.duration * space.base.units.time_s
    factor, unit = time_scale(seconds)
    edges = np.array([*space.shares, 1.0]) * seconds * factor
    if len(edges) == 2:
        return edges, f"time [{unit}]", False
    # A logarithmic axis has no 0.
    edges[0] = 0.5 * edges[1]
    return edges, f"time [{unit}]", True


def _with_margin(low: float, high: float, *, logarithmic: bool) -> tuple[float, float]:
    if logarithmic:
        factor = (high / low) ** 0.05
        return low / factor, high * factor
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _draw_distances(axis: Any, evaluation: AgentEvaluation, rows: Sequence[Row]) -> None:
    """Draw the distances of the films in order, and those of the check at the end."""
    made = [row for row in rows if row.stage == "search"]
    distances = np.array([row.distance for row in made])
    films = np.arange(1, len(made) + 1)
    known = np.isfinite(distances)
    axis.plot(films[known], distances[known], ".", ms=4, color=ORANGE, label="search")
    if not known.all():
        top = [1.0] * int((~known).sum())
        axis.plot(
            films[~known], top, "x", ms=4, color=BLACK, label="failed", transform=axis.get_xaxis_transform()
        )
    width = max(3.0, 0.06 * len(made))
    for number, result in enumerate(evaluation.results):
        middle = len(made) + width * (1.0 + 1.2 * number)
        spread = np.linspace(-0.35, 0.35, len(result.distances)) * width
        colour = _COLOURS[result.name]
        axis.plot(middle + spread, result.distances, "o", ms=3, alpha=0.7, color=colour)
        ends = [middle - 0.5 * width, middle + 0.5 * width]
        axis.plot(ends, [result.median] * 2, lw=2.5, color=colour, label=f"check: {_LABELS[result.name]}")
    axis.axvline(len(made) + 0.25 * width, color=GREY, lw=0.8, ls=":")
    axis.set_ylim(bottom=0.0)
    axis.set_xlabel("films, then the check (bars: medians)")
    axis.set_ylabel("distance from the target")
    axis.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, fontsize=7, columnspacing=1.0)
