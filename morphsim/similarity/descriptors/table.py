"""All scalar descriptors of frames as one table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from morphsim.errors import InputError
from morphsim.similarity.descriptors.chords import chord_lengths
from morphsim.similarity.descriptors.connectivity import components
from morphsim.similarity.descriptors.exciton import interface_distance
from morphsim.similarity.descriptors.frames import (
    PHASE_ELECTRODES,
    Connectivity,
    Values,
    checked_frames,
    share,
)
from morphsim.similarity.descriptors.interface import interface_components
from morphsim.similarity.descriptors.profile import composition_profile
from morphsim.similarity.descriptors.tortuosity import shortest_paths
from morphsim.similarity.descriptors.wavenumber import fundamental_wavenumber, mean_wavenumber
from morphsim.suggest import did_you_mean
from morphsim.types import Boundary

_SLICES = 5
_PHASES = ("donor", "acceptor")


@dataclass(frozen=True, eq=False)
class DescriptorTable:
    """A row for each frame and a named column for each descriptor: `table["area_fraction"]`."""

    names: tuple[str, ...]
    """(D,) names of the columns, in order."""
    values: Values
    """(N, D), finite."""

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Values:
        if name not in self.names:
            raise InputError(f"descriptor {name!r} is unknown; {did_you_mean(name, self.names)}")
        return np.asarray(self.values[:, self.names.index(name)])

    def to_matrix(self) -> Values:
        """Return (N, D) float64, columns in the order of `names`."""
        return self.values.copy()

    def to_dict(self) -> dict[str, Values]:
        """Return the columns by name, for example for a pandas DataFrame."""
        return {name: self[name] for name in self.names}


def describe(frames: ArrayLike, *, boundary: Boundary, connectivity: Connectivity = 4) -> DescriptorTable:
    """Compute all scalar descriptors of this package.

    None of them changes when a frame is mirrored left and right, or when a periodic frame is rolled.
    Undefined values are filled in: 0 for the chords and distances of an absent phase, for fractions of an
    absent phase, and for the tortuosity and straight share of a phase that does not reach the electrode (no
    film has a tortuosity below 1); in a frame of one phase, the smallest wavenumber of the frame, and its
    diagonal as the distance to the interface.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.
        connectivity: 4, or 8 to make pixels that touch at a corner neighbours too.

    Raises:
        InputError: invalid frames, an unknown boundary or connectivity.

    Examples:
        >>> import numpy as np
        >>> stripes = np.tile([1, 1, 0, 0], (1, 8, 4))
        >>> table = describe(stripes, boundary="periodic")
        >>> float(table["area_fraction"][0]), float(table["mean_chord_x_donor"][0])
        (0.5, 2.0)
    """
    checked = checked_frames(frames, boundary)
    height, width = checked.shape[1:]
    parts = components(checked, boundary=boundary, connectivity=connectivity)
    paths = shortest_paths(checked, boundary=boundary, connectivity=connectivity)
    interface = interface_components(checked, boundary=boundary)
    wavenumber = mean_wavenumber(checked, boundary=boundary)
    least = fundamental_wavenumber((height, width), boundary=boundary)
    columns: dict[str, Values] = {
        "area_fraction": parts.pixels[:, 0] / (height * width),
        "interface_length": interface.sum(axis=1),
        "interface_x": interface[:, 0],
        "interface_depth": interface[:, 1],
        "mean_wavenumber": np.where(np.isnan(wavenumber), least, wavenumber),
        "donor_at_top": np.count_nonzero(checked[:, 0], axis=1) / width,
        "donor_at_bottom": np.count_nonzero(checked[:, -1], axis=1) / width,
    }
    profile = composition_profile(checked, boundary=boundary, bins=_SLICES)
    columns |= {f"donor_in_slice_{number}": profile[:, number] for number in range(_SLICES)}
    chords = np.nan_to_num(chord_lengths(checked, boundary=boundary).mean)
    for axis, direction in enumerate(("x", "depth")):
        columns |= {f"mean_chord_{direction}_{phase}": chords[:, axis, p] for p, phase in enumerate(_PHASES)}
    columns |= {f"components_{phase}": parts.count[:, p].astype(float) for p, phase in enumerate(_PHASES)}
    connected = share(parts.connected_pixels, parts.pixels[:, :, None]).reshape(-1, 4)
    by_electrode = {
        "connected": connected,
        "tortuosity": np.nan_to_num(paths.tortuosity),
        "straight": np.nan_to_num(paths.straight_share),
    }
    for name, values in by_electrode.items():
        columns |= {f"{name}_{where}": values[:, at] for at, where in enumerate(PHASE_ELECTRODES)}
    complementary = share(parts.complementary_pairs, parts.interface_pairs[:, None])
    columns["complementary_donor_top"] = complementary[:, 0]
    columns["complementary_donor_bottom"] = complementary[:, 1]
    distance = np.nan_to_num(interface_distance(checked, boundary=boundary), posinf=math.hypot(height, width))
    columns |= {f"interface_distance_{phase}": distance[:, p] for p, phase in enumerate(_PHASES)}
    return DescriptorTable(tuple(columns), np.stack(list(columns.values()), axis=1))
