"""The environment of an agent: a film, the reward of its latents, and the latents as observation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.agents.config import MOST_STEPS, AgentConfig
from morphsim.checks import check_choice, check_tuple, check_whole, shown
from morphsim.encoder import Encoder
from morphsim.envs.names import environment_id
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.rewards import LatentObservationWrapper, LatentRewardWrapper, RewardName
from morphsim.rewards.source import check_boundary
from morphsim.simulator import PROCESSES, Recipe, find_process, load_recipe, recipe_from_dict
from morphsim.simulator.processes import ProcessName


@dataclass(frozen=True, kw_only=True)
class EnvironmentSpec:
    """All that makes an agent's environment, but for its encoder and its target.

    Raises:
        InputError: a value is out of range.
    """

    env: ProcessName
    """What happens to the film."""
    recipe: Mapping[str, Any]
    """The film's recipe, as `Recipe.to_dict` gives it."""
    knobs: tuple[str, ...]
    """Knobs that the agent turns, in the order of its action."""
    shape: tuple[int, int]
    """(H, W) of the frames [pixels]."""
    steps: int
    """Steps of an episode; a film that is kept from drying may take twice as many."""
    reward: RewardName
    """What a step earns."""

    def __post_init__(self) -> None:
        check_choice("env", self.env, PROCESSES)
        check_choice("reward", self.reward, get_args(RewardName))
        check_whole("steps", self.steps, 1, MOST_STEPS)
        check_tuple("shape", self.shape, 2, 2, "a height and a width")
        for side in self.shape:
            check_whole("shape", side, 1)
        if recipe_from_dict(self.recipe).process != self.env:
            raise InputError(f"the recipe is of {self.recipe['process']}, but env is {self.env}")

    @property
    def id(self) -> str:
        """Name of the environment, as `gymnasium.make` takes it anywhere."""
        return environment_id(self.env)

    def with_recipe(self, recipe: Recipe) -> EnvironmentSpec:
        """Return the same environment for films of another recipe.

        Raises:
            InputError: it is of another process.
        """
        return replace(self, recipe=recipe.to_dict())

    def make(self, encoder: Encoder, target: NDArray[np.uint8]) -> gym.Env[Any, Any]:
        """Build the environment.

        Args:
            encoder: for frames of `shape`.
            target: (K, H, W) uint8 0/1; of several frames the nearest counts.

        Returns:
            Observations are (D + S + 1,) float32: latents, what sensors tell of the film (`Process.state`),
            and the share of the episode that is over. `get_wrapper_attr("frame")` is the present frame.

        Raises:
            InputError: a knob or a recipe that the environment doesn't take, or a recipe whose films end at
                their sides otherwise than the encoder's training frames did.
        """
        check_boundary(self.recipe, encoder)
        film = gym.make(
            self.id,
            # Its checks cost time in every step, and the tests of the environments do them.
            disable_env_checker=True,
            recipe=dict(self.recipe),
            knobs=self.knobs,
            shape=self.shape,
            steps=self.steps,
            # Frames are cut where those of the encoder's training were.
            threshold=Binarisation.of_encoder(encoder.metadata).threshold,
        )
        rewarded = LatentRewardWrapper(film, encoder, target=target, reward=self.reward)
        # Episodes have a limit, so time is part of the state (Pardo et al. 2018,
        # doi 10.48550/arXiv.1712.00378).
        keys = (*find_process(self.env).state, "step_fraction")
        return LatentObservationWrapper(rewarded, encoder, info_keys=keys)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            "env": self.env,
            "recipe": dict(self.recipe),
            "knobs": list(self.knobs),
            "shape": list(self.shape),
            "steps": self.steps,
            "reward": self.reward,
        }

    @classmethod
    def from_dict(cls, values: object) -> EnvironmentSpec:
        """Read what `to_dict` gave.

        Raises:
            InputError: a field is missing, unknown or out of range.
        """
        names = [entry.name for entry in fields(cls)]
        if not isinstance(values, Mapping) or set(values) != set(names):
            raise InputError(f"the environment must have exactly the fields {', '.join(names)}")
        shape, knobs = values["shape"], values["knobs"]
        if not isinstance(shape, list) or len(shape) != 2:
            raise InputError(f"shape is {shown(shape)}; it must be a height and a width")
        if not isinstance(knobs, list) or not all(isinstance(knob, str) for knob in knobs):
            raise InputError(f"knobs is {shown(knobs)}; it must be names")
        if not isinstance(values["recipe"], Mapping):
            raise InputError(f"recipe is {shown(values['recipe'])}; it must be an object")
        return cls(**{**values, "shape": (shape[0], shape[1]), "knobs": tuple(knobs)})


def resolve_environment(config: AgentConfig, encoder: Encoder) -> EnvironmentSpec:
    """Fill in what a configuration leaves to the environment and to the encoder.

    Raises:
        InputError: a recipe, a knob, a boundary or a shape that doesn't fit.
    """
    shape = encoder.frame_shape if config.shape is None else config.shape
    if shape != encoder.frame_shape:
        raise InputError(
            f"shape is {shape[0]} {shape[1]}, but the encoder takes frames of {encoder.frame_shape[0]} "
            f"{encoder.frame_shape[1]}; leave it out, or train an encoder for that shape"
        )
    film: Any = gym.make(
        environment_id(config.env),
        disable_env_checker=True,
        recipe=None if config.recipe is None else load_recipe(config.recipe),
        knobs=config.knobs or None,
        shape=shape,
    ).unwrapped
    check_boundary(film.recipe.to_dict(), encoder)
    # An agent is compared with the recipe left as it is, so its knobs must reach the recipe.
    film.action_of()
    return EnvironmentSpec(
        env=config.env,
        recipe=film.recipe.to_dict(),
        knobs=tuple(knob.name for knob in film.panel.knobs),
        shape=shape,
        steps=config.steps,
        reward=config.reward,
    )


class LimitEnds(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Ends an episode for good at its limit, for training.

    The film is judged as it is then, so no value may be expected from what would come later. Agents see how
    much of the episode is over (Pardo et al. 2018, doi 10.48550/arXiv.1712.00378).
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated or truncated, False, info


def check_target(target: NDArray[np.uint8], name: str | Path, encoder: Encoder) -> None:
    """Check that target frames (K, H, W) suit an encoder.

    Raises:
        InputError: they have another shape, or there are none.
    """
    if target.ndim != 3 or target.shape[1:] != encoder.frame_shape or not len(target):
        height, width = encoder.frame_shape
        raise InputError(
            f"target {name} has the shape {target.shape}; the encoder takes ({height}, {width}): "
            "resize its frames, or choose an encoder for their shape"
        )
