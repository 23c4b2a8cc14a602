"""The agents that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from morphsim import load_encoder
from morphsim.agents import SteeringAgent, load_agent
from morphsim.agents.loading import shipped_agents
from morphsim.cli import main

TASKS = {"default": "DryingUnknown-v1"}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "steering.md"


def shipped(name: str) -> SteeringAgent:
    agent = load_agent(name)
    assert isinstance(agent, SteeringAgent)
    return agent


def test_the_agents_are_small() -> None:
    found = shipped_agents()
    assert found.keys() == TASKS.keys()
    sizes = [path.stat().st_size for folder in found.values() for path in folder.iterdir()]
    assert max(sizes) < 4e6


@pytest.mark.parametrize("name", TASKS)
def test_an_agent_is_of_its_task_and_its_page(name: str) -> None:
    agent = shipped(name)
    assert agent.task.name == TASKS[name]
    agent.check_encoder(load_encoder(agent.task.encoder, device="cpu"))
    row = next(
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}`")
    )
    assert f"`{agent.task.name}`" in row and f" {agent.films:,} " in row


@pytest.mark.parametrize("name", TASKS)
def test_an_agent_steers_a_film_nearer_to_its_target(name: str) -> None:
    agent = shipped(name)
    env = agent.make_env("goals")
    observation, info = env.reset(seed=1, options={"target": "coarse"})
    before, memory, over = info["distance"], None, False
    while not over:
        action, memory = agent.predict(observation, memory)
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    assert info["distance"] < before
    assert all(np.isfinite(value).all() for value in agent.hidden_parameters(memory).values())


def test_the_command_steers_with_the_default_agent(tmp_path: Path) -> None:
    assert main(["steer", "--target", "columns", "--out", str(tmp_path / "columns")]) == 0
    assert (tmp_path / "columns" / "film.toml").is_file()


def test_an_unknown_agent_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["steer", "--agent", "defalt", "--target", "columns", "--out", str(tmp_path / "out")]) == 2
    assert "defalt" in capsys.readouterr().err
