"""`LatentRewardWrapper` for vector environments: all frames of a step are encoded in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import iterate
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder, load_encoder
from morphsim.rewards.batches import batch_of
from morphsim.rewards.checks import AGENT_SETS_LENGTH, warn_of_episode_length
from morphsim.rewards.config import RewardConfig, RewardOptions
from morphsim.rewards.episodes import Episodes
from morphsim.rewards.guard import GuardReport
from morphsim.rewards.latent_reward import LatentReward
from morphsim.rewards.targets import Target, TargetLike, TargetSampler
from morphsim.rewards.vector.batching import (
    AnyVectorWrapper,
    EncodedBatch,
    EpisodeTracker,
    StepMask,
    VectorTargetGenerators,
    check_ends_episodes,
    observation_of,
)
from morphsim.rewards.vector.frame_encoder import VectorFrameEncoder
from morphsim.rewards.vector.infos import VectorStepInfos, begin_episodes, end_episodes


class VectorLatentRewardWrapper(AnyVectorWrapper, gym.utils.RecordConstructorArgs):
    """`LatentRewardWrapper` around a vector environment, with the same rewards and infos.

    Around N environments it gives what N wrapped environments give side by side, but encodes all frames of a
    step in one batch. It supports every autoreset mode of Gymnasium; in SAME_STEP the reward of the last step
    of an episode is that of its final frame, and `infos["final_info"]` holds the entries for this frame.

    Args:
        env: any vector environment whose environments show binary frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        target: as for `LatentRewardWrapper`.
        options: as for `LatentRewardWrapper`; a `frame` function is called for each environment. With
            `terminate_on_success` and SAME_STEP, the wrapper resets environments by
            `reset(options={"reset_mask": ...})`; ours and Gymnasium's support this.

    Raises:
        InputError: as `LatentRewardWrapper`; the autoreset mode is unknown; or episodes can't be ended on
            success, since the mode is NEXT_STEP or the environment does not say that it resets by a mask.
    """

    _batch: EncodedBatch
    """The frames of the last reset or step."""
    _mask: StepMask
    """What the last step did in each environment."""

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        encoder: Encoder | str | Path,
        *,
        target: TargetLike | TargetSampler,
        **options: Unpack[RewardOptions],
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(
            self, _disable_deepcopy=True, encoder=encoder, target=target, **options
        )
        config = RewardConfig(target=target, **options)
        AnyVectorWrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        self.frame_encoder = VectorFrameEncoder(env, self.encoder, **config.frame_options())
        self.latent_reward = LatentReward(self.encoder, config, binarisation=self.frame_encoder.binarisation)
        ends = config.terminate_on_success
        warn_of_episode_length(env.metadata, self.latent_reward.name, terminate_on_success=ends)
        if ends:
            check_ends_episodes(env)
            self.metadata = {**env.metadata, AGENT_SETS_LENGTH: True}
        self.episodes = Episodes(self.latent_reward, env.num_envs)
        self.tracker = EpisodeTracker(env)
        self._random = VectorTargetGenerators(env.num_envs)

    @property
    def reward_names(self) -> tuple[str, ...]:
        """The names of the components, in the order of `info["reward_vector"]`."""
        return self.latent_reward.reward_names

    @classmethod
    def from_config(
        cls, env: VectorEnv[Any, Any, Any], encoder: Encoder | str | Path, config: RewardConfig, **others: Any
    ) -> Self:
        """Wrap `env` with the options of `config`; `others` are further keyword arguments of the wrapper."""
        return cls(env, encoder, **config.as_arguments(), **others)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environments; `options={"target": ...}` is the target of the episodes that begin now."""
        given, options = self.latent_reward.take_target(options)
        # Gymnasium's own vector environments remove the mask from the options that they are given.
        observations, infos = self.env.reset(seed=seed, options=None if options is None else dict(options))
        indices = self.tracker.reset(options)
        generators = self._random.after_reset(indices, seed, self.env)
        targets = [self._choose_target(generator, given) for generator in generators]
        batch = self._batch = self.frame_encoder.encode_reset(
            observations, infos, indices, reconstruct=self.latent_reward.needs_reconstruction
        )
        return observations, self._start(indices, targets, batch, infos)

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step the environments and reward the frames that they show now."""
        observations, original, terminated, truncated, infos = self.env.step(actions)
        mask = self._mask = self.tracker.step(terminated, truncated)
        batch = self._batch = self.frame_encoder.encode_step(
            observations, infos, mask, reconstruct=self.latent_reward.needs_reconstruction
        )
        stepped = np.flatnonzero(mask.stepped).tolist()
        rewards = np.zeros(self.num_envs, np.float64)
        extra_infos: list[dict[str, Any]] = []
        if stepped:
            action, observation = self._batches(actions, observations, infos, stepped)
            rewards[stepped], ending, extra_infos = self.episodes.step(
                stepped,
                *self._encoded_rows(batch, batch.after_step(stepped)),
                action=action,
                observation=observation,
                infos=VectorStepInfos(infos, stepped, mask.ended),
                original=np.asarray(original)[stepped],
                terminated=np.asarray(terminated)[stepped],
                truncated=np.asarray(truncated)[stepped],
            )
            terminated = np.array(terminated, np.bool_)
            terminated[stepped] = ending
        if self.tracker.mode is AutoresetMode.SAME_STEP and (terminated & ~mask.ended).any():
            succeeded = np.flatnonzero(terminated & ~mask.ended).tolist()
            observations, infos = self._reset_some(succeeded, observations, infos)
            mask, batch = self._mask, self._batch
        started = np.flatnonzero(mask.started).tolist()
        targets = [
            self._choose_target(generator, None) for generator in self._random.after_autoreset(started)
        ]
        infos = self._add_infos(infos, stepped, extra_infos, final=mask.ended)
        return observations, rewards, terminated, truncated, self._start(started, targets, batch, infos)

    def _batches(self, actions: Any, observations: Any, infos: dict[str, Any], stepped: list[int]) -> Any:
        """Actions and observations of the environments that made a step, if a function may need them."""
        if not self.latent_reward.calls_functions:
            return None, None
        each = list(iterate(self.env.action_space, actions))
        seen = [
            infos["final_obs"][index] if self._mask.ended[index] else observation_of(observations, index)
            for index in stepped
        ]
        action = batch_of(self.env.single_action_space, [each[index] for index in stepped])
        return action, batch_of(self.env.single_observation_space, seen)

    def _reset_some(
        self, indices: list[int], observations: Any, infos: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Reset environments whose episodes ended on success, as if they had reset themselves."""
        infos = end_episodes(self, observations, infos, indices)
        stepped = [(each, each.latest) for each in self.frame_encoder.chain()]
        chosen = np.isin(np.arange(self.num_envs), indices)
        observations, reset_infos = self.env.reset(options={"reset_mask": chosen})
        self._mask = self._mask.with_reset(indices)
        self.frame_encoder.encode_reset(
            observations, reset_infos, indices, reconstruct=self.latent_reward.needs_reconstruction
        )
        # Wrappers outside look for all frames of the step there.
        for encoder, batch in stepped:
            if batch is not None and encoder.latest is not None:
                encoder.latest = batch.with_reset(encoder.latest)
        assert self.frame_encoder.latest is not None
        self._batch = self.frame_encoder.latest
        return observations, begin_episodes(self, infos, reset_infos, indices)

    def _choose_target(self, generator: np.random.Generator, given: Target | None) -> Target:
        return self.latent_reward.choose_target(generator, given)

    def _start(
        self, indices: list[int], targets: list[Target], batch: EncodedBatch, infos: dict[str, Any]
    ) -> dict[str, Any]:
        """Begin the episodes of some environments; returns the infos with what is added to them."""
        if not indices:
            return infos
        rows = [batch.current[index] for index in indices]
        first = VectorStepInfos(infos, indices, np.zeros(self.num_envs, np.bool_))
        extra_infos = self.episodes.start(indices, targets, *self._encoded_rows(batch, rows), infos=first)
        return self._add_infos(infos, indices, extra_infos)

    def _encoded_rows(self, batch: EncodedBatch, rows: list[int]) -> tuple[EncodedFrames, GuardReport | None]:
        """Some encoded frames of a batch, with the guard's report on them."""
        encoded = batch.encoded.rows(rows)
        return encoded, self.latent_reward.check(batch.frames[rows], encoded)

    def _add_infos(
        self,
        infos: dict[str, Any],
        indices: Sequence[int],
        extra_infos: Sequence[dict[str, Any]],
        *,
        final: NDArray[np.bool_] | None = None,
    ) -> dict[str, Any]:
        """Add entries to the infos of some environments; where `final` (N,) is set, to `final_info`."""
        for index, extra_info in zip(indices, extra_infos, strict=True):
            is_final = final is not None and final[index]
            infos = self._add_info(infos, {"final_info": extra_info} if is_final else extra_info, index)
        return infos
