"""The environment of an agent: a film with rewards and observations from its latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.agents.config import MOST_STEPS, AgentConfig
from morphsim.checks import check_choice, check_frame_shape, check_whole, exact_fields, shown
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
    """Description of an agent's environment, without its encoder and target.

    Raises:
        InputError: a value is out of range.
    """

    env: ProcessName
    """What happens to the film."""
    recipe: Mapping[str, Any]
    """Recipe of the film, as returned by `Recipe.to_dict`."""
    knobs: tuple[str, ...]
    """Knobs that the agent controls, in the order of its action."""
    shape: tuple[int, int]
    """(H, W) of the frames [pixels]."""
    cells: tuple[int, int]
    """(h, w) of the solver's grid."""
    steps: int
    """Steps of an episode; a film that is kept from drying may take twice as many."""
    reward: RewardName
    """Reward of a step."""

    def __post_init__(self) -> None:
        check_choice("env", self.env, PROCESSES)
        check_choice("reward", self.reward, get_args(RewardName))
        check_whole("steps", self.steps, 1, MOST_STEPS)
        check_frame_shape("shape", self.shape)
        check_frame_shape("cells", self.cells)
        if recipe_from_dict(self.recipe).process != self.env:
            raise InputError(f"the recipe is of {self.recipe['process']}, but env is {self.env}")

    @property
    def id(self) -> str:
        """Name of the environment for `gymnasium.make`, valid in any process."""
        return environment_id(self.env)

    def with_recipe(self, recipe: Recipe) -> EnvironmentSpec:
        """Return the description of the same environment with another recipe.

        Raises:
            InputError: the recipe is of another process.
        """
        return replace(self, recipe=recipe.to_dict())

    def make(self, encoder: Encoder, target: NDArray[np.uint8]) -> gym.Env[Any, Any]:
        """Build the environment.

        Args:
            encoder: encoder of frames of `shape`.
            target: (K, H, W) uint8 0/1; of several frames the nearest counts.

        Returns:
            Observations are (D + S + 1,) float32: latents, readings of sensors (`Process.state`) and the
            elapsed fraction of the episode. `get_wrapper_attr("frame")` is the current frame of the film.

        Raises:
            InputError: a knob or a recipe that the environment does not accept, or a recipe with another
                lateral boundary than the encoder's training frames.
        """
        check_boundary(self.recipe, encoder)
        film = gym.make(
            self.id,
            # The checker costs time in every step; the tests of the environments run it.
            disable_env_checker=True,
            recipe=dict(self.recipe),
            knobs=self.knobs,
            shape=self.shape,
            cells=self.cells,
            steps=self.steps,
            # Frames get the threshold of the encoder's training frames.
            threshold=Binarisation.of_encoder(encoder.metadata).threshold,
        )
        rewarded = LatentRewardWrapper(film, encoder, target=target, reward=self.reward)
        # Episodes have a limit, so time is part of the state (Pardo et al. 2018,
        # doi 10.48550/arXiv.1712.00378).
        keys = (*find_process(self.env).state, "step_fraction")
        return LatentObservationWrapper(rewarded, encoder, info_keys=keys)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "env": self.env,
            "recipe": dict(self.recipe),
            "knobs": list(self.knobs),
            "shape": list(self.shape),
            "cells": list(self.cells),
            "steps": self.steps,
            "reward": self.reward,
        }

    @classmethod
    def from_dict(cls, values: object) -> EnvironmentSpec:
        """Read the values that `to_dict` returned.

        Raises:
            InputError: a field is missing, unknown or out of range.
        """
        if isinstance(values, Mapping):
            # Of earlier versions the solver's grid was the shape of the frames.
            values = {"cells": values.get("shape"), **values}
        given = exact_fields(cls, values, "the environment")
        knobs = given["knobs"]
        for name in ("shape", "cells"):
            if not isinstance(given[name], list) or len(given[name]) != 2:
                raise InputError(f"{name} is {shown(given[name])}; it must be a height and a width")
            given[name] = tuple(given[name])
        if not isinstance(knobs, list) or not all(isinstance(knob, str) for knob in knobs):
            raise InputError(f"knobs is {shown(knobs)}; it must be names")
        if not isinstance(given["recipe"], Mapping):
            raise InputError(f"recipe is {shown(given['recipe'])}; it must be an object")
        return cls(**{**given, "knobs": tuple(knobs)})


def resolve_environment(config: AgentConfig, encoder: Encoder) -> EnvironmentSpec:
    """Fill in the defaults of a configuration from the environment and the encoder.

    Raises:
        InputError: a recipe, knob, boundary, shape or cells that don't fit.
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
        cells=config.cells,
    ).unwrapped
    check_boundary(film.recipe.to_dict(), encoder)
    # An agent is compared with the unchanged recipe, so its knobs must be able to reach the recipe's values.
    film.action_of()
    return EnvironmentSpec(
        env=config.env,
        recipe=film.recipe.to_dict(),
        knobs=tuple(knob.name for knob in film.panel.knobs),
        shape=shape,
        cells=film.cells,
        steps=config.steps,
        reward=config.reward,
    )


class LimitEnds(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Turns truncation at the step limit into termination, for training.

    The film is evaluated as it is at the limit, so the value of later states must not be bootstrapped. Agents
    observe the elapsed fraction of the episode (Pardo et al. 2018, doi 10.48550/arXiv.1712.00378).
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated or truncated, False, info


def check_target(target: NDArray[np.uint8], name: str | Path, encoder: Encoder) -> None:
    """Check that target frames (K, H, W) fit an encoder.

    Raises:
        InputError: another shape, or no frame.
    """
    if target.ndim != 3 or target.shape[1:] != encoder.frame_shape or not len(target):
        height, width = encoder.frame_shape
        raise InputError(
            f"target {name} has the shape {target.shape}; the encoder takes ({height}, {width}): "
            "resize its frames, or choose an encoder for their shape"
        )
