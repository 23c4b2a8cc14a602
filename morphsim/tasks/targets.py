"""Sets of targets: frames that schedules of known films reached, in fixed splits, with the schedules."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames
from morphsim.hashes import hash_arrays
from morphsim.suggest import did_you_mean
from morphsim.tasks.family import Split, Task

ASSETS = Path(__file__).parents[1] / "assets" / "targets"
"""Folder of the sets that are shipped."""

TASK, NAME, SPLIT, ACTIONS = "task", "name", "split", "actions"
"""Columns of a set besides the parameters of the films."""
_TEXTS = (TASK, NAME, SPLIT, ACTIONS)


@dataclass(frozen=True, eq=False, kw_only=True)
class TargetSet:
    """The targets of a task: last frames of films with random schedules, each of its own material.

    Targets that repeats of their own schedule do not come near to are not part of the set; see
    `morphsim.tasks.make_targets`.
    """

    task: str
    """Name of the task by whose environment they were made."""
    frames: NDArray[np.uint8]
    """(N, H, W) 0/1."""
    names: tuple[str, ...]
    """(N,) names, unique."""
    splits: tuple[Split, ...]
    """(N,) split of each target."""
    actions: tuple[NDArray[np.float32], ...]
    """N arrays (T, K): the actions that made each target."""
    materials: tuple[dict[str, Any], ...]
    """(N,) of each target the parameters that the task draws."""
    hash: str
    """SHA-256 of all that."""

    def __len__(self) -> int:
        return len(self.frames)

    def rows(self, split: Split) -> NDArray[np.int64]:
        """Numbers of the targets of a split.

        Raises:
            InputError: an unknown split.
        """
        if split not in get_args(Split):
            raise InputError(f"split is {split!r}; {did_you_mean(split, get_args(Split))}")
        return np.flatnonzero(np.array(self.splits) == split)

    def row(self, name: str) -> int:
        """The number of a target by its name.

        Raises:
            InputError: there is none.
        """
        if name not in self.names:
            raise InputError(f"there is no target {name!r}; {did_you_mean(name, self.names)}")
        return self.names.index(name)

    def name_of(self, frame: NDArray[np.uint8]) -> str | None:
        """The name of the target with this frame (H, W); None if no target has it."""
        return self._names_by_frame.get(_key(frame))

    @functools.cached_property
    def _names_by_frame(self) -> dict[bytes, str]:
        return {_key(frame): name for frame, name in zip(self.frames, self.names, strict=True)}


def _key(frame: NDArray[np.uint8]) -> bytes:
    return np.packbits(frame).tobytes()


def load_targets(task: Task) -> TargetSet:
    """Load the set of targets of a task, which is shipped.

    Raises:
        InputError: the file is missing or damaged, or not the one that the task names.
    """
    path = ASSETS / f"{task.targets}.h5"
    if not path.is_file():
        raise InputError(f"the targets of {task.name} are missing ({path}); install morphsim again")
    found = read_targets(path)
    if found.hash != task.targets_hash:
        raise InputError(
            f"the targets of {task.name} have the hash {found.hash}, but the task names {task.targets_hash}; "
            "install morphsim again"
        )
    return found


@functools.lru_cache(maxsize=8)
def read_targets(path: Path) -> TargetSet:
    """Read a set of targets.

    Raises:
        InputError: the file can't be read, or is not a set of targets.
    """
    return targets_of(read_frames(path), source=str(path))


def targets_of(frames: FrameSet, *, source: str) -> TargetSet:
    """The set of targets in a frame set, one frame of each trajectory.

    Raises:
        InputError: columns are missing or hold something else.
    """
    missing = [name for name in _TEXTS if name not in frames.recipes]
    if missing or frames.trajectories != len(frames):
        raise InputError(f"{source} is not a set of targets: it lacks {', '.join(missing) or 'frames'}")
    columns = {name: values[frames.trajectory] for name, values in frames.recipes.items()}
    names, splits = tuple(map(str, columns[NAME])), tuple(map(str, columns[SPLIT]))
    tasks = set(map(str, columns[TASK]))
    if len(tasks) != 1 or len(set(names)) < len(names) or not set(splits) <= set(get_args(Split)):
        raise InputError(f"{source} is not a set of targets: names or splits are wrong; make it again")
    drawn = [name for name in columns if name not in _TEXTS]
    # Everybody who reads the set shares its arrays.
    shown = frames.frames.copy()
    shown.flags.writeable = False
    return TargetSet(
        task=tasks.pop(),
        frames=shown,
        names=names,
        splits=splits,  # type: ignore[arg-type]
        actions=tuple(_actions(text, source) for text in columns[ACTIONS]),
        materials=tuple({name: columns[name][row].item() for name in drawn} for row in range(len(frames))),
        hash=hash_targets(frames),
    )


def hash_targets(frames: FrameSet) -> str:
    """SHA-256 of the frames and the columns of a set."""
    columns = {
        name: np.asarray(values, "S") if np.asarray(values).dtype.kind in "OU" else np.asarray(values)
        for name, values in frames.recipes.items()
    }
    return hash_arrays({"frames": frames.frames, **columns})


def _actions(text: object, source: str) -> NDArray[np.float32]:
    try:
        actions = np.array(json.loads(str(text)), np.float64)
    except (RecursionError, TypeError, ValueError) as error:
        raise InputError(f"{source} holds actions that can't be read ({error}); make it again") from error
    if actions.ndim != 2 or not actions.size or not (np.abs(actions) <= 1.0).all():
        raise InputError(f"{source} holds actions of the shape {actions.shape}; they must be (T, K), -1 to 1")
    single = actions.astype(np.float32)
    single.flags.writeable = False
    return single
