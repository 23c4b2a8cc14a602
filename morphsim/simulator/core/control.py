"""Which step each film takes next, and whether it keeps the one that it took.

These functions serve arrays of films, tensors, and single numbers in compiled loops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from morphsim.simulator.core.elementwise import at_least, largest, least, where
from morphsim.simulator.core.per_film import PerFilmArray

TOLERANCE = 0.002
"""Default of the tolerance of a step, see `Stepper`."""
LARGEST_THICKNESS_CHANGE = 0.007
"""In one step at the default tolerance [initial thickness]; it changes with the root of the tolerance."""
SHRINK, SHRINK_MOST = 0.4, 0.1
"""Of a step that is refused: at least by the first, and by no more than the second."""
LARGEST_RATIO = 2.0
"""Of a step to the one before."""
LEAST_CONTRAST = 0.01
_VANISHING = 1e-3
_CREEP = 1e-4
LEAST_POWER = 1e-36
"""Power of waves below which there are none: squares of single precision end just below."""
LARGEST_LAG = (8.0, 3.0)
"""What growing layers and ripples may lose of their amplitude in a step [tolerance]."""
# How much of the past counts in the growth of waves, with each step; and how many standard deviations of a
# random walk count as no growth.
_REMEMBERED, _BY_CHANCE = 0.95, 2.0
# From here on a field is at the edge, where it may move outwards only by what rounding makes of it.
_EDGE, _ROUNDING = 0.98e-3, 5e-7
OUTSIDE = 1e-3
"""How far a volume fraction may overshoot 0; a film that starts inside this bound never leaves it."""

# The relaxation of the last noise within a step is not an error, and older noises still relax. Where a row
# has so few cells that its mean is mostly noise, a step of twice the last one's size changes it by sqrt(5)
# times the rms, and by 3.5 times this in one of some hundred rows.
NOISE_ALLOWANCE = 8.0


class StepRecord(NamedTuple):
    """What `plan_step` and `accept_step` use of a `State`; all (B,).

    Attributes:
        thickness: h.
        step: size of the next step.
        last_step: size of the last step.
        older_step: size of the step before the last.
        history: how many past steps count.
        refusals: how many tries of the step were refused.
        speed_change: dh/dt less that of a step before.
        older_speed_change: the same a step before.
        smallest: the smallest volume fraction of any component.
        contrast: the largest spread of a field.
    """

    thickness: PerFilmArray
    step: PerFilmArray
    last_step: PerFilmArray
    older_step: PerFilmArray
    history: PerFilmArray
    refusals: PerFilmArray
    speed_change: PerFilmArray
    older_speed_change: PerFilmArray
    smallest: PerFilmArray
    contrast: PerFilmArray


class TrialStep(NamedTuple):
    """A step that is to be tried; all (B,).

    Attributes:
        dt: its size.
        ratio: its size over that of the last one; 0 without history.
        cut: whether it was shortened to land on the wanted time or thickness.
        weights: six, see `step_weights`.
        thickness: at its end, extrapolated from the past.
    """

    dt: PerFilmArray
    ratio: PerFilmArray
    cut: PerFilmArray
    weights: tuple[PerFilmArray, ...]
    thickness: PerFilmArray


def plan_step(
    record: StepRecord,
    speed: PerFilmArray,
    longest: PerFilmArray,
    lowest: PerFilmArray,
    finest: PerFilmArray,
    tolerance: float,
    evaporates: bool,
) -> TrialStep:
    """The next step of each film.

    Args:
        record: of the films.
        speed: dh/dt.
        longest: longest step that each may take.
        lowest: thickness that a shrinking film must not fall below by more than its last step.
        finest: longest step without lag, see `longest_without_lag`.
        tolerance: see `Stepper`.
        evaporates: whether the thickness changes at all.
    """
    fresh = record.history == 0
    h = record.thickness
    dt = where(fresh, record.step, least(record.step, LARGEST_RATIO * record.last_step))
    dt = least(dt, finest)
    landing = longest
    if evaporates:
        pace = at_least(abs(speed), 1e-30)
        dt = least(dt, LARGEST_THICKNESS_CHANGE * (tolerance / TOLERANCE) ** 0.5 / pace)
        landing = least(landing, where(speed < 0, at_least(h - lowest, 1e-6) / pace, np.inf))
    # Land in two even steps rather than in a long and a tiny one.
    cut = landing < 2.0 * dt
    dt = where(cut, where(landing <= dt, landing, 0.5 * landing), dt)
    weights = step_weights(dt, record.last_step, record.older_step, record.history)
    if evaporates:
        _, a1, b1, c1, b2, c2 = weights
        h = h + dt * speed + ((a1 + b1) / 2.0 + c1 / 6.0) * record.speed_change
        h = h - (b2 / 2.0 + c2 / 6.0) * record.older_speed_change
    return TrialStep(dt, where(fresh, 0.0, dt / record.last_step), cut, weights, h)


def step_weights(
    dt: PerFilmArray, last: PerFilmArray, older: PerFilmArray, history: PerFilmArray
) -> tuple[PerFilmArray, ...]:
    """Weights (e1, a1, b1, c1, b2, c2) of the two differences of rates, (B,) each.

    They belong to the polynomial through the rates at the last one, two or three times, see
    `Backend.advance_modes`.

    Args:
        dt: step to be taken.
        last: the step before.
        older: the one before that.
        history: how many of these steps there were, 0, 1 or 2 (more count as 2).
    """
    line = where(history >= 1, dt * dt / last, 0.0)
    even = least(line, dt)
    curve = where(history >= 2, dt * dt / (last + older), 0.0)
    twice = 2.0 * curve * dt
    return even, line, curve, twice / last, curve * last / older, twice / older


def accept_step(
    record: StepRecord,
    tried: TrialStep,
    active: PerFilmArray,
    error: PerFilmArray,
    allowance: PerFilmArray,
    smallest: PerFilmArray,
    thickness: PerFilmArray,
    tolerance: float,
) -> tuple[PerFilmArray, PerFilmArray]:
    """Whether each film keeps the step that it tried, and how long its next one is.

    Args:
        record: of the films before the step.
        tried: the step.
        active: films that take part.
        error: of the step.
        allowance: part of the error that may be relaxing noise.
        smallest: the smallest volume fraction after it.
        thickness: after it.
        tolerance: see `Stepper`.
    """
    bound = tolerance * at_least(record.contrast, LEAST_CONTRAST)
    # The energy is steep where a component is nearly gone: no step may halve the smallest fraction.
    vanishing = (record.smallest > _VANISHING) & (smallest < 0.5 * record.smallest)
    out = leaving(record.smallest, smallest)
    accurate = error <= allowance + 2.0 * bound
    accepted = active & accurate & (thickness > 0) & ~(vanishing | out)
    proposed = 0.9 * ((allowance + bound) / at_least(error, 1e-30)) ** 0.5 * tried.dt
    # Straight after a refusal a step that grew would be refused again.
    ratio = where(record.refusals > 0, 1.0, LARGEST_RATIO)
    grown = least(proposed, ratio * where(tried.cut, record.step, tried.dt))
    shrunk = SHRINK * tried.dt
    shrunk = where(accurate, shrunk, largest(least(proposed, shrunk), SHRINK_MOST * tried.dt))
    grown = where(grown < shrunk, shrunk, grown)
    return accepted, where(accepted, grown, where(active, shrunk, record.step))


def longest_without_lag(growth: PerFilmArray, damping: PerFilmArray, loss: float) -> PerFilmArray:
    """The longest step over which growing waves don't fall behind their equations.

    A mode that is damped much more strongly than it grows, z = Λ Δt > 4, is stepped at second order: it
    follows its rate with a lag, which costs it (z - 4) (σ Δt)² of its amplitude in each step. It is taken
    from the growth that was seen, since under noise a comparison of the fields sees nothing but noise.

    Args:
        growth: σ, of any shape.
        damping: Λ, the mean of the waves, of the same shape.
        loss: share of its amplitude that a wave may lose in a step.
    """
    inertia = at_least(damping, 1e-30)
    third = 4.0 / inertia
    lagging = (loss / (at_least(growth, 1e-30) ** 2 * inertia)) ** (1.0 / 3.0)
    return largest(third, lagging + third / 3.0)


def faded(past: PerFilmArray, new: PerFilmArray, history: PerFilmArray) -> PerFilmArray:
    """A sum over the past steps, in which older ones fade, with a `new` one.

    Args:
        past: the sum before, of any shape.
        new: what is added to it.
        history: how many steps were taken before; the first one only starts the sum.
    """
    return where(history > 0, _REMEMBERED * past + new, 0.0)


def seen_growth(
    gain: PerFilmArray, wobble: PerFilmArray, span: PerFilmArray, history: PerFilmArray
) -> PerFilmArray:
    """The rate at which waves have grown for certain.

    The amplitude of waves that only fluctuate walks at random, by the root of the sum of the squares of what
    it gains in each step. So much is not counted, but never more than half of even growth, or a film would
    begin with steps that are far too long for it. Even growth is seen at its own rate from its first step on.

    Args:
        gain: of the logarithm of the amplitude, a sum of `faded`, of any shape.
        wobble: the sum of its squares, of the same shape.
        span: the sum of the steps.
        history: how many steps were taken.
    """
    # The number of steps that the sums amount to; the first one only started them.
    steps = at_least((1.0 - _REMEMBERED ** (history - 1.0)) / (1.0 - _REMEMBERED), 1e-30)
    share = least(0.5 + 0.0 * steps, _BY_CHANCE / steps**0.5)
    certain = at_least(gain - share * (steps * wobble) ** 0.5, 0.0)
    return certain / (1.0 - share) / at_least(span, 1e-30)


def leaving(before: PerFilmArray, after: PerFilmArray) -> PerFilmArray:
    """Whether a step leads out of the simplex, from the smallest fractions before and after it.

    Just inside the bound a field may still move outwards by more than rounding moves it, or no step would be
    small enough there. Fields that a user started outside may go on while the energy turns them round.
    """
    crossed = (after < -OUTSIDE) & ((before >= -OUTSIDE) | (after < before - _CREEP))
    return crossed | ((after < -_EDGE) & (before >= -OUTSIDE) & (after < before - _ROUNDING))
