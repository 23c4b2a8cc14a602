"""Films of donor, acceptor and solvent that exchange solvent through the free surface."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import numpy as np
import torch

from morphsim.errors import InputError
from morphsim.simulator.backends.base import BackendLike
from morphsim.simulator.core.energy import TernaryFloryHuggins
from morphsim.simulator.core.evaporation import Evaporation
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.mobility import MOBILITIES, MobilityName, named_mobility
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.processes.base import Process
from morphsim.simulator.processes.laws import (
    SUBSTRATE_LAWS,
    Knobs,
    SubstrateLaw,
    Values,
    arrhenius,
    chi_at,
    columns,
    mobility_factor,
    substrate_of,
)
from morphsim.simulator.recipe import Recipe, number_field

TernaryFilms = TypeVar("TernaryFilms", bound="TernaryRecipe")

LARGEST_BIOT = 200.0
"""Largest Biot number; faster drying forms a skin thinner than a cell."""


@dataclass(frozen=True, kw_only=True)
class TernaryRecipe(Recipe):
    """Parameters of a film of donor, acceptor and solvent.

    Energy is in RT/V_s, time in h0^2/D_s, with D_s the diffusivity in pure solvent at the reference
    temperature.
    """

    # Demixing starts at the free surface, and with weak fluctuations every film ends as flat layers. With
    # these fluctuations, a fine interface and a substrate that attracts the donor, domains also form in the
    # bulk, so that control makes a difference.
    substrate_strength: float = number_field(2e-3, 0.0, 0.02)
    """h of the substrate's energy [RT/V h0], see `substrate_law`; 0 is a neutral substrate."""
    # Films that were recorded before there was a choice have the energy of the donor's fraction.
    substrate_law: SubstrateLaw = field(
        default="share", metadata={"choices": SUBSTRATE_LAWS, "before": "fraction"}
    )
    """The substrate's energy, with w = substrate_donor: `share` h [phi_d - w (phi_d + phi_a)]^2 prefers a
    donor share of the solids, however much solvent there is; `fraction` h (phi_d - w)^2 prefers a volume
    fraction of donor, and thus draws donor from any film that holds less of it."""
    thermal_noise: float = number_field(3e-7, 0.0, 1e-6)
    """Strength epsilon of thermal fluctuations: the volume of a molecule over h0 x h0 x the depth of film
    that the two-dimensional simulation represents."""
    solvent: float = number_field(0.8, 0.05, 0.97)
    """Initial volume share of solvent."""
    n_donor: float = number_field(20.0, 1.0, 1000.0)
    """Chain length of the donor [solvent molecules]."""
    n_acceptor: float = number_field(5.0, 1.0, 1000.0)
    """Chain length of the acceptor [solvent molecules]."""
    chi: float = number_field(1.0, -1.0, 3.0)
    """Donor-acceptor interaction parameter at the reference temperature."""
    chi_donor_solvent: float = number_field(0.3, -1.0, 1.5)
    """Donor-solvent interaction parameter."""
    chi_acceptor_solvent: float = number_field(0.3, -1.0, 1.5)
    """Acceptor-solvent interaction parameter."""
    kappa: float = number_field(1e-4, 1e-6, 0.1)
    """Gradient energy coefficient of both solutes [RT/V_s h0^2]."""
    barrier: float = number_field(1e-3, 0.0, 0.02)
    """b of the energy b (1/phi_d + 1/phi_a + 1/phi_s) that keeps fields away from pure components."""
    mobility: MobilityName = field(default="wodo", metadata={"choices": MOBILITIES})
    """Closure of the mobilities."""
    solid_diffusivity: float = number_field(1e-3, 1e-8, 1.0)
    """Diffusivity without solvent relative to that in pure solvent, at the reference temperature (not in
    `negi` and `onsager`)."""
    diffusivity_exponent: float = number_field(1.0, 0.0, 2.5, before=1.0)
    """v of the tracer diffusivities N^-v of the solutes (closures `fast-mode` and `slow-mode`)."""
    evaporation: float = number_field(0.3, 0.0, 20.0)
    """Evaporation rate at the reference temperature, as a Biot number k_e h0 / D_s."""
    evaporation_coefficient: float = number_field(1.0, 0.1, 10.0, before=1.0)
    """Factor of this film on its rate of evaporation: what a laboratory does not know of its flow of air."""
    ambient_vapour: float = number_field(0.0, 0.0, 0.95)
    """Solvent share of a film in equilibrium with the vapour above it; a drier film swells."""
    temperature: float = number_field(298.15, 250.0, 400.0, "K")
    """Temperature of the film [K]."""
    reference_temperature: float = number_field(298.15, 250.0, 400.0, "K")
    """Temperature at which chi, evaporation and the unit of time are given [K]."""
    chi_slope: float = number_field(400.0, -3e3, 3e3, "K")
    """B of chi(T) = chi + B (1/T - 1/T_ref) [K]."""
    activation_energy: float = number_field(12.0, 0.0, 60.0, "kJ/mol")
    """Activation energy of the Arrhenius mobility [kJ/mol]."""
    vitrification_energy: float = number_field(0.0, 0.0, 300.0, "kJ/mol", before=0.0)
    """What the activation energy of diffusion without solvent exceeds `activation_energy` by [kJ/mol]: the
    less solvent a film holds, the more it stiffens as it cools (not in `negi` and `onsager`)."""
    evaporation_enthalpy: float = number_field(38.0, 0.0, 60.0, "kJ/mol")
    """Enthalpy in the temperature dependence of the evaporation rate [kJ/mol]."""

    @property
    def composition(self) -> tuple[float, ...]:
        """Volume fractions of donor and acceptor at the start."""
        solids = 1.0 - self.solvent
        return (self.blend_ratio * solids, (1.0 - self.blend_ratio) * solids)

    @property
    def last_solvent(self) -> float:
        """Volume share of solvent at the end of the process."""
        return self.ambient_vapour

    @property
    def last_thickness(self) -> float:
        """Thickness at the end of the process [h0]."""
        return self.initial_thickness * (1.0 - self.solvent) / (1.0 - self.last_solvent)


