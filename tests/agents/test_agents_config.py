from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from morphsim.agents import (
    EVALUATION_SEEDS,
    TRAINING_SEEDS,
    AgentConfig,
    EnvironmentSpec,
    EvaluationConfig,
    PPOConfig,
    SACConfig,
    load_agent,
    train_agent,
)
from morphsim.agents.seeds import evaluation_seeds, training_seed
from morphsim.agents.training import _prepare
from morphsim.encoder import CVAEConfig
from morphsim.errors import InputError
from morphsim.frames import FrameSet, write_frames
from morphsim.simulator import AnnealingRecipe
from tests.encoders import untrained_encoder

Configs = Callable[..., AgentConfig]


def agent_config(**options: Any) -> AgentConfig:
    return AgentConfig(**{"encoder": "default", "target": "frames.h5:3", **options})


def one_line(call: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(
    shape=st.none() | st.tuples(st.integers(1, 500), st.integers(1, 500)),
    cells=st.none() | st.tuples(st.integers(1, 500), st.integers(1, 500)),
    hidden=st.lists(st.integers(1, 512), max_size=3).map(tuple),
    knobs=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    recipe=st.none() | st.just(Path("a/b.toml")),
    gamma=st.floats(0.01, 1.0),
    algorithm=st.sampled_from(["ppo", "sac"]),
    batch=st.sampled_from([2, 4, 8]),
)
def test_a_configuration_survives_json(batch: int, **options: Any) -> None:
    config = agent_config(ppo=PPOConfig(rollout_steps=16, batch_size=batch), **options)
    assert AgentConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"env": "spinning"}, "env is 'spinning'; use one of annealing, drying, vapour-annealing"),
        ({"algorithm": "dqn"}, "algorithm is 'dqn'; use one of ppo, sac"),
        ({"reward": "closeness"}, "reward is 'closeness'; use one of distance, squared, cosine"),
        ({"encoder": ""}, "encoder"),
        ({"total_steps": 0}, "total_steps is 0; it must be a whole number of at least 1"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"n_envs": True}, "n_envs is True"),
        ({"n_envs": 3}, "n_envs is 3; it must divide ppo.rollout_steps, 256"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be a finite number at least 1e-12"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"gamma": 1.1}, "gamma is 1.1; it must be a finite number above 0 and at most 1"),
        ({"hidden": (0,)}, "hidden is 0"),
        ({"hidden": (10**9,)}, "no layer may have over"),
        ({"shape": (16,)}, "shape"),
        ({"shape": (0, 4)}, "shape is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**32}, "below 2**32"),
        ({"knobs": (3,)}, "knobs"),
        ({"resume": 1}, "resume"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], message: str) -> None:
    assert message in one_line(lambda: agent_config(**options))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PPOConfig(batch_size=60), "ppo.batch_size is 60; it must divide ppo.rollout_steps, 256"),
        (lambda: PPOConfig(batch_size=1), "ppo.batch_size is 1"),
        (lambda: PPOConfig(clip_range=0.0), "ppo.clip_range is 0.0"),
        (lambda: PPOConfig(ent_coef=-1.0), "ppo.ent_coef is -1.0"),
        (lambda: SACConfig(tau=2.0), "sac.tau is 2.0"),
        (lambda: SACConfig(buffer_size=0), "sac.buffer_size is 0"),
        (lambda: SACConfig(temperature=0.0), "sac.temperature is 0.0"),
        (lambda: EvaluationConfig(agent=Path("a"), seeds=0), "seeds is 0"),
        (lambda: EvaluationConfig(agent=Path("a"), first_seed=2**31 - 3), "first_seed is 2147483645"),
        (lambda: EvaluationConfig(agent=Path("a"), workers=0), "workers is 0"),
    ],
)
def test_a_bad_nested_option_is_named(make: Callable[[], Any], message: str) -> None:
    assert message in one_line(make)


