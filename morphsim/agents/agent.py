"""A trained agent: observations in, actions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.agents.folder import read_policy, read_setup
from morphsim.agents.model import build_model, learning_device
from morphsim.agents.randomness import own_randomness
from morphsim.agents.setup import AgentSetup
from morphsim.agents.steering.agent import is_steering_agent
from morphsim.errors import InputError
from morphsim.simulator import Recipe

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


class Agent:
    """A trained policy that sets the knobs of a film at each step; see `load_agent` and `train_agent`.

    Args:
        model: model with trained weights.
        setup: configuration, environment, encoder and target of the training.
        folder: folder of the agent.

    Examples:
        >>> agent = load_agent("runs/agent")                            # doctest: +SKIP
        >>> env = agent.make_env()                                      # doctest: +SKIP
        >>> observation, info = env.reset(seed=1)                       # doctest: +SKIP
        >>> env.step(agent.act(observation))                            # doctest: +SKIP
    """

    def __init__(self, model: BaseAlgorithm, setup: AgentSetup, folder: Path) -> None:
        self.model = model
        self.setup = setup
        self.folder = folder

    def __repr__(self) -> str:
        knobs = ", ".join(self.setup.spec.knobs)
        return f"Agent({self.setup.config.algorithm} on {self.setup.spec.env}, knobs {knobs}, {self.folder})"

    def act(self, observation: ArrayLike, deterministic: bool = True) -> NDArray[np.float32]:
        """Choose an action.

        Args:
            observation: (S,), or (N, S) for several films.
            deterministic: return the mode of the policy's distribution; otherwise sample from it with torch's
                global generator.

        Returns:
            (A,) or (N, A) float32, from -1 to 1.

        Raises:
            InputError: a wrong shape, or a value that is not finite.
        """
        values = np.asarray(observation, np.float32)
        size = self.model.observation_space.shape
        assert size is not None
        if values.ndim not in (1, 2) or values.shape[-1:] != size:
            raise InputError(
                f"the observation has the shape {values.shape}; this agent takes {size} or (N, {size[0]})"
            )
        if not np.isfinite(values).all():
            raise InputError("the observation holds NaN or infinity; it must be finite")
        return np.asarray(self.model.predict(values, deterministic=deterministic)[0], np.float32)

    def predict(
        self,
        observation: ArrayLike,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], None]:
        """Choose an action, as `predict` of Stable-Baselines3's policies; see `act`.

        Args:
            observation: (S,), or (N, S) for several films.
            state: has no effect, since the agent has no memory.
            episode_start: likewise.
            deterministic: as for `act`.

        Returns:
            Actions (A,) or (N, A), and None.

        Raises:
            InputError: as for `act`.
        """
        return self.act(observation, deterministic=deterministic), None

    def make_env(self, recipe: Recipe | None = None) -> gym.Env[Any, Any]:
        """Build the environment that the agent was trained on, with its target and its reward.

        Args:
            recipe: recipe of the films, instead of the training recipe.

        Raises:
            InputError: the recipe is of another process.
        """
        spec = self.setup.spec if recipe is None else self.setup.spec.with_recipe(recipe)
        return spec.make(self.setup.encoder, self.setup.target)


def load_agent(folder: str | Path, device: str = "auto") -> Agent:
    """Load an agent from the folder that `train_agent` wrote.

    Args:
        folder: folder of the agent; nothing outside it is read.
        device: `auto` (the CPU), `cpu` or `cuda`.

    Raises:
        InputError: a file is missing, truncated or altered, or there is no such device.
    """
    from stable_baselines3.common.vec_env import DummyVecEnv

    folder = Path(folder)
    if is_steering_agent(folder):
        raise InputError(
            f"{folder} holds an agent for all targets of a task, and this needs one that was trained for its "
            "own target; give the folder of such an agent, or use morphsim.agents.load_agent"
        )
    chosen = learning_device(device)
    setup = read_setup(folder, chosen)
    with own_randomness(chosen):
        env = DummyVecEnv([lambda: setup.spec.make(setup.encoder, setup.target)])
        model = build_model(setup.config, env, chosen, learning=False)
    read_policy(folder, model)
    return Agent(model, setup, folder)
