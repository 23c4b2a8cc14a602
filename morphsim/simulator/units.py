"""From the simulator's dimensionless numbers to nanometres, seconds and kelvin, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from morphsim.errors import InputError

GAS_CONSTANT = 8.314462618e-3
"""[kJ/(mol K)]"""


@dataclass(frozen=True, kw_only=True)
class Units:
    """The scales of one film. Only conversions depend on them; the physics does not.

    Attributes:
        length_nm: initial thickness h0 [nm].
        diffusivity: D_s of a drying film, or D of an annealed one, at its reference temperature [m^2/s].
    """

    length_nm: float
    diffusivity: float

    def __post_init__(self) -> None:
        for name in ("length_nm", "diffusivity"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise InputError(f"Units: {name} is {value!r}; it must be a positive number")

    @property
    def time_s(self) -> float:
        """The unit of time h0^2/D [s]."""
        return (self.length_nm * 1e-9) ** 2 / self.diffusivity

    def evaporation_nm_per_s(self, biot: float) -> float:
        """The evaporation coefficient k_e = Bi D_s / h0 [nm/s]."""
        return biot * self.diffusivity / (self.length_nm * 1e-9) * 1e9


# Round numbers, to make outputs readable: a wet film of half a micrometre with a solvent that diffuses at
# 1e-10 m^2/s, and a dry film of 100 nm whose molecules move at 1e-17 m^2/s. Put your material's here.
DRYING_UNITS = Units(length_nm=500.0, diffusivity=1e-10)
ANNEALING_UNITS = Units(length_nm=100.0, diffusivity=1e-17)
