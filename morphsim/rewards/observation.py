"""Latents as observations, so that small policies suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, SupportsFloat, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.rewards.coder import Coder, binarisation_for
from morphsim.rewards.episodes import go_back
from morphsim.rewards.metric import latent_unit
from morphsim.rewards.source import FrameSource

Part = Literal["content", "pose", "deviation", "target"]


class LatentState:
    """Puts together what an agent sees: parts of the latents, and numbers of `info`.

    Args:
        encoder: of the latents.
        parts: which of "content", "pose", "deviation" (of the content's posterior) and "target" (the latent
            of the nearest target), in this order.
        info_keys: numbers of `info` to append.
        normalise: divide content, deviation and target by `latent_unit`, so that they are of the order of 1.

    Raises:
        InputError: an unknown or repeated part, or nothing at all.
    """

    def __init__(
        self, encoder: Encoder, *, parts: Sequence[Part], info_keys: Sequence[str], normalise: bool
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
        count = sum(sizes[part] for part in self.parts) + len(self.info_keys)
        self.space = gym.spaces.Box(-np.inf, np.inf, (count,), np.float32)

    def of(self, codes: EncodedFrames, row: int, info: Mapping[str, Any]) -> NDArray[np.float32]:
        """The observation (S,) of one frame.

        Raises:
            InputError: info has no target or none of the numbers asked for.
        """
        found: list[NDArray[np.float32]] = []
        for part in self.parts:
            if part == "pose":
                found.append(codes.pose[row])
            elif part == "target":
                if "target_latent" not in info:
                    raise InputError(
                        "there is no target to observe; wrap the environment with LatentRewardWrapper first"
                    )
                found.append(info["target_latent"] / self.unit)
            else:
                found.append((codes.content if part == "content" else codes.deviation)[row] / self.unit)
        missing = [key for key in self.info_keys if not _is_number(info.get(key))]
        if missing:
            numbers = [key for key, value in info.items() if _is_number(value)]
            raise InputError(f"info has no number {', '.join(missing)}; it has {', '.join(numbers)}")
        state = np.array([float(info[key]) for key in self.info_keys], np.float32)
        return np.concatenate([*found, state]).astype(np.float32)


class LatentObservationWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Replaces the observation by latents of the frame and, by choice, numbers from `info`.

    With a `LatentRewardWrapper` of the same encoder inside or around it, a step still codes one frame.

    Args:
        env: any environment that shows binary frames of the encoder's shape, or pictures to cut to such.
        encoder: an encoder, or what `load_encoder` takes.
        parts: what of the latents: "content" (what distances read), "pose" (where the pattern lies),
            "deviation" of the content's posterior, "target" (the nearest target's content; needs a
            `LatentRewardWrapper` inside).
        info_keys: numbers in `info` to append, such as "dryness": what one frame can't show.
        frame: where the frame is, as for `LatentRewardWrapper`.
        frame_threshold: where pictures are cut, see there.
        invert: whether dark pixels are donor, see there.
        normalise: divide content, deviation and target by `morphsim.rewards.latent_unit`, one number for
            all latents, so that they are of the order of 1 and keep their geometry.

    The observation space is `Box(-inf, inf, (S,), float32)`. `info` gains `latent` and `encoder_hash`.

    Raises:
        InputError: an unknown part, a key that `info` does not have (at reset), or frames of another shape
            or boundary.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        parts: Sequence[Part] = ("content",),
        info_keys: Sequence[str] = (),
        frame: FrameSource = "observation",
        frame_threshold: float | None = None,
        invert: bool | None = None,
        normalise: bool = True,
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,
            encoder=encoder,
            parts=parts,
            info_keys=info_keys,
            frame=frame,
            frame_threshold=frame_threshold,
            invert=invert,
            normalise=normalise,
        )
        gym.Wrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        binarisation = binarisation_for(
            env,
            env.observation_space,
            self.encoder,
            frame,
            threshold=frame_threshold,
            invert=invert,
        )
        self.state = LatentState(self.encoder, parts=parts, info_keys=info_keys, normalise=normalise)
        self.coder = Coder(env, self.encoder, frame, reconstruct=False, binarisation=binarisation)
        self.observation_space = self.state.space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset the environment and code its first frame."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._seen(observation, info, first=True)

    def step(self, action: Any) -> tuple[NDArray[np.float32], SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and code the frame that it shows now."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        seen, info = self._seen(observation, info)
        return seen, reward, terminated, truncated, info

    def get_state(self) -> dict[str, Any]:
        """The state of the environment, which must have one, for `set_state`."""
        state: dict[str, Any] = self.env.get_wrapper_attr("get_state")()
        return state

    def set_state(self, state: dict[str, Any]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Go back to what `get_state` returned.

        Returns:
            The observation and the info there.

        Raises:
            InputError: it is something else.
        """
        return self._seen(*go_back(self.env, state))

    def _seen(
        self, observation: Any, info: dict[str, Any], *, first: bool = False
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        codes = self.coder.code(observation, info, first=first)
        gained = {"latent": codes.content[0].copy(), "encoder_hash": self.encoder.hash}
        return self.state.of(codes, 0, info), {**info, **gained}


def _is_number(value: object) -> bool:
    return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf"  # type: ignore[arg-type]
