"""What is remembered of the episodes under way: their targets and what their last frames were like."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Codes
from morphsim.errors import InputError
from morphsim.rewards.guard import GuardReport
from morphsim.rewards.judge import Appraisal, Judge
from morphsim.rewards.targets import Target


class Episodes:
    """The episodes of N environments: their targets, and what their last frames were like."""

    def __init__(self, judge: Judge, count: int) -> None:
        self.judge = judge
        size = judge.encoder.latent_size
        empty = Target(latents=np.zeros((1, size), np.float32), deviations=np.ones((1, size), np.float32))
        self.targets = [empty] * count
        self.latents = np.zeros((count, size), np.float32)
        self.distance = np.zeros(count, np.float32)

    def start(
        self, rows: list[int], targets: list[Target], codes: Codes, report: GuardReport | None
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
        codes: Codes,
        report: GuardReport | None,
        *,
        original: NDArray[Any],
        terminated: NDArray[Any],
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
            original=own,
            strange=flagged,
        )
        self.latents[rows], self.distance[rows] = codes.content, found.distance
        infos = self._infos(codes, found, report)
        for info, value in zip(infos, np.asarray(original, np.float64), strict=True):
            info["original_reward"] = float(value)
        return rewards, infos

    def look(self, rows: list[int], codes: Codes, report: GuardReport | None) -> list[dict[str, Any]]:
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

    def _goals(self, rows: list[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and deviations (B, K, D); those with fewer targets repeat their first one."""
        chosen = [self.targets[row] for row in rows]
        most = max(len(target.latents) for target in chosen)
        latents = np.stack([_padded(target.latents, most) for target in chosen])
        return latents, np.stack([_padded(target.deviations, most) for target in chosen])

    def _infos(self, codes: Codes, found: Appraisal, report: GuardReport | None) -> list[dict[str, Any]]:
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
