from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from morphsim.agents import (
    TRAINING_SEEDS,
    Agent,
    AgentConfig,
    PPOConfig,
    SACConfig,
    load_agent,
    train_agent,
)
from morphsim.agents.environment import LimitEnds
from morphsim.agents.seeds import EpisodeSeeds
from morphsim.encoder import TrainingDiverged
from morphsim.errors import InputError
from morphsim.files import load_tree, read_json

Configs = Callable[..., AgentConfig]
OBSERVATIONS = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)


def curves(folder: Path) -> list[dict[str, float]]:
    with (folder / "curves.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def first_actions(agent: Agent) -> Any:
    return agent.act(OBSERVATIONS)


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_training_writes_an_agent_that_loads_with_the_same_actions(
    trained: Callable[[str], Agent], algorithm: str
) -> None:
    agent = trained(algorithm)
    again = load_agent(agent.folder)
    actions = first_actions(agent)
    assert actions.shape == (6, 1) and actions.dtype == np.float32 and np.abs(actions).max() <= 1
    np.testing.assert_array_equal(actions, first_actions(again))
    np.testing.assert_allclose(agent.act(OBSERVATIONS[0]), agent.act(OBSERVATIONS)[0], atol=1e-6)
    for name, value in agent.model.policy.state_dict().items():
        assert torch.equal(value, again.model.policy.state_dict()[name])
    if algorithm == "sac":
        assert torch.equal(agent.model.log_ent_coef, again.model.log_ent_coef)
        assert agent.model.log_ent_coef.item() != 0.0


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_curves_have_a_row_for_each_episode(trained: Callable[[str], Agent], algorithm: str) -> None:
    rows = curves(trained(algorithm).folder)
    assert [row["episode"] for row in rows] == list(range(1, 53))
    assert [row["step"] for row in rows] == list(range(4, 209, 4))
    assert all(row["length"] == 4 and row["final_distance"] >= 0 for row in rows)
    assert len({row["return"] for row in rows}) > 40


def test_the_entropy_starts_with_the_weight_that_is_asked_for(make_config: Configs, tmp_path: Path) -> None:
    sac = SACConfig(learning_starts=100, temperature=0.2)
    agent = train_agent(
        make_config(tmp_path / "a", algorithm="sac", total_steps=4, sac=sac), show_progress=False
    )
    assert agent.model.log_ent_coef.exp().item() == pytest.approx(0.2)


def test_training_changes_the_networks(
    trained: Callable[[str], Agent], make_config: Configs, tmp_path: Path
) -> None:
    untrained = train_agent(
        make_config(tmp_path / "few", total_steps=16, learning_rate=1e-12), show_progress=False
    )
    assert np.abs(first_actions(trained("ppo")) - first_actions(untrained)).max() > 1e-3


def test_the_return_of_progress_is_the_distance_gained(trained: Callable[[str], Agent]) -> None:
    env = trained("ppo").make_env()
    _, info = env.reset(seed=1)
    first, total, over = info["distance"], 0.0, False
    while not over:
        _, reward, terminated, truncated, info = env.step(np.zeros(1, np.float32))
        total, over = total + float(reward), terminated or truncated
    assert total == pytest.approx(first - info["distance"], abs=1e-6)


def test_the_folder_holds_all_that_the_agent_needs(
    make_config: Configs, material: Path, tmp_path: Path
) -> None:
    (tmp_path / "away").mkdir()
    encoder = tmp_path / "away" / "encoder"
    encoder.mkdir()
    for name in ("weights.safetensors", "config.json"):
        (encoder / name).write_bytes((material / "encoder" / name).read_bytes())
    agent = train_agent(
        make_config(tmp_path / "a", total_steps=16, encoder=str(encoder)), show_progress=False
    )
    (tmp_path / "away").rename(tmp_path / "gone")
    moved = agent.folder.rename(tmp_path / "moved")
    again = load_agent(str(moved))
    np.testing.assert_array_equal(first_actions(agent), first_actions(again))
    env = again.make_env()
    observation, info = env.reset(seed=3)
    assert observation.shape == (5,) and env.observation_space.contains(observation)
    assert info["encoder_hash"] == again.setup.encoder.hash
    assert again.setup.target.shape == (2, 16, 48)
    stored = read_json(moved / "config.json")
    assert stored["encoder"]["sha256"] == again.setup.encoder.hash
    assert stored["environment"]["knobs"] == ["temperature"]
    assert stored["environment"]["recipe"]["duration"] == 0.02
    assert not list(moved.rglob("*.pkl")) and not list(moved.rglob("*.zip"))


def test_a_drying_film_is_steered_by_the_chosen_knobs(make_config: Configs, tmp_path: Path) -> None:
    config = make_config(tmp_path / "a", env="drying", knobs=("temperature", "evaporation"), total_steps=16)
    agent = train_agent(config, show_progress=False)
    assert agent.setup.spec.knobs == ("temperature", "evaporation")
    env = agent.make_env()
    observation, _ = env.reset(seed=0)
    assert observation.shape == (6,)
    action = agent.act(observation)
    assert action.shape == (2,)
    _, _, _, _, info = env.step(np.array([1.0, 0.0], np.float32))
    assert info["temperature_K"] == pytest.approx(338.15, abs=1e-3)
    assert env.get_wrapper_attr("frame").shape == (16, 48)


def test_environments_run_in_processes(make_config: Configs, tmp_path: Path) -> None:
    config = make_config(tmp_path / "a", n_envs=2, total_steps=16, checkpoint_every=16)
    agent = train_agent(config, show_progress=False)
    rows = curves(agent.folder)
    assert [row["step"] for row in rows] == [8, 8, 16, 16]
    assert len({row["final_distance"] for row in rows}) == 4
    assert load_tree(agent.folder / "checkpoint.safetensors")["begun"] == [3, 3]
    assert first_actions(agent).shape == (6, 1)


def test_global_generators_and_threads_are_left_alone(make_config: Configs, tmp_path: Path) -> None:
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - what the test is about
    torch.manual_seed(5)
    expected = random.random(), np.random.rand(), float(torch.rand(1))  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train_agent(make_config(tmp_path / "a", total_steps=16), show_progress=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert (random.random(), np.random.rand(), float(torch.rand(1))) == expected  # noqa: NPY002


def test_one_seed_gives_one_agent(make_config: Configs, tmp_path: Path) -> None:
    agents = [
        train_agent(make_config(tmp_path / name, total_steps=16, seed=seed), show_progress=False)
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    assert (agents[0].folder / "curves.csv").read_text() == (agents[1].folder / "curves.csv").read_text()
    np.testing.assert_array_equal(first_actions(agents[0]), first_actions(agents[1]))
    assert (agents[0].folder / "curves.csv").read_text() != (agents[2].folder / "curves.csv").read_text()


def test_training_films_have_seeds_of_training(
    make_config: Configs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    original = EpisodeSeeds.reset

    def reset(self: EpisodeSeeds, **options: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = original(self, **options)
        used.append(info["film_seed"])
        return observation, info

    monkeypatch.setattr(EpisodeSeeds, "reset", reset)
    train_agent(make_config(tmp_path / "a", total_steps=32), show_progress=False)
    # Eight episodes, and the one that began when the last of them had ended.
    assert len(set(used)) == len(used) == 9
    assert all(seed in TRAINING_SEEDS for seed in used)


def test_a_limit_is_an_end_for_the_learner(trained: Callable[[str], Agent]) -> None:
    env = LimitEnds(trained("ppo").make_env())
    env.reset(seed=0)
    ends = [env.step(np.zeros(1, np.float32))[2:4] for _ in range(4)]
    assert ends == [(False, False)] * 3 + [(True, False)]


def test_weights_that_are_no_numbers_stop_the_run(make_config: Configs, tmp_path: Path) -> None:
    config = make_config(tmp_path / "a", learning_rate=1e3, ppo=PPOConfig(rollout_steps=16, batch_size=8))
    with pytest.raises(TrainingDiverged, match="learning_rate"):
        train_agent(config, show_progress=False)
    assert not (tmp_path / "a" / "policy.safetensors").exists()


def test_progress_tells_rate_and_distance(
    make_config: Configs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_agent(make_config(tmp_path / "a", total_steps=20), show_progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    # Whole rollouts only: 20 steps take two of 16.
    assert "training: 32/32 steps" in captured.err and "final distance" in captured.err


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (np.zeros(4), "takes (5,)"),
        (np.zeros((2, 2, 5)), "takes (5,)"),
        (np.float32(1), "takes (5,)"),
        (np.full(5, np.nan), "NaN"),
    ],
)
def test_an_observation_must_fit(trained: Callable[[str], Agent], observation: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        trained("ppo").act(observation)
    assert message in str(caught.value)
