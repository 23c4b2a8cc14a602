"""Observations made of latents and of numbers from `info`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder
from morphsim.errors import InputError
from morphsim.rewards.infos import is_number
from morphsim.rewards.metric import latent_unit

Part = Literal["content", "pose", "deviation", "target", "state"]

_STATE_KEY = "state"


class LatentFeatures:
    """Assembles an agent's observation from parts of the latents, a state and numbers of `info`.

    Args:
        encoder: encodes the frames.
        space: space of the environment's observation.
        parts: any of "content", "pose", "deviation" (of the content's posterior), "target" (the latent of
            the nearest target) and "state" (the entry of this name in the environment's Dict observation),
            in the order in which they are observed.
        info_keys: numbers of `info` to append.
        normalise: whether to divide content, deviation and target by `latent_unit`, so that they are of the
            order of 1.

    Attributes:
        space: the observation space, a Box of S numbers; those of the state have its bounds, the others none.

    Raises:
        InputError: a part is unknown or repeated, there is neither a part nor a key, or the environment
            observes no state.
    """

    def __init__(
        self,
        encoder: Encoder,
        space: gym.Space[Any],
        *,
        parts: Sequence[Part],
        info_keys: Sequence[str],
        normalise: bool,
    ) -> None:
        for name, given in (("parts", parts), ("info_keys", info_keys)):
            if isinstance(given, str):
                raise InputError(f"{name} is the text {given!r}; give a list, [{given!r}]")
        self.parts, self.info_keys = tuple(parts), tuple(info_keys)
        for part in self.parts:
            if part not in get_args(Part):
                raise InputError(f"part {part!r} is unknown; use some of {', '.join(get_args(Part))}")
        if len(set(self.parts)) < len(self.parts) or not (self.parts or self.info_keys):
            raise InputError(f"parts are {list(parts)}; name at least one, and each once")
        self.unit = np.float32(latent_unit(encoder) if normalise else 1.0)
        size = encoder.latent_size
        sizes = {
            "content": size,
            "deviation": size,
            "target": size,
            "pose": encoder.network.latent_size - size,
        }
        bounds = [
            _bounds_of_state(space) if part == "state" else _no_bounds(sizes[part]) for part in self.parts
        ]
        low, high = np.concatenate([*bounds, _no_bounds(len(self.info_keys))], axis=1)
        self.space = gym.spaces.Box(low, high, dtype=np.float32)

    def observe(
        self, encoded: EncodedFrames, row: int, observation: Any, info: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """The observation (S,) of one frame.

        Args:
            encoded: encoded frames.
            row: index of the frame among them.
            observation: of its environment.
            info: likewise.

        Raises:
            InputError: `info` lacks the target or one of the numbers.
        """
        found: list[NDArray[np.float32]] = []
        for part in self.parts:
            if part == "pose":
                found.append(encoded.pose[row])
            elif part == "state":
                found.append(np.asarray(observation[_STATE_KEY], np.float32).ravel())
            elif part == "target":
                if "target_latent" not in info:
                    raise InputError(
                        "there is no target to observe; wrap the environment with LatentRewardWrapper first"
                    )
                found.append(info["target_latent"] / self.unit)
            else:
                latents = encoded.content if part == "content" else encoded.deviation
                found.append(latents[row] / self.unit)
        missing = [key for key in self.info_keys if not is_number(info.get(key))]
        if missing:
            numbers = [key for key, value in info.items() if is_number(value)]
            raise InputError(f"info has no number {', '.join(missing)}; it has {', '.join(numbers)}")
        numbers_of_info = np.array([float(info[key]) for key in self.info_keys], np.float32)
        return np.concatenate([*found, numbers_of_info]).astype(np.float32)


def _no_bounds(count: int) -> NDArray[np.float32]:
    """(2, count) lower and upper bounds."""
    return np.array([[-np.inf], [np.inf]], np.float32).repeat(count, axis=1)


def _bounds_of_state(space: gym.Space[Any]) -> NDArray[np.float32]:
    """(2, S) lower and upper bounds of the state in an environment's observation."""
    state = space.spaces.get(_STATE_KEY) if isinstance(space, gym.spaces.Dict) else None
    if not isinstance(state, gym.spaces.Box):
        raise InputError(
            f"there is no state to observe: the observation is {space}, not a Dict with a Box 'state'; make "
            "our environments with observation='dict', or name numbers in info_keys"
        )
    return np.stack([state.low.ravel(), state.high.ravel()]).astype(np.float32)
