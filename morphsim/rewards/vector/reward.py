"""`LatentRewardWrapper` for vector environments: all frames of a step are coded at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.rewards.episodes import Episodes, warn_of_length
from morphsim.rewards.frame_encoder import binarisation_for
from morphsim.rewards.latent_reward import Judge, RewardSettings
from morphsim.rewards.source import FrameSource
from morphsim.rewards.targets import Target
from morphsim.rewards.vector.batching import (
    AnyVectorWrapper,
    Coded,
    Rows,
    VectorCoder,
    VectorEpisodes,
    VectorTargetGenerators,
)


class VectorJudging:
    """The episodes of a vector environment and their judge; what the vector wrappers of rewards share."""

    def __init__(
        self, envs: VectorEnv[Any, Any, Any], judge: Judge, coder: VectorCoder, *, alone: Any = None
    ) -> None:
        self.judge, self.coder = judge, coder
        warn_of_length(envs.metadata, judge.name)
        self.episodes = Episodes(judge, envs.num_envs)
        self.follow = VectorEpisodes(envs)
        self._random = VectorTargetGenerators(envs.num_envs)
        self._envs = envs
        # What makes of several targets one, for goals.
        self._alone = alone

    def reset(
        self, observations: Any, infos: dict[str, Any], *, seed: Any, options: Any, target: Target | None
    ) -> tuple[list[int], Coded, list[dict[str, Any]]]:
        """Judge the first frames of the environments that were reset; returns what their infos gain."""
        rows = self.follow.reset(options)
        generators = self._random.after_reset(rows, seed, self._envs)
        targets = [self._target(generator, target) for generator in generators]
        coded = self.coder.code(observations, infos, rows=rows, started=rows)
        return rows, coded, self._start(rows, targets, coded)

    def step(
        self,
        observations: Any,
        infos: dict[str, Any],
        *,
        original: NDArray[Any],
        terminated: NDArray[Any],
        truncated: NDArray[Any],
    ) -> tuple[Rows, Coded, NDArray[np.float64], list[dict[str, Any]], list[dict[str, Any]]]:
        """Judge a step.

        Returns:
            What it was to each environment, the codes, rewards (N,), and what the infos of those that made a
            step and of those that began an episode gain.
        """
        rows = self.follow.step(terminated, truncated)
        coded = self.coder.code(
            observations,
            infos,
            rows=range(self.follow.count),
            ended=rows.ended,
            started=rows.started,
        )
        places = [coded.final.get(row, coded.current[row]) for row in rows.stepped]
        codes = coded.codes.rows(places)
        rewards = np.zeros(self.follow.count, np.float64)
        gained: list[dict[str, Any]] = []
        if rows.stepped:
            rewards[rows.stepped], gained = self.episodes.step(
                rows.stepped,
                codes,
                self.judge.check(coded.frames[places], codes),
                original=np.asarray(original)[rows.stepped],
                terminated=np.asarray(terminated)[rows.stepped],
                truncated=np.asarray(truncated)[rows.stepped],
            )
        generators = self._random.later(rows.started)
        targets = [self._target(generator, None) for generator in generators]
        return rows, coded, rewards, gained, self._start(rows.started, targets, coded)

    def _start(self, rows: list[int], targets: list[Target], coded: Coded) -> list[dict[str, Any]]:
        if not rows:
            return []
        places = [coded.current[row] for row in rows]
        codes = coded.codes.rows(places)
        return self.episodes.start(rows, targets, codes, self.judge.check(coded.frames[places], codes))

    def _target(self, generator: np.random.Generator, given: Target | None) -> Target:
        target = self.judge.target_for(generator, given)
        return target if self._alone is None else self._alone(target, generator)


class VectorLatentRewardWrapper(AnyVectorWrapper, gym.utils.RecordConstructorArgs):
    """`LatentRewardWrapper` around a vector environment, with the same rewards and infos.

    Around N environments it gives what N wrapped environments give side by side, but codes all frames of a
    step in one batch. Every autoreset mode of Gymnasium is understood; in SAME_STEP the reward of the last
    step of an episode is that of its final frame, and `infos["final_info"]` has what is known of it.

    Args:
        env: any vector environment whose environments show binary frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        frame: where a frame is; a function is called for each environment by itself.
        frame_threshold: as for `LatentRewardWrapper`.
        invert: as for `LatentRewardWrapper`.
        settings: as for `LatentRewardWrapper`.

    Raises:
        InputError: as `LatentRewardWrapper`, or an autoreset mode that is not known.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        encoder: Encoder | str | Path,
        *,
        frame: FrameSource = "observation",
        frame_threshold: float | None = None,
        invert: bool | None = None,
        **settings: Unpack[RewardSettings],
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,
            encoder=encoder,
            frame=frame,
            frame_threshold=frame_threshold,
            invert=invert,
            **settings,
        )
        AnyVectorWrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        binarisation = binarisation_for(
            env,
            env.single_observation_space,
            self.encoder,
            frame,
            threshold=frame_threshold,
            invert=invert,
        )
        self.judge = Judge(self.encoder, **settings, binarisation=binarisation)
        self.coder = VectorCoder(
            env,
            self.encoder,
            frame,
            reconstruct=self.judge.needs_reconstruction,
            binarisation=binarisation,
        )
        self.judging = VectorJudging(env, self.judge, self.coder)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environments; `options={"target": ...}` is the target of the episodes that begin now."""
        target, options = self.judge.take_target(options)
        # Gymnasium's own vector environments take the mask out of the options they are given.
        observations, infos = self.env.reset(seed=seed, options=None if options is None else dict(options))
        rows, _, gained = self.judging.reset(observations, infos, seed=seed, options=options, target=target)
        for row, info in zip(rows, gained, strict=True):
            infos = self._add_info(infos, info, row)
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step the environments and reward the frames that they show now."""
        observations, original, terminated, truncated, infos = self.env.step(actions)
        rows, _, rewards, gained, begun = self.judging.step(
            observations, infos, original=original, terminated=terminated, truncated=truncated
        )
        return observations, rewards, terminated, truncated, tell(self, infos, rows, gained, begun)


def tell(
    envs: VectorEnv[Any, Any, Any],
    infos: dict[str, Any],
    rows: Rows,
    gained: list[dict[str, Any]],
    begun: list[dict[str, Any]],
) -> dict[str, Any]:
    """Add to the infos of a step what was found, that of final frames to `final_info`."""
    for row, info in zip(rows.stepped, gained, strict=True):
        infos = envs._add_info(infos, {"final_info": info} if row in rows.ended else info, row)
    for row, info in zip(rows.started, begun, strict=True):
        infos = envs._add_info(infos, info, row)
    return infos
