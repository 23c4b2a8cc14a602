"""Stored frames as an environment, to test rewards without a simulator."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.envs.checks import options_of, whole
from morphsim.envs.generator import restored_generator
from morphsim.envs.picture import Window, film_picture
from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames

_STATE = ("trajectory", "step", "random", "seed")


class FrameReplayEnv(gym.Env[NDArray[np.uint8], NDArray[np.float32]]):
    """`morphsim/FrameReplay-v0`: shows the frames of a stored film one after another.

    ## Action space
    `Box(-1, 1, (1,), float32)`; actions are ignored.

    ## Observation space
    `Box(0, 255, (1, H, W), uint8)`: 255 is donor.

    ## Rewards
    0.0. Wrap it with `morphsim.LatentRewardWrapper` or your own reward.

    ## Starting state
    The first frame of one trajectory, given as `trajectory` or drawn from the environment's generator;
    `reset(options={"trajectory": 3})` selects it for one episode.

    ## Steps and episode end
    Each step shows the next frame of the trajectory, in the file's order. Terminated at its last frame; never
    truncated.

    ## Info
    The file's columns for the frame (such as `time`, `thickness` and `seed`) as Python values, without
    unknown numbers (NaN); also `trajectory`, `boundary` and `step_fraction` (share of the trajectory shown so
    far).

    ## Arguments
    `frames`: a frame file, or a `FrameSet` of one channel. `trajectory`: the trajectory to show; by default
    each episode draws one. `render_mode`: None, "rgb_array", or "human" for a window.

    ## Version history
    v0: first version.

    >>> import numpy as np
    >>> from morphsim.frames import FrameSet
    >>> film = FrameSet(frames=np.eye(4, dtype=np.uint8)[None].repeat(3, 0), columns={"trajectory": [0] * 3})
    >>> env = FrameReplayEnv(frames=film)
    >>> frame, info = env.reset(seed=0)
    >>> frame.shape, info["step_fraction"]
    ((1, 4, 4), 0.0)
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["human", "rgb_array"],
        "render_fps": 10,
        # Pictures show frames in colours.
        "render_shows_frames": False,
        # In observations, as in frames, white is donor.
        "observes_frames": True,
    }

    def __init__(
        self,
        *,
        frames: str | Path | FrameSet,
        trajectory: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise InputError(f"render_mode is {render_mode!r}; use None, 'human' or 'rgb_array'")
        self.frames = frames if isinstance(frames, FrameSet) else read_frames(frames)
        if self.frames.frames.ndim != 3:
            raise InputError(f"the frames have {self.frames.channels} channels; replay frames of one channel")
        # A trajectory may have a recipe but no frames.
        self.trajectories = tuple(np.unique(self.frames.trajectory).tolist())
        self.render_mode = render_mode
        self._only = None if trajectory is None else self._known(trajectory)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = gym.spaces.Box(0, 255, (1, *self.frames.shape), np.uint8)
        self._rows: NDArray[np.int64] | None = None
        self._trajectory = 0
        self._step = 0
        self._window = Window("morphsim: replay", pause=1.0 / self.metadata["render_fps"])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Show the first frame of a trajectory.

        Args:
            seed: of the generator that draws the trajectory.
            options: `trajectory`, the number of the trajectory to show.

        Raises:
            InputError: an unknown option, or a trajectory that has no frames.
        """
        super().reset(seed=seed)
        chosen = options_of(options)
        drawn = self.trajectories[int(self.np_random.integers(len(self.trajectories)))]
        default = drawn if self._only is None else self._only
        trajectory = self._known(chosen.pop("trajectory", default))
        if chosen:
            raise InputError(f"reset has no option {', '.join(map(repr, chosen))}; it has trajectory")
        self._begin(trajectory, 0)
        return self._observed()

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Show the next frame, whatever the action.

        Raises:
            InputError: no episode is running.
        """
        rows = self._running()
        # A film of one frame ends with its first step.
        if self._step >= max(len(rows) - 1, 1):
            raise InputError("the episode is over; call reset")
        self._step += 1
        observation, info = self._observed()
        return observation, 0.0, self._step >= len(rows) - 1, False, info

    def render(self) -> NDArray[np.uint8] | None:
        """The frame as an RGB picture (H, W, 3)."""
        return self._picture() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window, if there is one."""
        self._window.close()

    def get_state(self) -> dict[str, Any]:
        """The complete state of the episode, as a copy that can be pickled.

        Raises:
            InputError: no episode is running.
        """
        self._running()
        random = copy.deepcopy(self.np_random.bit_generator.state)
        return {
            "trajectory": self._trajectory,
            "step": self._step,
            "random": random,
            "seed": self.np_random_seed,
        }

    def set_state(self, state: Mapping[str, Any]) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Restore a state of this environment or of another with the same frames.

        Returns:
            Observation and info of that state.

        Raises:
            InputError: not a state of such an environment; then nothing has changed.
        """
        if not isinstance(state, Mapping) or set(state) != set(_STATE):
            raise InputError("this is not a state of a replay; use what get_state returned")
        trajectory, generator = self._known(state["trajectory"]), restored_generator(state["random"])
        step = whole("step", state["step"], 0)
        # A film of one frame ends with its first step.
        last = max(int((self.frames.trajectory == trajectory).sum()) - 1, 1)
        if step > last:
            raise InputError(f"step is {step}, but trajectory {trajectory} is over after {last}")
        self._begin(trajectory, step)
        self._np_random, self._np_random_seed = generator, state["seed"]
        return self._observed()

    @property
    def frame(self) -> NDArray[np.uint8]:
        """The present frame (H, W), 0/1."""
        return np.array(self.frames.frames[self._row()])

    def _begin(self, trajectory: int, step: int) -> None:
        self._rows = np.flatnonzero(self.frames.trajectory == trajectory)
        self._trajectory, self._step = trajectory, step

    def _running(self) -> NDArray[np.int64]:
        if self._rows is None:
            raise InputError("no film is shown yet; call reset first")
        return self._rows

    def _row(self) -> int:
        rows = self._running()
        return int(rows[min(self._step, len(rows) - 1)])

    def _known(self, trajectory: Any) -> int:
        if isinstance(trajectory, bool) or not isinstance(trajectory, int | np.integer):
            raise InputError(f"trajectory is {trajectory!r}; it must be a whole number")
        if trajectory not in self.trajectories:
            raise InputError(
                f"there are no frames of trajectory {trajectory}; there are trajectories "
                f"{self.trajectories[0]} to {self.trajectories[-1]}"
            )
        return int(trajectory)

    def _observed(self) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        if self.render_mode == "human":
            self._window.show(self._picture())
        row, last = self._row(), max(len(self._running()) - 1, 1)
        info = {name: column[row].item() for name, column in self.frames.columns.items()}
        info = {name: value for name, value in info.items() if value == value}
        info |= {"boundary": self.frames.boundary, "step_fraction": self._step / last}
        return self.frame[None] * np.uint8(255), info

    def _picture(self) -> NDArray[np.uint8]:
        return film_picture(self.frame.astype(np.float32), 1.0)
