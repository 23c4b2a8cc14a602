"""A search by asking and telling: what it proposes, and what it learns."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.agents.optimise import KnobSpace, RecipeSearch, TargetDistance
from morphsim.errors import InputError
from morphsim.frames import read_frames
from morphsim.frames.simulate import FilmConfig

pytest.importorskip("optuna")
pytest.importorskip("cmaes")

SHAPE = (16, 48)


def space(process: str = "drying", **options: Any) -> KnobSpace:
    options.setdefault("knobs", ("evaporation", "temperature") if process == "drying" else None)
    return KnobSpace(FilmConfig(process=process, shape=SHAPE).film(), **options)  # type: ignore[arg-type]


def quadratic(position: Any) -> float:
    """Smallest, 0.1, at 0.4 everywhere."""
    return 0.1 + float(((np.asarray(position) - 0.4) ** 2).sum())


def minimised(search: RecipeSearch, films: int) -> list[float]:
    values = []
    while len(search.candidates) < films:
        for candidate in search.ask(search.batch):
            values.append(quadratic(candidate.position))
            search.tell(candidate, distance=values[-1])
    return values


@pytest.mark.parametrize(("method", "tolerance"), [("cma-es", 1e-3), ("tpe", 0.05)])
def test_a_quadratic_is_minimised(method: Any, tolerance: float) -> None:
    search = RecipeSearch(space(), method=method)
    values = minimised(search, 120)
    assert min(values) < 0.1 + tolerance
    # Of random positions the mean is 0.1 + 2 (1/3 + 0.16) = 1.09.
    assert np.mean(values[-20:]) < 0.4
    assert search.best is not None
    assert np.allclose(search.best.position, 0.4, atol=0.25)
    assert search.value(search.best.number) == min(values)


@pytest.mark.parametrize(("process", "options"), [("annealing", {}), ("drying", {"schedule": "steps"})])
def test_one_value_and_eight_are_searched(process: str, options: dict[str, Any]) -> None:
    found = RecipeSearch(space(process, **options))
    assert found.space.size == (1 if process == "annealing" else 8)
    values = minimised(found, 240)
    assert min(values) < 0.15


def test_random_candidates_fill_all_ranges_evenly() -> None:
    positions = np.array([each.position for each in RecipeSearch(space(), method="random").ask(400)])
    assert np.abs(positions).max() <= 1.0
    # The mean of 400 has a standard deviation of 0.029, and the share in a quarter one of 0.022.
    assert np.abs(positions.mean(axis=0)).max() < 0.12
    assert abs(((positions > 0).all(axis=1)).mean() - 0.25) < 0.09


@pytest.mark.parametrize("method", ["cma-es", "tpe", "random"])
def test_a_restored_search_goes_on_as_the_first(method: Any) -> None:
    first = RecipeSearch(space(), method=method, seed=3)
    minimised(first, 26)
    pending = first.ask(2)
    second = RecipeSearch(space(), method=method, seed=3)
    second.restore(json.loads(json.dumps(first.to_dict())))
    assert second.pending == pending
    assert [second.value(n) for n in second.told] == [first.value(n) for n in first.told]
    assert second.ask(5) == first.ask(5)
    other = RecipeSearch(space(), method=method, seed=4)
    assert other.ask(1)[0].position != first.candidates[0].position


def test_positions_are_those_of_knobs() -> None:
    # Evaporation goes from 0.03 to 3 and is logarithmic, temperature from 288.15 to 338.15 K.
    found = space()
    assert found.settings((-1.0, 1.0)) == {"evaporation": (0.03,), "temperature": (338.15,)}
    middle = found.settings((0.0, 0.0))
    assert middle["evaporation"][0] == pytest.approx(0.3, rel=1e-12)
    assert middle["temperature"][0] == pytest.approx(313.15, rel=1e-12)
    film = found.film((0.0, 0.0), seed=7)
    assert (film.recipe.evaporation, film.recording.seed) == (middle["evaporation"][0], 7)  # type: ignore[attr-defined]
    narrow = space(ranges={"evaporation": (0.1, 0.4)})
    assert narrow.settings((0.0, 0.0))["evaporation"][0] == pytest.approx(0.2, rel=1e-12)


def test_the_grid_resolves_the_coldest_film() -> None:
    film = FilmConfig(process="annealing", shape=(12, 20), set=("width=1", "kappa=3e-3")).film()
    cold, warm = (KnobSpace(film, ranges={"temperature": ends}) for ends in ((250.0, 300.0), (420.0, 440.0)))
    # Interfaces are thin where χ is large; all candidates have one grid.
    assert cold.base.cells[0] > warm.base.cells[0]
    assert cold.film([1.0]).cells == cold.film([-1.0]).cells == cold.base.cells
    cold.check_resolution()


def test_stages_of_a_drying_film_begin_where_its_pattern_is_decided() -> None:
    found = space(schedule="steps")
    assert found.points == (0.0, 0.45, 0.6, 0.75)
    position = (-1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 1.0)
    profiles = found.film(position).schedule.profiles  # type: ignore[union-attr]
    assert profiles["evaporation"].points == (0.0, 0.45, 0.6, 0.75)
    assert profiles["evaporation"].values == pytest.approx((0.03, 3.0, 0.03, 3.0))
    assert profiles["evaporation"].over == "dryness"
    assert profiles["temperature"].values == pytest.approx((313.15, 313.15, 313.15, 338.15))
    assert space(schedule="steps", stages=2, breakpoints=(0.3,)).points == (0.0, 0.3)
    assert space(schedule="steps", stages=3).points == (0.0, 0.45, 0.675)


def test_stages_of_an_annealed_film_are_equal_in_the_logarithm_of_time() -> None:
    assert space("vapour-annealing", schedule="steps").over == "time"
    found = space("annealing", schedule="steps", stages=5)
    duration = found.base.recipe.duration
    points = np.array(found.points)
    assert points[0] == 0.0
    # From a two-hundredth of the duration, the first snapshot, to its end.
    factor = 200.0 ** (1 / 5)
    assert np.allclose(points[2:] / points[1:-1], factor)
    assert points[1] == pytest.approx(duration / 200.0 * factor)
    assert duration / points[-1] == pytest.approx(factor)


def test_failed_films_count_as_the_farthest_one() -> None:
    search = RecipeSearch(space(), method="random")
    search.ask(4)
    search.tell(0, distance=math.nan)
    # No film is known; random pairs are 1 apart.
    assert search.best is None
    assert search.value(0) == 1.0
    search.tell(1, distance=2.5)
    search.tell(2, distance=[0.2, math.nan, 0.4])
    assert [search.value(number) for number in range(3)] == [2.5, 2.5, 0.4]
    assert (search.failed, search.worst) == (2, 2.5)
    assert [each.number for each in search.ranked(9)] == [2, 1]
    assert [each.number for each in search.pending] == [3]


def test_the_same_films_as_frames_and_as_distances(material: Path) -> None:
    distance = TargetDistance.read(material / "encoder", f"{material / 'frames.h5'}:11,15")
    frames = read_frames(material / "frames.h5").frames
    assert distance(frames[11]).tolist() == [0.0]
    told, named = (RecipeSearch(space(), distance=distance, method="random") for _ in range(2))
    for search in (told, named):
        search.ask(2)
    told.tell(0, frames[3])
    told.tell(1, frames[4:7])
    named.tell(0, distance=distance(frames[3]).tolist())
    named.tell(1, distance=[float(distance(frame)[0]) for frame in frames[4:7]])
    assert told.to_dict() == named.to_dict()
    assert told.value(1) == np.median([distance(frame)[0] for frame in frames[4:7]])


def test_results_that_are_none_are_named() -> None:
    search = RecipeSearch(space(), method="random")
    with pytest.raises(InputError, match="candidate 0 was not asked for; there is none"):
        search.tell(0, distance=1.0)
    search.ask(2)
    for wrong, complaint in (
        ({"candidate": 2, "distance": 1.0}, "candidate 2 was not asked for; they run from 0 to 1"),
        ({"candidate": True, "distance": 1.0}, "candidate True was not asked for"),
        ({"candidate": 0, "distance": -1.0}, "the distance of candidate 0 is -1.0; it must be 0 or above"),
        ({"candidate": 0, "distance": math.inf}, "the distance of candidate 0 is inf"),
        ({"candidate": 0, "distance": []}, "the distance of candidate 0 is"),
        ({"candidate": 0}, "give frames or a distance"),
        ({"candidate": 0, "frames": np.zeros(SHAPE)}, "this search has no target"),
    ):
        with pytest.raises(InputError, match=complaint):
            search.tell(**wrong)  # type: ignore[arg-type]
    search.tell(0, distance=1.0)
    # The same result again changes nothing.
    search.tell(0, distance=[1.0])
    with pytest.raises(InputError, match=r"candidate 0 has the result \[1.0\], and \[2.0\] is told now"):
        search.tell(0, distance=2.0)
    assert search.told == {0: (1.0,)}
    with pytest.raises(InputError, match="the number of candidates is 0"):
        search.ask(0)


@pytest.mark.parametrize(
    "values",
    [{}, {"asked": 3, "told": []}, {"asked": [[0.0]], "told": []}, {"asked": [], "told": [[0, [1.0]]]}],
)
def test_a_damaged_state_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="these are not the candidates of a search"):
        RecipeSearch(space(), method="random").restore(values)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"knobs": ("vapor",)}, "knob 'vapor' is unknown"),
        ({"schedule": "ramp"}, "schedule is 'ramp'; use one of constant, steps"),
        ({"schedule": "steps", "stages": 1}, "stages is 1"),
        ({"schedule": "steps", "breakpoints": (0.5,)}, "4 stages have 3"),
        ({"schedule": "steps", "stages": 3, "breakpoints": (0.5, 0.4)}, "each above the one before"),
        ({"schedule": "steps", "stages": 2, "breakpoints": (1.0,)}, "between 0 and 1"),
        ({"breakpoints": (0.5,)}, "breakpoints are those of stages"),
        ({"ranges": {"evaporation": (2.0, 1.0)}}, "range of evaporation is"),
        ({"ranges": {"temperature": (2.0, 300.0)}}, "goes too far: DryingRecipe: temperature is 2 K"),
    ],
)
def test_bad_spaces_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        space(**options)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(("method", "package"), [("cma-es", "cmaes"), ("tpe", "optuna")])
def test_a_missing_package_is_told_with_its_extra(
    method: Any, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=r"pip install 'morphsim\[tune\]'"):
        RecipeSearch(space(), method=method)
    assert len(RecipeSearch(space(), method="random").ask(3)) == 3
