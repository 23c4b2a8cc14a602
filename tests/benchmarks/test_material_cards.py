"""The benchmark of materials, and the page of cards made of it."""

from __future__ import annotations

import _material_cards
import materials
import numpy as np
from _run_all import RESULTS
from benchmark_scripts import quick_result, run_script

from morphsim.files import read_json
from morphsim.simulator.materials import MATERIALS, material


def test_the_committed_page_is_what_the_committed_results_render_to() -> None:
    text = _material_cards.PAGE.read_text(encoding="utf-8")
    assert text == _material_cards.page(read_json(RESULTS / "materials.json")["results"]), (
        "python benchmarks/_material_cards.py renders the page anew"
    )
    for name in MATERIALS:
        assert (_material_cards.PICTURES / f"{name}.png").is_file()


def test_variants_are_of_drying_materials_and_valid() -> None:
    assert set(materials.VARIANTS) == {e.name for e in MATERIALS.values() if e.process == "drying"}
    for name, variants in materials.VARIANTS.items():
        assert next(iter(variants)) == materials.SHIPPED
        recipes = [material(name).drying_recipe(**changes) for changes in variants.values()]
        assert len(set(map(str, recipes))) == len(recipes)


def test_a_quick_run_measures_the_shipped_films() -> None:
    result = quick_result("materials", "--material", "wodo-model", timeout=600.0)
    (found,) = result["results"]["wodo-model"].values()
    assert found["changes"] == {}
    assert 0.0 <= found["donor on top"] <= 1.0
    assert 0.0 < found["upright share"] < 1.0
    assert np.isfinite(found["spacing"])
    assert [target["name"] for target in result["targets"]] == ["wodo-model: findings as its card says"]


def test_a_material_without_variants_is_refused() -> None:
    done = run_script("materials", "--material", "opv-frames")
    assert done.returncode == 2
    assert "opv-frames has no variants here; use some of p3ht-pcbm" in done.stderr
