"""Published frames of annealed films: reading them, and what is counted on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from morphsim.errors import InputError
from morphsim.frames.hdf5 import find_dataset, open_hdf5
from morphsim.frames.hdf5_values import read_values

Array = np.ndarray[Any, np.dtype[Any]]

COLUMNS = ("blend_ratio", "chi", "time")


@dataclass(frozen=True)
class Frames:
    """Interface length of N binary frames, and how their films were made.

    Attributes:
        blend_ratio: mean volume fraction of the donor, (N,).
        chi: interaction parameter, (N,).
        time: annealing time in the unit of the file, (N,).
        interface: `interface_length` of each frame [pixels], (N,).
        shape: (H, W) of every frame.
    """

    blend_ratio: Array
    chi: Array
    time: Array
    interface: Array
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.time)

    def where(self, chosen: Array) -> Frames:
        """The frames that `chosen`, (N,) bool, names."""
        return Frames(
            self.blend_ratio[chosen],
            self.chi[chosen],
            self.time[chosen],
            self.interface[chosen],
            self.shape,
        )

    def films(self) -> list[tuple[float, float]]:
        """Each (chi, blend ratio) once, in order."""
        return sorted(
            {(float(chi), float(blend)) for chi, blend in zip(self.chi, self.blend_ratio, strict=True)}
        )


def interface_length(frame: Array) -> int:
    """Count the pairs of neighbouring pixels (left-right, up-down) of different phase in (H, W)."""
    phase = np.asarray(frame).astype(bool)
    across = np.count_nonzero(phase[:, 1:] != phase[:, :-1])
    return int(across + np.count_nonzero(phase[1:] != phase[:-1]))


def read_frames(path: str | Path) -> Frames:
    """Read `frames` (N, H, W) of 0 and 1, and the columns `blend_ratio`, `chi` and `time` (N,), from HDF5.

    Raises:
        InputError: the file is missing, is no HDF5, or lacks or garbles one of these.
    """
    path = Path(path)
    with open_hdf5(path) as file:
        found = {name: find_dataset(file, name) for name in ("frames", *COLUMNS)}
        if missing := [name for name, dataset in found.items() if dataset is None]:
            raise InputError(f"it has no dataset {', '.join(missing)}; it needs frames and {COLUMNS}")
        values = {name: read_values(dataset) for name, dataset in found.items() if dataset is not None}
    frames = values["frames"]
    columns = {name: np.asarray(values[name], dtype=np.float64) for name in COLUMNS}
    if frames.ndim != 3 or min(frames.shape) < 1 or frames.shape[1] < 2 or frames.shape[2] < 2:
        raise InputError(f"{path}: frames has shape {frames.shape}; it must be (N, H, W), H and W at least 2")
    if not np.isin(frames, (0, 1)).all():
        raise InputError(f"{path}: frames holds {np.unique(frames)[-1]}; every pixel must be 0 or 1")
    for name, low, high in (("blend_ratio", 0.1, 0.9), ("chi", 2.0, 6.0), ("time", 0.0, np.inf)):
        column = columns[name]
        if column.shape != frames.shape[:1]:
            raise InputError(f"{path}: {name} has shape {column.shape}; it must be {frames.shape[:1]}")
        bad = ~(np.isfinite(column) & (column > low) & (column < high))
        if bad.any():
            raise InputError(
                f"{path}: {name} holds {column[bad][0]:g}; it must lie between {low:g} and {high:g}"
            )
    interface = np.array([interface_length(frame) for frame in frames])
    if (interface < 1).any():
        raise InputError(f"{path}: frame {int(interface.argmin())} has no interface; leave such frames out")
    return Frames(
        blend_ratio=columns["blend_ratio"].round(4),
        chi=columns["chi"].round(4),
        time=columns["time"],
        interface=interface,
        shape=(int(frames.shape[1]), int(frames.shape[2])),
    )
