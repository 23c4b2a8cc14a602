from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from morphsim.errors import InputError, MachineError
from morphsim.frames import (
    DatasetConfig,
    binarise,
    failed_films,
    films,
    make_dataset,
    read_frames,
    read_notes,
)
from morphsim.frames.parts import Parts
from morphsim.simulator import SimulationDiverged, record_film

SMALL = {
    "process": "annealing",
    "grid": ("chi=2.4,3.0",),
    "set": ("duration=0.01",),
    "replicas": 4,
    "frames": 4,
    "shape": (16, 32),
    "seed": 5,
}


def config_for(out: Path, **options) -> DatasetConfig:
    return DatasetConfig(**{"out": out, **SMALL, **options})


def make(out: Path, **options) -> Path:
    return make_dataset(config_for(out, **options), show_progress=False)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    """The file that every run of SMALL must reproduce, to the byte."""
    return make(tmp_path_factory.mktemp("data") / "a.h5").read_bytes()


def test_films_follow_the_plan(tmp_path):
    out = make(tmp_path / "a.h5")
    frame_set = read_frames(out)
    plan = config_for(out).plan()
    assert (len(frame_set), frame_set.shape, frame_set.trajectories) == (32, (16, 32), 8)
    assert frame_set.trajectory.tolist() == np.repeat(np.arange(8), 4).tolist()
    assert frame_set.recipes["chi"].tolist() == [2.4] * 4 + [3.0] * 4
    assert set(frame_set.columns) == {"trajectory", "time", "dryness", "thickness", "seed"}
    assert (frame_set.process, frame_set.boundary, frame_set.threshold) == ("annealing", "periodic", 0.5)
    assert len(set(frame_set.columns["seed"])) == 8
    snapshots = list(record_film(plan.film_recipe(5), shape=(16, 32), seed=plan.film_seed(5), frames=4))
    film = frame_set.trajectory == 5
    shares = np.stack([one.share for one in snapshots])
    np.testing.assert_array_equal(frame_set.frames[film], binarise(shares))
    np.testing.assert_array_equal(frame_set.columns["time"][film], [one.time for one in snapshots])
    assert read_notes(out) == {"plan": plan.to_json()}
    assert failed_films(out) == []
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_drying_films(tmp_path):
    out = make(tmp_path / "a.h5", process="drying", grid=("evaporation=3,6",), set=(), replicas=1)
    frame_set = read_frames(out)
    assert frame_set.process == "drying"
    assert frame_set.recipes["evaporation"].tolist() == [3.0, 6.0]
    assert frame_set.recipes["mobility"].tolist() == ["wodo", "wodo"]
    np.testing.assert_allclose(frame_set.columns["dryness"][[3, 7]], 1.0, atol=1e-3)
    assert (np.diff(frame_set.columns["thickness"][:4]) < 0).all()


