"""The training of agents for all targets, with few real films."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from morphsim.agents import SteeringAgent, load_agent, train_steering_agent
from morphsim.agents.steering.config import SteeringConfig
from morphsim.agents.steering.library import FilmLibrary
from morphsim.agents.steering.record import read_rounds
from morphsim.agents.steering.steer import steer
from morphsim.cli import main
from morphsim.errors import InputError
from morphsim.frames import read_frames
from morphsim.tasks import load_targets


def config(out: Path, **changes: object) -> SteeringConfig:
    values = {
        "films": 4,
        "rounds": 1,
        "films_per_round": 2,
        "validation": 2,
        "surrogates": 1,
        "units": 16,
        "memory": 8,
        "surrogate_steps": 4,
        "planner_steps": 4,
        **changes,
    }
    return SteeringConfig(out=out, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("steering") / "agent"
    train_steering_agent(config(out), show_progress=False)
    return out


def test_a_training_leaves_an_agent_its_films_and_its_record(trained: Path) -> None:
    library = FilmLibrary.load(trained / "library.safetensors")
    assert library.numbers.tolist() == [0, 1, 2, 3, 1_000_000, 1_000_001]
    rounds = read_rounds(trained)
    assert [(each.number, each.films) for each in rounds] == [(0, 4), (1, 6)]
    agent = load_agent(trained)
    assert isinstance(agent, SteeringAgent)
    best = min(rounds, key=lambda each: each.distance)
    assert agent.films == best.films


def test_an_agent_steers_in_the_environment_of_its_task(trained: Path) -> None:
    agent = load_agent(trained)
    env = agent.make_env()
    observation, info = env.reset(seed=3)
    memory, over = None, False
    while not over:
        action, memory = agent.predict(observation, memory)
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    assert terminated and info["dry"]
    assert np.isfinite(info["distance"])


def test_a_stopped_training_goes_on_to_the_same_agent(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "agent"
    # As it was left when it was stopped within the first round.
    whole = FilmLibrary.load(trained / "library.safetensors")
    whole.before(1_000_001).save(out / "library.safetensors")
    (out / "config.json").write_bytes((trained / "config.json").read_bytes())
    agent = train_steering_agent(config(out, resume=True), show_progress=False)
    for name in ("latents", "states", "actions", "numbers"):
        found = getattr(FilmLibrary.load(out / "library.safetensors"), name)
        np.testing.assert_array_equal(found, getattr(whole, name))
    first = load_agent(trained)
    assert isinstance(first, SteeringAgent)
    for name, value in first.planner.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), agent.planner.state_dict()[name].numpy())


def test_another_run_is_not_overwritten(trained: Path) -> None:
    with pytest.raises(InputError, match="holds an agent; continue with --resume"):
        train_steering_agent(config(trained), show_progress=False)
    with pytest.raises(InputError, match="a run with another films"):
        train_steering_agent(config(trained, films=5, resume=True), show_progress=False)


@pytest.mark.parametrize(
    ("name", "value"), [("films", 1), ("task", "Dying-v1"), ("caution", -1.0), ("drafts", 2.0)]
)
def test_impossible_options_are_refused(name: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(value)):
        config(tmp_path, **{name: value})


def test_the_command_goes_on_and_prints_the_rounds(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train-agent", "--preset", "model-based", "--out", str(trained), "--resume", "--json"]
    for name, value in dataclasses.asdict(config(trained)).items():
        if name not in ("out", "resume"):
            words += [f"--{name.replace('_', '-')}", str(value)]
    assert main(words) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["task"] == "DryingUnknown-v1" and len(shown["validation_distances"]) == 2


def test_an_agent_for_one_target_is_told_from_one_for_all(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-agent", str(trained)]) == 2
    assert "an agent for all targets" in capsys.readouterr().err


def test_a_steered_film_is_made_again_from_its_recipe(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "steered"
    words = ["steer", "--agent", str(trained), "--target", "columns", "--set", "chi=1.05", "--seed", "4"]
    assert main([*words, "--out", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["hidden"]["true"]["chi"] == 1.05
    assert (out / "picture.png").stat().st_size > 10_000
    rows = (out / "schedule.csv").read_text().splitlines()
    assert len(rows) == shown["steps"] + 1
    assert rows[0].startswith("from [s],to [s],evaporation [")
    assert float(rows[-1].split(",")[-1]) == pytest.approx(shown["distance"], abs=1e-4)
    assert main(["simulate", str(out / "film.toml"), "--out", str(tmp_path / "again")]) == 0
    again = read_frames(tmp_path / "again" / "frames.h5").frames
    agent = load_agent(trained)
    assert isinstance(agent, SteeringAgent)
    targets = load_targets(agent.task)
    film = steer(agent, targets.frames[targets.row("columns")], seed=4, material={"chi": 1.05})
    np.testing.assert_array_equal(again[-1], film.frames[-1])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "colums"], "colums"),
        (["--target", "columns", "--set", "chj=1"], "chj"),
        (["--target", "columns", "--seed", "-1"], "seed"),
    ],
)
def test_steer_refuses_bad_input(
    trained: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["steer", "--agent", str(trained), *words, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
