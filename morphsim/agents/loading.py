"""Loading of agents of every kind."""

from __future__ import annotations

from pathlib import Path

from morphsim.agents.agent import Agent
from morphsim.agents.agent import load_agent as load_single_agent
from morphsim.agents.steering.agent import POLICY, SteeringAgent, is_steering_agent, load_steering_agent
from morphsim.errors import InputError
from morphsim.files import is_folder
from morphsim.suggest import did_you_mean

SHIPPED = Path(__file__).resolve().parents[1] / "assets" / "agents"
"""Folder of the agents that come with the package, each in a folder of its name."""


def load_agent(name_or_folder: str | Path, device: str = "auto") -> Agent | SteeringAgent:
    """Load a shipped agent by name, or any agent from the folder that its training wrote.

    Both kinds have `predict`, as policies of Stable-Baselines3 have, and `make_env`.

    Args:
        name_or_folder: name of a shipped agent, such as `default`, or folder of an agent; nothing outside
            it is read.
        device: `auto` (the CPU), `cpu` or `cuda`; agents for all targets of a task are always on the CPU.

    Returns:
        An `Agent`, which steers to its own target, or a `SteeringAgent`, which steers to any target of its
        task.

    Raises:
        InputError: no such agent or device, or a file that is missing, truncated or altered.
    """
    shipped = shipped_agents()
    folder = shipped.get(str(name_or_folder), Path(name_or_folder))
    if not is_folder(folder):
        hint = did_you_mean(str(name_or_folder), sorted(shipped)) if shipped else "none is shipped"
        raise InputError(
            f"{name_or_folder} is not a folder, and no shipped agent has this name; give the folder of an "
            f"agent, or a shipped one: {hint}"
        )
    return load_steering_agent(folder) if is_steering_agent(folder) else load_single_agent(folder, device)


def shipped_agents() -> dict[str, Path]:
    """The folders of the shipped agents by name."""
    return {path.parent.name: path.parent for path in sorted(SHIPPED.glob(f"*/{POLICY}"))}
