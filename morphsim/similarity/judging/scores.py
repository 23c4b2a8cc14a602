"""What was measured of one embedding, and of all of them together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from morphsim.similarity.judging.decoding import Decoding
from morphsim.similarity.judging.nuisance import NuisanceRatio
from morphsim.similarity.judging.published import Predictions
from morphsim.similarity.judging.retrieval import Retrieval
from morphsim.similarity.judging.shares import Share, difference


@dataclass(frozen=True, eq=False, kw_only=True)
class Scores:
    """All measures of one embedding; what could not be measured is None or missing."""

    baseline: bool
    """Whether it is something to compare with, rather than what is judged."""
    dimensions: int
    """D, numbers in a vector."""
    milliseconds: float
    """Time to embed a frame [ms]."""
    triplets: Mapping[str, Share]
    """`recipe`, `moment`, and `last`: other recipes among the last frames of films."""
    nuisance: NuisanceRatio
    """What mirroring and rolling do."""
    correlation: Mapping[str, float]
    """Rank correlation of distances with known differences."""
    retrieval: Mapping[str, Retrieval]
    """By what is relevant: `recipe_and_moment`, `recipe`."""
    equal_sets: Mapping[str, Share]
    """Triplets by family of frames with equal descriptors, and `upside down`, of judged films."""
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
class Judgement:
    """All measures of all embeddings on the same frames, triplets and pairs."""

    frames: int
    """How many frames were judged."""
    single_phase: int
    """How many of them hold a single phase and were left out."""
    films: int
    """How many films they are of."""
    recipes: int
    """How many recipes."""
    scores: Mapping[str, Scores]
    """By the name of the embedding."""
    ceiling: Mapping[str, Share]
    """By the kind of triplet, what a classifier of these very recipes reaches."""
    layered_recipes: int = 0
    """How many recipes `upside down` was measured on."""
    published_baselines: Mapping[str, Predictions] = field(default_factory=dict)
    """Predictions from features that were fitted on the published frames themselves."""
    notes: tuple[str, ...] = ()
    """What a reader has to know of how it was judged."""

    def best_baseline(self, triplets: str) -> str | None:
        """Name of the baseline with the highest share of `triplets`; None without one."""
        shares = {
            name: score.triplets[triplets].value
            for name, score in self.scores.items()
            if score.baseline and score.triplets[triplets].judged
        }
        return max(shares, key=lambda name: shares[name]) if shares else None

    def lead(self, name: str, triplets: str) -> tuple[float, float, float] | None:
        """How far an embedding is ahead of the best baseline: the difference and its 95 % interval."""
        best = self.best_baseline(triplets)
        if best is None:
            return None
        return difference(self.scores[name].triplets[triplets], self.scores[best].triplets[triplets])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold; None where something could not be measured."""
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
        plain: dict[str, Any] = _known(values)
        return plain

    def _lead_to_dict(self, name: str, kind: str) -> dict[str, Any] | None:
        lead = self.lead(name, kind)
        if lead is None:
            return None
        return {"over": self.best_baseline(kind), "value": lead[0], "low": lead[1], "high": lead[2]}

    def render(self) -> str:
        """Return tables as plain text."""
        from morphsim.similarity.judging.tables import render

        return render(self)


def predictions_to_dict(predictions: Predictions) -> dict[str, Any]:
    """Return plain values."""
    return {
        target: {method: found.to_dict() for method, found in by_method.items()}
        for target, by_method in predictions.items()
    }


def _known(value: Any) -> Any:
    """Put None for NaN and infinity, which JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, list) else value