@pytest.mark.parametrize("change", [{"ppo": 3}, {"hidden": 3}, {"out": None}, {"recipe": 1}, {"new": 1}])
def test_a_stored_configuration_is_checked(change: dict[str, Any]) -> None:
    assert one_line(lambda: AgentConfig.from_dict({**agent_config().to_dict(), **change}))


@given(seed=st.integers(0, 2**32 - 1), environment=st.integers(0, 200), episode=st.integers(0, 10**7))
def test_seeds_of_training_and_evaluation_share_no_number(seed: int, environment: int, episode: int) -> None:
    drawn = training_seed(seed, environment, episode)
    assert drawn in TRAINING_SEEDS and drawn not in EVALUATION_SEEDS
    assert drawn == training_seed(seed, environment, episode)


@given(first=st.integers(-5, 2**31 + 5), count=st.integers(1, 50))
def test_evaluation_seeds_stay_in_their_range(first: int, count: int) -> None:
    try:
        seeds = evaluation_seeds(first, count)
    except InputError:
        assert first < 0 or first + count > 2**31
    else:
        assert len(set(seeds)) == count and all(seed in EVALUATION_SEEDS for seed in seeds)


def test_the_ranges_are_disjoint() -> None:
    assert EVALUATION_SEEDS.stop == TRAINING_SEEDS.start


def test_training_seeds_differ_between_episodes_and_environments() -> None:
    seeds = {training_seed(0, environment, episode) for environment in range(20) for episode in range(50)}
    assert len(seeds) == 1000


def spec(**options: Any) -> dict[str, Any]:
    values = EnvironmentSpec(
        env="annealing",
        recipe={"process": "annealing"},
        knobs=("temperature",),
        shape=(16, 48),
        cells=(8, 48),
        steps=4,
        reward="progress",
    ).to_dict()
    return {**values, **options}


def test_an_environment_survives_json() -> None:
    assert EnvironmentSpec.from_dict(json.loads(json.dumps(spec()))).to_dict() == spec()


def test_what_earlier_versions_stored_had_as_many_cells_as_pixels() -> None:
    values, config = spec(), agent_config().to_dict()
    del values["cells"], config["cells"]
    assert EnvironmentSpec.from_dict(values).cells == (16, 48)
    assert AgentConfig.from_dict(config) == agent_config()


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": {"process": "drying"}},
        {"recipe": {"process": "annealing", "chi": 99.0}},
        {"recipe": []},
        {"knobs": "temperature"},
        {"shape": [16]},
        {"shape": [16, -1]},
        {"cells": [16]},
        {"cells": None},
        {"cells": [0, 48]},
        {"reward": "none"},
        {"other": 1},
    ],
)
def test_a_stored_environment_is_checked(change: dict[str, Any]) -> None:
    assert one_line(lambda: EnvironmentSpec.from_dict(spec(**change)))


