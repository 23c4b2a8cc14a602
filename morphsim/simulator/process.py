"""From recipes and knobs to the model that the solver advances."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator.backends import Backend, BackendName, get_backend
from morphsim.simulator.core.energy import BinaryFloryHuggins, TernaryFloryHuggins
from morphsim.simulator.core.evaporation import Evaporation
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.mobility import ConstantMobility, Mobility, OnsagerMobility, named_mobility
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.core.substrate import Substrate
from morphsim.simulator.recipe import AnnealingRecipe, DryingRecipe
from morphsim.simulator.units import GAS_CONSTANT

KNOBS = {"annealing": ("temperature",), "drying": ("evaporation", "ambient_vapour", "temperature")}
"""Parameters that may change while a film is made, by process."""

LARGEST_BIOT = 200.0
"""Faster drying forms a skin that is thinner than a cell."""

LARGEST_SPEEDUP = 1e6
"""Heat that speeds diffusion up by more has left the range in which its Arrhenius law was meant."""

Values = np.ndarray[Any, np.dtype[np.float64]]
Knobs = Mapping[str, Values]
"""The present value of each knob, (B,) each."""


def film_model(
    recipes: Sequence[AnnealingRecipe | DryingRecipe],
    knobs: Knobs,
    grid: Grid,
    *,
    backend: Backend | BackendName = "auto",
) -> FilmModel:
    """The model of films of one process at the present knobs.

    Raises:
        InputError: evaporation or diffusion that is too fast to be simulated.
    """
    annealing = [r for r in recipes if isinstance(r, AnnealingRecipe)]
    drying = [r for r in recipes if isinstance(r, DryingRecipe)]
    if annealing:
        model = _annealing(annealing, knobs, grid, get_backend(backend))
    else:
        model = _drying(drying, knobs, grid, get_backend(backend))
    return dataclasses.replace(model, substrate=_substrate(recipes, grid))


def chi_at(recipes: Sequence[AnnealingRecipe | DryingRecipe], temperature: Values) -> Values:
    """Donor-acceptor interaction parameter at `temperature` [K]: χ + B (1/T - 1/T_ref).

    One temperature for each recipe, (B,), or any number (n,) for a single one.
    """
    at_reference = np.array([r.chi for r in recipes])
    slope = np.array([r.chi_slope for r in recipes])
    return np.asarray(at_reference + slope * _inverse_temperature(recipes, temperature))


def biot_number(recipes: Sequence[DryingRecipe], knobs: Knobs) -> Values:
    """Evaporation rate at the present temperature and the spin speed, as a Biot number, (B,)."""
    enthalpy = np.array([r.evaporation_enthalpy for r in recipes])
    spinning = np.sqrt([r.spin_speed / r.reference_spin_speed for r in recipes])
    return np.asarray(knobs["evaporation"] * spinning * _arrhenius(recipes, enthalpy, knobs["temperature"]))


def _annealing(recipes: Sequence[AnnealingRecipe], knobs: Knobs, grid: Grid, backend: Backend) -> FilmModel:
    column = _columns(grid)
    speed = column(_mobility_factor(recipes, knobs))
    energy = BinaryFloryHuggins(column(chi_at(recipes, knobs["temperature"])))
    mobility: Mobility = ConstantMobility(speed[:, None])
    if recipes[0].mobility == "onsager":
        mobility = OnsagerMobility(speed)
    kappa = column([r.kappa for r in recipes])[:, None]
    return FilmModel(grid, energy, mobility, kappa, backend=backend)


def _drying(recipes: Sequence[DryingRecipe], knobs: Knobs, grid: Grid, backend: Backend) -> FilmModel:
    column = _columns(grid)
    biot = biot_number(recipes, knobs)
    if biot.max() > LARGEST_BIOT:
        film = int(biot.argmax())
        evaporation, kelvin = knobs["evaporation"][film], knobs["temperature"][film]
        raise InputError(
            f"evaporation {evaporation:g} at {kelvin:g} K and {recipes[film].spin_speed:g} rpm is a Biot "
            f"number of {biot[film]:.3g}; at most {LARGEST_BIOT:g} can be simulated: lower evaporation, "
            "temperature or spin_speed"
        )
    lengths = torch.stack((column([r.n_donor for r in recipes]), column([r.n_acceptor for r in recipes])), 1)
    energy = TernaryFloryHuggins(
        n_donor=lengths[:, 0],
        n_acceptor=lengths[:, 1],
        chi_donor_acceptor=column(chi_at(recipes, knobs["temperature"])),
        chi_donor_solvent=column([r.chi_donor_solvent for r in recipes]),
        chi_acceptor_solvent=column([r.chi_acceptor_solvent for r in recipes]),
        barrier=column([r.barrier for r in recipes]),
    )
    composition = np.array([r.composition for r in recipes])
    mobility = named_mobility(
        recipes[0].mobility,
        chain_lengths=lengths,
        solid=column([r.solid_diffusivity for r in recipes]),
        scale=column(_mobility_factor(recipes, knobs)),
        initial=torch.stack((column(composition[:, 0]), column(composition[:, 1])), dim=1),
    )
    evaporation = Evaporation(
        biot=torch.as_tensor(biot, device=grid.device),
        ambient=torch.as_tensor(knobs["ambient_vapour"], device=grid.device),
    )
    kappa = column([r.kappa for r in recipes])[:, None].expand(-1, 2, -1, -1)
    return FilmModel(grid, energy, mobility, kappa, evaporation, backend=backend)


def _substrate(recipes: Sequence[AnnealingRecipe | DryingRecipe], grid: Grid) -> Substrate | None:
    """f_w = h (φ_d - φ_w)² on the donor, with stripes that prefer φ_w and 1 - φ_w in turn."""
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


def _mobility_factor(recipes: Sequence[AnnealingRecipe | DryingRecipe], knobs: Knobs) -> Values:
    energies = np.array([r.activation_energy for r in recipes])
    factor = _arrhenius(recipes, energies, knobs["temperature"])
    if factor.max() > LARGEST_SPEEDUP:
        film = int(factor.argmax())
        raise InputError(
            f"temperature {knobs['temperature'][film]:g} K speeds diffusion up {factor[film]:.3g} times over "
            f"reference_temperature {recipes[film].reference_temperature:g} K; at most {LARGEST_SPEEDUP:g} "
            "can be simulated: lower temperature or activation_energy"
        )
    return factor


def _arrhenius(
    recipes: Sequence[AnnealingRecipe | DryingRecipe], energies: Values, temperature: Values
) -> Values:
    """exp(-E/R (1/T - 1/T_ref)) of each film, (B,), for energies in kJ/mol."""
    return np.asarray(np.exp(-energies / GAS_CONSTANT * _inverse_temperature(recipes, temperature)))


def _inverse_temperature(recipes: Sequence[AnnealingRecipe | DryingRecipe], temperature: Values) -> Values:
    return np.asarray(1.0 / temperature - 1.0 / np.array([r.reference_temperature for r in recipes]))


def _columns(grid: Grid) -> Callable[[Any], Tensor]:
    """A parameter of each film as (B, 1, 1)."""

    def column(values: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.float64).to(grid.device, grid.dtype)[
            :, None, None
        ]

    return column
