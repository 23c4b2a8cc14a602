"""Advance films whose knobs change underway, deterministically."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from morphsim.errors import InputError
from morphsim.simulator.core.arrival import ARRIVED, THICKNESS_TOLERANCE, on_the_way
from morphsim.simulator.processes.base import Flags, Goal, Values
from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.recipe_io import process_of
from morphsim.simulator.schedules.follower import KnobFollower
from morphsim.simulator.schedules.profile import Profile
from morphsim.simulator.schedules.schedule import Schedule
from morphsim.simulator.schedules.steps import Step, Steps, steps_from_columns

if TYPE_CHECKING:
    from morphsim.simulator.simulation import Simulation


class FilmDrive:
    """The knobs of one film: followers of set-points, which profiles may give.

    Args:
        followers: by name of the knob; other knobs stay as they are.
        profiles: of some of these knobs.
        steps: filled with the steps that are made; None for new ones.
    """

    def __init__(
        self,
        followers: Mapping[str, KnobFollower],
        profiles: Mapping[str, Profile] | None = None,
        *,
        steps: Steps | None = None,
    ) -> None:
        self.followers = dict(followers)
        self.steps = Steps() if steps is None else steps
        """The steps that were made."""
        self.factors: Mapping[str, float] = {}
        """Factors on the settings of some followers, by name, which set-points don't show."""
        self._waiting: dict[str, _Pieces] = {
            name: _Pieces(profile, self.followers[name].knob) for name, profile in (profiles or {}).items()
        }

    def ask(self, set_points: Mapping[str, float]) -> None:
        """Ask for set-points by name."""
        for name, value in set_points.items():
            self.followers[name].ask(value)

    def jump(self, settings: Mapping[str, float]) -> None:
        """Put knobs at settings by name at once, whatever their limits."""
        for name, value in settings.items():
            self.followers[name].jump(value)

    def state(self) -> dict[str, Any]:
        """The followers' states by name, and the `steps`, as plain values and arrays."""
        steps = self.steps.to_dict() if self.steps else {}
        return {
            "followers": {name: follower.state() for name, follower in self.followers.items()},
            "steps": {name: np.array(column) for name, column in steps.items()},
            "ends": np.array(self.steps.ends, np.float64),
        }

    def restore(self, state: object) -> None:
        """Go back to a `state`.

        Raises:
            InputError: it is not the state of such knobs.
        """
        try:
            assert isinstance(state, Mapping)
            followers, ends = state["followers"], [float(end) for end in state["ends"]]
            columns = {name: np.asarray(column).tolist() for name, column in state["steps"].items()}
            steps = steps_from_columns(columns) if columns else Steps()
            if set(followers) != set(self.followers) or len(steps.steps) != len(ends):
                raise ValueError("it is of other knobs, or its steps and their ends differ in number")
            for name, follower in self.followers.items():
                follower.restore(followers[name])
            self.steps.steps, self.steps.ends = steps.steps, ends
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the state of the knobs can't be used ({error}); use what was saved of the same environment"
            ) from error

    def at(self, time: float, dryness: float, slack: float) -> tuple[dict[str, float], float, float]:
        """The settings from now on, and the time and the dryness at which the next one changes.

        Args:
            time: present [units of time].
            dryness: present.
            slack: by which a film that has arrived may be short of a dryness.
        """
        settings: dict[str, float] = {}
        until, drier = math.inf, math.inf
        for name, pieces in self._waiting.items():
            self.followers[name].ask(pieces.set_point(time, dryness, slack))
            until, drier = min(until, pieces.next_time), min(drier, pieces.next_dryness)
        for name, follower in self.followers.items():
            setting, end = follower.at(time)
            settings[name], until = setting * self.factors.get(name, 1.0), min(until, end)
        return settings, until, drier


class _Pieces:
    """The constant set-points of a profile, of which one is present."""

    def __init__(self, profile: Profile, knob: Knob) -> None:
        self._over = profile.over
        self._begins, self._values = (list(column) for column in zip(*profile.pieces(knob), strict=True))
        self._present = 0

    def set_point(self, time: float, dryness: float, slack: float) -> float:
        """The present set-point; the pieces whose beginning has been reached are behind."""
        while self._present + 1 < len(self._begins):
            begin = self._begins[self._present + 1]
            reached = dryness + slack >= begin if self._over == "dryness" else _reached(time, begin)
            if not reached:
                break
            self._present += 1
        return float(self._values[self._present])

    @property
    def next_time(self) -> float:
        """When the next piece begins, if times do."""
        return self._next() if self._over == "time" else math.inf

    @property
    def next_dryness(self) -> float:
        """The dryness at which the next piece begins, if one does."""
        return self._next() if self._over == "dryness" else math.inf

    def _next(self) -> float:
        following = self._begins[self._present + 1 : self._present + 2]
        return float(following[0]) if following else math.inf


def _reached(time: float, until: float) -> bool:
    """Whether a film has arrived at a time, as in `on_the_way`."""
    return until - time <= ARRIVED * abs(until) + ARRIVED**2


