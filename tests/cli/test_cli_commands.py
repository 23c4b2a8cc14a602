from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from cli_helpers import SHAPE, SMALL_NETWORK, Morphsim, frame_set
from PIL import Image

from morphsim import __version__
from morphsim.cli import COMMANDS
from morphsim.frames import read_frames
from morphsim.look import DONOR_COLOUR
from morphsim.simulator import AnnealingRecipe, DryingRecipe, load_recipe

ROOT = Path(__file__).resolve().parents[2]
SMALL_FILM = ("--frames", 3, "--shape", 16, 64)


def outside(*words: object, cwd: Path, script: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    start = [str(script)] if script else ["-c", "from morphsim.cli import main; raise SystemExit(main())"]
    return subprocess.run(
        [sys.executable, *start, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_lists_every_command(morphsim: Morphsim):
    for option in ("--help", "-h"):
        outcome = morphsim(option)
        assert outcome.status == 0
        assert outcome.err == ""
        listed = re.findall(r"^  ([a-z-]+)  +\S", outcome.out, flags=re.MULTILINE)
        assert listed[: len(COMMANDS)] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_each_of_its_options(morphsim: Morphsim, command: str):
    outcome = morphsim(command, "--help")
    assert outcome.status == 0
    assert outcome.err == ""
    assert f"usage: morphsim {command} " in outcome.out
    text = " ".join(re.sub("[│╭╮╰╯─]", " ", outcome.out).split())
    assert "Example: morphsim" in text
    assert "Attributes:" not in text
    # An option without a docstring shows nothing but its default.
    assert not re.search(r"--[a-z.-]+( [A-Z]+)* \((default|required)", text)
    assert "--json" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_documentation_uses_every_command(command: str):
    pages = [path for path in (ROOT / "docs").glob("*.md") if path.name != "commands.md"]
    assert any(f"morphsim {command}" in path.read_text(encoding="utf-8") for path in pages)


def test_the_page_of_commands_shows_the_help_of_each(morphsim: Morphsim):
    hooks = runpy.run_path(str(ROOT / "docs" / "hooks.py"))
    page = hooks["on_page_markdown"]((ROOT / "docs" / "commands.md").read_text(encoding="utf-8"))
    for command in COMMANDS:
        assert f"## morphsim {command}\n" in page
        assert f"usage: morphsim {command} " in page
        assert morphsim(command, "--help").out.strip() in page


def test_version(morphsim: Morphsim):
    assert morphsim("--version").out == f"morphsim {__version__}\n"


def test_simulate_dries_a_film(morphsim: Morphsim, tmp_path: Path):
    words = ("simulate", "--process", "drying", "--set", "blend_ratio=0.6", "--set", "evaporation=1")
    outcome = morphsim(*words, *SMALL_FILM, "--seed", 3, "--out", tmp_path / "film", "--json")
    assert outcome.status == 0
    report = json.loads(outcome.out)
    assert sorted(report["files"]) == sorted(path.name for path in (tmp_path / "film").iterdir())
    assert report["dryness"] == pytest.approx(1.0, abs=1e-3)
    recipe = load_recipe(tmp_path / "film" / "recipe.toml")
    assert recipe == DryingRecipe(blend_ratio=0.6, evaporation=1.0)
    assert report["thickness"] == pytest.approx(recipe.dry_thickness, abs=1e-3)
    film = read_frames(tmp_path / "film" / "frames.h5")
    assert film.frames.shape == (3, 16, 64)
    assert (film.process, film.boundary, film.threshold) == ("drying", "periodic", 0.5)
    assert film.columns["seed"].tolist() == [3, 3, 3]
    assert (np.diff(film.columns["time"]) > 0).all()
    assert (np.diff(film.columns["thickness"]) < 0).all()
    np.testing.assert_allclose(film.columns["dryness"], [1 / 3, 2 / 3, 1], atol=1e-3)
    assert film.recipes["blend_ratio"].tolist() == [0.6]
    assert set(film.units) == {"time", "thickness"}
    assert report["donor_pixels"] == pytest.approx(film.frames[-1].mean())
    with Image.open(tmp_path / "film" / "film.gif") as movie:
        assert movie.n_frames == 3
        first = np.array(movie.convert("RGB"))
        movie.seek(2)
        last = np.array(movie.convert("RGB"))
    # Film and substrate are one block between air and the scale bar; only the film has become thinner.
    column = round(0.55 * first.shape[1])
    blocks = [(picture[50:, column] != 255).any(axis=1) for picture in (first, last)]
    edges = [np.flatnonzero(np.diff(np.r_[0, block, 0])) for block in blocks]
    assert edges[0][1] == edges[1][1]
    gone = 1.0 - film.columns["thickness"][-1] / film.columns["thickness"][0]
    full = (edges[1][0] - edges[0][0]) / gone
    # There are 12 pixels of margin on either side.
    assert full / (first.shape[1] - 24) == pytest.approx(
        film.columns["thickness"][0] / recipe.width, abs=0.01
    )


@pytest.mark.parametrize("show", ["share", "donor", "acceptor", "solvent", "frame"])
def test_simulate_draws_what_is_asked_for(morphsim: Morphsim, tmp_path: Path, show: str):
    words = ("simulate", "--process", "vapour-annealing", *SMALL_FILM, "--out", tmp_path)
    assert morphsim(*words, "--show", show).status == 0
    with Image.open(tmp_path / "strip.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    # The substrate prefers donor, whatever the film shows; solvent alone is green.
    assert DONOR_COLOUR in colours
    assert any(green > red + 20 and green > blue + 5 for red, green, blue in colours) is (show == "solvent")
    assert read_frames(tmp_path / "frames.h5").frames.max() == 1


def test_simulate_exports_fields_and_forgets_those_of_an_earlier_film(morphsim: Morphsim, tmp_path: Path):
    pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
    out = tmp_path / "film"
    words = ("simulate", "--process", "annealing", "--set", "duration=0.001", *SMALL_FILM, "--out", out)
    scales = ("--length-nm", 200, "--diffusivity", 4e-17)
    outcome = morphsim(*words, *scales, "--export", "vtk", "xdmf", "--export", "netcdf", "--json")
    assert outcome.status == 0
    report = json.loads(outcome.out)
    exports = {"film.pvd", "film_vti", "film.xdmf", "film_fields.h5", "film.nc"}
    assert exports < set(report["files"])
    assert sorted(report["files"]) == sorted(path.name for path in out.iterdir())
    # h0^2 / D = (200 nm)^2 / 4e-17 m^2/s
    assert report["time_s"] == pytest.approx(1000.0 * report["time"])
    assert report["thickness_nm"] == 200.0
    with h5py.File(out / "film_fields.h5") as file:
        assert file["time"][-1] == pytest.approx(report["time_s"])
        assert file["z"][-1, -1] == 200.0
        share = file["share"][()][:, ::-1]
    np.testing.assert_array_equal(share >= 0.5, read_frames(out / "frames.h5").frames)
    assert morphsim(*words, "--animation", "none").status == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "frames.h5",
        "recipe.toml",
        "schedule.toml",
        "strip.png",
    ]


def test_simulate_repeats_a_film_from_its_recipe(morphsim: Morphsim, tmp_path: Path):
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    words = ("simulate", "--process", "annealing", "--set", "chi=2.8", "duration=0.01", "boundary=no-flux")
    assert morphsim(*words, *SMALL_FILM, "--out", first).status == 0
    again = morphsim("simulate", first / "recipe.toml", *SMALL_FILM, "--out", second, "--animation", "none")
    assert again.status == 0
    assert "donor pixels" in again.out
    assert not (second / "film.gif").exists()
    assert load_recipe(second / "recipe.toml") == AnnealingRecipe(chi=2.8, duration=0.01, boundary="no-flux")
    assert (first / "frames.h5").read_bytes() == (second / "frames.h5").read_bytes()
    assert morphsim("simulate", first / "recipe.toml", *SMALL_FILM, "--seed", 1, "--out", other).status == 0
    assert (read_frames(other / "frames.h5").frames != read_frames(first / "frames.h5").frames).any()


def test_a_film_that_diverges_ends_with_status_1(morphsim: Morphsim, tmp_path: Path, monkeypatch):
    from morphsim.simulator import SimulationDiverged

    def diverge(*_: object, **__: object):
        raise SimulationDiverged(0, 0.5, {"smallest": -1.0})

    monkeypatch.setattr("morphsim.frames.film.record_film", diverge)
    outcome = morphsim("simulate", "--process", "drying", "--out", tmp_path / "film")
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith("morphsim simulate: film 0 can't be advanced")
    assert not (tmp_path / "film").exists()


def test_dataset(morphsim: Morphsim, tmp_path: Path):
    words = ("dataset", "--process", "annealing", "--set", "duration=0.01", "--grid", "chi=2.4,3")
    words = (*words, "--replicas", 2, "--frames", 2, "--shape", 16, 32, "--out", tmp_path / "set.h5")
    outcome = morphsim(*words, "--json")
    assert outcome.status == 0
    assert json.loads(outcome.out) == {
        "out": str(tmp_path / "set.h5"),
        "films": 4,
        "frames": 8,
        "shape": [16, 32],
        "failed": [],
    }
    assert read_frames(tmp_path / "set.h5").recipes["chi"].tolist() == [2.4, 2.4, 3.0, 3.0]
    again = morphsim(*words)
    assert again.status == 0
    assert "8 frames of 16 x 32 from 4 films" in again.out
    assert "complete already" in again.err


def test_dataset_lists_films_that_can_not_be_made(morphsim: Morphsim, tmp_path: Path):
    words = ("dataset", "--process", "drying", "--grid", "evaporation=0,2", "--set", "duration=50")
    words = (*words, "--frames", 2, "--shape", 16, 32, "--out", tmp_path / "set.h5")
    outcome = morphsim(*words)
    assert outcome.status == 0
    assert "1 films could not be made:\n  film 0: the film is not dry" in outcome.out
    assert len(json.loads(morphsim(*words, "--json").out)["failed"]) == 1


def test_import(morphsim: Morphsim, tmp_path: Path):
    images = tmp_path / "images" / "BR0.54-CHI2.4"
    images.mkdir(parents=True)
    for number, frame in enumerate(frame_set().frames[:3]):
        Image.fromarray(255 * frame).save(images / f"{number:03}.png")
    (images / "notes.txt").write_text("not a frame")
    outcome = morphsim("import", images.parent, "--out", tmp_path / "imported.h5", "--json")
    assert outcome.status == 0
    report = json.loads(outcome.out)
    assert (report["frames"], report["trajectories"], report["shape"]) == (3, 1, list(SHAPE))
    assert [name for name, _ in report["dropped"]] == ["BR0.54-CHI2.4/notes.txt"]
    np.testing.assert_array_equal(read_frames(tmp_path / "imported.h5").frames, frame_set().frames[:3])
    text = morphsim("import", images.parent, "--out", tmp_path / "imported.h5", "--overwrite").out
    assert "3 frames of 12 x 20 from 1 films, out of 4 files" in text
    assert "notes.txt: " in text


def test_train_encoder_and_score(morphsim: Morphsim, frame_file: Path, tmp_path: Path):
    folder = tmp_path / "encoder"
    words = ("train-encoder", frame_file, "--out", folder, "--epochs", 2, "--no-tensorboard", *SMALL_NETWORK)
    trained = morphsim(*words, "--json")
    assert trained.status == 0
    report = json.loads(trained.out)
    assert report["epochs"] == 2
    assert report["held_out"]["negative_elbo"] > 0
    text = morphsim(*words, "--resume").out
    assert "held-out frames: -ELBO" in text
    outcome = morphsim("score", frame_file, "--target", f"{frame_file}:10", "--encoder", folder, "--json")
    scores = json.loads(outcome.out)
    assert outcome.err == ""
    assert scores["encoder_hash"] == report["hash"]
    assert [row["row"] for row in scores["rows"]] == list(range(24))
    distances = [row["distance"] for row in scores["rows"]]
    assert distances[10] == 0.0
    assert distances[scores["closest"]] == 0.0
    assert max(distances) > 0
    assert [row["trajectory"] for row in scores["rows"]] == np.repeat(np.arange(4), 6).tolist()


def test_the_score_table_shows_the_closest_first(morphsim: Morphsim, frame_file: Path, encoder_folder: Path):
    words = ("score", frame_file, "--target", f"{frame_file}:7,3", "--encoder", encoder_folder)
    lines = morphsim(*words, "--top", 5).out.splitlines()
    assert lines[0].split() == ["row", "distance", "percentile", "nearest", "target"]
    distances = [float(line.split()[1]) for line in lines[1:6]]
    assert distances == sorted(distances)
    assert {line.split()[0] for line in lines[1:3]} == {"3", "7"}
    assert lines[6] == "19 more frames; --all shows them"
    rows = [int(line.split()[0]) for line in morphsim(*words, "--all").out.splitlines()[1:]]
    assert rows == list(range(24))
    assert "more frames" in morphsim(*words).out


def test_score_takes_a_picture(morphsim: Morphsim, frame_file: Path, encoder_folder: Path, tmp_path: Path):
    Image.fromarray(255 * frame_set().frames[4]).save(tmp_path / "target.png")
    words = ("--target", tmp_path / "target.png", "--encoder", encoder_folder, "--json")
    assert json.loads(morphsim("score", frame_file, *words).out)["closest"] == 4
    alone = json.loads(morphsim("score", tmp_path / "target.png", *words).out)
    assert [row["distance"] for row in alone["rows"]] == [0.0]


def test_train_and_evaluate_an_agent(
    morphsim: Morphsim, frame_file: Path, encoder_folder: Path, tmp_path: Path
):
    words = (
        "train-agent",
        "--env",
        "annealing",
        "--steps",
        2,
        "--total-steps",
        16,
        "--out",
        tmp_path / "agent",
    )
    words = (*words, "--target", f"{frame_file}:3", "--encoder", encoder_folder)
    words = (*words, "--ppo.rollout-steps", 8, "--ppo.batch-size", 4)
    trained = json.loads(morphsim(*words, "--json").out)
    assert trained["episodes"] == 8
    assert trained["knobs"] == ["temperature"]
    assert trained["median_final_distance_last"] >= 0
    assert "ppo on 8 films" in morphsim(*words, "--resume").out
    words = (
        "evaluate-agent",
        tmp_path / "agent",
        "--seeds",
        2,
        "--own-set",
        "chi=2.5",
        "--own-set",
        "noise=0.01",
        "--constants",
        3,
    )
    evaluation = json.loads(morphsim(*words, "--json").out)
    assert list(evaluation["policies"]) == ["agent", "random", "recipe", "constant", "blind", "own"]
    assert all(len(policy["distances"]) == 2 for policy in evaluation["policies"].values())
    assert morphsim(*words).out.startswith("policy ")


def test_the_front_script_trains(frame_file: Path, tmp_path: Path):
    words = (frame_file, "--out", "encoder", "--epochs", 1, "--no-tensorboard", *SMALL_NETWORK)
    done = outside(*words, cwd=tmp_path, script=ROOT / "train_encoder.py")
    assert done.returncode == 0, done.stderr
    assert "-ELBO" in done.stdout
    assert (tmp_path / "encoder" / "weights.safetensors").is_file()


def test_exit_status_and_streams_of_the_process(frame_file: Path, encoder_folder: Path, tmp_path: Path):
    bad = outside("score", "nothing.h5", "--target", frame_file, "--encoder", encoder_folder, cwd=tmp_path)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "morphsim score: nothing.h5 does not exist; name an HDF5 file of frames\n"
    unknown = outside("simulat", cwd=tmp_path)
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("morphsim: 'simulat' is not a command; did you mean 'simulate'?")


def test_a_reader_that_goes_away_is_no_error(frame_file: Path, encoder_folder: Path, tmp_path: Path):
    words = ("score", frame_file, "--target", frame_file, "--encoder", encoder_folder, "--json")
    process = subprocess.Popen(
        [sys.executable, "-c", "from morphsim.cli import main; raise SystemExit(main())", *map(str, words)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == 141
    assert complaint == ""


def test_an_interrupt_says_what_is_there(morphsim: Morphsim, tmp_path: Path, monkeypatch):
    from morphsim._commands import dataset

    def interrupt(_: object):
        raise KeyboardInterrupt("stopped with 1 of 2 films made; run the same command to resume")

    monkeypatch.setattr(dataset, "make_dataset", interrupt)
    outcome = morphsim("dataset", "--process", "drying", "--out", tmp_path / "set.h5")
    assert outcome.status == 130
    assert outcome.complaint.startswith("morphsim dataset: stopped with 1 of 2 films made")
