from __future__ import annotations

import doctest
from dataclasses import FrozenInstanceError
from pathlib import Path

import h5py
import numpy as np
import pytest
from descriptor_frames import blobs, boundaries, frames
from hypothesis import given, settings
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.similarity.descriptors import (
    DescriptorTable,
    area_fraction,
    connected_share,
    describe,
    graspi_descriptors,
    interface_distance,
    mean_wavenumber,
    table,
    tortuosity,
)
from morphsim.types import Boundary


@settings(max_examples=40, deadline=None)
@given(sample=frames, boundary=boundaries)
def test_the_table_is_finite_and_blind_to_mirroring(sample: NDArray[np.uint8], boundary: Boundary) -> None:
    found = describe(sample, boundary=boundary)
    assert 20 <= len(found.names) <= 40 and len(set(found.names)) == len(found.names)
    matrix = found.to_matrix()
    assert matrix.shape == (2, len(found.names)) and np.isfinite(matrix).all()
    mirrored = describe(sample[:, :, ::-1], boundary=boundary).to_matrix()
    np.testing.assert_allclose(mirrored, matrix, rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(sample=frames)
def test_a_periodic_film_may_be_rolled(sample: NDArray[np.uint8]) -> None:
    rolled = np.roll(sample, 3, axis=2)
    np.testing.assert_allclose(
        describe(rolled, boundary="periodic").to_matrix(),
        describe(sample, boundary="periodic").to_matrix(),
        rtol=1e-9,
        atol=1e-12,
    )


@settings(max_examples=30, deadline=None)
@given(sample=frames, boundary=boundaries)
def test_exchanged_phases_and_electrodes_exchange_columns(
    sample: NDArray[np.uint8], boundary: Boundary
) -> None:
    found = describe(sample, boundary=boundary).to_dict()
    exchanged = describe(1 - sample, boundary=boundary)
    upside_down = describe(sample[:, ::-1], boundary=boundary)
    for name, values in found.items():
        other = _exchanged(name, "donor", "acceptor")
        if other != name and other in found and not name.startswith("complementary"):
            np.testing.assert_allclose(exchanged[other], values, rtol=1e-9, atol=1e-12)
        flipped = _exchanged(name, "top", "bottom")
        if "slice" not in name:
            np.testing.assert_allclose(upside_down[flipped], values, rtol=1e-9, atol=1e-12)


def _exchanged(name: str, first: str, second: str) -> str:
    return name.replace(first, second) if first in name else name.replace(second, first)


def test_columns_are_the_descriptors() -> None:
    sample = blobs(10, 24, 50)
    for boundary in ("periodic", "no-flux"):
        found = describe(sample, boundary=boundary)
        assert np.array_equal(found["area_fraction"], area_fraction(sample, boundary=boundary))
        np.testing.assert_allclose(found["mean_wavenumber"], mean_wavenumber(sample, boundary=boundary))
        share = connected_share(sample, boundary=boundary)
        assert np.array_equal(found["connected_donor_bottom"], share[:, 1])
        crooked = np.nan_to_num(tortuosity(sample, boundary=boundary))
        assert np.array_equal(found["tortuosity_acceptor_top"], crooked[:, 2])
        distance = interface_distance(sample, boundary=boundary)
        assert np.array_equal(found["interface_distance_donor"], distance[:, 0])
        slices = np.stack([found[f"donor_in_slice_{number}"] for number in range(5)], axis=1)
        np.testing.assert_allclose(slices.mean(axis=1), found["area_fraction"])


def test_a_frame_has_the_same_row_in_any_batch() -> None:
    sample = blobs(10, 20, 33)
    whole = describe(sample, boundary="periodic").to_matrix()
    alone = [describe(sample[at : at + 1], boundary="periodic").to_matrix() for at in range(10)]
    np.testing.assert_allclose(np.concatenate(alone), whole, rtol=1e-12, atol=1e-14)
    assert np.array_equal(describe(sample.astype(bool), boundary="periodic").to_matrix(), whole)


def test_frames_of_one_phase_are_filled_as_documented() -> None:
    found = describe(np.ones((1, 6, 8)), boundary="periodic")
    expected = {
        "area_fraction": 1.0,
        "interface_length": 0.0,
        "mean_wavenumber": np.pi / 6,
        "mean_chord_x_donor": 8.0,
        "mean_chord_x_acceptor": 0.0,
        "connected_donor_top": 1.0,
        "connected_acceptor_top": 0.0,
        "tortuosity_donor_top": 1.0,
        "tortuosity_acceptor_top": 0.0,
        "straight_acceptor_top": 0.0,
        "complementary_donor_top": 0.0,
        "interface_distance_donor": 10.0,
        "interface_distance_acceptor": 0.0,
    }
    assert {name: float(found[name][0]) for name in expected} == pytest.approx(expected)


def test_the_table_by_names() -> None:
    found = describe(blobs(3, 8, 9), boundary="no-flux")
    assert isinstance(found, DescriptorTable) and len(found) == 3
    assert list(found.to_dict()) == list(found.names)
    matrix = found.to_matrix()
    matrix[:] = 0.0
    assert found["area_fraction"].any()
    with pytest.raises(InputError, match="'colour' is unknown"):
        found["colour"]
    with pytest.raises(FrozenInstanceError):
        found.names = ()  # type: ignore[misc]
    none = describe(np.zeros((0, 8, 9), np.uint8), boundary="no-flux")
    assert none.names == found.names and none.to_matrix().shape == (0, len(found.names))


def test_the_example_runs() -> None:
    result = doctest.testmod(table)
    assert result.attempted > 0 and result.failed == 0


def test_graspi_by_hand() -> None:
    # Donor columns on the left, acceptor on the right: 4 rows of 3 + 3 pixels.
    frame = np.tile([1, 1, 1, 0, 0, 0], (1, 4, 1))
    found = {name: values[0] for name, values in graspi_descriptors(frame, boundary="no-flux").items()}
    assert len(found) == 22
    assert (found["STAT_n"], found["STAT_n_D"], found["STAT_e"]) == (24, 12, 4)
    assert (found["CT_e_conn"], found["CT_e_D_An"], found["CT_n_D_adj_An"]) == (4, 4, 4)
    assert (found["DISS_f10_D"], found["CT_f_D_tort1"], found["CT_f_e_conn"]) == (1.0, 1.0, 1.0)
    light = 3 / 24 * sum(np.exp(-step / 100) for step in (1, 2, 3, 4))
    assert found["ABS_wf_D"] == pytest.approx(light)
    weights = [6.265 * np.exp(-(((distance + 23.0) / 17.17) ** 2)) for distance in (0.5, 1.5, 2.5)]
    assert found["DISS_wf10_D"] == pytest.approx(np.mean(weights))
    twice = graspi_descriptors(frame, boundary="periodic")
    assert twice["STAT_e"].tolist() == [8.0]
    empty = graspi_descriptors(np.zeros((1, 3, 3)), boundary="no-flux")
    assert all(np.isfinite(values).all() for values in empty.values())


SHARES = {"ABS_f_D", "ABS_wf_D", "DISS_f10_D", "DISS_wf10_D", "CT_f_e_conn"} | {
    f"CT_f_{name}" for name in ("conn_D_An", "conn_A_Ca", "D_tort1", "A_tort1")
}


def test_published_descriptors_of_published_frames(shared_data: Path) -> None:
    with h5py.File(shared_data / "opv_frames.h5") as file:
        # GraSPI writes the donor as 0.
        sample = 1 - file["frames"][:]
        published = {name: values[:] for name, values in file["descriptors"].items()}
    found = graspi_descriptors(sample, boundary="no-flux")
    assert set(found) == set(published) - {"JSC"} and set(found) > SHARES
    for name, values in found.items():
        # Shares are published with six digits, counts in full.
        np.testing.assert_allclose(
            values, published[name], rtol=0, atol=6e-7 if name in SHARES else 0, err_msg=name
        )
