"""Films stay within the tolerance of the simplex, and stalled films end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from morphsim.simulator import AnnealingRecipe, DryingRecipe, Recipe, Simulation, SimulationDiverged
from morphsim.simulator.core.control import OUTSIDE
from morphsim.simulator.core.mobility import OnsagerMobility
from morphsim.simulator.core.stall import LEAST_PROGRESS, WATCHED_TRIES, StallWatch


def lowest_on_the_way(
    recipe: Recipe, seed: int, shape: tuple[int, int], tries: int
) -> tuple[Simulation, float]:
    """Advance a film trial step by trial step, and return its smallest fraction."""
    film = Simulation([recipe], seeds=[seed], shape=shape)
    assert isinstance(recipe, AnnealingRecipe | DryingRecipe)
    until = film.each(recipe.duration, torch.device("cpu"))
    end = recipe.dry_thickness if isinstance(recipe, DryingRecipe) else 0.0
    lowest = film.each(end, torch.device("cpu"))
    active = torch.ones(1, dtype=torch.bool)
    found = float("inf")
    for _ in range(tries):
        film.stepper.step(film.state, until - film.state.time, lowest, active)
        found = min(found, float(film.state.smallest[0]))
        phi = film.fields()
        found = min(found, float(phi.min()), 1.0 - float(phi.sum(dim=1).max()))
        if bool(film.state.time >= until) or (film.process == "drying" and film.dry[0]):
            break
    return film, found


@pytest.mark.parametrize(
    "recipe",
    [
        # Regressions: each of these once left the simplex by 0.0012 to 0.06.
        DryingRecipe(evaporation=3.0, mobility="negi"),
        DryingRecipe(evaporation=1.0, mobility="onsager"),
        DryingRecipe(evaporation=3.0, mobility="negi", n_donor=1.0, chi=0.5, residual_solvent=0.01,
                     substrate_strength=0.02, chi_donor_solvent=0.1),
        DryingRecipe(evaporation=3.0, barrier=1e-4, n_donor=200.0, n_acceptor=100.0, chi=3.0,
                     solid_diffusivity=1e-5, thermal_noise=0.0, substrate_strength=0.0),
        DryingRecipe(evaporation=3.0, barrier=0.0, thermal_noise=1e-6, n_donor=200.0),
        DryingRecipe(solvent=0.95, n_donor=100.0, barrier=1e-4, substrate_strength=0.02, substrate_donor=0.05,
                     substrate_period=1.0),
        AnnealingRecipe(mobility="onsager", chi=5.0, kappa=2e-4, thermal_noise=1e-6),
        # The ends of ranges.
        DryingRecipe(n_donor=1000.0, evaporation=1.0),
        DryingRecipe(n_donor=1000.0, n_acceptor=1000.0, mobility="fast-mode", evaporation=0.01, duration=1e4),
        DryingRecipe(chi_donor_solvent=-1.0, chi_acceptor_solvent=-1.0, evaporation=1.0),
        DryingRecipe(mobility="slow-mode", solid_diffusivity=1e-6, diffusivity_exponent=2.0, evaporation=0.1),
    ],
)  # fmt: skip
def test_fields_stay_in_the_simplex_at_every_step(recipe: Recipe) -> None:
    _, lowest = lowest_on_the_way(recipe, 3, (16, 32), 500)
    assert lowest >= -OUTSIDE


def test_components_that_attract_each_other_dry_to_a_mixed_film() -> None:
    recipe = DryingRecipe(
        chi=-1.0, chi_donor_solvent=-1.0, chi_acceptor_solvent=-1.0, thermal_noise=0.0, substrate_strength=0.0
    )
    film = Simulation([recipe], seeds=[3], shape=(24, 48))
    film.advance_to_dryness(1.0, time=recipe.duration)
    assert film.dry[0]
    assert float(film.donor_share().std()) < 0.02


def test_a_film_that_dries_under_an_onsager_mobility_ends() -> None:
    film, lowest = lowest_on_the_way(DryingRecipe(evaporation=1.0, mobility="onsager"), 3, (40, 80), 1500)
    assert film.dry[0]
    assert lowest >= -OUTSIDE


def test_the_onsager_matrix_is_positive_outside_the_simplex() -> None:
    mobility = OnsagerMobility(torch.ones((1, 1, 1), dtype=torch.float64))
    for donor, acceptor in ((0.6, 0.4005), (0.999, 0.01), (-0.001, 1.0), (1.2, 1.2), (-0.1, -0.1)):
        phi = torch.tensor([donor, acceptor], dtype=torch.float64)[None, :, None, None]
        cross = mobility.cross(phi)
        assert cross is not None
        own = mobility(phi)[0, :, 0, 0]
        assert float(own.min()) > 0.0
        assert float(own.prod() - cross[0, 0, 0] ** 2) >= 0.0
        # The remainder of the last component never moves uphill.
        assert float(own.sum() + 2.0 * cross[0, 0, 0]) > 0.0


@pytest.mark.parametrize("shape", [(100, 1), (100, 4), (6, 1), (1, 6)])
def test_narrow_films_dry_under_noise(shape: tuple[int, int]) -> None:
    film, _ = lowest_on_the_way(DryingRecipe(evaporation=3.0), 0, shape, 600)
    assert film.dry[0]


@pytest.mark.parametrize("columns", [2, 4, 8])
def test_narrow_films_are_annealed_under_noise(columns: int) -> None:
    recipe = AnnealingRecipe(
        blend_ratio=0.1, thermal_noise=9.86e-7, chi=0.2505, reference_temperature=335.746,
        initial_thickness=0.25, boundary="no-flux",
    )  # fmt: skip
    film, _ = lowest_on_the_way(recipe, 0, (100, columns), 300)
    assert float(film.state.time[0]) >= recipe.duration


def test_films_that_creep_have_stalled() -> None:
    start: Any = SimpleNamespace(time=torch.zeros(3), thickness=torch.ones(3))
    watch = StallWatch(start, torch.full((3,), 10.0), torch.tensor([0.5, 0.5, 0.0]))
    creep = 10.0 * LEAST_PROGRESS
    now: Any = SimpleNamespace(
        time=torch.tensor([0.5, 2.0, 0.5]) * creep, thickness=torch.tensor([0.9, 1.0, 1.0])
    )
    for _ in range(WATCHED_TRIES - 1):
        assert not watch.stalled(now).any()
    # The first film shrinks, the second advances, the third does neither.
    assert watch.stalled(now).tolist() == [False, False, True]


@pytest.mark.parametrize("tolerate", [False, True])
def test_a_stalled_film_raises_an_error(tolerate: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    film = Simulation([DryingRecipe()] * 2, seeds=[0, 1], shape=(4, 8))

    def creep(state: Any, longest: torch.Tensor, lowest: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        state.time = state.time + torch.where(active, torch.tensor([1e-9, 0.01]), 0.0)
        return active

    monkeypatch.setattr(film.stepper, "step", creep)
    monkeypatch.setattr("morphsim.simulator.core.solver._FEW", -1.0)
    if tolerate:
        assert film.advance(time=1.0, tolerate=True).tolist() == [True, False]
        assert film.time[1] >= 1.0
    else:
        with pytest.raises(SimulationDiverged, match="film 0 can't be advanced"):
            film.advance(time=1.0)
