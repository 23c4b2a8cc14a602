"""Training of a steering agent: a library of films, surrogates, a planner, and rounds of its own films."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable

import numpy as np
import torch

from morphsim.agents.seeds import training_seed
from morphsim.agents.steering.agent import SteeringAgent, load_steering_agent
from morphsim.agents.steering.config import SteeringConfig
from morphsim.agents.steering.examples import Examples, latents_of
from morphsim.agents.steering.learning import train_planner, train_surrogate
from morphsim.agents.steering.library import FilmLibrary, library_of, make_library
from morphsim.agents.steering.networks import Planner, Surrogate
from morphsim.agents.steering.own_films import OwnFilm, make_own_films
from morphsim.agents.steering.record import Round, write_rounds
from morphsim.device import set_threads
from morphsim.encoder import Encoder, TrainingDiverged, load_encoder
from morphsim.errors import InputError
from morphsim.files import read_json, write_json
from morphsim.json_values import json_values
from morphsim.locks import claimed_folder
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.rewards import latent_unit
from morphsim.tasks import Task, find_task, load_targets

LIBRARY, CONFIG = "library.safetensors", "config.json"
# The round of the films by which the best round is chosen.
_CHOICE = 1_000_000
# The round of the seeds of surrogates.
_SURROGATE = 2_000_000
_ROUND = 1_000_000
"""Numbers of films in a library from one round to the next."""
# Films that are made before the library is written, and lost if the run is killed.
_AT_ONCE = 200
_FREE = ("out", "workers", "threads", "resume")
DROPOUT = 0.05


def train_steering_agent(config: SteeringConfig, *, show_progress: bool = True) -> SteeringAgent:
    """Train one agent for all targets of a task, on the latents of the task's encoder.

    A library of films with random schedules on random materials comes first. From it learn surrogates that
    predict how a film goes on, and a planner that is trained through them. Then the agent makes films of its
    own, from which all learn again, for some rounds. After each, it steers one film to each of the task's
    validation targets; the agent with the smallest median distance is kept.

    The folder `config.out` gets the agent, its library, `rounds.csv` and `config.json`. A run that was
    stopped goes on with `resume`, from the films that it has made.

    Args:
        config: options of the run.
        show_progress: whether to show progress bars on stderr.

    Returns:
        The best agent.

    Raises:
        InputError: the folder holds another run, or an option does not fit.
        MachineError: another run writes to the folder, a worker was killed, or the disk is full.
        TrainingDiverged: a weight became NaN or infinite.
    """
    with claimed_folder(config.out):
        _check_folder(config)
        threads = torch.get_num_threads()
        set_threads(config.threads)
        try:
            with torch.random.fork_rng(devices=[]):
                _Run(config, show_progress).train()
        finally:
            torch.set_num_threads(threads)
    return load_steering_agent(config.out)


def _check_folder(config: SteeringConfig) -> None:
    path = config.out / CONFIG
    mine = json_values(_identity(config))
    if not path.exists():
        write_json(path, mine)
        return
    if not config.resume:
        raise InputError(f"{config.out} holds an agent; continue with --resume, or choose another --out")
    found = read_json(path)
    if found != mine:
        names = found if isinstance(found, dict) else {}
        different = [name for name, value in mine.items() if names.get(name) != value]
        raise InputError(
            f"{config.out} holds a run with another {', '.join(different) or 'configuration'}; give it as it "
            "was, or choose another --out"
        )


def _identity(config: SteeringConfig) -> dict[str, object]:
    return {name: value for name, value in dataclasses.asdict(config).items() if name not in _FREE}


class _Run:
    """The state of a training run."""

    def __init__(self, config: SteeringConfig, show_progress: bool) -> None:
        self.config, self.show_progress = config, show_progress
        # Drafts follow from calm films exactly, so the films of a library have none.
        self.task = find_task(config.task)
        self.calm = dataclasses.replace(self.task, drafts=0.0)
        self.encoder = load_encoder(self.task.encoder)
        self.unit = latent_unit(self.encoder)
        path = config.out / LIBRARY
        self.library: FilmLibrary | None = FilmLibrary.load(path) if path.exists() else None
        self.rounds: list[Round] = []
        self.started = time.perf_counter()

    def train(self) -> None:
        """Make what is missing of the library and learn, round by round."""
        config = self.config
        self._fill(0, config.films, self._random_films)
        agent = self._learn(0)
        for number in range(1, config.rounds + 1):
            latest = agent
            self._fill(number, config.films_per_round, functools.partial(self._own_films, latest, number))
            agent = self._learn(number)

    def _fill(self, number: int, films: int, make: Callable[[int, int], FilmLibrary]) -> None:
        """Make the films of a round that the library lacks."""
        begin = number * _ROUND
        done = 0
        if self.library is not None:
            mine = self.library.numbers[(self.library.numbers >= begin)]
            done = int(mine.max()) - begin + 1 if len(mine) else 0
        while done < films:
            count = min(_AT_ONCE, films - done)
            made = make(done, count)
            self.library = made if self.library is None else self.library.joined(made)
            self.library.save(self.config.out / LIBRARY)
            done += count

    def _random_films(self, first: int, count: int) -> FilmLibrary:
        return make_library(
            self.calm,
            self.encoder,
            count,
            first=first,
            workers=self.config.workers,
            show_progress=self.show_progress,
        )

    def _own_films(self, agent: SteeringAgent, number: int, first: int, count: int) -> FilmLibrary:
        """Films of the agent towards last frames of the library's random films."""
        library = self._known()
        random = library.last[library.numbers < _ROUND]
        films = []
        for place in range(first, first + count):
            seed = training_seed(self.config.seed, number, place)
            row = int(np.random.default_rng(seed).integers(len(random)))
            target = random[row] / np.float32(self.unit)
            films.append(OwnFilm(seed=seed, target=target, exploration=self.config.exploration))
        made = make_own_films(
            self.calm,
            self.encoder,
            agent,
            films,
            title=f"films of round {number}",
            workers=self.config.workers,
            show_progress=self.show_progress,
        )
        begin = number * _ROUND
        return library_of(self.task, self.encoder, made, first=begin + first, sensors=library.sensors)

    def _learn(self, number: int) -> SteeringAgent:
        """Train on the films up to a round, and keep the agent if it is the best so far."""
        library = self._known().before((number + 1) * _ROUND)
        agent = learn(self.config, self.task, self.encoder, library, show_progress=self.show_progress)
        distance = self._judge(agent)
        seconds = time.perf_counter() - self.started
        self.rounds.append(Round(number=number, films=len(library), distance=distance, seconds=seconds))
        write_rounds(self.config.out, self.rounds)
        if distance <= min(each.distance for each in self.rounds):
            agent.save(self.config.out)
        return agent

    def _judge(self, agent: SteeringAgent) -> float:
        """Median distance of the agent's films from the validation targets [units of the encoder]."""
        targets = load_targets(self.task)
        frames = targets.frames[targets.rows("validation")[: self.config.validation]]
        latents = self.encoder.encode(frames) / np.float32(self.unit)
        seeds = [training_seed(self.config.seed, _CHOICE, row) for row in range(len(latents))]
        films = [OwnFilm(seed=seed, target=each) for seed, each in zip(seeds, latents, strict=True)]
        made = make_own_films(
            self.calm,
            self.encoder,
            agent,
            films,
            title="validation",
            workers=self.config.workers,
            show_progress=self.show_progress,
        )
        last = self.encoder.encode(np.stack([film.frames[-1] for film in made]))
        return float(np.median(np.linalg.norm(last / np.float32(self.unit) - latents, axis=1)))

    def _known(self) -> FilmLibrary:
        assert self.library is not None
        return self.library


