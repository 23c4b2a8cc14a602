"""The search for schedules, in films that are a formula."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from morphsim.agents.steering import search
from morphsim.agents.steering.policy import SteeringTarget
from morphsim.agents.steering.search import (
    ScheduleSearch,
    SearchJob,
    grouped,
    nominal_search,
    search_schedules,
)
from morphsim.errors import InputError
from morphsim.tasks import find_task


class Films:
    """The last latent of a film is the sum of the ends of its schedule, its material and noise."""

    def __init__(self, noise: float) -> None:
        self.noise, self.seeds, self.materials = noise, [], []

    def environment(self, task: Any) -> Any:
        recipe = SimpleNamespace(chi=1.0)
        return SimpleNamespace(settings=SimpleNamespace(steps=4), panel=["evaporation"], recipe=recipe)

    def make(self, env: Any, film: Any, task: Any) -> Any:
        assert task.drafts == 0.0
        self.seeds.append((film.seed, film.noise))
        self.materials.append(dict(film.options))
        noise = np.random.default_rng(film.noise).normal(0.0, self.noise, 2)
        ends = film.actions[[0, 3], 0]
        return SimpleNamespace(diverged=bool(ends[0] > 0.95), frames=[ends + film.options["chi"] + noise])

    def encode(self, frames: Any) -> np.ndarray:
        return np.asarray(frames, np.float32)


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch) -> Films:
    made = Films(0.02)
    monkeypatch.setattr(search, "film_environment", made.environment)
    monkeypatch.setattr(search, "make_film", made.make)
    return made


TASK = find_task("DryingDisturbed-v1")


def test_positions_are_groups_of_steps() -> None:
    position = np.array([0.1, -0.1, 0.2, -0.2])
    found = grouped(position, groups=2, usual=5, steps=7)
    assert found.shape == (7, 2) and found.dtype == np.float32
    # Three of the five usual steps, then two; later ones belong to the last group.
    np.testing.assert_allclose(found[:, 0], [0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(found[:, 1], -found[:, 0])


def test_a_search_finds_the_schedule_of_a_target(films: Films) -> None:
    job = SearchJob(number=3, latent=np.array([0.7, 1.6], np.float32), material={"chi": 1.0})
    settings = ScheduleSearch(films=120, groups=2)
    (found,) = search_schedules(TASK, films, [job], settings, show_progress=False)  # type: ignore[arg-type]
    assert found.shape == (16, 1)
    np.testing.assert_allclose(found[[0, 3], 0], [-0.3, 0.6], atol=0.06)
    # Every film counts, and each has noise of its own.
    assert len(films.seeds) == 120 == len(set(films.seeds))
    assert all(seed == noise for seed, noise in films.seeds)
    # The nearest four were made again, three films of each.
    films.seeds.clear()
    (again,) = search_schedules(TASK, films, [job], settings, show_progress=False)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again, found)


def test_films_that_fail_are_not_chosen(films: Films) -> None:
    job = SearchJob(number=0, latent=np.array([2.0, 1.0], np.float32), material={"chi": 1.0})
    settings = ScheduleSearch(films=90, groups=2)
    (found,) = search_schedules(TASK, films, [job], settings, show_progress=False)  # type: ignore[arg-type]
    assert 0.8 < found[0, 0] <= 0.95


def test_the_nominal_material_is_that_of_the_recipe(films: Films, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "nominal_material", lambda task: {"chi": 1.0})
    targets = [
        SteeringTarget(name=name, frame=np.zeros((2, 2), np.uint8), latent=np.zeros(2, np.float32))
        for name in ("a", "b")
    ]
    found = nominal_search(TASK, films, targets, ScheduleSearch(films=16), show_progress=False)  # type: ignore[arg-type]
    assert (found.films, found.films_per_target) == (0, 16)
    assert len(films.materials) == 32 and all(each == {"chi": 1.0} for each in films.materials)
    for target in targets:
        found.policy.begin(target, 0)
        assert found.policy.act(np.zeros(1, np.float32)).shape == (1,)


@pytest.mark.parametrize("options", [{"films": 15}, {"groups": 0}, {"films": 20_000}])
def test_sizes_of_a_search_are_checked(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        ScheduleSearch(**options)
