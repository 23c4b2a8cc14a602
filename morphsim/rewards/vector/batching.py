"""Batches of a vector environment: their encoded frames, and which environments began or ended an episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames
from morphsim.errors import InputError
from morphsim.rewards.target_generator import TargetGenerator

if TYPE_CHECKING:
    AnyVectorWrapper = VectorWrapper[Any, Any, Any, Any, Any]
else:
    # That of Gymnasium 1.2 is not generic.
    AnyVectorWrapper = VectorWrapper

RESETS_BY_MASK = "resets_by_mask"
"""Entry of a vector environment's metadata; True if its `reset` takes the option `reset_mask`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedBatch:
    """Frames of some environments, encoded together."""

    frames: NDArray[Any]
    """(M, H, W) or (M, C, H, W)."""
    encoded: EncodedFrames
    """M rows."""
    current: Mapping[int, int]
    """For each environment, by index, the row of the frame that it shows now."""
    final: Mapping[int, int]
    """For each environment whose episode has just ended, by index, the row of its final frame."""

    def holds(self, frames: NDArray[Any], indices: Sequence[int], ended: Sequence[int]) -> bool:
        """Whether these are the frames of the batch, in the same order of environments."""
        same = list(self.current) == list(indices) and list(self.final) == list(ended)
        return same and np.array_equal(self.frames, frames)

    def with_encoded(self, encoded: EncodedFrames) -> EncodedBatch:
        """The same frames, encoded again."""
        return replace(self, encoded=encoded)

    def after_step(self, indices: Sequence[int]) -> list[int]:
        """The rows of the frames to which the last step of these environments led."""
        return [self.final.get(index, self.current[index]) for index in indices]

    def with_reset(self, reset: EncodedBatch) -> EncodedBatch:
        """The batch after some of its environments were reset, whose frames so far are thus final.

        Args:
            reset: their first frames.
        """
        begun = {index: len(self.frames) + row for index, row in reset.current.items()}
        ended = sorted({*self.final, *begun})
        rows = [begun.get(index, row) for index, row in self.current.items()] + self.after_step(ended)
        before, after = self.encoded, reset.encoded
        joined = EncodedFrames(
            content=np.concatenate([before.content, after.content]),
            deviation=np.concatenate([before.deviation, after.deviation]),
            pose=np.concatenate([before.pose, after.pose]),
            reconstruction=_joined(before.reconstruction, after.reconstruction),
            statistics=_joined(before.statistics, after.statistics),
        )
        return EncodedBatch(
            frames=np.concatenate([self.frames, reset.frames])[rows],
            encoded=joined.rows(rows),
            current={index: row for row, index in enumerate(self.current)},
            final={index: len(self.current) + row for row, index in enumerate(ended)},
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class StepMask:
    """What a call of `step` did in each of N environments."""

    stepped: NDArray[np.bool_]
    """(N,) whether it made a step; with NEXT_STEP autoreset it may have been reset instead."""
    started: NDArray[np.bool_]
    """(N,) whether a new episode began."""
    ended: NDArray[np.bool_]
    """(N,) whether an episode ended and the next began in the same step, so that its last frame is final."""

    def with_reset(self, indices: Sequence[int]) -> StepMask:
        """The mask after further environments were reset in the same step."""
        also = np.isin(np.arange(len(self.stepped)), list(indices))
        return replace(self, started=self.started | also, ended=self.ended | also)


class EpisodeTracker:
    """Tracks which environments begin, continue and end an episode, in every autoreset mode of Gymnasium.

    Raises:
        InputError: the vector environment does not state its autoreset mode.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        self.mode = autoreset_mode(envs)
        self.count = envs.num_envs
        self._over = np.zeros(self.count, np.bool_)

    def reset(self, options: Mapping[str, Any] | None) -> list[int]:
        """The indices of the environments that a reset with these options begins."""
        mask = None if options is None else options.get("reset_mask")
        chosen = np.ones(self.count, np.bool_) if mask is None else np.asarray(mask)
        self._over[chosen] = False
        return [int(index) for index in np.flatnonzero(chosen)]

    def step(self, terminated: NDArray[Any], truncated: NDArray[Any]) -> StepMask:
        """What a step did in each environment."""
        over = np.asarray(terminated, np.bool_) | np.asarray(truncated, np.bool_)
        none = np.zeros(self.count, np.bool_)
        if self.mode is AutoresetMode.SAME_STEP:
            return StepMask(stepped=~none, started=over, ended=over)
        begun = none
        if self.mode is AutoresetMode.NEXT_STEP:
            begun, self._over = self._over.copy(), over
        return StepMask(stepped=~begun, started=begun, ended=none)


class VectorTargetGenerators:
    """A `TargetGenerator` for each environment, so that each draws what it would draw by itself."""

    def __init__(self, count: int) -> None:
        self._each = [TargetGenerator() for _ in range(count)]

    def after_reset(
        self, indices: Sequence[int], seed: Any, envs: VectorEnv[Any, Any, Any]
    ) -> list[np.random.Generator]:
        """The generators of some environments after a reset with `seed`, as Gymnasium distributes it."""
        count = len(self._each)
        if seed is None:
            seeds: list[int | None] = [None] * count
        elif isinstance(seed, int | np.integer):
            seeds = [int(seed) + number for number in range(count)]
        else:
            seeds = list(seed)
        own: Any = None
        if any(seeds[index] is None and self._each[index].generator is None for index in indices):
            own = envs.unwrapped.np_random_seed
        env_seeds = own if isinstance(own, tuple | list) and len(own) == count else [None] * count
        return [self._each[index].after_reset(seeds[index], env_seeds[index]) for index in indices]

    def after_autoreset(self, indices: Sequence[int]) -> list[np.random.Generator]:
        """The generators of some environments that have begun another episode without a seed."""
        return [self._each[index].after_reset(None, None) for index in indices]


def autoreset_mode(envs: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """The autoreset mode of a vector environment.

    Raises:
        InputError: its metadata do not state it.
    """
    mode = envs.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise InputError(
            f"the vector environment's metadata has no autoreset_mode (it is {mode!r}); set it to one of "
            "gymnasium.vector.AutoresetMode"
        )
    return mode


def check_ends_episodes(envs: VectorEnv[Any, Any, Any]) -> None:
    """Check that a wrapper can end the episodes of single environments.

    Raises:
        InputError: the environments are reset by themselves, but not by a mask and in the same step.
    """
    mode = autoreset_mode(envs)
    if mode is AutoresetMode.NEXT_STEP:
        raise InputError(
            "terminate_on_success can't end episodes with autoreset_mode NEXT_STEP, since the environment "
            "would make another step first; use SAME_STEP, or wrap the single environments"
        )
    known = isinstance(envs.unwrapped, SyncVectorEnv | AsyncVectorEnv)
    if mode is AutoresetMode.SAME_STEP and not known and envs.metadata.get(RESETS_BY_MASK) is not True:
        raise InputError(
            "terminate_on_success needs reset(options={'reset_mask': ...}), which "
            f"{type(envs.unwrapped).__name__} does not promise; if it has this, set "
            f"metadata['{RESETS_BY_MASK}'] = True, or wrap the single environments"
        )


def observation_of(observations: Any, index: int) -> Any:
    """The observation of one environment in a batch."""
    if isinstance(observations, Mapping):
        return {key: observation_of(value, index) for key, value in observations.items()}
    if isinstance(observations, tuple):
        return tuple(observation_of(part, index) for part in observations)
    return observations[index]


def info_of(infos: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The info that one environment of a batch returned; entries without a mask are in every info."""
    info: dict[str, Any] = {}
    for key, value in infos.items():
        if key.startswith("_") and key[1:] in infos:
            continue
        mask = infos.get(f"_{key}")
        if mask is not None and not mask[index]:
            continue
        if isinstance(value, Mapping):
            info[key] = info_of(value, index)
        elif mask is None and np.ndim(value) == 0:
            info[key] = value
        else:
            entry = value[index]
            # A copy, so that the next step does not overwrite an info that is kept.
            entry = entry.copy() if isinstance(entry, np.ndarray) else entry
            info[key] = entry.item() if isinstance(entry, np.generic) else entry
    return info


def replace_final_observations(
    envs: VectorEnv[Any, Any, Any], infos: dict[str, Any], final: Mapping[int, Any]
) -> dict[str, Any]:
    """The infos with other final observations, given by the indices of the environments."""
    infos = {key: value for key, value in infos.items() if key not in ("final_obs", "_final_obs")}
    for index, observation in final.items():
        infos = envs._add_info(infos, {"final_obs": observation}, index)
    return infos


def _joined(first: NDArray[Any] | None, second: NDArray[Any] | None) -> NDArray[Any] | None:
    return None if first is None or second is None else np.concatenate([first, second])
