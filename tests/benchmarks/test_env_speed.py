"""The speed of environments: the same films for all sides, and the targets that follow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _env_speed
import gymnasium as gym
import numpy as np
import pytest
import reward
from _elsewhere import own_place
from _env_films import EnvJob, Spent, Timed, make, make_env, make_films
from _env_speed import DEFAULT, EQUAL_CELLS, REWARDED, Pair, in_turn, jobs_of, pair, pair_rows, wrapper_beside
from _harness import run
from benchmark_scripts import ROOT

SMALL, LARGE = (8, 24), (16, 48)
TARGET = np.zeros(LARGE, np.uint8)


def test_each_step_is_timed() -> None:
    timed = Timed(gym.make("CartPole-v1"))
    timed.reset(seed=0)
    timed.step(0)
    timed.step(1)
    assert len(timed.seconds) == 2 and all(0.0 < each < 10.0 for each in timed.seconds)


def test_films_are_whole_and_follow_from_their_seeds() -> None:
    envs = make_env(EnvJob(SMALL, ()))
    # `make` warms another environment first, which changes nothing about its films.
    first, both, short = make_films(envs, [1]), make(EnvJob(SMALL, [1, 2])), make_films(envs, [1, 2], 3)
    assert 20 <= first.steps <= 40
    assert both.steps == first.steps + make_films(envs, [2]).steps
    assert short.steps == 6
    assert first.inside == first.seconds > 0.0 and first.wrapper_ms == 0.0


def test_the_wrapper_s_time_is_that_outside_the_film() -> None:
    class Slow(gym.Wrapper[Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            inner.seconds.append(3.0)
            outer.seconds.append(3.5)
            return self.env.step(action)

    inner = Timed(gym.make("morphsim:morphsim/Drying-v0", shape=SMALL))
    outer = Timed(Slow(inner))
    spent = make_films((outer, inner), [0], 2)
    # Each step adds one made-up time to the measured one.
    assert spent.steps == 4
    assert spent.seconds - spent.inside == pytest.approx(1.0, abs=0.2)


def test_jobs_of_a_pair_have_the_same_seeds() -> None:
    jobs = jobs_of([LARGE, SMALL], TARGET, [3, 4], 5)
    assert list(jobs) == [
        (DEFAULT, LARGE),
        (DEFAULT, SMALL),
        (EQUAL_CELLS, LARGE),
        (EQUAL_CELLS, SMALL),
        (REWARDED, LARGE),
    ]
    assert {tuple(job.seeds) for key, job in jobs.items() if key[0] != REWARDED} == {(3, 4)}
    assert jobs[EQUAL_CELLS, SMALL].cells == SMALL and jobs[DEFAULT, SMALL].cells is None
    assert all(job.most_steps == 5 for job in jobs.values())


def test_the_other_version_is_given_no_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def record(place: Path, jobs: Sequence[EnvJob]) -> tuple[str, list[Spent]]:
        asked.append((place, [job.cells for job in jobs]))
        return "0.0", [Spent(10, float(len(asked)), 1.0, 0.0)] * len(jobs)

    monkeypatch.setattr(_env_speed, "make_elsewhere", record)
    found = pair(Path("old"), jobs_of([SMALL], TARGET, [0], None))
    assert asked == [(own_place(), [None, SMALL, None]), (Path("old"), [None, None])]
    assert own_place() == ROOT
    assert found.version == "0.0"
    # 10 steps in 1 s here, and in 2 s there.
    assert found.ratio((DEFAULT, SMALL)) == found.ratio((EQUAL_CELLS, SMALL)) == 2.0


def pairs() -> list[Pair]:
    """Four times, twice and five times as fast; the wrapper takes 4, 6 and 5 ms, and once took 5."""
    found = []
    for seconds, wrapper in ((1.0, 4.0), (2.0, 6.0), (0.8, 5.0)):
        own = Spent(40, seconds, 0.8 * seconds, wrapper)
        old = Spent(40, 4.0, 3.0, 5.0)
        keys = [(DEFAULT, SMALL), (EQUAL_CELLS, SMALL), (REWARDED, LARGE)]
        found.append(Pair("0.1.0", dict.fromkeys(keys, own), {keys[0]: old, keys[2]: old}))
    return found


def test_the_median_of_the_ratios_counts() -> None:
    rows = pair_rows(pairs())
    assert [row["environment"] for row in rows] == [
        "8 x 24, default",
        "8 x 24, equal cells",
        "16 x 48, default, with reward",
    ]
    for row in rows:
        assert (row["ratio"], row["least ratio"], row["largest ratio"]) == (4.0, 2.0, 5.0)
        assert (row["steps a second"], row["of 0.1.0"], row["steps"]) == (40.0, 10.0, 120)
    assert wrapper_beside(pairs(), LARGE) == {
        "beside 0.1.0 [ms]": 5.0,
        "of 0.1.0 [ms]": 5.0,
        "over that of 0.1.0": 1.0,
    }
    reached, missed = reward.speed_targets(pairs(), {SMALL: 4.0}) + reward.speed_targets(
        pairs(), {SMALL: 4.1}
    )
    assert (reached.value, reached.holds, missed.holds) == (4.0, True, False)
    assert reached.name == "environment steps a second over those of 0.1.0, 8 x 24"


@pytest.mark.parametrize(
    ("cost", "name", "holds", "by"),
    [
        ({"share of a step": 0.08}, "wrapper over a drying step", True, "share of a step"),
        (
            {"share of a step": 0.08, "over that of 0.1.0": 1.2},
            "wrapper over a drying step",
            True,
            "share of a step",
        ),
        ({"share of a step": 0.3}, "wrapper over a drying step", False, "neither"),
        (
            {"share of a step": 0.3, "over that of 0.1.0": 0.9},
            "wrapper [ms] over that of 0.1.0",
            True,
            "milliseconds",
        ),
        (
            {"share of a step": 0.3, "over that of 0.1.0": 1.1},
            "wrapper [ms] over that of 0.1.0",
            False,
            "neither",
        ),
    ],
)
def test_the_wrapper_is_held_by_its_share_or_by_its_milliseconds(
    cost: dict[str, float], name: str, holds: bool, by: str
) -> None:
    target, found = reward.wrapper_target(cost)
    assert (target.name, target.holds, found) == (name, holds, by)


class Recorded:
    """A vector environment that keeps what it is told."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.seed = -1
        self.actions: list[np.ndarray[Any, Any]] = []
        self.closed = False

    def reset(self, *, seed: int) -> None:
        self.seed = seed

    def step(self, actions: np.ndarray[Any, Any]) -> None:
        self.actions.append(actions)

    def close(self) -> None:
        self.closed = True


