"""The stages of the demo, each of which is skipped where an earlier run has finished it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from morphsim.agents import (
    Agent,
    AgentConfig,
    Evaluation,
    EvaluationConfig,
    SACConfig,
    evaluate_agent,
    load_agent,
    train_agent,
)
from morphsim.agents.checks import check_whole
from morphsim.demo.page import write_page
from morphsim.demo.rollout import Rollout, roll_out
from morphsim.encoder import CVAEConfig, Encoder, TrainingConfig, train_encoder
from morphsim.files import write_json, write_text
from morphsim.frames import DatasetConfig, film_frames, make_dataset, write_frames
from morphsim.frames.simulate import recipe_text
from morphsim.locks import claimed_folder
from morphsim.simulator import DryingRecipe, record_film

# A film as the agent finds it: left alone, it dries to three layers. Cells are coarser than the default, so
# the interfaces are made wider to be resolved.
RECIPE = DryingRecipe(kappa=4e-4, thermal_noise=1e-9, substrate_strength=0.0)
# Dried ten times more slowly it forms a bilayer, the acceptor on top: the target. Layers come from the chain
# lengths and the rate, not from chance, so the target can be reached from any noise.
TARGET_EVAPORATION = 0.03
_TARGET_SEED = 12345


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """How large the demo is.

    Raises:
        InputError: a value is out of range.
    """

    out: Path = Path("runs/demo")
    """Folder for everything that is made; a demo that was stopped goes on where it was."""
    shape: tuple[int, int] = (48, 192)
    """Height and width of the frames [cells]."""
    rates: tuple[float, ...] = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 3.0)
    """Evaporation rates of the films that the encoder is trained on."""
    blends: tuple[float, ...] = (0.4, 0.45, 0.5, 0.55, 0.6)
    """Blend ratios of those films."""
    chains: tuple[float, ...] = (5.0, 10.0, 20.0)
    """Chain lengths of their donor: short ones give columns, long ones layers."""
    frames: int = 12
    """Frames of each film."""
    epochs: int = 40
    """Epochs of the encoder."""
    agent_steps: int = 5000
    """Environment steps of the agent's training."""
    seeds: int = 12
    """Unseen films on which policies are compared."""
    workers: int = 2
    """Processes."""
    seed: int = 0
    """Of everything random."""

    def __post_init__(self) -> None:
        for name in ("frames", "epochs", "agent_steps", "seeds", "workers"):
            check_whole(name, getattr(self, name), 1)


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo found."""

    evaluation: Evaluation
    """Agent, random policy, untouched recipe and the target's own recipe on unseen films."""
    page: Path
    """The page of figures."""
    seconds: Mapping[str, float]
    """What each stage took now."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {**self.evaluation.to_dict(), "page": str(self.page), "seconds": dict(self.seconds)}


def run_demo(config: DemoConfig, *, show_progress: bool = True) -> DemoResult:
    """Make films, train an encoder on them and an agent on its latents, and compare it with baselines.

    Args:
        config: of the demo.
        show_progress: whether to tell on stderr what is going on.

    Raises:
        InputError: a value that can't be, or a folder that holds something else.
        MachineError: another run writes to the folder, or the disk is full.
    """
    with claimed_folder(config.out):
        return _go_through(_Stages(config, show_progress))


def _go_through(stages: _Stages) -> DemoResult:
    with stages.timed("films"):
        films = stages.films()
    with stages.timed("encoder"):
        stages.encoder(films)
    with stages.timed("target"):
        target = stages.target()
    with stages.timed("agent"):
        agent = stages.agent(target)
    with stages.timed("comparison"):
        evaluation = stages.comparison()
        rollouts = {
            "agent": roll_out(agent, seed=EvaluationConfig.first_seed, steer=True),
            "recipe": roll_out(agent, seed=EvaluationConfig.first_seed, steer=False),
        }
    with stages.timed("page"):
        page = stages.page(agent, evaluation, rollouts)
    return DemoResult(evaluation=evaluation, page=page, seconds=stages.seconds)


class _Stages:
    def __init__(self, config: DemoConfig, show_progress: bool) -> None:
        self.config = config
        self.show = show_progress
        self.seconds: dict[str, float] = {}
        self._name, self._started = "", 0.0

    _TOLD = (
        ("films", "drying films of many recipes"),
        ("encoder", "training the encoder on their frames"),
        ("target", "making the target: the same film dried slowly"),
        ("agent", "training the agent"),
        ("comparison", "comparing policies on unseen films"),
        ("page", "drawing the page"),
    )

    def timed(self, name: str) -> _Stages:
        """Announce a stage; as a context it notes what the stage takes."""
        self._name = name
        if self.show:
            names = [each for each, _ in self._TOLD]
            text = f"[{names.index(name) + 1}/{len(names)}] {dict(self._TOLD)[name]}"
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
        return self

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.seconds[self._name] = round(time.monotonic() - self._started, 1)

    def films(self) -> Path:
        config = self.config
        return make_dataset(
            DatasetConfig(
                out=config.out / "films.h5",
                process="drying",
                set=(f"kappa={RECIPE.kappa}",),
                grid=(
                    "evaporation=" + ",".join(map(str, config.rates)),
                    "blend_ratio=" + ",".join(map(str, config.blends)),
                    "n_donor=" + ",".join(map(str, config.chains)),
                ),
                frames=config.frames,
                shape=config.shape,
                seed=config.seed,
                workers=config.workers,
            ),
            show_progress=self.show,
        )

    def encoder(self, films: Path) -> Encoder:
        return train_encoder(
            TrainingConfig(
                frames=films,
                out=self.config.out / "encoder",
                epochs=self.config.epochs,
                batch_size=32,
                seed=self.config.seed,
                device="cpu",
                resume=True,
                network=CVAEConfig(latent_size=8),
            ),
            show_progress=self.show,
        )

    def target(self) -> str:
        path = self.config.out / "target.h5"
        recipe = replace(RECIPE, evaporation=TARGET_EVAPORATION)
        *_, last = record_film(recipe, seed=_TARGET_SEED, frames=1, shape=self.config.shape)
        write_frames(path, film_frames(recipe, [last], seed=_TARGET_SEED, threshold=0.5))
        return f"{path}:0"

    def agent(self, target: str) -> Agent:
        config = self.config
        recipe = config.out / "recipe.toml"
        write_text(recipe, recipe_text(RECIPE))
        folder = config.out / "agent"
        train_agent(
            AgentConfig(
                encoder=str(config.out / "encoder"),
                target=target,
                out=folder,
                recipe=recipe,
                knobs=("evaporation", "temperature"),
                steps=10,
                total_steps=config.agent_steps,
                n_envs=config.workers,
                seed=config.seed,
                device="cpu",
                resume=True,
                algorithm="sac",
                gamma=0.99,
                sac=SACConfig(
                    learning_starts=min(300, config.agent_steps // 4), batch_size=128, gradient_steps=2
                ),
            ),
            show_progress=self.show,
        )
        return load_agent(folder, device="cpu")

    def comparison(self) -> Evaluation:
        return evaluate_agent(
            EvaluationConfig(
                agent=self.config.out / "agent",
                seeds=self.config.seeds,
                own_set=(f"evaporation={TARGET_EVAPORATION}",),
                workers=self.config.workers,
                device="cpu",
            ),
            show_progress=self.show,
        )

    def page(self, agent: Agent, evaluation: Evaluation, rollouts: Mapping[str, Rollout]) -> Path:
        write_json(self.config.out / "result.json", evaluation.to_dict())
        return write_page(self.config.out, agent, evaluation, rollouts)
