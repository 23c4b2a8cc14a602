"""Evaluation of an agent beside policies that know nothing of its target."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.agents.agent import Agent, load_agent
from morphsim.agents.baselines import Policy, RandomPolicy, RecipePolicy
from morphsim.agents.comparison import AGENT, OWN, RANDOM, RECIPE, Evaluation, PolicyResult
from morphsim.agents.seeds import evaluation_seeds, reset_film
from morphsim.checks import MOST_PROCESSES, check_seed, check_whole
from morphsim.device import DeviceName
from morphsim.errors import InputError
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.simulator import Recipe
from morphsim.simulator.resolve import resolve_recipe

# Their last frames are kept until the end.
_MOST_FILMS = 100_000


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """The evaluation of a trained agent.

    Raises:
        InputError: a value is out of range.
    """

    agent: Path
    """Folder of the agent."""
    seeds: int = 20
    """Films for each policy."""
    first_seed: int = 1_000_000
    """Seed of the first film; the others count up from it. No training uses them, but a target may."""
    own: Path | None = None
    """TOML file of the recipe that made the target; with it, regret is told."""
    own_set: tuple[str, ...] = ()
    """NAME=VALUE: what that recipe has otherwise than `own`, or than the agent's own recipe."""
    workers: int = 1
    """Processes that make films side by side; the result doesn't depend on it."""
    device: DeviceName = "auto"
    """Where networks run; auto is the CPU."""

    def __post_init__(self) -> None:
        check_whole("seeds", self.seeds, 1, _MOST_FILMS)
        check_seed("first_seed", self.first_seed)
        check_whole("workers", self.workers, 1, MOST_PROCESSES)
        evaluation_seeds(self.first_seed, self.seeds)


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A policy and the films that it makes. It travels to the processes of an evaluation."""

    name: str
    """Of the policy."""
    make: Callable[[], tuple[gym.Env[Any, Any], Policy]]
    """Builds the environment, whose attribute `frame` is a film's present frame, and the policy."""


def evaluate_agent(config: EvaluationConfig, *, show_progress: bool = True) -> Evaluation:
    """Let an agent and its baselines make the same films, and tell how far each ends from the target.

    `random` turns every knob at random at each step, `recipe` leaves the knobs where the recipe has them,
    and `own`, where it is known, is the recipe that made the target, run with new noise. The films' seeds
    come from a range that training never uses. With several workers, a script must guard its entry with
    `if __name__ == "__main__":`, since each process imports it.

    Args:
        config: of the evaluation.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: a folder that holds no agent, or a recipe that the agent's environment doesn't take.
    """
    agent = load_agent(config.agent, device=config.device)
    contestants = [
        Contestant(name=name, make=_Make(config.agent, config.device, name, None))
        for name in (AGENT, RANDOM, RECIPE)
    ]
    own = _own_recipe(config, agent)
    if own is not None:
        contestants.append(Contestant(name=OWN, make=_Make(config.agent, config.device, OWN, own)))
    for contestant in contestants[2:]:
        # A recipe out of the knobs' reach would be found after many films only.
        env, policy = contestant.make()
        policy.begin(env, 0)
    return evaluate_policies(
        contestants,
        evaluation_seeds(config.first_seed, config.seeds),
        workers=config.workers,
        show_progress=show_progress,
    )


def evaluate_policies(
    contestants: Sequence[Contestant],
    seeds: Sequence[int],
    *,
    workers: int = 1,
    show_progress: bool = True,
) -> Evaluation:
    """Let each policy make a film of each seed.

    Args:
        contestants: the one that is judged first.
        seeds: (S,) of the films.
        workers: processes; the result doesn't depend on it.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: no contestant or no seed.
    """
    if not contestants or not seeds:
        raise InputError(f"{len(contestants)} policies and {len(seeds)} seeds; give at least one of each")
    numbers = range(len(contestants))
    jobs = list(itertools.product(numbers, seeds))
    with progress("films", len(jobs), unit="films", show=show_progress) as advance:
        ends = run_jobs(_MakeStage(contestants), jobs, workers=workers, done=lambda _: advance())
    results = []
    for number in numbers:
        of_policy = ends[number * len(seeds) : (number + 1) * len(seeds)]
        results.append(
            PolicyResult(
                name=contestants[number].name,
                distances=np.array([end.distance for end in of_policy]),
                diverged=np.array([end.diverged for end in of_policy]),
                wet=np.array([end.wet for end in of_policy]),
                frames=np.stack([end.frame for end in of_policy]),
            )
        )
    return Evaluation(seeds=tuple(seeds), results=tuple(results))


@dataclass(frozen=True)
class _Make:
    """Builds a contestant from the agent's folder, in whatever process needs it."""

    folder: Path
    device: str
    name: str
    recipe: Recipe | None

    def __call__(self) -> tuple[gym.Env[Any, Any], Policy]:
        agent = load_agent(self.folder, device=self.device)
        env = agent.make_env(self.recipe)
        if self.name == AGENT:
            return env, _AgentPolicy(agent)
        return env, RandomPolicy() if self.name == RANDOM else RecipePolicy()


class _AgentPolicy:
    """An agent as a policy; it needs no memory of the episode."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin an episode."""

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the middle of the policy's distribution."""
        return self._agent.act(observation)


@dataclass(frozen=True, eq=False)
class _End:
    """How a film ended."""

    distance: float
    diverged: bool
    wet: bool
    frame: NDArray[np.uint8]


@dataclass(frozen=True)
class _MakeStage:
    """Gives what runs episodes, and builds each contestant once in a process."""

    contestants: Sequence[Contestant]

    def __call__(self) -> Callable[[tuple[int, int], Callable[[], bool]], _End]:
        built: dict[int, tuple[gym.Env[Any, Any], Policy]] = {}

        def run(job: tuple[int, int], stopped: Callable[[], bool]) -> _End:
            number, seed = job
            if number not in built:
                built[number] = self.contestants[number].make()
            return _run_episode(*built[number], seed)

        return run


def _run_episode(env: gym.Env[Any, Any], policy: Policy, seed: int) -> _End:
    observation, info = reset_film(env, seed)
    policy.begin(env, seed)
    over = False
    while not over:
        observation, _, terminated, truncated, info = env.step(policy.act(observation))
        over = terminated or truncated
    diverged = bool(info.get("diverged", False))
    return _End(
        distance=float(info["distance"]),
        diverged=diverged,
        # Films that are not dried have no `dry`.
        wet=not info.get("dry", True) and not diverged,
        frame=np.array(env.get_wrapper_attr("frame"), np.uint8),
    )


def _own_recipe(config: EvaluationConfig, agent: Agent) -> Recipe | None:
    if config.own is None and not config.own_set:
        return None
    env = agent.setup.spec.env
    source = agent.setup.spec.recipe if config.own is None else config.own
    recipe = resolve_recipe(source, changes=config.own_set)
    if recipe.process != env:
        raise InputError(f"own is a recipe of {recipe.process}, but the agent is of {env}; give the target's")
    return recipe
