"""The benchmark of the ruler: its measures on known distances, and that it runs by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import ruler
from _harness import run
from benchmark_scripts import quick_result

from morphsim.similarity.ruler import FAMILIES


@pytest.mark.slow
def test_a_quick_run_measures_everything() -> None:
    found = quick_result("ruler", timeout=240.0)
    results = found["results"]
    assert results["recipes_of_the_fit"] == results["recipes_measured"] == 4
    assert list(results["triplets"]) == [
        ruler.RULER,
        *FAMILIES,
        ruler.INDEPENDENT_NAME,
        ruler.ENCODER,
        ruler.PIXELS,
    ]
    shares = {name: row["triplets"][0] for name, row in results["triplets"].items()}
    # What a recipe sets is told apart by the ruler, and worse by pixels.
    assert shares[ruler.RULER] > max(0.8, shares[ruler.PIXELS])
    assert results["triplets"][ruler.RULER]["rank_correlation_with_the_ruler"] is None
    assert results["largest_distance_rolled_and_mirrored"] < 1e-9
    assert sum(results["targets"].values()) == 12
    assert set(results["spread"]) == set(FAMILIES)
    assert [len(row["names"]) for row in results["spread"].values()] == [2, 10, 8, 4, 4, 4, 10]
    names = [target["name"] for target in found["targets"]]
    assert len(names) == len(set(names)) == 6


def test_targets_are_screened_by_the_other_films_of_their_recipe() -> None:
    recipe = np.array([0, 0, 1, 1])
    apart = np.full((4, 4), 4.0)
    apart[0, 1] = apart[1, 0] = 1.0
    apart[2, 3] = apart[3, 2] = 3.0
    np.fill_diagonal(apart, 0.0)
    assert ruler.reproducible(apart, recipe) == {"reproducible": 2, "irreproducible": 2}


def test_recipes_are_drawn_inside_their_ranges() -> None:
    random = np.random.default_rng(0)
    drawn = [ruler.random_recipe(random) for _ in range(200)]
    assert all(0.05 <= each.evaporation <= 3.0 for each in drawn)
    assert all(283.15 <= each.temperature <= 323.15 and 0.35 <= each.blend_ratio <= 0.65 for each in drawn)
    # Evenly in the logarithm, half of them lie below the geometric mean.
    below = np.mean([each.evaporation < np.sqrt(0.05 * 3.0) for each in drawn])
    assert 0.4 < below < 0.6


@pytest.mark.parametrize("words", [["--recipes", "3"], ["--films", "1"]])
def test_bad_options(capsys: Any, words: list[str]) -> None:
    assert run("ruler", ruler.Options, ruler.measure, words) == 2
    assert "give at least 4 recipes of 2 films" in capsys.readouterr().err
