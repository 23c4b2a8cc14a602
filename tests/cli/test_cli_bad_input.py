"""Each command with each kind of bad input: one line that names it, status 2, and nothing written."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from cli_helpers import Morphsim, frame_set
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from morphsim._commandline import condense
from morphsim.cli import COMMANDS, main
from morphsim.frames import write_frames

# For each command: words that would do, with IN for its input file, and an option with choices.
GOOD = {
    "simulate": (["IN"], "--dtype"),
    "phase-diagram": (["IN", "--out", "OUT.png"], "--process"),
    "dataset": (["--recipes", "IN", "--out", "OUT"], "--process"),
    "import": (["IN", "--out", "OUT"], "--boundary"),
    "train-encoder": (["IN", "--out", "OUT", "--no-tensorboard"], "--keep"),
    "evaluate-encoder": (["IN", "--encoder", "ENCODER"], "--device"),
    "tune-encoder": (["IN", "--out", "OUT", "--trials", "1"], "--by"),
    "score": (["IN", "--target", "TARGET", "--encoder", "ENCODER"], "--device"),
    "train-agent": (["--target", "IN", "--encoder", "ENCODER", "--out", "OUT"], "--algorithm"),
    "evaluate-agent": (["IN"], "--device"),
    "optimise-recipe": (
        ["--target", "IN", "--encoder", "ENCODER", "--process", "drying", "--out", "OUT"],
        "--method",
    ),
    "steer": (["--agent", "IN", "--target", "columns", "--out", "OUT"], "--device"),
    "record-episodes": (["Drying-v1", "--policies", "agent=IN"], "--split"),
}
TAKES_FRAMES = ("import", "train-encoder", "tune-encoder", "evaluate-encoder", "score", "train-agent")


def words_of(command: str, source: object, tmp_path: Path) -> list[str]:
    places = {
        "IN": source,
        "agent=IN": f"agent={source}",
        "OUT": tmp_path / "out",
        "TARGET": tmp_path / "target.png",
        "ENCODER": tmp_path / "encoder",
    }
    return [command, *(str(places.get(word, word)) for word in GOOD[command][0])]


@pytest.fixture
def refused(morphsim: Morphsim, tmp_path: Path, encoder_folder: Path, monkeypatch):
    """Run a command on bad input and return its one line, less its name."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(255 * frame_set().frames[0]).save(tmp_path / "target.png")

    def run(command: str, source: object, *more: str) -> str:
        outcome = morphsim(*words_of(command, source, tmp_path), *more)
        assert outcome.status == 2
        assert outcome.out == ""
        # Progress may stand before it.
        lines = [line for line in outcome.err.splitlines() if not line.startswith("importing: ")]
        assert len(lines) == 1, outcome.err
        start = f"morphsim {command}: "
        assert lines[0].startswith(start)
        assert "Traceback" not in outcome.err
        assert not (tmp_path / "out").is_file()
        assert not (tmp_path / "runs").exists()
        return lines[0].removeprefix(start)

    return run


def test_every_command_is_tried():
    # The demo takes no file and makes its own input.
    assert set(GOOD) == set(COMMANDS) - {"demo"}


@pytest.mark.parametrize("command", GOOD)
def test_a_missing_file(refused, command: str):
    line = refused(command, "nothing.h5")
    assert "nothing.h5 does not exist" in line or "nothing.h5 is not a folder" in line


@pytest.mark.parametrize("command", TAKES_FRAMES)
@pytest.mark.parametrize("kept", [0, 100, 0.5])
def test_a_truncated_file(refused, tmp_path: Path, command: str, kept: float):
    path = tmp_path / "frames.h5"
    write_frames(path, frame_set())
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    assert "frames.h5" in refused(command, path)


@pytest.mark.parametrize("command", ["simulate", "dataset"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "the process is missing"),
        ("process = ", "can't be read as TOML"),
        ("process = 'baking'", "'baking'"),
        ("process = 'drying'\nkappa = nan", "kappa is nan"),
        ("process = 'drying'\nheat = 3", "no parameter 'heat'"),
        ("process = 'drying'\nchi = 'high'", "chi is 'high'"),
        ("process = 'drying'\nwidth = 1e9", "width is 1e+09"),
        ("process = 'drying'\n[grid]\nchi = 3", "chi in grid is 3"),
    ],
)
def test_a_bad_recipe(refused, tmp_path: Path, command: str, text: str, found: str):
    (tmp_path / "recipe.toml").write_text(text)
    assert found in refused(command, tmp_path / "recipe.toml")


@pytest.mark.parametrize("command", TAKES_FRAMES)
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4, 5, 6), (0, 12, 20)])
def test_frames_of_the_wrong_shape(refused, tmp_path: Path, command: str, shape: tuple[int, ...]):
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        file["frames"] = np.zeros(shape, np.uint8)
    assert "odd.h5" in refused(command, tmp_path / "odd.h5")


def test_frames_that_the_encoder_does_not_take(refused, tmp_path: Path):
    write_frames(tmp_path / "large.h5", frame_set((16, 24)))
    assert "(24, 16, 24); this encoder takes (N, 12, 20)" in refused("score", tmp_path / "large.h5")


