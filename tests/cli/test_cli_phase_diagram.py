"""`morphsim phase-diagram`: the diagram of a material or a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Morphsim
from PIL import Image

from morphsim.simulator.materials import material
from morphsim.simulator.thermodynamics import critical_point, demixing


def test_the_diagram_of_a_material(morphsim: Morphsim, tmp_path: Path):
    outcome = morphsim("phase-diagram", "wodo-model", "--out", tmp_path / "a.png", "--json")
    assert outcome.status == 0
    numbers = json.loads(outcome.out)
    blend = material("wodo-model")
    recipe = blend.drying_recipe()
    assert numbers["critical_point"] == pytest.approx(critical_point(recipe).tolist())
    assert (numbers["start"], numbers["end"]) == ("mixed", "unstable")
    solids = 1.0 - demixing(recipe).at_spinodal[2]
    assert numbers["spinodal"]["solids"] == pytest.approx(solids)
    # The solutes keep their volume.
    expected = (1.0 - recipe.solvent) * recipe.initial_thickness / solids * blend.units.length_nm
    assert numbers["spinodal"]["thickness_nm"] == pytest.approx(expected)
    assert numbers["donor_rich_share"] == pytest.approx(0.5)
    with Image.open(tmp_path / "a.png") as image:
        assert min(image.size) > 400


def test_the_diagram_of_a_recipe_at_another_temperature(morphsim: Morphsim, tmp_path: Path):
    file = tmp_path / "film.toml"
    file.write_text('process = "annealing"\nblend_ratio = 0.15\nchi = 3.0\nchi_slope = 1500\n')
    outcome = morphsim("phase-diagram", file, "--out", tmp_path / "a.svg")
    assert outcome.status == 0
    assert "the film is metastable at the start" in outcome.out
    hot = morphsim("phase-diagram", file, "--set", "temperature=600", "--out", tmp_path / "b.svg", "--json")
    numbers = json.loads(hot.out)
    assert numbers["chi"] == pytest.approx(3.0 + 1500 * (1 / 600 - 1 / 373.15))
    assert numbers["end"] == "mixed"
    assert numbers["phases"] is None
    assert "<svg" in (tmp_path / "b.svg").read_text()


def test_the_first_values_of_schedules_and_the_file_s_scales_count(morphsim: Morphsim, tmp_path: Path):
    file = tmp_path / "film.toml"
    file.write_text(
        'process = "drying"\ntemperature = {time_ms = [0, 5], value_C = [40, 60]}\n[film]\nlength_nm = 1000\n'
    )
    outcome = morphsim("phase-diagram", file, "--out", tmp_path / "a.png", "--json")
    assert outcome.status == 0
    numbers = json.loads(outcome.out)
    assert numbers["temperature_K"] == pytest.approx(313.15)
    crossing = numbers["binodal"]
    assert crossing["thickness_nm"] * crossing["solids"] == pytest.approx(200.0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nylon"], "nylon is neither a material nor a TOML file; use one of wodo-model"),
        (["p3ht-pcmb"], "did you mean 'p3ht-pcbm'"),
        (["film.toml"], "film.toml does not exist"),
        ([], "the process is missing"),
        (["p3ht-pcbm", "--out", "a.jpg"], "a.jpg is no PNG, SVG or PDF"),
        (["p3ht-pcbm", "--process", "annealing"], "is for drying, not for annealing"),
        (["p3ht-pcbm", "--set", "chi=9"], "chi is 9; it must lie from"),
        (["p3ht-pcbm", "--tie-lines", "-1"], "tie_lines is -1"),
    ],
)
def test_diagrams_that_can_not_be(morphsim: Morphsim, tmp_path: Path, monkeypatch, words, complaint):
    monkeypatch.chdir(tmp_path)
    outcome = morphsim("phase-diagram", *words)
    assert outcome.status == 2
    assert outcome.out == ""
    assert complaint in outcome.complaint
    assert not list(tmp_path.iterdir())
