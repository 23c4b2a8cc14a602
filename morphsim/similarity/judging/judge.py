"""Judging embeddings side by side, on frames that none of them was trained on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.progress import progress
from morphsim.similarity.judging.ceiling import triplet_ceiling
from morphsim.similarity.judging.correlation import known_differences, known_features, rank_correlation
from morphsim.similarity.judging.decoding import judge_decoding
from morphsim.similarity.judging.embeddings import Embedding, Latents
from morphsim.similarity.judging.equal_sets import EqualSet, equal_triplets
from morphsim.similarity.judging.judged import JudgedFrames, Moments, shows_something
from morphsim.similarity.judging.matching import BOUNDARY
from morphsim.similarity.judging.nuisance import NuisanceRatio, nuisance_frames, nuisance_ratio
from morphsim.similarity.judging.projection import Vectors, checked_vectors
from morphsim.similarity.judging.published import (
    PublishedFrames,
    correlate_published,
    embed_published,
    predict_targets,
    published_baselines,
)
from morphsim.similarity.judging.retrieval import Relevant, retrieval
from morphsim.similarity.judging.scores import Judgement, Scores
from morphsim.similarity.judging.shares import Share
from morphsim.similarity.judging.triplets import Negative, recipe_triplets
from morphsim.similarity.judging.upside_down import layered_films, upside_down_triplets

TRIPLETS: Mapping[str, tuple[Negative, Moments]] = {
    "recipe": ("recipe", "all"),
    "moment": ("moment", "all"),
    "last": ("recipe", "last"),
}
"""The kinds of triplets: what the negative differs in, and which moments are asked for."""


def judge(
    embeddings: Sequence[Embedding],
    judged: JudgedFrames,
    *,
    published: PublishedFrames | None = None,
    equal: Mapping[str, EqualSet] | None = None,
    notes: Sequence[str] = (),
    seed: int = 0,
    show_progress: bool = True,
) -> Judgement:
    """Measure embeddings side by side: all see the same frames, triplets, shifts and pairs.

    Args:
        embeddings: fitted, with different names.
        judged: frames of recipes and films that no embedding was fitted or trained on.
        published: published frames, brought to the shape of the judged ones; None leaves them out.
        equal: frames with equal descriptors, by family; None leaves them out.
        notes: what a reader has to know of how it was judged.
        seed: of everything random.
        show_progress: show a bar on stderr.

    Raises:
        InputError: no embedding, two of one name, frames that show nothing, or an embedding that does not
            take the frames.
    """
    names = [embedding.name for embedding in embeddings]
    if not names or len(set(names)) < len(names):
        raise InputError(f"embeddings are named {names}; give at least one, each with a name of its own")
    shown = shows_something(judged.frames)
    if shown.sum() < 2:
        raise InputError(f"{int(shown.sum())} of the frames to judge hold both phases; at least 2 must")
    bench = _Bench(judged, shown, published, equal or {}, seed)
    scores: dict[str, Scores] = {}
    vectors: dict[str, Vectors] = {}
    with progress("judging", len(embeddings) + 1, unit="embeddings", show=show_progress) as advance:
        for embedding in embeddings:
            scores[embedding.name], vectors[embedding.name] = bench.measure(embedding)
            advance(note=embedding.name)
        richest = [each.name for each in embeddings if each.for_ceiling] or names
        features = {name: vectors[name] for name in richest}
        ceiling = {
            name: triplet_ceiling(features, judged, negative=negative, moments=moments)
            for name, (negative, moments) in TRIPLETS.items()
        }
        advance(note="ceiling")
    return Judgement(
        frames=len(judged),
        single_phase=int((~shown).sum()),
        films=len(np.unique(judged.trajectory)),
        recipes=judged.recipes,
        scores=scores,
        ceiling=ceiling,
        layered_recipes=len(np.unique(judged.recipe[bench.layered])),
        published_baselines={} if published is None else published_baselines(published),
        notes=tuple(notes),
    )


class _Bench:
    """What all embeddings are measured on."""

    def __init__(
        self,
        judged: JudgedFrames,
        shown: NDArray[np.bool_],
        published: PublishedFrames | None,
        equal: Mapping[str, EqualSet],
        seed: int,
    ) -> None:
        self.judged = judged
        self.shown = shown
        self.published = published
        self.equal = equal
        self.seed = seed
        self.nuisance = nuisance_frames(judged, seed=seed)
        features = known_features(judged.frames[shown], boundary=judged.boundary)
        self.pairs, self.differences = known_differences(features, seed=seed)
        self.layered = layered_films(judged)

    def measure(self, embedding: Embedding) -> tuple[Scores, Vectors]:
        """All measures of one embedding, and its vectors of the judged frames."""
        judged = self.judged
        started = time.perf_counter()
        vectors = checked_vectors(embedding(judged.frames, boundary=judged.boundary), count=len(judged))
        seconds = time.perf_counter() - started
        correlation = {
            name: rank_correlation(vectors[self.shown], values, self.pairs)
            for name, values in self.differences.items()
        }
        published, shape = self.published, judged.shape
        predicted, correlated = None, None
        if published is not None:
            own, mirrored = embed_published(embedding, published, shape=shape)
            predicted = predict_targets(own, mirrored, published)
            correlated = correlate_published(own, published, shape=shape, seed=self.seed)
        relevants: tuple[Relevant, ...] = ("recipe_and_moment", "recipe")
        scores = Scores(
            baseline=embedding.baseline,
            dimensions=vectors.shape[1],
            milliseconds=1e3 * seconds / len(judged),
            triplets={
                name: recipe_triplets(vectors, judged, negative=negative, moments=moments)
                for name, (negative, moments) in TRIPLETS.items()
            },
            nuisance=self._nuisance(embedding),
            correlation=correlation,
            retrieval={
                relevant: retrieval(vectors, judged, relevant=relevant, seed=self.seed)
                for relevant in relevants
            },
            equal_sets=self._equal_sets(embedding),
            decoding=(
                judge_decoding(embedding.encoder, judged, seed=self.seed)
                if isinstance(embedding, Latents) and embedding.decodes
                else None
            ),
            prediction=predicted,
            published_correlation=correlated,
        )
        return scores, vectors

    def _nuisance(self, embedding: Embedding) -> NuisanceRatio:
        boundary, posed = self.judged.boundary, self.nuisance
        return nuisance_ratio(
            embedding(posed.frames, boundary=boundary),
            embedding(posed.mirrored, boundary=boundary),
            None if posed.rolled is None else embedding(posed.rolled, boundary=boundary),
            posed.pairs,
        )

    def _equal_sets(self, embedding: Embedding) -> dict[str, Share]:
        found = {
            name: equal_triplets(embedding(equal.frames, boundary=BOUNDARY), equal)
            for name, equal in self.equal.items()
        }
        if len(self.layered):
            judged, films = self.judged, self.judged.frames[self.layered]
            found["upside down"] = upside_down_triplets(
                embedding(films, boundary=judged.boundary),
                embedding(np.ascontiguousarray(films[:, ::-1]), boundary=judged.boundary),
                judged.recipe[self.layered],
                judged.trajectory[self.layered],
            )
        return found
