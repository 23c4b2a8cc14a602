"""Evaluation of an agent beside what could be done without it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.agents.agent import Agent, load_agent
from morphsim.agents.baselines import Policy, RandomPolicy, RecipePolicy, ReplayPolicy, mean_schedule
from morphsim.agents.comparison import (
    AGENT,
    BLIND,
    CONSTANT,
    OWN,
    RANDOM,
    RECIPE,
    AgentEvaluation,
    PolicyResult,
)
from morphsim.agents.seeds import evaluation_seeds, reset_film, training_seed
from morphsim.checks import MOST_PROCESSES, check_seed, check_whole
from morphsim.device import DeviceName
from morphsim.errors import InputError
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.simulator import Recipe
from morphsim.simulator.resolve import resolve_recipe

# The last frame of every film is kept in memory.
_MOST_FILMS = 100_000
_MOST_CONSTANTS = 1000
# The films of constant settings are none of those of the comparison: they have seeds of a training of this
# number, in its environment 0.
_CONSTANTS = 0x436F6E73


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """The evaluation of a trained agent.

    Raises:
        InputError: a value is out of range.
    """

    agent: Path
    """Folder of the agent."""
    seeds: int = 20
    """Number of films for each policy."""
    first_seed: int = 1_000_000
    """Seed of the first film; the others count up from it. Training uses none of them, but a target may."""
    own: Path | None = None
    """TOML file of the recipe that made the target; it is needed for the regret."""
    own_set: tuple[str, ...] = ()
    """NAME=VALUE: changes to the recipe of `own`, or to the agent's own recipe."""
    constants: int = 8
    """Constant settings of the knobs that are tried, one film each; the best is compared with the agent."""
    workers: int = 1
    """Parallel processes that make films; the result doesn't depend on their number."""
    device: DeviceName = "auto"
    """Device of the networks; auto is the CPU."""
    schedules: Path | None = None
    """Folder for the schedule of each film, from which `morphsim simulate` makes it again (default:
    `schedules` in the agent's folder)."""

    def __post_init__(self) -> None:
        check_whole("seeds", self.seeds, 1, _MOST_FILMS)
        check_seed("first_seed", self.first_seed)
        check_whole("constants", self.constants, 1, _MOST_CONSTANTS)
        check_whole("workers", self.workers, 1, MOST_PROCESSES)
        evaluation_seeds(self.first_seed, self.seeds)


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A policy with its environment. It must be picklable, for the processes of an evaluation."""

    name: str
    """Name of the policy."""
    make: Callable[[], tuple[gym.Env[Any, Any], Policy]]
    """Builds the environment, whose attribute `frame` is the current frame of the film, and the policy."""


def evaluate_agent(config: EvaluationConfig, *, show_progress: bool = True) -> AgentEvaluation:
    """Evaluate an agent and its baselines on the same films by their final distances from the target.

    - `random` sets every knob at random at each step.
    - `recipe` keeps the knobs at the values of the recipe.
    - `constant` keeps them at the best of a few constant settings, chosen by one film of each with other
      noise.
    - `blind` replays in each film the mean of the agent's actions in the other films, so that it tells what
      the agent is worth without feedback; with a single film there is none.
    - `own`, if it is known, is the recipe that made the target, run with new noise.

    The seeds of the films are from a range that training never uses. With several workers, a script must
    guard its entry with `if __name__ == "__main__":`, since each process imports it.

    Args:
        config: options of the evaluation.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: a folder without an agent, or a recipe that the agent's environment does not accept.
    """
    agent = load_agent(config.agent, device=config.device)

    def contestant(name: str, policy: Policy | None, recipe: Recipe | None = None) -> Contestant:
        return Contestant(name=name, make=_ContestantFactory(config.agent, config.device, policy, recipe))

    def films(contestants: Sequence[Contestant], seeds: Sequence[int]) -> AgentEvaluation:
        return evaluate_policies(contestants, seeds, workers=config.workers, show_progress=show_progress)

    contestants = [
        contestant(AGENT, None),
        contestant(RANDOM, RandomPolicy()),
        contestant(RECIPE, RecipePolicy()),
    ]
    own = _own_recipe(config, agent)
    if own is not None:
        contestants.append(contestant(OWN, RecipePolicy(), own))
    for each in contestants[2:]:
        # Otherwise a recipe out of the range of the knobs would be found only after many films.
        env, policy = each.make()
        policy.begin(env, 0)
    settings = constant_settings(config.constants, len(agent.setup.spec.knobs))
    tried = {training_seed(_CONSTANTS, 0, number): each for number, each in enumerate(settings)}
    found = films([contestant(CONSTANT, ReplayPolicy(tried))], list(tried))
    best = settings[int(np.argmin(found[CONSTANT].distances))]
    contestants.insert(3, contestant(CONSTANT, ReplayPolicy(default=best)))
    seeds = evaluation_seeds(config.first_seed, config.seeds)
    evaluation = films(contestants, seeds)
    if len(seeds) > 1:
        means = means_of_others(evaluation[AGENT].actions)
        blind = films([contestant(BLIND, ReplayPolicy(dict(zip(seeds, means, strict=True))))], seeds)
        results = list(evaluation.results)
        results.insert(4, blind[BLIND])
        evaluation = replace(evaluation, results=tuple(results))
    evaluation.write_schedules(config.agent / "schedules" if config.schedules is None else config.schedules)
    return evaluation


def constant_settings(count: int, knobs: int) -> list[NDArray[np.float32]]:
    """Constant schedules (1, A) that cover the range of each knob evenly, a Latin hypercube.

    McKay, Beckman and Conover 1979, doi 10.1080/00401706.1979.10489755.

    Args:
        count: their number.
        knobs: number A of knobs.
    """
    generator = np.random.default_rng(_CONSTANTS)
    strata = np.stack([generator.permutation(count) for _ in range(knobs)], axis=1)
    positions = (2.0 * strata + 1.0) / count - 1.0
    return [position[None].astype(np.float32) for position in positions]


def means_of_others(schedules: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """For each of several films the mean schedule (T, A) of the others.

    Its own actions are left out, since they answer to the film's own noise.

    Args:
        schedules: actions (T, A) of at least two films.
    """
    return [mean_schedule([*schedules[:film], *schedules[film + 1 :]]) for film in range(len(schedules))]


def evaluate_policies(
    contestants: Sequence[Contestant],
    seeds: Sequence[int],
    *,
    workers: int = 1,
    show_progress: bool = True,
) -> AgentEvaluation:
    """Let each policy make a film with each seed.

    Args:
        contestants: the policies, the evaluated one first.
        seeds: (S,) seeds of the films.
        workers: number of processes; the result doesn't depend on it.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: no contestant or no seed.
    """
    if not contestants or not seeds:
        raise InputError(f"{len(contestants)} policies and {len(seeds)} seeds; give at least one of each")
    numbers = range(len(contestants))
    jobs = list(itertools.product(numbers, seeds))
    with progress("films", len(jobs), unit="films", show=show_progress) as advance:
        ends = run_jobs(_EpisodeRunner(contestants), jobs, workers=workers, done=lambda _: advance())
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
                actions=tuple(end.actions for end in of_policy),
                schedules=tuple(end.schedule for end in of_policy),
            )
        )
    return AgentEvaluation(seeds=tuple(seeds), results=tuple(results))


@dataclass(frozen=True)
class _ContestantFactory:
    """Builds the environment and policy of a contestant from the agent's folder, in any process."""

    folder: Path
    device: str
    policy: Policy | None
    """None for the agent itself."""
    recipe: Recipe | None

    def __call__(self) -> tuple[gym.Env[Any, Any], Policy]:
        agent = load_agent(self.folder, device=self.device)
        env = agent.make_env(self.recipe)
        return env, _AgentPolicy(agent) if self.policy is None else self.policy


