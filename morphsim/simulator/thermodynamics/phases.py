"""Instability and coexisting phases of mixtures: spinodals, binodals, critical points."""

from __future__ import annotations

import math
from typing import overload

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
from morphsim.simulator.thermodynamics.tie_lines import SHORTEST, critical_from, follow_tie_lines

Binary = AnnealingRecipe | BinaryMixture | DoubleWellMixture
"""Recipes and mixtures with a binary free energy."""
Ternary = TernaryRecipe | TernaryMixture
"""Recipes and mixtures with a ternary free energy."""

# Range of logits in which the phases of a binary mixture are searched: fractions down to 1e-304. Powers of
# the barrier would overflow there, but the barrier keeps all phases far away from it.
_WIDEST_LOGIT = 700.0
_WIDEST_LOGIT_WITH_BARRIER = 100.0
# Solvent fraction of the first tie line. With a barrier the dry edge itself is unreachable.
_FIRST_SOLVENT = 1e-4
_FINEST_RESOLUTION = 4096
_FIRST_SOLVENT_WITH_BARRIER = 1e-2


def critical_chi(n_donor: float, n_acceptor: float) -> float:
    """The interaction parameter above which a blend without barrier separates: ½ (N_d^-½ + N_a^-½)².

    Flory, Principles of Polymer Chemistry (1953), chapter XIII.

    Raises:
        InputError: a chain length below 1.

    >>> round(critical_chi(20, 5), 4)
    0.225
    """
    for name, value in (("n_donor", n_donor), ("n_acceptor", n_acceptor)):
        if not (is_finite_number(value) and value >= 1.0):
            raise InputError(f"{name} is {shown(value)}; a chain length must be a number from 1")
    return 0.5 * (1.0 / math.sqrt(n_donor) + 1.0 / math.sqrt(n_acceptor)) ** 2


@overload
def spinodal(energy: Binary) -> tuple[float, float] | None: ...
@overload
def spinodal(energy: Ternary, *, resolution: int = ...) -> list[Array]: ...


def spinodal(energy: Binary | Ternary, *, resolution: int = 200) -> tuple[float, float] | list[Array] | None:
    """The limit of stability against infinitesimal fluctuations: the Hessian's determinant is zero.

    Args:
        energy: a recipe, taken at its temperature, or a mixture.
        resolution: number of grid cells along each direction in the search for a ternary spinodal; features
            narrower than a cell are missed.

    Returns:
        For a binary energy the lower and the upper donor fraction, or None if every blend is stable. For a
        ternary energy a list of curves (k, 3) of donor, acceptor and solvent fractions, empty if every
        mixture is stable.

    Raises:
        InputError: a resolution below 8 or above 4096.

    >>> low, high = spinodal(BinaryMixture(chi=3.0))
    >>> round(low, 4), round(high, 4)
    (0.2113, 0.7887)
    """
    mixture = known_mixture(energy)
    if isinstance(mixture, TernaryMixture):
        whole_number("resolution", resolution, 8, _FINEST_RESOLUTION)
        return _spinodal_curves(mixture, resolution)
    if isinstance(mixture, DoubleWellMixture):
        middle, half = 0.5 * (mixture.low + mixture.high), 0.5 * (mixture.high - mixture.low)
        return middle - half / math.sqrt(3.0), middle + half / math.sqrt(3.0)
    logits = _spinodal_logits(mixture)
    return None if logits is None else (_fractions(logits[0])[0], _fractions(logits[1])[0])


@overload
def binodal(energy: Binary) -> tuple[float, float] | None: ...
@overload
def binodal(energy: Ternary) -> Array: ...


def binodal(energy: Binary | Ternary) -> tuple[float, float] | Array | None:
    """Coexisting phases: equal chemical potentials of all components.

    For a ternary mixture, these are the tie lines that start at the dry edge, in order. With a barrier, which
    makes the edge itself unreachable, they start at a solvent fraction of 1e-2. If the miscibility gap
    closes, the last tie line is the critical point, twice; if it reaches another edge, there is none. Gaps
    that don't touch the dry edge, and third phases, are not searched for.

    Args:
        energy: a recipe, taken at its temperature, or a mixture.

    Returns:
        For a binary energy the lower and the upper donor fraction (the common tangent), or None if every
        blend is stable. For a ternary energy tie lines (n, 2, 3): the acceptor-rich and the donor-rich end,
        each as donor, acceptor and solvent fractions; (0, 2, 3) if the dry edge is miscible.

    >>> low, high = binodal(BinaryMixture(chi=1.0, n_donor=5, n_acceptor=5))
    >>> round(low, 6), round(high, 6)
    (0.007188, 0.992812)
    """
    mixture = known_mixture(energy)
    if isinstance(mixture, TernaryMixture):
        return _tie_lines(mixture)
    if isinstance(mixture, DoubleWellMixture):
        return mixture.low, mixture.high
    phases = binary_phases(mixture)
    return None if phases is None else (float(phases[0, 0]), float(phases[1, 0]))


def critical_point(energy: Ternary) -> Array | None:
    """Donor, acceptor and solvent fractions (3,) at which the tie lines of `binodal` vanish, or None."""
    mixture = known_mixture(energy)
    assert isinstance(mixture, TernaryMixture)
    lines = _tie_lines(mixture)
    if len(lines) and np.array_equal(lines[-1, 0], lines[-1, 1]):
        point: Array = lines[-1, 0]
        return point
    return None