def learn(
    config: SteeringConfig,
    task: Task,
    encoder: Encoder,
    library: FilmLibrary,
    *,
    show_progress: bool = True,
) -> SteeringAgent:
    """Train the networks on a library; they depend on nothing else than it and the configuration.

    Raises:
        TrainingDiverged: a weight became NaN or infinite.
    """
    unit = latent_unit(encoder)
    surrogates = _surrogates(config, task, library, unit, show_progress)
    torch.manual_seed(config.seed)
    examples = Examples(library, task, unit=unit, drafts=config.drafts)
    sizes = examples.sizes
    planner = Planner(sizes, config.memory, config.units)
    with progress("planner", config.planner_steps, unit="steps", show=show_progress) as advance:
        train_planner(
            planner,
            surrogates,
            examples,
            latents_of(library.last, unit),
            steps=config.planner_steps,
            caution=config.caution,
            advance=advance,
        )
    if not all(bool(torch.isfinite(value).all()) for value in planner.parameters()):
        raise TrainingDiverged("the networks of the agent diverged; train it with more films")
    return SteeringAgent(
        task=task,
        sizes=sizes,
        planner=planner,
        scale=examples.scale,
        encoder=encoder.hash,
        films=len(library),
    )


def _surrogates(
    config: SteeringConfig, task: Task, library: FilmLibrary, unit: float, show_progress: bool
) -> list[Surrogate]:
    """Train the surrogates, each with a seed of its own, so that they don't depend on the processes."""
    make = functools.partial(_surrogate_worker, config, task, library, unit)
    jobs = range(config.surrogates)
    with progress("surrogates", len(jobs), unit="networks", show=show_progress) as advance:
        found: list[Surrogate] = run_jobs(make, jobs, workers=config.workers, done=lambda _: advance())
    return found


def _surrogate_worker(
    config: SteeringConfig, task: Task, library: FilmLibrary, unit: float
) -> Callable[[int, Callable[[], bool]], Surrogate]:
    examples = Examples(library, task, unit=unit, drafts=config.drafts)

    def train(number: int, stopped: Callable[[], bool]) -> Surrogate:
        torch.manual_seed(training_seed(config.seed, _SURROGATE, number))
        network = Surrogate(examples.sizes, config.memory, DROPOUT)
        train_surrogate(network, examples, steps=config.surrogate_steps)
        return network

    return train
