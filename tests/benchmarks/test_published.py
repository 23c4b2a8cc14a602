"""The comparisons with published films: what they count, how they fit, and that each runs by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import _coarsening
import _harness
import h5py
import numpy as np
import published_frames
import pytest
import wodo1d
import wodo2d
from _coarsening import Scales, Trajectories, Trajectory, fit, predict
from _mixed import noisy_fields
from _morphology import classify
from _published import Frames, interface_length, read_frames
from benchmark_scripts import ROOT, quick_result
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from morphsim.errors import InputError
from morphsim.files import write_json

CELL = (0.0026, 0.01)


def report(script: str, *arguments: str) -> dict[str, Any]:
    found = quick_result(script, *arguments)
    assert found["targets"]
    return found


def write_frames(path: Path, **changes: Any) -> Path:
    """Frames of two films of each campaign whose stripes get wider with time."""
    shape = (16, 48)
    frames, columns = [], {"blend_ratio": [], "chi": [], "time": []}
    for chi in (2.4, 2.8, 3.4, 3.8):
        for time, width in ((40.0, 3), (120.0, 4), (400.0, 6)):
            stripes = (np.arange(shape[1]) // width) % 2
            frames.append(np.broadcast_to(stripes, shape).astype(np.uint8))
            for name, value in (("blend_ratio", 0.528), ("chi", chi), ("time", time)):
                columns[name].append(value)
    content: dict[str, Any] = {"frames": np.stack(frames), **{k: np.array(v) for k, v in columns.items()}}
    content.update(changes)
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            if value is not None:
                file[name] = value
    return path


# What is counted on a film


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_flat_stripes_are_layers(layers: int) -> None:
    share = ((np.arange(60) * layers // 60) % 2)[:, None] * np.ones((1, 150))
    pattern = classify(share, cell=CELL)
    assert pattern.regime == "layered"
    assert pattern.upright == 0.0


@pytest.mark.parametrize("columns", [4, 12])
def test_upright_stripes_are_columns(columns: int) -> None:
    share = ((np.arange(150) * columns // 150) % 2)[None, :] * np.ones((60, 1))
    pattern = classify(share, cell=CELL)
    assert pattern.regime == "columns"
    assert pattern.upright == pattern.donor_connected == pattern.acceptor_connected == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_a_random_network_is_percolated(seed: int) -> None:
    shape, spacing = (100, 250), 0.15
    wave = np.hypot(np.fft.fftfreq(shape[0], CELL[0])[:, None], np.fft.rfftfreq(shape[1], CELL[1]))
    modes = np.fft.rfft2(np.random.default_rng(seed).standard_normal(shape))
    field = np.fft.irfft2(modes * np.exp(-((4.0 * (wave * spacing - 1.0)) ** 2)), s=shape)
    assert classify(field > 0.0, cell=CELL).regime == "percolated"


def test_slanted_domains_that_end_inside_the_film_are_dispersed() -> None:
    row, column = np.mgrid[:40, :160]
    # Both phases are cut by a flat layer of the other: neither gets through, and no direction prevails.
    share = ((row + column) // 8 % 2).astype(float)
    share[12:14], share[26:28] = 0.0, 1.0
    pattern = classify(share, cell=(1.0, 1.0))
    assert max(pattern.donor_connected, pattern.acceptor_connected) < 0.5
    assert pattern.regime == "dispersed"


def test_a_film_of_one_phase_has_no_direction() -> None:
    pattern = classify(np.ones((8, 8)), cell=CELL)
    assert (pattern.upright, pattern.donor_connected, pattern.acceptor_connected) == (0.5, 1.0, 0.0)


@settings(max_examples=40, deadline=None)
@given(arrays(np.bool_, (9, 14)))
def test_the_pattern_does_not_change_in_a_mirror_and_phases_swap(share: np.ndarray[Any, Any]) -> None:
    pattern = classify(share, cell=CELL)
    assert classify(share[:, ::-1], cell=CELL) == pattern
    assert classify(share[::-1], cell=CELL) == pattern
    swapped = classify(~share, cell=CELL)
    assert swapped.regime == pattern.regime
    assert (swapped.donor_connected, swapped.acceptor_connected) == (
        pattern.acceptor_connected,
        pattern.donor_connected,
    )


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, (6, 7), elements=st.integers(0, 1)))
def test_the_interface_is_counted_pair_by_pair(frame: np.ndarray[Any, Any]) -> None:
    pairs = sum(frame[i, j] != frame[i, j + 1] for i in range(6) for j in range(6))
    pairs += sum(frame[i, j] != frame[i + 1, j] for i in range(5) for j in range(7))
    assert interface_length(frame) == pairs


def test_the_count_is_that_of_the_published_descriptor(shared_data: Path) -> None:
    path = shared_data / "opv_frames.h5"
    frames = read_frames(path)
    assert len(frames) == 277
    assert frames.shape == (101, 401)
    with h5py.File(path) as file:
        assert np.array_equal(frames.interface, file["descriptors/STAT_e"][()])


# Broken frame files


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_frames(tmp_path / "none.h5")
    for name, content in (("empty.h5", b""), ("text.h5", b"frames"), ("cut.h5", None)):
        path = tmp_path / name
        if content is None:
            content = write_frames(tmp_path / "whole.h5").read_bytes()[:900]
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_frames(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frames": None}, "no dataset frames"),
        ({"chi": None}, "no dataset chi"),
        ({"frames": np.zeros((12, 4))}, "shape"),
        ({"frames": np.full((12, 16, 48), 7, np.uint8)}, "0 or 1"),
        ({"frames": np.zeros((12, 16, 48), np.uint8)}, "no interface"),
        ({"time": np.full(12, np.nan)}, "time holds nan"),
        ({"time": np.zeros(12)}, "time holds 0"),
        ({"chi": np.full(12, 1.5)}, "chi holds 1.5"),
        ({"chi": np.array([b"a"] * 12)}, "chi holds text values"),
        ({"blend_ratio": np.full(11, 0.5)}, "blend_ratio has shape"),
    ],
)
def test_bad_content_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_frames(write_frames(tmp_path / "frames.h5", **changes))


# The fit of the two scales


def made_up(scales: Scales, monkeypatch: pytest.MonkeyPatch) -> Frames:
    """Frames that coarsen by a law which `anneal` then follows, mapped by `scales`."""

    def law(kappa: float, time: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return 9000.0 / (kappa**0.5 + (kappa**0.5 * time) ** (1.0 / 3.0))

    def anneal(film: tuple[float, float], *, kappa: float, longest: float, **_: Any) -> Trajectory:
        time = np.geomspace(1.0, longest, 300)
        return Trajectory(time, law(kappa, time) * film[0])

    monkeypatch.setattr(_coarsening, "anneal", anneal)
    chi = np.repeat([2.4, 2.8], 20)
    time = np.tile(np.geomspace(5.0, 5000.0, 20), 2)
    interface = law(scales.kappa, time * scales.mobility) * chi
    return Frames(np.full(40, 0.5), chi, time, interface, (16, 48))


@pytest.mark.parametrize("scales", [Scales(kappa=9.0, mobility=2.5), Scales(kappa=15.0, mobility=11.0)])
def test_the_scales_of_made_up_films_are_found(scales: Scales, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = made_up(scales, monkeypatch)
    trajectories = Trajectories(frames, seeds=(0,))
    found = fit(frames, trajectories, (5.0, 10.0, 20.0))
    assert found.kappa == pytest.approx(scales.kappa, rel=0.2)
    assert found.mobility == pytest.approx(scales.mobility, rel=0.2)
    simulated = predict(frames, trajectories, found)
    assert np.median(_coarsening.relative_error(simulated, frames)) < 0.02


def test_one_kappa_is_not_enough_for_a_length_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = made_up(Scales(9.0, 2.5), monkeypatch)
    with pytest.raises(InputError, match="at least 2"):
        fit(frames, Trajectories(frames, seeds=(0,)), (5.0,))


def test_kept_trajectories_are_used_again_and_only_for_the_same_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = made_up(Scales(9.0, 2.5), monkeypatch)
    film, time = (2.4, 0.5), np.array([3.0, 30.0])
    first = Trajectories(frames, seeds=(0,), folder=tmp_path).interface(film, 9.0, time, 1e4)
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1

    def refuse(*_: Any, **__: Any) -> Trajectory:
        raise AssertionError("this film was simulated again")

    monkeypatch.setattr(_coarsening, "anneal", refuse)
    again = Trajectories(frames, seeds=(0,), folder=tmp_path).interface(film, 9.0, time, 1e4)
    assert np.array_equal(first, again)
    with pytest.raises(AssertionError, match="simulated again"):
        Trajectories(frames, seeds=(0,), folder=tmp_path).interface(film, 9.0, time, 2e4)


def test_a_film_demixes_and_coarsens() -> None:
    made = _coarsening.anneal((3.4, 0.5), kappa=4.0, seed=0, shape=(32, 96), lowest=120.0, longest=3000.0)
    most = int(made.interface.argmax())
    assert made.interface[most] > 400
    assert made.interface[-1] < 0.5 * made.interface[most]
    assert np.all(np.diff(made.time) > 0)


# The commands


@pytest.mark.slow
def test_published_frames_runs_fits_and_predicts(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "frames.h5")
    fitted = report("published_frames", str(path), "--save-fit", str(tmp_path / "fit.json"))
    assert fitted["results"]["scales_fitted"] is True
    assert set(fitted["results"]["leave_one_chi_out"]["median_relative_error_by_chi"]) == {
        "2.4",
        "2.8",
        "3.4",
        "3.8",
    }
    assert len(fitted["targets"]) == 2
    given = report("published_frames", str(path), "--fit", str(tmp_path / "fit.json"))
    assert given["results"]["scales_fitted"] is False
    assert given["results"]["scales"] == fitted["results"]["scales"]
    # The same scales, the same noises: the same films.
    assert given["results"]["median_relative_error"] == fitted["results"]["median_relative_error"]
    assert len(given["targets"]) == 1


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"low chi": 3.0},
        {"low chi": {"kappa": 4.0}},
        {"low chi": {"kappa": -4.0, "mobility": 1.0}},
        {"other": {"kappa": 4.0, "mobility": 1.0}},
    ],
)
def test_a_bad_fit_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "fit.json"
    write_json(path, content)
    with pytest.raises(InputError, match=r"fit\.json"):
        published_frames.read_fit(path)


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        (published_frames, ["none.h5"], "none.h5 does not exist"),
        (published_frames, ["none.h5", "--fit"], "--fit"),
        (wodo1d, ["--bi", "2"], "2"),
        (wodo2d, ["--quick", "--pictures", str(ROOT / "benchmarks" / "wodo2d.py")], "needs a folder"),
    ],
)
def test_bad_options_end_with_one_line(
    module: Any, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = _harness.run("name", module.Options, module.measure, arguments)
    printed = capsys.readouterr()
    assert status == 2
    assert said in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""


def test_reading_and_writing_a_fit_exclude_each_other(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "frames.h5")
    options = published_frames.Options(frames=path, fit=path, save_fit=path)
    with pytest.raises(InputError, match="one of them"):
        published_frames.measure(options)


def test_campaigns_part_between_their_chi_values() -> None:
    assert list(published_frames.campaign_of(np.array([2.4, 2.8, 3.2, 3.8]))) == [
        "low chi",
        "low chi",
        "high chi",
        "high chi",
    ]


def test_a_strip_dries_as_published() -> None:
    found = report("wodo1d", "--bi", "10")
    # Few cells and few films: not what the target asks for, but near it.
    assert found["final_time"] == pytest.approx(0.3318, rel=0.05)
    assert found["stratification"] == pytest.approx(0.3694, rel=0.02)
    assert found["results"]["10"]["smooth_stratification"] == pytest.approx(0.3694, rel=0.02)
    assert found["onset_height"] > 0.7


def test_the_strip_starts_with_the_noise_and_the_shares_of_the_published_runs() -> None:
    fields = noisy_fields((wodo1d.DONOR, wodo1d.ACCEPTOR), 0.01, (3, 4), (257, wodo1d.COLUMNS))
    assert fields.shape == (2, 2, 257, wodo1d.COLUMNS)
    assert fields.mean(axis=(2, 3)) == pytest.approx(
        np.array([[wodo1d.DONOR, wodo1d.ACCEPTOR]] * 2), abs=1e-12
    )
    assert fields.std(axis=(2, 3)) == pytest.approx(np.full((2, 2), 0.01), rel=0.1)


def test_films_dry_into_patterns_and_are_drawn(tmp_path: Path) -> None:
    from PIL import Image

    found = report("wodo2d", "--pictures", str(tmp_path))
    assert set(found["results"]) == {case.name for case in wodo2d.CASES}
    for entry in found["results"].values():
        assert entry["regime"] in {"columns", "percolated", "layered", "dispersed"}
        assert entry["final_thickness"] == pytest.approx(0.25 / 0.95, abs=1e-3)
    # A long donor and an uneven blend make layers even on a coarse grid.
    assert found["results"]["N_p 100"]["regime"] == "layered"
    assert found["results"]["blend 1:0.8"]["regime"] == "layered"
    with Image.open(tmp_path / "wodo2d.png") as picture:
        assert picture.size[0] > 100
        assert len(picture.getcolors(maxcolors=1 << 20) or []) > 50
