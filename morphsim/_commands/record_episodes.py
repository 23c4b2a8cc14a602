"""`morphsim record-episodes`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import only, show, show_json
from morphsim.agents.episodes import EpisodesConfig, record_episodes


@dataclass(frozen=True, kw_only=True)
class Options(EpisodesConfig):
    """Record episodes of a task, by random schedules, known ones or agents, as a data set of Minari.

    The data set stands in ~/.minari/datasets, or in the folder that MINARI_DATASETS_PATH names.

    Example: morphsim record-episodes Drying-v1 --policies random own --episodes 100 --workers 2
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    task: Annotated[Positional[str], arg(metavar="TASK")]
    """Name of the task, such as Drying-v1."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Do nothing: the configuration that `run` builds makes the checks, with its own messages."""

    def run(self) -> None:
        """Make the films and print the scores of the policies."""
        report = record_episodes(only(EpisodesConfig, self))
        if self.json:
            show_json(report.to_dict())
        else:
            show(report.render())
