from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.agents import Agent, AgentConfig, PPOConfig, SACConfig, train_agent
from morphsim.encoder import CVAEConfig, TrainingConfig, train_encoder
from morphsim.frames import FrameSet, binarise, write_frames
from morphsim.simulator import DryingRecipe, Recipe, record_film

SHAPE = (16, 48)
RECIPE = {"evaporation": 1.0, "thermal_noise": 0.0, "width": 3.0}


def film(recipe: Recipe, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    snapshots = record_film(recipe, seed=seed, frames=4, shape=SHAPE)
    return np.stack([binarise(snapshot.share) for snapshot in snapshots])


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films (`frames.h5`), an encoder trained on them, and a recipe."""
    folder = tmp_path_factory.mktemp("material")
    films = [
        film(DryingRecipe(**{**RECIPE, "evaporation": rate}), seed)  # type: ignore[arg-type]
        for rate in (0.3, 3.0)
        for seed in range(2)
    ]
    frames = FrameSet(
        frames=np.concatenate(films),
        columns={"trajectory": np.repeat(np.arange(len(films)), 4)},
        process="drying",
        boundary="periodic",
    )
    write_frames(folder / "frames.h5", frames)
    train_encoder(
        TrainingConfig(
            frames=folder / "frames.h5",
            out=folder / "encoder",
            epochs=2,
            batch_size=4,
            device="cpu",
            tensorboard=False,
            network=CVAEConfig(latent_size=4, channels=(4, 6), kernel_size=3, strides=(2, 2), hidden=16),
        ),
        show_progress=False,
    )
    settings = "\n".join(f"{name} = {value}" for name, value in RECIPE.items())
    (folder / "recipe.toml").write_text(f'process = "drying"\n{settings}\n')
    return folder


@pytest.fixture(scope="session")
def make_config(material: Path) -> Callable[..., AgentConfig]:
    """Make the configuration of a small run."""

    def make(out: Path, **options: Any) -> AgentConfig:
        defaults: dict[str, Any] = {
            "encoder": str(material / "encoder"),
            "target": f"{material / 'frames.h5'}:15",
            "recipe": material / "recipe.toml",
            "out": out,
            "knobs": ("evaporation", "temperature"),
            "steps": 4,
            "total_steps": 64,
            "checkpoint_every": 32,
            "hidden": (8,),
            "ppo": PPOConfig(rollout_steps=16, batch_size=8, n_epochs=2),
            "sac": SACConfig(learning_starts=8, batch_size=8, buffer_size=50),
        }
        return AgentConfig(**{**defaults, **options})

    return make


@pytest.fixture(scope="session")
def trained(make_config: Callable[..., AgentConfig], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Agent]:
    """Train a small agent of an algorithm, once."""
    agents: dict[str, Agent] = {}

    def train(algorithm: str) -> Agent:
        if algorithm not in agents:
            out = tmp_path_factory.mktemp("agents") / algorithm
            agents[algorithm] = train_agent(make_config(out, algorithm=algorithm), show_progress=False)
        return agents[algorithm]

    return train


class Stopped(Exception):
    """Ends a run from inside."""


@contextlib.contextmanager
def stopping_at(monkeypatch: pytest.MonkeyPatch, what: Any, name: str, call: int, error: BaseException) -> Any:
    """While the block runs, the call number `call` of a function raises `error`."""
    original, calls = getattr(what, name), [0]

    def counted(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            raise error
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(what, name, counted)
        yield
