"""Linear feedback around a schedule: the evaporation makes up for a drying rate that is not the nominal one.

This is data-based control in two parts: a schedule that was found without feedback, and linear gains around
its nominal trajectory, from a local linear model that is fitted to films by least squares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.steering.baselines import Replay, knobs_of, nominal
from morphsim.agents.steering.library import FilmLibrary
from morphsim.agents.steering.policy import Actions, Entrant, SteeringTarget
from morphsim.agents.steering.seeds import NOMINAL
from morphsim.checks import check_whole
from morphsim.errors import InputError
from morphsim.tasks import Film, Task, make_films

_RATE, _DRYNESS, _KNOB, _LAST = "drying_rate", "dryness", "evaporation", "last_action:"
# Rates at the lower end of the sensor tell only that a film does not dry.
_LEAST_RATE = -4.99
# A knob that hardly changes the rate can't correct it.
_LEAST_SLOPE = 0.05
_RIDGE = 1e-3
_MOST_FILMS = 100


@dataclass(frozen=True, eq=False, kw_only=True)
class RateGains:
    """How deviations of the state call for another evaporation, at each step."""

    gains: NDArray[np.float64] = field(repr=False)
    """(T, F) change of the action per deviation of each observed entry; zero where nothing is known."""
    entries: tuple[int, ...]
    """(F,) places of these entries in the state: dryness, drying rate, and the last action of each knob."""
    knob: int
    """Place of the evaporation in the action."""

    @property
    def rate(self) -> int:
        """Place of the drying rate in the state."""
        return self.entries[1]


def fit_rate_gains(library: FilmLibrary, knobs: tuple[str, ...]) -> RateGains:
    """Fit the gains to the steps of a library's films.

    At each step t, least squares over the films give r' = a·x + b·u + c: the logarithm r' of the drying rate
    during the step, from the entries x of the state before it and the action u. Where x deviates by dx from
    the nominal trajectory, du = -(a·dx) / b of the evaporation brings r' back to the nominal rate.

    Args:
        library: films of random schedules on random materials.
        knobs: names of the knobs, in the order of the action.

    Raises:
        InputError: the films have no drying rate or no such knob, or are too few.
    """
    names = (_DRYNESS, _RATE, *(f"{_LAST}{knob}" for knob in knobs))
    missing = [name for name in names if name not in library.sensors]
    if missing or _KNOB not in knobs:
        raise InputError(
            f"{library.task} has no {missing[0] if missing else _KNOB}; the evaporation of films that dry is "
            "corrected by their drying rate"
        )
    entries = tuple(library.sensors.index(name) for name in names)
    knob, steps, unknowns = knobs.index(_KNOB), library.actions.shape[1], len(entries) + len(knobs) + 1
    gains = np.zeros((steps, len(entries)))
    # Before the first step no rate is measured.
    for step in range(1, steps):
        before, rate = library.states[:, step][:, entries], library.states[:, step + 1, entries[1]]
        dries = (before[:, 1] > _LEAST_RATE) & (rate > _LEAST_RATE) & (library.lengths > step)
        if dries.sum() < 3 * unknowns:
            continue
        x = np.concatenate([before, library.actions[:, step]], axis=1)[dries].astype(np.float64)
        slopes = _least_squares(x, rate[dries].astype(np.float64))
        by_state, by_action = slopes[: len(entries)], slopes[len(entries) :]
        if by_action[knob] >= _LEAST_SLOPE:
            gains[step] = -by_state / by_action[knob]
    if not gains.any():
        raise InputError(
            f"the library has {len(library)} films, too few to fit gains; make at least {3 * unknowns} that "
            "dry"
        )
    return RateGains(gains=gains, entries=entries, knob=knob)


class CorrectedReplay:
    """Replays the schedule of each target, and corrects its evaporation by the state that it observes.

    Args:
        schedules: actions (T, K) by the name of the target.
        nominal: states (T + 1, S) that they lead to on the nominal material, likewise.
        gains: of the correction.
        latent_size: length D of a latent: an observation is latent | state | latent of the target.
    """

    def __init__(
        self,
        schedules: Mapping[str, Actions],
        nominal: Mapping[str, NDArray[np.float64]],
        gains: RateGains,
        *,
        latent_size: int,
    ) -> None:
        self._schedules, self._nominal, self._gains = dict(schedules), dict(nominal), gains
        self._latent_size = latent_size

    def begin(self, target: SteeringTarget, seed: int) -> None:
        """Begin a film.

        Raises:
            InputError: there is no schedule for the target.
        """
        if target.name not in self._schedules:
            raise InputError(f"there is no schedule for the target {target.name!r}")
        self._schedule, self._expected = self._schedules[target.name], self._nominal[target.name]
        self._step = 0

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the next action (K,), corrected."""
        step = self._step
        self._step += 1
        action = np.array(self._schedule[min(step, len(self._schedule) - 1)], np.float32)
        gains = self._gains
        state = observation[self._latent_size : -self._latent_size].astype(np.float64)
        expected = self._expected[min(step, len(self._expected) - 1)]
        if step < len(gains.gains) and min(state[gains.rate], expected[gains.rate]) > _LEAST_RATE:
            places = list(gains.entries)
            correction = float(gains.gains[step] @ (state[places] - expected[places]))
            action[gains.knob] = np.clip(action[gains.knob] + correction, -1.0, 1.0)
        return action


def rate_feedback(
    task: Task,
    entrant: Entrant,
    targets: Sequence[SteeringTarget],
    library: FilmLibrary,
    *,
    films: int = 4,
    workers: int = 1,
    show_progress: bool = True,
) -> Entrant:
    """The schedules of another policy, corrected by the drying rate that is measured.

    Args:
        task: of the films.
        entrant: a policy that replays a schedule for each target, such as `nominal_search`.
        targets: of these schedules.
        library: to which the gains are fitted.
        films: number of films of each target on the nominal material, whose mean is the nominal trajectory.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: the policy replays nothing, or the films do not dry.
    """
    check_whole("films", films, 1, _MOST_FILMS)
    if not isinstance(entrant.policy, Replay):
        raise InputError(f"{entrant.name} replays no schedules, around which feedback could be linear")
    gains = fit_rate_gains(library, knobs_of(task))
    schedules = {target.name: entrant.policy.schedule(target.name) for target in targets}
    seeds = range(NOMINAL, NOMINAL + len(targets) * films)
    planned = [
        Film(seed=seed, noise=seed, actions=schedules[targets[number // films].name])
        for number, seed in enumerate(seeds)
    ]
    made = make_films(nominal(task), planned, workers=workers, show_progress=show_progress)
    expected = {
        target.name: _mean_states([film.states for film in made[place * films : (place + 1) * films]])
        for place, target in enumerate(targets)
    }
    policy = CorrectedReplay(schedules, expected, gains, latent_size=len(targets[0].latent))
    return Entrant(
        name=f"{entrant.name}, corrected",
        policy=policy,
        films=entrant.films + len(library),
        films_per_target=entrant.films_per_target + films,
    )


def _mean_states(films: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Mean states (T + 1, S) of films of a schedule, as far as the shortest goes."""
    shortest = min(map(len, films))
    return np.asarray(np.mean([states[:shortest] for states in films], axis=0, dtype=np.float64))


def _least_squares(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes (F,) of y (N,) over x (N, F), with a small ridge for what does not vary."""
    deviation = x - x.mean(axis=0)
    normal = deviation.T @ deviation / len(x) + _RIDGE * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(normal, deviation.T @ (y - y.mean()) / len(x)))
