"""Which step each film takes next, and whether it may keep the one that it took.

A handful of numbers for each film: on the CPU these are numpy arrays, whose operations cost a fraction of
those of torch; on a GPU they are tensors, and stay there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

LARGEST_THICKNESS_CHANGE = 0.004
"""In one step [initial thickness]."""
SHRINK = 0.4
GROW = 1.3
GROW_AT_START, STARTING = 2.0, 16
"""Growth of the first steps, which begin tiny."""
LARGEST_RATIO = 2.0
LEAST_CONTRAST = 0.01
_VANISHING = 1e-3
_CREEP = 1e-4
# From here on a field is at the edge, where it may move outwards only by what rounding makes of it.
_EDGE, _ROUNDING = 0.98e-3, 5e-7
OUTSIDE = 1e-3
"""How far a volume fraction may overshoot 0; a film that starts inside this bound never leaves it."""

PLANNED = (
    "thickness",
    "step",
    "last_step",
    "older_step",
    "history",
    "speed_change",
    "older_speed_change",
    "smallest",
    "contrast",
)
"""What `plan` and `judge` want of a `State`, as `Numbers`."""

Numbers = Any
"""One number for each film, (B,): a numpy array or a tensor."""


@dataclass(frozen=True)
class Plan:
    """A step that is to be tried; all (B,).

    Attributes:
        dt: its size.
        ratio: its size over that of the last one; 0 without history.
        cut: it was shortened to land on the wanted time or thickness.
        weights: six, see `step_weights`.
        thickness: at its end, from the past.
    """

    dt: Numbers
    ratio: Numbers
    cut: Numbers
    weights: tuple[Numbers, ...]
    thickness: Numbers


def numbers(tensor: torch.Tensor) -> Numbers:
    """As the functions here want them: an array that shares the memory of a tensor on the CPU."""
    return tensor.numpy() if tensor.device.type == "cpu" and not torch.compiler.is_compiling() else tensor


def tensor(values: Numbers) -> torch.Tensor:
    """Back to a tensor."""
    return torch.from_numpy(values) if isinstance(values, np.ndarray) else values


def plan(state: Any, speed: Numbers, longest: Numbers, lowest: Numbers, *, evaporates: bool) -> Plan:
    """The next step of each film.

    Args:
        state: `PLANNED` of a `State`.
        speed: dh/dt.
        longest: longest step that each may take.
        lowest: thickness that a shrinking film must not fall below by more than its last step.
        evaporates: whether the thickness changes at all.
    """
    fresh = state.history == 0
    h = state.thickness
    dt = _where(fresh, state.step, _least(state.step, LARGEST_RATIO * state.last_step))
    landing = longest
    if evaporates:
        pace = _at_least(abs(speed), 1e-30)
        dt = _least(dt, LARGEST_THICKNESS_CHANGE / pace)
        landing = _least(landing, _where(speed < 0, _at_least(h - lowest, 1e-6) / pace, np.inf))
    # Land in two even steps rather than a long and a tiny one.
    cut = landing < 2.0 * dt
    dt = _where(cut, _where(landing <= dt, landing, 0.5 * landing), dt)
    weights = step_weights(dt, state.last_step, state.older_step, state.history)
    if evaporates:
        _, a1, b1, c1, b2, c2 = weights
        h = h + dt * speed + ((a1 + b1) / 2.0 + c1 / 6.0) * state.speed_change
        h = h - (b2 / 2.0 + c2 / 6.0) * state.older_speed_change
    return Plan(dt, _where(fresh, 0.0, dt / state.last_step), cut, weights, h)


def step_weights(dt: Numbers, last: Numbers, older: Numbers, history: Numbers) -> tuple[Numbers, ...]:
    """Weights (e1, a1, b1, c1, b2, c2) of the two differences of rates, (B,) each, see `advance_modes`.

    They belong to the polynomial through the rates at the last one, two or three times.

    Args:
        dt: step to be taken.
        last: the step before.
        older: the one before that.
        history: how many of these steps there were, 0, 1 or 2 (more count as 2).
    """
    line = _where(history >= 1, dt * dt / last, 0.0)
    even = _least(line, dt)
    curve = _where(history >= 2, dt * dt / (last + older), 0.0)
    twice = 2.0 * curve * dt
    return even, line, curve, twice / last, curve * last / older, twice / older


def judge(
    state: Any,
    tried: Plan,
    active: Numbers,
    error: Numbers,
    smallest: Numbers,
    thickness: Numbers,
    tolerance: float,
) -> tuple[Numbers, Numbers]:
    """Whether each film may keep the step that it tried, and how long its next one is.

    Args:
        state: `PLANNED` of a `State`.
        tried: the step.
        active: films that take part.
        error: of the step.
        smallest: the smallest volume fraction after it.
        thickness: after it.
        tolerance: see `Stepper`.
    """
    bound = tolerance * _at_least(state.contrast, LEAST_CONTRAST)
    # The energy is steep where a component is nearly gone: no step may halve the smallest fraction.
    vanishing = (state.smallest > _VANISHING) & (smallest < 0.5 * state.smallest)
    out = leaving(state.smallest, smallest)
    accepted = active & (error <= 2.0 * bound) & (thickness > 0) & ~(vanishing | out)
    proposed = 0.9 * (bound / _at_least(error, 1e-30)) ** 0.5 * tried.dt
    growth = _where(state.history < STARTING, GROW_AT_START, GROW)
    grown = _least(proposed, growth * _where(tried.cut, state.step, tried.dt))
    shrunk = SHRINK * tried.dt
    grown = _where(grown < shrunk, shrunk, grown)
    return accepted, _where(accepted, grown, _where(active, shrunk, state.step))


def leaving(before: Numbers, after: Numbers) -> Numbers:
    """Whether a step leads out of the simplex, from the smallest fractions before and after it.

    Just inside the bound a field may still move outwards by more than rounding moves it, or no step would be
    small enough there. Fields that a user started outside may go on while the energy turns them round.
    """
    crossed = (after < -OUTSIDE) & ((before >= -OUTSIDE) | (after < before - _CREEP))
    return crossed | ((after < -_EDGE) & (before >= -OUTSIDE) & (after < before - _ROUNDING))


def _where(condition: Numbers, one: Numbers | float, other: Numbers | float) -> Numbers:
    library = np if isinstance(condition, np.ndarray) else torch
    return library.where(condition, one, other)


def _least(one: Numbers, other: Numbers) -> Numbers:
    return np.minimum(one, other) if isinstance(one, np.ndarray) else torch.minimum(one, other)


def _at_least(one: Numbers, bound: float) -> Numbers:
    return np.maximum(one, bound) if isinstance(one, np.ndarray) else one.clamp_min(bound)
