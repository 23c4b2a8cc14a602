"""What a user would do instead of training an agent: constant recipes, films that are at hand, a search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.baselines import FixedSchedule, mean_schedule
from morphsim.agents.steering.library import FilmLibrary
from morphsim.agents.steering.policy import Actions, Entrant, SteeringTarget
from morphsim.agents.steering.references import last_frames
from morphsim.agents.steering.rollouts import make_rollouts
from morphsim.agents.steering.seeds import CONSTANTS, MOST_FILMS
from morphsim.checks import check_whole
from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.tasks import Film, TargetSet, Task, load_targets, make_films, random_schedule
from morphsim.tasks.films import film_environment

_STREAM = 0x52616E64
# Films of rollouts for a mean schedule have numbers that a contest does not reach.
_FIRST_OF_MEAN = MOST_FILMS // 2


class RandomSchedule(FixedSchedule):
    """Draws a schedule for each film as those of chance are drawn, so that its regret is 1 but for luck.

    Knobs at random at each step would keep many films from drying, since vapour comes and goes all the time.

    Args:
        knobs: names of the knobs, in the order of the action.
        steps: number of steps T.
    """

    def __init__(self, knobs: tuple[str, ...], steps: int) -> None:
        self._knobs, self._length = knobs, steps

    def begin(self, target: SteeringTarget, seed: int) -> None:
        """Begin a film; its schedule depends on the seed alone."""
        self.start(random_schedule(np.random.default_rng((_STREAM, seed)), self._knobs, self._length))


class Replay(FixedSchedule):
    """Replays the schedule of each target.

    Args:
        schedules: actions (T, K) by the name of the target, or by the seed of the film where each film has
            its own.
    """

    def __init__(self, schedules: Mapping[str, Actions] | Mapping[int, Actions]) -> None:
        self._schedules: Mapping[str | int, Actions] = dict(schedules)  # type: ignore[arg-type]

    def schedule(self, target: str) -> Actions:
        """The actions (T, K) for a target by its name.

        Raises:
            InputError: there are none for all its films.
        """
        if target not in self._schedules:
            raise InputError(f"there is no schedule for all films of the target {target!r}")
        return self._schedules[target]

    def begin(self, target: SteeringTarget, seed: int) -> None:
        """Begin a film.

        Raises:
            InputError: there is no schedule for it.
        """
        found = self._schedules.get(target.name, self._schedules.get(seed))
        if found is None:
            raise InputError(f"there is no schedule for the target {target.name!r}, or for the seed {seed}")
        self.start(found)


def random_schedules(task: Task) -> Entrant:
    """A random schedule for each film, which does not know the target."""
    return Entrant(name="random schedule", policy=RandomSchedule(knobs_of(task), task.steps))


def untouched_recipe(task: Task, targets: Sequence[SteeringTarget]) -> Entrant:
    """The knobs at the values of the recipe, which does not know the target."""
    action = np.asarray(film_environment(task).action_of(), np.float32)[None]
    return Entrant(name="untouched recipe", policy=Replay({target.name: action for target in targets}))


def own_schedules(targets: TargetSet, rows: NDArray[np.int64]) -> Entrant:
    """The schedules that made the targets, replayed on the materials of the contest's films.

    A bound rather than a baseline, since nobody who only has a target's frame knows its schedule.
    """
    known = {targets.names[row]: targets.actions[row] for row in rows}
    return Entrant(name="own schedule", policy=Replay(known))


def best_constant(
    task: Task,
    encoder: Encoder,
    targets: Sequence[SteeringTarget],
    *,
    constants: int = 40,
    workers: int = 1,
    show_progress: bool = True,
) -> Entrant:
    """Of constant recipes, simulated once on the nominal material, the one whose last latent is nearest.

    Args:
        task: of the films.
        encoder: of the latents.
        targets: to which the films are compared.
        constants: number of recipes.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: a film could not be made.
    """
    check_whole("constants", constants, 1, MOST_FILMS)
    schedules = constant_schedules(task, constants)
    planned = [
        Film(seed=CONSTANTS + number, noise=CONSTANTS + number, actions=actions)
        for number, actions in enumerate(schedules)
    ]
    made = make_films(nominal(task), planned, workers=workers, show_progress=show_progress)
    latents = np.concatenate([encoder.encode(frame[None]) for frame in last_frames(made)])
    found = {target.name: schedules[_nearest(latents, target)] for target in targets}
    return Entrant(name="best constant", policy=Replay(found), films=constants)


def nearest_in_library(library: FilmLibrary, targets: Sequence[SteeringTarget]) -> Entrant:
    """Of a library's films, on whatever materials, the schedule of the one whose last latent is nearest."""
    nearest = {target.name: _nearest(library.last, target) for target in targets}
    found = {name: library.actions[film, : library.lengths[film]] for name, film in nearest.items()}
    return Entrant(name="nearest in library", policy=Replay(found), films=len(library))


def blind_replay(
    task: Task,
    encoder: Encoder,
    entrant: Entrant,
    rows: NDArray[np.int64],
    *,
    films: int = 8,
    workers: int = 1,
    show_progress: bool = True,
) -> Entrant:
    """The mean schedule of a policy's own films, replayed blind: what the policy is worth without feedback.

    The films for the mean are of other materials and noise than those of a contest.

    Args:
        task: of the films.
        encoder: of the observations.
        entrant: the policy.
        rows: (T,) numbers of targets in the set of the task.
        films: number of films of each target for the mean.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.
    """
    (made,) = make_rollouts(
        task,
        encoder,
        [entrant.policy],
        rows,
        films=films,
        first=_FIRST_OF_MEAN,
        workers=workers,
        show_progress=show_progress,
    )
    names = load_targets(task).names
    means = {
        names[row]: mean_schedule(actions) for row, actions in zip(rows.tolist(), made.actions, strict=True)
    }
    return Entrant(
        name=f"{entrant.name}, mean schedule blind",
        policy=Replay(means),
        films=entrant.films,
        films_per_target=entrant.films_per_target + films,
    )


def constant_schedules(task: Task, count: int) -> list[Actions]:
    """Constant schedules (1, K), drawn as each piece of a target's schedule is."""
    knobs = knobs_of(task)
    return [random_schedule(np.random.default_rng((CONSTANTS, number)), knobs, 1) for number in range(count)]


def nominal(task: Task) -> Task:
    """The task without anything that is drawn: films of the recipe's own material, without drafts."""
    return dataclasses.replace(task, hidden={}, drafts=0.0)


def knobs_of(task: Task) -> tuple[str, ...]:
    """Names of the knobs of a task, in the order of the action."""
    return tuple(knob.name for knob in film_environment(task).panel.knobs)


def _nearest(latents: NDArray[np.float32], target: SteeringTarget) -> int:
    return int(np.argmin(np.linalg.norm(latents - target.latent, axis=1)))