def binary_phases(mixture: BinaryMixture) -> Array | None:
    """Both fractions of the two coexisting phases, (2, 2), each to full relative precision.

    For each potential between its extremes on the spinodal there is one stable composition on each side;
    their osmotic pressures are equal at exactly one potential.
    """
    from scipy.optimize import brentq

    spinodals = _spinodal_logits(mixture)
    if spinodals is None:
        return None

    widest = _widest_logit(mixture)

    def potential(logit: float) -> float:
        return float(mixture.potential(_fractions(logit))[0])

    def stable(level: float) -> tuple[float, float]:
        def excess(logit: float) -> float:
            return potential(logit) - level

        def between(inner: float, outer: float) -> float:
            # Beyond the outer end a fraction underflows.
            same_sign = excess(inner) * excess(outer) >= 0.0
            nearer = inner if abs(excess(inner)) < abs(excess(outer)) else outer
            return nearer if same_sign else float(brentq(excess, inner, outer, xtol=1e-14))

        return between(spinodals[0], -widest), between(spinodals[1], widest)

    def pressure_difference(level: float) -> float:
        low, high = stable(level)
        # On the donor-rich side from the donor's potential: the acceptor's fraction may underflow.
        acceptor = mixture.chemical_potentials(_fractions(low))[1]
        donor = mixture.chemical_potentials(_fractions(high))[0]
        return float(acceptor - (donor - level))

    level = brentq(pressure_difference, potential(spinodals[1]), potential(spinodals[0]), xtol=1e-15)
    return np.array([_fractions(logit) for logit in stable(float(level))])


def _fractions(logit: float) -> tuple[float, float]:
    """Donor and acceptor fraction from ln(donor / acceptor), both to full relative precision."""
    small = math.exp(-abs(logit))
    major, minor = 1.0 / (1.0 + small), small / (1.0 + small)
    return (major, minor) if logit > 0 else (minor, major)


def _spinodal_logits(mixture: BinaryMixture) -> tuple[float, float] | None:
    """ln(donor / acceptor) at both ends of the unstable range; f'' is convex, so there are two or none."""
    from scipy.optimize import brentq, minimize_scalar

    def curvature(donor: float) -> float:
        return float(mixture.hessian((donor, 1.0 - donor))[0, 0])

    def stability(logit: float) -> float:
        return float(mixture.stability(_fractions(logit)))

    deepest = float(minimize_scalar(curvature, bounds=(1e-9, 1.0 - 1e-9), options={"xatol": 1e-12}).x)
    if curvature(deepest) >= 0.0:
        return None
    middle = math.log(deepest / (1.0 - deepest))
    widest = _widest_logit(mixture)
    return float(brentq(stability, middle, -widest)), float(brentq(stability, middle, widest))


def _widest_logit(mixture: BinaryMixture) -> float:
    return _WIDEST_LOGIT_WITH_BARRIER if mixture.barrier else _WIDEST_LOGIT


def _tie_lines(mixture: TernaryMixture) -> Array:
    dry = binary_phases(mixture.dry_edge())
    if dry is None:
        return np.empty((0, 2, 3))
    lines = follow_tie_lines(
        mixture, dry, solvent=_FIRST_SOLVENT_WITH_BARRIER if mixture.barrier else _FIRST_SOLVENT
    )
    if not mixture.barrier:
        edge = np.concatenate([dry, np.zeros((2, 1))], axis=1)
        lines = np.concatenate([edge[None], lines])
    if len(lines) and np.linalg.norm(lines[-1, 0] - lines[-1, 1]) < SHORTEST:
        point = critical_from(mixture, lines[-1].mean(axis=0))
        if point is not None:
            lines = np.concatenate([lines, np.broadcast_to(point, (1, 2, 3))])
    return lines


def _spinodal_curves(mixture: TernaryMixture, resolution: int) -> list[Array]:
    """Zeros of the stability function, found on a grid in donor share of the solids and solids content."""
    from contourpy import contour_generator

    # Long chains cause narrow features at the ends of both ranges.
    grid = 0.5 - 0.5 * np.cos(np.pi * np.arange(resolution + 1) / resolution)
    share, solids = np.meshgrid(grid, grid)
    values = mixture.stability(_composition(share, solids))
    lines = contour_generator(grid, grid, values).lines(0.0)
    curves = []
    for line in lines:
        points = np.asarray(line, dtype=np.float64)
        for _ in range(4):
            points = _towards_zero(mixture, points)
        curves.append(_composition(points[:, 0], points[:, 1]))
    return curves


def _composition(share: Array, solids: Array) -> Array:
    """Donor, acceptor and solvent fractions (..., 3)."""
    return np.stack([share * solids, (1.0 - share) * solids, 1.0 - solids], axis=-1)


def _towards_zero(mixture: TernaryMixture, points: Array) -> Array:
    """One Newton step of points (k, 2), share and solids, along the gradient of the stability function."""
    step = 1e-6
    inner = np.clip(points, step, 1.0 - step)
    ahead = np.stack([inner + step * axis for axis in np.eye(2)])
    behind = np.stack([inner - step * axis for axis in np.eye(2)])
    gradient = (
        mixture.stability(_composition(ahead[..., 0], ahead[..., 1]))
        - mixture.stability(_composition(behind[..., 0], behind[..., 1]))
    ).T / (2.0 * step)
    # Points on the edges stay on them.
    gradient = np.where((points <= 0.0) | (points >= 1.0), 0.0, gradient)
    value = mixture.stability(_composition(points[:, 0], points[:, 1]))
    change = -value[:, None] * gradient / np.maximum((gradient**2).sum(axis=1), 1e-12)[:, None]
    moved: Array = np.clip(points + np.clip(change, -0.01, 0.01), 0.0, 1.0)
    return moved
