"""The flat interface between two coexisting phases: its energy, width and profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from morphsim.checks import is_finite_number, shown, whole_number
from morphsim.errors import InputError
from morphsim.simulator.processes.annealing import AnnealingRecipe
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.thermodynamics.mixture import (
    Array,
    BinaryMixture,
    DoubleWellMixture,
    TernaryMixture,
    known_mixture,
)
from morphsim.simulator.thermodynamics.phases import binary_phases


@dataclass(frozen=True)
class Interface:
    """A flat interface in equilibrium, after Cahn and Hilliard, J. Chem. Phys. 28 (1958) 258.

    doi 10.1063/1.1744102. Lengths are in the unit of √kappa, h0 for a recipe.

    Attributes:
        energy: γ = ∫ √(2κ Δf) dφ between the phases, with Δf the height above the common tangent [RT/V h0].
        width: difference of the phases over the steepest slope, Δφ / max √(2Δf/κ) [h0].
        phases: donor fraction on each side, lower first.
        position: (n,), distance from the point halfway between the phases [h0].
        profile: (n,), donor fraction at `position`.
    """

    energy: float
    width: float
    phases: tuple[float, float]
    position: Array
    profile: Array


def interface(
    energy: AnnealingRecipe | TernaryRecipe | BinaryMixture | DoubleWellMixture,
    *,
    kappa: float | None = None,
    points: int = 401,
) -> Interface | None:
    """The interface between the two phases of a binary energy, or None if every blend is stable.

    For a recipe with solvent it is that of the dry film. Without solvent the fractions of donor and acceptor
    vary in opposition, so that both gradient coefficients contribute, together 2 `kappa`.

    Args:
        energy: a recipe, taken at its temperature, or a binary mixture.
        kappa: gradient energy coefficient; by default the recipe's, as above [RT/V h0^2].
        points: number of points of the profile.

    Raises:
        InputError: a mixture without kappa, a kappa that is not positive, or fewer than 3 points.

    >>> found = interface(DoubleWellMixture(), kappa=2.0)
    >>> round(found.energy, 4), round(found.width, 3)
    (0.0477, 4.472)
    """
    from scipy.integrate import cumulative_simpson

    own = known_mixture(energy)
    mixture = own.dry_edge() if isinstance(own, TernaryMixture) else own
    if kappa is None and isinstance(energy, AnnealingRecipe | TernaryRecipe):
        kappa = energy.kappa * (2.0 if isinstance(energy, TernaryRecipe) else 1.0)
    if not is_finite_number(kappa) or kappa is None or kappa <= 0.0:
        raise InputError(f"kappa is {shown(kappa)}; it must be a positive number")
    whole_number("points", points, 3, _MOST_POINTS)
    phases = _phases(mixture)
    if phases is None:
        return None
    (low, _), (high, _) = phases
    # Equal steps of atanh resolve both tails, where the profile approaches the phases exponentially.
    stretched = np.linspace(-_TAIL, _TAIL, max(points, _FINEST) | 1)
    weight = 0.5 * (1.0 + np.tanh(stretched))
    fractions = (1.0 - weight)[:, None] * phases[0] + weight[:, None] * phases[1]
    height = _above_tangent(mixture, phases, fractions)
    change = (high - low) * 0.5 / np.cosh(stretched) ** 2
    slope = np.sqrt(2.0 * height / kappa)
    position = cumulative_simpson(change / slope, x=stretched, initial=0.0)
    position -= np.interp(0.5 * (low + high), fractions[:, 0], position)
    gamma = cumulative_simpson(kappa * slope * change, x=stretched, initial=0.0)[-1]
    even = np.linspace(position[0], position[-1], points)
    return Interface(
        energy=float(gamma),
        width=float((high - low) / slope.max()),
        phases=(float(low), float(high)),
        position=even,
        profile=np.interp(even, position, fractions[:, 0]),
    )


# atanh of the share of the way between the phases at which the profile is cut off: 1e-5 from each phase.
_TAIL = 6.0
_FINEST = 2001
_MOST_POINTS = 1_000_000


def _phases(mixture: BinaryMixture | DoubleWellMixture) -> Array | None:
    if isinstance(mixture, DoubleWellMixture):
        return np.array([[mixture.low, 1.0 - mixture.low], [mixture.high, 1.0 - mixture.high]])
    return binary_phases(mixture)


def _above_tangent(mixture: BinaryMixture | DoubleWellMixture, phases: Array, fractions: Array) -> Array:
    """How far the energy of `fractions` (n, 2) lies above the phases' common tangent, (n,)."""
    ends = mixture.density(phases)
    chord = (ends[1] - ends[0]) / (phases[1, 0] - phases[0, 0])
    height = mixture.density(fractions) - ends[0] - chord * (fractions[:, 0] - phases[0, 0])
    # Near the phases the difference is below rounding errors.
    floored: Array = np.maximum(height, 1e-18)
    return floored
