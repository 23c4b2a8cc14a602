"""A third-party environment, and an encoder whose latents can be worked out by hand."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch

from morphsim.encoder import Encoder
from morphsim.encoder.networks import CVAEConfig
from morphsim.encoder.networks.base import Network

SHAPE = (4, 10)
SCALE = 2.0
DEVIATION = (0.5, 2.0)


class Shares(Network):
    """Latents (10 x share of donor in the upper half, 10 x share in the lower half), decoded as two layers.

    The posterior deviations are 0.5 and 2.
    """

    def __init__(self, frame_shape: tuple[int, int] = SHAPE) -> None:
        super().__init__(CVAEConfig(latent_size=2, channels=(1, 1), hidden=1), frame_shape, 1, latent_size=2)

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        half = self.frame_shape[0] // 2
        upper, lower = frames[:, 0, :half].mean(dim=(1, 2)), frames[:, 0, half:].mean(dim=(1, 2))
        variances = torch.tensor([2 * math.log(value) for value in DEVIATION])
        return 10.0 * torch.stack((upper, lower), dim=1), variances.expand(len(frames), 2)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        height, width = self.frame_shape
        rows = (latents / 10.0).repeat_interleave(height // 2, dim=1)
        decoded = rows[:, None, :, None].expand(-1, 1, -1, width)
        return torch.logit(decoded.clamp(1e-3, 1 - 1e-3))


def hand_encoder(
    *, boundary: str = "periodic", known: bool = False, whitening: Any = ((2.0, 0.0), (0.0, 0.5))
) -> Encoder:
    """Euclidean distances have the scale 2 and quantiles from 0 to 4, cosine ones 0.5 and 0 to 1."""
    metadata: dict[str, Any] = {
        "frame_shape": list(SHAPE),
        "channels": 1,
        "boundary": boundary,
        "latent_names": ["upper", "lower"],
        "distances": {
            "euclidean": {"scale": SCALE, "quantiles": list(np.linspace(0.0, 4.0, 101))},
            "cosine": {"scale": 0.5, "quantiles": list(np.linspace(0.0, 1.0, 101))},
            "mahalanobis": {
                "scale": 4.0,
                "quantiles": list(np.linspace(0.0, 8.0, 101)),
                "whitening": [list(row) for row in whitening],
            },
        },
    }
    if known:
        metadata["held_out"] = {
            "training_distance": list(np.linspace(0.0, 1.0, 101)),
            "reconstruction_error": list(np.linspace(0.0, 1.0, 101)),
        }
    grid = np.stack(np.meshgrid(np.arange(11.0), np.arange(11.0)), axis=-1).reshape(-1, 2)
    return Encoder(Shares(), metadata, device=torch.device("cpu"), training_latents=grid if known else None)


def layers(upper: int, lower: int) -> np.ndarray[Any, Any]:
    """A frame whose latents are exactly `upper` and `lower`, each from 0 to 10."""
    frame = np.zeros(SHAPE, np.uint8)
    frame[:2, :upper] = 1
    frame[2:, :lower] = 1
    return frame


class Replay(gym.Env[Any, Any]):
    """A third-party environment that shows given frames, one after the other; each step earns 0.25.

    Its metadata do not mention films, and its frames depend on nothing else.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 1}

    def __init__(
        self,
        frames: np.ndarray[Any, Any],
        *,
        place: str = "observation",
        boundary: str | None = None,
        terminates: bool = True,
        render_mode: str | None = None,
    ) -> None:
        self.frames, self.place, self.boundary, self.terminates = frames, place, boundary, terminates
        self.number = 0
        self.render_mode = render_mode
        self.action_space = gym.spaces.Discrete(2)
        picture = gym.spaces.Box(0, 255, (1, *frames.shape[1:]), np.uint8)
        clock = gym.spaces.Box(0, 100, (1,), np.float32)
        self.observation_space: gym.spaces.Space[Any] = clock
        if place == "observation":
            self.observation_space = picture
        elif place in ("frame", "picture"):
            self.observation_space = gym.spaces.Dict({place: picture, "clock": clock})

    def _seen(self) -> tuple[Any, dict[str, Any]]:
        frame = self.frames[self.number]
        picture, clock = frame[None] * np.uint8(255), np.array([self.number], np.float32)
        observation: Any = clock
        if self.place == "observation":
            observation = picture
        elif self.place in ("frame", "picture"):
            observation = {self.place: picture, "clock": clock}
        info: dict[str, Any] = {"number": self.number}
        if self.place == "info":
            info["picture"] = frame
        if self.boundary is not None:
            info["boundary"] = self.boundary
        return observation, info

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.number = 0 if options is None else options.get("number", 0)
        return self._seen()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.number += 1
        over = self.number == len(self.frames) - 1
        observation, info = self._seen()
        return observation, 0.25, over and self.terminates, over and not self.terminates, info

    def render(self) -> Any:
        if self.render_mode is None:
            return None
        return np.repeat(self.frames[self.number][..., None] * np.uint8(200), 3, axis=-1)

    def get_state(self) -> dict[str, Any]:
        return {"number": self.number}

    def set_state(self, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        self.number = state["number"]
        return self._seen()


class Process(gym.Env[Any, Any]):
    """A third-party process that shows given frames, with a state, a time and a temperature.

    Step number n takes n seconds. The first action is the temperature above 290 K; each step earns 0.25.
    """

    def __init__(
        self, frames: np.ndarray[Any, Any], *, measured: bool = True, terminates: bool = True
    ) -> None:
        self.frames, self.measured, self.terminates = frames, measured, terminates
        self.action_space = gym.spaces.Box(0.0, 50.0, (2,), np.float32)
        self.observation_space = gym.spaces.Dict(
            {
                "frame": gym.spaces.Box(0, 255, frames.shape[1:], np.uint8),
                "state": gym.spaces.Box(-1.0, 100.0, (3,), np.float32),
            }
        )
        self.number, self.time, self.action = 0, 0.0, np.zeros(2, np.float32)

    def _seen(self) -> tuple[Any, dict[str, Any]]:
        state = np.array([self.number, *self.action], np.float32)
        observation = {"frame": self.frames[self.number] * np.uint8(255), "state": state}
        if not self.measured:
            return observation, {}
        temperature = 290.0 + float(self.action[0])
        gauge = np.float32(0.1 * self.number)
        return observation, {"time_s": self.time, "temperature_K": temperature, "gauge": gauge}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.number, self.time, self.action = 0, 100.0, np.zeros(2, np.float32)
        return self._seen()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.number += 1
        self.time += self.number
        self.action = np.asarray(action, np.float32)
        over = self.number == len(self.frames) - 1
        observation, info = self._seen()
        return observation, 0.25, over and self.terminates, over and not self.terminates, info
