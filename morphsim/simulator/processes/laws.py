"""Laws shared by processes: how temperature and substrate enter the model of a film."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

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

SubstrateLaw = Literal["share", "fraction"]
"""What a substrate prefers: a donor share of the solids, or a volume fraction of donor."""
SUBSTRATE_LAWS: tuple[SubstrateLaw, ...] = get_args(SubstrateLaw)


def chi_at(recipes: Sequence[Recipe], temperature: Values) -> Values:
    """Donor-acceptor interaction parameter at `temperature` [K]: χ + B (1/T - 1/T_ref).

    Either one temperature for each recipe, (B,), or any number of them, (n,), for a single recipe.
    """
    at_reference = np.array([r.chi for r in recipes])
    slope = np.array([r.chi_slope for r in recipes])
    return np.asarray(at_reference + slope * _inverse_temperature(recipes, temperature))


def substrate_of(
    recipes: Sequence[Recipe], grid: Grid, laws: Sequence[SubstrateLaw] | None = None
) -> Substrate | None:
    """The substrate's energy, in which stripes prefer w and 1 - w alternately.

    Of dry films f_w = h (φ_d - w)². Of films with a solvent, by their law, `fraction`: the same; `share`:
    f_w = h [φ_d - w (φ_d + φ_a)]², which prefers the phase whose solids hold the share w of donor.

    Args:
        recipes: with the strength h and the donor w.
        grid: of the films.
        laws: of films of two solutes, one each.
    """
    if not any(r.substrate_strength > 0.0 for r in recipes):
        return None
    x = (np.arange(grid.shape[1]) + 0.5) * grid.dx
    donor, strength = np.empty((2, len(recipes), grid.shape[1]))
    for film, recipe in enumerate(recipes):
        donor[film], strength[film] = recipe.substrate_donor, recipe.substrate_strength
        if recipe.substrate_period > 0.0:
            second = np.floor(2.0 * x / recipe.substrate_period) % 2 == 1
            donor[film, second] = 1.0 - recipe.substrate_donor

    def tensor(values: Values) -> Tensor:
        return torch.as_tensor(values).to(grid.device, grid.dtype)

    if laws is None:
        return Substrate(tensor(-2.0 * strength * donor)[:, None], tensor(strength)[:, None])
    # h (a φ_d - b φ_a - c)²
    shared = np.array([law == "share" for law in laws])[:, None]
    a, b, c = np.where(shared, 1.0 - donor, 1.0), np.where(shared, donor, 0.0), np.where(shared, 0.0, donor)
    linear, quadratic = np.stack((-2.0 * a * c, 2.0 * b * c), 1), np.stack((a * a, b * b), 1)
    strength = strength[:, None]
    return Substrate(
        tensor(strength * linear), tensor(strength * quadratic), tensor(-2.0 * strength[:, 0] * a * b)
    )


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
