"""Conversion of the simulator's dimensionless numbers to nanometres and seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from morphsim.checks import is_finite_number, shown
from morphsim.errors import InputError

GAS_CONSTANT = 8.314462618e-3
"""[kJ/(mol K)]"""
AVOGADRO = 6.02214076e23
"""[1/mol]"""


# For each scale: its range, its unit, and units in which it may be given by mistake.
_SCALES: dict[str, tuple[float, float, str, dict[str, float]]] = {
    "length_nm": (1.0, 1e6, "nm", {"µm": 1e3, "m": 1e9}),
    "diffusivity": (1e-25, 1e-6, "m^2/s", {"µm^2/s": 1e-12, "nm^2/s": 1e-18}),
    "molar_volume": (1.0, 1e5, "cm^3/mol", {"l/mol": 1e3, "m^3/mol": 1e6}),
    "depth_nm": (0.1, 1e6, "nm", {"µm": 1e3, "m": 1e9}),
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
        for name in ("length_nm", "diffusivity"):
            _check_scale(name, getattr(self, name))

    @property
    def time_s(self) -> float:
        """The unit of time h0^2/D [s]."""
        return (self.length_nm * 1e-9) ** 2 / self.diffusivity

    def evaporation_nm_per_s(self, biot: float) -> float:
        """The evaporation coefficient k_e = Bi D_s / h0 [nm/s]."""
        return biot * self.diffusivity / (self.length_nm * 1e-9) * 1e9

    def thermal_noise(self, *, molar_volume: float, depth_nm: float) -> float:
        """A recipe's `thermal_noise` ε = V / (N_A h0² L), from the fluctuation-dissipation theorem.

        Where energies are in RT/V and lengths in h0, k_B T is V / (N_A h0³), and over the depth L that a
        two-dimensional film represents fluctuations average to h0/L of that. Cook, Acta Metall. 18 (1970)
        297, doi 10.1016/0001-6160(70)90144-6.

        Args:
            molar_volume: V, of the solvent, or of a molecule of a blend without one [cm^3/mol].
            depth_nm: L, such as `represented_depth` of the film [nm].

        Raises:
            InputError: a value out of range.

        >>> f"{Units(length_nm=240.0, diffusivity=1e-9).thermal_noise(molar_volume=80.7, depth_nm=18.0):.3g}"
        '1.29e-07'
        """
        _check_scale("molar_volume", molar_volume)
        _check_scale("depth_nm", depth_nm)
        return molar_volume * 1e-6 / AVOGADRO / ((self.length_nm * 1e-9) ** 2 * (depth_nm * 1e-9))


def _check_scale(name: str, value: object) -> None:
    low, high, unit, slips = _SCALES[name]
    number = value if isinstance(value, int | float) and is_finite_number(value) else math.nan
    if low <= number <= high:
        return
    hints = [
        f"; did you mean {number * factor:.6g} ({number:g} {meant})?"
        for meant, factor in slips.items()
        if low <= number * factor <= high
    ]
    raise InputError(
        f"{name} is {shown(value)}; it must be a number of {unit} from {low:g} to {high:g}"
        + "".join(hints[:1])
    )


# Round numbers that make outputs readable: a wet film of half a micrometre with a solvent of diffusivity
# 1e-10 m^2/s, and a dry film of 100 nm with 1e-17 m^2/s. Real materials have their own scales.
DRYING_UNITS = Units(length_nm=500.0, diffusivity=1e-10)
ANNEALING_UNITS = Units(length_nm=100.0, diffusivity=1e-17)