def advance(
    simulation: Simulation, drives: Sequence[FilmDrive], goal: Goal, *, tolerate: bool = False
) -> Flags:
    """Advance films to a goal, and turn their knobs underway.

    Each film's steps depend on that film alone, whatever others the batch holds.

    Args:
        simulation: B films.
        drives: of their knobs, one each, with followers of the same knobs; the steps that are made are added
            to `FilmDrive.steps`.
        goal: where each film is advanced to.
        tolerate: as for `Simulation.advance`.

    Returns:
        (B,) True for films that diverged.

    Raises:
        SimulationDiverged: a film diverged, unless tolerated.
        InputError: a setting with which the films can't be simulated.
    """
    diverged = np.zeros(len(simulation), np.bool_)
    lowest = _thickness_at(simulation, goal.dryness)
    slack = _slack(simulation) if goal.dryness is not None else np.zeros(len(simulation))
    chosen = np.ones(len(simulation), np.bool_)
    while True:
        # The knobs of a film that has arrived keep their last settings.
        settings, until, driest = _next_settings(simulation, drives, chosen, slack)
        simulation.set_knobs(**settings)
        going = ~diverged & on_the_way(simulation.time, goal.time, simulation.thickness, lowest)
        if goal.dryness is not None:
            driest = np.minimum(goal.dryness, driest)
        until = np.where(diverged, simulation.time, np.minimum(goal.time, until))
        diverged |= simulation.advance(
            time=until, thickness=_thickness_at(simulation, driest), tolerate=tolerate
        )
        _keep_steps(simulation, drives, going, until, driest)
        chosen = ~diverged & on_the_way(simulation.time, goal.time, simulation.thickness, lowest)
        if not chosen.any():
            return diverged


def record(
    simulation: Simulation,
    frames: int,
    schedule: Schedule | None = None,
    *,
    steps: Steps | None = None,
) -> Iterator[None]:
    """Advance a film to each of `frames` snapshots in turn, the last at its end.

    Args:
        simulation: one film, of a recipe that begins as the schedule does.
        frames: number of snapshots, placed by the process.
        schedule: of its knobs.
        steps: filled with the steps that are made.

    Raises:
        SimulationDiverged: no time step gives an acceptable solution.
        InputError: the film does not reach its end within its duration, or a setting can't be simulated.
    """
    recipe = simulation.recipes[0]
    process = process_of(recipe)
    profiles = schedule.profiles if schedule else {}
    drive = FilmDrive(
        {
            knob.name: KnobFollower(
                knob,
                profiles[knob.name].values[0],
                rate=profiles[knob.name].rate_limit,
                dwell=profiles[knob.name].dwell,
            )
            for knob in process.knobs
            if knob.name in profiles
        },
        profiles,
        steps=steps,
    )
    for goal in process.snapshot_goals(recipe, frames):
        advance(simulation, [drive], goal)
        drive.steps.show(simulation, 0)
        process.check_snapshot(simulation)
        yield


def record_steps(simulation: Simulation, steps: Steps, *, made: Steps | None = None) -> Iterator[None]:
    """Make the steps of a film again, bit for bit, and stop at each that has a frame.

    Args:
        simulation: one film, of the same recipe, seed, cells, precision and tolerance.
        steps: to make.
        made: filled with the steps, and when they ended.

    Raises:
        SimulationDiverged: as when the steps were first made.
        InputError: a setting out of range, or one that can't be simulated.
    """
    drive = FilmDrive({}, steps=made)
    for step in steps.steps:
        simulation.set_knobs(**step.knobs)
        dryness = None if step.dryness is None else np.array([step.dryness])
        advance(simulation, [drive], Goal(np.array([step.time]), dryness))
        if step.frame:
            drive.steps.show(simulation, 0)
            yield


def _next_settings(
    simulation: Simulation, drives: Sequence[FilmDrive], films: Flags, slack: Values
) -> tuple[dict[str, Values], Values, Values]:
    """The knobs of all films, and the times and the drynesses at which those of `films` (B,) change next."""
    time, dryness, settings = simulation.time, simulation.dryness, simulation.knobs
    until, driest = np.full(len(drives), np.inf), np.full(len(drives), np.inf)
    for film in np.flatnonzero(films).tolist():
        present = float(time[film]), float(dryness[film]), float(slack[film])
        found, until[film], driest[film] = drives[film].at(*present)
        for name, value in found.items():
            settings[name][film] = value
    return settings, until, driest


def _thickness_at(simulation: Simulation, dryness: Values | None) -> Values:
    """Thickness (B,) [h0] at which films are stopped, 0 for a dryness that is None or infinite."""
    if dryness is None or not np.isfinite(dryness).any():
        return np.zeros(len(simulation))
    finite = np.isfinite(dryness)
    thickness = process_of(simulation.recipes[0]).thickness_at(
        simulation.recipes, np.where(finite, dryness, 0.0)
    )
    return np.where(finite, thickness, 0.0)


def _slack(simulation: Simulation) -> Values:
    """By how much films that have arrived at a dryness may be short of it, (B,)."""
    ones = np.ones(len(simulation))
    wet, dry = _thickness_at(simulation, 0.0 * ones), _thickness_at(simulation, ones)
    # A little more, so that rounding can't tell a film that has arrived from one that has not.
    return 1.001 * THICKNESS_TOLERANCE / (wet - dry)


def _keep_steps(
    simulation: Simulation, drives: Sequence[FilmDrive], films: Flags, until: Values, driest: Values
) -> None:
    knobs, time = simulation.knobs, simulation.time
    for film in np.flatnonzero(films).tolist():
        step = Step(
            knobs={name: float(values[film]) for name, values in knobs.items()},
            time=float(until[film]),
            dryness=float(driest[film]) if np.isfinite(driest[film]) else None,
            frame=False,
        )
        drives[film].steps.add(step, float(time[film]))
