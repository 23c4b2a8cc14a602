"""Recipes: all parameters that define a film, except the seed of its noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

from morphsim.checks import is_finite_number, shown
from morphsim.errors import InputError
from morphsim.lazy import lazy_names
from morphsim.simulator.quantities import ZERO_CELSIUS, quantity, split_quantity
from morphsim.simulator.units import Units
from morphsim.suggest import did_you_mean
from morphsim.types import Boundary

Scalar = float | int | str


def number_field(
    default: float, low: float, high: float, unit: str = "", *, before: float | None = None
) -> Any:
    """A float field with its default, allowed range, and unit for errors.

    `before` is given for a parameter that earlier versions did not have: the value of their films.
    """
    known = {} if before is None else {"before": before}
    return field(default=default, metadata={"range": (low, high), "unit": unit, **known})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Parameters common to all processes. Values outside their ranges raise `InputError`.

    Lengths are in units of the initial film thickness h0; see `Units` for nm and s.
    """

    process: ClassVar[str]

    blend_ratio: float = number_field(0.5, 0.1, 0.9)
    """Donor share of the solids, by volume."""
    width: float = number_field(4.0, 0.05, 64.0, "h0")
    """Width of the film [h0]."""
    initial_thickness: float = number_field(1.0, 0.02, 4.0, "h0")
    """Thickness of the film at the start [h0]."""
    boundary: Boundary = field(default="periodic", metadata={"choices": ("periodic", "no-flux")})
    """Boundary condition at the left and right ends of the film."""
    noise: float = number_field(0.005, 0.0, 0.05)
    """Size of the initial fluctuations: rms in a cell of 0.01 x 0.01 h0 (larger in finer cells)."""
    thermal_noise: float = number_field(0.0, 0.0, 1e-6)
    """Strength epsilon of thermal fluctuations: the volume of a molecule over h0 x h0 x the depth of film
    that the two-dimensional simulation represents."""

    substrate_strength: float = number_field(0.0, 0.0, 0.02)
    """h of the substrate's energy h (phi_d - substrate_donor)^2 [RT/V h0]; 0 is a neutral substrate."""
    substrate_donor: float = number_field(0.8, 0.05, 0.95)
    """Donor that the substrate prefers: its share of the solids, or its volume fraction."""
    substrate_period: float = number_field(0.0, 0.0, 64.0, "h0")
    """Period of a striped substrate, of which half prefers 1 - substrate_donor [h0]; 0 is uniform."""

    if TYPE_CHECKING:
        # Every process has these, with its own defaults and ranges.
        chi: float
        chi_slope: float
        kappa: float
        temperature: float
        reference_temperature: float
        activation_energy: float
        duration: float

        @property
        def mobility(self) -> str:
            """Closure of the mobility."""

        @property
        def composition(self) -> tuple[float, ...]:
            """Volume fractions of the fields at the start."""

    @property
    def last_thickness(self) -> float:
        """Thickness at the end of the process [h0]."""
        return self.initial_thickness

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
        """All parameters by name, and `process`, as `recipe_from_dict` takes them."""
        return {"process": self.process, **dataclasses.asdict(self)}


def parse_settings(
    kind: type[Recipe], settings: Mapping[str, str], *, units: Units | None = None
) -> dict[str, Scalar]:
    """Turn texts from a command line into values of the right type for `kind`.

    Args:
        kind: class of the recipe.
        settings: a text for each parameter; quantities may have units, as `80 °C`.
        units: scales of the film, which convert lengths and times.

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
            # Also what Python calls a number, as 1_000 and inf; a range refuses the latter by name.
            values[name] = float(text)
        except ValueError:
            values[name] = parameter_quantity(kind, name, text, units=units)
    return values


def without_units(
    kind: type[Recipe], values: Mapping[str, Any], *, units: Units | None = None
) -> dict[str, Any]:
    """Parameters in which texts with units, such as `"80 °C"`, are numbers in the recipe's units.

    Other values stay as they are, whether valid or not.

    Args:
        kind: class of the recipe.
        values: parameters by name.
        units: scales of the film, which convert lengths and times.

    Raises:
        InputError: a text with another unit than the parameter's, or a length or time without `units`.
    """
    hints = get_type_hints(kind)
    numbers = {entry.name for entry in fields(kind) if hints[entry.name] is float}
    found = dict(values)
    for name in numbers & found.keys():
        value = found[name]
        if isinstance(value, str) and (parts := split_quantity(value)) is not None and parts[1]:
            found[name] = parameter_quantity(kind, name, value, units=units)
    return found


def parameter_quantity(kind: type[Recipe], name: str, text: str, *, units: Units | None) -> float:
    """A text with a unit as the value of a parameter; see `quantity`."""
    return quantity(name, text, parameter_unit(kind, name), units=units, difference=is_difference(kind, name))


def parameter_unit(kind: type[Recipe], name: str) -> str:
    """Unit of a parameter, empty if it has none."""
    return str(kind.__dataclass_fields__[name].metadata.get("unit", ""))


def is_difference(kind: type[Recipe], name: str) -> bool:
    """Whether a parameter in K is a difference of temperatures, or a slope, rather than a temperature."""
    return bool(kind.__dataclass_fields__[name].metadata.get("range", (0.0,))[0] < 0.0)


def _check_field(owner: str, entry: dataclasses.Field[Any], value: object) -> None:
    if "choices" in entry.metadata:
        if value not in entry.metadata["choices"]:
            raise InputError(
                f"{owner}: {entry.name} is {shown(value)}; {did_you_mean(value, entry.metadata['choices'])}"
            )
        return
    if "range" not in entry.metadata:
        # A field added by a user's subclass.
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
    """A hint for an error about a temperature that may have been given in degrees Celsius."""
    kelvin = value + ZERO_CELSIUS
    if unit != "K" or low < 0.0 or not low <= kelvin <= high:
        return ""
    return f"; did you mean {kelvin:g} ({value:g} °C)?"


__getattr__ = lazy_names(
    __name__,
    {},
    renamed={
        name: f"morphsim.simulator.{name}"
        for name in ("AnnealingRecipe", "DryingRecipe", "load_recipe", "recipe_from_dict")
    },
)
