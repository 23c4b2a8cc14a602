"""`morphsim simulate --material`: a film by the name of its blend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Morphsim

from morphsim.simulator import load_recipe
from morphsim.simulator.materials import MATERIALS, material

SMALL_FILM = ("--shape", 16, 48, "--frames", 2, "--animation", "none")


def test_a_film_of_a_material_whose_parameters_options_change(morphsim: Morphsim, tmp_path: Path):
    words = ("simulate", "--material", "wodo-model-n20", "--set", "evaporation=3", "kappa=1e-3", *SMALL_FILM)
    outcome = morphsim(*words, "--out", tmp_path, "--json")
    assert outcome.status == 0
    blend = material("wodo-model-n20")
    assert load_recipe(tmp_path / "recipe.toml") == blend.drying_recipe(evaporation=3.0, kappa=1e-3)
    report = json.loads(outcome.out)
    assert report["thickness_nm"] == pytest.approx(240.0 * report["thickness"])
    assert report["time_s"] == pytest.approx(blend.units.time_s * report["time"])


def test_units_of_a_material_can_be_overridden(morphsim: Morphsim, tmp_path: Path):
    words = ("simulate", "--material", "opv-frames", "--set", "duration=1e-4", *SMALL_FILM)
    outcome = morphsim(*words, "--length-nm", 50, "--out", tmp_path, "--json")
    assert outcome.status == 0
    assert load_recipe(tmp_path / "recipe.toml") == material("opv-frames").annealing_recipe(duration=1e-4)
    report = json.loads(outcome.out)
    assert report["thickness_nm"] == 50.0
    assert report["time_s"] == pytest.approx((50e-9) ** 2 / 1e-17 * report["time"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--material", "nylon"], f"there is no material 'nylon'; use one of {', '.join(MATERIALS)}"),
        (
            ["--material", "p3ht-pcbm", "--process", "annealing"],
            "the material 'p3ht-pcbm' is for drying, not for annealing; take the process drying",
        ),
        (
            ["film.toml", "--material", "p3ht-pcbm"],
            "film.toml and the material 'p3ht-pcbm' are both a recipe; give one of them",
        ),
        (["--material", "p3ht-pcbm", "--set", "heat=1"], "drying has no parameter 'heat'"),
        (["--material", "p3ht-pcbm", "--set", "chi"], "'chi' is not of the form NAME=VALUE"),
        (["--material", "p3ht-pcbm", "--set", "chi=1", "chi=2"], "chi is given twice; give it once"),
        (["--material", "p3ht-pcbm", "--set", "chi=9"], "chi is 9; it must lie from -1 to 3"),
    ],
)
def test_materials_that_can_not_be_used(
    morphsim: Morphsim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("film.toml").write_text('process = "drying"\n')
    outcome = morphsim("simulate", *words, "--out", tmp_path / "film")
    assert outcome.status == 2
    assert outcome.out == ""
    assert complaint in outcome.complaint
    assert not (tmp_path / "film").exists()
