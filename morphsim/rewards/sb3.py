"""Any Gymnasium vector environment as a vector environment of Stable-Baselines3."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper
from numpy.typing import NDArray
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from morphsim.errors import InputError
from morphsim.rewards.vector.batching import autoreset_mode, info_of, observation_of

# A wrapper with further attributes has them on purpose.
_COMMON = frozenset(dir(VectorWrapper))


class SB3VecEnv(VecEnv):
    """A Gymnasium vector environment, with its vector wrappers, for Stable-Baselines3 (SB3).

    It returns what SB3's `DummyVecEnv` returns around the same environments in `Monitor`: one info for each
    environment, of the step that it made. Where an episode ended, this info has `terminal_observation`,
    `TimeLimit.truncated` and `episode` (return `r`, length `l`, seconds `t`), and `reset_infos` has the info
    of the new episode. Neither `Monitor` nor `VecMonitor` is needed. An `episode` entry of the single
    environments is kept.

    >>> import gymnasium as gym
    >>> from gymnasium.vector import AutoresetMode
    >>> mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
    >>> envs = gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync", vector_kwargs=mode)
    >>> SB3VecEnv(envs).reset().shape
    (2, 4)

    Attributes:
        envs: the vector environment.

    Raises:
        InputError: `envs` is not a vector environment, or its autoreset mode is not SAME_STEP.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        if not isinstance(envs, VectorEnv):
            raise InputError(
                f"envs is a {type(envs).__name__}; it must be a gymnasium.vector.VectorEnv "
                "(Stable-Baselines3 takes single environments as they are)"
            )
        if (mode := autoreset_mode(envs)) is not AutoresetMode.SAME_STEP:
            raise InputError(
                f"autoreset_mode is {mode.name}, but Stable-Baselines3 needs SAME_STEP; give "
                'vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP} to gymnasium.make_vec, or '
                'autoreset_mode="SameStep" to SyncVectorEnv or AsyncVectorEnv'
            )
        self.envs = envs
        self.actions: Any = None
        self._begun = time.time()
        self._returns = np.zeros(envs.num_envs)
        self._lengths = np.zeros(envs.num_envs, np.int64)
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)
        # Video recorders read the frame rate from the metadata.
        self.metadata = {**envs.metadata, **self.metadata}

    def reset(self) -> Any:
        """Reset all environments, with the seeds of `seed` and the options of `set_options`, once.

        Raises:
            InputError: the options differ between the environments.
        """
        options = self._options[0]
        if not all(each is options or data_equivalence(each, options) for each in self._options):
            raise InputError(
                "the options differ between environments; Gymnasium's vector environments take one dict "
                "for all, so give set_options a single one"
            )
        observations, infos = self.envs.reset(seed=_one_seed(self._seeds), options=options or None)
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0
        self._lengths[:] = 0
        self.reset_infos = [info_of(infos, row) for row in range(self.num_envs)]
        return _copied(observations)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for `step_wait`."""
        self.actions = actions

    def step_wait(self) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step all environments.

        Raises:
            InputError: an episode ended, but its last observation is missing.
        """
        observations, rewards, terminated, truncated, infos = self.envs.step(self.actions)
        terminated, truncated = np.asarray(terminated, np.bool_), np.asarray(truncated, np.bool_)
        done = terminated | truncated
        self._returns += rewards
        self._lengths += 1
        all_infos: list[dict[str, Any]] = []
        for row in range(self.num_envs):
            info = self._final_info(infos, row) if done[row] else info_of(infos, row)
            info["TimeLimit.truncated"] = bool(truncated[row] and not terminated[row])
            all_infos.append(info)
        return _copied(observations), np.array(rewards, np.float32), done, all_infos

    def _final_info(self, infos: Mapping[str, Any], row: int) -> dict[str, Any]:
        """The info of the last step of an episode; the other entries of `infos` are of the next episode."""
        final = infos.get("final_obs")
        if final is None:
            raise InputError(
                f"an episode of environment {row} has ended, but the infos of the vector environment have no "
                "final_obs; with autoreset_mode SAME_STEP it must be there"
            )
        following = {key: value for key, value in infos.items() if key not in _OF_FINAL_STEP}
        self.reset_infos[row] = info_of(following, row)
        info = info_of(infos.get("final_info", {}), row)
        info["terminal_observation"] = _copied(observation_of(final, row))
        info.setdefault(
            "episode",
            {
                "r": round(float(self._returns[row]), 6),
                "l": int(self._lengths[row]),
                "t": round(time.time() - self._begun, 6),
            },
        )
        self._returns[row] = 0
        self._lengths[row] = 0
        return info

    def close(self) -> None:
        """Close the vector environment."""
        self.envs.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """A picture of each environment, in the render mode `rgb_array`."""
        pictures: Any = self.envs.render()
        return [None] * self.num_envs if pictures is None else list(pictures)

    def has_attr(self, attr_name: str) -> bool:
        """Whether all environments, or the vector environment, have this attribute or method."""
        base: Any = self.envs.unwrapped
        if any(_adds(layer, attr_name) for layer in self._wrappers()):
            return True
        if isinstance(base, SyncVectorEnv | AsyncVectorEnv):
            return all(base.call("has_wrapper_attr", attr_name))
        return super().has_attr(attr_name)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of each environment; one of the vector environment is repeated.

        Raises:
            AttributeError: there is none.
        """
        if attr_name in {"observation_space", "action_space"}:
            return [getattr(self, attr_name)] * len(self._chosen(indices))
        rows = self._chosen(indices)
        for layer in self._wrappers():
            if _adds(layer, attr_name):
                return [getattr(layer, attr_name)] * len(rows)
        base: Any = self.envs.unwrapped
        if not hasattr(base, "get_attr"):
            return [getattr(base, attr_name)] * len(rows)
        values: Sequence[Any]
        if isinstance(base, SyncVectorEnv | AsyncVectorEnv):
            # A worker process asked for a missing attribute ends itself, and get_attr would call a method.
            if not self.has_attr(attr_name):
                raise AttributeError(f"the environments have no attribute {attr_name!r}")
            values = base.call("get_wrapper_attr", attr_name)
        else:
            values = base.get_attr(attr_name)
        return [values[row] for row in rows]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of each environment, or of the vector environment if that has it.

        Raises:
            InputError: it belongs to the vector environment, but `indices` choose only some environments.
        """
        rows = self._chosen(indices)
        owners = [layer for layer in self._wrappers() if _adds(layer, attr_name)]
        base: Any = self.envs.unwrapped
        if owners or not hasattr(base, "set_attr"):
            if len(set(rows)) < self.num_envs:
                raise InputError(f"{attr_name} belongs to all environments together; set it without indices")
            setattr(owners[0] if owners else base, attr_name, value)
            return
        values = [value] * self.num_envs
        if len(set(rows)) < self.num_envs:
            values = self.get_attr(attr_name)
            for row in rows:
                values[row] = value
        base.set_attr(attr_name, values)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> Any:
        """Call a method in the environments; returns a list of the results.

        A method of the vector environment or of a vector wrapper, such as the `compute_reward` of
        hindsight replay, is called once, and its result is repeated.

        Raises:
            AttributeError: there is none.
            InputError: the vector environment can't call it in only some environments, or the call would
                bypass the vector wrappers.
        """
        rows = self._chosen(indices)
        if method_name in {"reset", "step", "close"}:
            raise InputError(
                f"{method_name} can't be called for single environments; call {method_name} of this one"
            )
        if method_name == "render":
            pictures = self.get_images()
            return [pictures[row] for row in rows]
        base: Any = self.envs.unwrapped
        for layer in (*self._wrappers(), base):
            if _adds(layer, method_name) and callable(getattr(layer, method_name)):
                return [getattr(layer, method_name)(*method_args, **method_kwargs)] * len(rows)
        if isinstance(base, SyncVectorEnv):
            methods = [base.envs[row].get_wrapper_attr(method_name) for row in rows]
            return [method(*method_args, **method_kwargs) for method in methods]
        if not hasattr(base, "call"):
            raise AttributeError(f"the vector environment has no method {method_name!r}")
        # Computing rewards does not change environments that were not chosen.
        if len(set(rows)) < self.num_envs and method_name != "compute_reward":
            raise InputError(
                f"{type(base).__name__} calls a method in all environments at once; call {method_name} "
                "without indices"
            )
        if isinstance(base, AsyncVectorEnv) and not self.has_attr(method_name):
            raise AttributeError(f"the environments have no method {method_name!r}")
        results = base.call(method_name, *method_args, **method_kwargs)
        return [results[row] for row in rows]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Any = None
    ) -> list[bool]:
        """Whether each environment, or the vector environment, has this wrapper.

        The answer for `Monitor` is True, since this class does its work. Wrappers in other processes are not
        found.
        """
        rows = self._chosen(indices)
        around: type[Any] = wrapper_class
        if issubclass(around, Monitor) or any(isinstance(layer, around) for layer in self._wrappers()):
            return [True] * len(rows)
        base = self.envs.unwrapped
        if isinstance(base, SyncVectorEnv):
            return [is_wrapped(base.envs[row], wrapper_class) for row in rows]
        return [False] * len(rows)

    def _chosen(self, indices: Any) -> list[int]:
        return [int(row) for row in self._get_indices(indices)]

    def _wrappers(self) -> Iterator[VectorWrapper[Any, Any, Any, Any, Any]]:
        layer: Any = self.envs
        while isinstance(layer, VectorWrapper):
            yield layer
            layer = layer.env


# Gymnasium's RecordEpisodeStatistics has an entry `episode` too, but in Gymnasium 1.2 it leaves out the first
# step of each episode in SAME_STEP; episodes are counted here instead.
_OF_FINAL_STEP = frozenset({"final_obs", "_final_obs", "final_info", "_final_info", "episode", "_episode"})


def _adds(layer: VectorEnv[Any, Any, Any], name: str) -> bool:
    return name not in _COMMON and hasattr(layer, name)


def _one_seed(seeds: Sequence[int | None]) -> Any:
    """The first seed if the seeds count up from it, which every vector environment understands."""
    first = seeds[0]
    if all(seed is None for seed in seeds):
        return None
    if first is not None and list(seeds) == list(range(first, first + len(seeds))):
        return first
    return list(seeds)


def _copied(value: Any) -> Any:
    """A copy of an observation, whose arrays the environment may overwrite."""
    if isinstance(value, Mapping):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(_copied(entry) for entry in value)
    return np.array(value)