def test_workers_don_t_change_a_byte(tmp_path, undisturbed):
    assert make(tmp_path / "a.h5", workers=2).read_bytes() == undisturbed


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed(tmp_path):
    """SIGKILL of all processes at random moments, while films are being made."""
    out = tmp_path / "a.h5"
    options = {**SMALL, "replicas": 12}
    program = (
        "from pathlib import Path; from morphsim.frames import DatasetConfig, make_dataset; "
        f"make_dataset(DatasetConfig(out=Path({str(out)!r}), workers=2, **{options!r}))"
    )
    folder = tmp_path / "a.h5.parts"
    rng = random.Random(3)
    killed = 0
    for goal in (0, 3, 9):
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            start_new_session=True,
            cwd=Path(__file__).parents[2],
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if folder.is_dir() and len(list(folder.glob("film-*.h5"))) >= goal:
                time.sleep(rng.uniform(0, 0.03))
                break
            time.sleep(0.002)
        killed += process.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert killed >= 2
    kept = (
        {path.name: path.stat().st_mtime_ns for path in folder.glob("film-*.h5")} if folder.is_dir() else {}
    )
    made: list[int] = []
    if not out.exists():
        original = films.make_film

        def spy(plan, film, *args, **kwargs):
            made.append(film)
            return original(plan, film, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("morphsim.frames.workers.make_film", spy)
            make(out, replicas=12)
        assert sorted(made + [int(name[5:12]) for name in kept]) == list(range(24))
    assert out.read_bytes() == make(tmp_path / "b.h5", replicas=12).read_bytes()
    out.with_name("b.h5").unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_with_a_hint_how_to_resume(tmp_path, undisturbed, workers):
    out = tmp_path / "a.h5"
    program = (
        "from pathlib import Path; from morphsim.frames import DatasetConfig, make_dataset\n"
        "try:\n"
        f"    make_dataset(DatasetConfig(out=Path({str(out)!r}), workers={workers}, **{SMALL!r}))\n"
        "except KeyboardInterrupt as stop:\n"
        "    print(stop)\n"
    )
    folder = tmp_path / "a.h5.parts"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        start_new_session=True,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    while not list(folder.glob("film-*.h5")) and process.poll() is None:
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    if not out.exists():
        assert "of 8 films made; run the same command to resume" in text
        assert not list(folder.glob(".*"))
    assert make(out).read_bytes() == undisturbed


def test_workers_end_with_their_parent(tmp_path):
    out = tmp_path / "a.h5"
    options = {**SMALL, "replicas": 500}
    program = (
        "from pathlib import Path; from morphsim.frames import DatasetConfig, make_dataset; "
        f"make_dataset(DatasetConfig(out=Path({str(out)!r}), workers=2, **{options!r}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        start_new_session=True,
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    folder = tmp_path / "a.h5.parts"
    deadline = time.monotonic() + 60
    while not list(folder.glob("film-*.h5")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers outlive their parent")


def test_a_finished_file_is_left_alone(tmp_path, undisturbed, capsys):
    out = make(tmp_path / "a.h5")
    before = out.stat().st_mtime_ns
    make_dataset(config_for(out), show_progress=True)
    assert out.stat().st_mtime_ns == before
    assert "complete already" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"another plan \(seed is 5 there and 6 here\)"):
        make(out, seed=6)
    assert out.read_bytes() == undisturbed
    assert make(out, seed=6, overwrite=True).read_bytes() != undisturbed


def test_a_run_killed_while_it_cleans_up(tmp_path, undisturbed):
    out = tmp_path / "a.h5"
    plan = config_for(out).plan()
    parts = Parts(out, plan)
    with parts.claimed():
        films.make_film(plan, 2, parts.folder)
    make_dataset(config_for(tmp_path / "b.h5"), show_progress=False).rename(out)
    make(out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    # The plan is removed last, but its folder may remain.
    parts.folder.mkdir()
    (parts.folder / "film-0000001.h5").write_bytes(b"rest")
    (parts.folder / ".morphsim-abcdefgh").mkdir()
    (parts.folder / ".morphsim-abcdefgh" / "film-0000001.h5").write_bytes(b"rest")
    out.unlink()
    assert make(out).read_bytes() == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_files_of_others_stay(tmp_path, undisturbed):
    (tmp_path / "a.h5.parts").mkdir()
    (tmp_path / "a.h5.parts" / "mine.txt").write_text("mine")
    assert make(tmp_path / "a.h5").read_bytes() == undisturbed
    assert [path.name for path in (tmp_path / "a.h5.parts").iterdir()] == ["mine.txt"]
    (tmp_path / "b.h5").write_bytes(b"mine")
    with pytest.raises(InputError):
        make(tmp_path / "b.h5")
    assert (tmp_path / "b.h5").read_bytes() == b"mine"


def test_frames_of_another_origin_are_not_taken_for_a_data_set(tmp_path, make_set):
    from morphsim.frames import write_frames

    write_frames(tmp_path / "a.h5", make_set())
    with pytest.raises(InputError, match="not made by this command"):
        make(tmp_path / "a.h5")


def test_half_made_films_of_another_plan(tmp_path):
    out = tmp_path / "a.h5"
    plan = config_for(out).plan()
    with Parts(out, plan).claimed():
        films.make_film(plan, 0, tmp_path / "a.h5.parts")
    with pytest.raises(InputError, match=r"frames is 4 there and 3 here.*delete that folder"):
        make(out, frames=3)
    assert len(Parts(out, plan).made()) == 1


def test_two_runs_at_once(tmp_path):
    out = tmp_path / "a.h5"
    with Parts(out, config_for(out).plan()).claimed(), pytest.raises(MachineError, match="another run"):
        make(out)


def diverging(recipe, **options):
    for number, snapshot in enumerate(record_film(recipe, **options)):
        if recipe.chi == 3.0 and number == 2:
            raise SimulationDiverged(0, 1.5, {"largest": 7.0})
        yield snapshot


def test_films_that_diverge_are_left_out_and_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(films, "record_film", diverging)
    out = make_dataset(config_for(tmp_path / "a.h5", grid=("chi=2.4,3.0,2.8",), replicas=1))
    frame_set = read_frames(out)
    assert frame_set.recipes["chi"].tolist() == [2.4, 2.8]
    assert frame_set.trajectory.tolist() == [0] * 4 + [1] * 4
    (failure,) = failed_films(out)
    assert failure["film"] == 1
    assert failure["recipe"]["chi"] == 3.0
    assert "diverged at time 1.5" in failure["reason"]
    assert "film 1 is left out" in capsys.readouterr().err


def test_films_that_never_dry_are_left_out(tmp_path):
    out = make(
        tmp_path / "a.h5",
        process="drying",
        grid=("evaporation=0.001,5",),
        set=("duration=2",),
        replicas=1,
        frames=2,
    )
    assert read_frames(out).recipes["evaporation"].tolist() == [5.0]
    assert "not dry" in failed_films(out)[0]["reason"]


def test_an_error_if_every_film_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "record_film", diverging)
    with pytest.raises(InputError, match="not one of 2 films can be made: it diverged"):
        make(tmp_path / "a.h5", grid=("chi=3.0",), replicas=2)
    assert not list(tmp_path.iterdir())


def test_no_workers(tmp_path):
    with pytest.raises(InputError, match="workers is 0"):
        make(tmp_path / "a.h5", workers=0)
