"""Targets are made, screened and named; thresholds follow from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.similarity.ruler import Ruler
from morphsim.tasks import SPLITS, Film, Task, load_targets, make_films
from morphsim.tasks.goals import choose_goals
from morphsim.tasks.make_targets import screened
from morphsim.tasks.thresholds import own_returns, reward_threshold
from tests.tasks.conftest import CANDIDATES, SIZES, make_coarse


def test_the_set_that_was_made(coarse: Task, made_coarse: tuple[Task, Path, dict[str, Any]]) -> None:
    _, folder, report = made_coarse
    targets = load_targets(coarse)
    assert {split: len(targets.rows(split)) for split in SPLITS} == {**SIZES, "goals": 5}
    assert targets.names == (
        *("test-0", "test-1", "validation-0", "validation-1", "train-0", "train-1"),
        *("fine", "coarse", "columns", "layers", "graded"),
    )
    assert report["candidates"] == CANDIDATES and report["used"] == 11 <= report["kept"]
    dropped = [report[f"not reproduced by {name}"] for name in ("latent distance", "the ruler")]
    assert max(dropped) <= CANDIDATES - report["diverged"] - report["kept"] <= sum(dropped)
    assert Ruler.load(folder / "coarse.json").distance(targets.frames, targets.frames).tolist() == [0.0] * 11


def test_a_target_is_made_again_by_its_actions_and_its_material(
    coarse: Task, made_coarse: tuple[Task, Path, dict[str, Any]]
) -> None:
    from morphsim.frames import read_frames

    targets = load_targets(coarse)
    seeds = read_frames(made_coarse[1] / "coarse.h5").columns["seed"]
    films = [
        Film(seed=0, actions=targets.actions[row], noise=int(seeds[row]), options=targets.materials[row])
        for row in (0, 10)
    ]
    for row, film in zip((0, 10), make_films(coarse, films, show_progress=False), strict=True):
        assert np.array_equal(film.frames[-1], targets.frames[row])
        assert np.array_equal(film.actions, targets.actions[row])


def test_the_same_set_is_made_again(coarse: Task, tmp_path: Path) -> None:
    # Drafts have no part in targets.
    report = make_coarse(replace(coarse, drafts=0.5), tmp_path)
    assert report["hash"] == coarse.targets_hash


def test_too_few_candidates(coarse: Task, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"only \d of 3 candidates are reproducible; make more of them"):
        make_coarse(coarse, tmp_path, candidates=3)
    assert not list(tmp_path.iterdir())


def test_candidates_that_their_schedules_reproduce() -> None:
    # On a line: repeats near their candidate, far from it, and half as far as the median of the others.
    films = np.array([0.0, 1.0, 2.0, 10.0, 17.0, 20.0, 30.0, 40.0, 41.0])
    labels = np.repeat([0, 1, 2], 3)
    apart = np.abs(films[::3, None] - films)
    # Medians: 1.5 of 20, 8.5 of 15, and 10.5 of 25.
    assert screened(apart, labels).tolist() == [True, False, True]


def test_goals_have_the_most_of_their_property() -> None:
    y, x = np.mgrid[:40, :80]
    frames = {
        "fine": (x // 2 + y // 2) % 2,
        "coarse": (x - 40) ** 2 + (y - 20) ** 2 < 25,
        "columns": (x // 10) % 2,
        "layers": (y // 10) % 2,
        "graded": ((x // 20) % 2) * (y < 20) + (y >= 36),
        "middling": (x // 10 + y // 10) % 2,
    }
    found = choose_goals(np.stack(list(frames.values())).astype(np.uint8), boundary="periodic")
    assert {name: list(frames)[row] for name, row in found.items()} == {name: name for name in found}
    assert list(found) == ["fine", "coarse", "columns", "layers", "graded"]


@pytest.mark.filterwarnings("ignore:target 0 lies outside")
def test_the_threshold_is_the_mean_return_of_the_targets_own_actions(coarse: Task) -> None:
    returns = own_returns(coarse.name, repeats=2, show_progress=False)
    assert returns.shape == (2, 2)
    assert (returns[:, 0] != returns[:, 1]).all()
    threshold = reward_threshold(coarse.name, repeats=2, show_progress=False)
    assert threshold <= returns.mean() < threshold + 0.01
    assert threshold == round(threshold, 2)
