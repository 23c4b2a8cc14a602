"""The Stable-Baselines3 model of an agent, built from a configuration and filled with stored tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from morphsim.agents.config import AgentConfig
from morphsim.errors import InputError

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

_MOST_MEMORY = 16 * 2**30
_BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def learning_device(name: str) -> torch.device:
    """Return the device for the networks; `auto` is the CPU.

    Raises:
        InputError: the name is unknown, or CUDA is requested but not available.
    """
    from morphsim.device import resolve_device

    return resolve_device("cpu" if name == "auto" else name)


def build_model(
    config: AgentConfig, env: VecEnv, device: torch.device, *, learning: bool = True
) -> BaseAlgorithm:
    """Build a model with initial weights from the global generators.

    Args:
        config: configuration of the agent.
        env: environment whose spaces the networks fit.
        device: device of the networks.
        learning: whether the model will be trained, and so needs a replay buffer.
    """
    from stable_baselines3 import PPO, SAC

    shared: dict[str, Any] = {
        "policy": "MlpPolicy",
        "env": env,
        "learning_rate": config.learning_rate,
        "gamma": config.gamma,
        "policy_kwargs": {"net_arch": list(config.hidden)},
        "device": device,
    }
    if config.algorithm == "ppo":
        ppo = config.ppo
        with warnings.catch_warnings():
            # An explicit device wins.
            warnings.filterwarnings("ignore", message="You are trying to run PPO on the GPU")
            return PPO(
                n_steps=ppo.rollout_steps // env.num_envs,
                batch_size=ppo.batch_size,
                n_epochs=ppo.n_epochs,
                ent_coef=ppo.ent_coef,
                gae_lambda=ppo.gae_lambda,
                clip_range=ppo.clip_range,
                **shared,
            )
    sac = config.sac
    return SAC(
        buffer_size=sac.buffer_size if learning else 1,
        learning_starts=sac.learning_starts,
        batch_size=sac.batch_size,
        train_freq=sac.train_every,
        gradient_steps=sac.gradient_steps,
        tau=sac.tau,
        ent_coef=f"auto_{sac.temperature}",
        **shared,
    )


def check_memory(config: AgentConfig, observation_size: int, action_size: int) -> None:
    """Check that the replay buffer or rollout of a model fits into memory, before it is allocated.

    Raises:
        InputError: it doesn't.
    """
    # The library stores observations, action and a few numbers for each step in single precision.
    if config.algorithm == "ppo":
        name, steps, stored = "ppo.rollout_steps", config.ppo.rollout_steps, observation_size + 5
    else:
        name, steps, stored = "sac.buffer_size", config.sac.buffer_size, 2 * observation_size + 3
    needed = 4 * steps * (stored + action_size)
    if needed > _MOST_MEMORY:
        raise InputError(
            f"{name} is {steps}: {needed / 2**30:,.0f} GiB for observations of {observation_size} numbers, "
            f"but at most {_MOST_MEMORY / 2**30:.0f} GiB are allowed; use fewer steps"
        )


def model_state(model: BaseAlgorithm) -> dict[str, Any]:
    """Return the learned state of a model for `save_tree`: weights, optimisers, entropy temperature."""
    temperature = _temperature(model)
    return {
        "parameters": model.get_parameters(),
        "log_ent_coef": None if temperature is None else temperature.detach(),
    }


def restore_model_state(model: BaseAlgorithm, state: Mapping[str, Any]) -> None:
    """Restore the state from `model_state` in a model of the same configuration.

    Raises:
        AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError: it doesn't fit.
    """
    parameters = state["parameters"]
    # The names are attributes of the model: a file must not set any that the model itself does not list.
    if set(parameters) != set(model.get_parameters()):
        raise ValueError("the parameters have other names")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in _floats(parameters)):
        raise ValueError("the parameters hold NaN or infinity")
    model.set_parameters(parameters, exact_match=True, device=model.device)
    temperature = _temperature(model)
    if temperature is not None:
        stored = state["log_ent_coef"]
        if stored.shape != temperature.shape or not bool(torch.isfinite(stored).all()):
            raise ValueError("the entropy temperature is not a number")
        # In place, since its optimiser holds the same tensor.
        with torch.no_grad():
            temperature.copy_(stored)


def is_finite(model: BaseAlgorithm) -> bool:
    """Return whether all weights are finite."""
    return all(bool(torch.isfinite(value).all()) for value in model.policy.state_dict().values())


def memory_state(model: BaseAlgorithm) -> dict[str, Any] | None:
    """Return the replay buffer of a model for `save_tree`; None for a model without one."""
    if not hasattr(model, "replay_buffer"):
        return None
    buffer = model.replay_buffer
    size = buffer.size()
    arrays = {name: torch.from_numpy(getattr(buffer, name)[:size]) for name in _BUFFER}
    return {"position": buffer.pos, "full": buffer.full, "arrays": arrays}


def restore_memory(model: BaseAlgorithm, state: Mapping[str, Any] | None) -> None:
    """Restore the replay buffer from `memory_state` in a model of the same configuration.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it doesn't fit.
    """
    if not hasattr(model, "replay_buffer"):
        return
    buffer = model.replay_buffer
    if state is None:
        raise ValueError("the memory is missing")
    position, full = state["position"], bool(state["full"])
    size = buffer.buffer_size if full else position
    if type(position) is not int or not 0 <= position < buffer.buffer_size:
        raise ValueError("the memory's position is out of range")
    for name in _BUFFER:
        array, stored = getattr(buffer, name), state["arrays"][name].numpy()
        if stored.shape != (size, *array.shape[1:]) or not np.isfinite(stored).all():
            raise ValueError(f"the memory's {name} don't fit")
        array[:size] = stored
    buffer.pos, buffer.full = position, full


def _temperature(model: BaseAlgorithm) -> torch.Tensor | None:
    """The learned logarithm of the entropy weight, if the algorithm has one."""
    return getattr(model, "log_ent_coef", None)


def _floats(tree: Any) -> Iterator[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        if tree.is_floating_point():
            yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from _floats(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _floats(value)
