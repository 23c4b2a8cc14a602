"""Ternary films: from the parts of a model to the arrays of the compiled right-hand side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.backends.base import CellRates, FilmEquations
from morphsim.simulator.backends.numba.arrays import Array, as_array, stretched
from morphsim.simulator.backends.numba.film import (
    CONSTANT,
    FAST_MODE,
    NEGI,
    ONSAGER,
    SLOW_MODE,
    WODO,
    film_rates,
)
from morphsim.simulator.core.energy import TernaryFloryHuggins
from morphsim.simulator.core.exact_types import ExactTypes
from morphsim.simulator.core.mobility import (
    ConstantMobility,
    FastModeMobility,
    NegiMobility,
    OnsagerMobility,
    SlowModeMobility,
    WodoMobility,
)
from morphsim.simulator.core.substrate import Substrate

Closure = tuple[int, tuple[Array, ...]]
"""The number of a closure in `film_rates`, and at most four parameters (B or 1, 1, 1)."""

Wall = tuple[Array, Array, Array]
"""The arrays of the substrate that `film_rates` takes, (B, 2, W), (B, 2, W) and (B, W)."""

CLOSURES: ExactTypes[Callable[[Any, TernaryFloryHuggins], Closure | None]] = ExactTypes()
"""The compiled closures, by the class of the mobility."""


_NUMBERS = 12


def ternary_rates(film: FilmEquations, phi: Tensor, thickness: Tensor, speed: Tensor) -> CellRates | None:
    """See `Backend.cell_rates`; None for parameters or a mobility that the loop can't take."""
    arrays = film_arrays(film, phi)
    if arrays is None:
        return None
    grid = film.grid
    kind, numbers, wall = arrays
    out, mobility = phi.new_empty(phi.shape), phi.new_empty(phi.shape)
    cross, stiffness = phi.new_empty(phi[:, 0].shape), phi.new_empty((phi.shape[0], 2, 2))
    film_rates(
        phi.contiguous().numpy(),
        thickness.numpy(),
        speed.numpy(),
        numbers,
        *wall,
        kind,
        grid.boundary == "periodic",
        grid.dx,
        grid.dtheta,
        out.numpy(),
        mobility.numpy(),
        cross.numpy(),
        stiffness.numpy(),
    )
    bounds = stiffness[..., None, None]
    return CellRates(out, bounds[:, 0], bounds[:, 1], mobility, cross if kind >= ONSAGER else None)


def film_arrays(film: FilmEquations, phi: Tensor) -> tuple[int, Array, Wall] | None:
    """Closure, numbers (B, 12), and the arrays of the substrate; None if the loop can't take them.

    They are made anew each time, since a user may write into the tensors of a model.
    """
    energy, find = film.energy, CLOSURES.find(film.mobility)
    if find is None or phi.shape[1] != 2 or film.grid.depth_boundary == "periodic":
        return None
    assert isinstance(energy, TernaryFloryHuggins)
    closure = find(film.mobility, energy)
    if closure is None:
        return None
    kind, of_mobility = closure
    kappa = as_array(film.kappa)
    columns = (
        as_array(energy.n_donor),
        as_array(energy.n_acceptor),
        as_array(energy.chi_donor_acceptor),
        as_array(energy.chi_donor_solvent),
        as_array(energy.chi_acceptor_solvent),
        as_array(energy.barrier),
        kappa[:, 0],
        kappa[:, -1],
        *of_mobility,
    )
    films = phi.shape[0]
    # Numbers that a closure doesn't have are 0, so that loops are compiled for one shape.
    numbers = np.zeros((films, _NUMBERS), np.float32 if phi.dtype == torch.float32 else np.float64)
    for place, values in enumerate(columns):
        # Loops don't check where an array ends: an array of another length must not get there.
        if values.size != 1 and values.shape != (films, 1, 1):
            return None
        numbers[:, place] = values.reshape(-1)
    return kind, numbers, _wall(film.substrate, (films, 2, phi.shape[-1]), numbers.dtype)


def _wall(substrate: Substrate | None, shape: tuple[int, int, int], dtype: Any) -> Wall:
    if substrate is None:
        neutral = np.zeros(shape, dtype)
        return neutral, neutral, np.zeros_like(neutral[:, 0])
    linear, quadratic = (
        np.ascontiguousarray(stretched(as_array(part), shape), dtype)
        for part in (substrate.linear, substrate.quadratic)
    )
    if substrate.cross is None:
        return linear, quadratic, np.zeros_like(linear[:, 0])
    product = stretched(as_array(substrate.cross), (shape[0], shape[2]))
    return linear, quadratic, np.ascontiguousarray(product, dtype)


def _wodo(mobility: WodoMobility, energy: TernaryFloryHuggins) -> Closure | None:
    if not _same_chains(mobility, energy):
        return None
    return WODO, (as_array(mobility.scale), as_array(mobility.solid))


def _negi(mobility: NegiMobility, energy: TernaryFloryHuggins) -> Closure | None:
    if not _same_chains(mobility, energy):
        return None
    diffusivities = as_array(mobility.scale)[:, None] * as_array(mobility.diffusivities)
    return NEGI, (diffusivities[:, 0], diffusivities[:, -1])


def _onsager(mobility: OnsagerMobility, energy: TernaryFloryHuggins) -> Closure:
    value = as_array(mobility.value)
    return ONSAGER, (value, value)


def _fast_mode(mobility: FastModeMobility, energy: TernaryFloryHuggins) -> Closure:
    return FAST_MODE, _tracers(mobility)


def _slow_mode(mobility: SlowModeMobility, energy: TernaryFloryHuggins) -> Closure:
    return SLOW_MODE, _tracers(mobility)


def _tracers(mobility: FastModeMobility | SlowModeMobility) -> tuple[Array, ...]:
    friction = as_array(mobility.friction)
    slowing = -np.log(as_array(mobility.solid))
    return (friction[:, 0], friction[:, -1], as_array(mobility.scale), slowing)


def _constant(mobility: ConstantMobility, energy: TernaryFloryHuggins) -> Closure:
    value = as_array(mobility.value)
    return CONSTANT, (value[:, 0], value[:, -1])


def _same_chains(mobility: WodoMobility | NegiMobility, energy: TernaryFloryHuggins) -> bool:
    """Whether a closure has the chain lengths of the energy, from which the loop takes them."""
    lengths = as_array(mobility.chain_lengths)
    donor, acceptor = as_array(energy.n_donor), as_array(energy.n_acceptor)
    return bool((lengths[:, 0] == donor).all() and (lengths[:, -1] == acceptor).all())


CLOSURES.register(WodoMobility, _wodo)
CLOSURES.register(NegiMobility, _negi)
CLOSURES.register(OnsagerMobility, _onsager)
CLOSURES.register(FastModeMobility, _fast_mode)
CLOSURES.register(SlowModeMobility, _slow_mode)
CLOSURES.register(ConstantMobility, _constant)
