"""Evaluation of embeddings side by side, on frames that none of them was trained on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.lazy import renamed_argument
from morphsim.progress import progress
from morphsim.similarity.evaluation.bootstrap import BootstrapMean
from morphsim.similarity.evaluation.ceiling import triplet_ceiling
from morphsim.similarity.evaluation.correlation import known_differences, known_features, rank_correlation
from morphsim.similarity.evaluation.decoding import evaluate_decoding
from morphsim.similarity.evaluation.embeddings import Embedding, Latents
from morphsim.similarity.evaluation.equal_descriptors import EqualSet, equal_triplets
from morphsim.similarity.evaluation.frames import EvaluationFrames, Moments, has_both_phases
from morphsim.similarity.evaluation.matching import BOUNDARY
from morphsim.similarity.evaluation.nuisance import NuisanceRatio, nuisance_frames, nuisance_ratio
from morphsim.similarity.evaluation.projection import Vectors, checked_vectors
from morphsim.similarity.evaluation.published import (
    Predictions,
    PublishedFrames,
    correlate_published,
    embed_published,
    predict_targets,
    published_baselines,
)
from morphsim.similarity.evaluation.ranking import Relevant, retrieval
from morphsim.similarity.evaluation.results import EmbeddingEvaluation, Scores
from morphsim.similarity.evaluation.triplets import Negative, recipe_triplets
from morphsim.similarity.evaluation.upside_down import layered_films, upside_down_triplets

TRIPLETS: Mapping[str, tuple[Negative, Moments]] = {
    "recipe": ("recipe", "all"),
    "moment": ("moment", "all"),
    "last": ("recipe", "last"),
}
"""The kinds of triplets: what the negative differs in, and which moments are used."""


@renamed_argument("judged", "labelled")
def evaluate_embeddings(
    embeddings: Sequence[Embedding],
    labelled: EvaluationFrames,
    *,
    published: PublishedFrames | None = None,
    equal: Mapping[str, EqualSet] | None = None,
    notes: Sequence[str] = (),
    seed: int = 0,
    show_progress: bool = True,
) -> EmbeddingEvaluation:
    """Evaluate embeddings side by side, all on the same frames, triplets, shifts and pairs.

    Args:
        embeddings: fitted, with different names.
        labelled: frames of recipes and films that no embedding was fitted or trained on.
        published: published frames, brought to the shape of `labelled`; None leaves them out.
        equal: frames with equal descriptors, by family; None leaves them out.
        notes: remarks about the evaluation, shown with its results.
        seed: of everything random.
        show_progress: show a bar on stderr.

    Raises:
        InputError: no embedding, two embeddings of one name, fewer than two frames that hold both phases, or
            an embedding that does not accept the frames.
    """
    names = [embedding.name for embedding in embeddings]
    if not names or len(set(names)) < len(names):
        raise InputError(f"embeddings are named {names}; give at least one, each with a different name")
    shown = has_both_phases(labelled.frames)
    if shown.sum() < 2:
        raise InputError(f"{int(shown.sum())} of the frames to evaluate on hold both phases; at least 2 must")
    evaluator = _Evaluator(labelled, shown, published, equal or {}, seed)
    scores: dict[str, Scores] = {}
    vectors: dict[str, Vectors] = {}
    with progress("evaluating", len(embeddings) + 1, unit="embeddings", show=show_progress) as advance:
        for embedding in embeddings:
            scores[embedding.name], vectors[embedding.name] = evaluator.measure(embedding)
            advance(note=embedding.name)
        richest = [each.name for each in embeddings if each.for_ceiling] or names
        features = {name: vectors[name] for name in richest}
        ceiling = {
            name: triplet_ceiling(features, labelled, negative=negative, moments=moments)
            for name, (negative, moments) in TRIPLETS.items()
        }
        advance(note="ceiling")
    return EmbeddingEvaluation(
        frames=len(labelled),
        single_phase=int((~shown).sum()),
        films=len(np.unique(labelled.trajectory)),
        recipes=labelled.recipes,
        scores=scores,
        ceiling=ceiling,
        layered_recipes=len(np.unique(labelled.recipe[evaluator.layered])),
        published_baselines={} if published is None else published_baselines(published),
        notes=tuple(notes),
    )


class _Evaluator:
    """The frames, pairs and shifts that all embeddings are evaluated on."""

    def __init__(
        self,
        labelled: EvaluationFrames,
        shown: NDArray[np.bool_],
        published: PublishedFrames | None,
        equal: Mapping[str, EqualSet],
        seed: int,
    ) -> None:
        self.labelled = labelled
        self.shown = shown
        self.published = published
        self.equal = equal
        self.seed = seed
        self.nuisance = nuisance_frames(labelled, seed=seed)
        features = known_features(labelled.frames[shown], boundary=labelled.boundary)
        self.pairs, self.differences = known_differences(features, seed=seed)
        self.layered = layered_films(labelled)

    def measure(self, embedding: Embedding) -> tuple[Scores, Vectors]:
        """Return all measures of one embedding, and its vectors of the labelled frames."""
        labelled = self.labelled
        started = time.perf_counter()
        vectors = checked_vectors(embedding(labelled.frames, boundary=labelled.boundary), count=len(labelled))
        seconds = time.perf_counter() - started
        correlation = {
            name: rank_correlation(vectors[self.shown], values, self.pairs)
            for name, values in self.differences.items()
        }
        predicted, correlated = self._published(embedding)
        relevants: tuple[Relevant, ...] = ("recipe_and_moment", "recipe")
        scores = Scores(
            baseline=embedding.baseline,
            dimensions=vectors.shape[1],
            milliseconds=1e3 * seconds / len(labelled),
            triplets={
                name: recipe_triplets(vectors, labelled, negative=negative, moments=moments)
                for name, (negative, moments) in TRIPLETS.items()
            },
            nuisance=self._nuisance(embedding),
            correlation=correlation,
            retrieval={
                relevant: retrieval(vectors, labelled, relevant=relevant, seed=self.seed)
                for relevant in relevants
            },
            equal_sets=self._equal_sets(embedding),
            decoding=(
                evaluate_decoding(embedding.encoder, labelled, seed=self.seed)
                if isinstance(embedding, Latents) and embedding.decodes
                else None
            ),
            prediction=predicted,
            published_correlation=correlated,
        )
        return scores, vectors

    def _published(self, embedding: Embedding) -> tuple[Predictions | None, dict[str, float] | None]:
        """Predictions and rank correlations on the published frames; None without them."""
        published, shape = self.published, self.labelled.shape
        if published is None:
            return None, None
        own, mirrored = embed_published(embedding, published, shape=shape)
        correlated = correlate_published(own, published, shape=shape, seed=self.seed)
        return predict_targets(own, mirrored, published), correlated

    def _nuisance(self, embedding: Embedding) -> NuisanceRatio:
        boundary, posed = self.labelled.boundary, self.nuisance
        return nuisance_ratio(
            embedding(posed.frames, boundary=boundary),
            embedding(posed.mirrored, boundary=boundary),
            None if posed.rolled is None else embedding(posed.rolled, boundary=boundary),
            posed.pairs,
        )

    def _equal_sets(self, embedding: Embedding) -> dict[str, BootstrapMean]:
        found = {
            name: equal_triplets(embedding(equal.frames, boundary=BOUNDARY), equal)
            for name, equal in self.equal.items()
        }
        if len(self.layered):
            labelled, films = self.labelled, self.labelled.frames[self.layered]
            found["upside down"] = upside_down_triplets(
                embedding(films, boundary=labelled.boundary),
                embedding(np.ascontiguousarray(films[:, ::-1]), boundary=labelled.boundary),
                labelled.recipe[self.layered],
                labelled.trajectory[self.layered],
            )
        return found
