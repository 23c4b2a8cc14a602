"""Configuration of the training of a steering agent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from morphsim.checks import (
    LARGEST,
    MOST_PROCESSES,
    MOST_THREADS,
    check_flag,
    check_number,
    check_seed,
    check_whole,
)
from morphsim.limits import MOST_FILMS
from morphsim.tasks import find_task


@dataclass(frozen=True, kw_only=True)
class SteeringConfig:
    """The training of one agent for all targets of a task, from a library of films.

    Raises:
        InputError: a value is out of range.
    """

    task: str = "DryingUnknown-v1"
    """Name of the task."""
    out: Path = Path("runs/steering")
    """Folder for the agent, its library and its record."""
    films: int = 6000
    """Films with random schedules to begin with."""
    rounds: int = 1
    """Rounds in which the agent makes films of its own, and learns from them too."""
    films_per_round: int = 1500
    """Films of a round."""
    validation: int = 24
    """Validation targets by which the best round is chosen, one film for each; at most all there are."""
    surrogates: int = 2
    """Number of surrogates, whose spread shows what is not known."""
    units: int = 384
    """Units of each of the planner's three hidden layers."""
    memory: int = 128
    """Units of the memories of surrogates and planner."""
    surrogate_steps: int = 7000
    """Gradient steps of each surrogate in each round."""
    planner_steps: int = 12_000
    """Gradient steps of the planner in each round."""
    caution: float = 0.3
    """Weight of the spread of the surrogates in the planner's loss."""
    drafts: float = 0.3
    """Largest standard deviation of drafts to learn from; they follow from calm films exactly."""
    exploration: float = 0.15
    """Standard deviation of the noise on the actions of the agent's own films."""
    seed: int = 0
    """Seed of the networks and of the rounds."""
    workers: int = 1
    """Processes that make films and train surrogates; the agent doesn't depend on their number."""
    threads: int = 1
    """CPU threads of torch."""
    resume: bool = False
    """Go on with the films that the folder holds."""

    def __post_init__(self) -> None:
        find_task(self.task)
        for name, least, most in (
            ("films", 2, MOST_FILMS),
            ("rounds", 0, 1000),
            ("films_per_round", 1, MOST_FILMS),
            ("validation", 1, MOST_FILMS),
            ("surrogates", 1, 100),
            ("units", 1, 8192),
            ("memory", 1, 8192),
            ("surrogate_steps", 2, LARGEST),
            ("planner_steps", 2, LARGEST),
            ("workers", 1, MOST_PROCESSES),
            ("threads", 1, MOST_THREADS),
        ):
            check_whole(name, getattr(self, name), least, most)
        check_number("caution", self.caution, 0.0, 100.0)
        check_number("drafts", self.drafts, 0.0, 1.0)
        check_number("exploration", self.exploration, 0.0, 1.0)
        check_seed("seed", self.seed)
        check_flag("resume", self.resume)
