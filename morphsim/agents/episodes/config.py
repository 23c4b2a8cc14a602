"""Options of a recording of episodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from morphsim.checks import MOST_PROCESSES, check_choice, check_seed, check_tuple, check_whole, shown
from morphsim.errors import InputError
from morphsim.tasks import SPLITS, Split, find_task

RANDOM, RECIPE, OWN = "random", "recipe", "own"
BUILT_IN = (RANDOM, RECIPE, OWN)
"""Policies that need no agent."""

_MOST_POLICIES = 32
_MOST_EPISODES = 1_000_000
_POLICY = re.compile(r"[A-Za-z0-9_]+")
# Those that `minari.dataset.minari_dataset.parse_dataset_id` takes, with a namespace of two or more letters
# and a version.
_ID = re.compile(r"[-_A-Za-z0-9]{2,}(/[-_A-Za-z0-9]+)+-v[0-9]+")


@dataclass(frozen=True, kw_only=True)
class EpisodesConfig:
    """Which episodes of a task are recorded, and where.

    Raises:
        InputError: a value is out of range.
    """

    task: str
    """Name of the task, such as Drying-v1."""
    policies: tuple[str, ...] = BUILT_IN
    """random (schedules of one to five constant pieces), recipe (knobs as in the recipe), own (the schedule
    that made the target, on the target's material) and agents as NAME=FOLDER."""
    episodes: int = 100
    """Episodes of each policy. All policies have the same films and targets."""
    split: Split = "train"
    """Which of the task's targets."""
    dataset_id: str | None = None
    """Minari's id of the data set, NAMESPACE/NAME-v0 (default: morphsim/TASK/POLICIES-v0)."""
    seed: int = 0
    """Seed of films, targets and random schedules."""
    workers: int = 1
    """Parallel processes that make films; the result doesn't depend on their number."""

    def __post_init__(self) -> None:
        find_task(self.task)
        check_tuple("policies", self.policies, 1, _MOST_POLICIES, f"1 to {_MOST_POLICIES} policies")
        for text in self.policies:
            if not isinstance(text, str) or not _POLICY.fullmatch(text.partition("=")[0]):
                raise InputError(
                    f"policies has {shown(text)}; use {', '.join(BUILT_IN)}, or NAME=FOLDER for an agent, "
                    "with a name of letters, digits and _"
                )
            name, equals, folder = text.partition("=")
            if equals and (name in BUILT_IN or not folder):
                raise InputError(f"policies has {text!r}; give an agent another name, and its folder")
        if len(set(self.names)) < len(self.names):
            raise InputError(f"policies has a name twice: {', '.join(self.names)}; give each another name")
        check_whole("episodes", self.episodes, 1, _MOST_EPISODES)
        check_choice("split", self.split, SPLITS)
        check_seed("seed", self.seed)
        check_whole("workers", self.workers, 1, MOST_PROCESSES)
        if self.dataset_id is not None and (
            not isinstance(self.dataset_id, str) or not _ID.fullmatch(self.dataset_id)
        ):
            raise InputError(
                f"dataset_id is {shown(self.dataset_id)}; it must be NAMESPACE/NAME-v0, with two or "
                "more letters, digits, - and _, such as morphsim/drying-v0"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the policies."""
        return tuple(text.partition("=")[0] for text in self.policies)

    @property
    def folders(self) -> dict[str, Path]:
        """The folders of the agents, by the names of their policies."""
        parts = [text.partition("=") for text in self.policies]
        return {name: Path(folder) for name, equals, folder in parts if equals}

    @property
    def id(self) -> str:
        """Minari's id of the data set."""
        default = f"morphsim/{find_task(self.task).name}/{'-'.join(self.names)}-v0"
        return default if self.dataset_id is None else self.dataset_id
