"""`morphsim train-agent`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import ClassVar, Literal

from morphsim._commandline import only, show, show_json
from morphsim.agents import AgentConfig, SteeringConfig, train_agent, train_steering_agent
from morphsim.agents.curves import read_curves
from morphsim.agents.steering.record import read_rounds
from morphsim.encoder import TrainingDiverged

_MOST_COMPARED = 20
_MODEL_BASED = "model-based"


def options_for(words: Sequence[str]) -> type[Options] | type[ModelBasedOptions]:
    """The options of the preset that the words name."""
    named = [after for word, after in pairwise([*words, ""]) if word == "--preset"]
    named += [word.removeprefix("--preset=") for word in words if word.startswith("--preset=")]
    return ModelBasedOptions if _MODEL_BASED in named else Options


@dataclass(frozen=True, kw_only=True)
class Options(AgentConfig):
    """Train an agent to steer films towards a target, on latents of an encoder; --resume continues.

    Example: morphsim train-agent --target target.h5:10 --knobs evaporation temperature --out runs/agent
    Example: morphsim train-agent --preset model-based --task DryingUnknown-v1 --out runs/steering
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (TrainingDiverged,)

    encoder: str = "default"
    """Name of a shipped encoder, or the folder of an encoder."""
    preset: Literal["ppo", "sac", "model-based"] | None = None
    """ppo and sac learn from nothing and for one target, as --algorithm says; model-based learns from a
    library of films for all targets of a task, and has other options (--preset model-based --help)."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Do nothing: the configuration that `run` builds makes the checks, with its own messages."""

    def run(self) -> None:
        """Train the agent and print the final distances of its films."""
        config = only(AgentConfig, self)
        if self.preset in ("ppo", "sac"):
            config = replace(config, algorithm=self.preset)
        agent = train_agent(config)
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


@dataclass(frozen=True, kw_only=True)
class ModelBasedOptions(SteeringConfig):
    """Train one agent for all targets of a task, from a library of films; --resume continues.

    Example: morphsim train-agent --preset model-based --task DryingUnknown-v1 --workers 2 --out runs/steering
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (TrainingDiverged,)

    preset: Literal["model-based"] = "model-based"
    """The way of learning."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Do nothing: the configuration that `run` builds makes the checks, with its own messages."""

    def run(self) -> None:
        """Train the agent and print the distances of its films from the validation targets."""
        agent = train_steering_agent(only(SteeringConfig, self))
        rounds = read_rounds(self.out)
        if self.json:
            show_json(
                {
                    "out": str(self.out),
                    "task": agent.task.name,
                    "films": agent.films,
                    "validation_distances": [each.distance for each in rounds],
                }
            )
            return
        show(f"{self.out}: agent for all targets of {agent.task.name}, trained on {agent.films} films")
        for each in rounds:
            show(f"round {each.number}: {each.films} films, median validation distance {each.distance:.4f}")
