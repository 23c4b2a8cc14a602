"""Loading of agents of every kind."""

from __future__ import annotations

from pathlib import Path

from morphsim.agents.agent import Agent
from morphsim.agents.agent import load_agent as load_single_agent
from morphsim.agents.steering.agent import SteeringAgent, is_steering_agent, load_steering_agent


def load_agent(folder: str | Path, device: str = "auto") -> Agent | SteeringAgent:
    """Load an agent from the folder that its training wrote.

    Both kinds have `predict`, as policies of Stable-Baselines3 have, and `make_env`.

    Args:
        folder: folder of the agent; nothing outside it is read.
        device: `auto` (the CPU), `cpu` or `cuda`; agents for all targets of a task are always on the CPU.

    Returns:
        An `Agent`, which steers to its own target, or a `SteeringAgent`, which steers to any target of its
        task.

    Raises:
        InputError: a file is missing, truncated or altered, or there is no such device.
    """
    folder = Path(folder)
    return load_steering_agent(folder) if is_steering_agent(folder) else load_single_agent(folder, device)
