"""`morphsim steer`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from morphsim._commandline import show, show_json
from morphsim.agents import SteeringAgent, load_agent
from morphsim.agents.steering.output import PICTURE, RECIPE, SCHEDULE, write_steered
from morphsim.agents.steering.steer import read_steering_target, steer
from morphsim.device import DeviceName
from morphsim.encoder import load_encoder
from morphsim.errors import InputError
from morphsim.simulator import find_process
from morphsim.simulator.resolve import changed_parameters


@dataclass(frozen=True, kw_only=True)
class Options:
    """Let an agent steer a film to a target: its recipe, its schedule and a picture.

    Example: morphsim steer --target columns --out runs/columns
    Example: morphsim steer --agent runs/steering --target film.h5:3 --set chi=1.05 --out runs/copy
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    target: str
    """The name of a target of the agent's task, such as columns, or FILE, or FILE:ROW."""
    agent: str = "default"
    """Name of a shipped agent, or folder of an agent for all targets of a task (train-agent --preset
    model-based)."""
    out: Path = Path("runs/steered")
    """Folder for the film's recipe, its schedule and its picture."""
    seed: int = 0
    """Seed of the film: its hidden parameters and its noise."""
    set: tuple[str, ...] = field(default=())
    """NAME=VALUE: parameters of the film, which the agent is not told."""
    device: DeviceName = "auto"
    """Device of the film and of the encoder; the agent is on the CPU."""
    json: bool = False
    """Print the result as JSON."""

    def run(self) -> None:
        """Make the film, write its files, and print how near it came."""
        agent = load_agent(self.agent)
        if not isinstance(agent, SteeringAgent):
            raise InputError(
                f"{self.agent} holds an agent for one target; give one for all targets of a task, as "
                "train-agent --preset model-based makes"
            )
        encoder = load_encoder(agent.task.encoder, device=self.device)
        kind = find_process(agent.task.process).recipe
        material = changed_parameters(kind, self.set)
        film = steer(
            agent,
            read_steering_target(agent, self.target, encoder),
            seed=self.seed,
            material=material,
            encoder=encoder,
            device=self.device,
        )
        write_steered(self.out, film)
        if self.json:
            show_json(
                {
                    "out": str(self.out),
                    "distance": film.distances[-1],
                    "time_s": film.time_s[-1],
                    "steps": len(film.time_s) - 1,
                    "hidden": {"estimated": film.hidden, "true": film.true},
                }
            )
            return
        show(
            f"distance {film.distances[-1]:.4f} from the target after {len(film.time_s) - 1} steps and "
            f"{film.time_s[-1]:.4g} s"
        )
        for name, value in film.hidden.items():
            show(f"  {name}: {film.true[name]:.3g}, taken for {value:.3g}")
        for name in (RECIPE, SCHEDULE, PICTURE):
            show(f"  {self.out / name}")
