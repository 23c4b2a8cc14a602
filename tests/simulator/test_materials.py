from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe
from morphsim.simulator.materials.material import Material
from morphsim.simulator.materials.table import MATERIALS, material
from morphsim.simulator.simulation import Simulation
from morphsim.simulator.thermodynamics.interface import interface
from morphsim.simulator.thermodynamics.phases import binodal
from morphsim.simulator.thermodynamics.stability import represented_depth
from morphsim.simulator.units import Units

SPUN = material("pdpp5t-pcbm")


def made(entry: Material, **overrides: float) -> DryingRecipe | AnnealingRecipe:
    return getattr(entry, f"{entry.process}_recipe")(**overrides)


@pytest.mark.parametrize("entry", MATERIALS.values(), ids=MATERIALS)
def test_every_material_makes_a_recipe(entry: Material) -> None:
    recipe = made(entry)
    assert recipe.process == entry.process
    for name in ("blend_ratio", "chi", "kappa", "width", "boundary", "duration"):
        assert getattr(recipe, name) == getattr(entry, name)
    assert recipe.temperature == recipe.reference_temperature == entry.reference_temperature
    if isinstance(recipe, DryingRecipe):
        for name in ("n_donor", "n_acceptor", "solvent", "barrier", "mobility", "evaporation"):
            assert getattr(recipe, name) == getattr(entry, name)
    changed = made(entry, chi=1.9)
    assert changed == dataclasses.replace(recipe, chi=1.9)


@pytest.mark.parametrize("entry", MATERIALS.values(), ids=MATERIALS)
def test_every_material_separates_with_a_resolved_interface(entry: Material) -> None:
    recipe = made(entry)
    assert binodal(recipe) is not None
    assert len(binodal(recipe)) > 1
    found = interface(recipe)
    assert found is not None
    # Cells of the default shape.
    assert found.width > 2.0 * recipe.width / 400
    if entry.published_kappa is not None:
        published = interface(recipe, kappa=2.0 * entry.published_kappa)
        assert published is not None
        assert published.width < 0.01


@pytest.mark.parametrize("entry", MATERIALS.values(), ids=MATERIALS)
def test_every_material_has_sources(entry: Material) -> None:
    assert entry.name in MATERIALS
    assert entry.sources
    for source in entry.sources:
        assert source.parameters
        assert source.citation
        assert bool(source.doi) <= (source.basis != "estimate")
        assert not source.doi or re.fullmatch(r"10\.\d{4,5}/\S+", source.doi)
    assert any(source.doi for source in entry.sources)
    assert entry.remark.endswith(".")
    assert entry.units.time_s > 0


@pytest.mark.parametrize("name", ["wodo-model", "pdpp5t-pcbm", "p3ht-pcbm"])
def test_films_of_materials_can_be_simulated(name: str) -> None:
    recipe = material(name).drying_recipe()
    simulation = Simulation([recipe], seeds=[0], shape=(25, 100))
    simulation.advance_to_dryness(0.5, time=recipe.duration)
    assert simulation.dryness[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "length, volume, depth, noise",
    # 80.7e-6 m³/mol / 6.02214e23 = 1.34006e-28 m³, over 240 x 240 x 18 nm³; chlorobenzene's 1.68877e-28 m³.
    [(240.0, 80.7, 18.0, 1.29249e-7), (500.0, 101.7, 32.0, 2.11096e-8)],
)
def test_thermal_noise_is_a_molecule_s_part_of_a_block(
    length: float, volume: float, depth: float, noise: float
) -> None:
    units = Units(length_nm=length, diffusivity=1e-9)
    assert units.thermal_noise(molar_volume=volume, depth_nm=depth) == pytest.approx(noise, rel=1e-5)


