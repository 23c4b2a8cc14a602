from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
from descriptor_frames import blobs, boundaries, frames, neighbours
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from morphsim.errors import InputError
from morphsim.similarity.descriptors import (
    components,
    connected_share,
    interface_distance,
    interface_distance_map,
    near_interface_share,
    path_lengths,
    shortest_paths,
    tortuosity,
)
from morphsim.types import Boundary

connectivities = st.sampled_from([4, 8])


def graph(frame: NDArray[Any], *, boundary: Boundary, connectivity: int) -> coo_array:
    """The graph of neighbours of one phase; with 4, a diagonal step needs a pixel of the phase beside it."""
    height, width = frame.shape
    periodic = boundary == "periodic"
    weights: dict[tuple[int, int], float] = {}
    for row in range(height):
        for column in range(width):
            for there, beside, step in neighbours(frame, row, column, periodic=periodic, eight=True):
                phase = frame[row, column]
                if frame[there, beside] != phase or (there, beside) == (row, column):
                    continue
                squeezed = frame[row, beside] != phase and frame[there, column] != phase
                if step > 1 and connectivity == 4 and squeezed:
                    continue
                pair = (row * width + column, there * width + beside)
                weights[pair] = min(step, weights.get(pair, math.inf))
    ends = np.array(list(weights), int).reshape(-1, 2)
    return coo_array((list(weights.values()), (ends[:, 0], ends[:, 1])), shape=(frame.size, frame.size))


def paths_by_hand(frame: NDArray[Any], *, boundary: Boundary, connectivity: int) -> NDArray[np.float64]:
    width = frame.shape[1]
    steps = graph(frame, boundary=boundary, connectivity=connectivity).tocsr()
    ends = (np.arange(width), np.arange(frame.size - width, frame.size))
    found = [dijkstra(steps, indices=end, min_only=True) for end in ends]
    return np.stack(found).reshape(2, *frame.shape)


