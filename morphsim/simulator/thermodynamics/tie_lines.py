"""Coexisting phases of a ternary mixture: tie lines from the dry edge to the critical point."""

from __future__ import annotations

import numpy as np

from morphsim.simulator.thermodynamics.mixture import Array, TernaryMixture

# Largest change of a tie line's ends per step: in a volume fraction, as a share of the tie line's length, and
# in the logarithm of a fraction.
_LARGEST_STEP = 0.02
_LARGEST_SHARE = 0.25
_LARGEST_LOG_STEP = 1.0
_SMALLEST_SCALE = 1e-6
_MOST_TIE_LINES = 2000
# A tie line this short is followed by the critical point itself: the equations of the two phases differ by
# the third power of the length only, and become numerically equal.
SHORTEST = 0.02
# Fraction below which a component counts as missing in both phases: the gap has reached another edge of the
# triangle, or is as near to it as potentials can be computed with a barrier.
_LOST = 1e-9
_LOST_WITH_BARRIER = 1e-3
_NEWTON_STEPS = 30
_RESIDUAL = 1e-11


def follow_tie_lines(mixture: TernaryMixture, dry: Array, *, solvent: float) -> Array:
    """Tie lines (n, 2, 3) that start next to the dry edge and end near a critical point or another edge.

    The unknowns are the logarithms of all six fractions. The fractions of each phase must sum to 1, and the
    three chemical potentials must be equal; the curve of solutions is followed by pseudo-arclength
    continuation (Keller, in Applications of Bifurcation Theory, 1977, p. 359).

    Args:
        mixture: the free energy.
        dry: donor and acceptor fractions of the two phases without solvent, (2, 2).
        solvent: mean solvent fraction of the first tie line.
    """
    start = np.concatenate([dry * (1.0 - solvent), np.full((2, 1), solvent)], axis=1)
    logs = _solve(mixture, np.log(start).ravel(), _fixed_solvent(solvent))
    if logs is None or not _distinct(logs, start):
        return np.empty((0, 2, 3))
    found = [logs]
    direction = _tangent(mixture, logs)
    direction *= np.sign(_solvent_change(logs, direction))
    lost = _LOST_WITH_BARRIER if mixture.barrier else _LOST
    scale = 1.0
    while len(found) < _MOST_TIE_LINES and scale > _SMALLEST_SCALE:
        phases = np.exp(found[-1]).reshape(2, 3)
        left = float(np.linalg.norm(phases[0] - phases[1]))
        if left < SHORTEST or bool((phases.max(axis=0) < lost).any()):
            break
        change = np.abs(phases.ravel() * direction).max()
        largest = scale * min(_LARGEST_STEP, _LARGEST_SHARE * left)
        step = min(largest / max(change, 1e-300), scale * _LARGEST_LOG_STEP / np.abs(direction).max())
        guess = found[-1] + step * direction
        logs = _solve(mixture, guess, (direction, float(direction @ guess)))
        if logs is None or not _goes_on(found[-1], logs, left, largest):
            scale *= 0.5
            continue
        found.append(logs)
        before, direction = direction, _tangent(mixture, logs)
        direction *= np.sign(direction @ before)
        scale = min(1.0, 2.0 * scale)
    lines: Array = np.exp(np.array(found)).reshape(-1, 2, 3)
    return lines


