"""Recording of episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from morphsim._version import __version__
from morphsim.agents.agent import Agent, load_agent
from morphsim.agents.baselines import Policy, RecipePolicy
from morphsim.agents.episodes.config import BUILT_IN, OWN, RANDOM, RECIPE, EpisodesConfig
from morphsim.agents.episodes.episode import RecordedEpisode, run_episode
from morphsim.agents.episodes.minari_file import new_dataset
from morphsim.agents.episodes.policies import SchedulePolicy, agent_policy
from morphsim.agents.episodes.report import EpisodesReport, summarise
from morphsim.agents.seeds import training_seed
from morphsim.errors import InputError
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.tasks import Split, find_task, load_targets, random_schedule

_SCHEDULES = 0x53636865


def record_episodes(
    config: EpisodesConfig, *, policies: Mapping[str, Policy] | None = None, show_progress: bool = True
) -> EpisodesReport:
    """Let policies make films of a task, and store their episodes as a data set of Minari.

    All policies have the same targets and, except for `own`, whose films are of the target's own material,
    the same materials. The reference scores of the data set are the mean returns of `random` and `own`, whose
    films are made in any case. The seeds of the films are from the range that evaluations never use. The data
    set is written when all films are made. With several workers, a script must guard its entry with
    `if __name__ == "__main__":`, since each process imports it.

    Args:
        config: options of the recording.
        policies: more policies, by the names that `config.policies` has, such as a `PredictPolicy`; they must
            be picklable if there are several workers.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: Minari isn't installed, the data set exists, a policy is unknown, or a folder holds no
            agent of this task.
        MachineError: a worker was killed.
    """
    given = dict(policies or {})
    for name in config.names:
        if name not in given and name not in BUILT_IN and name not in config.folders:
            raise InputError(
                f"there is no policy {name!r}; use {', '.join(BUILT_IN)}, or {name}=FOLDER for an agent"
            )
    recorder = _Recorder(config, given)
    # A folder without an agent would be found only in the workers.
    recorder.check()
    played = [*config.names, *(name for name in (RANDOM, OWN) if name not in config.names)]
    jobs = [(name, episode) for name in played for episode in range(config.episodes)]
    with new_dataset(config.id) as dataset:
        with progress("films", len(jobs), unit="films", show=show_progress) as advance:
            made = run_jobs(recorder, jobs, workers=config.workers, done=lambda _: advance())
        groups = {
            name: made[number * config.episodes : (number + 1) * config.episodes]
            for number, name in enumerate(played)
        }
        scores = {name: summarise(name, episodes) for name, episodes in groups.items()}
        report = EpisodesReport(
            dataset_id=config.id,
            folder=dataset.folder,
            policies=tuple(scores[name] for name in config.names),
            ref_min_score=scores[RANDOM].mean_return,
            ref_max_score=scores[OWN].mean_return,
        )
        dataset.write(
            [episode for name in config.names for episode in groups[name]],
            env=make_env(config.task, config.split),
            # Agents that learn from training targets are judged on others.
            evaluation=make_env(config.task, "validation" if config.split == "train" else config.split),
            metadata={
                "algorithm_name": ", ".join(config.names),
                "description": _description(config),
                "requirements": [f"morphsim>={__version__}"],
                "ref_min_score": report.ref_min_score,
                "ref_max_score": report.ref_max_score,
                "num_episodes_average_score": config.episodes,
            },
        )
    return report


def make_env(task: str, split: Split) -> gym.Env[Any, Any]:
    """The environment of a task, by its id."""
    return gym.make(find_task(task).id, split=split)


def _description(config: EpisodesConfig) -> str:
    task = find_task(config.task)
    return (
        f"{config.episodes} episodes of each of {', '.join(config.names)} in {task.id}: {task.summary}. "
        f"Targets of the split {config.split}, seed {config.seed}. The reference scores are mean returns: of "
        "random schedules, and of the schedules that made the targets, on the targets' own materials with "
        "new noise."
    )


@dataclass(frozen=True)
class _Recorder:
    """Makes the worker that runs episodes."""

    config: EpisodesConfig
    policies: Mapping[str, Policy]

    def check(self) -> None:
        """Load the agents once.

        Raises:
            InputError: one of them doesn't fit the task.
        """
        # Before the environment is made, which takes longer.
        agents = self._loaded()
        if agents:
            self._fitting(agents, make_env(self.config.task, self.config.split))

    def __call__(self) -> Callable[[tuple[str, int], Callable[[], bool]], RecordedEpisode]:
        config = self.config
        task = find_task(config.task)
        targets = load_targets(task)
        env = make_env(config.task, config.split)
        agents = {**self._fitting(self._loaded(), env), **self.policies}
        film: Any = env.unwrapped
        knobs = tuple(knob.name for knob in film.panel.knobs)
        # Each target is met equally often.
        rows = np.random.default_rng(config.seed).permutation(targets.rows(config.split))

        def run(job: tuple[str, int], stopped: Callable[[], bool]) -> RecordedEpisode:
            name, episode = job
            row = int(rows[episode % len(rows)])
            seed = training_seed(config.seed, 0, episode)
            if name in agents:
                policy: Policy = agents[name]
            elif name == RECIPE:
                policy = RecipePolicy()
            elif name == OWN:
                policy = SchedulePolicy(targets.actions[row])
            else:
                generator = np.random.default_rng((_SCHEDULES, seed))
                policy = SchedulePolicy(random_schedule(generator, knobs, task.steps))
            return run_episode(
                env,
                policy,
                name=name,
                seed=seed,
                target=(targets.names[row], targets.frames[row]),
                material=targets.materials[row] if name == OWN else {},
            )

        return run

    def _loaded(self) -> dict[str, Agent]:
        return {name: load_agent(folder) for name, folder in self.config.folders.items()}

    def _fitting(self, agents: Mapping[str, Agent], env: gym.Env[Any, Any]) -> dict[str, Policy]:
        return {name: agent_policy(agent, env, self.config.task) for name, agent in agents.items()}
