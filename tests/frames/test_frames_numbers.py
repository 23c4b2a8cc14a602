"""Impossible numbers are refused before any work, with one line that names them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.checks import MOST_CELLS, MOST_SEED, is_finite_number, whole_number
from morphsim.device import most_parallel, set_threads
from morphsim.errors import InputError
from morphsim.frames import DatasetConfig, make_dataset
from morphsim.frames.simulate import FilmConfig
from morphsim.simulator import (
    AnnealingRecipe,
    Grid,
    Simulation,
    Units,
    load_recipe,
    recipe_from_dict,
    record_film,
)

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.integers(min_value=2**62, max_value=2**70),
    st.booleans(),
    st.sampled_from([0, 1, 2, 50, 0.5, 1e-9, 1e308, 5e-7, math.nan, math.inf, "3", None, 10**400]),
)
WHOLE = st.one_of(st.integers(-5, 70), NUMBERS)


@settings(max_examples=150, deadline=None)
@given(
    frames=WHOLE,
    seed=WHOLE,
    threshold=NUMBERS,
    shape=st.tuples(WHOLE, WHOLE),
    cells=st.none() | st.tuples(WHOLE, WHOLE),
    length_nm=NUMBERS,
    diffusivity=NUMBERS,
    temperature=NUMBERS,
)
def test_a_film_is_refused_or_plausible(
    frames: Any,
    seed: Any,
    threshold: Any,
    shape: Any,
    cells: Any,
    length_nm: Any,
    diffusivity: Any,
    temperature: Any,
) -> None:
    config = FilmConfig(
        process="annealing",
        set=(f"temperature={temperature}",),
        frames=frames,
        shape=shape,
        cells=cells,
        seed=seed,
        threshold=threshold,
        length_nm=length_nm,
        diffusivity=diffusivity,
    )
    try:
        recipe = config.film_recipe()
        units = config.units(recipe.process)
    except InputError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 700
        return
    assert isinstance(recipe, AnnealingRecipe)
    assert 200.0 <= recipe.temperature <= 600.0
    assert 0 <= seed <= MOST_SEED
    assert 0.0 < threshold < 1.0
    assert 1 <= math.prod(shape) <= MOST_CELLS
    assert 1 <= math.prod(cells or (1, 1)) <= MOST_CELLS
    assert 1 <= frames * math.prod(shape) <= 2**28
    assert 1.0 <= units.length_nm <= 1e6
    assert math.isfinite(units.time_s)
    assert units.time_s > 0.0


@settings(max_examples=100, deadline=None)
@given(replicas=WHOLE, frames=WHOLE, seed=WHOLE, shape=st.tuples(WHOLE, WHOLE))
def test_a_data_set_is_refused_or_plausible(replicas: Any, frames: Any, seed: Any, shape: Any) -> None:
    config = DatasetConfig(
        out=Path("none.h5"), process="drying", replicas=replicas, frames=frames, seed=seed, shape=shape
    )
    try:
        plan = config.plan()
    except InputError:
        return
    assert 1 <= plan.films <= 1_000_000
    assert plan.frames * math.prod(plan.shape) <= 2**28
    assert 0 <= plan.seed <= MOST_SEED


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(["chi", "width", "duration", "kappa", "temperature"]), value=NUMBERS)
def test_a_recipe_is_refused_or_in_range(name: str, value: Any) -> None:
    try:
        recipe = recipe_from_dict({"process": "annealing", name: value})
    except InputError:
        return
    low, high = AnnealingRecipe.__dataclass_fields__[name].metadata["range"]
    assert low <= getattr(recipe, name) <= high


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"length_nm": 5e-7}, r"length_nm is 5e-07; .* did you mean 500 \(5e-07 m\)\?"),
        ({"length_nm": 0.5}, r"did you mean 500 \(0.5 µm\)\?"),
        ({"length_nm": 1e308}, r"a number of nm from 1 to 1e\+06$"),
        ({"length_nm": 10**400}, "length_nm is a whole number of over 30 digits"),
        ({"length_nm": "500"}, "length_nm is '500'"),
        ({"diffusivity": 100.0}, r"did you mean 1e-10 \(100 µm\^2/s\)\?"),
        ({"diffusivity": math.nan}, "diffusivity is nan"),
    ],
)
def test_scales_of_another_unit(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Units(**{"length_nm": 500.0, "diffusivity": 1e-10, **values})


def test_a_temperature_names_its_unit() -> None:
    said = r"temperature is 150 K; it must lie from 200 to 600 K; did you mean 423\.15 \(150 °C\)\?"
    with pytest.raises(InputError, match=said):
        AnnealingRecipe(temperature=150.0)
    simulation = Simulation([AnnealingRecipe()], seeds=[0], shape=(2, 2))
    with pytest.raises(InputError, match=r"from 200 to 600 K; did you mean 423\.15"):
        simulation.set_knobs(temperature=150.0)


def test_a_parameter_that_looks_like_another() -> None:
    with pytest.raises(InputError, match=r"annealing has no parameter 'ch'; did you mean 'chi'\?$"):
        recipe_from_dict({"process": "annealing", "ch": 3.0})
    for texts in ({"set": ("ch=3",)}, {"grid": ("ch=3,4",)}):
        with pytest.raises(InputError, match=r"no parameter 'ch'; did you mean 'chi'\?$"):
            DatasetConfig(out=Path("none.h5"), process="annealing", **texts).plan()


@pytest.mark.parametrize("count", [0, -1, 100_000, 10**9, True, 2.0])
def test_threads_and_workers_have_a_limit(count: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"threads is .* from 1 to {most_parallel()}"):
        set_threads(count)
    with pytest.raises(InputError, match=f"workers is .* from 1 to {most_parallel()}"):
        make_dataset(DatasetConfig(out=tmp_path / "a.h5", process="drying", workers=count))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(0, 4), (-1, 4), (10**9, 1), (5000, 5000), (4,), 4, (2.0, 4), (True, 4)])
def test_shapes_that_are_impossible(shape: Any) -> None:
    with pytest.raises(InputError, match="shape"):
        Simulation([AnnealingRecipe()], seeds=[0], shape=shape)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True, "0"])
def test_seeds(seed: Any) -> None:
    with pytest.raises(InputError, match="seed"):
        Simulation([AnnealingRecipe()], seeds=[seed], shape=(2, 2))


def test_numbers_that_are_too_large() -> None:
    assert whole_number("seed", MOST_SEED, 0, MOST_SEED) == MOST_SEED
    assert not is_finite_number(10**400)
    assert not is_finite_number(True)
    with pytest.raises(InputError, match="seed is a whole number of over 30 digits"):
        whole_number("seed", 10**5000, 0, MOST_SEED)
    with pytest.raises(InputError, match="frames is 1000000000000"):
        next(record_film(AnnealingRecipe(), seed=0, frames=10**12))


def test_a_boundary_that_is_not_a_name() -> None:
    boundary: Any = ["periodic"]
    with pytest.raises(InputError, match="boundary is"):
        Grid((2, 2), width=1.0, boundary=boundary, dtype=torch.float32, device=torch.device("cpu"))


def test_a_recipe_nested_without_end(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("process = 'drying'\nx = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(InputError, match="nested at most 32 deep"):
        load_recipe(path)
