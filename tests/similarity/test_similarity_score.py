from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as stnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from morphsim.encoder import CVAEConfig, Encoder
from morphsim.errors import InputError
from morphsim.frames import FrameSet, write_frames
from morphsim.similarity import ScoreTable, euclidean, percentile_of_distance, score
from tests.encoders import untrained_encoder

SHAPE = (12, 20)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    config = CVAEConfig(latent_size=4, channels=(4, 6), kernel_size=3, strides=(2, 2), hidden=16)
    return untrained_encoder(SHAPE, config, low=0.2, high=2.2)


def random_frames(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (count, *SHAPE), dtype=np.uint8)


def test_euclidean_broadcasts_over_the_last_axis() -> None:
    a = np.arange(12.0).reshape(4, 3)
    b = np.ones((2, 3))
    distances = euclidean(a[:, None], b)
    assert distances.shape == (4, 2) and distances.dtype == np.float32
    np.testing.assert_allclose(distances, np.linalg.norm(a[:, None] - b, axis=-1), rtol=1e-6)
    assert euclidean([0.0, 0.0], [3.0, 4.0]) == 5.0
    for first, second in (((3,), (4,)), ((2, 3), (4, 3)), ((), ())):
        with pytest.raises(InputError, match="shapes"):
            euclidean(np.zeros(first), np.zeros(second))


vectors = stnp.arrays(np.float32, (5, 3), elements=st.floats(-1e3, 1e3, width=32))


