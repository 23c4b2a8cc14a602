"""Infos of vector environments: one environment's part, and the changes when some of them are reset."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from morphsim.rewards.infos import StepInfos
from morphsim.rewards.vector.batching import info_of, observation_of


class VectorStepInfos(StepInfos):
    """The infos of a step of some environments; each dict is made only when it is read.

    Args:
        infos: of the vector environment.
        indices: (B,) indices of the environments.
        ended: (N,) the environments whose episode ended in the same step, and whose info is thus final.
    """

    def __init__(self, infos: Mapping[str, Any], indices: Sequence[int], ended: NDArray[np.bool_]) -> None:
        # Wrappers outside add their entries to the very dicts that they are given.
        self._present, self._final = dict(infos), dict(infos.get("final_info", {}))
        self._indices, self._ended = list(indices), ended

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, row: int | slice) -> Any:
        chosen = self._indices[row]
        return [self._info(index) for index in chosen] if isinstance(chosen, list) else self._info(chosen)

    def numbers(self, key: str) -> NDArray[np.float64]:
        """The numbers (B,) under `key`; NaN where an info has none."""
        found = np.full(len(self), np.nan)
        indices = np.array(self._indices, np.int64)
        ended = self._ended[indices]
        for infos, rows in ((self._present, ~ended), (self._final, ended)):
            if key not in infos or not rows.any():
                continue
            column = np.asarray(infos[key])
            if column.ndim != 1 or column.dtype.kind not in "biuf":
                return super().numbers(key)
            known = np.asarray(infos.get(f"_{key}", np.ones(len(column), np.bool_)))[indices[rows]]
            found[rows] = np.where(known, column[indices[rows]], np.nan)
        return found

    def _info(self, index: int) -> dict[str, Any]:
        return info_of(self._final if self._ended[index] else self._present, index)


def end_episodes(
    envs: VectorEnv[Any, Any, Any],
    observations: Any,
    infos: Mapping[str, Any],
    indices: Sequence[int],
) -> dict[str, Any]:
    """Turn the present observations and infos of some environments into final ones, as SAME_STEP has them.

    Args:
        envs: the vector environment.
        observations: after the step.
        infos: likewise; they stay as they are.
        indices: of the environments whose episodes end.

    Returns:
        The infos with `final_obs` and `final_info` of these environments, and no other entry for them.
    """
    changed = _without(infos, indices)
    for index in indices:
        # The environment may reuse the array of its observations.
        final = copy.deepcopy(observation_of(observations, index))
        ending = {"final_obs": final, "final_info": _entries(infos, index)}
        changed = envs._add_info(changed, ending, index)
    return changed


def begin_episodes(
    envs: VectorEnv[Any, Any, Any],
    infos: dict[str, Any],
    reset_infos: Mapping[str, Any],
    indices: Sequence[int],
) -> dict[str, Any]:
    """Add the infos of environments that were reset to those of the step before."""
    for index in indices:
        infos = envs._add_info(infos, _entries(reset_infos, index), index)
    return infos


def _without(infos: Mapping[str, Any], indices: Sequence[int]) -> dict[str, Any]:
    """A copy of infos without the entries of some environments; keys that no other has are left out."""
    kept: dict[str, Any] = {}
    for key, value in infos.items():
        mask = infos.get(f"_{key}")
        if key.startswith("_") and key[1:] in infos:
            continue
        if mask is None:
            kept[key] = value
            continue
        mask = np.array(mask)
        mask[list(indices)] = False
        if not mask.any():
            continue
        kept[f"_{key}"] = mask
        if isinstance(value, Mapping):
            kept[key] = _without(value, indices)
        else:
            kept[key] = np.array(value)
            kept[key][list(indices)] = None if kept[key].dtype == object else 0
    return kept


def _entries(infos: Mapping[str, Any], index: int) -> dict[str, Any]:
    """As `info_of`, but numbers keep their types, so that arrays made of them do."""
    entries: dict[str, Any] = {}
    for key, value in info_of(infos, index).items():
        column = infos[key]
        if isinstance(column, Mapping):
            entries[key] = _entries(column, index)
        elif isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "iuf":
            entries[key] = column[index]
        else:
            entries[key] = value
    return entries