@pytest.mark.parametrize(
    ("volume", "depth", "words"),
    [
        (1.017e-4, 20.0, r"molar_volume is 0.0001017; .*cm\^3/mol.*did you mean 101.7 \(.* m\^3/mol\)"),
        (math.nan, 20.0, "molar_volume is nan"),
        (True, 20.0, "molar_volume is True"),
        (100.0, 2e-8, r"depth_nm is 2e-08; .*did you mean 20 \(2e-08 m\)"),
        (100.0, "20", "depth_nm is '20'"),
    ],
)
def test_scales_of_the_noise_out_of_range(volume: float, depth: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        SPUN.units.thermal_noise(molar_volume=volume, depth_nm=depth)


@pytest.mark.parametrize("name", [name for name, entry in MATERIALS.items() if entry.process == "drying"])
def test_materials_have_the_noise_of_their_units(name: str) -> None:
    entry = material(name)
    recipe = entry.drying_recipe()
    assert entry.molar_volume is not None
    assert entry.depth_nm is not None
    assert entry.depth_nm == pytest.approx(represented_depth(recipe) * entry.units.length_nm, rel=0.01)
    expected = entry.units.thermal_noise(molar_volume=entry.molar_volume, depth_nm=entry.depth_nm)
    assert recipe.thermal_noise == expected
    assert entry.drying_recipe(thermal_noise=0.0).thermal_noise == 0.0
    plain = dataclasses.replace(entry, molar_volume=None, depth_nm=None)
    assert plain.drying_recipe().thermal_noise == DryingRecipe().thermal_noise
    with pytest.raises(InputError, match="both molar_volume and depth_nm"):
        dataclasses.replace(entry, depth_nm=None)


def test_published_biot_numbers() -> None:
    for speed, biot in ((6000, 0.0073), (3000, 0.0051), (1500, 0.0033), (500, 0.0019)):
        assert SPUN.biot(speed) == pytest.approx(biot)
        assert SPUN.drying_recipe(spin_speed=speed).evaporation == pytest.approx(biot)
    assert SPUN.biot(12000) == pytest.approx(0.0073 * math.sqrt(2))
    assert SPUN.biot(250) == pytest.approx(0.0019 / math.sqrt(2))
    speeds, numbers = np.array(SPUN.spin_speeds).T
    exponent = np.polyfit(np.log(speeds), np.log(numbers), 1)[0]
    assert exponent == pytest.approx(0.55, abs=0.005)


@given(low=st.floats(250, 12000), high=st.floats(250, 12000))
def test_faster_spinning_dries_faster(low: float, high: float) -> None:
    low, high = sorted((low, high))
    slow, fast = SPUN.biot(low), SPUN.biot(high)
    assert slow <= fast * (1 + 1e-12)
    assert fast <= slow * (high / low) ** 0.65 * (1 + 1e-9)
    assert SPUN.dry_thickness_ratio(high, low) == pytest.approx(math.sqrt(low / high))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: material("p3ht"), "did you mean 'p3ht-pcbm'"),
        (lambda: material("ink"), "use one of wodo-model, .*p3ht-pcbm"),
        (lambda: SPUN.biot(100), "spin_speed is 100 rpm.*from 250 to 12000"),
        (lambda: SPUN.biot(math.nan), "spin_speed is nan"),
        (lambda: SPUN.dry_thickness_ratio(1500, 0), "spin_speed is 0"),
        (lambda: material("wodo-model").drying_recipe(spin_speed=1500), "no published spin speeds"),
        (lambda: SPUN.drying_recipe(spin_speed=1500, evaporation=0.1), "give one of them"),
        (lambda: SPUN.drying_recipe(colour=3), "no parameter 'colour'"),
        (lambda: SPUN.drying_recipe(chi=9.0), "chi is 9"),
        (lambda: SPUN.annealing_recipe(), "is for drying"),
        (lambda: material("opv-frames").drying_recipe(), "is for annealing"),
    ],
)
def test_bad_choices_are_named(call: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        call()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_the_page_s_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "materials.md"
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for name, entry in MATERIALS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` "))
        assert f"| {entry.n_donor:g}, {entry.n_acceptor:g} |" in row
        assert float(re.split(r"[ |]+", row.split("|")[6].strip())[0]) == entry.kappa
        assert f"| {entry.units.length_nm:g} nm |" in row
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, page.name, "exec"), {})
    assert "0.0033 " in capsys.readouterr().out
