"""The episodes under way: their targets and their last latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames
from morphsim.rewards.functions import Transition
from morphsim.rewards.guard import GuardReport
from morphsim.rewards.infos import StepInfos
from morphsim.rewards.latent_reward import LatentReward, TargetComparison
from morphsim.rewards.targets import Target
from morphsim.warn import warn_user

TIME_KEY = "time_s"
"""Entry of `info` with the time of the process [s]."""


class Episodes:
    """Rewards the steps of N environments, each with the target and the previous latent of its episode.

    Args:
        latent_reward: computes the rewards.
        count: N.

    Attributes:
        targets: N targets.
        latents: (N, D) of the last frames.
        distance: (N,) of the last frames.
        steps: (N,) since the episodes began.
        time: (N,) `time_s` of the last infos [s]; NaN where there is none.
        keeps_steps: whether `info` keeps what rewards of stored goals need of a step.
    """

    def __init__(self, latent_reward: LatentReward, count: int) -> None:
        self.latent_reward = latent_reward
        size = latent_reward.encoder.latent_size
        empty = Target(latents=np.zeros((1, size), np.float32), deviations=np.ones((1, size), np.float32))
        self.targets = [empty] * count
        self.latents = np.zeros((count, size), np.float32)
        self.distance = np.zeros(count, np.float32)
        self.steps = np.zeros(count, np.int64)
        self.time = np.full(count, np.nan)
        self.keeps_steps = False
        # Shaping must be added to a reward, which the environment may lack.
        self._shapes_nothing = latent_reward.name == "shaped"

    def start(
        self,
        indices: Sequence[int],
        targets: list[Target],
        encoded: EncodedFrames,
        report: GuardReport | None,
        *,
        infos: StepInfos,
    ) -> list[dict[str, Any]]:
        """Begin the episodes of B environments.

        Args:
            indices: (B,) indices of the environments.
            targets: B targets.
            encoded: B rows, the first frames.
            report: the guard's report on them.
            infos: B infos of the reset.

        Returns:
            For each of them, the entries to add to `info`.
        """
        for index, target in zip(indices, targets, strict=True):
            self.targets[index] = target
        found = self.latent_reward.compare(encoded.content, *self._goals(indices))
        self.latents[indices], self.distance[indices] = encoded.content, found.distance
        self.steps[indices], self.time[indices] = 0, infos.numbers(TIME_KEY)
        return self._extra_infos(encoded, found, report)

    def step(
        self,
        indices: Sequence[int],
        encoded: EncodedFrames,
        report: GuardReport | None,
        *,
        action: Any,
        observation: Any,
        infos: StepInfos,
        original: NDArray[Any],
        terminated: NDArray[Any],
        truncated: NDArray[Any],
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Reward a step of B environments.

        Args:
            indices: (B,) indices of the environments.
            encoded: B rows, the frames after the step.
            report: the guard's report on them.
            action: (B, A); None if no reward needs it.
            observation: B observations, batched; None if no reward needs them.
            infos: B infos.
            original: (B,) rewards of the environments.
            terminated: (B,), as the environments returned it.
            truncated: (B,) likewise.

        Returns:
            The rewards (B,), which episodes terminate (B,), and for each environment the entries to add to
            `info`.
        """
        found = self.latent_reward.compare(encoded.content, *self._goals(indices))
        is_ood = np.zeros(len(indices), np.bool_) if report is None else report.out_of_distribution
        ending, cut_off = np.asarray(terminated, np.bool_), np.asarray(truncated, np.bool_)
        if self.latent_reward.config.terminate_on_success:
            ending = ending | found.success
        elapsed_steps, elapsed_time = self.steps[indices] + 1, infos.numbers(TIME_KEY)
        step = Transition(
            latent=encoded.content,
            previous_latent=self.latents[indices],
            target=found.target,
            distance=found.distance,
            previous_distance=self.distance[indices],
            log_density=found.log_density,
            bounded_log_density=found.bounded_log_density,
            success=found.success,
            terminated=ending,
            original_reward=np.asarray(original, np.float32),
            action=action,
            observation=observation,
            info=infos,
            elapsed_steps=elapsed_steps,
            elapsed_time=elapsed_time,
            step_time=elapsed_time - self.time[indices],
        )
        rewards = self.latent_reward.compute(step, truncated=cut_off, is_ood=is_ood)
        self.latents[indices], self.distance[indices] = encoded.content, found.distance
        self.steps[indices], self.time[indices] = elapsed_steps, elapsed_time
        self._check_shaped_reward(step.original_reward, over=bool(ending.any() or cut_off.any()))
        extra_infos = self._extra_infos(encoded, found, report)
        vectors = self.latent_reward.compute_components(step) if self.latent_reward.components else None
        for row, value in enumerate(np.asarray(original, np.float64)):
            extra_infos[row]["original_reward"] = float(value)
            if vectors is not None:
                extra_infos[row]["reward_vector"] = vectors[row].copy()
            if self.keeps_steps:
                extra_infos[row].update(_kept(step, row))
        return rewards, ending, extra_infos

    def describe(
        self, indices: Sequence[int], encoded: EncodedFrames, report: GuardReport | None
    ) -> list[dict[str, Any]]:
        """The entries to add to `info` for frames that no step has led to."""
        found = self.latent_reward.compare(encoded.content, *self._goals(indices))
        return self._extra_infos(encoded, found, report)

    def state(self) -> dict[str, Any]:
        """The state, for `restore`."""
        return {
            "targets": list(self.targets),
            "latents": self.latents.copy(),
            "distance": self.distance.copy(),
            "steps": self.steps.copy(),
            "time": self.time.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a `state`."""
        self.targets = list(state["targets"])
        self.latents, self.distance = state["latents"].copy(), state["distance"].copy()
        self.steps, self.time = state["steps"].copy(), state["time"].copy()

    def _check_shaped_reward(self, original: NDArray[np.float32], *, over: bool) -> None:
        """Warn once if shaping was added to a reward of 0 until the first episode ended."""
        if not self._shapes_nothing:
            return
        if original.any() or over:
            self._shapes_nothing = False
        if not original.any() and over:
            warn_user(
                "reward is 'shaped', but the environment earned 0 until its first episode ended: shaping "
                "alone prefers no policy; use 'progress', or put it around a wrapper that gives another "
                "reward"
            )

    def _goals(self, indices: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and deviations (B, K, D); where there are fewer than K, the first one is repeated."""
        chosen = [self.targets[index] for index in indices]
        most = max(len(target.latents) for target in chosen)
        latents = np.stack([_padded(target.latents, most) for target in chosen])
        return latents, np.stack([_padded(target.deviations, most) for target in chosen])

    def _extra_infos(
        self, encoded: EncodedFrames, found: TargetComparison, report: GuardReport | None
    ) -> list[dict[str, Any]]:
        percentile = self.latent_reward.metric.percentile(found.distance)
        infos: list[dict[str, Any]] = []
        for row in range(len(found.distance)):
            success = bool(found.success[row])
            infos.append(
                {
                    "latent": encoded.content[row].copy(),
                    "target_latent": found.target[row].copy(),
                    "distance": float(found.distance[row]),
                    "percentile": float(percentile[row]),
                    "success": success,
                    "is_success": success,
                    "nearest_target": int(found.nearest[row]),
                    "encoder_hash": self.latent_reward.encoder.hash,
                    **({} if report is None else report.row(row)),
                }
            )
        return infos


def _kept(step: Transition, row: int) -> dict[str, Any]:
    """The entries of `info` from which the rewards of a stored step follow."""
    assert step.elapsed_steps is not None
    kept = {"elapsed_steps": int(step.elapsed_steps[row]), "step_time_s": float(step.step_time[row])}
    # The actions of a Dict are not kept.
    return {**kept, "action": step.action[row].copy()} if isinstance(step.action, np.ndarray) else kept


def _padded(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    missing = count - len(rows)
    return rows if missing == 0 else np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)])