@settings(max_examples=60, deadline=None)
@given(a=vectors, b=vectors, c=vectors)
def test_euclidean_is_a_metric(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> None:
    assert (euclidean(a, a) == 0).all()
    assert np.array_equal(euclidean(a, b), euclidean(b, a))
    assert (euclidean(a, c) <= (euclidean(a, b) + euclidean(b, c)) * (1 + 1e-5) + 1e-5).all()


def test_a_frame_has_no_distance_from_itself(encoder: Encoder) -> None:
    frames = random_frames(600)
    for index in (0, 255, 256, 599):
        table = score(frames, frames[index], encoder=encoder)
        assert table.distance[index] == 0.0 and table.percentile[index] == 0.0
        assert (np.delete(table.distance, index) > 0).all()
    for same in (frames[3] * np.uint8(255), frames[3].astype(bool), frames[3].astype(float)):
        assert score(frames, same, encoder=encoder).distance[3] == 0.0
    grey = 0.3 + 0.2 * frames[:2]
    assert score(grey, grey, encoder=encoder).distance.tolist() == [0.0, 0.0]


def test_the_nearest_target_counts(encoder: Encoder) -> None:
    frames, targets = random_frames(9, seed=1), random_frames(4, seed=2)
    table = score(frames, targets, encoder=encoder)
    apart = np.linalg.norm(encoder.encode(frames)[:, None] - encoder.encode(targets), axis=-1)
    np.testing.assert_allclose(table.distance, apart.min(axis=1), rtol=1e-4)
    assert table.nearest_target.tolist() == apart.argmin(axis=1).tolist()
    assert table.row.tolist() == list(range(9))
    one = score(frames, targets[2], encoder=encoder)
    np.testing.assert_allclose(one.distance, apart[:, 2], rtol=1e-4)
    assert set(one.nearest_target.tolist()) == {0}


def test_an_encoder_may_be_given_by_its_folder(encoder: Encoder, tmp_path: Path) -> None:
    encoder.save(tmp_path / "e")
    frames = random_frames(2)
    by_folder = score(frames, frames[0], encoder=tmp_path / "e")
    np.testing.assert_allclose(
        by_folder.distance, score(frames, frames[0], encoder=encoder).distance, atol=1e-5
    )
    with pytest.raises(InputError, match="unknown"):
        score(frames, frames[0], encoder="no such encoder")


def test_percentiles_are_shares_of_random_pairs() -> None:
    pairs = np.random.default_rng(0).gamma(4.0, size=50_000)
    metadata = {"distances": {"cosine": {"quantiles": np.quantile(pairs, np.linspace(0, 1, 101)).tolist()}}}
    for distance in (0.5, 2.0, 4.0, 9.0):
        share = 100 * (pairs < distance).mean()
        assert percentile_of_distance(distance, metadata, kind="cosine") == pytest.approx(share, abs=0.5)
    assert percentile_of_distance([0.0, 1e9], metadata, kind="cosine").tolist() == [0.0, 100.0]


@settings(max_examples=100, deadline=None)
@given(
    quantiles=st.lists(st.floats(0, 1e6, width=32), min_size=101, max_size=101).map(sorted)
    | st.floats(0, 10, width=32).map(lambda value: [value] * 101),
    distances=st.lists(st.floats(0, 2e6, width=32), min_size=1, max_size=20).map(sorted),
)
def test_percentiles_never_fall_with_the_distance(quantiles: list[float], distances: list[float]) -> None:
    metadata = {"distances": {"euclidean": {"quantiles": quantiles}}}
    percentiles = percentile_of_distance([0.0, *distances], metadata)
    assert percentiles[0] == 0.0
    assert (np.diff(percentiles) >= 0).all() and percentiles.max() <= 100


def test_the_table_reads_as_columns_rows_and_text(encoder: Encoder) -> None:
    frames = random_frames(3)
    table = score(frames, frames[1:], encoder=encoder)
    assert len(table) == 3 and isinstance(table, ScoreTable)
    assert table["distance"] is table.distance
    rows = json.loads(table.to_json())
    assert [row["row"] for row in rows] == [0, 1, 2]
    assert rows[2] == {"row": 2, "distance": 0.0, "percentile": 0.0, "nearest_target": 1}
    lines = str(table).splitlines()
    assert len(lines) == 4 and len({len(line) for line in lines}) == 1
    assert lines[0].split() == ["row", "distance", "percentile", "nearest", "target"]
    assert lines[2].split() == ["1", "0.0000", "0.0", "0"]
    with pytest.raises(InputError, match="distances"):
        table["distances"]


def test_no_frames_make_an_empty_table(encoder: Encoder) -> None:
    table = score(np.zeros((0, *SHAPE), np.uint8), random_frames(1), encoder=encoder)
    assert len(table) == 0 and table.to_json() == "[]" and len(table.render().splitlines()) == 1


@pytest.mark.parametrize(
    ("frames", "target", "message"),
    [
        (random_frames(2)[0], random_frames(1)[0], "^frames.*None"),
        (random_frames(2)[:, :5], random_frames(1)[0], "^frames"),
        (random_frames(2), random_frames(1)[0, :5], "^target"),
        (random_frames(2), random_frames(1)[:, :, :5], "^target"),
        (random_frames(2), random_frames(1)[None], "^target"),
        (random_frames(2), random_frames(0), "^target holds no frame"),
        (random_frames(2), np.full(SHAPE, np.nan), "^target"),
        (random_frames(2), [[1], [1, 2]], "^target"),
        (random_frames(2), random_frames(1)[0] * np.uint8(7), "^target.*7"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    encoder: Encoder, frames: Any, target: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        score(frames, target, encoder=encoder)
    assert "\n" not in str(caught.value)


def test_files_are_scored_by_their_names(encoder: Encoder, tmp_path: Path) -> None:
    frames = random_frames(3)
    write_frames(
        tmp_path / "film.h5",
        FrameSet(frames=frames, columns={"trajectory": np.zeros(3, int)}, boundary="periodic"),
    )
    np.save(tmp_path / "target.npy", frames[1] * np.uint8(255))
    wanted = score(frames, frames[1], encoder=encoder).distance
    for film, target in (
        (tmp_path / "film.h5", tmp_path / "target.npy"),
        (str(tmp_path / "film.h5"), f"{tmp_path / 'film.h5'}:1"),
    ):
        assert score(film, target, encoder=encoder).distance.tolist() == wanted.tolist()
    with pytest.raises(InputError, match=r"absent\.h5 does not exist; name a target as FILE"):
        score("absent.h5", frames[1], encoder=encoder)


def test_the_name_of_a_file_where_an_array_is_needed_says_how_to_read_it(encoder: Encoder) -> None:
    for name in ("film.h5", Path("film.h5"), b"film.h5"):
        with pytest.raises(InputError, match=r"frames are the text .*film\.h5.*read_target_frames\(FILE\)"):
            encoder.encode(name)  # type: ignore[arg-type]


def test_grey_frames_are_cut_where_the_encoder_s_were(encoder: Encoder) -> None:
    frames = random_frames(3)
    told = Encoder(
        encoder.network,
        {**encoder.metadata, "binarisation": {"threshold": 0.3}},
        device=encoder.device,
    )
    grey = np.where(frames, 90, 40).astype(np.uint8)
    wanted = score(frames, frames[0], encoder=told).distance.tolist()
    assert score(grey, grey[0], encoder=told).distance.tolist() == wanted
    assert score(grey / 255.0, frames[0], encoder=told).distance.tolist() == wanted
    assert score(np.stack([grey] * 3, axis=-1), frames[0], encoder=told).distance.tolist() == wanted
    with pytest.raises(InputError, match="frames hold bytes up to 90, of which none reaches the threshold"):
        score(grey, frames[0], encoder=encoder)
