"""Linear stability of uniform mixtures: growth rates of plane waves, and the fastest-growing wave."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from morphsim.checks import check_positive
from morphsim.errors import InputError
from morphsim.simulator.processes.annealing import AnnealingRecipe
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.simulation import Simulation
from morphsim.simulator.thermodynamics.mixture import Array, Mixture, energy_of

Film = AnnealingRecipe | TernaryRecipe
_SCAN = 400
_PASSED = 33
"""Compositions of a film that dries or swells."""


@dataclass(frozen=True)
class FastestWave:
    """The fastest-growing plane wave in a uniform mixture.

    Attributes:
        wavenumber: k [1/h0].
        wavelength: 2π/k [h0].
        rate: growth rate of its amplitude [1 / unit of time].
    """

    wavenumber: float
    wavelength: float
    rate: float


def growth_rate(
    energy: Film | Mixture,
    composition: ArrayLike,
    wavenumber: ArrayLike,
    *,
    kappa: float | None = None,
    mobility: ArrayLike | None = None,
) -> Array:
    """The largest growth rate of a plane wave exp(ikx) in a uniform mixture; negative if all modes decay.

    It is the largest eigenvalue of -k² M (H + κ k²), with H the Hessian of the free energy: Cahn, Acta
    Metall. 9 (1961) 795, doi 10.1016/0001-6160(61)90182-1, for several components.

    Args:
        energy: a recipe, taken at its temperature, or a mixture.
        composition: all volume fractions (n,): donor, acceptor and, if there is one, solvent.
        wavenumber: k, of any shape [1/h0].
        kappa: gradient energy coefficient of each field; by default the recipe's.
        mobility: one number, one for each field (n - 1,), or a matrix (n - 1, n - 1); by default the
            recipe's closure at this composition and temperature.

    Returns:
        Rates in the shape of `wavenumber` [1 / unit of time].

    Raises:
        InputError: an invalid composition, or a mixture without kappa and mobility.

    >>> from morphsim.simulator.thermodynamics.mixture import DoubleWellMixture
    >>> rate = growth_rate(DoubleWellMixture(), (0.5, 0.5), 0.2**0.5, kappa=2.0, mobility=5.0)
    >>> round(float(rate), 3)
    0.4
    """
    hessian, kappa, matrix = _linear(energy, composition, kappa, mobility)
    squares = np.asarray(wavenumber, dtype=np.float64) ** 2
    if not np.isfinite(squares).all():
        raise InputError("wavenumber holds a value that is not finite; give numbers")
    return _rates(hessian, kappa, matrix, squares)


def fastest_wave(
    energy: Film | Mixture,
    composition: ArrayLike,
    *,
    kappa: float | None = None,
    mobility: ArrayLike | None = None,
) -> FastestWave | None:
    """The fastest-growing plane wave, or None if the mixture is stable; see `growth_rate`.

    >>> from morphsim.simulator.thermodynamics.mixture import DoubleWellMixture
    >>> wave = fastest_wave(DoubleWellMixture(), (0.5, 0.5), kappa=2.0, mobility=5.0)
    >>> round(wave.wavelength, 2), round(wave.rate, 2)
    (14.05, 0.4)
    """
    from scipy.optimize import minimize_scalar

    hessian, kappa, matrix = _linear(energy, composition, kappa, mobility)
    deepest = float(np.linalg.eigvalsh(hessian)[0])
    if deepest >= 0.0:
        return None
    # Waves with κ k² above the most negative curvature decay, whatever the mobilities.
    band = -deepest / kappa * np.arange(1, _SCAN) / _SCAN
    best = int(_rates(hessian, kappa, matrix, band).argmax())
    around = (float(band[max(best - 1, 0)]), float(band[min(best + 1, len(band) - 1)]))
    found = minimize_scalar(
        lambda square: -float(_rates(hessian, kappa, matrix, np.asarray(square))),
        bounds=(0.0 if best == 0 else around[0], around[1]),
        method="bounded",
        options={"xatol": 1e-10 * around[1]},
    )
    wavenumber = math.sqrt(float(found.x))
    return FastestWave(wavenumber, 2.0 * math.pi / wavenumber, -float(found.fun))


def represented_depth(recipe: Film) -> float:
    """Depth that a two-dimensional film represents, for `Units.thermal_noise` [h0].

    A cut through a film in three dimensions has, at a wavenumber k in its plane, the fluctuations of all
    waves whose part across it is k_y: the integral of S(k² + k_y²) over dk_y / 2π. Those that become a
    pattern have k_y up to the wavenumber k_m that grows fastest, so that the cut has k_m / π of S: as much as
    the mean over a depth of π / k_m, half the wavelength, or the width of a domain.

    Args:
        recipe: of the film; k_m is that of the fastest wave while the mixed film dries or swells.

    Raises:
        InputError: the mixed film is stable all the time.

    >>> from morphsim.simulator import DryingRecipe
    >>> round(represented_depth(DryingRecipe()), 3)
    0.062
    """
    solids = np.array([recipe.blend_ratio, 1.0 - recipe.blend_ratio])
    compositions = [solids]
    if isinstance(recipe, TernaryRecipe):
        passed = np.linspace(recipe.solvent, recipe.last_solvent, _PASSED)
        compositions = [np.append((1.0 - solvent) * solids, solvent) for solvent in passed]
    waves = [wave for each in compositions if (wave := fastest_wave(recipe, each)) is not None]
    if not waves:
        raise InputError("the mixed film is stable all the time: no wavelength gives its depth; raise chi")
    return 0.5 * max(waves, key=lambda wave: wave.rate).wavelength


def _linear(
    energy: Film | Mixture, composition: ArrayLike, kappa: float | None, mobility: ArrayLike | None
) -> tuple[Array, float, Array]:
    """Hessian, gradient coefficient and mobility matrix of a mixture."""
    film = energy if isinstance(energy, AnnealingRecipe | TernaryRecipe) else None
    mixture = energy_of(energy) if isinstance(energy, AnnealingRecipe | TernaryRecipe) else energy
    phi = mixture.checked(composition)
    hessian = mixture.hessian(phi)
    if hessian.ndim != 2:
        raise InputError(f"composition has shape {phi.shape}; give one composition at a time")
    if film is not None:
        kappa = film.kappa if kappa is None else kappa
        mobility = _closure(film, phi) if mobility is None else mobility
    if kappa is None or mobility is None:
        raise InputError("a mixture alone does not define growth rates; give kappa and mobility, or a recipe")
    check_positive("kappa", kappa)
    matrix = np.asarray(mobility, dtype=np.float64)
    if matrix.shape in {(), (len(hessian),)}:
        matrix = np.diag(np.broadcast_to(matrix, len(hessian)))
    if matrix.shape != hessian.shape or not np.isfinite(matrix).all() or np.linalg.eigvalsh(matrix)[0] < 0.0:
        raise InputError(
            f"mobility {np.asarray(mobility).tolist()} does not fit {len(hessian)} fields; give a number, "
            "one for each field, or a positive symmetric matrix"
        )
    return hessian, float(kappa), matrix


def _closure(film: Film, phi: Array) -> Array:
    """The recipe's mobility matrix (n - 1, n - 1) at a composition, from the closure of the simulation."""
    mobility = Simulation([film], seeds=[0], shape=(4, 4), dtype="float64").model.mobility
    fields = torch.from_numpy(phi[:-1].copy())[None, :, None, None]
    matrix = np.diag(mobility(fields)[0, :, 0, 0].numpy().astype(np.float64))
    cross = mobility.cross(fields)
    if cross is not None:
        matrix[0, 1] = matrix[1, 0] = float(cross[0, 0, 0])
    return np.asarray(matrix)


def _rates(hessian: Array, kappa: float, mobility: Array, squares: Array) -> Array:
    """Largest eigenvalue of -k² M (H + κ k²) for k² of any shape."""
    stiffness = hessian + kappa * squares[..., None, None] * np.eye(len(hessian))
    # Both factors are symmetric and M is positive, so the eigenvalues of their product are real.
    eigenvalues = np.linalg.eigvals(-squares[..., None, None] * (mobility @ stiffness)).real
    return np.asarray(eigenvalues.max(axis=-1))