def test_what_does_not_fit_together_is_told_before_training(
    make_config: Configs, material: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    other = tmp_path / "other.npy"
    np.save(other, np.stack([np.eye(20, 48, dtype=np.uint8)] * 2))
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('process = "annealing"\ntemperature = 590.0\n')
    walls = tmp_path / "walls.toml"
    walls.write_text('process = "annealing"\nboundary = "no-flux"\n')
    network = CVAEConfig(latent_size=4, channels=(4, 6), kernel_size=3, strides=(2, 2), hidden=16)
    untrained_encoder((16, 48), network, boundary="no-flux").save(tmp_path / "walled")
    no_flux = FrameSet(
        frames=np.stack([np.eye(16, 48, dtype=np.uint8)] * 2), columns={"trajectory": np.zeros(2, int)}
    )
    write_frames(tmp_path / "no-flux.h5", no_flux)
    cut = tmp_path / "cut.h5"
    cut.write_bytes((material / "frames.h5").read_bytes()[:500])
    for options, message in (
        ({"shape": (20, 48)}, "the encoder takes frames of 16 48"),
        ({"target": str(other)}, "has the shape (2, 20, 48); the encoder takes (16, 48)"),
        ({"target": "missing.h5"}, "missing.h5 does not exist"),
        ({"target": str(tmp_path / "no-flux.h5")}, "no-flux.h5's boundary is no-flux, but the encoder was"),
        ({"target": str(cut)}, "cut.h5"),
        ({"target": f"{material / 'frames.h5'}:99"}, "row 99"),
        ({"encoder": "unheard"}, "encoder 'unheard' is unknown"),
        ({"recipe": tmp_path / "missing.toml"}, "missing.toml does not exist"),
        ({"recipe": material / "drying.toml"}, "the recipe is of drying"),
        ({"recipe": wrong}, "temperature 590 can't be set"),
        ({"recipe": walls}, "boundary is no-flux, but the encoder was trained on periodic frames"),
        (
            {"encoder": str(tmp_path / "walled")},
            "boundary is periodic, but the encoder was trained on no-flux frames",
        ),
        ({"knobs": ("pressure",)}, "knob 'pressure' is unknown"),
        ({"knobs": ("temperature", "temperature")}, "each once"),
        ({"out": material / "frames.h5" / "a"}, "Not a directory; use another path"),
    ):
        config = make_config(**{"out": out, **options})
        found = one_line(lambda config=config: train_agent(config, show_progress=False))  # type: ignore[misc]
        assert message in found
    assert not out.exists()


def test_a_device_that_is_not_there(make_config: Configs, tmp_path: Path) -> None:
    config = make_config(tmp_path / "a", device="tpu")
    assert "tpu" in one_line(lambda: train_agent(config, show_progress=False))
    assert "tpu" in one_line(lambda: load_agent(tmp_path, device="tpu"))


def test_every_option_says_what_it_is() -> None:
    for kind in (AgentConfig, PPOConfig, SACConfig, EvaluationConfig):
        source = Path(sys.modules[kind.__module__].__file__ or "").read_text()
        for entry in dataclasses.fields(kind):
            line = next(line for line in source.splitlines() if line.startswith(f"    {entry.name}: "))
            assert f'{line}\n    """' in source


def test_the_package_imports_no_learner() -> None:
    code = "import sys, morphsim.agents; sys.exit('stable_baselines3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_films_and_targets_are_cut_where_the_encoder_s_frames_were(tmp_path: Path) -> None:
    encoder = untrained_encoder((16, 64), CVAEConfig(latent_size=4, channels=(4, 8), hidden=16))
    encoder.metadata["binarisation"] = {"threshold": 0.3, "invert": True}
    spec = EnvironmentSpec(
        env="annealing",
        recipe=AnnealingRecipe(kappa=0.02).to_dict(),
        knobs=("temperature",),
        shape=(16, 64),
        cells=(8, 32),
        steps=2,
        reward="progress",
    )
    target = np.zeros((1, 16, 64), np.uint8)
    env = spec.make(encoder, target)
    assert env.unwrapped.settings.threshold == 0.3  # type: ignore[attr-defined]
    assert env.unwrapped.settings.cells == (8, 32)  # type: ignore[attr-defined]
    plain = untrained_encoder((16, 64), CVAEConfig(latent_size=4, channels=(4, 8), hidden=16))
    assert spec.make(plain, target).unwrapped.settings.threshold == 0.5  # type: ignore[attr-defined]
    # A target that is a picture is cut and inverted as the encoder's were.
    picture = np.full((16, 64), 250, np.uint8)
    picture[:8] = 170
    Image.fromarray(picture).save(tmp_path / "target.png")
    encoder.save(tmp_path / "encoder")
    config = AgentConfig(
        encoder=str(tmp_path / "encoder"), target=str(tmp_path / "target.png"), env="annealing", steps=2
    )
    found = _prepare(config, torch.device("cpu")).target
    assert np.array_equal(found[0], picture == 170)
