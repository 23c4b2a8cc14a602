"""Films of a task that follow given actions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.envs.names import environment_id
from morphsim.errors import InputError
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.tasks.family import Task

Choose = Callable[[NDArray[np.uint8], NDArray[np.float32], int], NDArray[np.float32]]
"""Chooses an action for a frame, a state and the number of steps made."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Film:
    """A film to make."""

    seed: int
    """Seed of the environment, from which the film's material is drawn."""
    actions: NDArray[np.float32]
    """(T, K) the action of each step; the last one holds if the film takes more steps."""
    noise: int | None = None
    """Seed of the film's noise; None for the one drawn with the material."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the film in place of those drawn."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MadeFilm:
    """A film that was made."""

    frames: NDArray[np.uint8]
    """(T + 1, H, W) 0/1: at the start and after each step."""
    states: NDArray[np.float32]
    """(T + 1, S) states of the process."""
    actions: NDArray[np.float32]
    """(T, K) the actions that were made."""
    material: dict[str, Any]
    """Parameters of the film that the task draws, by name."""
    seed: int
    """Seed of its noise."""
    diverged: bool
    """Whether the simulation failed."""


def make_films(
    task: Task, films: Sequence[Film], *, workers: int = 1, show_progress: bool = True
) -> list[MadeFilm]:
    """Make films of a task, in worker processes if there are several.

    Args:
        task: whose environment makes them.
        films: what to make.
        workers: number of processes; the films don't depend on it.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        MachineError: a worker was killed.
    """
    with progress("films", len(films), unit="films", show=show_progress) as advance:
        jobs = list(films)
        made: list[MadeFilm] = run_jobs(
            functools.partial(_worker, task), jobs, workers=workers, done=lambda _: advance()
        )
    return made


def _worker(task: Task) -> Callable[[Film, Callable[[], bool]], MadeFilm]:
    env = film_environment(task)
    return lambda film, stopped: make_film(env, film, task)


def film_arguments(task: Task, *, device: str = "cpu") -> dict[str, Any]:
    """The arguments of the environment of a task's films.

    Args:
        task: of the films.
        device: on which they are simulated.
    """
    drafts = {"drafts": task.drafts} if task.drafts else {}
    return {
        **task.arguments,
        **drafts,
        "shape": task.shape,
        "observation": "dict",
        "randomize": dict(task.hidden) or False,
        "device": device,
    }


def film_environment(task: Task) -> Any:
    """The environment of a task's films alone: no target, no reward, no encoder."""
    made = gym.make(environment_id(task.process), disable_env_checker=True, **film_arguments(task))
    return made.unwrapped


def make_film(env: Any, film: Film, task: Task) -> MadeFilm:
    """Make one film.

    Raises:
        InputError: actions of another shape.
    """
    actions = np.asarray(film.actions, np.float32)
    if actions.ndim != 2 or not len(actions):
        raise InputError(f"actions have the shape {actions.shape}; they must be (T, K) with T of 1 or more")
    options = dict(film.options)
    if film.noise is not None:
        options["film_seed"] = film.noise

    def choose(frame: NDArray[np.uint8], state: NDArray[np.float32], step: int) -> NDArray[np.float32]:
        return np.asarray(actions[min(step, len(actions) - 1)])

    return roll_out(env, task, choose, seed=film.seed, options=options)


def roll_out(
    env: Any, task: Task, choose: Choose, *, seed: int, options: Mapping[str, Any] | None = None
) -> MadeFilm:
    """Make one film whose actions may depend on its course.

    Args:
        env: of the task's films.
        task: likewise.
        choose: the action (K,) for the frame (H, W), the state (S,) and the number of steps made.
        seed: of the environment.
        options: of its reset.
    """
    observation, info = env.reset(seed=seed, options=dict(options or {}))
    frames, states = [env.frame], [observation["state"]]
    actions: list[NDArray[np.float32]] = []
    over = False
    while not over:
        action = choose(frames[-1], states[-1], len(actions))
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        actions.append(action)
        frames.append(env.frame)
        states.append(observation["state"])
    recipe = env.film_recipe
    return MadeFilm(
        frames=np.stack(frames),
        states=np.stack(states),
        actions=np.stack(actions),
        material={name: getattr(recipe, name) for name in task.hidden},
        seed=env.film_seed,
        diverged=bool(info["diverged"]),
    )
