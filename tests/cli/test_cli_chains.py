"""Films of several processes from the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import h5py
import pytest
from cli_helpers import Morphsim
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from morphsim.errors import InputError
from morphsim.frames import read_frames, read_notes, stage_recipes
from morphsim.frames.chain_file import change_stages, read_chain
from morphsim.simulator import SimulationDiverged, record_chain
from morphsim.text_files import read_toml

SMALL = ("--frames", 2, "--shape", 16, 32)
DRY = 'process = "drying"\nevaporation = 3.0\nsolvent = 0.6\nwidth = 2.0\n'
ANNEAL = "process = 'annealing'\n"
RAMP = """
process = "annealing"
duration = "5 min"
temperature = {time_s = [0, 60, 300], value_C = [25, 140, 140], ramp = true}
"""
VAPOUR = """
process = "vapour-annealing"
duration = 0.5
ambient_vapour = {time = [0, 0.2], value = [0.4, 0.1]}
"""


@pytest.fixture
def recipes(tmp_path: Path) -> tuple[Path, Path, Path]:
    files = tuple(tmp_path / name for name in ("dry.toml", "vapour.toml", "anneal.toml"))
    for file, text in zip(files, (DRY, VAPOUR, RAMP), strict=True):
        file.write_text(text)
    return files  # type: ignore[return-value]


def test_a_dried_film_with_a_vapour_step_and_a_ramp_is_made_again_bit_for_bit(
    morphsim: Morphsim, recipes: tuple[Path, Path, Path], tmp_path: Path
):
    first, again = tmp_path / "first", tmp_path / "again"
    made = morphsim("simulate", *recipes, *SMALL, "--seed", 3, "--out", first, "--json")
    assert made.status == 0
    report = json.loads(made.out)
    assert sorted(report["files"]) == sorted(path.name for path in first.iterdir())
    assert set(report["files"]) == {"frames.h5", "film.gif", "strip.png", "chain.toml"}
    assert report["process"] == "chain"
    assert report["stages"] == ["drying", "vapour-annealing", "annealing"]
    film = read_frames(first / "frames.h5")
    assert film.columns["stage"].tolist() == [1, 1, 2, 2, 3, 3]
    assert report["time_s"] == pytest.approx(film.columns["time"][-1]) == pytest.approx(300.0, rel=1e-3)
    assert report["thickness_nm"] == pytest.approx(200.0, rel=1e-3)
    # What the knobs did is stored with every frame.
    assert film.columns["temperature"][-1] == pytest.approx(413.15)
    assert film.columns["ambient_vapour"][3] == 0.1
    assert film.columns["temperature"][0] == 298.15
    (ramp,) = film.recipes["3.schedule"].tolist()
    assert tomllib.loads(ramp)["temperature"]["value"] == [298.15, 413.15, 413.15]
    assert stage_recipes(film, 5)[2].temperature == 298.15
    with Image.open(first / "film.gif") as movie:
        assert movie.n_frames == 6
    # Everything that decides the film is in the file.
    assert morphsim("simulate", first / "chain.toml", "--out", again, "--animation", "none").status == 0
    for name in ("frames.h5", "chain.toml"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    assert read_notes(first / "frames.h5")["chain"] == (first / "chain.toml").read_text()
    # A later film in the folder leaves nothing of this one.
    words = ("simulate", "--process", "annealing", "--set", "duration=0.001", *SMALL, "--animation", "none")
    assert morphsim(*words, "--out", again).status == 0
    assert not (again / "chain.toml").exists()


def test_the_summary_and_exports_of_each_stage(
    morphsim: Morphsim, recipes: tuple[Path, Path, Path], tmp_path: Path
):
    out = tmp_path / "film"
    words = ("simulate", recipes[0], recipes[2], *SMALL, "--out", out, "--animation", "none")
    made = morphsim(*words, "--export", "xdmf", "--set", "2.duration=0.001", "1.diffusivity=2e-10")
    assert made.status == 2
    assert "goes on to 0.012 h0^2/D, beyond the duration 0.001" in made.complaint
    made = morphsim(*words, "--export", "xdmf", "--set", "2.temperature=400", "1.diffusivity=2e-10")
    assert made.status == 0
    assert "4 frames of 16 x 32" in made.out
    assert "at the end 300 s, 200.0 nm thick" in made.out
    film = read_frames(out / "frames.h5")
    # A number takes the place of the schedule.
    assert "temperature" not in film.columns
    assert film.recipes["2.temperature"].tolist() == [400.0]
    assert film.recipes["1.diffusivity"].tolist() == [2e-10]
    for number, nm in ((1, None), (2, 200.0)):
        with h5py.File(out / f"film-{number}_fields.h5") as file:
            assert file["donor"].shape[0] == 2
            assert nm is None or file["z"][-1, -1] == pytest.approx(nm, rel=1e-3)
    assert morphsim(*words, "--set", "2.temperature=400").status == 0
    assert sorted(path.name for path in out.iterdir()) == ["chain.toml", "frames.h5", "strip.png"]


def test_a_film_goes_on_from_a_material_and_from_a_frame_file(morphsim: Morphsim, tmp_path: Path):
    dry, vapour = tmp_path / "dry.toml", tmp_path / "vapour.toml"
    dry.write_text('process = "drying"\nsolvent = 0.5\nwidth = 1.0\n')
    vapour.write_text('process = "vapour-annealing"\nduration = 0.05\n')
    out = tmp_path / "film"
    words = ("simulate", dry, vapour, *SMALL, "--animation", "none", "--out", out)
    assert morphsim(*words, "--material", "p3ht-pcbm").status == 0
    film = read_frames(out / "frames.h5")
    assert film.recipes["2.n_donor"].tolist() == film.recipes["1.n_donor"].tolist() == [180.0]
    follow = tmp_path / "follow.toml"
    follow.write_text('process = "annealing"\nduration = 0.001\n')
    start = f"{out / 'frames.h5'}:1"
    on = tmp_path / "on"
    words = ("simulate", vapour, follow, *SMALL, "--animation", "none", "--out", on, "--start", start)
    assert morphsim(*words).status == 0
    later = read_frames(on / "frames.h5")
    assert later.recipes["1.n_donor"].tolist() == [180.0]
    again = tmp_path / "again"
    assert morphsim("simulate", on / "chain.toml", "--animation", "none", "--out", again).status == 0
    assert (on / "frames.h5").read_bytes() == (again / "frames.h5").read_bytes()


def test_a_stage_that_diverges_leaves_no_files(
    morphsim: Morphsim, recipes: tuple[Path, Path, Path], tmp_path: Path, monkeypatch
):
    def diverge(*given: object, **options: object):
        film = record_chain(*given, **options)  # type: ignore[arg-type]
        yield next(film)
        raise SimulationDiverged(0, 0.5, {"smallest": -1.0}, 2)

    monkeypatch.setattr("morphsim.frames.simulate_chain.record_chain", diverge)
    out = tmp_path / "film"
    outcome = morphsim("simulate", *recipes, *SMALL, "--out", out)
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith("morphsim simulate: stage 2: film 0 can't be advanced")
    assert not out.exists()


@pytest.mark.parametrize(
    ("second", "words", "complaint"),
    [
        ("", [], "stage 2: the process is missing; name one: "),
        (ANNEAL + "width = 3.0\n", [], "stage 1 is a film of width 2.0, and the recipe has 3"),
        (ANNEAL + "heat = 3.0\n", [], "stage 2: annealing has no parameter 'heat'"),
        ("process = 'annealing\n", [], "second.toml can't be read as TOML"),
        ("process = 'drying'\nresidual_solvent = 0.2\n", [], "stage 2: "),
        (ANNEAL + "replicas = 3\n", [], "second.toml describes 3 films; make them with"),
        ("[[stage]]\n" + ANNEAL, [], "second.toml describes a film of several stages"),
        (ANNEAL + "[film]\nseed = 3\n", [], "its table [film] has seed 3, unlike the first stage"),
        (ANNEAL + "film = 3\n", [], "film is 3; it must be a table"),
        (ANNEAL, ["--set", "chi=2"], "chi=2 does not say for which of 2 stages; write 1."),
        (ANNEAL, ["--set", "3.chi=2"], "3.chi=2 is for stage 3; stages count from 1 to 2"),
        (ANNEAL, ["--set", "2.chi=9"], "stage 2: AnnealingRecipe: chi is 9; it must lie"),
        (ANNEAL, ["--set", "2.chi=a"], "stage 2: AnnealingRecipe: chi is 'a'; it must be a number"),
        (ANNEAL, ["--set", "2.diffusivity=0"], "stage 2: diffusivity is 0"),
        (ANNEAL, ["--process", "drying"], "process does not say for which stage; each recipe"),
        (ANNEAL, ["--diffusivity", "1e-17"], "--set 2.diffusivity=1e-17"),
        (ANNEAL, ["--schedule", "a.csv"], "schedule does not say for which stage"),
        (ANNEAL, ["--material", "nylon"], "stage 1: there is no material 'nylon'"),
        (ANNEAL, ["--shape", "8000", "2000", "--frames", "10"], "ask for fewer or smaller frames"),
        (ANNEAL, ["--start", "none.h5"], "start is none.h5, and there is no file"),
    ],
)  # fmt: skip
def test_chains_that_can_not_be_made(
    morphsim: Morphsim,
    recipes: tuple[Path, Path, Path],
    tmp_path: Path,
    second: str,
    words: list[str],
    complaint: str,
):
    file = tmp_path / "second.toml"
    file.write_text(second)
    outcome = morphsim("simulate", recipes[0], file, "--frames", 1, *words, "--out", tmp_path / "film")
    assert outcome.status == 2
    assert complaint in outcome.complaint
    assert not (tmp_path / "film").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("stage = 3\n", "stage is 3; write [[stage]] above each recipe"),
        ("stage = []\n", "stage is []; write [[stage]] above each recipe"),
        ("stage = [1]\n", "stage is [1]; write [[stage]]"),
        ("chi = 2\n[[stage]]\n" + ANNEAL, "'chi' stands outside of its stages"),
        ("[film]\nsede = 1\n[[stage]]\n" + ANNEAL, "film has no entry 'sede'; did you mean 'seed'"),
        ("[film]\ndiffusivity = 1e-17\n[[stage]]\n" + ANNEAL, "diffusivity does not say for which"),
        ("[[stage]]\n" + ANNEAL + "[stage.steps]\ntime = 3\n", "chain.toml: steps lacks the column temp"),
    ],
)  # fmt: skip
def test_broken_chain_files(morphsim: Morphsim, tmp_path: Path, text: str, complaint: str):
    (tmp_path / "chain.toml").write_text(text)
    outcome = morphsim("simulate", tmp_path / "chain.toml", "--out", tmp_path / "film")
    assert outcome.status == 2
    assert complaint in outcome.complaint


def test_a_chain_is_no_start_and_no_data_set(morphsim: Morphsim, tmp_path: Path):
    (tmp_path / "chain.toml").write_text("[[stage]]\n" + ANNEAL)
    words = ("simulate", "--process", "vapour-annealing", "--start", tmp_path / "chain.toml")
    assert "several stages" in morphsim(*words, "--out", tmp_path / "film").complaint
    words = ("dataset", "--recipes", tmp_path / "chain.toml", "--out", tmp_path / "a.h5")
    assert "several stages; make it with `morphsim simulate`" in morphsim(*words).complaint


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_as_a_setting_changes_a_stage_or_is_refused(text: str):
    stages = [{"process": "drying"}, {"process": "annealing"}]
    try:
        changed = change_stages(stages, [text])
    except InputError as error:
        assert "\n" not in str(error) or "\n" in text
    else:
        number, _, rest = text.strip().partition(".")
        name = rest.partition("=")[0].strip()
        assert name in changed[int(number) - 1]
    assert stages == [{"process": "drying"}, {"process": "annealing"}]


@given(st.binary(max_size=60), st.sampled_from([b"", b"[[stage]]\n", b"[film]\n", b"stage = "]))
@settings(max_examples=200, deadline=None)
def test_any_file_is_a_chain_or_refused(tmp_path_factory, content: bytes, begin: bytes):
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(begin + content)
    try:
        stages, film = read_chain([file])
    except InputError:
        return
    assert stages
    assert all(isinstance(stage, dict) for stage in stages)
    assert read_toml(file).get("film", {}) == film


def test_settings_are_numbers_where_they_can():
    stages = change_stages(
        [{"process": "drying"}, {}], ["2.chi=1e-3", "1.mobility=negi", "2.temperature=80 °C"]
    )
    assert stages == [{"process": "drying", "mobility": "negi"}, {"chi": 1e-3, "temperature": "80 °C"}]