def test_frames_and_targets_of_another_boundary(
    refused, morphsim: Morphsim, frame_file: Path, encoder_folder: Path, tmp_path: Path
):
    write_frames(tmp_path / "walls.h5", replace(frame_set(), boundary="no-flux"))
    for line in (
        refused("score", tmp_path / "walls.h5"),
        refused("score", frame_file, "--target", f"{tmp_path / 'walls.h5'}:3"),
    ):
        assert re.search(
            r"walls\.h5(:3)? is no-flux, but the encoder was trained on periodic frames; use an", line
        )
    # Pictures, and a file made from them, do not know theirs.
    imported = tmp_path / "imported.h5"
    assert morphsim("import", tmp_path / "target.png", "--out", imported).status == 0
    for source in (imported, tmp_path / "target.png", frame_file):
        outcome = morphsim("score", source, "--target", f"{imported}:0", "--encoder", encoder_folder)
        assert outcome.status == 0, outcome.err
    assert morphsim("import", imported, "--out", tmp_path / "told.h5", "--boundary", "no-flux").status == 0
    assert "the boundary of" in refused("score", tmp_path / "told.h5")


def test_a_folder_in_place_of_a_file(refused, frame_file: Path, tmp_path: Path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films.h5").mkdir()
    for name in ("films", "films.h5"):
        assert f"{name} is a folder; name a" in refused("score", frame_file, "--target", name)
        assert f"{name} is a folder; name a" in refused("score", tmp_path / name)


@pytest.mark.parametrize("command", TAKES_FRAMES)
def test_nan(refused, tmp_path: Path, command: str):
    values = np.full((4, 12, 20), 0.0)
    values[2, 3, 4] = np.nan
    with h5py.File(tmp_path / "nan.h5", "w") as file:
        file["frames"] = values
    assert "nan" in refused(command, tmp_path / "nan.h5").lower()


@pytest.mark.parametrize("command", ["import", "score"])
def test_nan_in_an_array(refused, tmp_path: Path, command: str):
    np.save(tmp_path / "nan.npy", np.full((12, 20), np.nan))
    assert "NaN" in refused(command, tmp_path / "nan.npy")


@pytest.mark.parametrize("command", GOOD)
def test_an_unknown_option(refused, command: str):
    assert refused(command, "x", "--colour", "red").startswith("unknown option '--colour'")
    assert "did you mean --json" in refused(command, "x", "--jsno")


@pytest.mark.parametrize("command", GOOD)
def test_an_unknown_choice(refused, command: str):
    option = GOOD[command][1]
    line = refused(command, "x", option, "purple")
    assert line.startswith(f"{option} is 'purple'; use one of ")
    assert "None" not in line


@pytest.mark.parametrize(
    ("command", "option", "value", "found"),
    [
        ("simulate", "--frames", "some", "--frames is 'some'; it must be a whole number"),
        ("simulate", "--threshold", "half", "--threshold is 'half'; it must be a number"),
        ("simulate", "--process", "drying --threshold nan", "threshold is nan"),
        ("simulate", "--process", "drying --seed -1", "seed is -1"),
        ("simulate", "--process", "drying --frames 0", "frames is 0"),
        ("simulate", "--process", "drying --threads 0", "threads is 0"),
        ("simulate", "--process", "annealing --show solvent", "films of annealing hold no solvent to show"),
        ("simulate", "--process", "drying --show phases", "--show is 'phases'"),
        ("simulate", "--process", "drying --shape 0 4", "height of shape is 0; it must be"),
        ("simulate", "--process", "drying --shape 8000 2000 --frames 100", "ask for fewer or smaller frames"),
        ("simulate", "--process", "drying --set chi", "'chi' is not of the form NAME=VALUE"),
        (
            "simulate",
            "--process",
            "drying --length-nm 0",
            "length_nm is 0.0; it must be a number of nm from 1",
        ),
        ("simulate", "--process", "drying --diffusivity nan", "diffusivity is nan"),
        ("simulate", "--export", "vtk avi", "'avi'"),
        ("simulate", "--process", "drying --set heat=3", "drying has no parameter 'heat'"),
        ("simulate", "--process", "drying --set chi=3 --set chi=2", "chi is given twice"),
        ("simulate", "--shape", "4", "--shape is '4'; it must be 2 whole numbers"),
        ("dataset", "--workers", "0", "workers is 0"),
        ("dataset", "--grid", "chi=", "'chi=' is not of the form"),
        ("import", "--threshold", "2", "threshold is 2.0"),
        (
            "train-encoder",
            "--objective.kl",
            "nan",
            "objective kl is nan; it must be a finite number at least 0",
        ),
        ("train-encoder", "--epochs", "0", "epochs is 0"),
        ("train-encoder", "--network", "hidden=-3", "hidden is -3"),
        ("train-encoder", "--network", "hiden=3", "no setting 'hiden'; did you mean 'hidden'?"),
        ("train-encoder", "--network", "hidden", "'hidden' is not NAME=VALUE"),
        ("train-encoder", "--network", "hidden=many", "hidden is 'many'; it must be a whole number"),
        ("train-encoder", "--objective.group", "1", "objective group is 1"),
        ("train-encoder", "--patience", "-1", "patience is -1"),
        ("train-agent", "--steps", "0", "steps is 0"),
        ("train-agent", "--knobs", "colour", "'colour'"),
        ("train-agent", "--learning-rate", "nan", "learning_rate is nan"),
        ("train-agent", "--shape", "8 8", "8"),
        ("train-agent", "--ppo.batch-size", "7", "ppo.batch_size is 7"),
        ("evaluate-agent", "--seeds", "0", "seeds is 0"),
        ("evaluate-agent", "--first-seed", "-1", "first_seed is -1"),
        ("record-episodes", "--episodes", "0", "episodes is 0"),
        ("record-episodes", "--policies", "best", "there is no policy 'best'; use random, recipe, own, or"),
        ("record-episodes", "--policies", "own=runs/agent", "'own=runs/agent'; give an agent another name"),
        ("record-episodes", "--policies", "own own", "policies has a name twice: "),
        ("record-episodes", "--dataset-id", "films", "dataset_id is 'films'; it must be NAMESPACE/NAME-v0"),
        ("score", "--top", "0", "--top is 0"),
        (
            "score",
            "--encoder",
            "nobody",
            "encoder 'nobody' is unknown, neither an encoder's folder nor shipped; use one of",
        ),
        ("score", "--target", "nothing.png:3", "nothing.png does not exist"),
        ("score", "--target", "target.png:30", "row 30"),
        ("score", "--target", "target.png:a", "the rows 'a' are not numbers"),
    ],
)
def test_a_value_out_of_range(refused, tmp_path: Path, command: str, option: str, value: str, found: str):
    write_frames(tmp_path / "frames.h5", frame_set())
    (tmp_path / "recipe.toml").write_text("process = 'drying'\n")
    source = tmp_path / ("recipe.toml" if command in ("simulate", "dataset") else "frames.h5")
    words = [command, *([option, *value.split()])]
    line = refused(words[0], source, *words[1:])
    assert found in line


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (["dataset"], "--out"),
        (["import"], "SOURCE and --out"),
        (["train-encoder"], "FRAMES"),
        (["score", "x.h5"], "--target"),
        (["train-agent"], "--target"),
        (["evaluate-agent"], "AGENT"),
        (["record-episodes"], "TASK"),
        ([], "a command is missing"),
    ],
)
def test_something_that_must_be_given(morphsim: Morphsim, words: list[str], missing: str):
    outcome = morphsim(*words)
    assert outcome.status == 2
    assert missing in outcome.complaint
    assert "--help" in outcome.complaint


