"""Where a film lies in its phase diagram: its path's limits of stability, and the phases at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from morphsim.errors import InputError
from morphsim.simulator.processes.annealing import AnnealingRecipe
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.thermodynamics.mixture import Array, BinaryMixture, TernaryMixture, energy_of
from morphsim.simulator.thermodynamics.phases import binodal, spinodal

State = Literal["mixed", "metastable", "unstable"]
"""Outside of the binodal, between binodal and spinodal, or within the spinodal."""

_SCAN = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class Demixing:
    """A film's mean composition in its phase diagram; fractions are donor, acceptor and, if any, solvent.

    Attributes:
        start: state at the start.
        end: state at the end of the process.
        at_binodal: (3,) where the film first meets the binodal, beyond which two phases can coexist; None
            without solvent, or if it does not meet it.
        at_spinodal: (3,) where it first meets the spinodal, beyond which it can't stay mixed; None likewise.
        phases: (2, n) acceptor-rich and donor-rich phase of the film at the end, or None if it is mixed.
        donor_rich: share of the film's volume that the donor-rich phase takes then (lever rule), or None.
    """

    start: State
    end: State
    at_binodal: Array | None
    at_spinodal: Array | None
    phases: Array | None
    donor_rich: float | None


def demixing(recipe: Recipe) -> Demixing:
    """Follow a film's mean composition through the phase diagram at its recipe's temperature.

    A film with solvent keeps its blend ratio while it dries or swells, so that its path is straight.

    Raises:
        InputError: a recipe without a free energy.

    >>> from morphsim.simulator.processes.drying import DryingRecipe
    >>> found = demixing(DryingRecipe(n_donor=5, barrier=0.0))
    >>> found.start, found.end
    ('mixed', 'unstable')
    """
    mixture = energy_of(recipe)
    if isinstance(mixture, BinaryMixture):
        assert isinstance(recipe, AnnealingRecipe)
        return _annealed(mixture, recipe.blend_ratio)
    assert isinstance(recipe, TernaryRecipe)
    return _with_solvent(mixture, recipe)


def tie_line_through(lines: Array, composition: Array) -> tuple[Array, float] | None:
    """The tie line through a composition between two phases.

    Args:
        lines: tie lines (n, 2, 3) in order, as `binodal` gives them.
        composition: donor, acceptor and solvent fractions (3,).

    Returns:
        Its acceptor-rich and donor-rich end (2, 3), and the share of the donor-rich phase; None if no tie
        line passes through the composition.

    Raises:
        InputError: a composition of another shape.
    """
    point = np.asarray(composition, np.float64)
    if point.shape != (3,):
        raise InputError(f"composition has shape {point.shape}; give donor, acceptor and solvent (3,)")
    # The side of each tie line on which the composition lies changes at the one through it.
    sides = [_side(line, point) for line in lines]
    for number in range(len(lines) - 1):
        if sides[number] * sides[number + 1] > 0.0:
            continue
        ends = _between(lines[number], lines[number + 1], point)
        length = float(np.linalg.norm(ends[1] - ends[0]))
        if length == 0.0:
            continue
        lever = float(np.dot(point - ends[0], ends[1] - ends[0])) / length**2
        if 0.0 <= lever <= 1.0:
            return ends, lever
    return None


def _side(line: Array, point: Array) -> float:
    """Twice the area between a tie line (2, 3) and a composition (3,); its sign is the side."""
    along, away = line[1, :2] - line[0, :2], point[:2] - line[0, :2]
    return float(along[0] * away[1] - along[1] * away[0])


def _between(first: Array, second: Array, point: Array) -> Array:
    """The tie line through a composition between two neighbours, which lie on either side of it."""
    from scipy.optimize import brentq

    def line(share: float) -> Array:
        return np.asarray((1.0 - share) * first + share * second)

    ends = _side(first, point), _side(second, point)
    if ends[0] == 0.0 or ends[1] == 0.0:
        return first if ends[0] == 0.0 else second
    return line(float(brentq(lambda share: _side(line(share), point), 0.0, 1.0, xtol=1e-14)))


def _annealed(mixture: BinaryMixture, donor: float) -> Demixing:
    limits, edges = binodal(mixture), spinodal(mixture)
    state: State = "mixed"
    if limits is not None and limits[0] < donor < limits[1]:
        state = "unstable" if edges is not None and edges[0] < donor < edges[1] else "metastable"
    if limits is None or state == "mixed":
        phases, lever = None, None
    else:
        phases = np.array([[phi, 1.0 - phi] for phi in limits])
        lever = (donor - limits[0]) / (limits[1] - limits[0])
    return Demixing(
        start=state, end=state, at_binodal=None, at_spinodal=None, phases=phases, donor_rich=lever
    )


def _with_solvent(mixture: TernaryMixture, recipe: TernaryRecipe) -> Demixing:
    lines = binodal(mixture)
    share = recipe.blend_ratio
    solids = np.linspace(1.0 - recipe.solvent, 1.0 - recipe.last_solvent, _SCAN + 1)
    through = tie_line_through(lines, _mixed(share, solids[-1])) if len(lines) else None
    return Demixing(
        start=_state(mixture, lines, _mixed(share, solids[0])),
        end=_state(mixture, lines, _mixed(share, solids[-1])),
        at_binodal=_first_binodal(lines, share, solids),
        at_spinodal=_first_spinodal(mixture, share, solids),
        phases=None if through is None else through[0],
        donor_rich=None if through is None else through[1],
    )


def _mixed(share: float, solids: float) -> Array:
    """A composition by the donor share of its solids and their content."""
    return np.array([share * solids, (1.0 - share) * solids, 1.0 - solids])


def _state(mixture: TernaryMixture, lines: Array, composition: Array) -> State:
    if float(mixture.stability(composition)) < 0.0:
        return "unstable"
    within = len(lines) and tie_line_through(lines, composition) is not None
    return "metastable" if within else "mixed"


def _first_spinodal(mixture: TernaryMixture, share: float, solids: Array) -> Array | None:
    """Where stability first changes its sign along a path."""
    from scipy.optimize import brentq

    def stability(content: float) -> float:
        return float(mixture.stability(_mixed(share, content)))

    values = [stability(float(content)) for content in solids]
    for number in range(len(solids) - 1):
        if values[number] * values[number + 1] < 0.0:
            found = float(brentq(stability, solids[number], solids[number + 1], xtol=1e-12))
            return _mixed(share, found)
    return None


def _first_binodal(lines: Array, share: float, solids: Array) -> Array | None:
    """Where a path first crosses the curve of the tie lines' ends."""
    branches = [lines[:, 0], lines[:, 1]]
    crossings: list[float] = []
    for branch in branches:
        content = branch[:, :2].sum(axis=1)
        difference = branch[:, 0] / content - share
        for number in np.flatnonzero(difference[:-1] * difference[1:] <= 0.0):
            first, second = difference[number], difference[number + 1]
            part = 0.0 if first == second else first / (first - second)
            crossings.append(float(content[number] + part * (content[number + 1] - content[number])))
    start, end = solids[0], solids[-1]
    passed = [content for content in crossings if min(start, end) <= content <= max(start, end)]
    return _mixed(share, min(passed, key=lambda content: abs(content - start))) if passed else None
