"""The latent distance to a target as the reward of any environment with binary frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.rewards.episodes import Episodes, check_resets, go_back, warn_of_length
from morphsim.rewards.frame_encoder import Coder, TargetGenerator, binarisation_for
from morphsim.rewards.functions import RewardFunction, RewardName
from morphsim.rewards.guard import OutOfDistributionGuard
from morphsim.rewards.latent_reward import Judge
from morphsim.rewards.source import FrameSource
from morphsim.rewards.targets import Several, TargetLike, TargetSampler
from morphsim.similarity.calibration import DistanceName


class LatentRewardWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Replaces the reward by one made of the latent distance between the current frame and a target.

    Distances are in units of the median distance between random frames of the encoder's training data, a
    constant of the encoder: 1.0 means "as far apart as any two", in every environment. With d the distance to
    the nearest target, a step earns

    | `reward` | a step earns |
    |---|---|
    | `progress` | d before the step - d after it: with a discount of 1 what counts is where the film ends |
    | `distance` | -d |
    | `squared` | -d² |
    | `cosine`, `mahalanobis` | -d, by that distance |
    | `log_prob` | log density of the frame's latents under the target's posterior, bounded [nats a latent] |
    | `sparse` | 0 on success, else -1 |
    | `shaped` | the environment's own reward + gamma Phi' - Phi, Phi = -d, 0 at a terminal state |
    | a function | what it returns for a `Transition` |

    times `reward_scale`, plus `own_weight` times the environment's own reward, less the penalties. All but
    `progress` and `shaped` cost something in each step, and so pay for episodes of few steps. Each step
    codes one frame, once, also under several of these wrappers with one encoder. `info` gains

    | key | meaning |
    |---|---|
    | `latent`, `target_latent` | of the frame and of its nearest target, (D,) float32 |
    | `distance` | to the nearest target, 1.0 = median of random pairs |
    | `percentile` | share of random pairs of training frames that are closer [%] |
    | `success`, `is_success` | whether the distance is within the threshold |
    | `nearest_target` | its number, from 0 |
    | `original_reward` | the environment's own reward (not at reset) |
    | `encoder_hash` | SHA-256 of the encoder's weights |
    | `out_of_distribution` and its measures | whether the encoder means anything here, see `guard` |

    Args:
        env: any environment that shows binary frames of the encoder's shape, or pictures to cut to such.
        encoder: an encoder, or what `load_encoder` takes.
        target: a frame (H, W), several (K, H, W), a latent (D,), several (K, D), `FILE:ROW` as for
            `morphsim.frames.read_target_frames`, or a function of a `numpy.random.Generator` that draws one
            of these for each episode: `DataSetTargets`, `PriorTargets`, `FixedTargets`, or yours. Its
            generator follows from the seed of `reset`. `reset(options={"target": ...})` sets the target of
            one episode.
        reward: see above.
        distance: "euclidean", "cosine" or "mahalanobis" (whitened by the scatter within recipes).
        several: of several targets "nearest" counts, or they are samples of one "distribution".
        frame: where the frame is: "observation" (a picture, or the entry "frame" of a Dict),
            "observation:KEY", "info:KEY", "render", or a function(observation, info). Networks are trained on
            binary frames: pictures in colours ((H, W, 3), (H, W, 4) or (3, H, W)) become shades of grey, and
            these are cut. Where a wrapper inside has made latents of the picture, "observation" means the
            frame that they are of.
        frame_threshold: grey value, over its range, from which on a pixel is donor; without it that of a
            wrapper inside that reads the same with the same encoder, or else that at which the encoder's
            training frames were cut, one half where it is not known.
        invert: whether dark pixels are donor; without it likewise, but never for environments whose
            metadata say `observes_frames`, as ours do.
        own_weight: weight of the environment's own reward; 0 by default, and 1 for "shaped", which alone
            would have nothing to say about which policy is best.
        reward_scale: factor of the latent reward.
        gamma: discount of "shaped"; that of your agent.
        success_percentile: success means a distance that so many of the random pairs of training frames
            come below [%].
        threshold: the distance itself, instead.
        guard: flags frames on which the encoder means nothing, see `OutOfDistributionGuard`; True where
            the encoder knows enough of its training data.
        out_of_distribution_penalty: is subtracted where a frame is flagged.
        truncation_penalty: is subtracted from the last step of an episode cut off before its end, as that
            of a film which solvent vapour held wet until the last step; where all are, it changes nothing.

    Raises:
        InputError: no target or frame, an unknown name, a value out of range, frames of another shape or
            boundary than the encoder's.

    Warns:
        UserWarning: a target outside the training data, which the guard would flag; a reward that each step
            costs, in an environment whose metadata say `agent_sets_length`; "shaped" in one that has earned 0
            throughout its first episode; frames that hold one phase each, or are all the same.

    >>> import gymnasium as gym
    >>> from morphsim import load_encoder
    >>> from morphsim.frames import binarise
    >>> from morphsim.simulator import DryingRecipe, record_film
    >>> (film,) = record_film(DryingRecipe(evaporation=0.03), seed=1, frames=1)
    >>> env = gym.make("morphsim:morphsim/Drying-v0", shape=(100, 400))
    >>> encoder = load_encoder("default")
    >>> env = LatentRewardWrapper(env, encoder, target=binarise(film.share))
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        target: TargetLike | TargetSampler = None,  # type: ignore[assignment]
        reward: RewardName | RewardFunction = "progress",
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
        self.coder = Coder(
            env,
            self.encoder,
            frame,
            reconstruct=self.judge.needs_reconstruction,
            binarisation=binarisation,
        )
        warn_of_length(env.metadata, self.judge.name)
        self.episodes = Episodes(self.judge, 1)
        self._random = TargetGenerator()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the environment; `info` already tells the first frame's distance.

        Args:
            seed: of the environment, and of the targets that are drawn.
            options: `target` is that of this episode; the others are the environment's.
        """
        given, options = self.judge.take_target(options)
        observation, info = self.env.reset(seed=seed, options=options)
        generator = self._random.after_reset(seed, self.env.unwrapped.np_random_seed)
        target = self.judge.target_for(generator, given)
        codes = self.coder.code(observation, info, first=True)
        report = self.judge.check(self.coder.frames, codes)
        (gained,) = self.episodes.start([0], [target], codes, report)
        return observation, {**info, **gained}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and reward the frame that it shows now."""
        observation, original, terminated, truncated, info = self.env.step(action)
        codes = self.coder.code(observation, info)
        report = self.judge.check(self.coder.frames, codes)
        rewards, (gained,) = self.episodes.step(
            [0],
            codes,
            report,
            original=np.array([float(original)]),
            terminated=np.array([terminated]),
            truncated=np.array([truncated]),
        )
        return observation, float(rewards[0]), terminated, truncated, {**info, **gained}

    def get_state(self) -> dict[str, Any]:
        """The state of the environment, which must have one, and of this wrapper, for `set_state`."""
        inside = self.env.get_wrapper_attr("get_state")()
        return {"env": inside, "episodes": self.episodes.state(), "random": self._random.state()}

    def set_state(self, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
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
        return observation, {**info, **gained}