def critical_from(mixture: TernaryMixture, start: Array) -> Array | None:
    """The critical point (3,) next to the composition `start` (3,), or None if there is none.

    There the normal of the spinodal is perpendicular to the direction in which the mixture separates: the
    stability function is zero, and so is its derivative along the eigenvector of the Hessian's smallest
    eigenvalue.
    """
    from scipy.optimize import root

    def separating(phi: Array) -> Array:
        vector: Array = np.linalg.eigh(mixture.hessian(phi))[1][:, 0]
        direction: Array = np.array([*vector, -vector.sum()])
        return direction * float(np.sign(vector[0]) or 1.0)

    def conditions(solids: Array) -> Array:
        phi = np.array([*solids, 1.0 - solids.sum()])
        if phi.min() <= 1e-9:
            return np.array([1.0, 1.0])
        along = 1e-4 * phi.min() * separating(phi)
        slope = (mixture.stability(phi + along) - mixture.stability(phi - along)) / (2e-4 * phi.min())
        return np.array([float(mixture.stability(phi)), float(slope)])

    solution = root(conditions, start[:2], tol=1e-10)
    phi: Array = np.array([*solution.x, 1.0 - solution.x.sum()])
    if np.abs(conditions(solution.x)).max() > 1e-6 or np.abs(phi - start).max() > 0.1:
        return None
    return phi


def _fixed_solvent(solvent: float) -> tuple[Array, float]:
    """The constraint of the first tie line: the mean logarithm of the solvent fractions."""
    return np.array([0.0, 0.0, 0.5, 0.0, 0.0, 0.5]), float(np.log(solvent))


def _solvent_change(logs: Array, direction: Array) -> float:
    return float((np.exp(logs) * direction)[[2, 5]].sum())


def _equations(mixture: TernaryMixture, logs: Array) -> tuple[Array, Array]:
    """The residuals of a tie line, (5,), and their derivatives with respect to the logarithms, (5, 6)."""
    phases = np.exp(logs).reshape(2, 3)
    residual = np.empty(5)
    jacobian = np.zeros((5, 6))
    potentials = []
    for number, phi in enumerate(phases):
        own = slice(3 * number, 3 * number + 3)
        curvatures = mixture.curvatures(phi)
        potentials.append(mixture.unchecked_potentials(phi))
        jacobian[:3, own] = (1 - 2 * number) * (curvatures - phi @ curvatures) * phi
        residual[3 + number] = phi.sum() - 1.0
        jacobian[3 + number, own] = phi
    residual[:3] = potentials[0] - potentials[1]
    return residual, jacobian


def _tangent(mixture: TernaryMixture, logs: Array) -> Array:
    """The direction (6,) of the curve of tie lines: the null vector of the Jacobian."""
    vector: Array = np.linalg.svd(_equations(mixture, logs)[1])[2][-1]
    return vector


def _solve(mixture: TernaryMixture, logs: Array, constraint: tuple[Array, float]) -> Array | None:
    """Newton's method from a guess (6,), with one linear constraint; None if it does not converge."""
    normal, level = constraint
    for _ in range(_NEWTON_STEPS):
        if not np.isfinite(logs).all() or logs.max() > 1.0:
            return None
        residual, jacobian = _equations(mixture, logs)
        residual = np.append(residual, normal @ logs - level)
        if not np.isfinite(residual).all():
            return None
        # A steep barrier gives large potentials, whose rounding errors limit the residual.
        size = 1.0 + np.abs(jacobian).max()
        if np.abs(residual).max() < _RESIDUAL * size:
            return logs
        try:
            change = np.linalg.solve(np.vstack([jacobian, normal]), -residual)
        except np.linalg.LinAlgError:
            return None
        logs = logs + change * min(1.0, 2.0 / max(np.abs(change).max(), 1e-300))
    return None


def _distinct(logs: Array, start: Array) -> bool:
    """Whether the first tie line has two distinct phases; they are equal if the gap closes before it."""
    first = np.exp(logs).reshape(2, 3)
    return bool(np.linalg.norm(first[0] - first[1]) > 0.1 * np.linalg.norm(start[0] - start[1]))


def _goes_on(before: Array, after: Array, left: float, largest: float) -> bool:
    """Whether the next tie line is a neighbour of the last, and not another branch or two equal phases."""
    old, new = np.exp(before).reshape(2, 3), np.exp(after).reshape(2, 3)
    turned = float(((new[0] - new[1]) * (old[0] - old[1])).sum()) / left
    return bool(np.abs(new - old).max() < 3.0 * largest and turned > 0.4 * left)
