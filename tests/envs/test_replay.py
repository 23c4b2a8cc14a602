"""Stored frames as an environment."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_by_gymnasium
from stable_baselines3.common.env_checker import check_env as check_by_sb3

import morphsim  # noqa: F401 - registers the environments
from morphsim.envs import FrameReplayEnv
from morphsim.errors import InputError
from morphsim.frames import FrameSet, write_frames
from tests.envs.envs_helpers import assert_same

NAME = "morphsim:morphsim/FrameReplay-v0"
STAY = np.zeros(1, np.float32)


@pytest.fixture
def films() -> FrameSet:
    random = np.random.default_rng(0)
    return FrameSet(
        frames=random.integers(0, 2, (6, 36, 40)).astype(np.uint8),
        # Interleaved, and trajectory 2 has no frames.
        columns={
            "trajectory": [0, 1, 0, 1, 0, 3],
            "time": [0.0, 0.0, 1.0, 2.0, 3.0, 5.0],
            "dryness": [0.0, 0.1, np.nan, 0.3, 0.4, 0.5],
            "source": ["a", "b", "a", "b", "a", "c"],
        },
        recipes={"chi": [1.0, 2.0, 3.0, 4.0]},
        boundary="periodic",
    )


@pytest.mark.filterwarnings("ignore:matplotlib's backend agg opens no window")
def test_both_checkers_accept_it(films: FrameSet) -> None:
    env = gym.make(NAME, frames=films, render_mode="rgb_array").unwrapped
    check_by_gymnasium(env)
    check_by_sb3(env, warn=True)


def test_a_film_is_shown_frame_by_frame(films: FrameSet, tmp_path: Path) -> None:
    write_frames(tmp_path / "films.h5", films)
    for source in (films, tmp_path / "films.h5", str(tmp_path / "films.h5")):
        env = gym.make(NAME, frames=source)
        frame, info = env.reset(options={"trajectory": 0})
        shown, infos, ends = [frame], [info], []
        for _ in range(2):
            frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
            assert (reward, truncated) == (0.0, False)
            shown.append(frame)
            infos.append(info)
            ends.append(terminated)
        assert ends == [False, True]
        assert np.array_equal(np.stack(shown)[:, 0], films.frames[[0, 2, 4]] * 255)
        assert infos[0] == {
            "trajectory": 0,
            "time": 0.0,
            "dryness": 0.0,
            "source": "a",
            "boundary": "periodic",
            "step_fraction": 0.0,
        }
        types = {name: type(value) for name, value in infos[0].items()}
        assert types == {
            "trajectory": int,
            "time": float,
            "dryness": float,
            "source": str,
            "boundary": str,
            "step_fraction": float,
        }
        # Unknown values are omitted.
        assert "dryness" not in infos[1]
        assert [info["step_fraction"] for info in infos] == [0.0, 0.5, 1.0]
        with pytest.raises(InputError, match="the episode is over; call reset"):
            env.step(STAY)


def test_trajectories_are_drawn_by_the_seed(films: FrameSet) -> None:
    env = FrameReplayEnv(frames=films)
    drawn = [env.reset(seed=seed)[1]["trajectory"] for seed in range(30)]
    assert set(drawn) == {0, 1, 3}
    assert drawn == [env.reset(seed=seed)[1]["trajectory"] for seed in range(30)]
    one = FrameReplayEnv(frames=films, trajectory=3)
    assert {one.reset(seed=seed)[1]["trajectory"] for seed in range(9)} == {3}
    frame, _ = one.reset()
    last, _, terminated, _, info = one.step(STAY)
    assert (terminated, info["step_fraction"]) == (True, 1.0)
    assert np.array_equal(last, frame)


def test_states_specs_and_copies(films: FrameSet) -> None:
    env = gym.make(NAME, frames=films).unwrapped
    assert isinstance(env, FrameReplayEnv)
    env.reset(seed=0, options={"trajectory": 0})
    now = env.step(STAY)
    state = env.get_state()
    future = [env.step(STAY), env.reset()]
    assert_same(env.set_state(state), (now[0], now[4]))
    assert_same([env.step(STAY), env.reset()], future)
    for other in (gym.make(env.spec).unwrapped, pickle.loads(pickle.dumps(env))):
        other.set_state(pickle.loads(pickle.dumps(state)))
        assert_same([other.step(STAY), other.reset()], future)
    with pytest.raises(InputError, match="this is not a state of a replay"):
        env.set_state({"trajectory": 0})
    with pytest.raises(InputError, match="random numbers can't be used"):
        env.set_state({**state, "random": None})
    with pytest.raises(InputError, match=r"step is 99, but trajectory \d is over after \d"):
        env.set_state({**state, "step": 99})
    with pytest.raises(InputError, match="step is -1; it must be a whole number"):
        env.set_state({**state, "step": -1})


def test_pictures(films: FrameSet) -> None:
    env = FrameReplayEnv(frames=films, trajectory=1, render_mode="rgb_array")
    env.reset()
    picture = env.render()
    assert picture is not None
    colours = {tuple(colour) for colour in picture.reshape(-1, 3)}
    assert len(colours) == 2
    assert (picture[films.frames[1] == 1] == picture[films.frames[1] == 1][0]).all()
    shown = FrameReplayEnv(frames=films, render_mode="human")
    with pytest.warns(UserWarning, match="opens no window"):
        shown.reset()
    shown.close()


def test_frames_that_can_not_be_replayed_are_refused(films: FrameSet, tmp_path: Path) -> None:
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"no frames")
    channels = FrameSet(frames=np.zeros((2, 3, 4, 4), np.uint8), columns={"trajectory": [0, 0]})
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"frames": tmp_path / "absent.h5"}, "absent.h5"),
        ({"frames": broken}, "broken.h5"),
        ({"frames": channels}, "have 3 channels; replay frames of one channel"),
        ({"frames": films, "trajectory": 2}, "no frames of trajectory 2"),
        ({"frames": films, "trajectory": 1.5}, "trajectory is 1.5; it must be a whole number"),
        ({"frames": films, "render_mode": "ansi"}, "render_mode is 'ansi'"),
    ]
    for arguments, message in wrong:
        with pytest.raises(InputError, match=message):
            FrameReplayEnv(**arguments)
    env = FrameReplayEnv(frames=films)
    for call in (lambda: env.step(STAY), env.get_state, lambda: env.frame):
        with pytest.raises(InputError, match="call reset first"):
            call()
    with pytest.raises(InputError, match="there are trajectories 0 to 3"):
        env.reset(options={"trajectory": 7})
    with pytest.raises(InputError, match="reset has no option 'film'; it has trajectory"):
        env.reset(options={"film": 7})
