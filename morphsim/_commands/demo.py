"""`morphsim demo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from morphsim._commandline import only, show, show_json
from morphsim.demo import DemoConfig, run_demo
from morphsim.encoder import TrainingDiverged


@dataclass(frozen=True, kw_only=True)
class Options(DemoConfig):
    """Run the whole workflow once: films, encoder, agent, comparison, and a page with the results.

    Example: morphsim demo --out runs/demo
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (TrainingDiverged,)

    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Do nothing: the configuration that `run` builds makes the checks, with its own messages."""

    def run(self) -> None:
        """Run the demo and print its table."""
        result = run_demo(only(DemoConfig, self))
        if self.json:
            show_json(result.to_dict())
        else:
            show(result.evaluation.render())
            show(f"\nFigures: {result.page}")
