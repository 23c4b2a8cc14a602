"""The ruler: does it tell recipes apart, and does it agree with the latent distance?

    python benchmarks/ruler.py [--recipes 48] [--films 4] [--seed 0] [--json] [--quick]

Drying films of random recipes (evaporation 0.05 to 3, evenly in the logarithm, temperature 283 to 323 K,
blend ratio 0.35 to 0.65) are made with several noise seeds each. The ruler is fitted on the last frames of
one half of the recipes; everything is measured on the other half. `triplets` is the share of triplets in
which a film of the same recipe is nearer than one of another, with its 95 % interval over recipes, and the
rank correlation is that of the distances with the ruler's: of each family alone, of chords, tortuosity and
two-point correlation together, of the latents of the default encoder and of the pixels. `spread` is the
standard deviation between recipes over that within a recipe of each descriptor, from the films of the fit.
Every film is also a target for the others: it is reproducible if the films of its own recipe are, in the
median, at no more than half the distance of those of other recipes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from _harness import BenchmarkOptions, Outcome, Target, run, say, table
from numpy.typing import NDArray

from morphsim import load_encoder
from morphsim.errors import InputError
from morphsim.frames import binarise, mirror, roll
from morphsim.similarity.evaluation import EvaluationFrames, rank_correlation, recipe_triplets
from morphsim.similarity.regret import screen_targets
from morphsim.similarity.ruler import FAMILIES, FamilyName, Ruler
from morphsim.simulator import DryingRecipe, record_film

SHAPE = (100, 400)
INDEPENDENT: tuple[FamilyName, ...] = ("chords", "tortuosity", "two_point")
"""Families that hold least of what an encoder is trained to see."""
RULER, INDEPENDENT_NAME, ENCODER, PIXELS = (
    "ruler",
    "chords, tortuosity, two_point",
    "default encoder",
    "pixel error",
)
_EVAPORATION, _TEMPERATURE, _BLEND = (0.05, 3.0), (283.15, 323.15), (0.35, 0.65)


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure the ruler on dried films."""

    recipes: int = 48
    """Random recipes; half of them to fit on."""
    films: int = 4
    """Films of each recipe, with different noise."""
    seed: int = 0
    """Of recipes and noise."""


def random_recipe(random: np.random.Generator) -> DryingRecipe:
    """Draw a recipe."""
    return DryingRecipe(
        evaporation=float(np.exp(random.uniform(*np.log(_EVAPORATION)))),
        temperature=float(random.uniform(*_TEMPERATURE)),
        blend_ratio=float(random.uniform(*_BLEND)),
    )


def make_films(options: Options) -> EvaluationFrames:
    """Make the films and keep their last frames."""
    random = np.random.default_rng(options.seed)
    frames = []
    for number in range(options.recipes):
        recipe = random_recipe(random)
        say(f"recipe {number + 1} of {options.recipes}")
        for film in range(options.films):
            seed = (options.seed * options.recipes + number) * options.films + film
            *_, last = record_film(recipe, seed=seed, frames=2, shape=SHAPE)
            frames.append(binarise(last.share))
    return EvaluationFrames(
        frames=np.stack(frames),
        recipe=np.repeat(np.arange(options.recipes), options.films),
        moment=np.zeros(len(frames), np.int64),
        trajectory=np.arange(len(frames)),
        boundary=recipe.boundary,
    )


def invariance(ruler: Ruler, frames: NDArray[np.uint8], seed: int) -> float:
    """Largest distance of a frame from itself rolled and mirrored."""
    random = np.random.default_rng(seed)
    moved = np.stack(
        [
            mirror(roll(frame[None], int(random.integers(SHAPE[1])), boundary="periodic"))[0]
            for frame in frames
        ]
    )
    return float(ruler.distance(frames, moved).max())


def reproducible(apart: NDArray[Any], recipe: NDArray[np.int64]) -> dict[str, int]:
    """Screen every film as a target of the others."""
    same = recipe[:, None] == recipe
    np.fill_diagonal(same, False)
    other = recipe[:, None] != recipe
    screened = screen_targets(
        [row[mask] for row, mask in zip(apart, same, strict=True)],
        [row[mask] for row, mask in zip(apart, other, strict=True)],
    )
    return {"reproducible": screened.kept, "irreproducible": screened.dropped}


