"""Isolation and storage of the global random generators that Stable-Baselines3 draws from."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch


@contextlib.contextmanager
def own_randomness(device: torch.device) -> Iterator[None]:
    """Isolate the global generators in the block; the caller's state is restored afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the library draws from it
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def random_state(device: torch.device, actions: gym.Space[Any]) -> dict[str, Any]:
    """Return the state of all generators that training draws from, for `save_tree`.

    Args:
        device: of the networks.
        actions: the space that the initial random actions are drawn from.
    """
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    return {
        "numpy": [name, torch.from_numpy(np.asarray(keys, np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "actions": actions.np_random.bit_generator.state,
    }


def restore_random_state(state: Mapping[str, Any], device: torch.device, actions: gym.Space[Any]) -> None:
    """Restore all generators to the state that `random_state` returned.

    Raises:
        KeyError, RuntimeError, TypeError, ValueError: the state is invalid.
    """
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
    actions.np_random.bit_generator.state = state["actions"]