def test_all_batches_make_the_same_films_in_turn() -> None:
    large, small = Recorded(6), [Recorded(2) for _ in range(3)]
    makers = [lambda each=each: each for each in small]
    seconds = in_turn({"large": [lambda: large], "small": makers}, 4, seed=7)
    assert set(seconds) == {"large", "small"} and min(seconds.values()) > 0.0
    assert [each.seed for each in (large, *small)] == [7, 7, 9, 11]
    together = np.concatenate([each.actions for each in small], axis=1)
    np.testing.assert_array_equal(np.stack(large.actions), together)
    assert together.shape == (4, 6, 3) and together.std() > 0.3
    assert all(each.closed for each in (large, *small))


def test_two_processes_make_the_films_of_one() -> None:
    both, alone = _env_speed.two_processes(EnvJob(SMALL, [0], most_steps=2))
    assert both > 0.0 and alone > 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "0"], "runs is 0; it must be at least 1"),
        (["--thread-steps", "0"], "thread_steps is 0"),
        (["--counts", "0"], "from 1 up"),
        (["--old", "gone"], "neither a Python interpreter nor a folder"),
    ],
)
def test_bad_options_are_named(
    arguments: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("reward", reward.Options, reward.measure, list(arguments)) == 2
    assert message in capsys.readouterr().err
