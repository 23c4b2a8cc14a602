"""An evaluation as a figure: a panel for each measure, a row for each embedding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morphsim.look import BLACK, BLUE, RED, look, save_figure
from morphsim.similarity.evaluation.bootstrap import BootstrapMean
from morphsim.similarity.evaluation.published import CURRENT
from morphsim.similarity.evaluation.results import EmbeddingEvaluation, Scores

_OWN, _BASELINE, _CEILING = RED, BLUE, BLACK
_PANELS_ACROSS = 4
_NOTHING = float("nan")
_LEAST_RATIO, _LEAST_R2 = 1e-5, -1.0


@dataclass(frozen=True)
class _Panel:
    """One measure of all embeddings.

    Attributes:
        title: name of the measure.
        values: (K,) with the ends of their intervals.
        ceiling: best value that can be reached; NaN if it is not known.
        chance: value of an uninformative embedding; NaN if there is none.
        logarithmic: whether the axis is logarithmic; less is better then.
    """

    title: str
    values: Sequence[tuple[float, float, float]]
    ceiling: float = _NOTHING
    chance: float = _NOTHING
    logarithmic: bool = False


def draw_evaluation(path: str | Path, evaluation: EmbeddingEvaluation) -> None:
    """Draw all measures; the suffix of the file decides on the format, PNG or SVG.

    Args:
        path: file of the figure.
        evaluation: the results.
    """
    from matplotlib.figure import Figure

    panels = _panels(evaluation)
    names = list(evaluation.scores)
    down = -(-len(panels) // _PANELS_ACROSS)
    with look():
        height = down * (0.26 * len(names) + 0.85) + 0.4
        figure = Figure(figsize=(11.0, height), layout="constrained")
        axes = figure.subplots(down, _PANELS_ACROSS, squeeze=False, sharey=True)
        for axis, panel in zip(axes.flat, panels, strict=False):
            _draw(axis, panel, list(evaluation.scores.values()))
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis in axes[:, 0]:
            axis.set_yticks(range(len(names)), names)
            axis.set_ylim(len(names) - 0.5, -0.5)
        figure.legend(handles=_key(), loc="outside lower center", ncols=4)
        save_figure(figure, path, dpi=130)


def _draw(axis: Any, panel: _Panel, scores: Sequence[Scores]) -> None:
    for row, (value, low, high) in enumerate(panel.values):
        own = not scores[row].baseline
        colour, marker = (_OWN, "D") if own else (_BASELINE, "o")
        if math.isfinite(low) and math.isfinite(high):
            axis.plot([low, high], [row, row], color=colour, lw=1.5, alpha=0.6, solid_capstyle="butt")
        axis.plot([value], [row], marker, color=colour, ms=6 if own else 5)
    if math.isfinite(panel.ceiling):
        axis.axvline(panel.ceiling, color=_CEILING, lw=1.0, ls="--")
    if math.isfinite(panel.chance):
        axis.axvline(panel.chance, color="0.6", lw=1.0, ls=":")
    if panel.logarithmic:
        axis.set_xscale("log")
    else:
        axis.margins(x=0.08)
    axis.grid(axis="y", color="0.9")
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.set_title(panel.title)


def _key() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], marker="D", color=_OWN, label="evaluated, with 95 % interval"),
        Line2D([], [], marker="o", color=_BASELINE, label="baseline"),
        Line2D([], [], ls="--", color=_CEILING, label="ceiling of these films"),
        Line2D([], [], ls=":", color="0.6", label="chance"),
    ]


def _panels(evaluation: EmbeddingEvaluation) -> list[_Panel]:
    scores = list(evaluation.scores.values())
    titles = {
        "recipe": "triplets, other recipe [%]",
        "moment": "triplets, other moment [%]",
        "last": "triplets, last frames [%]",
    }
    panels = [
        _Panel(
            title,
            [_percent(score.triplets[kind]) for score in scores],
            ceiling=100.0 * evaluation.ceiling[kind].value,
        )
        for kind, title in titles.items()
    ]
    panels.append(
        _Panel(
            "precision at 1 [%]",
            [_percent(score.retrieval["recipe_and_moment"].precision_at_1) for score in scores],
        )
    )
    families = list(dict.fromkeys(family for score in scores for family in score.equal_sets))
    panels += [
        _Panel(
            f"equal descriptors, {family} [%]",
            [_percent(score.equal_sets.get(family)) for score in scores],
            chance=50.0,
        )
        for family in families
    ]
    for title, ratios in (
        ("mirror ratio", [score.nuisance.mirror for score in scores]),
        ("roll ratio", [score.nuisance.roll for score in scores]),
    ):
        # A logarithmic axis has no place for zero.
        known = [max(ratio, _LEAST_RATIO) if ratio is not None else _NOTHING for ratio in ratios]
        if any(math.isfinite(ratio) for ratio in known):
            values = [_alone(ratio) for ratio in known]
            panels.append(_Panel(f"{title} (less is better)", values, logarithmic=True))
    panels.append(
        _Panel(
            "rank correlation, two-point statistics",
            [_alone(score.correlation["two_point_statistics"]) for score in scores],
        )
    )
    if any(score.prediction for score in scores):
        reached = [
            _NOTHING if score.prediction is None else score.prediction[CURRENT]["neighbours"].r2
            for score in scores
        ]
        # A value far below that of the mean would squeeze all others together.
        values = [_alone(max(r2, _LEAST_R2)) for r2 in reached]
        panels.append(_Panel(f"published {CURRENT}, R2 of 5-NN", values))
    return panels


def _percent(share: BootstrapMean | None) -> tuple[float, float, float]:
    if share is None:
        return _alone(_NOTHING)
    return 100.0 * share.value, 100.0 * share.low, 100.0 * share.high


def _alone(value: float) -> tuple[float, float, float]:
    return value, _NOTHING, _NOTHING