@settings(max_examples=40, deadline=None)
@given(sample=frames, boundary=boundaries, connectivity=connectivities)
def test_paths_are_those_of_the_graph(
    sample: NDArray[np.uint8], boundary: Boundary, connectivity: Literal[4, 8]
) -> None:
    found = path_lengths(sample, boundary=boundary, connectivity=connectivity)
    for number, frame in enumerate(sample):
        expected = paths_by_hand(frame, boundary=boundary, connectivity=connectivity)
        np.testing.assert_allclose(found[number], expected, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(sample=frames, boundary=boundaries, connectivity=connectivities)
def test_what_is_connected_is_what_a_path_leads_to(
    sample: NDArray[np.uint8], boundary: Boundary, connectivity: Literal[4, 8]
) -> None:
    height = sample.shape[1]
    lengths = path_lengths(sample, boundary=boundary, connectivity=connectivity)
    share = connected_share(sample, boundary=boundary, connectivity=connectivity)
    paths = shortest_paths(sample, boundary=boundary, connectivity=connectivity)
    rows = np.arange(height)[:, None]
    for number, frame in enumerate(sample):
        for column in range(4):
            phase, electrode = 1 - column // 2, column % 2
            length = lengths[number, electrode]
            reached = np.isfinite(length) & (frame == phase)
            pixels = np.count_nonzero(frame == phase)
            assert share[number, column] == (reached.sum() / pixels if pixels else 0.0)
            if not reached.any():
                assert math.isnan(paths.tortuosity[number, column])
                assert math.isnan(paths.straight_share[number, column])
                continue
            depth = np.broadcast_to(height - 1 - rows if electrode else rows, frame.shape)[reached]
            ratio = np.where(depth == 0, 1.0, length[reached] / np.maximum(depth, 1))
            assert paths.tortuosity[number, column] == pytest.approx(ratio.mean())
            assert paths.straight_share[number, column] == (ratio < 1 + 1 / height - 1e-9).mean()


@settings(max_examples=60, deadline=None)
@given(sample=frames, boundary=boundaries, connectivity=connectivities)
def test_components_are_those_of_scipy(
    sample: NDArray[np.uint8], boundary: Boundary, connectivity: Literal[4, 8]
) -> None:
    found = components(sample, boundary=boundary, connectivity=connectivity)
    structure = np.ones((3, 3)) if connectivity == 8 else None
    periodic = boundary == "periodic"
    height, width = sample.shape[1:]
    for number, frame in enumerate(sample):
        for place, phase in enumerate((1, 0)):
            names, count = label(frame == phase, structure=structure)
            merged = list(range(count + 1))
            for row in range(height) if periodic else ():
                for other in (row - 1, row, row + 1) if connectivity == 8 else (row,):
                    if 0 <= other < height and names[row, 0] and names[other, -1]:
                        old, new = merged[names[row, 0]], merged[names[other, -1]]
                        merged = [new if name == old else name for name in merged]
            names = np.array(merged)[names]
            assert found.count[number, place] == len(np.setdiff1d(names, 0))
            assert found.pixels[number, place] == np.count_nonzero(names)
            border = np.array(
                [
                    [
                        any(
                            frame[there, beside] != frame[row, column]
                            for there, beside, _ in neighbours(
                                frame, row, column, periodic=periodic, eight=connectivity == 8
                            )
                        )
                        for column in range(width)
                    ]
                    for row in range(height)
                ]
            )
            for electrode, end in enumerate((0, -1)):
                touching = np.setdiff1d(names[end], 0)
                reached = np.isin(names, touching)
                assert found.connected_count[number, place, electrode] == len(touching)
                assert found.connected_pixels[number, place, electrode] == reached.sum()
                inside = (reached & border).sum()
                assert found.connected_interface_pixels[number, place, electrode] == inside


def test_interface_pairs_with_a_way_out_on_both_sides() -> None:
    # Donor on the left wall of the film from top to bottom, an island of it inside the acceptor.
    frame = np.zeros((1, 5, 8), np.uint8)
    frame[0, :, :2] = 1
    frame[0, 2, 5] = 1
    found = components(frame, boundary="no-flux")
    assert found.interface_pairs.tolist() == [5 + 4]
    assert found.complementary_pairs.tolist() == [[5, 5]]
    assert components(frame, boundary="periodic").complementary_pairs.tolist() == [[10, 10]]
    # A layer of donor on top leaves the acceptor only the bottom.
    layers = np.repeat([1, 1, 0], 4).reshape(1, 3, 4)
    assert components(layers, boundary="periodic").complementary_pairs.tolist() == [[4, 0]]


def test_a_diagonal_contact_connects_with_eight_neighbours_only() -> None:
    frame = np.array([[[1, 0], [0, 1]]])
    assert connected_share(frame, boundary="no-flux").tolist() == [[0.5] * 4]
    assert connected_share(frame, boundary="no-flux", connectivity=8).tolist() == [[1.0] * 4]
    assert tortuosity(frame, boundary="no-flux").tolist() == [[1.0] * 4]
    half_slanted = (1 + math.sqrt(2)) / 2
    assert tortuosity(frame, boundary="no-flux", connectivity=8) == pytest.approx(
        np.full((1, 4), half_slanted)
    )


def test_tortuosity_of_straight_and_crooked_ways() -> None:
    columns = np.tile([1, 1, 0, 0], (1, 7, 3))
    assert tortuosity(columns, boundary="periodic").tolist() == [[1.0] * 4]
    # A wall with a gap at the left end: from the far end the way leads around it.
    frame = np.ones((1, 3, 9), np.uint8)
    frame[0, 1, 1:] = 0
    lengths = path_lengths(frame, boundary="no-flux")[0, 0]
    assert lengths[2, 0] == 2.0 and lengths[2, 1] == pytest.approx(1.0 + math.sqrt(2.0))
    assert lengths[2, 8] == pytest.approx(8.0 + math.sqrt(2.0))
    # Through the seam it is never further than half the film.
    assert path_lengths(frame, boundary="periodic")[0, 0, 2].max() == pytest.approx(4.0 + math.sqrt(2.0))
    assert np.isnan(tortuosity(np.zeros((1, 4, 4)), boundary="no-flux")[0]).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_the_tolerance_of_straight_paths() -> None:
    frame = blobs(1, 20, 30)
    strict, default, loose = (
        shortest_paths(frame, boundary="periodic", straight_within=within).straight_share
        for within in (1e-9, None, 1e9)
    )
    assert (strict <= default).all() and (default <= loose).all() and (strict < loose).any()
    assert (loose[~np.isnan(loose)] == 1.0).all()


def distances_by_hand(frame: NDArray[Any], *, boundary: Boundary, graph_steps: bool) -> NDArray[np.float64]:
    height, width = frame.shape
    rows, columns = np.divmod(np.arange(frame.size), width)
    down = np.abs(rows[:, None] - rows)
    right = np.abs(columns[:, None] - columns)
    if boundary == "periodic":
        right = np.minimum(right, width - right)
    other = frame.reshape(-1)[:, None] != frame.reshape(-1)
    if graph_steps:
        short, long = np.minimum(down, right), np.maximum(down, right)
        # Half of the last step is not walked: of the steps available the dearest one is saved.
        saved = np.where(short > 0, math.sqrt(2.0), 1.0) / 2
        length = short * math.sqrt(2.0) + (long - short) - saved
    else:
        length = np.hypot(down, right) - 0.5
    return np.where(other, length, np.inf).min(axis=1).reshape(height, width)


@settings(max_examples=40, deadline=None)
@given(sample=frames, boundary=boundaries)
def test_distances_to_the_interface_are_those_of_all_pairs(
    sample: NDArray[np.uint8], boundary: Boundary
) -> None:
    for metric, steps in (("graph", True), ("euclidean", False)):
        found = interface_distance_map(sample, boundary=boundary, metric=metric)
        for number, frame in enumerate(sample):
            expected = distances_by_hand(frame, boundary=boundary, graph_steps=steps)
            np.testing.assert_allclose(found[number], expected, rtol=1e-12)


def test_distances_in_large_frames_and_their_means() -> None:
    sample = blobs(2, 30, 50, scale=3.0)
    for boundary in ("periodic", "no-flux"):
        for metric, steps in (("graph", True), ("euclidean", False)):
            expected = np.stack(
                [distances_by_hand(frame, boundary=boundary, graph_steps=steps) for frame in sample]
            )
            found = interface_distance(sample, boundary=boundary, metric=metric)
            near = near_interface_share(sample, boundary=boundary, within=3.0, metric=metric)
            for number in range(2):
                for place, phase in enumerate((1, 0)):
                    of_phase = expected[number][sample[number] == phase]
                    assert found[number, place] == pytest.approx(of_phase.mean())
                    assert near[number, place] == pytest.approx((of_phase < 3.0).mean(), abs=2e-3)


def test_layers_are_half_a_pixel_from_their_interface() -> None:
    layers = np.repeat([1, 1, 0, 0, 0], 4).reshape(1, 5, 4)
    for metric in ("graph", "euclidean"):
        assert interface_distance(layers, boundary="periodic", metric=metric).tolist() == [[1.0, 1.5]]
    full = interface_distance(np.ones((1, 3, 4)), boundary="periodic")
    assert math.isinf(full[0, 0]) and math.isnan(full[0, 1])
    assert near_interface_share(np.ones((1, 3, 4)), boundary="periodic").tolist() == [[0.0, 0.0]]


def test_other_options_are_refused() -> None:
    sample: Any = np.zeros((1, 4, 5))
    with pytest.raises(InputError, match="connectivity is 6; use 4 or 8"):
        connected_share(sample, boundary="no-flux", connectivity=6)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="straight_within"):
        shortest_paths(sample, boundary="no-flux", straight_within=0.0)
    with pytest.raises(InputError, match="metric is 'taxi'"):
        interface_distance(sample, boundary="no-flux", metric="taxi")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="within"):
        near_interface_share(sample, boundary="no-flux", within=0.0)
