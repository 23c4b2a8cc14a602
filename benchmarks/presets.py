"""What it costs to train an agent on each task: films and steps a second, and hours of each preset.

    python benchmarks/presets.py [--tasks Drying-v1 ...] [--workers 2] [--json] [--quick]

Films follow random schedules in all processes at once. PPO and SAC of Stable-Baselines3 learn from one
environment in each process, long enough to tell their steps a second. The networks of the preset
`model-based` make some gradient steps on the films that were made. The hours follow from these rates: for
PPO and SAC those of `--total-steps`, for one target; for `model-based` those of its default films, rounds and
gradient steps, for all targets of the task.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from _harness import BenchmarkOptions, Outcome, run, say, table

from morphsim.agents.steering.config import SteeringConfig
from morphsim.agents.steering.examples import Examples, latents_of
from morphsim.agents.steering.learning import train_planner, train_surrogate
from morphsim.agents.steering.library import library_of
from morphsim.agents.steering.networks import Planner, Surrogate
from morphsim.encoder import load_encoder
from morphsim.errors import InputError
from morphsim.rewards import latent_unit
from morphsim.tasks import TASKS, Film, MadeFilm, Task, find_task, make_films, random_schedule
from morphsim.tasks.films import film_environment

_SEED = 3_000_000


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure what it costs to train an agent on each task."""

    tasks: tuple[str, ...] = tuple(TASKS)
    """Names of tasks."""
    films: int = 80
    """Films of each task."""
    learning_steps: int = 256
    """Steps that PPO and SAC learn from."""
    gradient_steps: int = 60
    """Gradient steps of each network of the preset model-based."""
    total_steps: int = 100_000
    """Steps of a whole training with PPO or SAC."""
    workers: int = 2
    """Processes."""


def measure(options: Options) -> Outcome:
    """Measure each task."""
    if options.quick:
        options = replace(options, tasks=("Annealing-v1",), films=4, learning_steps=16, gradient_steps=3)
    torch.set_num_threads(1)
    found = {}
    for name in options.tasks:
        say(name)
        found[name] = costs(find_task(name), options)
    header = ("task", "films/s", "steps/s", "PPO steps/s", "SAC steps/s", "PPO h", "SAC h", "model-based h")
    rows = [(name, *row.values()) for name, row in found.items()]
    return Outcome({"total_steps": options.total_steps, "tasks": found}, [], table(header, rows))


def costs(task: Task, options: Options) -> dict[str, float]:
    """Rates and hours of one task."""
    films, seconds = _films(task, options)
    steps = sum(len(film.actions) for film in films)
    rates = {name: _learning_rate(task, name, options) for name in ("PPO", "SAC")}
    films_per_second = len(films) / seconds
    hours = {name: options.total_steps / rate / 3600.0 for name, rate in rates.items()}
    return {
        "films_per_second": films_per_second,
        "steps_per_second": steps / seconds,
        "ppo_steps_per_second": rates["PPO"],
        "sac_steps_per_second": rates["SAC"],
        "ppo_hours": hours["PPO"],
        "sac_hours": hours["SAC"],
        "model_based_hours": _model_based(task, films, films_per_second, options),
    }


def _films(task: Task, options: Options) -> tuple[list[MadeFilm], float]:
    """Random films, and the seconds that they took once the processes had started."""
    knobs = tuple(knob.name for knob in film_environment(task).panel.knobs)

    def planned(first: int, count: int) -> list[Film]:
        return [
            Film(seed=seed, actions=random_schedule(np.random.default_rng(seed), knobs, task.steps))
            for seed in range(first, first + count)
        ]

    def seconds(films: list[Film]) -> tuple[list[MadeFilm], float]:
        started = time.perf_counter()
        made = make_films(task, films, workers=options.workers, show_progress=False)
        return made, time.perf_counter() - started

    # Loops are compiled in the first call. The start of the processes takes as long as some films, and a long
    # library hardly sees it, so it is measured with few films, and taken off.
    few = planned(_SEED, options.workers)
    seconds(few)
    _, start = seconds(few)
    made, whole = seconds([*few, *planned(_SEED + options.workers, options.films)])
    if whole <= start:
        raise InputError(f"{options.films} films are too few to be told from the start of the processes")
    return made[options.workers :], whole - start


def _learning_rate(task: Task, name: str, options: Options) -> float:
    """Steps a second of an algorithm of Stable-Baselines3, learning included."""
    import stable_baselines3
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import SubprocVecEnv

    envs = make_vec_env(
        task.id, n_envs=options.workers, vec_env_cls=SubprocVecEnv, vec_env_kwargs={"start_method": "spawn"}
    )
    try:
        arguments: dict[str, Any] = {"gamma": 1.0, "device": "cpu", "seed": 0}
        if name == "PPO":
            steps = options.learning_steps // options.workers
            arguments |= {"n_steps": steps, "batch_size": min(64, steps * options.workers)}
        else:
            arguments |= {"learning_starts": 2 * options.workers, "gradient_steps": -1, "buffer_size": 10_000}
        model = getattr(stable_baselines3, name)("MlpPolicy", envs, **arguments)
        # What is compiled and reset at first is not counted.
        model.learn(2 * options.workers)
        return options.learning_steps / _seconds(lambda: model.learn(options.learning_steps))
    finally:
        envs.close()


def _model_based(task: Task, films: list[MadeFilm], films_per_second: float, options: Options) -> float:
    """Hours of the preset model-based with its default budget."""
    budget = SteeringConfig(task=task.name)
    encoder = load_encoder(task.encoder, device="cpu")
    sensors = film_environment(task).settings.sensors
    encoding = _seconds(lambda: library_of(task, encoder, films, first=0, sensors=sensors)) / len(films)
    library = library_of(task, encoder, films, first=0, sensors=sensors)
    unit = latent_unit(encoder)
    examples = Examples(library, task, unit=unit, drafts=budget.drafts)
    surrogates = [Surrogate(examples.sizes, budget.memory, 0.05) for _ in range(budget.surrogates)]
    planner = Planner(examples.sizes, budget.memory, budget.units)
    count = options.gradient_steps
    surrogate = _seconds(lambda: train_surrogate(surrogates[0], examples, steps=count)) / count
    planning = (
        _seconds(
            lambda: train_planner(
                planner,
                surrogates,
                examples,
                latents_of(library.last, unit),
                steps=count,
                caution=budget.caution,
            )
        )
        / count
    )
    networks = -(-budget.surrogates // options.workers) * budget.surrogate_steps * surrogate
    learning = networks + budget.planner_steps * planning
    made = budget.films + budget.rounds * budget.films_per_round
    return (made * (1.0 / films_per_second + encoding) + (1 + budget.rounds) * learning) / 3600.0


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(run("presets", Options, measure))
