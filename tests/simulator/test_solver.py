"""The free energy of a `Solver`, and checks of its initial fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator import (
    Evaporation,
    FilmModel,
    Solver,
    Substrate,
)
from morphsim.types import Boundary
from tests.simulator.simulator_helpers import double_well, make_grid


def benchmark_field(cells: int) -> Tensor:
    """The initial field of PFHub's benchmark 1 on 200 x 200, (1, 1, H, W)."""
    at = (torch.arange(cells, dtype=torch.float64) + 0.5) * (200.0 / cells)
    x, y = at[None, :], at[:, None]
    waves = torch.cos(0.105 * x) * torch.cos(0.11 * y)
    waves = waves + (torch.cos(0.13 * x) * torch.cos(0.087 * y)) ** 2
    waves = waves + torch.cos(0.025 * x - 0.15 * y) * torch.cos(0.07 * x - 0.02 * y)
    return (0.5 + 0.01 * waves)[None, None]


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_the_free_energy_is_a_direct_sum(boundary: Boundary) -> None:
    grid = make_grid((50, 64), 200.0, boundary, boundary)
    fields = torch.nn.functional.interpolate(benchmark_field(64), size=(50, 64), mode="nearest")
    solver = Solver(double_well(grid), fields, thickness=200.0)
    c = fields[0, 0].numpy()
    density = 5.0 * (c - 0.3) ** 2 * (0.7 - c) ** 2
    if boundary == "periodic":
        power = np.abs(np.fft.fft2(c, norm="ortho")) ** 2
        kx, kz = (2 * np.pi * np.fft.fftfreq(n, 200.0 / n) for n in (64, 50))
    else:
        power = scipy.fft.dctn(c, norm="ortho") ** 2
        kx, kz = (np.pi * np.arange(n) / 200.0 for n in (64, 50))
    gradients = power * (kx[None, :] ** 2 + kz[:, None] ** 2)
    expected = (density.sum() + 0.5 * 2.0 * gradients.sum()) * (200.0 / 64) * (200.0 / 50)
    assert solver.free_energy()[0] == pytest.approx(expected, rel=1e-12)


def test_the_free_energy_of_the_benchmark_s_initial_field_is_the_integral() -> None:
    # Between walls the cosine modes represent the field to second order in the cell size.
    fine = benchmark_field(800)[0, 0].numpy()
    slopes = sum((slope**2 for slope in np.gradient(fine, 0.25)), np.zeros_like(fine))
    expected = (5.0 * (fine - 0.3) ** 2 * (0.7 - fine) ** 2 + slopes).sum() * 0.25**2
    solver = Solver(
        double_well(make_grid((200, 200), 200.0, "no-flux")), benchmark_field(200), thickness=200.0
    )
    assert solver.free_energy()[0] == pytest.approx(expected, rel=1e-3)


FIELDS = torch.full((1, 1, 8, 12), 0.5, dtype=torch.float64)


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        (FIELDS[0], {}, r"shape \(1, 8, 12\); they must be \(films, components, 8, 12\)"),
        (FIELDS[..., :6], {}, r"shape \(1, 1, 8, 6\); they must be \(films, components, 8, 12\)"),
        (FIELDS[:0], {}, r"shape \(0, 1, 8, 12\)"),
        (FIELDS * float("nan"), {}, "fields hold NaN or infinity"),
        (FIELDS * float("inf"), {}, "fields hold NaN or infinity"),
        (FIELDS, {"thickness": 0.0}, r"thickness is 0\.0; it must be above 0"),
        (FIELDS, {"thickness": [-1.0]}, r"thickness is \[-1\.0\]; it must be above 0"),
        (FIELDS, {"thickness": float("nan")}, "thickness is nan; it must be above 0"),
        (FIELDS, {"thickness": [1.0, 2.0]}, "2 values are given for 1 films"),
        (FIELDS, {"tolerance": 0.0}, r"tolerance is 0\.0; it must lie above 0 and up to 0\.5"),
        (FIELDS, {"tolerance": 0.6}, r"tolerance is 0\.6"),
        (FIELDS, {"tolerance": float("nan")}, "tolerance is nan"),
    ],
)
def test_the_solver_refuses_invalid_initial_fields(
    fields: Tensor, options: dict[str, Any], message: str
) -> None:
    model = double_well(make_grid((8, 12), 12.0, "periodic"))
    assert len(Solver(model, FIELDS)) == 1
    with pytest.raises(InputError, match=message) as caught:
        Solver(model, fields, **options)
    assert "\n" not in str(caught.value)


def test_a_block_that_is_periodic_in_depth_has_no_surface() -> None:
    grid = make_grid((8, 12), 12.0, "periodic", "periodic")
    model = double_well(grid)
    one = torch.ones(1, dtype=torch.float64)
    wall = torch.ones((1, 1, 12), dtype=torch.float64)
    for parts in ({"evaporation": Evaporation(one, 0 * one)}, {"substrate": Substrate(wall, wall)}):
        with pytest.raises(InputError, match="periodic in depth has neither surface nor substrate"):
            FilmModel(grid, model.energy, model.mobility, model.kappa, **parts)  # type: ignore[arg-type]
