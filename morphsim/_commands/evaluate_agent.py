"""`morphsim evaluate-agent`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import only, show, show_json
from morphsim.agents import EvaluationConfig, evaluate_agent


@dataclass(frozen=True, kw_only=True)
class Options(EvaluationConfig):
    """Compare an agent with baselines on the same new films, by the final distances from the target.

    Example: morphsim evaluate-agent runs/agent --seeds 20 --own target.toml
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    agent: Annotated[Positional[Path], arg(metavar="AGENT")]
    """Folder of the agent."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Do nothing: the configuration that `run` builds makes the checks, with its own messages."""

    def run(self) -> None:
        """Make the films and print the comparison."""
        evaluation = evaluate_agent(only(EvaluationConfig, self))
        if self.json:
            show_json(evaluation.to_dict())
        else:
            show(evaluation.render())
