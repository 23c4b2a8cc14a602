"""Stages of the demo; a stage that an earlier run has finished is skipped."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from morphsim.agents import Agent, AgentEvaluation, EvaluationConfig, evaluate_agent, train_agent
from morphsim.agents.agent import load_agent
from morphsim.demo.config import RECIPE, TARGET_EVAPORATION, TARGET_SEED, DemoConfig
from morphsim.demo.page import write_page
from morphsim.demo.rollout import Rollout, roll_out
from morphsim.encoder import Encoder, train_encoder
from morphsim.files import write_json, write_text
from morphsim.frames import film_frames, make_dataset, write_frames
from morphsim.frames.film_file import recipe_text
from morphsim.locks import claimed_folder
from morphsim.simulator import record_film


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """Results of the demo."""

    evaluation: AgentEvaluation
    """Agent, its mean schedule, and what could be done without it, on unseen films."""
    page: Path
    """The page of figures."""
    seconds: Mapping[str, float]
    """Time of each stage in this run [s]."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**self.evaluation.to_dict(), "page": str(self.page), "seconds": dict(self.seconds)}


def run_demo(config: DemoConfig, *, show_progress: bool = True) -> DemoResult:
    """Make films, train an encoder on them and an agent on its latents, and compare it with baselines.

    Args:
        config: options of the demo.
        show_progress: whether to show progress on stderr.

    Raises:
        InputError: an invalid value, or a folder with other content.
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

    _TOLD = (
        ("films", "drying films of many recipes"),
        ("encoder", "training the encoder on their frames"),
        ("target", "making the target: the same film dried slowly"),
        ("agent", "training the agent"),
        ("comparison", "comparing policies on unseen films"),
        ("page", "drawing the page"),
    )

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Announce a stage and measure its time."""
        if self.show:
            names = [each for each, _ in self._TOLD]
            text = f"[{names.index(name) + 1}/{len(names)}] {dict(self._TOLD)[name]}"
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)

    def films(self) -> Path:
        return make_dataset(self.config.dataset(), show_progress=self.show)

    def encoder(self, films: Path) -> Encoder:
        return train_encoder(self.config.training(films), show_progress=self.show)

    def target(self) -> str:
        path = self.config.out / "target.h5"
        recipe = replace(RECIPE, evaporation=TARGET_EVAPORATION)
        shape, cells = self.config.shape, self.config.cells
        *_, last = record_film(recipe, seed=TARGET_SEED, frames=1, shape=shape, cells=cells)
        write_frames(path, film_frames(recipe, [last], seed=TARGET_SEED, threshold=0.5))
        return f"{path}:0"

    def agent(self, target: str) -> Agent:
        path = self.config.out / "recipe.toml"
        write_text(path, recipe_text(RECIPE))
        config = self.config.agent_training(target, path)
        train_agent(config, show_progress=self.show)
        return load_agent(config.out, device="cpu")

    def comparison(self) -> AgentEvaluation:
        return evaluate_agent(self.config.comparison(), show_progress=self.show)

    def page(self, agent: Agent, evaluation: AgentEvaluation, rollouts: Mapping[str, Rollout]) -> Path:
        write_json(self.config.out / "result.json", evaluation.to_dict())
        return write_page(self.config.out, agent, evaluation, rollouts)
