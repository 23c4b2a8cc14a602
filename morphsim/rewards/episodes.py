"""What is remembered of the episodes under way: their targets and what their last frames were like."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames
from morphsim.errors import InputError
from morphsim.rewards.functions import PER_STEP
from morphsim.rewards.guard import GuardReport
from morphsim.rewards.judge import Appraisal, Judge
from morphsim.rewards.targets import Target

AGENT_SETS_LENGTH = "agent_sets_length"
"""Entry of an environment's metadata; True where its actions decide how many steps an episode has."""


class Episodes:
    """The episodes of N environments: their targets, and what their last frames were like."""

    def __init__(self, judge: Judge, count: int) -> None:
        self.judge = judge
        size = judge.encoder.latent_size
        empty = Target(latents=np.zeros((1, size), np.float32), deviations=np.ones((1, size), np.float32))
        self.targets = [empty] * count
        self.latents = np.zeros((count, size), np.float32)
        self.distance = np.zeros(count, np.float32)
        # Shaping adds to a reward, which an environment may not have.
        self._may_be_alone = judge.name == "shaped"

    def start(
        self, rows: list[int], targets: list[Target], codes: EncodedFrames, report: GuardReport | None
    ) -> list[dict[str, Any]]:
        """Begin the episodes of some environments; returns what `info` gains in each.

        Args:
            rows: which.
            targets: one for each.
            codes: one row for each, of its first frame.
            report: of the guard, one row for each.
        """
        for row, target in zip(rows, targets, strict=True):
            self.targets[row] = target
        found = self.judge.appraise(codes.content, *self._goals(rows))
        self.latents[rows], self.distance[rows] = codes.content, found.distance
        return self._infos(codes, found, report)

    def step(
        self,
        rows: list[int],
        codes: EncodedFrames,
        report: GuardReport | None,
        *,
        original: NDArray[Any],
        terminated: NDArray[Any],
        truncated: NDArray[Any],
    ) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
        """Judge a step of some environments; returns their rewards (B,) and what `info` gains in each."""
        found = self.judge.appraise(codes.content, *self._goals(rows))
        flagged = np.zeros(len(rows), np.bool_) if report is None else report.out_of_distribution
        own = np.asarray(original, np.float32)
        rewards = self.judge.rewards(
            codes.content,
            found,
            previous_latents=self.latents[rows],
            previous_distance=self.distance[rows],
            terminated=np.asarray(terminated, np.bool_),
            truncated=np.asarray(truncated, np.bool_),
            original=own,
            strange=flagged,
        )
        self.latents[rows], self.distance[rows] = codes.content, found.distance
        self._check_own_reward(own, over=bool(np.any(terminated) or np.any(truncated)))
        infos = self._infos(codes, found, report)
        for info, value in zip(infos, np.asarray(original, np.float64), strict=True):
            info["original_reward"] = float(value)
        return rewards, infos

    def look(self, rows: list[int], codes: EncodedFrames, report: GuardReport | None) -> list[dict[str, Any]]:
        """What `info` tells of frames that no step has led to."""
        return self._infos(codes, self.judge.appraise(codes.content, *self._goals(rows)), report)

    def state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "targets": list(self.targets),
            "latents": self.latents.copy(),
            "distance": self.distance.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state`."""
        self.targets = list(state["targets"])
        self.latents, self.distance = state["latents"].copy(), state["distance"].copy()

    def _check_own_reward(self, original: NDArray[np.float32], *, over: bool) -> None:
        """Warn once of shaping that no reward was added to until the first episode ended."""
        if not self._may_be_alone:
            return
        if original.any() or over:
            self._may_be_alone = False
        if not original.any() and over:
            warnings.warn(
                "reward is 'shaped', but the environment earned 0 until its first episode ended: shaping "
                "says nothing of which policy is best by itself; use 'progress', or put it around a wrapper "
                "that pays another reward",
                UserWarning,
                stacklevel=5,
            )

    def _goals(self, rows: list[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and deviations (B, K, D); those with fewer targets repeat their first one."""
        chosen = [self.targets[row] for row in rows]
        most = max(len(target.latents) for target in chosen)
        latents = np.stack([_padded(target.latents, most) for target in chosen])
        return latents, np.stack([_padded(target.deviations, most) for target in chosen])

    def _infos(
        self, codes: EncodedFrames, found: Appraisal, report: GuardReport | None
    ) -> list[dict[str, Any]]:
        percentile = self.judge.metric.percentile(found.distance)
        infos: list[dict[str, Any]] = []
        for row in range(len(found.distance)):
            success = bool(found.success[row])
            infos.append(
                {
                    "latent": codes.content[row].copy(),
                    "target_latent": found.target[row].copy(),
                    "distance": float(found.distance[row]),
                    "percentile": float(percentile[row]),
                    "success": success,
                    "is_success": success,
                    "nearest_target": int(found.nearest[row]),
                    "encoder_hash": self.judge.encoder.hash,
                    **({} if report is None else report.row(row)),
                }
            )
        return infos


def warn_of_length(metadata: Mapping[str, Any], reward: str) -> None:
    """Warn of a cost of each step where the agent sets how many steps there are.

    Args:
        metadata: of the environment, in which `agent_sets_length` may be True.
        reward: its name.
    """
    if reward in PER_STEP and metadata.get(AGENT_SETS_LENGTH) is True:
        warnings.warn(
            f"every step earns {reward!r}, but in this environment the agent sets how many steps an episode "
            "has: it is paid for ending early, or late, rather than near; reward='progress' with a discount "
            "of 1 pays for where the episode ends",
            UserWarning,
            stacklevel=3,
        )


def check_resets(env: gym.Env[Any, Any]) -> None:
    """Check that episodes begin with `reset`, where targets are drawn and the first frame is judged.

    Raises:
        InputError: a wrapper inside begins them by itself.
    """
    layer: Any = env
    while layer is not None:
        if isinstance(layer, gym.wrappers.Autoreset):
            raise InputError(
                "gymnasium's Autoreset is inside, which begins episodes unseen; put it outside: "
                "Autoreset(LatentRewardWrapper(env, ...))"
            )
        layer = vars(layer).get("env")


def go_back(env: gym.Env[Any, Any], state: Any) -> tuple[Any, dict[str, Any]]:
    """Set the state of the environment inside; returns its observation and info.

    Raises:
        InputError: its `set_state` returns something else.
    """
    found = env.get_wrapper_attr("set_state")(state)
    if not isinstance(found, tuple) or len(found) != 2:
        raise InputError(
            f"set_state of {env.unwrapped} returned {type(found).__name__}; "
            "it must return (observation, info)"
        )
    return found


def _padded(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    missing = count - len(rows)
    return rows if missing == 0 else np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)])
