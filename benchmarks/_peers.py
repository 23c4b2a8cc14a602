"""The same spinodal decomposition by py-pde, https://github.com/zwicker-group/py-pde, where it is installed.

Zwicker, J. Open Source Softw. 5 (2020) 2158, doi 10.21105/joss.02158. Its own Cahn-Hilliard class is used,

    ∂u/∂s = ∇² (u³ - u - γ ∇²u),  c = 0.5 + 0.2 u,  s = 4 t,  γ = 2.5,

which is faster than the same equation as a text for its general class. Explicit schemes with finite
differences are what it has for it: the implicit ones iterate on fixed points, which do not converge with
longer steps.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from _cahn_hilliard import HEIGHT, HIGH, KAPPA, LOW, MOBILITY, initial_field
from _harness import library_version
from torch import Tensor

Backend = Literal["numba", "jax"]

BACKENDS: tuple[Backend, ...] = ("numba", "jax")
MIDDLE, HALF_GAP = 0.5 * (LOW + HIGH), 0.5 * (HIGH - LOW)
# f'' in the wells, which is 2 for u.
CURVATURE = 8.0 * HEIGHT * HALF_GAP**2
# s / t
TIME_SCALE = 0.5 * CURVATURE * MOBILITY
# Largest eigenvalue of minus the Laplacian, by the weight of the corners in its stencil.
_LARGEST_K2 = {0.0: 8.0, 0.5: 4.0}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A way to solve the equation with py-pde.

    Attributes:
        backend: what compiles.
        scheme: py-pde's name of the time scheme.
        corner_weight: of the stencil of the Laplacian: 0 is the five-point one, 1/2 that of Oono and Puri.
            Only numba knows others than 0.
        tolerance: of the adaptive step; None for a fixed step.
    """

    backend: Backend
    scheme: Literal["euler", "runge-kutta"]
    corner_weight: float = 0.0
    tolerance: float | None = None

    @property
    def stencil(self) -> str:
        """Name of the stencil."""
        return "five-point" if self.corner_weight == 0.0 else "nine-point"

    @property
    def label(self) -> str:
        """For tables."""
        step = "fixed" if self.tolerance is None else f"adaptive {self.tolerance:g}"
        return f"{self.backend} {self.scheme} {step}, {self.stencil}"

    @property
    def stability_limit(self) -> float:
        """Longest step of explicit Euler that the fastest mode in a well allows."""
        k2 = _LARGEST_K2[self.corner_weight]
        return 2.0 / (MOBILITY * k2 * (KAPPA * k2 + CURVATURE))


CONFIGURATIONS = (
    Configuration(backend="numba", scheme="euler"),
    Configuration(backend="numba", scheme="euler", tolerance=1e-2),
    Configuration(backend="numba", scheme="runge-kutta", tolerance=1e-2),
    Configuration(backend="numba", scheme="euler", corner_weight=0.5),
    Configuration(backend="numba", scheme="euler", corner_weight=0.5, tolerance=1e-2),
    Configuration(backend="jax", scheme="euler"),
    Configuration(backend="jax", scheme="euler", tolerance=1e-2),
    Configuration(backend="jax", scheme="runge-kutta", tolerance=1e-2),
)


def missing() -> str | None:
    """Why there is nothing to compare with; None where all peers are installed."""
    lacking = [name for name in ("py-pde", "numba", "jax") if library_version(name) is None]
    if not lacking:
        return None
    return f"{', '.join(lacking)} not installed; pip install py-pde numba jax to compare with them"


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and those that a library starts meanwhile, on one core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Peer:
    """A configuration, ready to solve from the initial field; the first call of `solve` compiles.

    Args:
        configuration: how.
        shape: (H, W).
        periodic: whether each direction is.
        step: the fixed step, or the first one of an adaptive scheme.
    """

    def __init__(
        self,
        configuration: Configuration,
        shape: tuple[int, int],
        *,
        periodic: tuple[bool, bool],
        step: float,
    ) -> None:
        import pde

        # Several threads are not meant, and the machinery for them costs time even with one.
        pde.config["backend.numba.multithreading"] = "never"
        grid = pde.CartesianGrid([[0, cells] for cells in shape], shape, periodic=list(periodic))
        self._start = pde.ScalarField(grid, ((initial_field(shape) - MIDDLE) / HALF_GAP).numpy())
        options: dict[str, Any] = {}
        if configuration.tolerance is not None:
            options = {"adaptive": True, "tolerance": configuration.tolerance}
        solver = pde.solvers.SolverBase.from_name(
            configuration.scheme,
            _equation(configuration.corner_weight),
            backend=configuration.backend,
            **options,
        )
        self._stepper = solver.make_stepper(self._start, step * TIME_SCALE)
        self._solver = solver
        self.steps = 0

    def solve(self, until: float) -> tuple[Tensor, float]:
        """Composition (H, W) at the time `until`, and the seconds that it took from the initial field."""
        state = self._start.copy()
        before = self._solver.info["steps"]
        started = time.perf_counter()
        self._stepper(state, 0.0, until * TIME_SCALE)
        field = torch.as_tensor(state.data.copy())
        seconds = time.perf_counter() - started
        self.steps = self._solver.info["steps"] - before
        return MIDDLE + HALF_GAP * field, seconds


def _equation(corner_weight: float) -> Any:
    """py-pde's Cahn-Hilliard equation, with the stencil of the Laplacian as wanted."""
    import pde

    gamma = KAPPA / (0.5 * CURVATURE)
    if corner_weight == 0.0:
        return pde.CahnHilliardPDE(gamma)

    class CornerWeighted(pde.CahnHilliardPDE):  # type: ignore[misc]
        def make_evolution_rate(self, state: Any, backend: Any) -> Any:
            # py-pde keeps operators by their grid, so that its global setting of the stencil comes too late.
            laplace = state.grid.make_operator(
                "laplace",
                bc="auto_periodic_neumann",
                backend=backend,
                dtype=state.dtype,
                corner_weight=corner_weight,
            )

            def rate(u: Any, t: float = 0.0) -> Any:
                return laplace(u**3 - u - gamma * laplace(u, args={"t": t}), args={"t": t})

            return rate

    return CornerWeighted(gamma)
