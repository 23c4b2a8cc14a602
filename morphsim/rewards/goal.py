"""Latent goals: what hindsight experience replay and other goal-conditioned agents take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import EncodedFrames, Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.rewards.coder import Coder, TargetGenerator, binarisation_for
from morphsim.rewards.episodes import Episodes, check_resets, go_back, warn_of_length
from morphsim.rewards.functions import LOOKS_BACK, RewardFunction, RewardName
from morphsim.rewards.guard import OutOfDistributionGuard
from morphsim.rewards.judge import Judge
from morphsim.rewards.metric import latent_unit
from morphsim.rewards.observation import LatentState, Part
from morphsim.rewards.source import FrameSource
from morphsim.rewards.targets import Several, Target, TargetLike, TargetSampler
from morphsim.similarity.calibration import DistanceName


class Goals:
    """Goals as vectors, and the reward of reaching one rather than another.

    A goal is the content of a frame in units of `latent_unit`; for the reward "log_prob" its posterior
    deviation stands behind it.

    Args:
        judge: that computes rewards.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.unit = np.float32(latent_unit(judge.encoder))
        self.size = judge.encoder.latent_size
        self.with_deviation = judge.name == "log_prob"
        count = self.size * (2 if self.with_deviation else 1)
        self.space = gym.spaces.Box(-np.inf, np.inf, (count,), np.float32)
        self._wants = [
            name
            for name, wanted in (
                ("previous_achieved_goal", judge.name in (*LOOKS_BACK, "function")),
                ("truncated", judge.truncation_penalty > 0),
                ("terminated", judge.name in ("shaped", "function") or judge.truncation_penalty > 0),
                ("original_reward", judge.name == "function" or judge.own_weight != 0),
                ("out_of_distribution", judge.penalty > 0),
            )
            if wanted
        ]

    def of(self, latent: NDArray[np.float32], deviation: NDArray[np.float32]) -> NDArray[np.float32]:
        """The goal (G,) of a latent (D,) and its deviation (D,)."""
        parts = [latent, deviation] if self.with_deviation else [latent]
        return np.concatenate(parts).astype(np.float32) / self.unit

    def one_of(self, target: Target, generator: np.random.Generator) -> Target:
        """A target alone: a goal is one vector, so of several one is drawn for each episode."""
        count = len(target.latents)
        row = int(generator.integers(count)) if count > 1 else 0
        return Target(latents=target.latents[[row]], deviations=target.deviations[[row]])

    def reward(self, achieved: ArrayLike, desired: ArrayLike, info: Any) -> NDArray[np.float32]:
        """Rewards (...) of goals (..., G); see `LatentGoalWrapper.compute_reward`."""
        got, wanted = np.asarray(achieved, np.float32), np.asarray(desired, np.float32)
        size = self.space.shape[0]
        if got.shape != wanted.shape or got.ndim not in (1, 2) or got.shape[-1] != size:
            raise InputError(
                f"goals have the shapes {got.shape} and {wanted.shape}; give ({size},) or (B, {size}), both"
            )
        got, wanted = np.atleast_2d(got) * self.unit, np.atleast_2d(wanted) * self.unit
        past = self._past(info, len(got))
        targets, deviations = wanted[:, None, : self.size], wanted[:, None, self.size :]
        if not self.with_deviation:
            deviations = np.full_like(targets, np.nan)
        latents = got[:, : self.size]
        previous = past["previous_achieved_goal"][:, : self.size] * self.unit
        rewards = self.judge.rewards(
            latents,
            self.judge.appraise(latents, targets, deviations),
            previous_latents=previous,
            previous_distance=self.judge.appraise(previous, targets, deviations).distance,
            terminated=past["terminated"],
            truncated=past["truncated"],
            original=past["original_reward"],
            strange=past["out_of_distribution"],
        )
        return rewards if np.ndim(achieved) == 2 else np.asarray(rewards[0])

    def _past(self, info: Any, count: int) -> dict[str, NDArray[Any]]:
        """What the reward needs of the step beside both goals, from its info or infos."""
        infos = [info] * count if isinstance(info, Mapping) else list(info)
        if len(infos) == 1:
            infos = infos * count
        if len(infos) != count:
            raise InputError(f"{len(infos)} infos are given for {count} goals; give one for each")
        past: dict[str, NDArray[Any]] = {
            "previous_achieved_goal": np.zeros((count, self.space.shape[0]), np.float32),
            "terminated": np.zeros(count, np.bool_),
            "truncated": np.zeros(count, np.bool_),
            "original_reward": np.zeros(count, np.float32),
            "out_of_distribution": np.zeros(count, np.bool_),
        }
        for name in self._wants:
            if any(name not in each for each in infos):
                raise InputError(
                    f"the reward needs {name!r} of each step's info; make the buffer with "
                    "copy_info_dict=True, or use a reward of the present frame alone, such as 'distance'"
                )
            given = np.asarray([each[name] for each in infos], past[name].dtype)
            # A buffer that relabels none asks for the reward of no goals at all.
            past[name] = given.reshape(past[name].shape)
        return past


class LatentGoalWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """A goal environment: the observation is a Dict of `observation`, `achieved_goal` and `desired_goal`.

    Goals are contents of frames in units of `latent_unit` (float32, exact), and for the reward "log_prob" the
    posterior deviations behind them. `compute_reward` gives for stored goals the very reward of the step, so
    that agents can learn from steps as if they had aimed elsewhere (Andrychowicz et al. 2017,
    doi 10.48550/arXiv.1707.01495). Success does not end an episode.

    Args:
        env: any environment that shows binary frames of the encoder's shape, or pictures to cut to such.
        encoder: an encoder, or what `load_encoder` takes.
        target: as for `LatentRewardWrapper`; of several frames one is drawn for each episode.
        reward: as for `LatentRewardWrapper`. "progress", "shaped", functions, an `own_weight` and penalties
            need the info of each step: Stable-Baselines3's `HerReplayBuffer` keeps it with
            `copy_info_dict=True`.
        parts: what of the latents `observation` holds, see `LatentObservationWrapper`.
        info_keys: numbers of `info` that it holds too.
        distance: see `LatentRewardWrapper`, as all that follow.
        several: see there; the "distribution" has its mean as the goal.
        frame: see there.
        frame_threshold: see there.
        invert: see there.
        own_weight: see there.
        reward_scale: see there.
        gamma: see there.
        success_percentile: see there.
        threshold: see there.
        guard: see there.
        out_of_distribution_penalty: see there.
        truncation_penalty: see there.

    `info` gains what `LatentRewardWrapper` adds, and in steps `previous_achieved_goal`, `terminated` and
    `truncated`.

    Raises:
        InputError: as `LatentRewardWrapper`.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        target: TargetLike | TargetSampler = None,  # type: ignore[assignment]
        reward: RewardName | RewardFunction = "progress",
        parts: Sequence[Part] = ("content",),
        info_keys: Sequence[str] = (),
        distance: DistanceName = "euclidean",
        several: Several = "nearest",
        frame: FrameSource = "observation",
        frame_threshold: float | None = None,
        invert: bool | None = None,
        own_weight: float | None = None,
        reward_scale: float = 1.0,
        gamma: float = 0.99,
        success_percentile: float = 1.0,
        threshold: float | None = None,
        guard: bool | OutOfDistributionGuard = True,
        out_of_distribution_penalty: float = 0.0,
        truncation_penalty: float = 0.0,
    ) -> None:
        settings: dict[str, Any] = {
            "target": target,
            "reward": reward,
            "distance": distance,
            "several": several,
            "own_weight": own_weight,
            "reward_scale": reward_scale,
            "gamma": gamma,
            "success_percentile": success_percentile,
            "threshold": threshold,
            "guard": guard,
            "out_of_distribution_penalty": out_of_distribution_penalty,
            "truncation_penalty": truncation_penalty,
        }
        gym.utils.RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,
            encoder=encoder,
            parts=parts,
            info_keys=info_keys,
            frame=frame,
            frame_threshold=frame_threshold,
            invert=invert,
            **settings,
        )
        check_resets(env)
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
        self.judge = Judge(self.encoder, **settings, binarisation=binarisation)
        self.goals = Goals(self.judge)
        self.coder = Coder(
            env,
            self.encoder,
            frame,
            reconstruct=self.judge.needs_reconstruction,
            binarisation=binarisation,
        )
        self.state = LatentState(self.encoder, parts=parts, info_keys=info_keys, normalise=True)
        self.observation_space = goal_space(self.state, self.goals)
        warn_of_length(env.metadata, self.judge.name)
        self.episodes = Episodes(self.judge, 1)
        self._random = TargetGenerator()
        self._achieved: NDArray[np.float32] = np.zeros(self.goals.space.shape, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
        """Reset the environment; `options={"target": ...}` is the goal of this episode."""
        given, options = self.judge.take_target(options)
        observation, info = self.env.reset(seed=seed, options=options)
        generator = self._random.after_reset(seed, self.env.unwrapped.np_random_seed)
        target = self.goals.one_of(self.judge.target_for(generator, given), generator)
        codes = self.coder.code(observation, info, first=True)
        report = self.judge.check(self.coder.frames, codes)
        (gained,) = self.episodes.start([0], [target], codes, report)
        info = {**info, **gained}
        return self._seen(codes, info), info

    def step(
        self, action: Any
    ) -> tuple[dict[str, NDArray[np.float32]], SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment; the reward is what `compute_reward` gives."""
        observation, original, terminated, truncated, info = self.env.step(action)
        codes = self.coder.code(observation, info)
        report = self.judge.check(self.coder.frames, codes)
        before = self._achieved
        rewards, (gained,) = self.episodes.step(
            [0],
            codes,
            report,
            original=np.array([float(original)]),
            terminated=np.array([terminated]),
            truncated=np.array([truncated]),
        )
        past = {
            "previous_achieved_goal": before,
            "terminated": bool(terminated),
            "truncated": bool(truncated),
        }
        info = {**info, **gained, **past}
        return self._seen(codes, info), float(rewards[0]), terminated, truncated, info

    def compute_reward(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """What a step earns that achieved one goal and should have achieved another.

        Args:
            achieved_goal: (G,), or (B, G) of several steps.
            desired_goal: the same shape.
            info: of the step, or one of each; rewards of the present frame alone don't look at it.

        Returns:
            A float, or (B,) float32.

        Raises:
            InputError: other shapes, or an info that lacks what the reward needs.
        """
        rewards = self.goals.reward(achieved_goal, desired_goal, info)
        return rewards if rewards.ndim else float(rewards)

    def get_state(self) -> dict[str, Any]:
        """The state of the environment, which must have one, and of this wrapper, for `set_state`."""
        return {
            "env": self.env.get_wrapper_attr("get_state")(),
            "episodes": self.episodes.state(),
            "random": self._random.state(),
        }

    def set_state(self, state: dict[str, Any]) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
        """Go back to what `get_state` returned.

        Returns:
            The observation and the info there; what it was rewarded with is not told again.

        Raises:
            InputError: it is something else.
        """
        if not isinstance(state, dict) or set(state) != {"env", "episodes", "random"}:
            raise InputError("the state is not one of this wrapper; use what its get_state() returned")
        observation, info = go_back(self.env, state["env"])
        self.episodes.restore(state["episodes"])
        self._random.restore(state["random"])
        codes = self.coder.code(observation, info)
        (gained,) = self.episodes.look([0], codes, self.judge.check(self.coder.frames, codes))
        info = {**info, **gained}
        return self._seen(codes, info), info

    def _seen(self, codes: EncodedFrames, info: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
        self._achieved = self.goals.of(codes.content[0], codes.deviation[0])
        target = self.episodes.targets[0]
        return {
            "observation": self.state.of(codes, 0, info),
            "achieved_goal": self._achieved.copy(),
            "desired_goal": self.goals.of(target.latents[0], target.deviations[0]),
        }


def goal_space(state: LatentState, goals: Goals) -> gym.spaces.Dict:
    """The observation space of a goal environment."""
    return gym.spaces.Dict(
        {"observation": state.space, "achieved_goal": goals.space, "desired_goal": goals.space}
    )
