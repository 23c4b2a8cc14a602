from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from descriptor_frames import blobs, boundaries, frames
from hypothesis import given, settings
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.similarity.descriptors import (
    area_fraction,
    chord_lengths,
    composition_profile,
    interface_components,
    interface_length,
    mean_wavenumber,
    three_descriptors,
    two_point_statistics,
)
from morphsim.simulator import analysis
from morphsim.types import Boundary


def stripes(height: int, width: int, *, period: int) -> NDArray[np.uint8]:
    return np.tile(((np.arange(width) % period) < period // 2).astype(np.uint8), (height, 1))[None]


def test_stripes_by_hand() -> None:
    upright = stripes(6, 24, period=8)
    assert area_fraction(upright, boundary="periodic").tolist() == [0.5]
    # Three periods have six walls through the seam, five inside.
    assert interface_components(upright, boundary="periodic").tolist() == [[6 * 6 / 144, 0.0]]
    assert interface_components(upright, boundary="no-flux").tolist() == [[5 * 6 / 144, 0.0]]
    lying = upright.transpose(0, 2, 1)
    assert interface_components(lying, boundary="periodic").tolist() == [[0.0, 5 * 6 / 144]]
    assert interface_length(lying, boundary="periodic")[0] == 5 * 6 / 144


@settings(max_examples=40, deadline=None)
@given(sample=frames, boundary=boundaries)
def test_the_interface_is_that_of_the_fields_in_pixels(sample: NDArray[np.uint8], boundary: Boundary) -> None:
    height, width = sample.shape[1:]
    physical = analysis.interface_length(
        sample, width=float(width), thickness=float(height), boundary=boundary
    )
    found = interface_components(sample, boundary=boundary)
    np.testing.assert_allclose(found[:, 0], physical.vertical, atol=1e-12)
    np.testing.assert_allclose(found[:, 1], physical.lateral, atol=1e-12)


def test_the_wavenumber_is_that_of_the_domain_size() -> None:
    sample = blobs(11, 16, 30)
    for boundary in ("periodic", "no-flux"):
        size = analysis.domain_size(sample, width=30.0, thickness=16.0, boundary=boundary)
        np.testing.assert_allclose(mean_wavenumber(sample, boundary=boundary), 2 * np.pi / size, rtol=1e-12)
    # The ±1 wave of period 2 is a single mode.
    assert mean_wavenumber(stripes(4, 12, period=2), boundary="periodic") == pytest.approx([np.pi])
    assert np.isnan(mean_wavenumber(np.ones((1, 4, 6)), boundary="periodic")).all()


def pairs_by_hand(frame: NDArray[Any], down: int, right: int, *, periodic: bool) -> float:
    height, width = frame.shape
    both = places = 0
    for sign in (1, -1):
        for row in range(height - down):
            for column in range(width):
                other = column + sign * right
                if periodic:
                    other %= width
                elif not 0 <= other < width:
                    continue
                places += 1
                both += int(frame[row, column] and frame[row + down, other])
    return both / places


@settings(max_examples=25, deadline=None)
@given(sample=frames, boundary=boundaries)
def test_two_point_statistics_are_those_counted_pair_by_pair(
    sample: NDArray[np.uint8], boundary: Boundary
) -> None:
    found = two_point_statistics(sample, boundary=boundary, largest_lag=(4, 20))
    height, width = sample.shape[1:]
    assert found.shape == (2, min(height, 5), width)
    for number, frame in enumerate(sample):
        for down in range(found.shape[1]):
            for right in range(width):
                expected = pairs_by_hand(frame, down, right, periodic=boundary == "periodic")
                assert found[number, down, right] == expected
    mirrored = two_point_statistics(sample[:, :, ::-1], boundary=boundary, largest_lag=(4, 20))
    assert np.array_equal(mirrored, found)
    assert np.array_equal(found[:, 0, 0], area_fraction(sample, boundary=boundary))


def test_two_point_statistics_of_large_frames_stay_exact_in_batches() -> None:
    sample = blobs(9, 60, 130)
    options: Any = {"boundary": "no-flux", "largest_lag": (7, 9)}
    whole = two_point_statistics(sample, **options)
    alone = [two_point_statistics(sample[at : at + 1], **options) for at in range(9)]
    assert np.array_equal(whole, np.concatenate(alone))
    falling = sample[3, :-7, :-9] & sample[3, 7:, 9:]
    rising = sample[3, :-7, 9:] & sample[3, 7:, :-9]
    both = int(falling.sum()) + int(rising.sum())
    assert whole[3, 7, 9] == both / (2 * 53 * 121)


def runs(line: NDArray[Any], *, periodic: bool) -> list[tuple[int, int]]:
    """Phase and length of each run."""
    changes = np.flatnonzero(line[1:] != line[:-1]) + 1
    parts = [(int(part[0]), len(part)) for part in np.split(line, changes)]
    if periodic and len(parts) > 1 and parts[0][0] == parts[-1][0]:
        phase, length = parts.pop()
        parts[0] = (phase, parts[0][1] + length)
    return parts


@settings(max_examples=40, deadline=None)
@given(sample=frames, boundary=boundaries)
def test_chords_are_the_runs_of_each_line(sample: NDArray[np.uint8], boundary: Boundary) -> None:
    found = chord_lengths(sample, boundary=boundary, bins=3)
    assert found.edges.tolist() == [1, 2, 4]
    for number, frame in enumerate(sample):
        along = [run for line in frame for run in runs(line, periodic=boundary == "periodic")]
        deep = [run for line in frame.T for run in runs(line, periodic=False)]
        for axis, each in enumerate((along, deep)):
            for place, phase in enumerate((1, 0)):
                lengths = np.array([length for of, length in each if of == phase], float)
                histogram = np.histogram(lengths, [1, 2, 4, 1e9], weights=lengths)[0] / frame.size
                np.testing.assert_allclose(found.share[number, axis, place], histogram, atol=1e-15)
                mean = found.mean[number, axis, place]
                assert mean == pytest.approx(lengths.mean()) if len(lengths) else math.isnan(mean)
    area = area_fraction(sample, boundary=boundary)
    np.testing.assert_allclose(found.share.sum(axis=-1)[:, :, 0], np.stack([area, area], 1), atol=1e-15)


def test_a_chord_goes_on_through_the_seam() -> None:
    row = np.array([[[1, 0, 0, 1, 1]]])
    assert chord_lengths(row, boundary="periodic").mean[0, 0].tolist() == [3.0, 2.0]
    assert chord_lengths(row, boundary="no-flux").mean[0, 0].tolist() == [1.5, 2.0]
    full = chord_lengths(np.ones((1, 2, 5)), boundary="periodic")
    assert full.mean[0, :, 0].tolist() == [5.0, 2.0]
    assert np.isnan(full.mean[0, :, 1]).all()


def test_the_profile_averages_rows_exactly() -> None:
    frame = np.repeat([1, 0, 1], 4).reshape(1, 3, 4)
    assert composition_profile(frame, boundary="no-flux", bins=3).tolist() == [[1.0, 0.0, 1.0]]
    # Two slices share the middle row; six repeat each row.
    assert composition_profile(frame, boundary="no-flux", bins=2) == pytest.approx(
        np.array([[2 / 3, 2 / 3]]), abs=1e-15
    )
    assert composition_profile(frame, boundary="no-flux", bins=6).tolist() == [[1, 1, 0, 0, 1, 1]]
    sample = blobs(3, 23, 17)
    for bins in (1, 4, 7, 23, 40):
        profile = composition_profile(sample, boundary="periodic", bins=bins)
        fine = np.repeat(sample.mean(axis=2), bins, axis=1).reshape(3, bins, 23).mean(axis=2)
        np.testing.assert_allclose(profile, fine, atol=1e-13)
        np.testing.assert_allclose(profile.mean(axis=1), sample.mean(axis=(1, 2)), atol=1e-13)


def test_the_baseline_is_finite_for_frames_of_one_phase() -> None:
    sample = np.concatenate(
        [np.zeros((1, 10, 20), np.uint8), np.ones((1, 10, 20), np.uint8), blobs(2, 10, 20)]
    )
    for boundary, least in (("periodic", 2 * np.pi / 20), ("no-flux", np.pi / 20)):
        found = three_descriptors(sample, boundary=boundary)
        assert found.shape == (4, 3) and np.isfinite(found).all()
        np.testing.assert_allclose(found[:2, 1:], [[math.log(1 / 200), math.log(least)]] * 2)
        np.testing.assert_allclose(found[:, 0], sample.mean(axis=(1, 2)))
        np.testing.assert_allclose(np.exp(found[2:, 1]), interface_length(sample[2:], boundary=boundary))
        np.testing.assert_allclose(np.exp(found[2:, 2]), mean_wavenumber(sample[2:], boundary=boundary))


@pytest.mark.parametrize(
    ("sample", "boundary", "message"),
    [
        (np.zeros((4, 5)), "periodic", r"\(4, 5\)"),
        (np.zeros((1, 0, 5)), "periodic", r"\(1, 0, 5\)"),
        (np.full((1, 4, 5), 255, np.uint8), "periodic", "255"),
        (np.full((1, 4, 5), 0.5), "periodic", "0.5"),
        (np.full((1, 4, 5), math.nan), "periodic", "nan"),
        (np.zeros((1, 4, 5), complex), "periodic", "complex"),
        (np.zeros((1, 4, 5)), "open", "'open'; use one of periodic, no-flux"),
    ],
)
def test_other_frames_are_refused(sample: Any, boundary: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        area_fraction(sample, boundary=boundary)
    assert "\n" not in str(caught.value)


def test_other_options_are_refused() -> None:
    sample = np.zeros((1, 4, 5))
    with pytest.raises(InputError, match="bins is 0"):
        composition_profile(sample, boundary="no-flux", bins=0)
    with pytest.raises(InputError, match="bins is 40"):
        chord_lengths(sample, boundary="no-flux", bins=40)
    with pytest.raises(InputError, match="largest_lag"):
        two_point_statistics(sample, boundary="no-flux", largest_lag=(-1, 2))
