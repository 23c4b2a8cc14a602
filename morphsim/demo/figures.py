"""Figures of the demo's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents import AgentEvaluation, Episode
from morphsim.demo.config import RECIPE
from morphsim.demo.rollout import Rollout
from morphsim.frames import to_rgb
from morphsim.frames.pictures.knobs import physical
from morphsim.frames.pictures.lengths import length_text
from morphsim.frames.pictures.scale import scale_bar, stretch_of
from morphsim.frames.pictures.size import figure_size, shrink
from morphsim.look import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY, phase_patches, save_figure, with_look
from morphsim.simulator import DRYING_UNITS

COLOURS = {
    "agent": BLUE,
    "random": GREY,
    "recipe": RED,
    "constant": ORANGE,
    "blind": SKY,
    "own": GREEN,
}
"""Colours of the policies."""
LABELS = {
    "agent": "agent",
    "random": "random knobs",
    "recipe": "untouched recipe",
    "constant": "best constant",
    "blind": "agent, blind",
    "own": "target's own recipe",
}
_FILMS_SHOWN = 3
_DOTS_PER_INCH = 110


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=figure_size(width, height, dpi=_DOTS_PER_INCH), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@with_look
def draw_films(path: Path, target: NDArray[np.uint8], evaluation: AgentEvaluation) -> None:
    """Draw the target above the last frames of each policy on the first films, at the thickness when dry."""
    columns = min(_FILMS_SHOWN, len(evaluation.seeds))
    rows = 1 + len(evaluation.results)
    size = RECIPE.width * DRYING_UNITS.length_nm, RECIPE.last_thickness * DRYING_UNITS.length_nm
    stretch = stretch_of(*size)
    aspect = size[0] * stretch.along / (size[1] * stretch.across)
    place: dict[str, Any] = {
        "interpolation": "nearest",
        "extent": (0.0, size[0], 0.0, size[1]),
        "aspect": stretch.across / stretch.along,
    }
    figure = _figure(3.6 * columns, (3.6 / aspect + 0.45) * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    axes[0, 0].imshow(shrink(to_rgb(target[0])), **place)
    bar = scale_bar(size[0])
    axes[-1, 0].plot([0.0, bar], [-0.1 * size[1]] * 2, color=BLACK, lw=3, clip_on=False)
    figure.legend(handles=phase_patches(), loc="outside lower center", ncols=2)
    text = ", ".join(part for part in (length_text(bar), stretch.text) if part)
    axes[-1, 0].text(1.05 * bar, -0.1 * size[1], text, va="center", fontsize=8)
    axes[0, 0].set_title("target", fontsize=10)
    for row, result in enumerate(evaluation.results, start=1):
        for column in range(columns):
            axes[row, column].imshow(shrink(to_rgb(result.frames[column])), **place)
            seed, distance = evaluation.seeds[column], result.distances[column]
            axes[row, column].set_title(
                f"{LABELS.get(result.name, result.name)}, seed {seed}: {distance:.2f}", fontsize=9
            )
    save_figure(figure, path, dpi=_DOTS_PER_INCH)


@with_look
def draw_comparison(path: Path, evaluation: AgentEvaluation) -> None:
    """Draw the final distances of each policy, a dot for each film and a bar for the median."""
    figure = _figure(7.0, 3.4)
    axis = figure.subplots()
    for place, result in enumerate(evaluation.results):
        spread = np.linspace(-0.18, 0.18, len(result.distances))
        axis.plot(place + spread, result.distances, "o", ms=4, alpha=0.7, color=COLOURS.get(result.name))
        axis.plot([place - 0.3, place + 0.3], [result.median] * 2, lw=2.5, color=COLOURS.get(result.name))
    labels = [LABELS.get(result.name, result.name).replace(" ", "\n", 1) for result in evaluation.results]
    axis.set_xticks(range(len(labels)), labels)
    axis.set_ylabel("final distance to the target\n(1 = median of random pairs)")
    axis.set_ylim(bottom=0.0)
    save_figure(figure, path, dpi=_DOTS_PER_INCH)


@with_look
def draw_learning(path: Path, episodes: Sequence[Episode], evaluation: AgentEvaluation) -> None:
    """Draw the final distance of each training episode and its running median."""
    steps = np.array([episode.step for episode in episodes])
    distances = np.array([episode.final_distance for episode in episodes])
    window = max(1, len(distances) // 15)
    running = [float(np.median(distances[max(0, at - window) : at + 1])) for at in range(len(distances))]
    figure = _figure(6.0, 3.4)
    axis = figure.subplots()
    axis.plot(steps, distances, ".", ms=3, alpha=0.35, color=COLOURS["agent"], label="one episode")
    axis.plot(steps, running, lw=2, color=COLOURS["agent"], label=f"median of the last {window + 1}")
    for name in ("random", "recipe", "own"):
        if name in evaluation:
            axis.axhline(evaluation[name].median, ls="--", lw=1, color=COLOURS[name], label=LABELS[name])
    axis.set_xlabel("environment steps of training")
    axis.set_ylabel("final distance to the target")
    axis.set_ylim(bottom=0.0)
    axis.legend()
    save_figure(figure, path, dpi=_DOTS_PER_INCH)


@with_look
def draw_schedules(path: Path, rollouts: Mapping[str, Rollout]) -> None:
    """Draw the settings of each knob on one film, and the distance to the target."""
    from matplotlib.ticker import LogLocator, NullFormatter

    knobs = list(next(iter(rollouts.values())).knobs)
    figure = _figure(9.5, 3.1)
    axes = figure.subplots(1, len(knobs) + 1, squeeze=False)[0]
    for axis, knob in zip(axes, knobs, strict=False):
        # Together, so that all have one unit.
        settings, unit = physical(
            knob, np.concatenate([rollout.knobs[knob] for rollout in rollouts.values()]), DRYING_UNITS
        )
        axis.set_ylabel(f"{knob} [{unit}]" if unit else knob)
        ends = np.cumsum([len(rollout.knobs[knob]) for rollout in rollouts.values()])
        parts = np.split(settings, ends[:-1])
        for (name, rollout), values in zip(rollouts.items(), parts, strict=True):
            # A setting is constant from one observation to the next.
            axis.stairs(
                values, rollout.dryness, baseline=None, lw=1.5, color=COLOURS[name], label=LABELS[name]
            )
    for name, rollout in rollouts.items():
        axes[-1].plot(rollout.dryness, rollout.distance, ".-", color=COLOURS[name], label=LABELS[name])
    for axis, knob in zip(axes, knobs, strict=False):
        if knob == "evaporation":
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter(NullFormatter())
    axes[-1].set_ylabel("distance to the target")
    axes[-1].set_ylim(bottom=0.0)
    axes[-1].legend()
    for axis in axes:
        axis.set_xlabel("dryness")
    save_figure(figure, path, dpi=_DOTS_PER_INCH)
