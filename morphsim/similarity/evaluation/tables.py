"""An evaluation as tables of plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from morphsim.similarity.evaluation.published import CURRENT, Predictions
from morphsim.text_table import text_table

if TYPE_CHECKING:
    from morphsim.similarity.evaluation.bootstrap import BootstrapMean
    from morphsim.similarity.evaluation.results import EmbeddingEvaluation

_NOTHING = "-"


def render(evaluation: EmbeddingEvaluation) -> str:
    """Return all tables, one below the other."""
    head = (
        f"{evaluation.frames} frames of {evaluation.films} films and {evaluation.recipes} recipes; "
        f"{evaluation.single_phase} frames hold a single phase and are left out"
    )
    parts = ["\n".join([head, *evaluation.notes]), _triplets(evaluation)]
    if any(score.equal_sets for score in evaluation.scores.values()):
        parts.append(_equal_sets(evaluation))
    parts += [_retrieval(evaluation), _correlations(evaluation)]
    if any(score.prediction for score in evaluation.scores.values()):
        parts.append(_predictions(evaluation))
    if any(score.decoding for score in evaluation.scores.values()):
        parts.append(_decoding(evaluation))
    return "\n\n".join(parts)


def _triplets(evaluation: EmbeddingEvaluation) -> str:
    header = (
        "triplets [%]",
        "D",
        "other recipe",
        "other moment",
        "last frames",
        "mirror",
        "roll",
        "ms/frame",
    )
    rows = [
        (
            name,
            str(score.dimensions),
            *(_percent(score.triplets[kind]) for kind in ("recipe", "moment", "last")),
            _number(score.nuisance.mirror, 3),
            _number(score.nuisance.roll, 3),
            _number(score.milliseconds, 2),
        )
        for name, score in evaluation.scores.items()
    ]
    ceiling = [_percent(evaluation.ceiling[kind]) for kind in ("recipe", "moment", "last")]
    rows.append(("ceiling", _NOTHING, *ceiling, _NOTHING, _NOTHING, _NOTHING))
    return text_table(header, rows)


def _equal_sets(evaluation: EmbeddingEvaluation) -> str:
    names = list(dict.fromkeys(name for score in evaluation.scores.values() for name in score.equal_sets))
    rows = [
        (name, *(_percent(score.equal_sets.get(family)) for family in names))
        for name, score in evaluation.scores.items()
    ]
    text = text_table(("equal descriptors [%]", *names), rows)
    if evaluation.layered_recipes:
        text += f"\nupside down: last frames of {evaluation.layered_recipes} recipes"
    return text


def _retrieval(evaluation: EmbeddingEvaluation) -> str:
    header = ("retrieval [%]", "P@1, moment", "MAP@R, moment", "P@1, recipe", "MAP@R, recipe")
    rows = []
    for name, score in evaluation.scores.items():
        cells = [name]
        for relevant in ("recipe_and_moment", "recipe"):
            found = score.retrieval[relevant]
            cells += [_percent(found.precision_at_1), _percent(found.mean_average_precision)]
        rows.append(cells)
    return text_table(header, rows)


def _correlations(evaluation: EmbeddingEvaluation) -> str:
    def label(name: str) -> str:
        return name.replace("_", " ")

    first = next(iter(evaluation.scores.values()))
    names = list(first.correlation)
    published = list(first.published_correlation or {})
    header = ("rank correlation", *map(label, names), *(f"published {label(name)}" for name in published))
    rows = []
    for name, score in evaluation.scores.items():
        known = [score.correlation[each] for each in names]
        rows.append((name, *(_number(v, 2) for v in [*known, *(score.published_correlation or {}).values()])))
    return text_table(header, rows)


def _predictions(evaluation: EmbeddingEvaluation) -> str:
    found = {name: score.prediction for name, score in evaluation.scores.items() if score.prediction}
    targets = list(next(iter(found.values())))
    folds = list(next(iter(found.values()))[CURRENT]["neighbours"].by_fold)
    header = (
        "R2, 5-NN / ridge",
        *targets,
        *(f"{CURRENT} of chi {fold}" for fold in folds),
    )
    rows = [_prediction_row(name, predictions, targets, folds) for name, predictions in found.items()]
    rows += [
        _prediction_row(f"* {name}", predictions, targets, folds)
        for name, predictions in evaluation.published_baselines.items()
    ]
    return text_table(header, rows) + "\n* fitted on the published frames themselves"


def _prediction_row(
    name: str, predictions: Predictions, targets: Sequence[str], folds: Sequence[str]
) -> list[str]:
    def both(values: Sequence[float]) -> str:
        return " / ".join(_number(value, 2) for value in values)

    methods: Sequence[Mapping[str, float]] = [
        {"r2": found.r2, **{f"chi {fold}": value for fold, value in found.by_fold.items()}}
        for found in predictions[CURRENT].values()
    ]
    return [
        name,
        *(both([found.r2 for found in predictions[target].values()]) for target in targets),
        *(both([method[f"chi {fold}"] for method in methods]) for fold in folds),
    ]


def _decoding(evaluation: EmbeddingEvaluation) -> str:
    header = ("decoder", "-ELBO [nats]", "wrong pixels [%]", "squared error", "active latents")
    rows = []
    for name, score in evaluation.scores.items():
        if (found := score.decoding) is not None:
            rows.append(
                (
                    name,
                    _NOTHING
                    if found.negative_elbo is None
                    else f"{found.negative_elbo:.1f} ± {_number(found.standard_error, 1)}",
                    _number(100.0 * found.pixel_error, 2),
                    _number(found.mean_squared_error, 4),
                    f"{found.active_units} of {found.latents}",
                )
            )
    return text_table(header, rows)


def _percent(share: BootstrapMean | None) -> str:
    if share is None or not math.isfinite(share.value):
        return _NOTHING
    return f"{100 * share.value:.1f} ({100 * share.low:.1f}..{100 * share.high:.1f})"


def _number(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return _NOTHING
    return f"{value:.{digits}f}"
