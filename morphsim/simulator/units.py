"""Conversion of the simulator's dimensionless numbers to nanometres and seconds."""

from __future__ import annotations

from dataclasses import dataclass

from morphsim.checks import is_finite_number, shown
from morphsim.errors import InputError

GAS_CONSTANT = 8.314462618e-3
"""[kJ/(mol K)]"""
ZERO_CELSIUS = 273.15
"""0 °C [K]."""


# For each scale: its range, its unit, and units in which it may be given by mistake.
_SCALES: dict[str, tuple[float, float, str, dict[str, float]]] = {
    "length_nm": (1.0, 1e6, "nm", {"µm": 1e3, "m": 1e9}),
    "diffusivity": (1e-25, 1e-6, "m^2/s", {"µm^2/s": 1e-12, "nm^2/s": 1e-18}),
}


@dataclass(frozen=True, kw_only=True)
class Units:
    """The scales of one film, used for conversions only; the physics does not depend on them.

    Attributes:
        length_nm: initial thickness h0, 1 to 1e6 [nm].
        diffusivity: D_s of a drying film, or D of an annealed one, at its reference temperature,
            1e-25 to 1e-6 [m^2/s].
    """

    length_nm: float
    diffusivity: float

    def __post_init__(self) -> None:
        for name, (low, high, unit, slips) in _SCALES.items():
            value = getattr(self, name)
            if is_finite_number(value) and low <= value <= high:
                continue
            hints = [
                f"; did you mean {value * factor:.6g} ({value:g} {meant})?"
                for meant, factor in slips.items()
                if is_finite_number(value) and low <= value * factor <= high
            ]
            raise InputError(
                f"{name} is {shown(value)}; it must be a number of {unit} from {low:g} to {high:g}"
                + "".join(hints[:1])
            )

    @property
    def time_s(self) -> float:
        """The unit of time h0^2/D [s]."""
        return (self.length_nm * 1e-9) ** 2 / self.diffusivity

    def evaporation_nm_per_s(self, biot: float) -> float:
        """The evaporation coefficient k_e = Bi D_s / h0 [nm/s]."""
        return biot * self.diffusivity / (self.length_nm * 1e-9) * 1e9


# Round numbers that make outputs readable: a wet film of half a micrometre with a solvent of diffusivity
# 1e-10 m^2/s, and a dry film of 100 nm with 1e-17 m^2/s. Real materials have their own scales.
DRYING_UNITS = Units(length_nm=500.0, diffusivity=1e-10)
ANNEALING_UNITS = Units(length_nm=100.0, diffusivity=1e-17)
