"""Films in equilibrium have the interfaces and phases of the phase diagram."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from morphsim.simulator import (
    AnnealingRecipe,
    BinaryFloryHuggins,
    ConstantMobility,
    Evaporation,
    FilmModel,
    Grid,
    OnsagerMobility,
    Solver,
    TernaryFloryHuggins,
    WodoMobility,
)
from morphsim.simulator.core.mobility import Mobility
from morphsim.simulator.thermodynamics import (
    DoubleWellMixture,
    TernaryMixture,
    binodal,
    interface,
)
from tests.simulator.simulator_helpers import column, double_well, lowering, make_grid


def strip(cells: int, width: float) -> tuple[Grid, Tensor]:
    """A grid of one row between walls, and x [same unit as width] from its middle."""
    grid = make_grid((1, cells), width, "no-flux")
    return grid, (torch.arange(cells, dtype=torch.float64) + 0.5) * grid.dx - 0.5 * width


def test_a_flat_interface_of_the_double_well_is_the_analytic_one() -> None:
    grid, x = strip(128, 40.0)
    solver = Solver(double_well(grid), 0.5 + 0.2 * torch.tanh(x / 6.0)[None, None, None])
    lowering(solver, np.geomspace(0.01, 300.0, 20))
    expected = 0.5 + 0.2 * torch.tanh(np.sqrt(0.2) * x)
    assert float((solver.fields()[0, 0, 0] - expected).abs().max()) < 1e-4
    assert solver.free_energy()[0] == pytest.approx(0.0477, rel=0.005)
    of_theory = interface(DoubleWellMixture(), kappa=2.0)
    assert of_theory is not None
    assert solver.free_energy()[0] == pytest.approx(of_theory.energy, rel=1e-4)


def test_a_relaxed_binary_film_has_the_phases_of_the_phase_diagram() -> None:
    chi, kappa = 2.8, 4e-4
    phases = binodal(AnnealingRecipe(chi=chi))
    assert phases is not None
    for mobility in (ConstantMobility(column(1.0)[None]), OnsagerMobility(column(1.0))):
        grid, x = strip(128, 0.6)
        model = FilmModel(grid, BinaryFloryHuggins(column(chi)), mobility, column(kappa)[None])
        solver = Solver(model, 0.5 + 0.25 * torch.tanh(x / 0.05)[None, None, None])
        # In equilibrium, growing steps fluctuate within the tolerance.
        lowering(solver, np.geomspace(1e-4, 1.0, 20), rise=1e-8)
        fields = solver.fields()[0, 0, 0].numpy()
        assert (fields[0], fields[-1]) == pytest.approx(phases, abs=1e-3)


@pytest.mark.parametrize(("closure", "step"), [("constant", 0.01), ("wodo", 0.03)])
def test_a_relaxed_ternary_film_has_phases_at_the_ends_of_a_tie_line(closure: str, step: float) -> None:
    mixture = TernaryMixture(
        n_donor=5, n_acceptor=5, chi=1.0, chi_donor_solvent=0.3, chi_acceptor_solvent=0.6, barrier=1e-3
    )
    energy = TernaryFloryHuggins(
        column(5.0), column(5.0), column(1.0), column(0.3), column(0.6), column(1e-3)
    )
    grid, x = strip(96, 1.0)
    wall = torch.tanh(x / 0.1)
    fields = torch.stack((0.42 + 0.3 * wall, 0.42 - 0.3 * wall))[None, :, None]
    mobility: Mobility = ConstantMobility(column(0.1)[None].expand(1, 2, 1, 1))
    evaporation = None
    if closure == "wodo":
        mobility = WodoMobility(column(5.0)[None].expand(1, 2, 1, 1), column(1e-3), column(1.0))
        zero = torch.zeros(1, dtype=torch.float64)
        evaporation = Evaporation(biot=zero, ambient=zero)
    kappa = column(2e-4)[None].expand(1, 2, 1, 1)
    solver = Solver(FilmModel(grid, energy, mobility, kappa, evaporation), fields)
    # Equal steps converge to equilibrium; growing steps keep fluctuating within the tolerance.
    lowering(solver, step * np.arange(1, 701), rise=1e-12)

    ends = solver.fields()[0, :, 0][:, [0, -1]].T.numpy()
    ends = np.column_stack((ends, 1.0 - ends.sum(axis=1)))
    assert ends[1, 0] > 0.6 > 0.2 > ends[0, 0]
    potentials = mixture.chemical_potentials(ends)
    assert potentials[0] == pytest.approx(potentials[1], abs=1e-4)
    lines = binodal(mixture)
    # The tie line with the same solvent in its donor-rich end, interpolated between two computed ones.
    order = np.argsort(lines[:, 1, 2])
    solvent = lines[order, 1, 2]
    assert solvent[0] < ends[1, 2] < solvent[-1]
    for end in range(2):
        for component in range(3):
            expected = np.interp(ends[1, 2], solvent, lines[order, end, component])
            assert ends[end, component] == pytest.approx(expected, abs=2e-4)