def test_one_film_is_no_data_set(refused, tmp_path: Path):
    (tmp_path / "recipe.toml").write_text("process = 'drying'\n[grid]\nchi = [1, 2]\n")
    assert "make them with `morphsim dataset`" in refused("simulate", tmp_path / "recipe.toml")


def test_places_that_can_not_be_written(morphsim: Morphsim, frame_file: Path, tmp_path: Path):
    film = ("--process", "annealing", "--frames", 1, "--shape", 8, 8, "--set", "duration=1e-5")
    for words in (
        ("simulate", *film, "--out", frame_file / "film"),
        ("dataset", *film, "--out", frame_file / "set.h5"),
        ("import", frame_file, "--out", frame_file / "copy.h5"),
        ("train-encoder", frame_file, "--out", frame_file / "encoder", "--epochs", 1),
    ):
        outcome = morphsim(*words)
        assert outcome.status == 2, words
        last = outcome.err.splitlines()[-1]
        assert last.startswith(f"morphsim {words[0]}: {frame_file}")
        assert "Traceback" not in outcome.err


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=100), max_size=4),
    st.sampled_from(sorted(GOOD)),
)
def test_any_words_give_one_line(words: list[str], command: str):
    import contextlib
    import io

    err = io.StringIO()
    # The option in front makes every such command line a bad one.
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        status = main([command, "--no-such-option", *(word for word in words if not word.startswith("-"))])
    assert status == 2
    assert len(err.getvalue().splitlines()) == 1
    assert err.getvalue().startswith(f"morphsim {command}: ")


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("length", [10, 50, 51, 52, 53, 75, 76, 77, 78, 79, 150, 400])
def test_a_word_that_the_box_breaks_is_whole_again(
    morphsim: Morphsim, monkeypatch, length: int, framed: bool
):
    # tyro frames its errors where stdout takes such characters.
    monkeypatch.setattr("tyro._fmtlib._should_use_utf8_drawing_chars", lambda: framed)
    word = "/".join(["abcdefg"] * (length // 8 + 1))[:length]
    outcome = morphsim("dataset", "--out", "x", "--threshold", word)
    assert outcome.complaint == f"morphsim dataset: --threshold is '{word}'; it must be a number"


def test_what_is_no_box_becomes_one_line():
    assert condense("oh\nno\n", [], program="morphsim x") == "oh no; see morphsim x --help"