class TernaryProcess(Process[TernaryFilms]):
    """What processes of films with a solvent share: the model of a film with a free surface."""

    time_unit = "h0^2/D_s"
    energy_unit = "RT/V_s h0^2"
    components = 2
    thickness_changes = True
    remedy_of_evaporation: ClassVar[str] = "evaporation or temperature"
    """Parameters that slow evaporation down, for an error."""

    @abstractmethod
    def evaporation(self, recipes: Sequence[TernaryFilms], knobs: Knobs) -> Values:
        """Present rates of evaporation at the reference temperature, as Biot numbers, (B,)."""

    def biot(self, recipes: Sequence[TernaryFilms], knobs: Knobs) -> Values:
        """Rates of evaporation of the films at the present temperature, as Biot numbers, (B,)."""
        enthalpy = np.array([r.evaporation_enthalpy for r in recipes])
        rate = np.array([r.evaporation_coefficient for r in recipes]) * self.evaporation(recipes, knobs)
        return np.asarray(rate * arrhenius(recipes, enthalpy, knobs["temperature"]))

    def ambient(self, recipes: Sequence[TernaryFilms], knobs: Knobs) -> Values:
        """Solvent shares of films in equilibrium with the present vapour, (B,)."""
        return knobs["ambient_vapour"]

    def model(
        self, recipes: Sequence[TernaryFilms], knobs: Knobs, grid: Grid, *, backend: BackendLike = "auto"
    ) -> FilmModel:
        """Flory-Huggins energy of three components, the recipe's mobility, and a surface that evaporates.

        Raises:
            InputError: diffusion or evaporation that is too fast to be simulated.
        """
        biot = self.biot(recipes, knobs)
        film = int(biot.argmax())
        if biot[film] > LARGEST_BIOT:
            found = {name: float(values[film]) for name, values in knobs.items()}
            raise InputError(
                f"{self.cause_of_evaporation(recipes[film], found)} gives a Biot number of {biot[film]:.3g}; "
                f"at most {LARGEST_BIOT:g} can be simulated: lower {self.remedy_of_evaporation}"
            )
        column = columns(grid)
        lengths = torch.stack(
            (column([r.n_donor for r in recipes]), column([r.n_acceptor for r in recipes])), 1
        )
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
            exponent=column([r.diffusivity_exponent for r in recipes]),
            solid=column(solid_diffusivity_at(recipes, knobs["temperature"])),
            scale=column(mobility_factor(recipes, knobs)),
            initial=torch.stack((column(composition[:, 0]), column(composition[:, 1])), dim=1),
        )
        evaporation = Evaporation(
            biot=torch.as_tensor(biot, device=grid.device),
            ambient=torch.as_tensor(self.ambient(recipes, knobs), device=grid.device),
        )
        kappa = column([r.kappa for r in recipes])[:, None].expand(-1, 2, -1, -1)
        substrate = substrate_of(recipes, grid, [r.substrate_law for r in recipes])
        return FilmModel(grid, energy, mobility, kappa, evaporation, substrate, backend)

    def cause_of_evaporation(self, recipe: TernaryFilms, knobs: Mapping[str, float]) -> str:
        """What sets the rate of evaporation of a film, for an error."""
        return f"{evaporation_text(recipe, recipe.evaporation)} at {knobs['temperature']:g} K"


def solid_diffusivity_at(recipes: Sequence[TernaryRecipe], temperature: Values) -> Values:
    """Diffusivities without solvent relative to those in pure solvent at `temperature` (B,) [K], (B,).

    D_solid exp[-E_v/R (1/T - 1/T_ref)] with the vitrification energy E_v, at most 1: nothing diffuses faster
    without solvent than in it.
    """
    energies = np.array([r.vitrification_energy for r in recipes])
    at_reference = np.array([r.solid_diffusivity for r in recipes])
    return np.minimum(at_reference * arrhenius(recipes, energies, temperature), 1.0)


def evaporation_text(recipe: TernaryRecipe, evaporation: float) -> str:
    """A rate of evaporation at the reference temperature, with the film's coefficient unless it is 1."""
    factor = "" if recipe.evaporation_coefficient == 1.0 else f"{recipe.evaporation_coefficient:g} times "
    return f"{factor}evaporation {evaporation:g}"
