"""Films that policies steer, each with its observation alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.agents.seeds import reset_film
from morphsim.agents.steering.policy import Actions, SteeringPolicy, SteeringTarget, steering_targets
from morphsim.agents.steering.seeds import CONTEST, film_seed
from morphsim.encoder import Encoder
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.tasks import Task, load_targets, make_task


@dataclass(frozen=True, eq=False, kw_only=True)
class PolicyFilms:
    """The films of one policy: T targets, F films of each."""

    frames: NDArray[np.uint8] = field(repr=False)
    """(T, F, H, W) 0/1, the last frames."""
    actions: tuple[tuple[Actions, ...], ...] = field(repr=False)
    """Of each target and film the actions (steps, K)."""
    diverged: NDArray[np.bool_]
    """(T, F) whether the simulation failed; the last valid frame counts then."""
    wet: NDArray[np.bool_]
    """(T, F) whether a drying film was still wet at the end."""
    seconds: float
    """Time of all films in the processes that made them [s]."""

    @property
    def steps(self) -> int:
        """Number of steps of all films."""
        return sum(len(actions) for of_target in self.actions for actions in of_target)

    @property
    def count(self) -> int:
        """Number of films."""
        return self.diverged.size


def make_rollouts(
    task: Task,
    encoder: Encoder,
    policies: Sequence[SteeringPolicy],
    rows: NDArray[np.int64],
    *,
    films: int = 3,
    first: int = 0,
    workers: int = 1,
    show_progress: bool = True,
) -> list[PolicyFilms]:
    """Let each policy steer films to targets of the task.

    Film `number` of a target has the same material and the same noise for all policies. The films depend
    neither on the number of processes nor on the other policies.

    Args:
        task: whose environment makes the films.
        encoder: of the observations.
        policies: what steers.
        rows: (T,) numbers of targets in the set of the task.
        films: number F of films of each target.
        first: number of the first of them.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        MachineError: a worker was killed.
    """
    numbers = range(first, first + films)
    jobs = list(itertools.product(range(len(policies)), range(len(rows)), numbers))
    runner = _Runner(task, encoder, tuple(policies), tuple(int(row) for row in rows))
    with progress("films", len(jobs), unit="films", show=show_progress) as advance:
        ends: list[_End] = run_jobs(runner, jobs, workers=workers, done=lambda _: advance())
    shape = (len(rows), films)
    made = []
    for number in range(len(policies)):
        of_policy = ends[number * len(rows) * films : (number + 1) * len(rows) * films]
        made.append(
            PolicyFilms(
                frames=np.stack([end.frame for end in of_policy]).reshape(*shape, *of_policy[0].frame.shape),
                actions=tuple(
                    tuple(end.actions for end in of_policy[start : start + films])
                    for start in range(0, len(of_policy), films)
                ),
                diverged=np.array([end.diverged for end in of_policy]).reshape(shape),
                wet=np.array([end.wet for end in of_policy]).reshape(shape),
                seconds=sum(end.seconds for end in of_policy),
            )
        )
    return made


@dataclass(frozen=True, eq=False)
class _End:
    frame: NDArray[np.uint8]
    actions: Actions
    diverged: bool
    wet: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class _Runner:
    """Makes the worker that steers films; it builds one environment in each process."""

    task: Task
    encoder: Encoder
    policies: tuple[SteeringPolicy, ...]
    rows: tuple[int, ...]

    def __call__(self) -> Callable[[tuple[int, int, int], Callable[[], bool]], _End]:
        env = make_task(task=self.task.name, encoder=self.encoder)
        targets = steering_targets(load_targets(self.task), np.array(self.rows), self.encoder)

        def run(job: tuple[int, int, int], stopped: Callable[[], bool]) -> _End:
            policy, target, film = job
            seed = film_seed(CONTEST, self.rows[target], film)
            return _steer(env, self.policies[policy], targets[target], seed)

        return run


def _steer(env: gym.Env[Any, Any], policy: SteeringPolicy, target: SteeringTarget, seed: int) -> _End:
    started = time.perf_counter()
    observation, info = reset_film(env, seed, {"target": target.frame})
    policy.begin(target, seed)
    actions: list[Actions] = []
    over = False
    while not over:
        action = np.array(policy.act(observation), np.float32)
        observation, _, terminated, truncated, info = env.step(action)
        actions.append(action)
        over = terminated or truncated
    diverged = bool(info["diverged"])
    return _End(
        frame=np.array(env.get_wrapper_attr("frame"), np.uint8),
        actions=np.stack(actions),
        diverged=diverged,
        # Only drying films have `dry`.
        wet=not info.get("dry", True) and not diverged,
        seconds=time.perf_counter() - started,
    )
