"""Common parts of all exports: units, names of fields, and checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import check_positive
from morphsim.errors import InputError
from morphsim.simulator.record import Snapshot
from morphsim.simulator.units import Units

FIELDS = {
    "donor": "volume fraction of the donor",
    "acceptor": "volume fraction of the acceptor",
    "solvent": "volume fraction of the solvent",
    "share": "donor share of the solids",
}
"""The exported fields, each a property of `Snapshot`, with a description."""


@dataclass(frozen=True)
class Scales:
    """Factors that convert simulated lengths and times for an export, and the resulting units.

    Attributes:
        length: factor of a length in h0.
        length_unit: unit of the exported length.
        time: factor of a time in h0^2/D.
        time_unit: unit of the exported time.
    """

    length: float = 1.0
    length_unit: str = "h0"
    time: float = 1.0
    time_unit: str = "h0^2/D"

    @classmethod
    def of(cls, units: Units | None) -> Scales:
        """Nanometres and seconds if `units` are given, else the units of the simulation."""
        if units is None:
            return cls()
        return cls(length=units.length_nm, length_unit="nm", time=units.time_s, time_unit="s")


def check_export(path: str | Path, snapshots: Sequence[Snapshot], *, suffix: str, width: float) -> Path:
    """Check that snapshots can be exported before anything is written.

    Args:
        path: the file to write.
        snapshots: of one film.
        suffix: of the format.
        width: of the film [h0].

    Returns:
        The path.

    Raises:
        InputError: a name with another suffix, or as for `check_series`.
    """
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise InputError(f"{path} does not end in {suffix}; choose a name such as film{suffix}")
    check_series(snapshots, width=width)
    return path


def check_series(snapshots: Sequence[Snapshot], *, width: float) -> None:
    """Check that snapshots form a time series of one film.

    Raises:
        InputError: no snapshot, snapshots of different shapes, fields that are not finite or lack solids,
            a time that does not increase, or a thickness or width that is not positive.
    """
    check_positive("width", width, "a positive length in h0")
    if not snapshots:
        raise InputError("there is no snapshot to export; give at least one")
    before = -math.inf
    for number, snapshot in enumerate(snapshots):
        if snapshot.fields.shape != snapshots[0].fields.shape:
            raise InputError(
                f"snapshot {number} has fields of the shape {snapshot.fields.shape}, snapshot 0 of "
                f"{snapshots[0].fields.shape}; export films one by one"
            )
        if not np.isfinite(snapshot.fields).all():
            raise InputError(f"snapshot {number} holds NaN or infinite values; leave it out")
        if not (snapshot.fields.sum(axis=0) > 0.0).all():
            raise InputError(f"snapshot {number} has cells without any solids, which have no donor share")
        if not (math.isfinite(snapshot.thickness) and snapshot.thickness > 0.0):
            raise InputError(f"snapshot {number} is {snapshot.thickness!r} h0 thick; it must be positive")
        if not (math.isfinite(snapshot.time) and snapshot.time > before):
            raise InputError(
                f"snapshot {number} has the time {snapshot.time!r}, after {before:g}; "
                "snapshots must be in the order of time"
            )
        before = snapshot.time


def upwards(snapshot: Snapshot, name: str) -> NDArray[np.float32]:
    """A field (H, W) float32 whose first row lies on the substrate, so that height increases with the row."""
    field: NDArray[np.float32] = getattr(snapshot, name)
    return np.ascontiguousarray(field[::-1], np.float32)
