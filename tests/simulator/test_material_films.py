"""Films of shipped materials show what their cards say, on seeds that nothing was chosen by."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.simulator import DryingRecipe, Simulation, Units
from morphsim.simulator.materials import MATERIALS, Material, material, measure_film, onset_of_demixing
from morphsim.simulator.materials.morphology import QUANTITIES, Finding
from morphsim.simulator.thermodynamics import interface

SEEDS = (101, 102, 103)
SHAPE = (100, 400)
DRIED = [entry for entry in MATERIALS.values() if entry.process == "drying"]
UNITS = Units(length_nm=100.0, diffusivity=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("entry", DRIED, ids=lambda entry: entry.name)
def test_films_show_what_the_card_says_and_not_what_it_says_they_do_not(entry: Material) -> None:
    recipe = entry.drying_recipe()
    films = []
    for seed in SEEDS:
        film = Simulation([recipe], seeds=[seed], shape=SHAPE)
        film.advance_to_dryness(1.0, time=recipe.duration)
        assert film.dry[0]
        share = film.donor_share()[0].numpy()
        films.append(measure_film(recipe, share, thickness=float(film.thickness[0]), units=entry.units))
    for finding in entry.findings:
        value = float(np.median([each[finding.quantity] for each in films]))
        assert finding.agrees(value) == finding.shown, (finding.quantity, value)


@pytest.mark.parametrize("entry", MATERIALS.values(), ids=MATERIALS)
def test_findings_have_sources_and_reasons(entry: Material) -> None:
    for finding in entry.findings:
        assert finding.quantity in QUANTITIES
        assert finding.low < finding.high
        assert finding.found
        assert finding.citation
        assert bool(finding.reason) == (not finding.shown)
    if entry.process == "drying":
        assert entry.findings
        # The frame of the test above resolves interfaces with at least three cells.
        found = interface(entry.drying_recipe())
        assert found is not None
        assert found.width > 3.0 * entry.width / SHAPE[1]


def test_drying_in_seconds() -> None:
    # Well mixed: t = [(1 - h) + s0 ln((1 - s0)/(h - s0))] / Bi.
    for name, low, high in (("p3ht-pcbm", 2.0, 10.0), ("pdpp5t-pcbm", 0.2, 1.0)):
        entry = material(name)
        recipe = entry.drying_recipe()
        solids, dry = 1.0 - recipe.solvent, recipe.dry_thickness
        time = (1.0 - dry + solids * math.log((1.0 - solids) / (dry - solids))) / recipe.evaporation
        assert low < time * entry.units.time_s < high


def stripes(upright: bool, period: int = 20) -> np.ndarray:
    line = (np.arange(100) // (period // 2) % 2).astype(float) * 0.8 + 0.1
    return np.broadcast_to(line if upright else line[:, None], (100, 100)).copy()


def test_columns_are_lateral_and_layers_are_not() -> None:
    recipe = DryingRecipe(width=1.0)
    columns = measure_film(recipe, stripes(True), thickness=1.0, units=UNITS)
    layers = measure_film(recipe, stripes(False), thickness=1.0, units=UNITS)
    assert columns["lateral share"] == pytest.approx(1.0)
    assert layers["lateral share"] == pytest.approx(0.0, abs=1e-12)
    assert columns["upright share"] == 1.0
    assert layers["upright share"] == 0.0
    assert columns["surface excess"] == pytest.approx(0.0)
    assert layers["surface excess"] == pytest.approx(-0.8)
    # A square wave's first moment lies below its period, see `domain_size`.
    assert columns["spacing"] == pytest.approx(0.85 * 20.0, rel=0.06)
    assert columns["acceptor in donor phase"] == pytest.approx(0.1)


def test_a_mixed_film_has_no_pattern() -> None:
    found = measure_film(DryingRecipe(), np.full((10, 10), 0.4), thickness=1.0, units=UNITS)
    assert found["surface excess"] == 0.0
    assert math.isnan(found["lateral share"])
    assert math.isnan(found["upright share"])
    assert math.isnan(found["spacing"])
    assert math.isnan(found["acceptor in donor phase"])
    with pytest.raises(InputError, match=r"share has the shape \(10,\)"):
        measure_film(DryingRecipe(), np.zeros(10), thickness=1.0, units=UNITS)


def test_the_onset_is_where_linear_stability_ends() -> None:
    # N 1/1, chi of donor and acceptor alone: on the path of equal shares, f'' of the exchange of both is
    # 4 / (1 - s) - 2 chi.
    recipe = DryingRecipe(
        n_donor=1, n_acceptor=1, chi=2.6, chi_donor_solvent=0.0, chi_acceptor_solvent=0.0, barrier=0.0
    )
    assert onset_of_demixing(recipe) == pytest.approx(2.0 / 2.6, abs=0.003)
    assert math.isnan(onset_of_demixing(dataclasses.replace(recipe, chi=2.0)))


def test_a_finding_agrees_within_its_range_only() -> None:
    finding = Finding(quantity="onset", low=0.1, high=0.2, found="x", citation="y")
    assert finding.agrees(0.1)
    assert not finding.agrees(0.21)
    assert not finding.agrees(float("nan"))
