"""A blend with its parameters, their sources, and recipes made from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from morphsim.errors import InputError
from morphsim.simulator.core.mobility import MobilityName
from morphsim.simulator.materials.morphology import Finding
from morphsim.simulator.processes.annealing import AnnealingRecipe
from morphsim.simulator.processes.drying import DryingRecipe
from morphsim.simulator.recipe import Scalar
from morphsim.simulator.recipe_io import recipe_from_dict
from morphsim.simulator.units import Units
from morphsim.types import Boundary

Basis = Literal["published", "secondary", "estimate"]
"""Taken from the source itself; taken from other authors who use it; estimated by this project."""

# Factor beyond the measured spin speeds within which the square-root law is used.
_SPEED_MARGIN = 2.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source of some of a material's parameters."""

    parameters: str
    """Which parameters."""
    basis: Basis
    """How they are known."""
    citation: str
    """Authors, journal, volume (year) page, or how an estimate was made."""
    doi: str = ""
    """Digital object identifier, empty for an estimate."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """A blend and, for drying, its solvent. Energies are in RT/V, lengths in h0, as in recipes."""

    name: str
    """The name that `material` takes."""
    description: str
    """The substances."""
    process: Literal["drying", "annealing"]
    """The process to which the parameters apply."""
    blend_ratio: float
    """Donor share of the solids, by volume."""
    chi: float
    """Donor-acceptor interaction parameter at `reference_temperature`."""
    kappa: float
    """Gradient energy coefficient that the recipes use [RT/V h0^2]."""
    published_kappa: float | None = None
    """The published coefficient if `kappa` had to differ from it [RT/V h0^2]."""
    width: float
    """Width of the film [h0]."""
    boundary: Boundary = "periodic"
    """Boundary condition at the left and right ends of the film."""
    reference_temperature: float
    """Temperature at which the parameters are given [K]."""
    units: Units
    """h0 [nm] and diffusivity [m^2/s]."""
    molar_volume: float | None = None
    """Molar volume of the solvent, for the thermal noise [cm^3/mol]; None keeps the recipe's default."""
    depth_nm: float | None = None
    """Depth that a two-dimensional film represents, see `represented_depth` [nm]."""
    duration: float
    """Duration of annealing, or longest drying time [units of time]."""
    n_donor: float = 1.0
    """Chain length of the donor [solvent molecules; acceptor molecules when annealing]."""
    n_acceptor: float = 1.0
    """Chain length of the acceptor, likewise."""
    chi_donor_solvent: float = 0.0
    """Donor-solvent interaction parameter."""
    chi_acceptor_solvent: float = 0.0
    """Acceptor-solvent interaction parameter."""
    barrier: float = 0.0
    """b of the energy that keeps fields away from pure components [RT/V_s]."""
    mobility: MobilityName = "wodo"
    """Closure of the mobilities of a drying film."""
    solid_diffusivity: float = 1e-3
    """Diffusivity without solvent over that in pure solvent."""
    diffusivity_exponent: float = 1.0
    """v of the tracer diffusivities N^-v (closures `fast-mode` and `slow-mode`)."""
    substrate_strength: float = 0.0
    """Strength of the substrate's energy [RT/V h0]; 0 is a neutral substrate."""
    substrate_donor: float = 0.5
    """Donor share of the solids that the substrate prefers."""
    solvent: float = 0.0
    """Initial volume share of solvent."""
    evaporation: float = 0.0
    """Biot number of recipes without a spin speed."""
    spin_speeds: tuple[tuple[float, float], ...] = ()
    """Spin speed [rpm] and Biot number, slowest first; empty if none are published."""
    sources: tuple[Source, ...] = field(default=())
    """Sources of the parameters, by group."""
    remark: str = ""
    """Limitations of the parameters."""
    findings: tuple[Finding, ...] = field(default=())
    """Published properties of the dry films, each with whether simulated films show it."""

    def __post_init__(self) -> None:
        if (self.molar_volume is None) != (self.depth_nm is None):
            raise InputError(f"{self.name} needs both molar_volume and depth_nm for its noise, or neither")

    def biot(self, spin_speed: float) -> float:
        """The Biot number k_e h0 / D_s at `spin_speed` [rpm].

        Exact at the published speeds, with a power law between neighbours. Beyond them it is proportional to
        the square root of the speed, like evaporation into the boundary layer of a rotating disk (Meyerhofer,
        J. Appl. Phys. 49 (1978) 3993, doi 10.1063/1.325357).

        Raises:
            InputError: a speed more than a factor of 2 outside the published ones, or there are none.
        """
        self._check_speed(spin_speed)
        if not self.spin_speeds[0][0] <= spin_speed <= self.spin_speeds[-1][0]:
            speed, biot = self.spin_speeds[0 if spin_speed < self.spin_speeds[0][0] else -1]
            return biot * math.sqrt(spin_speed / speed)
        upper = next(i for i, (speed, _) in enumerate(self.spin_speeds) if i and spin_speed <= speed)
        (slow, low), (fast, high) = self.spin_speeds[upper - 1 : upper + 1]
        share = math.log(spin_speed / slow) / math.log(fast / slow)
        return float(low ** (1.0 - share) * high**share)

    def dry_thickness_ratio(self, spin_speed: float, reference_speed: float) -> float:
        """Ratio of the dry film's thickness at one spin speed to that at another: (ω/ω_ref)^-½.

        Meyerhofer, J. Appl. Phys. 49 (1978) 3993, doi 10.1063/1.325357: h ~ (e/ω²)^⅓ for an evaporation
        rate e, and e ~ ω^½. The films of `drying_recipe` all start at h0, after the stage of radial flow.

        Raises:
            InputError: a speed that `biot` refuses.
        """
        self._check_speed(spin_speed)
        self._check_speed(reference_speed)
        return math.sqrt(reference_speed / spin_speed)

    def spun(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Recipe parameters in which `spin_speed` sets the published drying rate of this material.

        A recipe alone scales evaporation with the square root of the speed. Here the published drying rate
        becomes the recipe's `evaporation`, with the speed itself as the reference.

        Args:
            parameters: of `DryingRecipe`; returned unchanged without `spin_speed`, or with a
                `reference_spin_speed`, which selects the recipe's law.

        Raises:
            InputError: a speed that `biot` refuses, or both a speed and an evaporation.
        """
        found = dict(parameters)
        if "spin_speed" not in found or "reference_spin_speed" in found:
            return found
        if "evaporation" in found:
            raise InputError("spin_speed and evaporation both set the drying rate; give one of them")
        speed = found["spin_speed"]
        if isinstance(speed, bool) or not isinstance(speed, int | float):
            raise InputError(f"spin_speed is {speed!r}; it must be a number [rpm]")
        return found | {"evaporation": self.biot(speed), "reference_spin_speed": speed}

    def drying_recipe(self, *, spin_speed: float | None = None, **overrides: Scalar) -> DryingRecipe:
        """The recipe of a drying film of this material.

        Args:
            spin_speed: sets `evaporation` to the Biot number at this speed [rpm], see `spun`.
            overrides: parameters of `DryingRecipe` to override.

        Raises:
            InputError: the material is for annealing, the speed is out of range, both a speed and an
                evaporation are given, or an override is unknown or out of range.
        """
        self._check_process("drying")
        if spin_speed is not None:
            overrides = self.spun({**overrides, "spin_speed": spin_speed})
        own: dict[str, Scalar] = {
            "solvent": self.solvent,
            "n_donor": self.n_donor,
            "n_acceptor": self.n_acceptor,
            "chi_donor_solvent": self.chi_donor_solvent,
            "chi_acceptor_solvent": self.chi_acceptor_solvent,
            "barrier": self.barrier,
            "mobility": self.mobility,
            "evaporation": self.evaporation,
            "solid_diffusivity": self.solid_diffusivity,
            "diffusivity_exponent": self.diffusivity_exponent,
            "substrate_strength": self.substrate_strength,
            "substrate_donor": self.substrate_donor,
        }
        if self.molar_volume is not None and self.depth_nm is not None:
            own["thermal_noise"] = self.units.thermal_noise(
                molar_volume=self.molar_volume, depth_nm=self.depth_nm
            )
        recipe = recipe_from_dict({"process": "drying", **self._shared(), **own, **overrides})
        assert isinstance(recipe, DryingRecipe)
        return recipe

    def annealing_recipe(self, **overrides: Scalar) -> AnnealingRecipe:
        """The recipe of an annealed film of this material.

        Args:
            overrides: parameters of `AnnealingRecipe` to override.

        Raises:
            InputError: the material is for drying, or an override is unknown or out of range.
        """
        self._check_process("annealing")
        recipe = recipe_from_dict({"process": "annealing", **self._shared(), **overrides})
        assert isinstance(recipe, AnnealingRecipe)
        return recipe

    def _shared(self) -> dict[str, Scalar]:
        return {
            "blend_ratio": self.blend_ratio,
            "chi": self.chi,
            "kappa": self.kappa,
            "width": self.width,
            "boundary": self.boundary,
            "temperature": self.reference_temperature,
            "reference_temperature": self.reference_temperature,
            "duration": self.duration,
        }

    def _check_process(self, process: str) -> None:
        if self.process != process:
            raise InputError(
                f"{self.name} is for {self.process}, not for {process}; use {self.process}_recipe"
            )

    def _check_speed(self, spin_speed: float) -> None:
        if not self.spin_speeds:
            raise InputError(f"{self.name} has no published spin speeds; give evaporation, a Biot number")
        low, high = self.spin_speeds[0][0] / _SPEED_MARGIN, self.spin_speeds[-1][0] * _SPEED_MARGIN
        if not low <= spin_speed <= high:
            raise InputError(
                f"spin_speed is {spin_speed!r} rpm; for {self.name} it must lie from {low:g} to {high:g}"
            )
