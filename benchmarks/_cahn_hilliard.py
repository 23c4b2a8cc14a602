"""The spinodal decomposition of PFHub's first benchmark, for this package's solver.

    ∂c/∂t = M ∇² [ f'(c) - κ ∇²c ],  f = ρ (c - 0.3)² (0.7 - c)²,  ρ = 5, κ = 2, M = 5

on a grid whose cells have the size 1, with their centres at 1/2, 3/2, ... Jokisaari et al.,
Comput. Mater. Sci. 126 (2017) 139, doi 10.1016/j.commatsci.2016.09.022.
"""

from __future__ import annotations

import torch
from torch import Tensor

from morphsim.simulator.core.energy import DoubleWell
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.mobility import ConstantMobility
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.core.solver import Solver
from morphsim.types import Boundary

HEIGHT = 5.0
LOW, HIGH = 0.3, 0.7
KAPPA = 2.0
MOBILITY = 5.0


def initial_field(shape: tuple[int, int]) -> Tensor:
    """The benchmark's initial composition c at the cells' centres, (H, W) float64; x runs along W."""
    y, x = torch.meshgrid(*(torch.arange(cells, dtype=torch.float64) + 0.5 for cells in shape), indexing="ij")
    cos = torch.cos
    return 0.5 + 0.01 * (
        cos(0.105 * x) * cos(0.11 * y)
        + (cos(0.13 * x) * cos(0.087 * y)) ** 2
        + cos(0.025 * x - 0.15 * y) * cos(0.07 * x - 0.02 * y)
    )


def make_solver(
    shape: tuple[int, int],
    *,
    boundary: Boundary,
    depth_boundary: Boundary,
    tolerance: float,
    dtype: torch.dtype,
) -> Solver:
    """Build the solver at its start; it is made of one film with one field, H high and W wide.

    Args:
        shape: (H, W) in cells of the size 1.
        boundary: along W.
        depth_boundary: along H.
        tolerance: of the solver.
        dtype: of the fields.
    """
    height, width = shape
    grid = Grid(
        shape,
        width=float(width),
        boundary=boundary,
        depth_boundary=depth_boundary,
        dtype=dtype,
        device=torch.device("cpu"),
    )
    one = torch.ones((1, 1, 1), dtype=dtype)
    model = FilmModel(
        grid,
        DoubleWell(HEIGHT * one, LOW * one, HIGH * one),
        ConstantMobility(MOBILITY * one[None]),
        kappa=KAPPA * one[None],
    )
    fields = initial_field(shape)[None, None].to(dtype)
    return Solver(model, fields, thickness=float(height), tolerance=tolerance)
