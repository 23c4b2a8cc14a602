"""Whether the solver's cells resolve the interfaces of a film, and how to mend it where they do not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from morphsim.checks import MOST_CELLS, MOST_CELLS_ACROSS
from morphsim.errors import InputError, ResolutionWarning
from morphsim.simulator.processes.annealing import AnnealingRecipe
from morphsim.simulator.processes.base import fast_number
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.thermodynamics.interface import interface
from morphsim.simulator.thermodynamics.mixture import Array, BinaryMixture, TernaryMixture, energy_of
from morphsim.warn import warn_user

FEWEST_CELLS = 3.0
"""Cells across an interface from which on a film no longer depends on them."""
REFUSED_BELOW = 1.0
"""Cells across an interface below which a film is a pattern of its cells."""

# Moments of the process, from its start to its end, at which the film is looked at.
_MOMENTS = 4
_LEAST_SOLVENT = 1e-3
_ROUNDING = 1e-9


@dataclass(frozen=True)
class FinestInterface:
    """The thinnest interface of a film during its process; infinite if the film does not demix.

    The width of an interface is twice that of `thermodynamics.Interface`: twice the difference of the phases
    over the steepest slope, within which a tanh profile makes 96 % of its change. Growing waves count too:
    the same width of a sine wave is 2/π of its length.

    Attributes:
        width: along x [h0].
        depth: relative to the thickness of the film at that time, since its rows shrink with it.
    """

    width: float
    depth: float


@lru_cache(maxsize=4096)
def finest_interface(recipe: Recipe) -> FinestInterface:
    """The thinnest interface of a film, at the recipe's temperature.

    Films with solvent are looked at from the start of the process to its end, as if the solvent were spread
    evenly. At each moment there is the flat interface between the phases, if the blend lies between them, and
    the wave that grows fastest where all mobilities are equal, with κ k² = |λ|/2 for the most negative
    curvature λ of the energy. Recipes of other processes have no known energy and count as not demixing.
    """
    if isinstance(recipe, AnnealingRecipe):
        moments = [(np.array([recipe.blend_ratio, 1.0 - recipe.blend_ratio]), 0.0, recipe.initial_thickness)]
    elif isinstance(recipe, TernaryRecipe):
        moments = list(_path(recipe))
    else:
        return FinestInterface(math.inf, math.inf)
    mixture = energy_of(recipe)
    root = math.sqrt(recipe.kappa)
    widths = [root * _scaled_width(mixture, phi, solvent) for phi, solvent, _ in moments]
    depths = [width / thickness for width, (_, _, thickness) in zip(widths, moments, strict=True)]
    return FinestInterface(min(widths), min(depths))


def cells_across(recipe: Recipe, cells: tuple[int, int]) -> float:
    """Cells of the solver's grid (h, w) across the thinnest interface of a film, in depth or along x.

    The lesser of both counts; infinite if the film does not demix. A single row or column of cells is a film
    of one dimension, without interfaces in the other.

    >>> from morphsim.simulator import DryingRecipe
    >>> round(cells_across(DryingRecipe(), (48, 400)), 1)
    5.4
    """
    finest = finest_interface(recipe)
    height, width = cells
    return min(
        finest.depth * height if height > 1 else math.inf,
        finest.width * width / recipe.width if width > 1 else math.inf,
    )


def resolving_cells(recipe: Recipe, cells: tuple[int, int]) -> tuple[int, int]:
    """A grid as coarse as `cells` (h, w), or finer, that resolves a film; new sides have fast transforms.

    >>> from morphsim.simulator import DryingRecipe
    >>> resolving_cells(DryingRecipe(), (24, 96))
    (24, 240)
    """
    finest = finest_interface(recipe)
    needed = FEWEST_CELLS / finest.depth, FEWEST_CELLS * recipe.width / finest.width
    height, width = (
        side if side == 1 or side >= need * (1.0 - _ROUNDING) else fast_number(need)
        for side, need in zip(cells, needed, strict=True)
    )
    return height, width


@dataclass(frozen=True)
class _Coarse:
    recipe: Recipe
    cells: tuple[int, int]
    across: float

    def message(self) -> str:
        """What is wrong with the film, and the values that mend it."""
        height, width = self.cells
        return (
            f"kappa {self.recipe.kappa:g} makes interfaces of {self.across:.2g} of the solver's {height} x "
            f"{width} cells, and a pattern needs {FEWEST_CELLS:g} across them: use "
            + ", or ".join(self._mends())
        )

    def _mends(self) -> Iterable[str]:
        rows, columns = resolving_cells(self.recipe, self.cells)
        if max(rows, columns) <= MOST_CELLS_ACROSS and rows * columns <= MOST_CELLS:
            yield f"cells {rows} x {columns} or more"
        kappa = self.recipe.kappa * (FEWEST_CELLS / self.across) ** 2
        (entry,) = (entry for entry in fields(self.recipe) if entry.name == "kappa")
        if (kappa := _rounded_up(kappa)) <= entry.metadata["range"][1]:
            yield f"kappa {kappa:g} or larger"


def check_resolution(films: Iterable[tuple[Recipe, tuple[int, int]]]) -> None:
    """Warn of films whose interfaces the solver's cells do not resolve, once for all of them.

    Args:
        films: the recipe of each, with the solver's grid (h, w).

    Raises:
        InputError: a film with fewer than `REFUSED_BELOW` cells across its interfaces.

    Warns:
        ResolutionWarning: films with fewer than `FEWEST_CELLS`.
    """
    count, coarse = 0, []
    for recipe, cells in films:
        count += 1
        across = cells_across(recipe, cells)
        if across < FEWEST_CELLS * (1.0 - _ROUNDING):
            coarse.append(_Coarse(recipe, cells, across))
    if not coarse:
        return
    worst = min(coarse, key=lambda film: film.across)
    several = f"too few cells for {len(coarse)} of {count} recipes; in the worst " if count > 1 else ""
    if worst.across < REFUSED_BELOW:
        raise InputError(several + worst.message())
    warn_user(several + worst.message(), ResolutionWarning)


def _path(recipe: TernaryRecipe) -> Iterable[tuple[Array, float, float]]:
    """Composition, solvent fraction and thickness from the start of the process to its end."""
    solids = recipe.initial_thickness * (1.0 - recipe.solvent)
    for thickness in np.linspace(recipe.initial_thickness, recipe.last_thickness, _MOMENTS):
        # The energy of a film without any solvent has no curvature in it.
        solvent = max(1.0 - solids / float(thickness), _LEAST_SOLVENT)
        donor = recipe.blend_ratio * (1.0 - solvent)
        yield np.array([donor, 1.0 - solvent - donor, solvent]), solvent, float(thickness)


def _scaled_width(mixture: BinaryMixture | TernaryMixture, phi: Array, solvent: float) -> float:
    """Width of the thinnest interface in a film of mean composition φ [√kappa]."""
    binary, factor = mixture, 1.0
    if isinstance(mixture, TernaryMixture):
        # The shares of both solids vary in opposition, and contribute κ (1 - s)² each.
        binary, factor = mixture.at_solvent(solvent), math.sqrt(2.0 * (1.0 - solvent))
    assert isinstance(binary, BinaryMixture)
    low, high, width = _flat_interface(binary)
    found = factor * width if low < phi[0] / (phi[0] + phi[1]) < high else math.inf
    curvature = float(np.linalg.eigvalsh(mixture.hessian(phi))[0])
    wave = 2.0 * math.sqrt(2.0 / -curvature) if curvature < 0.0 else math.inf
    return 2.0 * min(found, wave)


@lru_cache(maxsize=4096)
def _flat_interface(mixture: BinaryMixture) -> tuple[float, float, float]:
    """Donor fractions of both phases, and the width of their interface [√kappa]; infinite without phases."""
    found = interface(mixture, kappa=1.0)
    return (0.0, 1.0, math.inf) if found is None else (*found.phases, found.width)


def _rounded_up(value: float) -> float:
    """The next number with two digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit * (1.0 - _ROUNDING)) * unit:.2g}")
