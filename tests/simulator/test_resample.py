"""Fields between the solver's grid and frames: means, bounds, symmetries and exactness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morphsim.errors import InputError
from morphsim.simulator import resample_fields

SIDES = st.integers(1, 24)
SHAPES = st.tuples(SIDES, SIDES)
BOUNDARIES = st.sampled_from(["periodic", "no-flux"])
SHARES = st.floats(0.0, 1.0, width=32)
ANY = hnp.array_shapes(min_dims=2, max_dims=4, max_side=12)


def shares(shape: Any = ANY) -> Any:
    return hnp.arrays(np.float64, shape, elements=SHARES)


@given(fields=shares(), shape=SHAPES, boundary=BOUNDARIES, depth=BOUNDARIES)
def test_values_stay_within_those_of_the_old_cells(
    fields: Any, shape: tuple[int, int], boundary: Any, depth: Any
) -> None:
    found = resample_fields(fields, shape, boundary=boundary, depth_boundary=depth)
    assert found.shape == (*fields.shape[:-2], *shape)
    assert found.dtype == fields.dtype
    assert found.min() >= fields.min() - 1e-14
    assert found.max() <= fields.max() + 1e-14


@given(fields=shares((2, 7, 9)), shape=SHAPES, boundary=BOUNDARIES)
def test_fractions_still_leave_room_for_the_solvent(fields: Any, shape: Any, boundary: Any) -> None:
    fields = fields / np.maximum(fields.sum(axis=0), 1.0)
    found = resample_fields(fields, shape, boundary=boundary)
    assert found.min() >= 0.0
    assert found.sum(axis=0).max() <= 1.0 + 1e-14


@given(data=st.data(), old=SHAPES, boundary=BOUNDARIES, depth=BOUNDARIES)
def test_the_mean_is_kept_by_averages_and_by_whole_multiples(
    data: st.DataObject, old: tuple[int, int], boundary: Any, depth: Any
) -> None:
    fields = data.draw(shares(old))
    shape = tuple(
        data.draw(st.integers(1, side) | st.integers(1, 5).map(lambda n, side=side: n * side)) for side in old
    )
    found = resample_fields(fields, shape, boundary=boundary, depth_boundary=depth)  # type: ignore[arg-type]
    assert found.mean() == pytest.approx(fields.mean(), abs=1e-13)


@given(data=st.data(), old=SIDES, boundary=BOUNDARIES)
def test_the_error_of_the_mean_by_interpolation(data: st.DataObject, old: int, boundary: Any) -> None:
    fields = data.draw(shares((1, old)))
    new = data.draw(st.integers(old + 1, 6 * old + 1))
    found = resample_fields(fields, (1, new), boundary=boundary)
    ends = np.pad(fields[0], 1, mode="wrap" if boundary == "periodic" else "edge")
    bound = np.abs(np.diff(ends, 2)).mean() * (old / new) ** 2 / 8.0
    assert abs(found.mean() - fields.mean()) <= bound + 1e-14


@given(fields=shares(), boundary=BOUNDARIES)
def test_the_same_shape_is_the_same_array(fields: Any, boundary: Any) -> None:
    assert resample_fields(fields, fields.shape[-2:], boundary=boundary) is fields
    tensor = torch.from_numpy(fields)
    assert resample_fields(tensor, fields.shape[-2:], boundary=boundary) is tensor


@given(value=SHARES, old=SHAPES, new=SHAPES, boundary=BOUNDARIES)
def test_a_constant_stays_exactly_what_it_is(value: float, old: Any, new: Any, boundary: Any) -> None:
    assert (resample_fields(np.full(old, value), new, boundary=boundary) == value).all()


@given(data=st.data(), old=SIDES, new=SIDES)
def test_shifts_by_whole_cells_commute_where_periodic(data: st.DataObject, old: int, new: int) -> None:
    common = math.gcd(old, new)
    turns = data.draw(st.integers(0, common))
    fields = data.draw(shares((3, old)))
    for axis, shape in ((-1, (3, new)), (-2, (new, 3))):
        values = fields if axis == -1 else fields.T
        options: Any = {"boundary": "periodic", "depth_boundary": "periodic"}
        shifted = resample_fields(np.roll(values, turns * old // common, axis), shape, **options)
        expected = np.roll(resample_fields(values, shape, **options), turns * new // common, axis)
        np.testing.assert_array_equal(shifted, expected)


@given(fields=shares(), shape=SHAPES, boundary=BOUNDARIES)
def test_mirrors_commute(fields: Any, shape: Any, boundary: Any) -> None:
    for axis in (-1, -2):
        mirrored = resample_fields(np.flip(fields, axis), shape, boundary=boundary)
        expected = np.flip(resample_fields(fields, shape, boundary=boundary), axis)
        np.testing.assert_allclose(mirrored, expected, atol=1e-14)


@given(old=SHAPES, new=SHAPES, slopes=st.tuples(SHARES, SHARES, SHARES))
def test_linear_fields_are_exact_between_the_outermost_centres(old: Any, new: Any, slopes: Any) -> None:
    assume(all(one == other or one < other or one % other == 0 for one, other in zip(old, new, strict=True)))

    def linear(shape: tuple[int, int]) -> Any:
        z, x = ((np.arange(side) + 0.5) / side for side in shape)
        return slopes[0] + slopes[1] * z[:, None] + slopes[2] * x

    found, expected = resample_fields(linear(old), new, boundary="no-flux"), linear(new)
    centres = [(np.arange(side) + 0.5) / side for side in new]
    inside = [
        (places >= 0.5 / side - 1e-12) & (places <= 1.0 - 0.5 / side + 1e-12)
        for places, side in zip(centres, old, strict=True)
    ]
    np.testing.assert_allclose(found[np.ix_(*inside)], expected[np.ix_(*inside)], atol=1e-13)


def test_the_ends_of_an_interpolated_row() -> None:
    row = np.array([[0.0, 1.0]])
    walls = resample_fields(row, (1, 4), boundary="no-flux")
    around = resample_fields(row, (1, 4), boundary="periodic")
    np.testing.assert_array_equal(walls, [[0.0, 0.25, 0.75, 1.0]])
    np.testing.assert_array_equal(around, [[0.25, 0.25, 0.75, 0.75]])
    # Three cells averaged to two: each covers one and a half.
    np.testing.assert_allclose(
        resample_fields(np.array([[0.0, 3.0, 6.0]]), (1, 2), boundary="no-flux"), [[1, 5]]
    )


@given(fields=shares((2, 6, 8)), shape=SHAPES, boundary=BOUNDARIES)
def test_tensors_give_what_arrays_give(fields: Any, shape: Any, boundary: Any) -> None:
    for kind in (np.float32, np.float64):
        values = fields.astype(kind)
        expected = resample_fields(values, shape, boundary=boundary)
        found = resample_fields(torch.from_numpy(values), shape, boundary=boundary)
        assert found.numpy().dtype == expected.dtype == kind
        np.testing.assert_array_equal(found.numpy(), expected)


def test_errors_name_the_value() -> None:
    fields = np.zeros((4, 6))
    with pytest.raises(InputError, match=r"fields have the shape \(6,\); they must be"):
        resample_fields(fields[0], (2, 3), boundary="no-flux")
    with pytest.raises(InputError, match="fields have the shape"):
        resample_fields(fields[:0], (2, 3), boundary="no-flux")
    with pytest.raises(InputError, match="height of shape is 0; it must be a whole number from 1"):
        resample_fields(fields, (0, 3), boundary="no-flux")
