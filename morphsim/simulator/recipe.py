"""Recipes: everything that decides how a film is made, but for its random noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_type_hints

from morphsim.checks import is_finite_number, shown
from morphsim.errors import InputError
from morphsim.simulator.core.mobility import MOBILITIES
from morphsim.suggest import did_you_mean
from morphsim.text_files import read_toml
from morphsim.types import Boundary

Scalar = float | int | str
_ZERO_CELSIUS = 273.15
AnnealingMobility = Literal["constant", "onsager"]
MobilityName = Literal["wodo", "negi", "onsager", "constant"]


def _number(default: float, low: float, high: float, unit: str = "") -> Any:
    """A float field whose allowed range, and unit for errors, stand beside its default."""
    return field(default=default, metadata={"range": (low, high), "unit": unit})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What both processes share. Values outside the stated ranges raise `InputError`.

    Lengths are in units of the initial film thickness h0; see `Units` for nm, s and K.
    """

    process: ClassVar[str]

    blend_ratio: float = _number(0.5, 0.1, 0.9)
    """Donor share of the solids, by volume."""
    width: float = _number(4.0, 0.05, 64.0, "h0")
    """Width of the film [h0]."""
    initial_thickness: float = _number(1.0, 0.25, 4.0, "h0")
    """Thickness of the film at the start [h0]."""
    boundary: Boundary = field(default="periodic", metadata={"choices": ("periodic", "no-flux")})
    """What happens at the left and right end of the film."""
    noise: float = _number(0.005, 0.0, 0.05)
    """Size of the initial fluctuations: rms in a cell of 0.01 x 0.01 h0 (finer cells see more)."""
    thermal_noise: float = _number(0.0, 0.0, 1e-6)
    """Strength epsilon of the fluctuations while the film is made: a molecule's volume in units of
    h0 x h0 x the depth that the two-dimensional film stands for."""

    substrate_strength: float = _number(0.0, 0.0, 0.02)
    """h of the substrate's energy h (phi_d - substrate_donor)^2 [RT/V h0]; 0 is a neutral substrate."""
    substrate_donor: float = _number(0.8, 0.05, 0.95)
    """Volume fraction of donor that the substrate prefers."""
    substrate_period: float = _number(0.0, 0.0, 64.0, "h0")
    """Period of a striped substrate, half of which prefers 1 - substrate_donor instead [h0]; 0 is uniform."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            _check_field(type(self).__name__, entry, getattr(self, entry.name))
        if self.substrate_period > 0.0 and self.boundary == "periodic":
            periods = self.width / self.substrate_period
            if abs(periods - round(periods)) > 1e-6 or round(periods) < 1:
                raise InputError(
                    f"substrate_period {self.substrate_period:g} does not divide the width {self.width:g} of "
                    "a periodic film; use width / n with a whole n"
                )

    def to_dict(self) -> dict[str, Scalar]:
        """All parameters by name, and `process`; `recipe_from_dict` reads it again."""
        return {"process": self.process, **dataclasses.asdict(self)}


@dataclass(frozen=True, kw_only=True)
class AnnealingRecipe(Recipe):
    """A dry donor/acceptor blend of fixed thickness, quenched and annealed.

    Energy is in RT/V, time in h0^2 / D with D the mobility at `reference_temperature`.
    """

    process: ClassVar[str] = "annealing"

    chi: float = _number(3.0, 0.0, 5.0)
    """Donor-acceptor interaction parameter at the reference temperature (critical: 2)."""
    kappa: float = _number(4e-4, 1e-6, 0.1)
    """Gradient energy coefficient [RT/V h0^2]."""
    temperature: float = _number(373.15, 200.0, 600.0, "K")
    """Annealing temperature [K]."""
    reference_temperature: float = _number(373.15, 200.0, 600.0, "K")
    """Temperature for which chi and the unit of time are meant [K]."""
    chi_slope: float = _number(1500.0, -5e3, 5e3, "K")
    """B of chi(T) = chi + B (1/T - 1/T_ref) [K]."""
    activation_energy: float = _number(50.0, 0.0, 150.0, "kJ/mol")
    """Of the Arrhenius mobility [kJ/mol]."""
    mobility: AnnealingMobility = field(default="constant", metadata={"choices": ("constant", "onsager")})
    """Closure of the mobility: the same everywhere, or phi (1 - phi)."""
    duration: float = _number(0.1, 1e-6, 1e3)
    """How long the film is annealed [h0^2 / D]."""

    @property
    def composition(self) -> tuple[float, ...]:
        """Volume fraction of the donor."""
        return (self.blend_ratio,)


@dataclass(frozen=True, kw_only=True)
class DryingRecipe(Recipe):
    """A donor/acceptor/solvent film whose solvent leaves through the free surface.

    Energy is in RT/V_s, time in h0^2/D_s, with D_s the diffusivity in pure solvent at the reference
    temperature. The film is dry when the volume share of solvent falls to `residual_solvent`.
    """

    process: ClassVar[str] = "drying"

    # Demixing sets out from the free surface, and with weak fluctuations every film ends as flat layers. With
    # these, with a fine interface and a substrate that draws the donor, domains form in the bulk as well, so
    # that there is something to steer.
    substrate_strength: float = _number(2e-3, 0.0, 0.02)
    """h of the substrate's energy h (phi_d - substrate_donor)^2 [RT/V h0]; 0 is a neutral substrate."""
    thermal_noise: float = _number(3e-7, 0.0, 1e-6)
    """Strength epsilon of the fluctuations while the film dries: a molecule's volume in units of
    h0 x h0 x the depth that the two-dimensional film stands for."""
    solvent: float = _number(0.8, 0.05, 0.97)
    """Initial volume share of solvent."""
    residual_solvent: float = _number(0.1, 0.01, 0.5)
    """Volume share of solvent at which the film counts as dry."""
    n_donor: float = _number(20.0, 1.0, 200.0)
    """Chain length of the donor [solvent molecules]."""
    n_acceptor: float = _number(5.0, 1.0, 200.0)
    """Chain length of the acceptor [solvent molecules]."""
    chi: float = _number(1.0, 0.0, 3.0)
    """Donor-acceptor interaction parameter at the reference temperature."""
    chi_donor_solvent: float = _number(0.3, 0.0, 1.5)
    """Donor-solvent interaction parameter."""
    chi_acceptor_solvent: float = _number(0.3, 0.0, 1.5)
    """Acceptor-solvent interaction parameter."""
    kappa: float = _number(1e-4, 1e-6, 0.1)
    """Gradient energy coefficient of both solutes [RT/V_s h0^2]."""
    barrier: float = _number(1e-3, 0.0, 0.02)
    """b of the energy b (1/phi_d + 1/phi_a + 1/phi_s) that keeps fields off the pure corners."""
    mobility: MobilityName = field(default="wodo", metadata={"choices": MOBILITIES})
    """Closure of the mobilities."""
    solid_diffusivity: float = _number(1e-3, 1e-5, 1.0)
    """Diffusivity without solvent over that in pure solvent (closure `wodo`)."""
    evaporation: float = _number(0.3, 0.0, 20.0)
    """Evaporation rate at the reference temperature, as a Biot number k_e h0 / D_s."""
    spin_speed: float = _number(1500.0, 100.0, 12000.0, "rpm")
    """Spin speed [rpm]; evaporation grows with its square root (doi 10.1063/1.325357)."""
    reference_spin_speed: float = _number(1500.0, 100.0, 12000.0, "rpm")
    """Spin speed for which evaporation is meant [rpm]."""
    ambient_vapour: float = _number(0.0, 0.0, 0.95)
    """Solvent share in the film that would balance the vapour above it; more than in the film swells it."""
    temperature: float = _number(298.15, 250.0, 400.0, "K")
    """Temperature of the film [K]."""
    reference_temperature: float = _number(298.15, 250.0, 400.0, "K")
    """Temperature for which chi, evaporation and the unit of time are meant [K]."""
    chi_slope: float = _number(400.0, -3e3, 3e3, "K")
    """B of chi(T) = chi + B (1/T - 1/T_ref) [K]."""
    activation_energy: float = _number(12.0, 0.0, 60.0, "kJ/mol")
    """Of the Arrhenius mobility [kJ/mol]."""
    evaporation_enthalpy: float = _number(38.0, 0.0, 60.0, "kJ/mol")
    """Of the evaporation rate's dependence on temperature [kJ/mol]."""
    duration: float = _number(400.0, 1e-6, 1e5)
    """Longest time that a film may take to dry [h0^2 / D_s]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.residual_solvent >= self.solvent:
            raise InputError(
                f"residual_solvent {self.residual_solvent:g} is not below solvent {self.solvent:g}; "
                "such a film is dry from the start"
            )

    @property
    def dry_thickness(self) -> float:
        """Thickness at which the film counts as dry [h0]."""
        return self.initial_thickness * (1.0 - self.solvent) / (1.0 - self.residual_solvent)

    @property
    def composition(self) -> tuple[float, ...]:
        """Volume fractions of donor and acceptor at the start."""
        solids = 1.0 - self.solvent
        return (self.blend_ratio * solids, (1.0 - self.blend_ratio) * solids)


_PROCESSES: dict[str, type[Recipe]] = {"annealing": AnnealingRecipe, "drying": DryingRecipe}


def known_recipe(recipe: object) -> AnnealingRecipe | DryingRecipe:
    """The recipe itself, which may be of a user's own subclass.

    Raises:
        InputError: it is of neither process.
    """
    if not isinstance(recipe, AnnealingRecipe | DryingRecipe):
        raise InputError(
            f"{type(recipe).__name__} is no recipe of a film; use AnnealingRecipe, DryingRecipe or a subclass"
        )
    return recipe


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """Build the recipe that `to_dict` or a TOML file describes: `process`, then any of its parameters.

    Raises:
        InputError: an unknown process or parameter, or a value out of range.
    """
    parameters = dict(values)
    name = parameters.pop("process", None)
    if not isinstance(name, str) or name not in _PROCESSES:
        raise InputError(f"process is {shown(name)}; {did_you_mean(name, _PROCESSES)}")
    kind = _PROCESSES[name]
    known = [entry.name for entry in fields(kind)]
    for key in parameters:
        if key not in known:
            raise InputError(f"{name} has no parameter {key!r}; {did_you_mean(key, known)}")
    return kind(**parameters)


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file.

    Raises:
        InputError: the file is missing, not TOML, or not a recipe.
    """
    values = read_toml(path)
    try:
        return recipe_from_dict(values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parse_settings(kind: type[Recipe], settings: Mapping[str, str]) -> dict[str, Scalar]:
    """Turn texts from a command line into values of the right type for `kind`.

    Raises:
        InputError: an unknown parameter, or a text that is not a number where one is needed.
    """
    hints = get_type_hints(kind)
    known = [entry.name for entry in fields(kind)]
    values: dict[str, Scalar] = {}
    for name, text in settings.items():
        if name not in known:
            raise InputError(f"{kind.process} has no parameter {name!r}; {did_you_mean(name, known)}")
        if hints[name] is not float:
            values[name] = text
            continue
        try:
            values[name] = float(text)
        except ValueError as error:
            raise InputError(f"{name} is {text!r}; it must be a number") from error
    return values


def _check_field(owner: str, entry: dataclasses.Field[Any], value: object) -> None:
    if "choices" in entry.metadata:
        if value not in entry.metadata["choices"]:
            raise InputError(
                f"{owner}: {entry.name} is {shown(value)}; {did_you_mean(value, entry.metadata['choices'])}"
            )
        return
    if "range" not in entry.metadata:
        # A field that a subclass of the user's own adds.
        return
    low, high = entry.metadata["range"]
    unit = f" {entry.metadata.get('unit', '')}".rstrip()
    if not isinstance(value, int | float) or not is_finite_number(value):
        raise InputError(
            f"{owner}: {entry.name} is {shown(value)}; it must be a number from {low:g} to {high:g}{unit}"
        )
    if not low <= value <= high:
        raise InputError(
            f"{owner}: {entry.name} is {value:g}{unit}; it must lie from {low:g} to {high:g}{unit}"
            + celsius_hint(value, low, high, unit.strip())
        )


def celsius_hint(value: float, low: float, high: float, unit: str) -> str:
    """What to add to an error about a temperature that may have been given in degrees Celsius."""
    kelvin = value + _ZERO_CELSIUS
    if unit != "K" or low < 0.0 or not low <= kelvin <= high:
        return ""
    return f"; did you mean {kelvin:g} ({value:g} °C)?"
