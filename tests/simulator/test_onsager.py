"""The Onsager closure: linear growth, positive mobility, mass and energy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.simulator import (
    AnnealingRecipe,
    BinaryFloryHuggins,
    DryingRecipe,
    FilmModel,
    OnsagerMobility,
    Simulation,
    Solver,
)
from tests.simulator.simulator_helpers import column, lowering, make_grid


def test_a_ripple_under_the_onsager_closure_grows_at_the_linear_rate() -> None:
    blend, chi, kappa = 0.4, 3.0, 4e-4
    grid = make_grid((4, 128), 0.25, "periodic")
    k = 2.0 * np.pi / 0.125
    ripple = torch.cos(k * (torch.arange(128, dtype=torch.float64) + 0.5) * grid.dx).expand(1, 1, 4, 128)
    model = FilmModel(
        grid, BinaryFloryHuggins(column(chi)), OnsagerMobility(column(1.0)), column(kappa)[None]
    )
    solver = Solver(model, blend + 2e-4 * ripple, tolerance=1e-4)
    amplitudes, times = [], [1e-3, 3e-3]
    for time in times:
        solver.advance(time=time)
        amplitudes.append(float((solver.fields() * ripple).mean() * 2.0))
    # The five-point Laplacian of the wave.
    squared = (2.0 / grid.dx * np.sin(0.5 * k * grid.dx)) ** 2
    curvature = 1.0 / blend + 1.0 / (1.0 - blend) - 2.0 * chi
    rate = -blend * (1.0 - blend) * squared * (curvature + kappa * squared)
    assert rate > 100.0
    assert np.log(amplitudes[1] / amplitudes[0]) / 2e-3 == pytest.approx(rate, rel=0.005)


@settings(max_examples=100, deadline=None)
@given(donor=st.floats(1e-4, 1.0 - 2e-4), share=st.floats(1e-4, 1.0 - 1e-4), size=st.floats(1e-3, 10.0))
def test_the_ternary_onsager_matrix_never_drives_a_flux_uphill(
    donor: float, share: float, size: float
) -> None:
    phi = torch.tensor([donor, (1.0 - donor) * share], dtype=torch.float64)[None, :, None, None]
    mobility = OnsagerMobility(column(size))
    diagonal, cross = mobility(phi).flatten(), mobility.cross(phi)
    assert cross is not None
    assert float(cross) < 0.0
    matrix = torch.diag(diagonal)
    matrix[0, 1] = matrix[1, 0] = float(cross)
    assert float(torch.linalg.eigvalsh(matrix).min()) >= -1e-15 * size


@pytest.mark.parametrize("process", ["annealing", "drying"])
def test_films_of_the_onsager_closure_keep_mass_and_lose_energy(process: str) -> None:
    recipe: AnnealingRecipe | DryingRecipe
    if process == "annealing":
        recipe, end = AnnealingRecipe(mobility="onsager", kappa=2e-3, width=1.0), 0.1
    else:
        recipe = DryingRecipe(
            mobility="onsager", n_donor=5, solvent=0.3, evaporation=0.0, thermal_noise=0.0, kappa=1e-3,
            width=1.0,
        )  # fmt: skip
        end = 3.0
    # In equilibrium the energy moves by 1e-8 at the default tolerance.
    film = Simulation([recipe], seeds=[1], shape=(24, 32), dtype="float64", tolerance=5e-4)
    before = film.solute_mass()
    lowering(film, np.geomspace(end / 1000.0, end, 40))
    assert float(film.fields().std()) > 0.1
    assert np.abs(film.solute_mass() / before - 1.0).max() < 1e-13
