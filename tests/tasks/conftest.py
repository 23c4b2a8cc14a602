"""A coarse task with a small encoder, small targets and short films."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from morphsim.tasks import Task, family, targets
from morphsim.tasks.family import Split
from morphsim.tasks.make_targets import make_targets
from tests.encoders import small_encoder

SIZES: dict[Split, int] = {"test": 2, "validation": 2, "train": 2}
CANDIDATES = 40


def coarse_task(encoder: Path) -> Task:
    return Task(
        name="Coarse-v1",
        summary="a small film dries",
        process="drying",
        targets="coarse",
        targets_hash="",
        reward_threshold=None,
        arguments={
            "steps": 4,
            "limit": 6,
            "finish": True,
            # Interfaces that few cells resolve.
            "recipe": {"width": 2.0, "kappa": 0.004},
            "sensors": ("dryness", "time", "step_fraction", "last_actions"),
        },
        hidden={"evaporation_coefficient": (0.4, 2.5), "blend_ratio": (0.4, 0.6)},
        encoder=str(encoder),
        shape=(36, 64),
        steps=6,
    )


def make_coarse(task: Task, folder: Path, **options: Any) -> dict[str, Any]:
    arguments = {"sizes": SIZES, "candidates": CANDIDATES, "workers": 1, "show_progress": False, **options}
    return make_targets(task, folder, **arguments)


@pytest.fixture(scope="session")
def made_coarse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, Path, dict[str, Any]]:
    """The task, the folder of its targets, and what their making reported."""
    folder = tmp_path_factory.mktemp("coarse")
    small_encoder(folder / "encoder", (36, 64))
    task = coarse_task(folder / "encoder")
    report = make_coarse(task, folder)
    return replace(task, targets_hash=report["hash"]), folder, report


@pytest.fixture
def coarse(made_coarse: tuple[Task, Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Task:
    """The task, known by its name."""
    task, folder, _ = made_coarse
    monkeypatch.setitem(family.TASKS, task.name, task)  # type: ignore[arg-type]
    monkeypatch.setattr(targets, "ASSETS", folder)
    return task
