"""Films that go through several processes: what is handed on, and what a stage takes from earlier ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Simulation,
    SimulationDiverged,
    VapourAnnealingRecipe,
    plan_chain,
    record_chain,
    record_film,
)
from morphsim.simulator.film_start import start_of
from morphsim.simulator.handover import hand_over

SHAPE = (16, 32)
DRY: dict[str, Any] = {
    "process": "drying", "evaporation": 3.0, "solvent": 0.6, "width": 2.0, "chi": 1.1, "thermal_noise": 1e-7,
    "diffusivity": 2e-10,
}  # fmt: skip
VAPOUR: dict[str, Any] = {"process": "vapour-annealing", "duration": 1.0}
ANNEAL: dict[str, Any] = {"process": "annealing", "duration": 0.003}
# Few cells resolve the interfaces of such films.
WIDE = {"kappa": 5e-3}


def amounts(film: Simulation) -> dict[str, float]:
    """Thickness of each component alone [h0]."""
    phi, thickness = film.fields()[0].double(), float(film.thickness[0])
    donor = float(phi[0].mean()) * thickness
    solids = float(phi.sum(dim=0).mean()) * thickness if len(phi) == 2 else thickness
    return {"donor": donor, "acceptor": solids - donor, "solvent": thickness - solids}


def test_every_component_is_conserved_through_dry_vapour_anneal_vapour() -> None:
    recipe = DryingRecipe(
        **{name: value for name, value in DRY.items() if name not in ("process", "diffusivity")}
    )
    film = Simulation([recipe], seeds=[3], shape=SHAPE, dtype="float64")
    wet = amounts(film)
    film.advance_to_dryness(1.0, time=recipe.duration)
    dried = amounts(film)
    assert dried["solvent"] < 0.1 * wet["solvent"]
    followed = (
        VapourAnnealingRecipe(duration=0.3, width=2.0),
        AnnealingRecipe(duration=1e-3, width=2.0),
        VapourAnnealingRecipe(duration=0.3, width=2.0, solvent=0.2),
        DryingRecipe(evaporation=3.0, width=2.0, residual_solvent=0.02),
    )
    for next_recipe in followed:
        before = amounts(film)
        start = start_of(film, next_recipe.process)
        own = start.applied(next_recipe)
        fields = start.fields(own, seed=3, cells=SHAPE, dtype="float64")
        film = Simulation([own], seeds=[3], shape=SHAPE, fields=fields[None], dtype="float64")
        after = amounts(film)
        solids = after["donor"] + after["acceptor"]
        # A film that was annealed dry takes up what its recipe says.
        solvent = before["solvent"] if before["solvent"] > 1e-3 else solids * 0.2 / 0.8
        expected = {**before, "solvent": 0.0 if next_recipe.process == "annealing" else solvent}
        assert after == pytest.approx(expected, rel=1e-12, abs=1e-14)
        film.advance(time=min(own.duration, 0.3))
        for name in ("donor", "acceptor"):
            assert amounts(film)[name] == pytest.approx(wet[name], rel=1e-11)


@given(
    arrays(np.float64, (3, 4), elements=st.floats(0.002, 0.998)),
    arrays(np.float64, (3, 4), elements=st.floats(0.01, 1.0)),
    st.floats(0.01, 0.97),
)
@settings(max_examples=200, deadline=None)
def test_solids_are_kept_when_the_solvent_goes_and_comes(
    share: np.ndarray, solids: np.ndarray, solvent: float
) -> None:
    phi = np.stack([share * solids, (1.0 - share) * solids])
    dry = hand_over(phi, components=1, solvent=0.0)
    assert dry.shape == (1, 3, 4)
    assert dry.min() >= 0.0
    assert dry.max() <= 1.0
    assert dry.mean() == pytest.approx(phi[0].mean() / phi.sum(axis=0).mean(), rel=1e-12)
    wet = hand_over(dry, components=2, solvent=solvent)
    alone = wet.mean(axis=(1, 2)) / (1.0 - solvent)
    np.testing.assert_allclose(alone, [dry.mean(), 1.0 - dry.mean()], atol=1e-12)
    assert hand_over(wet, components=2, solvent=0.5) is wet


def test_pure_cells_stay_pure() -> None:
    share = np.array([[0.0, 0.3, 0.6, 1.0]])
    phi = np.stack([share, 1.0 - share]) * np.array([[0.9, 0.8, 0.95, 0.85]])
    dry = hand_over(phi, components=1, solvent=0.0)[0]
    assert (dry[0, 0], dry[0, 3]) == (0.0, 1.0)
    assert dry.mean() == pytest.approx(phi[0].mean() / phi.sum(axis=0).mean(), rel=1e-14)


def test_an_even_solvent_leaves_the_share_of_each_cell() -> None:
    share = np.random.default_rng(0).random((4, 5))
    phi = np.stack([share, 1.0 - share]) * 0.9
    np.testing.assert_allclose(hand_over(phi, components=1, solvent=0.0)[0], share, atol=1e-14)


def test_a_chain_is_its_stages_by_hand() -> None:
    stages = [{**stage, **WIDE} for stage in (DRY, VAPOUR, ANNEAL)]
    film = list(record_chain(stages, seed=5, frames=1, shape=SHAPE, cells=SHAPE))
    assert [stage.number for stage, _ in film] == [1, 2, 3]
    recipes = [stage.recipe for stage, _ in film]
    hand = Simulation([recipes[0]], seeds=[5], shape=SHAPE)
    hand.advance_to_dryness(1.0, time=recipes[0].duration)
    (first,) = record_film(recipes[0], seed=5, frames=1, shape=SHAPE, cells=SHAPE)
    np.testing.assert_array_equal(film[0][1].fields, first.fields)
    (second,) = record_film(VapourAnnealingRecipe(**{**_own(recipes[1]), "solvent": 0.5}), seed=5, frames=1,
                            shape=SHAPE, start=hand)  # fmt: skip
    np.testing.assert_array_equal(film[1][1].fields, second.fields)
    assert film[1][1].thickness == second.thickness
    # The film tells its own thickness and solvent, to the last digit.
    assert recipes[1].initial_thickness == pytest.approx(film[0][1].thickness, rel=1e-15)
    wet = start_of(hand, "vapour-annealing").applied(recipes[1])
    assert wet == recipes[1]


def _own(recipe: Any) -> dict[str, Any]:
    return {name: value for name, value in recipe.to_dict().items() if name != "process"}


def test_time_and_thickness_run_through_all_stages() -> None:
    film = list(record_chain([DRY, VAPOUR, ANNEAL], seed=1, frames=3, shape=SHAPE))
    seconds = [stage.time_s(moment) for stage, moment in film]
    assert np.all(np.diff(seconds) > 0.0)
    # (500 nm)^2 / (2e-10 m^2/s) in the first two stages, / (1e-17 m^2/s) in the last.
    units = [250e-15 / 2e-10, 250e-15 / 2e-10, 250e-15 / 1e-17]
    ends = [film[row][1].time * unit for row, unit in zip((2, 5, 8), units, strict=True)]
    assert seconds[2::3] == pytest.approx(np.cumsum(ends), rel=1e-12)
    stage, first_wet = film[3]
    dry = film[2][0].thickness_nm(film[2][1])
    assert dry <= stage.thickness_nm(first_wet) < 1.5 * dry
    assert [stage.thickness_nm(moment) for stage, moment in film[6:]] == pytest.approx([500.0 * 0.4] * 3)
    assert len({moment.cells for _, moment in film}) == 1


def test_noise_goes_on_where_it_was() -> None:
    hand = Simulation([DryingRecipe(evaporation=3.0, solvent=0.4, **WIDE)], seeds=[0], shape=SHAPE)
    hand.advance_to_dryness(1.0, time=400.0)
    drawn = int(hand.state.draws[0])
    assert drawn > 0
    start = start_of(hand, "vapour-annealing")
    assert start.draws == drawn
    recipe = start.applied(VapourAnnealingRecipe(duration=0.01, thermal_noise=1e-7, **WIDE))
    fields = start.fields(recipe, seed=0, cells=SHAPE)
    (again,) = record_film(recipe, seed=0, frames=1, shape=SHAPE, cells=SHAPE, fields=fields)
    (on,) = record_film(recipe, seed=0, frames=1, shape=SHAPE, start=hand)
    assert not np.array_equal(again.fields, on.fields)


def test_a_snapshot_starts_a_film() -> None:
    recipe = DryingRecipe(evaporation=3.0, solvent=0.4, **WIDE)
    (dry,) = record_film(recipe, seed=0, frames=1, shape=SHAPE, cells=SHAPE)
    recipe_after = AnnealingRecipe(duration=1e-6, kappa=0.02)
    (film,) = record_film(recipe_after, seed=0, frames=1, shape=SHAPE, cells=SHAPE, start=dry)
    assert film.thickness == pytest.approx(0.6, rel=1e-3)
    np.testing.assert_allclose(film.share, dry.share, atol=0.02)


def test_stages_take_over_what_they_do_not_state() -> None:
    dry, anneal, vapour = plan_chain([DRY, ANNEAL, {**VAPOUR, "chi": 0.9}])
    assert (anneal.recipe.chi, anneal.units.diffusivity) == (AnnealingRecipe().chi, 1e-17)
    assert (anneal.recipe.width, anneal.recipe.initial_thickness) == (2.0, pytest.approx(0.4))
    # Parameters of films with solvent come from the stage before the last.
    assert (vapour.recipe.chi, vapour.recipe.thermal_noise) == (0.9, 1e-7)  # type: ignore[attr-defined]
    assert (dry.units.diffusivity, vapour.units.diffusivity) == (2e-10, 2e-10)
    assert vapour.recipe.to_dict()["solvent"] == 0.1
    assert {stage.units.length_nm for stage in (dry, anneal, vapour)} == {500.0}
    # A film that was annealed dry takes up the solvent that its recipe says.
    fixed = frozenset({"width", "boundary", "blend_ratio", "initial_thickness"})
    assert (dry.fixed, anneal.fixed, vapour.fixed) == (frozenset(), fixed, fixed)
    assert plan_chain([DRY, VAPOUR])[1].fixed == fixed | {"solvent"}
    named = plan_chain(
        [{"residual_solvent": 0.05}, {"process": "vapour-annealing"}], material_name="p3ht-pcbm"
    )
    assert named[1].recipe.to_dict()["n_donor"] == named[0].recipe.to_dict()["n_donor"] != 20.0
    assert named[0].units == named[1].units
    assert plan_chain([VapourAnnealingRecipe(), DryingRecipe()], length_nm=80.0)[1].units.length_nm == 80.0


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "there is no stage; give at least one recipe"),
        ([{"chi": 1.0}], "^the process is missing; name one: "),
        ([DRY, {"duration": 1.0}], "stage 2: the process is missing"),
        ([DRY, {"process": "anneal"}], "stage 2: process is 'anneal'; did you mean 'annealing'"),
        ([DRY, {**ANNEAL, "width": 3.0}], "stage 2: stage 1 is a film of width 2.0, and the recipe has 3.0"),
        (
            [DRY, {**ANNEAL, "width": 3.0, "initial_thickness": 1.0}],
            "is a film of width 2.0, initial_thickness 0.4.*, and the recipe has 3.0, 1.0; leave them",
        ),
        ([DRY, {**ANNEAL, "evaporation": 1.0}], "stage 2: annealing has no parameter 'evaporation'"),
        ([DRY, {"process": "drying"}], "stage 2: .*residual_solvent 0.1 is not below solvent 0.1"),
        ([DRY, {**ANNEAL, "diffusivity": -1.0}], "stage 2: diffusivity is -1"),
        ([DRY, DryingRecipe], "stage 2: recipe is <class"),
    ],
)  # fmt: skip
def test_chains_that_can_not_be_made(stages: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        next(record_chain(stages, seed=0, frames=1, shape=SHAPE))


def test_failures_name_their_stage() -> None:
    late = {"process": "drying", "residual_solvent": 0.05, "duration": 1e-3}
    film = record_chain([DRY, late], seed=0, frames=1, shape=SHAPE)
    next(film)
    with pytest.raises(InputError, match=r"^stage 2: the film is not dry after its duration"):
        next(film)
    alone = record_chain([{**DRY, "duration": 1e-3}], seed=0, frames=1, shape=SHAPE)
    with pytest.raises(InputError, match=r"^the film is not dry"):
        next(alone)


def test_divergence_names_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    film = record_chain([DRY, ANNEAL], seed=0, frames=1, shape=SHAPE)
    next(film)

    def diverge(*_: Any, **__: Any) -> None:
        raise SimulationDiverged(0, 0.5, {"step": 1e-9})

    monkeypatch.setattr(Simulation, "advance", diverge)
    with pytest.raises(SimulationDiverged, match=r"^stage 2: film 0 can't be advanced") as caught:
        next(film)
    assert caught.value.stage == 2


def test_wrong_starts_of_a_film() -> None:
    two = Simulation([AnnealingRecipe()] * 2, seeds=[0, 1], shape=SHAPE)
    recipe = AnnealingRecipe(duration=1e-3)
    with pytest.raises(InputError, match="start is a batch of 2 films; give one, as simulation"):
        next(record_film(recipe, seed=0, frames=1, shape=SHAPE, start=two))
    with pytest.raises(InputError, match="fields and start are both an initial state"):
        next(record_film(recipe, seed=0, shape=SHAPE, start=two.take([0]), fields=np.full((1, *SHAPE), 0.5)))
    with pytest.raises(InputError, match="start is a film of 16 x 32 cells, and the shape is 20 x 40"):
        next(record_film(recipe, seed=0, shape=(20, 40), cells=(10, 10), start=two.take([0])))
    with pytest.raises(InputError, match="start is 'film'; give a snapshot, or a simulation"):
        next(record_film(recipe, seed=0, shape=SHAPE, start="film"))  # type: ignore[arg-type]
