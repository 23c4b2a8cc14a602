"""`morphsim train-agent`."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from morphsim._commandline import only, show, show_json
from morphsim.agents import AgentConfig, train_agent
from morphsim.agents.curves import read_curves
from morphsim.encoder import TrainingDiverged

_MOST_COMPARED = 20


@dataclass(frozen=True, kw_only=True)
class Options(AgentConfig):
    """Train an agent to steer films towards a target, on latents of an encoder; --resume continues.

    Example: morphsim train-agent --target target.h5:10 --knobs evaporation temperature --out runs/agent
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (TrainingDiverged,)

    encoder: str = "default"
    """Name of a shipped encoder, or the folder of an encoder."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Do nothing: the configuration that `run` builds makes the checks, with its own messages."""

    def run(self) -> None:
        """Train the agent and print the final distances of its films."""
        agent = train_agent(only(AgentConfig, self))
        episodes = read_curves(self.out)
        distances = [episode.final_distance for episode in episodes]
        compared = min(_MOST_COMPARED, max(1, len(distances) // 2))
        first, last = distances[:compared], distances[-compared:]
        if self.json:
            show_json(
                {
                    "out": str(self.out),
                    "algorithm": agent.setup.config.algorithm,
                    "knobs": list(agent.setup.spec.knobs),
                    "episodes": len(episodes),
                    "median_final_distance_first": median(first) if first else None,
                    "median_final_distance_last": median(last) if last else None,
                }
            )
            return
        show(f"{self.out}: {agent.setup.config.algorithm} on {len(episodes)} films")
        if episodes:
            show(
                f"median distance of the last frame from the target: {median(first):.4f} in the first "
                f"{len(first)}, {median(last):.4f} in the last {len(last)}"
            )