def measure(options: Options) -> Outcome:
    """Fit on half of the recipes and measure on the other half."""
    if options.quick:
        options = replace(options, recipes=8, films=3)
    if options.recipes < 4 or options.films < 2:
        raise InputError(
            f"{options.recipes} recipes of {options.films} films; give at least 4 recipes of 2 films"
        )
    encoder = load_encoder("default")
    films = make_films(options)
    fitted, judged = (films.select(films.recipe % 2 == half) for half in (0, 1))
    ruler = Ruler.fit(fitted.frames, fitted.recipe, boundary=films.boundary)
    started = time.perf_counter()
    vectors = {RULER: ruler.vectors(judged.frames)}
    milliseconds = 1e3 * (time.perf_counter() - started) / len(judged)
    for family in FAMILIES:
        vectors[family] = ruler.select(family).vectors(judged.frames)
    vectors[INDEPENDENT_NAME] = ruler.select(*INDEPENDENT).vectors(judged.frames)
    vectors[ENCODER] = encoder.encode(judged.frames).astype(np.float64)
    vectors[PIXELS] = judged.frames.reshape(len(judged), -1).astype(np.float64)
    triplets = {name: recipe_triplets(each, judged).to_dict() for name, each in vectors.items()}
    first, second = np.triu_indices(len(judged), 1)
    apart = ruler.distances(judged.frames, judged.frames)
    same = (judged.recipe[first] == judged.recipe[second]).nonzero()
    correlation = {
        name: rank_correlation(each, apart[first, second], np.stack([first, second], axis=1))
        for name, each in vectors.items()
        if name != RULER
    }
    moved = invariance(ruler, judged.frames, options.seed)
    results = {
        "shape": list(SHAPE),
        "recipes_of_the_fit": fitted.recipes,
        "recipes_measured": judged.recipes,
        "films_of_each": options.films,
        "milliseconds_per_frame": milliseconds,
        "rms_distance_within_a_recipe": float(np.sqrt((apart[first, second][same] ** 2).mean())),
        "median_distance_between_recipes": float(np.median(apart[judged.recipe[:, None] != judged.recipe])),
        "largest_distance_rolled_and_mirrored": moved,
        "targets": reproducible(apart, judged.recipe),
        "triplets": {
            name: {
                "triplets": [found[end] for end in ("value", "low", "high")],
                "rank_correlation_with_the_ruler": correlation.get(name),
            }
            for name, found in triplets.items()
        },
        "spread": spread(ruler),
    }
    rows = [
        (name, found["value"], found["low"], found["high"], correlation.get(name))
        for name, found in triplets.items()
    ]
    header = ("triplets", "share", "from", "to", "rank correlation with the ruler")
    own = triplets[RULER]["value"]
    targets = [
        Target("same-recipe triplets of the ruler", own, ">=", 0.95),
        Target("the same, less those of the pixel error", own - triplets[PIXELS]["value"], ">=", 0.05),
        Target(
            f"same-recipe triplets of {INDEPENDENT_NAME} alone",
            triplets[INDEPENDENT_NAME]["value"],
            ">=",
            0.9,
        ),
        Target("rank correlation with the latent distance", correlation[ENCODER], ">=", 0.7),
        Target("largest distance of a frame from itself rolled and mirrored", moved, "<=", 1e-9),
        Target("seconds for 1000 frames", milliseconds, "<=", 60.0),
    ]
    return Outcome(results, targets, f"{table(header, rows)}\n\n{spread_table(ruler)}")


def ratio(ruler: Ruler) -> NDArray[np.float64]:
    """(D,) spread between recipes over that within a recipe; NaN where films of a recipe are all equal."""
    varying = ruler.within > 0.0
    return np.divide(ruler.between, ruler.within, out=np.full(len(varying), np.nan), where=varying)


def spread(ruler: Ruler) -> Mapping[str, Any]:
    """The ratio of each descriptor, by family."""
    families, ratios = np.array(ruler.families), ratio(ruler)
    return {
        family: {
            "between_over_within": ratios[families == family].tolist(),
            "names": list(np.array(ruler.names)[families == family]),
        }
        for family in FAMILIES
    }


def spread_table(ruler: Ruler) -> str:
    """The spreads of all descriptors."""
    rows = zip(ruler.names, ruler.within.tolist(), ruler.between.tolist(), ratio(ruler).tolist(), strict=True)
    return table(("descriptor", "within", "between", "ratio"), list(rows))


if __name__ == "__main__":
    sys.exit(run("ruler", Options, measure))
