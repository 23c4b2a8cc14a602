"""The latent distance to a target as the reward of any environment with frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.frames import read_target_frames
from morphsim.rewards.functions import REWARDS, RewardName
from morphsim.rewards.source import FrameSource, encode_one, frame_of_observation
from morphsim.similarity import euclidean, percentile_of_distance


class LatentRewardWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Replaces the reward by one made of the latent distance between the current frame and a target.

    The distance is Euclidean between latent means, in units of the median distance between random frames
    of the encoder's training data: 1.0 means "as far apart as any two", for every encoder and environment.
    Each step encodes one frame, once. `info` gains

    | key | meaning |
    |---|---|
    | `latent` | latent means of the frame, (D,) float32 |
    | `distance` | distance to the nearest target, 1.0 = median of random pairs |
    | `percentile` | share of random pairs of training frames that are closer [%] |
    | `nearest_target` | its number, from 0 |
    | `original_reward` | the environment's own reward (not at reset) |
    | `encoder_hash` | SHA-256 of the encoder's weights |

    Args:
        env: any environment that yields frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        target: a frame (H, W), several (K, H, W) of which the nearest counts, or `FILE:ROW` as for
            `morphsim.frames.read_target_frames`.
        reward: "distance" (-d), "squared" (-d²) or "progress" (d before the step - d after it).
        frame: a function of observation and info that returns the frame; by default the observation.

    Raises:
        InputError: no target, an unknown reward, or frames of another shape than the encoder's.

    >>> from morphsim import load_encoder
    >>> env = gym.make("morphsim:morphsim/Drying-v0", shape=(100, 400))
    >>> target = np.zeros((100, 400), np.uint8)
    >>> target[:50] = 1
    >>> env = LatentRewardWrapper(env, load_encoder("default"), target=target, reward="progress")
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        target: NDArray[Any] | str | None = None,
        reward: RewardName = "distance",
        frame: FrameSource = frame_of_observation,
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(
            self, encoder=encoder, target=target, reward=reward, frame=frame
        )
        gym.Wrapper.__init__(self, env)
        if reward not in REWARDS:
            raise InputError(f"reward is {reward!r}; use one of {', '.join(REWARDS)}")
        if target is None:
            raise InputError("target is missing; give a frame (H, W), several (K, H, W), or 'FILE:ROW'")
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        self.reward_name = reward
        self._reward = REWARDS[reward]
        self._frame = frame
        frames = read_target_frames(target) if isinstance(target, str) else np.asarray(target)
        frames = frames[None] if frames.ndim == 2 else frames
        if len(frames) == 0:
            raise InputError("target holds no frame; give at least one")
        self.target_frames = frames
        self.target_latents = np.stack([encode_one(self.encoder, each) for each in frames])
        scale = self.encoder.metadata["distances"]["euclidean"]["scale"]
        if not scale > 0:
            raise InputError(
                f"the encoder's distance scale is {scale}: to it all training frames are one; train it longer"
            )
        self._scale = float(scale)
        self._distance = np.inf

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the environment; `info` already tells the first frame's distance."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._judged(observation, info)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and reward the frame that it shows now."""
        observation, original, terminated, truncated, info = self.env.step(action)
        before = self._distance
        info = self._judged(observation, info)
        info["original_reward"] = float(original)
        return observation, self._reward(before, self._distance), terminated, truncated, info

    def _judged(self, observation: Any, info: dict[str, Any]) -> dict[str, Any]:
        latent = encode_one(self.encoder, self._frame(observation, info))
        distances = euclidean(latent, self.target_latents)
        nearest = int(distances.argmin())
        self._distance = float(distances[nearest]) / self._scale
        return {
            **info,
            "latent": latent,
            "distance": self._distance,
            "percentile": float(percentile_of_distance(distances[nearest], self.encoder.metadata)),
            "nearest_target": nearest,
            "encoder_hash": self.encoder.hash,
        }
