"""Laws shared by processes: how temperature and substrate enter the model of a film."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.substrate import Substrate
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.units import GAS_CONSTANT

LARGEST_SPEEDUP = 1e6
"""Largest speed-up of diffusion by heat; beyond it the Arrhenius law is not credible."""

Values = np.ndarray[Any, np.dtype[np.float64]]
Knobs = Mapping[str, Values]
"""The present value of each knob, (B,) each."""


def chi_at(recipes: Sequence[Recipe], temperature: Values) -> Values:
    """Donor-acceptor interaction parameter at `temperature` [K]: χ + B (1/T - 1/T_ref).

    Either one temperature for each recipe, (B,), or any number of them, (n,), for a single recipe.
    """
    at_reference = np.array([r.chi for r in recipes])
    slope = np.array([r.chi_slope for r in recipes])
    return np.asarray(at_reference + slope * _inverse_temperature(recipes, temperature))


def substrate_of(recipes: Sequence[Recipe], grid: Grid) -> Substrate | None:
    """The substrate energy f_w = h (φ_d - φ_w)²; stripes prefer φ_w and 1 - φ_w alternately."""
    if not any(r.substrate_strength > 0.0 for r in recipes):
        return None
    fields = len(recipes[0].composition)
    x = (np.arange(grid.shape[1]) + 0.5) * grid.dx
    linear = np.zeros((len(recipes), fields, grid.shape[1]))
    quadratic = np.zeros_like(linear)
    for film, recipe in enumerate(recipes):
        preferred = np.full_like(x, recipe.substrate_donor)
        if recipe.substrate_period > 0.0:
            second = np.floor(2.0 * x / recipe.substrate_period) % 2 == 1
            preferred[second] = 1.0 - recipe.substrate_donor
        quadratic[film, 0] = recipe.substrate_strength
        linear[film, 0] = -2.0 * recipe.substrate_strength * preferred
    parts = (torch.as_tensor(part).to(grid.device, grid.dtype) for part in (linear, quadratic))
    return Substrate(*parts)


def mobility_factor(recipes: Sequence[Recipe], knobs: Knobs) -> Values:
    """Mobilities relative to those at the reference temperature, (B,).

    Raises:
        InputError: a factor above `LARGEST_SPEEDUP`.
    """
    energies = np.array([r.activation_energy for r in recipes])
    factor = arrhenius(recipes, energies, knobs["temperature"])
    if factor.max() > LARGEST_SPEEDUP:
        film = int(factor.argmax())
        raise InputError(
            f"temperature {knobs['temperature'][film]:g} K speeds diffusion up {factor[film]:.3g} times "
            f"relative to reference_temperature {recipes[film].reference_temperature:g} K; at most "
            f"{LARGEST_SPEEDUP:g} can be simulated: lower temperature or activation_energy"
        )
    return factor


def arrhenius(recipes: Sequence[Recipe], energies: Values, temperature: Values) -> Values:
    """exp(-E/R (1/T - 1/T_ref)) of each film, (B,), for energies in kJ/mol."""
    return np.asarray(np.exp(-energies / GAS_CONSTANT * _inverse_temperature(recipes, temperature)))


def _inverse_temperature(recipes: Sequence[Recipe], temperature: Values) -> Values:
    return np.asarray(1.0 / temperature - 1.0 / np.array([r.reference_temperature for r in recipes]))


def columns(grid: Grid) -> Callable[[Any], Tensor]:
    """A function that turns one value per film into a (B, 1, 1) tensor on the grid's device."""
    dtype = np.float32 if grid.dtype == torch.float32 else np.float64

    def column(values: Any) -> Tensor:
        # By numpy, since this is done anew whenever a knob turns.
        return torch.from_numpy(np.array(values, dtype)[:, None, None]).to(grid.device, grid.dtype)

    return column
