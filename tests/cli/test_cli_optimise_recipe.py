"""`morphsim optimise-recipe`: a small search, and an exchange with a laboratory."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import Morphsim, frame_set
from PIL import Image

from morphsim.encoder import load_encoder

pytest.importorskip("cmaes")

FILM = ("--process", "annealing", "--set", "width=1", "kappa=3e-3", "duration=0.01")
FEW = ("--films", 4, "--finalists", 2, "--finalist-films", 1, "--check", 2)


@pytest.fixture
def words(frame_file: Path, encoder_folder: Path, tmp_path: Path) -> list[object]:
    where = ["--target", f"{frame_file}:5", "--encoder", encoder_folder, "--out", tmp_path / "out"]
    return ["optimise-recipe", *where, *FILM]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill_in(path: Path, **results: dict[str, str]) -> None:
    rows = rows_of(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows([row | results.get(f"c{row['candidate']}", {}) for row in rows])


def test_a_search_and_the_recipe_that_it_found(
    morphsim: Morphsim, words: list[object], tmp_path: Path
) -> None:
    outcome = morphsim(*words, *FEW)
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'out' / 'recipe.toml'}: candidate ")
    assert "after 4 films of the search and 2 to choose" in lines[0]
    assert lines[1].startswith("  temperature [°C]  ")
    assert [line.split("  ")[1].strip() for line in lines[3:6]] == [
        "optimum",
        "untouched recipe",
        "random knobs",
    ]
    result = json.loads(morphsim(*words, *FEW, "--json").out)
    assert result["films"] == {"search": 4, "choice": 2, "check": 6}
    assert result["method"] == "cma-es"
    again = morphsim(
        "simulate", tmp_path / "out" / "recipe.toml", "--animation", "none", "--out", tmp_path / "film"
    )
    assert again.status == 0, again.err
    scored = json.loads(
        morphsim("score", tmp_path / "film" / "frames.h5", *map(str, words[1:5]), "--json").out
    )
    # The distance of `score` has no unit.
    distance = result["check"]["films"]["optimum"]["distances"][0]
    scale = load_encoder(tmp_path / "encoder", device="cpu").metadata["distances"]["euclidean"]["scale"]
    assert scored["rows"][-1]["distance"] == pytest.approx(distance * scale, rel=1e-5)


def test_a_laboratory_is_asked_and_tells(morphsim: Morphsim, words: list[object], tmp_path: Path) -> None:
    outcome = morphsim(*words, "--ask", 5)
    assert outcome.status == 0, outcome.err
    folder = tmp_path / "out" / "ask-0000"
    names = [f"candidate-{number:04}.toml" for number in range(5)]
    assert sorted(path.name for path in folder.iterdir()) == [*names, "results.csv"]
    table = rows_of(folder / "results.csv")
    assert [row["candidate"] for row in table] == list("01234")
    assert all(30.0 <= float(row["temperature [°C]"]) <= 180.0 for row in table)
    assert morphsim("simulate", folder / names[2], "--animation", "none", "--out", tmp_path / "f").status == 0
    # Two films are made, one of them with a picture; the others follow later.
    picture = frame_set().frames[5] * 255
    Image.fromarray(picture.astype(np.uint8)).save(folder / "film.png")
    fill_in(folder / "results.csv", c0={"image": "film.png"}, c3={"distance": "0,25"})
    outcome = morphsim(*words, "--tell", folder / "results.csv", "--json")
    assert outcome.status == 0, outcome.err
    told = json.loads(outcome.out)
    # The picture is the target itself.
    assert (told["told"], told["with_result"], told["nearest"], told["nearest_distance"]) == (2, 2, 0, 0.0)
    fill_in(folder / "results.csv", c1={"distance": "0.75"}, c2={"distance": "nan"})
    outcome = morphsim(*words, "--tell", folder / "results.csv", "--ask", 2)
    assert outcome.status == 0, outcome.err
    assert "2 candidates have new results; 4 have results now" in outcome.out
    assert "nearest so far: candidate 0" in outcome.out
    assert (tmp_path / "out" / "ask-0005" / "candidate-0006.toml").is_file()
    # A search of simulated films goes on from these results, and makes what is missing.
    result = json.loads(morphsim(*words, *FEW[2:], "--films", 8, "--json").out)
    assert result["films"]["search"] == 8
    assert result["failed"]["search"] == 1
    history = rows_of(tmp_path / "out" / "history.csv")
    assert [row["candidate"] for row in history if row["seed"] == ""] == list("0123")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("", "has the columns none; it must have candidate, and image or distance"),
        ("candidate,value\n0,1\n", "has the columns candidate, value"),
        ("candidate,distance\n7,1\n", "candidate 7 was not asked for; they run from 0 to 2"),
        ("candidate,distance\n-1,1\n", "row 2: the candidate is '-1'"),
        ("candidate,distance\n0,far\n", "row 2: the distance is 'far'; give a number"),
        ("candidate,distance\n0,-1\n", "the distance of candidate 0 is [-1.0]"),
        ("candidate,distance\n0,inf\n", "the distance of candidate 0 is [inf]"),
        ("candidate,image,distance\n0,a.png,1\n", "row 2 has an image and a distance"),
        ("candidate,image\n0,none.png\n", "none.png does not exist"),
        ("candidate,image\n0,large.png\n", "large.png has frames of 16 x 24; the encoder takes 12 x 20"),
        ("candidate,distance\n0\n", "row 2 has 1 cells, and the header 2"),
    ],
)
def test_results_that_can_not_be_used_change_nothing(
    morphsim: Morphsim, words: list[object], tmp_path: Path, table: str, complaint: str
) -> None:
    assert morphsim(*words, "--ask", 3).status == 0
    before = (tmp_path / "out" / "search.json").read_bytes()
    Image.fromarray((frame_set((16, 24)).frames[0] * 255).astype(np.uint8)).save(tmp_path / "large.png")
    (tmp_path / "table.csv").write_text(table)
    outcome = morphsim(*words, "--tell", tmp_path / "table.csv")
    assert outcome.status == 2
    assert complaint in outcome.complaint
    assert (tmp_path / "out" / "search.json").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--films", 0), "films is 0"),
        (("--ask", 0), "ask is 0"),
        (("--tell", "none.csv"), "none.csv does not exist"),
        (("--knobs", "vapor"), "knob 'vapor' is unknown"),
        (("--method", "guess"), "--method is 'guess'; use one of cma-es, random, tpe"),
        (("--schedule", "steps", "--breakpoints", 0.5), "4 stages have 3"),
        (("--range", "temperature=80 °C"), "is not of the form NAME=LOW,HIGH"),
        (("--range", "temperature=-300 °C,80 °C"), "temperature"),
    ],
)
def test_bad_input_is_one_line(
    morphsim: Morphsim, words: list[Any], tmp_path: Path, more: tuple[object, ...], complaint: str
) -> None:
    outcome = morphsim(*words, *more)
    assert outcome.status == 2
    assert complaint in outcome.complaint
    assert not (tmp_path / "out").exists()
