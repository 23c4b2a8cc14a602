"""Vector environments of Gymnasium for the agents of Stable-Baselines3."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper
from numpy.typing import NDArray
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

from morphsim.errors import InputError
from morphsim.rewards.batches import autoreset_mode, info_of, observation_of


class SB3VecEnv(VecEnv):
    """Any vector environment of Gymnasium as a `VecEnv`, which is what Stable-Baselines3 trains on.

    It gives what `DummyVecEnv` of the same environments gives, each in a `Monitor`: an info of its own for
    each environment; where an episode has ended, that of the last step, with `terminal_observation` and
    `episode` (return "r", length "l", and time "t" [s] since the bridge was made); and `TimeLimit.truncated`,
    true where an episode was cut off without an end of its own. Where the environments tell an `episode`
    themselves, as Gymnasium's `RecordEpisodeStatistics` makes them, theirs is kept.

    An attribute or a method is looked for in the vector wrappers, from the outermost one, then in the
    environments. What a vector wrapper has is shared: it's set or called once, for all.

    Stable-Baselines3's `evaluate_policy` wants its `VecMonitor` around this, or else warns.

    Args:
        envs: the vector environment, with all its wrappers, in autoreset mode SAME_STEP.

    Raises:
        InputError: no vector environment of Gymnasium, or another autoreset mode.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        if not isinstance(envs, VectorEnv):
            raise InputError(
                f"{type(envs).__name__} is no gymnasium.vector.VectorEnv; for single environments use "
                'SyncVectorEnv([make, ...], autoreset_mode="SameStep")'
            )
        mode = autoreset_mode(envs)
        if mode is not AutoresetMode.SAME_STEP:
            raise InputError(
                f"the autoreset mode is {mode.value!r}, but Stable-Baselines3 needs 'SameStep'; use "
                'SyncVectorEnv(..., autoreset_mode="SameStep") or '
                'gym.make_vec(..., vector_kwargs={"autoreset_mode": "SameStep"})'
            )
        self.envs = envs
        self._actions: Any = None
        self._began = time.time()
        self._returns = np.zeros(envs.num_envs, np.float64)
        self._lengths = np.zeros(envs.num_envs, np.int64)
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)
        self.metadata = {**envs.metadata, **self.metadata}

    def reset(self) -> VecEnvObs:
        """Begin an episode in every environment, with the seeds and options that wait for it."""
        # Seeds count up from the first one, both here and in Gymnasium.
        options = dict(self._options[0]) or None
        observations, infos = self.envs.reset(seed=self._seeds[0], options=options)
        self._reset_seeds()
        self._reset_options()
        self._returns[:], self._lengths[:] = 0.0, 0
        self.reset_infos = [_started(infos, row) for row in range(self.num_envs)]
        return cast(VecEnvObs, _own(observations))

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        """Options for the next reset.

        Raises:
            InputError: options that differ between the environments.
        """
        each = options if isinstance(options, list) else [options or {}]
        if len(each) not in (1, self.num_envs) or not all(data_equivalence(each[0], one) for one in each):
            raise InputError(
                "a vector environment is reset with the same options everywhere; give one dict for all"
            )
        super().set_options(each[0])

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions of the next step; it is made when it is waited for."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Make the step.

        Raises:
            InputError: no actions were given, or an episode has ended and its last observation is not told.
        """
        if self._actions is None:
            raise InputError("step_wait has no actions to wait for; call step_async(actions) first")
        actions, self._actions = self._actions, None
        observations, rewards, terminated, truncated, infos = self.envs.step(actions)
        terminated, truncated = np.asarray(terminated, np.bool_), np.asarray(truncated, np.bool_)
        dones = terminated | truncated
        self._returns += np.asarray(rewards, np.float64)
        self._lengths += 1
        each = [self._told(infos, row, ended=bool(dones[row])) for row in range(self.num_envs)]
        for info, cut_off in zip(each, truncated & ~terminated, strict=True):
            info["TimeLimit.truncated"] = bool(cut_off)
        self._returns[dones], self._lengths[dones] = 0.0, 0
        return cast(VecEnvObs, _own(observations)), np.array(rewards, np.float32), dones, each

    def _told(self, infos: Mapping[str, Any], row: int, *, ended: bool) -> dict[str, Any]:
        """The info of the step that an environment has made."""
        if not ended:
            return _own_info(infos, row)
        self.reset_infos[row] = _started(infos, row)
        last = None if "final_obs" not in infos else observation_of(infos["final_obs"], row)
        if last is None:
            raise InputError(
                f"environment {row} ended an episode and its infos have no final_obs, so its last "
                "observation is lost; in autoreset mode SAME_STEP a vector environment must tell it"
            )
        info = _own_info(infos.get("final_info", {}), row)
        info["terminal_observation"] = _own(last)
        seconds = round(time.time() - self._began, 6)
        counted = {"r": round(float(self._returns[row]), 6), "l": int(self._lengths[row]), "t": seconds}
        told = info.get("episode")
        info["episode"] = {**counted, **(told if isinstance(told, dict) else _recorded(infos, row))}
        return info

    def close(self) -> None:
        """Close the vector environment."""
        self.envs.close()

    def get_images(self) -> Sequence[NDArray[Any] | None]:
        """A picture (H, W, 3) of each environment."""
        if self.render_mode != "rgb_array":
            warnings.warn(
                f"render_mode is {self.render_mode!r}, so there are no pictures; make the environments with "
                "render_mode='rgb_array'",
                stacklevel=2,
            )
            return [None] * self.num_envs
        return self._pictures()

    def has_attr(self, attr_name: str) -> bool:
        """Whether there is such an attribute."""
        if attr_name in _SHARED or self._holder(attr_name) is not None:
            return True
        base = self.envs.unwrapped
        if isinstance(base, SyncVectorEnv | AsyncVectorEnv):
            # Asking a worker process for what it lacks would end it.
            return all(base.call("has_wrapper_attr", attr_name))
        return super().has_attr(attr_name)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of each environment.

        Raises:
            AttributeError: there is none.
        """
        rows = list(self._get_indices(indices))
        if attr_name in _SHARED:
            return [getattr(self.envs, _SHARED[attr_name])] * len(rows)
        holder = self._holder(attr_name)
        if holder is not None:
            return [getattr(holder, attr_name)] * len(rows)
        base: Any = self.envs.unwrapped
        values: Sequence[Any]
        if isinstance(base, SyncVectorEnv | AsyncVectorEnv):
            if not self.has_attr(attr_name):
                raise AttributeError(f"the environments have no attribute {attr_name!r}")
            # Their own get_attr would call a method.
            values = base.call("get_wrapper_attr", attr_name)
        elif hasattr(base, "get_attr"):
            values = base.get_attr(attr_name)
        else:
            values = [getattr(base, attr_name)] * self.num_envs
        return [values[row] for row in rows]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the environments.

        Raises:
            InputError: one that the environments share, for some of them only.
        """
        rows = set(self._get_indices(indices))
        everywhere = rows == set(range(self.num_envs))
        base: Any = self.envs.unwrapped
        holder = self._holder(attr_name)
        if holder is None and not hasattr(base, "set_attr"):
            holder = base
        if holder is not None:
            if not everywhere:
                raise InputError(f"the environments share {attr_name}; set it for all of them (indices=None)")
            setattr(holder, attr_name, value)
            return
        values = [value] * self.num_envs
        if not everywhere:
            before = self.get_attr(attr_name)
            values = [value if row in rows else before[row] for row in range(self.num_envs)]
        base.set_attr(attr_name, values)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the environments; that of a vector wrapper is called once, for all.

        Raises:
            AttributeError: there is none.
            InputError: one that would go behind the back of the vector wrappers, or that can't be called for
                some environments only.
        """
        rows = list(self._get_indices(indices))
        if method_name in ("reset", "step", "close"):
            raise InputError(f"{method_name} can't be called for single environments; call the bridge's own")
        if method_name == "render":
            pictures = self._pictures()
            return [pictures[row] for row in rows]
        base: Any = self.envs.unwrapped
        holder = self._holder(method_name)
        if (
            holder is None
            and not isinstance(base, SyncVectorEnv | AsyncVectorEnv)
            and _adds(base, method_name)
        ):
            holder = base
        if holder is not None:
            return [getattr(holder, method_name)(*method_args, **method_kwargs)] * len(rows)
        if isinstance(base, SyncVectorEnv):
            methods = [base.envs[row].get_wrapper_attr(method_name) for row in rows]
            return [method(*method_args, **method_kwargs) for method in methods]
        if not hasattr(base, "call") or (isinstance(base, AsyncVectorEnv) and not self.has_attr(method_name)):
            raise AttributeError(f"the environments have no method {method_name!r}")
        # It's called everywhere, which does no harm where it changes nothing.
        if set(rows) != set(range(self.num_envs)) and method_name != "compute_reward":
            raise InputError(
                f"{method_name} can't be called for environments {rows} alone; call it for all (indices=None)"
            )
        results = base.call(method_name, *method_args, **method_kwargs)
        return [results[row] for row in rows]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Whether environments are wrapped so, alone or together; not known of those in worker processes."""
        rows = list(self._get_indices(indices))
        if any(isinstance(layer, wrapper_class) for layer in self._wrappers()):
            return [True] * len(rows)
        base = self.envs.unwrapped
        if isinstance(base, SyncVectorEnv):
            return [is_wrapped(base.envs[row], wrapper_class) for row in rows]
        return [False] * len(rows)

    def _pictures(self) -> list[Any]:
        pictures = self.envs.render()
        return [None] * self.num_envs if pictures is None else list(pictures)

    def _wrappers(self) -> list[VectorWrapper[Any, Any, Any, Any, Any]]:
        """The vector wrappers, from the outermost one."""
        layers, envs = [], self.envs
        while isinstance(envs, VectorWrapper):
            layers.append(envs)
            envs = envs.env
        return layers

    def _holder(self, name: str) -> VectorEnv[Any, Any, Any] | None:
        """What has an attribute for all environments: a vector wrapper, or a batch that is one itself."""
        base = self.envs.unwrapped
        layers: list[VectorEnv[Any, Any, Any]] = [*self._wrappers()]
        if not hasattr(base, "get_attr"):
            layers.append(base)
        if name.startswith("_"):
            return None
        return next((layer for layer in layers if _adds(layer, name)), None)


# Attributes of one environment, by the name that a vector environment has for them.
_SHARED = {
    "action_space": "single_action_space",
    "observation_space": "single_observation_space",
    "render_mode": "render_mode",
    "metadata": "metadata",
}


def _adds(layer: VectorEnv[Any, Any, Any], name: str) -> bool:
    """Whether an attribute is a layer's own, not what every vector environment has."""
    usual = VectorWrapper.__mro__
    return name in vars(layer) or any(name in vars(kind) for kind in type(layer).__mro__ if kind not in usual)


def _started(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    """The info of an environment that begins an episode, without what is told of the one before."""
    of_the_end = ("final_obs", "final_info", "episode")
    return {key: value for key, value in _own_info(infos, row).items() if key not in of_the_end}


def _own_info(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    return cast(dict[str, Any], _own(info_of(infos, row)))


def _recorded(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    """The `episode` of Gymnasium's vector `RecordEpisodeStatistics`, whose entries have no masks."""
    mask = infos.get("_episode")
    if mask is None or not mask[row]:
        return {}
    return {key: values[row].item() for key, values in infos["episode"].items() if not key.startswith("_")}


def _own(value: Any) -> Any:
    """A copy whose arrays nobody else writes to: agents keep what they are given."""
    if isinstance(value, Mapping):
        return {key: _own(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(_own(entry) for entry in value)
    return value.copy() if isinstance(value, np.ndarray) else value
