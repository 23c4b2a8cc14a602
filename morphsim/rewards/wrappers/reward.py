"""The latent distance to a target as the reward of any environment with binary frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, SupportsFloat, Unpack

import gymnasium as gym
import numpy as np

from morphsim.encoder import EncodedFrames, Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.rewards.batches import batch_of
from morphsim.rewards.checks import AGENT_SETS_LENGTH, check_resets, restore_env, warn_of_episode_length
from morphsim.rewards.config import RewardConfig, RewardOptions
from morphsim.rewards.episodes import Episodes
from morphsim.rewards.frame_encoder import FrameEncoder
from morphsim.rewards.guard import GuardReport
from morphsim.rewards.infos import StepInfos
from morphsim.rewards.latent_reward import LatentReward
from morphsim.rewards.target_generator import TargetGenerator
from morphsim.rewards.targets import Target, TargetLike, TargetSampler


class LatentRewardWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Replaces the reward by one computed from the latent distance between the current frame and a target.

    Distances are in units of the median distance between random training frames of the encoder, a constant
    of the encoder: 1.0 means "as far apart as two random frames", in every environment. With d the distance
    to the nearest target, a step earns

    | `reward` | a step earns |
    |---|---|
    | `progress` (default) | d before - d after the step: with a discount of 1 only the final d counts |
    | `distance` | -d |
    | `squared` | -d² |
    | `cosine`, `mahalanobis` | -d, by that distance |
    | `log_prob` | bounded log density of the latents under the target's posterior [nats per latent] |
    | `sparse` | 0 on success, else -1 |
    | `shaped` | the environment's own reward + gamma Phi' - Phi, Phi = -d, 0 at a terminal state |
    | `time` | minus the process time of the step [s], from `info["time_s"]` |
    | `heat` | -max(T - 293.15 K, 0) times that time [K s], T = `info["temperature_K"]` after the step |
    | a function | what it returns for a `Transition` |

    times `reward_scale`, plus `own_weight` times the environment's own reward, minus the penalties. All
    rewards of the distance but `progress` and `shaped` are earned anew in each step, and so depend on the
    number of steps of an episode. `time` and `heat` are costs of the process, made for `components`. Each
    step encodes one frame, once, even under several of these wrappers with one encoder. The wrapper adds to
    `info`

    | key | meaning |
    |---|---|
    | `latent`, `target_latent` | latents of the frame and of its nearest target, (D,) float32 |
    | `distance` | distance to the nearest target, 1.0 = median of random pairs |
    | `percentile` | percentage of random pairs of training frames that are closer [%] |
    | `success`, `is_success` | whether the distance is within the threshold |
    | `nearest_target` | index of the nearest target, from 0 |
    | `original_reward` | the environment's own reward (not at reset) |
    | `reward_vector` | the `components` of the step, (K,) float32 (not at reset) |
    | `encoder_hash` | SHA-256 of the encoder's weights |
    | `out_of_distribution` and its measures | whether the latents are meaningless here, see `guard` |

    Args:
        env: any environment that shows binary frames of the encoder's shape, or pictures to binarise.
        encoder: an encoder, or what `load_encoder` takes.
        target: a frame (H, W), several (K, H, W), a latent (D,), several (K, D), `FILE:ROW` as for
            `morphsim.frames.read_target_frames`, or a function of a `numpy.random.Generator` that draws one
            of these for each episode: `DataSetTargets`, `PriorTargets`, `FixedTargets`, or yours. Its
            generator follows from the seed of `reset`. `reset(options={"target": ...})` sets the target of
            one episode.
        options: the other fields of `RewardConfig`, by name:

            - reward: see above.
            - distance: "euclidean" (default), "cosine" or "mahalanobis" (whitened by the covariance within
              recipes).
            - several: several targets are alternatives, of which the "nearest" (default) counts, or samples
              of one "distribution".
            - frame: where the frame is: "observation" (default: a picture, or the entry "frame" of a Dict),
              "observation:KEY", "info:KEY", "render", or a function(observation, info). Networks are trained
              on binary frames: colour pictures, (H, W, 3), (H, W, 4) or (3, H, W), become greyscale, which is
              thresholded. Where a wrapper inside has replaced the picture by its latents, "observation"
              means the frame that these encode.
            - frame_threshold: grey value, as a fraction of its range, from which a pixel counts as donor. By
              default that of a wrapper inside which reads the same frames with the same encoder, or else
              that of the encoder's training frames, or one half if it is unknown.
            - invert: whether dark pixels are donor. The default is found likewise, but frames of environments
              whose metadata say `observes_frames`, as ours do, are not inverted.
            - components: rewards by names of yours, each a name or a function as `reward` is: their values
              for each step are `info["reward_vector"]`, in the order of `reward_names`. Scale, own reward
              and penalties don't apply to them. `MultiObjectiveWrapper` makes them the reward.
            - own_weight: weight of the environment's own reward; by default 0, and 1 for "shaped", which by
              itself prefers no policy.
            - reward_scale: factor of the latent reward; 1 by default.
            - gamma: discount factor of "shaped", 0.99 by default; it must be that of your agent.
            - success_percentile: the percentage of random pairs of training frames below whose distance a
              frame is a success; 1 % by default.
            - threshold: this distance itself, instead of the percentile.
            - guard: flags out-of-distribution frames, see `OutOfDistributionGuard`; True (default) for a
              guard wherever the encoder stores what it needs.
            - out_of_distribution_penalty: subtracted from the reward of a flagged frame; 0 by default.
            - truncation_penalty: subtracted from the last reward of an episode that is cut off before its
              end, as when solvent vapour has kept a film wet until the last step; 0 by default. Where every
              episode is truncated, it changes nothing.
            - terminate_on_success: whether an episode terminates at its first success; False by default.

    Raises:
        InputError: the target or the frame is missing, a name is unknown, a value is out of range, or frames
            have another shape or boundary condition than the encoder's.

    Warns:
        UserWarning: a target is outside the training data, so that the guard would flag it; the reward is
            earned in each step of an environment whose metadata say `agent_sets_length`, or is "log_prob"
            where success ends episodes; "shaped" is added to a reward that was 0 throughout the first
            episode; all frames hold a single phase, or are equal.

    >>> import gymnasium as gym
    >>> from morphsim import load_encoder
    >>> from morphsim.frames import binarise
    >>> from morphsim.simulator import DryingRecipe, record_film
    >>> (film,) = record_film(DryingRecipe(evaporation=0.1), seed=1, frames=1)
    >>> env = gym.make("morphsim:morphsim/Drying-v0", shape=(100, 400))
    >>> encoder = load_encoder("default")
    >>> env = LatentRewardWrapper(env, encoder, target=binarise(film.share))
    """

    _encoded: EncodedFrames
    """The frame of the last reset or step."""

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        target: TargetLike | TargetSampler,
        **options: Unpack[RewardOptions],
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(
            self, _disable_deepcopy=True, encoder=encoder, target=target, **options
        )
        config = RewardConfig(target=target, **options)
        check_resets(env)
        gym.Wrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        self.frame_encoder = FrameEncoder(env, self.encoder, **config.frame_options())
        self.latent_reward = LatentReward(self.encoder, config, binarisation=self.frame_encoder.binarisation)
        ends = config.terminate_on_success
        warn_of_episode_length(env.metadata, self.latent_reward.name, terminate_on_success=ends)
        if ends:
            self.metadata = {**env.metadata, AGENT_SETS_LENGTH: True}
        self.episodes = Episodes(self.latent_reward, 1)
        self._random = TargetGenerator()

    @property
    def reward_names(self) -> tuple[str, ...]:
        """The names of the components, in the order of `info["reward_vector"]`."""
        return self.latent_reward.reward_names

    @classmethod
    def from_config(
        cls, env: gym.Env[Any, Any], encoder: Encoder | str | Path, config: RewardConfig, **others: Any
    ) -> Self:
        """Wrap `env` with the options of `config`; `others` are further keyword arguments of the wrapper."""
        return cls(env, encoder, **config.as_arguments(), **others)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the environment; `info` already has the distance of the first frame.

        Args:
            seed: of the environment and of drawn targets.
            options: `target` is that of this episode; the others are the environment's.
        """
        given, options = self.latent_reward.take_target(options)
        observation, info = self.env.reset(seed=seed, options=options)
        generator = self._random.after_reset(seed, self.env.unwrapped.np_random_seed)
        target = self._choose_target(generator, given)
        encoded, report = self._encode(observation, info, reset=True)
        (extra_info,) = self.episodes.start([0], [target], encoded, report, infos=StepInfos([info]))
        return observation, {**info, **extra_info}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and reward the frame that it shows now."""
        observation, original, terminated, truncated, info = self.env.step(action)
        encoded, report = self._encode(observation, info)
        calls = self.latent_reward.calls_functions
        rewards, ending, (extra_info,) = self.episodes.step(
            [0],
            encoded,
            report,
            action=batch_of(self.env.action_space, [action]) if calls else None,
            observation=batch_of(self.env.observation_space, [observation]) if calls else None,
            infos=StepInfos([info]),
            original=np.array([float(original)]),
            terminated=np.array([terminated]),
            truncated=np.array([truncated]),
        )
        terminated = bool(terminated or ending[0])
        return observation, float(rewards[0]), terminated, truncated, {**info, **extra_info}

    def get_state(self) -> dict[str, Any]:
        """The state of the environment, which must have `get_state`, and of this wrapper, for `set_state`."""
        inside = self.env.get_wrapper_attr("get_state")()
        return {"env": inside, "episodes": self.episodes.state(), "random": self._random.state()}

    def set_state(self, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return to a state from `get_state`.

        Returns:
            The observation and the info there, without what only a step has, such as `original_reward`.

        Raises:
            InputError: `state` is something else.
        """
        if not isinstance(state, dict) or set(state) != {"env", "episodes", "random"}:
            raise InputError("the state is not one of this wrapper; use what its get_state() returned")
        observation, info = restore_env(self.env, state["env"])
        self.episodes.restore(state["episodes"])
        self._random.restore(state["random"])
        encoded, report = self._encode(observation, info)
        (extra_info,) = self.episodes.describe([0], encoded, report)
        return observation, {**info, **extra_info}

    def _choose_target(self, generator: np.random.Generator, given: Target | None) -> Target:
        return self.latent_reward.choose_target(generator, given)

    def _encode(
        self, observation: Any, info: dict[str, Any], *, reset: bool = False
    ) -> tuple[EncodedFrames, GuardReport | None]:
        """Encode the present frame; returns it with the guard's report."""
        encoded = self._encoded = self.frame_encoder.encode_frame(
            observation, info, reset=reset, reconstruct=self.latent_reward.needs_reconstruction
        )
        return encoded, self.latent_reward.check(self.frame_encoder.frames, encoded)
