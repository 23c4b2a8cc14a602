"""`morphsim simulate` with schedules: it runs them, stores them and makes the same film again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import Morphsim
from PIL import Image

from morphsim.frames import FrameSet, read_frames, read_notes, recipe_labels
from morphsim.frames.read_start import read_start
from morphsim.look import BLUE

SIZE = ("--shape", 16, 32, "--animation", "none")
ANNEALING = """
process = "annealing"
width = "100 nm"
kappa = 2e-3
duration = "200 s"
temperature = {time_s = [0, 60, 200], value_C = [50, 120, 130], ramp = true, rate_limit_K_per_s = 0.5}
[film]
length_nm = 100
diffusivity = 1e-18
frames = 4
seed = 3
"""
DRYING = """
process = "drying"
width = 1.0
kappa = 1e-3
evaporation = {dryness = [0, 0.4], value = [2.0, 0.5]}
temperature = {time_ms = [0, 1], value_C = [25, 40]}
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("recipe", [ANNEALING, DRYING])
def test_a_written_schedule_makes_the_same_film(recipe: str, morphsim: Morphsim, tmp_path: Path):
    file = write(tmp_path / "film.toml", recipe)
    options = () if "[film]" in recipe else ("--frames", 3, "--seed", 5, "--threshold", 0.4)
    first = morphsim("simulate", file, *SIZE, *options, "--out", tmp_path / "a")
    assert first.status == 0, first.err
    lags = "temperature followed its schedule only as fast as its limits allow" in first.out
    assert lags == ("rate_limit" in recipe)
    schedule = tmp_path / "a" / "schedule.toml"
    again = morphsim("simulate", schedule, "--animation", "none", "--out", tmp_path / "b")
    assert again.status == 0, again.err
    for name in ("frames.h5", "schedule.toml", "recipe.toml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    frames = read_frames(tmp_path / "a" / "frames.h5")
    assert frames.units["temperature"] == "K"
    assert np.ptp(frames.columns["temperature"]) > 10.0 or "drying" in recipe
    assert read_notes(tmp_path / "a" / "frames.h5")["schedule"] == schedule.read_text(encoding="utf-8")


def test_a_schedule_has_a_file_of_its_own(morphsim: Morphsim, tmp_path: Path):
    plate = write(tmp_path / "plate.csv", "time_s,temperature_C ramp\n0,50\n60,120\n200,130\n")
    recipe = write(tmp_path / "film.toml", ANNEALING.replace(", rate_limit_K_per_s = 0.5", ""))
    constant = write(
        tmp_path / "constant.toml",
        "".join(line for line in ANNEALING.splitlines(True) if "value" not in line),
    )
    tables = write(
        tmp_path / "plate.toml",
        "temperature = {time_s = [0, 60, 200], value_C = [50, 120, 130], ramp = true}",
    )
    runs = {"a": (recipe,), "b": (constant, "--schedule", plate), "c": (constant, "--schedule", tables)}
    for name, words in runs.items():
        outcome = morphsim("simulate", *words, *SIZE, "--out", tmp_path / name)
        assert outcome.status == 0, outcome.err
    contents = {(tmp_path / name / "frames.h5").read_bytes() for name in runs}
    assert len(contents) == 1


def test_options_override_the_file(morphsim: Morphsim, tmp_path: Path):
    file = write(tmp_path / "film.toml", ANNEALING)
    words = (
        "--set",
        "temperature=80 °C",
        "--frames",
        2,
        "--seed",
        4,
        "--length-nm",
        50,
        "--dtype",
        "float64",
    )
    outcome = morphsim("simulate", file, *SIZE, *words, "--out", tmp_path / "a")
    assert outcome.status == 0, outcome.err
    written = tomllib.loads((tmp_path / "a" / "schedule.toml").read_text(encoding="utf-8"))
    assert written["temperature"] == 353.15
    assert written["width"] == 2.0
    assert written["film"]["seed"] == 4
    assert written["film"]["frames"] == 2
    assert written["film"]["length_nm"] == 50.0
    assert written["film"]["dtype"] == "float64"


STEPS = """
process = "annealing"
width = 1.0
kappa = 2e-3
[steps]
time = [0.001, 0.002, 0.004]
temperature = [350.0, 360.0, 340.0]
frame = [true, false, true]
"""


def test_steps_are_made_one_by_one(morphsim: Morphsim, tmp_path: Path):
    file = write(tmp_path / "steps.toml", STEPS)
    outcome = morphsim("simulate", file, *SIZE, "--out", tmp_path / "a")
    assert outcome.status == 0, outcome.err
    frames = read_frames(tmp_path / "a" / "frames.h5")
    assert frames.columns["time"] == pytest.approx([0.001, 0.004])
    assert frames.columns["temperature"].tolist() == [350.0, 340.0]
    again = morphsim(
        "simulate", tmp_path / "a" / "schedule.toml", "--animation", "none", "--out", tmp_path / "b"
    )
    assert again.status == 0, again.err
    assert (tmp_path / "a" / "frames.h5").read_bytes() == (tmp_path / "b" / "frames.h5").read_bytes()


@pytest.mark.parametrize(
    ("text", "words", "complaint"),
    [
        (STEPS, ("--frames", 3), "the recipe file has the steps of a film"),
        (STEPS, ("--set", "temperature=350"), "the recipe file has the steps of a film"),
        (STEPS.replace("[steps]", "[film]\nlight = 3\n[steps]"), (), "film has no entry 'light'"),
        (STEPS.replace("temperature", "heat"), (), "steps has the column 'heat'"),
        ("film = 3\nprocess = 'annealing'", (), "film is 3; it must be a table"),
        ("process = 'annealing'\n[film]\nseed = -1", (), "seed is -1"),
        ("process = 'annealing'\n[film]\nshape = 3", (), "shape and cells are"),
        ("process = 'annealing'\n[film]\ndtype = 'half'", (), "dtype is 'half'"),
        ("process = 'annealing'\n[film]\ntolerance = 'x'", (), "tolerance is 'x'"),
        ("process = 'annealing'\n[film]\nlength_nm = 'x'", (), "length_nm is 'x'"),
        ("process = 'annealing'\nchi = {time = [0], value = [3]}", (), "no knob 'chi' to schedule"),
        (ANNEALING, ("--schedule", "none.csv"), "none.csv: it does not exist"),
        (
            ANNEALING,
            ("--set", "width=3 rpm"),
            "width is '3 rpm'; it must be a number of h0 or nm or µm or mm",
        ),
    ],
)
def test_a_bad_file_is_one_line(
    text: str, words: tuple[object, ...], complaint: str, morphsim: Morphsim, tmp_path: Path
):
    file = write(tmp_path / "film.toml", text)
    outcome = morphsim("simulate", file, *words, "--out", tmp_path / "a")
    assert outcome.status == 2
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_data_sets_say_that_they_take_no_schedules(morphsim: Morphsim, tmp_path: Path):
    file = write(tmp_path / "film.toml", ANNEALING.partition("[film]")[0].replace('"100 nm"', "1"))
    outcome = morphsim("dataset", "--recipes", file, "--out", tmp_path / "a.h5")
    assert outcome.status == 2
    assert "temperature is a schedule, and only a number can be used here" in outcome.err


def test_the_strip_draws_what_turned_knobs_did(morphsim: Morphsim, tmp_path: Path):
    blue = tuple(int(BLUE[at : at + 2], 16) for at in (1, 3, 5))
    strips = {}
    for name, value in (("held", 300), ("turned", "{time = [0, 0.01], value = [300, 400], ramp = true}")):
        recipe = tmp_path / f"{name}.toml"
        recipe.write_text(f'process = "annealing"\nduration = 0.02\nkappa = 5e-3\ntemperature = {value}\n')
        options = ("--frames", 3, "--shape", 16, 32, "--animation", "none", "--out", tmp_path / name)
        assert morphsim("simulate", recipe, *options).status == 0
        with Image.open(tmp_path / name / "strip.png") as image:
            strips[name] = np.array(image.convert("RGB"))
    assert strips["turned"].shape[0] > strips["held"].shape[0] + 100
    assert not (strips["held"] == blue).all(-1).any()
    rows, columns = np.nonzero((strips["turned"] == blue).all(-1))
    # It rises to the middle of the film's time and stays as it is.
    left, middle, right = (rows[abs(columns - at) < 12].mean() for at in np.quantile(columns, (0, 0.6, 1)))
    assert left > middle + 40
    assert abs(middle - right) < 25


def test_films_of_different_schedules_are_of_different_recipes(morphsim: Morphsim, tmp_path: Path):
    # Both begin at the same set-point, so that the parameters alone are equal.
    tables = ("", "temperature = {time_s = [0, 60], value_C = [50, 120]}", "temperature = '50 °C'")
    text = ANNEALING.replace("temperature = {", "# {")
    sets = []
    for number, table in enumerate(tables):
        file = write(tmp_path / f"{number}.toml", f"{table}\n{text}")
        assert morphsim("simulate", file, *SIZE, "--out", tmp_path / f"{number}").status == 0
        sets.append(read_frames(tmp_path / f"{number}" / "frames.h5"))
    films = FrameSet.concatenate(sets)
    assert films.recipes["schedule"][1].startswith("temperature = {")
    assert len(set(recipe_labels(films).tolist())) == 3
    # The parameters of the film are found beside its schedule.
    start = read_start(str(tmp_path / "1" / "frames.h5"), "annealing")
    assert start is not None and start.kept["kappa"] == 2e-3
