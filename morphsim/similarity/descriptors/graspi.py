"""GraSPI's descriptors of organic solar cells, by their published names."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.similarity.descriptors.connectivity import components
from morphsim.similarity.descriptors.exciton import interface_distance_map
from morphsim.similarity.descriptors.frames import Values, checked_frames, share
from morphsim.similarity.descriptors.tortuosity import shortest_paths
from morphsim.types import Boundary

_ABSORPTION_LENGTH = 100.0
_DIFFUSION_LENGTH = 10.0


def graspi_descriptors(frames: ArrayLike, *, boundary: Boundary) -> dict[str, NDArray[np.float64]]:
    """Compute GraSPI's two-phase descriptors, with its conventions.

    The anode (An) is the bottom electrode, at the last row, through which light enters; the cathode (Ca) is
    the top electrode. Pixels have 8 neighbours. Counts of pixels at an electrode include the node of the
    electrode itself. Here 1 is the donor, as everywhere in morphsim; GraSPI files have the donor as 0: pass
    `1 - frames` for those.

    Source: Wodo, Tirthapura, Chaudhary and Ganapathysubramanian, Org. Electron. 13 (2012) 1105,
    doi 10.1016/j.orgel.2012.03.007.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.

    Returns:
        22 arrays (N,) by name; fractions of an absent phase are 0.

    Raises:
        InputError: invalid frames or an unknown boundary.
    """
    checked = checked_frames(frames, boundary)
    height, width = checked.shape[1:]
    found = components(checked, boundary=boundary, connectivity=8)
    straight = np.nan_to_num(shortest_paths(checked, boundary=boundary, connectivity=8).straight_share)
    donors, acceptors = found.pixels.T
    distance = interface_distance_map(checked, boundary=boundary)
    near = (checked == 1) & (distance < _DIFFUSION_LENGTH)
    # Light that reaches each row from the anode.
    light = np.exp(-np.arange(height, 0, -1) / _ABSORPTION_LENGTH)
    complementary = found.complementary_pairs[:, 1]
    counted = {
        "STAT_n": donors + acceptors,
        "STAT_n_D": donors,
        "STAT_n_A": acceptors,
        "STAT_e": found.interface_pairs,
        "STAT_CC_D": found.count[:, 0],
        "STAT_CC_A": found.count[:, 1],
        "STAT_CC_D_An": found.connected_count[:, 0, 1],
        "STAT_CC_A_Ca": found.connected_count[:, 1, 0],
        "CT_e_conn": complementary,
        "CT_e_D_An": found.connected_interface_pixels[:, 0, 1],
        "CT_e_A_Ca": found.connected_interface_pixels[:, 1, 0],
        "CT_n_D_adj_An": np.count_nonzero(checked[:, -1] == 1, axis=1) + 1,
        "CT_n_A_adj_Ca": np.count_nonzero(checked[:, 0] == 0, axis=1) + 1,
    }
    shares: dict[str, Values] = {
        "ABS_f_D": donors / (height * width),
        "ABS_wf_D": np.count_nonzero(checked, axis=2) @ light / (height * width),
        "DISS_f10_D": share(np.count_nonzero(near, axis=(1, 2)), donors),
        "DISS_wf10_D": np.where(near, _dissociation(distance), 0.0).sum(axis=(1, 2)) / np.maximum(donors, 1),
        "CT_f_e_conn": share(complementary, found.interface_pairs),
        "CT_f_conn_D_An": share(found.connected_pixels[:, 0, 1], donors),
        "CT_f_conn_A_Ca": share(found.connected_pixels[:, 1, 0], acceptors),
        "CT_f_D_tort1": straight[:, 1],
        "CT_f_A_tort1": straight[:, 2],
    }
    return {name: values.astype(np.float64) for name, values in counted.items()} | shares


def _dissociation(distance: Values) -> Values:
    """GraSPI's weight of an exciton by its distance from the interface, a fitted Gaussian."""
    return np.asarray(6.265 * np.exp(-(((distance + 23.0) / 17.17) ** 2)))
