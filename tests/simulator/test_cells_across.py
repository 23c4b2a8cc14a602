"""Whether cells resolve the interfaces of a film, the warning where they do not, and what it advises."""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.envs import DryingEnv
from morphsim.errors import InputError, ResolutionWarning
from morphsim.frames import DatasetConfig, FilmConfig, make_dataset, simulate_film
from morphsim.simulator import (
    PROCESSES,
    AnnealingRecipe,
    DryingRecipe,
    Recipe,
    VapourAnnealingRecipe,
    find_process,
    record_film,
)
from morphsim.simulator.cells import MOST_FINER_CELLS, solver_cells
from morphsim.simulator.materials import MATERIALS
from morphsim.simulator.resolution import (
    FEWEST_CELLS,
    REFUSED_BELOW,
    cells_across,
    check_resolution,
    finest_interface,
    resolving_cells,
)
from morphsim.simulator.thermodynamics import TernaryMixture, critical_chi, fastest_wave, interface

SHIPPED: dict[str, Recipe] = {
    **{name: find_process(name).recipe() for name in PROCESSES},
    **{
        f"{name} {process}": find_process(process).recipe_of(material, {})
        for name, material in MATERIALS.items()
        for process in PROCESSES
        if find_process(process).suits(material)
    },
}


def message_of(recipe: Recipe, cells: tuple[int, int]) -> str:
    """What is said of a film on its cells; empty if nothing."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            check_resolution([(recipe, cells)])
        except InputError as error:
            return str(error)
    assert all(each.category is ResolutionWarning for each in given)
    return str(given[0].message) if given else ""


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("shape", [(100, 400), (48, 192), (16, 32)])
def test_default_cells_resolve_what_is_shipped(name: str, shape: tuple[int, int]) -> None:
    recipe = SHIPPED[name]
    cells = solver_cells(recipe, shape)
    assert cells_across(recipe, cells) >= FEWEST_CELLS
    assert message_of(recipe, cells) == ""
    if shape == (100, 400):
        assert cells == find_process(recipe.process).cells(recipe, shape)


def test_the_interface_of_an_annealed_film_is_that_of_theory() -> None:
    recipe = AnnealingRecipe(chi=3.4, initial_thickness=0.5)
    flat = interface(recipe)
    assert flat is not None
    found = finest_interface(recipe)
    assert found.width == pytest.approx(2.0 * flat.width)
    assert found.depth == pytest.approx(4.0 * flat.width)


def test_the_interface_of_a_dry_film_is_that_of_its_solids() -> None:
    recipe = DryingRecipe(residual_solvent=0.01)
    flat = interface(recipe)
    assert flat is not None
    assert finest_interface(recipe).width == pytest.approx(2.0 * flat.width, rel=0.01)


@pytest.mark.parametrize("solvent", [0.0, 0.3, 0.6])
def test_solids_with_solvent_have_the_energy_of_the_binary_mixture(solvent: float) -> None:
    mixture = TernaryMixture(
        chi=1.2, n_donor=20.0, n_acceptor=5.0, chi_donor_solvent=0.3, chi_acceptor_solvent=0.7, barrier=1e-3
    )
    share = np.linspace(0.1, 0.9, 9)
    if solvent == 0.0:
        assert mixture.at_solvent(0.0) == mixture.dry_edge()
        return
    solids = 1.0 - solvent
    whole = mixture.density(np.stack([share * solids, (1 - share) * solids, np.full(9, solvent)], axis=-1))
    binary = mixture.at_solvent(solvent).density(np.stack([share, 1 - share], axis=-1))
    difference = whole - solids * binary
    np.testing.assert_allclose(np.diff(difference, 2), 0.0, atol=1e-12)


def test_a_wave_that_grows_counts_as_an_interface() -> None:
    # The polymer and the solvent demix, while the solids mix at any share.
    recipe = DryingRecipe(chi=0.0, chi_donor_solvent=1.5, n_donor=100.0, chi_slope=0.0, barrier=0.0)
    assert recipe.chi < critical_chi(recipe.n_donor, recipe.n_acceptor)
    wave = fastest_wave(recipe, (0.1, 0.1, 0.8), mobility=1.0)
    assert wave is not None
    assert finest_interface(recipe).width <= 2.0 / math.pi * wave.wavelength * (1.0 + 1e-6)


def test_mixed_films_need_no_cells() -> None:
    recipe = AnnealingRecipe(chi=1.5)
    assert cells_across(recipe, (2, 2)) == math.inf
    assert message_of(recipe, (2, 2)) == ""
    assert resolving_cells(recipe, (3, 7)) == (3, 7)


def test_films_of_one_dimension_are_resolved_along_it_alone() -> None:
    assert cells_across(DryingRecipe(), (1, 400)) == pytest.approx(5.36, abs=0.05)
    assert math.isfinite(cells_across(DryingRecipe(), (48, 1)))
    assert cells_across(DryingRecipe(), (1, 1)) == math.inf
    assert solver_cells(DryingRecipe(), (1, 100))[0] == 1


RECIPES = st.one_of(
    st.builds(
        DryingRecipe,
        chi=st.floats(0.6, 3.0),
        kappa=st.floats(1e-6, 1e-2),
        n_donor=st.floats(5.0, 200.0),
        width=st.floats(0.5, 8.0),
        initial_thickness=st.floats(0.2, 2.0),
    ),
    st.builds(
        AnnealingRecipe, chi=st.floats(1.5, 5.0), kappa=st.floats(1e-6, 1e-2), width=st.floats(0.5, 8.0)
    ),
    st.builds(VapourAnnealingRecipe, kappa=st.floats(1e-6, 1e-2), ambient_vapour=st.floats(0.0, 0.9)),
)


@given(recipe=RECIPES, cells=st.tuples(st.integers(1, 120), st.integers(1, 500)))
@settings(max_examples=60, deadline=None)
def test_what_the_warning_advises_silences_it(recipe: Recipe, cells: tuple[int, int]) -> None:
    across = cells_across(recipe, cells)
    message = message_of(recipe, cells)
    assert bool(message) == (across < FEWEST_CELLS * (1.0 - 1e-9))
    if not message:
        return
    assert f"kappa {recipe.kappa:g}" in message
    assert "{} x {}".format(*cells) in message
    finer = re.search(r"use cells (\d+) x (\d+) or more", message)
    larger = re.search(r"kappa (\S+) or larger", message)
    assert finer or larger
    if finer:
        advised = int(finer[1]), int(finer[2])
        assert message_of(recipe, advised) == ""
        # No fewer would do, beyond the rounding of their numbers to fast transforms.
        fewer = tuple(
            side if side == own else int(0.7 * side) for side, own in zip(advised, cells, strict=True)
        )
        assert message_of(recipe, fewer) != ""  # type: ignore[arg-type]
    if larger:
        assert message_of(replace(recipe, kappa=float(larger[1])), cells) == ""


def test_coarse_films_are_warned_of_and_hopeless_ones_refused() -> None:
    coarse = {"seed": 0, "frames": 1, "shape": (12, 48), "cells": (12, 48)}
    recipe = AnnealingRecipe(duration=1e-3)
    assert REFUSED_BELOW < cells_across(AnnealingRecipe(kappa=2e-3), (12, 48)) < FEWEST_CELLS
    with pytest.warns(
        ResolutionWarning, match=r"kappa 0.002 .* 12 x 48 cells.*use cells .* or kappa"
    ) as given:
        list(record_film(replace(recipe, kappa=2e-3), **coarse))  # type: ignore[arg-type]
    assert given[0].filename == __file__
    with pytest.raises(InputError, match=r"kappa 1e-05 .* 12 x 48 cells.*use cells .* or kappa"):
        next(record_film(replace(recipe, kappa=1e-5), **coarse))  # type: ignore[arg-type]
    list(record_film(recipe, resolution="ignore", **coarse))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="resolution"):
        next(record_film(recipe, seed=0, resolution="maybe"))  # type: ignore[arg-type]


def test_a_sharp_film_in_a_small_frame_is_not_made_in_silence() -> None:
    recipe = DryingRecipe(kappa=1e-6)
    cells = solver_cells(recipe, (50, 100))
    assert cells == (16, 100), "finer cells would be too many to choose them unasked"
    assert np.prod(resolving_cells(recipe, cells)) > MOST_FINER_CELLS
    with pytest.raises(InputError, match=r"kappa 1e-06 .* 16 x 100 cells"):
        next(record_film(recipe, seed=0, shape=(50, 100)))


def test_commands_refuse_and_warn(tmp_path) -> None:  # type: ignore[no-untyped-def]
    film = FilmConfig(
        process="annealing", set=("kappa=2e-3", "duration=1e-3"), cells=(12, 48), shape=(12, 48), frames=1,
        animation="none", out=tmp_path / "film",
    )  # fmt: skip
    with pytest.warns(ResolutionWarning, match="or kappa") as given:
        simulate_film(film, show_progress=False)
    assert len(given) == 1
    with pytest.raises(InputError, match="kappa 1e-06"):
        simulate_film(replace(film, set=("kappa=1e-6",), out=tmp_path / "refused"), show_progress=False)
    assert not (tmp_path / "refused").exists()


def test_a_data_set_is_warned_of_once(tmp_path) -> None:  # type: ignore[no-untyped-def]
    plan = DatasetConfig(
        process="annealing", set=("duration=1e-3",), grid=("kappa=2e-3,3e-3,0.05",), replicas=2, frames=1,
        shape=(12, 48), cells=(12, 48), out=tmp_path / "films.h5",
    )  # fmt: skip
    with pytest.warns(
        ResolutionWarning, match="too few cells for 2 of 3 recipes; in the worst kappa 0.002"
    ) as given:
        make_dataset(plan, show_progress=False)
    assert len(given) == 1
    with pytest.raises(InputError, match="for 1 of 2 recipes; in the worst kappa 1e-06"):
        make_dataset(replace(plan, grid=("kappa=1e-6,0.05",), out=tmp_path / "none.h5"), show_progress=False)
    assert list(tmp_path.iterdir()) == [tmp_path / "films.h5"]


def test_environments_look_at_the_films_that_they_may_draw() -> None:
    kappa, cells = 1.5e-3, (16, 64)
    DryingEnv(recipe={"kappa": kappa}, shape=cells, cells=cells)
    with pytest.warns(ResolutionWarning, match="for 1 of 2 recipes") as given:
        env = DryingEnv(recipe={"kappa": kappa}, shape=cells, cells=cells, randomize={"chi": (1.0, 2.0)})
    assert given[0].filename == __file__
    env.reset(seed=0)
    with pytest.raises(InputError, match=r"kappa 1e-06 .* 16 x 64 cells"):
        DryingEnv(recipe={"kappa": 1e-6}, shape=cells, cells=cells)
    usual = DryingEnv(shape=cells).cells
    assert DryingEnv(shape=cells, randomize=True).cells > usual > cells