class _AgentPolicy:
    """An agent as a policy without memory."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin an episode."""

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mode of the policy's distribution."""
        return self._agent.act(observation)


@dataclass(frozen=True, eq=False)
class _FilmEnd:
    """End of a film."""

    distance: float
    diverged: bool
    wet: bool
    frame: NDArray[np.uint8]
    actions: NDArray[np.float32]
    schedule: str


@dataclass(frozen=True)
class _EpisodeRunner:
    """Makes the worker that runs episodes; it builds each contestant once per process."""

    contestants: Sequence[Contestant]

    def __call__(self) -> Callable[[tuple[int, int], Callable[[], bool]], _FilmEnd]:
        built: dict[int, tuple[gym.Env[Any, Any], Policy]] = {}

        def run(job: tuple[int, int], stopped: Callable[[], bool]) -> _FilmEnd:
            number, seed = job
            if number not in built:
                built[number] = self.contestants[number].make()
            return _run_episode(*built[number], seed)

        return run


def _run_episode(env: gym.Env[Any, Any], policy: Policy, seed: int) -> _FilmEnd:
    observation, info = reset_film(env, seed)
    policy.begin(env, seed)
    actions: list[NDArray[np.float32]] = []
    over = False
    while not over:
        # A copy, since a policy may change its action in place.
        actions.append(np.array(policy.act(observation), np.float32))
        observation, _, terminated, truncated, info = env.step(actions[-1])
        over = terminated or truncated
    diverged = bool(info.get("diverged", False))
    return _FilmEnd(
        distance=float(info["distance"]),
        diverged=diverged,
        # Only drying films have `dry`.
        wet=not info.get("dry", True) and not diverged,
        frame=np.array(env.get_wrapper_attr("frame"), np.uint8),
        actions=np.stack(actions),
        # An environment of another kind may have none.
        schedule=env.get_wrapper_attr("schedule_text")() if env.has_wrapper_attr("schedule_text") else "",
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
