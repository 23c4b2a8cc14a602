from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.agents import Agent, AgentConfig, PPOConfig, SACConfig, train_agent
from morphsim.encoder import CVAEConfig, TrainingConfig, train_encoder
from morphsim.frames import FrameSet, binarise, write_frames
from morphsim.simulator import AnnealingRecipe, record_film

SHAPE = (16, 48)
# Coarse and short films, that take little time.
ANNEALING = AnnealingRecipe(width=3.0, kappa=3e-3, duration=0.02)
DRYING_TOML = 'process = "drying"\nwidth = 3.0\nevaporation = 1.0\nthermal_noise = 0.0\n'


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films (`frames.h5`, 16 frames), an encoder trained on them, and recipes."""
    folder = tmp_path_factory.mktemp("material")
    films = [
        np.stack(
            [binarise(snapshot.share) for snapshot in record_film(recipe, seed=seed, frames=4, shape=SHAPE)]
        )
        for recipe in (ANNEALING, dataclasses.replace(ANNEALING, temperature=440.0))
        for seed in range(2)
    ]
    frames = FrameSet(
        frames=np.concatenate(films),
        columns={"trajectory": np.repeat(np.arange(len(films)), 4)},
        process="annealing",
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
    (folder / "annealing.toml").write_text(
        'process = "annealing"\nwidth = 3.0\nkappa = 3e-3\nduration = 0.02\n'
    )
    (folder / "drying.toml").write_text(DRYING_TOML)
    return folder


@pytest.fixture(scope="session")
def make_config(material: Path) -> Callable[..., AgentConfig]:
    """Make the configuration of a small run."""

    def make(out: Path, *, env: str = "annealing", **options: Any) -> AgentConfig:
        defaults: dict[str, Any] = {
            "encoder": str(material / "encoder"),
            "target": f"{material / 'frames.h5'}:11,15",
            "recipe": material / f"{env}.toml",
            "env": env,
            "out": out,
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
def trained(
    make_config: Callable[..., AgentConfig], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Agent]:
    """Train a small agent with an algorithm, once."""
    agents: dict[str, Agent] = {}

    def train(algorithm: str) -> Agent:
        if algorithm not in agents:
            out = tmp_path_factory.mktemp("agents") / algorithm
            agents[algorithm] = train_agent(
                make_config(out, algorithm=algorithm, total_steps=208), show_progress=False
            )
        return agents[algorithm]

    return train


@pytest.fixture
def failing_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., contextlib.AbstractContextManager[None]]:
    """While the block runs, call number `call` of a function raises `error`."""

    @contextlib.contextmanager
    def failing(owner: Any, name: str, call: int, error: BaseException) -> Iterator[None]:
        original, calls = getattr(owner, name), [0]

        def counted(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] == call:
                raise error
            return original(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, counted)
            yield

    return failing
