"""Binary frames of many films, with their metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_choice, check_fraction, check_shape
from morphsim.errors import InputError
from morphsim.limits import MOST_FILMS
from morphsim.simulator.processes import PROCESSES
from morphsim.types import Boundary

Column = NDArray[Any]

RESERVED_NAMES = frozenset({"frames", "recipes", "notes"})
UNKNOWN = "unknown"
"""The process of frames of unknown origin."""
SCHEDULE = "schedule"
"""The recipe column of a film whose knobs have schedules: these as TOML."""
CHAIN = "chain"
"""The process of films that went through several; the columns `stage` and `process` name that of a frame."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameSet:
    """Frames of T films (trajectories), checked when it is built.

    An unknown number is NaN, an unknown text is empty.

    Raises:
        InputError: inconsistent shapes, values or trajectories.
    """

    frames: NDArray[np.uint8]
    """(N, H, W) 0/1, 1 = donor; row 0 is the free surface, the last row lies on the substrate. A film of
    several phases or materials has a channel for each, (N, C, H, W), 1 where it is present."""
    columns: Mapping[str, Column]
    """Values per frame, each (N,): always `trajectory` (0..T-1), usually `time`, `seed` and `thickness`."""
    recipes: Mapping[str, Column] = field(default_factory=dict)
    """Values per trajectory, each (T,): a column of numbers or texts for every recipe parameter."""
    process: str = UNKNOWN
    """How the films were made: one of `morphsim.simulator.PROCESSES`, `chain` for several in turn (see
    `morphsim.frames.stages`), or `unknown`."""
    boundary: Boundary = "no-flux"
    """Boundary condition at the left and right ends; only `periodic` frames may be rolled."""
    threshold: float = 0.5
    """Donor share at which the frames were binarised."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of the columns, by name."""
    cells: tuple[int, int] | None = None
    """(h, w) of the solver's grid; None if films differ in it, or if it is unknown."""

    def __post_init__(self) -> None:
        _check_frames(self.frames)
        check_choice("process", self.process, stated_processes())
        check_choice("boundary", self.boundary, get_args(Boundary))
        check_fraction("threshold", self.threshold)
        if self.cells is not None:
            object.__setattr__(self, "cells", check_shape(self.cells, "cells"))
        columns = {name: _checked_column(name, values, len(self)) for name, values in self.columns.items()}
        if "trajectory" not in columns:
            raise InputError("frames need a column `trajectory` that gives the film of each frame")
        columns["trajectory"] = _checked_trajectory(columns["trajectory"])
        object.__setattr__(self, "columns", columns)
        lengths = {np.shape(values)[:1] for values in self.recipes.values()}
        count = next(iter(lengths))[0] if len(lengths) == 1 and () not in lengths else None
        if lengths and count is None:
            raise InputError("the recipe columns differ in length; each needs one value per trajectory")
        count = int(self.trajectory.max()) + 1 if count is None else count
        if self.trajectory.max() >= count:
            raise InputError(
                f"trajectory {self.trajectory.max()} has no recipe; the recipes number 0 to {count - 1}"
            )
        if count > max(len(self), MOST_FILMS):
            raise InputError(
                f"trajectories are numbered up to {count - 1}, and there are {len(self)} frames; number them "
                "from 0 without gaps, as numpy.unique(..., return_inverse=True) does"
            )
        recipes = {name: _checked_column(name, values, count) for name, values in self.recipes.items()}
        object.__setattr__(self, "recipes", recipes)

    def __len__(self) -> int:
        return int(self.frames.shape[0])

    def __repr__(self) -> str:
        height, width = self.shape
        channels = f" in {self.channels} channels" if self.frames.ndim == 4 else ""
        return (
            f"FrameSet({len(self)} frames of {height} x {width}{channels}, {self.trajectories} trajectories, "
            f"process={self.process!r}, boundary={self.boundary!r})"
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of a frame."""
        return int(self.frames.shape[-2]), int(self.frames.shape[-1])

    @property
    def channels(self) -> int:
        """C, the channels of a frame: 1 for (N, H, W)."""
        return int(self.frames.shape[1]) if self.frames.ndim == 4 else 1

    @property
    def trajectory(self) -> NDArray[np.int64]:
        """Index of each frame's film, (N,)."""
        return self.columns["trajectory"]

    @property
    def trajectories(self) -> int:
        """T, the number of films."""
        return int(next(iter(self.recipes.values())).size) if self.recipes else int(self.trajectory.max()) + 1

    def select(self, indices: ArrayLike) -> FrameSet:
        """Select frames, in the given order.

        Trajectories without a selected frame are dropped; the others are renumbered in their old order.

        Args:
            indices: (K,) frame numbers, or an (N,) bool mask.

        Raises:
            InputError: no frame is selected, or an index is out of range.
        """
        chosen = np.asarray(indices)
        if chosen.dtype == bool and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
            raise InputError(
                f"select got {chosen.dtype} indices of shape {chosen.shape}; "
                f"give at least one frame number, or a bool mask of shape ({len(self)},)"
            )
        if chosen.min() < 0 or chosen.max() >= len(self):
            raise InputError(
                f"frames {chosen.min()} to {chosen.max()} are asked for; they number 0 to {len(self) - 1}"
            )
        kept, renumbered = np.unique(self.trajectory[chosen], return_inverse=True)
        columns = {name: values[chosen] for name, values in self.columns.items()}
        columns["trajectory"] = renumbered.astype(np.int64)
        return FrameSet(
            frames=self.frames[chosen],
            columns=columns,
            recipes={name: values[kept] for name, values in self.recipes.items()},
            process=self.process,
            boundary=self.boundary,
            threshold=self.threshold,
            units=self.units,
            cells=self.cells,
        )

    @staticmethod
    def concatenate(sets: Sequence[FrameSet]) -> FrameSet:
        """Concatenate frame sets; each keeps its own trajectories.

        A column that some sets lack is filled with NaN or empty text there. Sets of different processes
        become `unknown`, and different cells None. Periodic and no-flux sets together become `no-flux`, since
        not all frames may be rolled.

        Raises:
            InputError: no set is given, or their shapes, channels, thresholds or units differ.
        """
        if not sets:
            raise InputError("there is nothing to concatenate; give at least one frame set")
        units: dict[str, str] = {}
        for each in sets:
            if each.shape != sets[0].shape:
                raise InputError(f"frames of {each.shape} can't join {sets[0].shape}; resize them first")
            if each.frames.shape[1:] != sets[0].frames.shape[1:]:
                raise InputError(
                    f"frames {_axes(each)} of the shape {each.frames.shape} can't join frames "
                    f"{_axes(sets[0])} of the shape {sets[0].frames.shape}; give all the same channels"
                )
            if each.threshold != sets[0].threshold:
                raise InputError(
                    f"frames binarised at {each.threshold:g} and at {sets[0].threshold:g} can't be joined; "
                    "make them with one threshold"
                )
            for name, unit in each.units.items():
                if units.setdefault(name, unit) != unit:
                    raise InputError(f"{name} is in {unit!r} and in {units[name]!r}; convert one of them")
        starts = np.cumsum([0, *(each.trajectories for each in sets)])
        columns = _join_columns([each.columns for each in sets], [len(each) for each in sets])
        columns["trajectory"] = np.concatenate(
            [each.trajectory + start for each, start in zip(sets, starts, strict=False)]
        )
        return FrameSet(
            frames=np.concatenate([each.frames for each in sets]),
            columns=columns,
            recipes=_join_columns([each.recipes for each in sets], [each.trajectories for each in sets]),
            process=sets[0].process if len({each.process for each in sets}) == 1 else UNKNOWN,
            boundary="periodic" if all(each.boundary == "periodic" for each in sets) else "no-flux",
            threshold=sets[0].threshold,
            units=units,
            cells=sets[0].cells if len({each.cells for each in sets}) == 1 else None,
        )


def stated_processes() -> tuple[str, ...]:
    """What a frame file may say of how its films were made."""
    return (*PROCESSES, CHAIN, UNKNOWN)


def is_column_name(name: str) -> bool:
    """Whether a column of a frame file can have this name."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name not in RESERVED_NAMES | {""} and name[0] != "." and not {"/", "\0"} & set(name)


def _axes(frame_set: FrameSet) -> str:
    return "(N, C, H, W)" if frame_set.frames.ndim == 4 else "(N, H, W)"


def _check_frames(frames: Any) -> None:
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8 or frames.ndim not in (3, 4):
        found = f"{frames.dtype} of shape {frames.shape}" if isinstance(frames, np.ndarray) else type(frames)
        raise InputError(f"frames are {found}; they must be a uint8 array of shape (N, H, W) or (N, C, H, W)")
    if frames.size == 0:
        raise InputError(f"frames have the shape {frames.shape}; there must be at least one pixel")
    if frames.max() > 1:
        raise InputError(f"frames hold the value {frames.max()}; only 0 and 1 (donor) are allowed")


def _checked_column(name: str, values: Any, length: int) -> Column:
    column = np.asarray(values)
    if not is_column_name(name):
        raise InputError(f"a column can't be named {name!r}; use letters, digits and underscores")
    if column.shape != (length,):
        raise InputError(f"column {name} has the shape {column.shape}; it must be ({length},)")
    if column.dtype.kind not in "biufU":
        raise InputError(f"column {name} holds {column.dtype} values; use numbers or text")
    if column.dtype.kind == "f" and np.isinf(column).any():
        raise InputError(f"column {name} holds an infinite value; use NaN for a value that is not known")
    return column


def _checked_trajectory(column: Column) -> NDArray[np.int64]:
    if column.dtype.kind not in "iu":
        raise InputError(f"column trajectory holds {column.dtype} values; it must hold integers")
    if column.min() < 0:
        raise InputError(f"column trajectory holds {column.min()}; trajectories count from 0")
    if column.max() > np.iinfo(np.int64).max:
        raise InputError(f"column trajectory holds {column.max()}; number the films from 0 without gaps")
    return column.astype(np.int64)


def _join_columns(tables: Sequence[Mapping[str, Column]], lengths: Sequence[int]) -> dict[str, Column]:
    joined: dict[str, Column] = {}
    for name in dict.fromkeys(name for table in tables for name in table):
        kinds = {table[name].dtype.kind == "U" for table in tables if name in table}
        if len(kinds) > 1:
            raise InputError(f"column {name} holds numbers in one set and text in another; rename one")
        unknown: Any = "" if kinds == {True} else np.nan
        joined[name] = np.concatenate(
            [
                table[name] if name in table else np.full(length, unknown)
                for table, length in zip(tables, lengths, strict=True)
            ]
        )
    return joined
