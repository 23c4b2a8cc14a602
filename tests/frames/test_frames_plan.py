from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.frames import DatasetConfig


def plan_of(tmp_path, **options):
    return DatasetConfig(**{"out": tmp_path / "a.h5", "process": "annealing", **options}).plan()


def test_the_grid_is_a_product_with_replicas(tmp_path):
    plan = plan_of(tmp_path, grid=("chi=2.4,3", "blend_ratio=0.4,0.5,0.6"), set=("width=2",), replicas=2)
    assert plan.films == 12
    recipes = [plan.film_recipe(film) for film in range(12)]
    assert [recipe.chi for recipe in recipes] == [2.4] * 6 + [3.0] * 6
    assert [recipe.blend_ratio for recipe in recipes] == [0.4, 0.4, 0.5, 0.5, 0.6, 0.6] * 2
    assert {recipe.width for recipe in recipes} == {2.0}
    assert plan.recipe["process"] == "annealing"
    assert not plan.recipe.keys() & {"chi", "blend_ratio"}


@given(seed=st.integers(0, 2**40), film=st.integers(0, 1000))
def test_each_film_has_a_seed_of_its_own(tmp_path_factory, seed, film):
    plan = plan_of(tmp_path_factory.getbasetemp(), seed=seed, replicas=2000)
    value = plan.film_seed(film)
    assert value == plan.film_seed(film) == int(float(value))
    assert value != plan.film_seed(film + 1)


def test_options_override_a_recipe_file(tmp_path):
    file = tmp_path / "recipes.toml"
    file.write_text(
        'process = "drying"\nreplicas = 3\nsolvent = 0.6\nchi = 1\n'
        '[grid]\nevaporation = [1, 2.0]\nmobility = ["wodo", "negi"]\n'
    )
    plan = plan_of(tmp_path, process=None, recipes=file)
    assert (plan.films, plan.replicas) == (12, 3)
    assert plan.recipe["solvent"] == 0.6
    assert plan.grid == {"evaporation": [1.0, 2.0], "mobility": ["wodo", "negi"]}
    plan = plan_of(
        tmp_path,
        process=None,
        recipes=file,
        replicas=1,
        set=("evaporation=3", "chi=0.5"),
        grid=("solvent=0.5,0.7",),
    )
    assert plan.films == 4
    assert (plan.recipe["evaporation"], plan.recipe["chi"]) == (3.0, 0.5)
    assert set(plan.grid) == {"mobility", "solvent"}


def test_equal_plans_are_equal_however_numbers_are_written(tmp_path):
    file = tmp_path / "recipes.toml"
    file.write_text("[grid]\nchi = [3, 2.50]")
    plan = plan_of(tmp_path, recipes=file)
    assert plan.to_json() == plan_of(tmp_path, grid=("chi=3.0,2.5",)).to_json()
    assert plan.differences(plan.to_json()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 4}, "seed is 0 there and 4 here"),
        ({"shape": (5, 6)}, r"shape is \[100, 400\] there and \[5, 6\] here"),
        ({"cells": (5, 6)}, r"cells is None there and \[5, 6\] here"),
        ({"set": ("width=3",)}, "recipe width is 4.0 there and 3.0 here"),
        ({"grid": ("chi=3.0,2.5",)}, "grid chi"),
        ({"grid": ("blend_ratio=0.5",)}, "grid chi is .* there and missing here"),
        ({"grid": ("noise=0.01,0.02", "chi=2.5,3.0")}, "order chi, noise there and noise, chi here"),
    ],
)
def test_differences_are_named(tmp_path, options, words):
    first = plan_of(tmp_path, grid=("chi=2.5,3.0", "noise=0.01,0.02"))
    second = plan_of(tmp_path, **{"grid": ("chi=2.5,3.0", "noise=0.01,0.02"), **options})
    assert any(re.search(words, text) for text in second.differences(first.to_json()))
    for text in ("", "[]", "{"):
        assert second.differences(text) == ["its plan can't be read"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"process": None}, "--process annealing or drying"),
        ({"process": "boiling"}, "'boiling'"),
        ({"cells": (0, 6)}, "height of cells is 0; it must be a whole number from 1 to 8192"),
        ({"cells": (8000, 8000)}, "cells 8000 x 8000 has 64000000 cells; at most 16777216 are possible"),
        ({"process": ["drying"]}, "the process is \\['drying'\\]"),
        ({"grid": ("chi",)}, "not of the form"),
        ({"grid": ("chi=",)}, "not of the form"),
        ({"grid": ("chi=2,a",)}, "must be a number"),
        ({"grid": ("chi=2,nan",)}, "chi is nan"),
        ({"grid": ("chi=2,99",)}, "must lie from"),
        ({"grid": ("chi=2,2.0",)}, "twice"),
        ({"grid": ("chi=2", "chi=3")}, "twice"),
        ({"grid": ("spin=2",)}, "no parameter 'spin'"),
        ({"grid": ("chi=2",), "set": ("chi=3",)}, "both set and varied"),
        ({"grid": ("boundary=periodic,no-flux",)}, "boundary can't be varied"),
        ({"set": ("spin=2",)}, "no parameter 'spin'"),
        ({"set": ("chi",)}, "not of the form"),
        ({"replicas": 0}, "replicas is 0"),
        ({"replicas": 10**7}, "from 1 to 1000000"),
        ({"frames": 0}, "frames is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"shape": (0, 4)}, "shape"),
        ({"threshold": 0.0}, "threshold"),
        ({"device": "tpu"}, "tpu"),
    ],
)
def test_bad_configurations(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        plan_of(tmp_path, **options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chi = ", "TOML"),
        ("[grid]\nchi = 3", "must be a list"),
        ("[grid]\nchi = []", "must be a list"),
        ("[grid]\nchi = [true]", "must be a list"),
        ("[grid]\nchi = [[1]]", "must be a list"),
        ("grid = 3", "table"),
        ("chi = '3'", "must be a number"),
        ("spin = 3", "no parameter"),
        ("replicas = 1.5", "whole number"),
        ("replicas = true", "whole number"),
    ],
)
def test_bad_recipe_files(tmp_path, text, words):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        plan_of(tmp_path, recipes=tmp_path / "a.toml")
    assert "a.toml" in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        plan_of(tmp_path, recipes=tmp_path / "none.toml")


def test_films_of_another_simulator_never_mix(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    monkeypatch.setattr("morphsim.frames.plan.simulator_digest", lambda process: "0123456789abcdef")
    (difference,) = plan_of(tmp_path).differences(plan.to_json())
    assert difference.startswith("simulator is")


def test_a_plan_is_json(tmp_path):
    plan = plan_of(tmp_path, grid=("chi=2.5,3.0",))
    assert json.loads(plan.to_json())["grid"] == {"chi": [2.5, 3.0]}
