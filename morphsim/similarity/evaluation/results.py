"""Results of an evaluation: of one embedding, and of all embeddings together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from morphsim.json_values import json_values
from morphsim.similarity.evaluation.bootstrap import BootstrapMean, bootstrap_difference
from morphsim.similarity.evaluation.decoding import Decoding
from morphsim.similarity.evaluation.nuisance import NuisanceRatio
from morphsim.similarity.evaluation.published import Predictions
from morphsim.similarity.evaluation.ranking import Retrieval
from morphsim.similarity.evaluation.tables import render


@dataclass(frozen=True, eq=False, kw_only=True)
class Scores:
    """All measures of one embedding; a measure that does not apply is None or missing."""

    baseline: bool
    """Whether it is a baseline rather than the subject of the evaluation."""
    dimensions: int
    """Length of a vector, D."""
    milliseconds: float
    """Time to embed a frame [ms]."""
    triplets: Mapping[str, BootstrapMean]
    """`recipe`, `moment`, and `last`: other recipes among the last frames of films."""
    nuisance: NuisanceRatio
    """Sensitivity to mirroring and rolling."""
    correlation: Mapping[str, float]
    """Rank correlation of distances with differences of descriptors."""
    retrieval: Mapping[str, Retrieval]
    """By the definition of relevant frames: `recipe_and_moment`, `recipe`."""
    equal_sets: Mapping[str, BootstrapMean]
    """Triplets by family of frames with equal descriptors, and `upside down` of the evaluated films."""
    decoding: Decoding | None = None
    """Of an encoder with a decoder."""
    prediction: Predictions | None = None
    """On published frames."""
    published_correlation: Mapping[str, float] | None = None
    """Rank correlation on published frames."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "baseline": self.baseline,
            "dimensions": self.dimensions,
            "milliseconds_per_frame": self.milliseconds,
            "triplets": {name: share.to_dict() for name, share in self.triplets.items()},
            "mirror_ratio": self.nuisance.mirror,
            "roll_ratio": self.nuisance.roll,
            "rank_correlation": dict(self.correlation),
            "retrieval": {name: found.to_dict() for name, found in self.retrieval.items()},
            "equal_sets": {name: share.to_dict() for name, share in self.equal_sets.items()},
            "decoding": None if self.decoding is None else self.decoding.to_dict(),
            "published": None if self.prediction is None else predictions_to_dict(self.prediction),
            "published_rank_correlation": (
                None if self.published_correlation is None else dict(self.published_correlation)
            ),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class EmbeddingEvaluation:
    """All measures of all embeddings on the same frames, triplets and pairs."""

    frames: int
    """Number of frames."""
    single_phase: int
    """Number of frames of a single phase, which were left out."""
    films: int
    """Number of films."""
    recipes: int
    """Number of recipes."""
    scores: Mapping[str, Scores]
    """By the name of the embedding."""
    ceiling: Mapping[str, BootstrapMean]
    """By the kind of triplet, what a classifier of these very recipes reaches."""
    layered_recipes: int = 0
    """How many recipes `upside down` was measured on."""
    published_baselines: Mapping[str, Predictions] = field(default_factory=dict)
    """Predictions from features that were fitted on the published frames themselves."""
    notes: tuple[str, ...] = ()
    """Remarks about the evaluation."""

    def best_baseline(self, triplets: str) -> str | None:
        """Name of the baseline with the highest share of `triplets`; None without one."""
        shares = {
            name: score.triplets[triplets].value
            for name, score in self.scores.items()
            if score.baseline and score.triplets[triplets].frames
        }
        return max(shares, key=lambda name: shares[name]) if shares else None

    def lead(self, name: str, triplets: str) -> tuple[float, float, float] | None:
        """Lead of an embedding over the best baseline: the difference and its 95 % interval."""
        best = self.best_baseline(triplets)
        if best is None:
            return None
        return bootstrap_difference(
            self.scores[name].triplets[triplets], self.scores[best].triplets[triplets]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None for what could not be measured."""
        leads = {
            name: {kind: self._lead_to_dict(name, kind) for kind in score.triplets}
            for name, score in self.scores.items()
            if not score.baseline
        }
        values = {
            "frames": self.frames,
            "single_phase_frames_left_out": self.single_phase,
            "films": self.films,
            "recipes": self.recipes,
            "layered_recipes": self.layered_recipes,
            "notes": list(self.notes),
            "ceiling": {name: share.to_dict() for name, share in self.ceiling.items()},
            "lead_over_best_baseline": leads,
            "embeddings": {name: score.to_dict() for name, score in self.scores.items()},
            "published_baselines": {
                name: predictions_to_dict(found) for name, found in self.published_baselines.items()
            },
        }
        plain: dict[str, Any] = json_values(values)
        return plain

    def _lead_to_dict(self, name: str, kind: str) -> dict[str, Any] | None:
        lead = self.lead(name, kind)
        if lead is None:
            return None
        return {"over": self.best_baseline(kind), "value": lead[0], "low": lead[1], "high": lead[2]}

    def render(self) -> str:
        """Return tables as plain text."""
        return render(self)


def predictions_to_dict(predictions: Predictions) -> dict[str, Any]:
    """Return plain values."""
    return {
        target: {method: found.to_dict() for method, found in by_method.items()}
        for target, by_method in predictions.items()
    }
