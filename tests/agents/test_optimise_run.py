"""A search among simulated films: its files, its continuation, and how it is scored."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import morphsim.agents.optimise.films as films_module
from morphsim.agents.optimise import OptimiseConfig, Optimum, TargetDistance, optimise_recipe
from morphsim.agents.optimise.films import FilmEnd, make_film
from morphsim.cli import main
from morphsim.errors import InputError
from morphsim.frames import read_frames
from morphsim.frames.film import Film

pytest.importorskip("cmaes")

FEW = {"films": 9, "finalists": 2, "finalist_films": 2, "check": 3}


def config(material: Path, out: Path, **options: Any) -> OptimiseConfig:
    defaults: dict[str, Any] = {
        "encoder": str(material / "encoder"),
        "target": f"{material / 'frames.h5'}:11",
        "recipe": material / "drying.toml",
        "knobs": ("evaporation", "temperature"),
        "out": out,
        **FEW,
    }
    return OptimiseConfig(**{**defaults, **options})


@pytest.fixture
def modelled(monkeypatch: pytest.MonkeyPatch) -> list[Film]:
    """Replace films by a noisy distance that is smallest at evaporation 0.3; collect what was made."""
    made: list[Film] = []

    def make(film: Film, _: TargetDistance) -> FilmEnd:
        made.append(film)
        evaporation = film.recipe.evaporation  # type: ignore[attr-defined]
        noise = np.random.default_rng(film.recording.seed).uniform(0.0, 0.05)
        frame = np.zeros(film.recording.shape, np.uint8)
        if evaporation > 2.0:
            return FilmEnd(distance=math.nan, frame=frame, reason="it burst")
        return FilmEnd(distance=abs(math.log10(evaporation / 0.3)) + noise, frame=frame, reason="")

    monkeypatch.setattr(films_module, "make_film", make)
    return made


def told(optimum: Optimum) -> tuple[Any, ...]:
    result = optimum.to_dict()
    del result["seconds"]
    return result, [(row.name, row.seed, str(row.distance), row.position) for row in optimum.rows]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"schedule": "steps", "stages": 2, "knobs": ("evaporation",)},
        # A film that is dried first.
        {"recipe": None, "process": "annealing", "set": ("duration=0.02",), "knobs": (), "schedule": "steps"},
    ],
)
def test_the_recipe_makes_the_film_of_the_check_bit_for_bit(
    options: dict[str, Any], material: Path, tmp_path: Path
) -> None:
    if "process" in options:
        options = options | {"start": str(material / "drying.toml")}
    optimum = optimise_recipe(config(material, tmp_path / "out", **options), show_progress=False)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("films", "history.csv", "picture.png", "recipe.toml", "result.json", "search.json")
    }
    words = ["simulate", str(tmp_path / "out" / "recipe.toml"), "--out", str(tmp_path / "film")]
    assert main([*words, "--animation", "none"]) == 0
    film = read_frames(tmp_path / "film" / "frames.h5")
    chosen = optimum.evaluation["optimum"]
    assert (film.frames[-1] == chosen.frames[0]).all()
    assert int(film.columns["seed"][0]) == optimum.evaluation.seeds[0]
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    distance = TargetDistance.read(material / "encoder", f"{material / 'frames.h5'}:11")
    assert result["check"]["films"]["optimum"]["distances"][0] == distance(film.frames[-1])[0]
    assert result["films"] == {"search": 9, "choice": 4, "check": 9}
    with (tmp_path / "out" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == ["search"] * 9 + ["choice"] * 4 + ["check"] * 9
    # No film of the check, nor of the choice, has the noise of another stage.
    seeds = [{row["seed"] for row in rows if row["stage"] == name} for name in ("search", "choice", "check")]
    assert [len(each) for each in seeds] == [9, 2, 3]
    assert not (seeds[0] & seeds[1] or seeds[1] & seeds[2] or seeds[0] & seeds[2])
    if not options:
        # 25 °C and 1 of the recipe; a film of 500 nm with 1e-10 m²/s evaporates at 200 µm/s.
        own = next(row for row in rows if row["film"] == "recipe")
        assert (float(own["temperature [°C]"]), float(own["evaporation [µm/s]"])) == (25.0, 200.0)


def test_a_search_approaches_the_best_knobs(material: Path, tmp_path: Path, modelled: list[Film]) -> None:
    optimum = optimise_recipe(config(material, tmp_path / "out", films=60, check=8), show_progress=False)
    assert optimum.candidate.settings["evaporation"][0] == pytest.approx(0.3, rel=0.15)
    check = optimum.evaluation
    assert check["optimum"].median < 0.1
    # The recipe has evaporation 1.
    assert check["recipe"].median == pytest.approx(math.log10(1 / 0.3), abs=0.05)
    assert check["random"].median > 0.1
    assert optimum.to_dict()["check"]["sign_tests"]["recipe"]["nearer"] == 8
    assert len(modelled) == 60 + 4 + 24
    assert len({film.recording.seed for film in modelled[:60]}) == 60


def test_the_choice_counts_new_films_alone(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def lucky(film: Film, _: TargetDistance) -> FilmEnd:
        calls.append(film.recording.seed)
        # The first candidate is near in the search by luck, and far ever after.
        near = {1: 0.0, 2: 0.1}.get(len(calls), 0.5)
        first = film.recipe.evaporation == optimum_of_first[0]  # type: ignore[attr-defined]
        if len(calls) == 1:
            optimum_of_first[0] = film.recipe.evaporation  # type: ignore[attr-defined]
        elif first:
            near = 0.9
        elif len(calls) > 9:
            near = 0.2
        return FilmEnd(distance=near, frame=np.zeros(film.recording.shape, np.uint8), reason="")

    optimum_of_first = [math.nan]
    monkeypatch.setattr(films_module, "make_film", lucky)
    optimum = optimise_recipe(config(material, tmp_path / "out"), show_progress=False)
    assert optimum.study.search.best is not None
    assert (optimum.study.search.best.number, optimum.candidate.number) == (0, 1)
    assert optimum.evaluation["optimum"].median == 0.2


@pytest.mark.parametrize("killed_at", [1, 4, 9, 11, 17])
def test_a_killed_search_goes_on_as_if_it_had_not_been(
    killed_at: int, material: Path, tmp_path: Path, modelled: list[Film], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = optimise_recipe(config(material, tmp_path / "whole"), show_progress=False)
    count = len(modelled)
    modelled.clear()
    model = films_module.make_film

    def kill(film: Film, distance: TargetDistance) -> FilmEnd:
        if len(modelled) == killed_at:
            raise KeyboardInterrupt
        return model(film, distance)

    monkeypatch.setattr(films_module, "make_film", kill)
    killed = config(material, tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt, match="the same command continues"):
        optimise_recipe(killed, show_progress=False)
    monkeypatch.setattr(films_module, "make_film", model)
    assert told(optimise_recipe(killed, show_progress=False)) == told(whole)
    # No film was made twice.
    assert len(modelled) == count
    for name in ("history.csv", "recipe.toml", "search.json", "picture.png"):
        assert (killed.out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_more_films_continue_a_finished_search(material: Path, tmp_path: Path, modelled: list[Film]) -> None:
    # 9 candidates are one generation of 6 and half of the next.
    short = config(material, tmp_path / "out")
    optimise_recipe(short, show_progress=False)
    longer = optimise_recipe(replace(short, films=20), show_progress=False)
    at_once = optimise_recipe(replace(short, films=20, out=tmp_path / "other"), show_progress=False)
    assert told(longer) == told(at_once)
    made = len(modelled)
    optimise_recipe(replace(short, films=20), show_progress=False)
    assert len(modelled) == made


def test_repeats_count_by_their_median(material: Path, tmp_path: Path, modelled: list[Film]) -> None:
    options = config(material, tmp_path / "out", films=20, repeats=3)
    optimum = optimise_recipe(options, show_progress=False)
    search = optimum.study.search
    assert len(search.candidates) == 6
    assert all(len(films) == 3 for films in search.told.values())
    assert search.value(2) == sorted(search.told[2])[1]
    assert optimum.to_dict()["films"]["search"] == 18


def test_failed_films_are_counted_and_stop_nothing(
    material: Path, tmp_path: Path, modelled: list[Film]
) -> None:
    options = config(material, tmp_path / "out", films=30, method="random", range=("evaporation=0.5,3",))
    optimum = optimise_recipe(options, show_progress=False)
    failed = sum(film.recipe.evaporation > 2.0 for film in modelled[:30])  # type: ignore[attr-defined]
    assert optimum.to_dict()["failed"]["search"] == failed > 0
    assert optimum.candidate.settings["evaporation"][0] < 0.8
    text = (tmp_path / "out" / "history.csv").read_text()
    assert text.count("it burst") >= failed
    with pytest.raises(InputError, match="all 9 films of the search failed, the first one because: it burst"):
        optimise_recipe(
            config(material, tmp_path / "none", range=("evaporation=2.1,3",)), show_progress=False
        )


def test_films_that_do_not_dry_fail(material: Path) -> None:
    options = config(material, Path("unused"))
    distance = TargetDistance.read(options.encoder, options.target)
    space = replace(options, set=("duration=0.01",)).space(distance.encoder)
    end = make_film(space.film((-1.0, -1.0)), distance)
    assert math.isnan(end.distance)
    assert "the film is not dry after its duration" in end.reason
    assert not end.frame.any()


@pytest.mark.slow
def test_workers_change_nothing(material: Path, tmp_path: Path) -> None:
    one = optimise_recipe(config(material, tmp_path / "one"), show_progress=False)
    two = optimise_recipe(config(material, tmp_path / "two", workers=2), show_progress=False)
    assert told(one) == told(two)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"seed": 4}, "seed is 4, but this run was started with 0"),
        ({"method": "random"}, "method is 'random'"),
        ({"set": ("chi=0.9",)}, "recipe.chi is 0.9"),
        ({"knobs": ("evaporation",)}, "knobs.temperature is None"),
        ({"range": ("evaporation=0.1,1",)}, "knobs.evaporation is"),
        ({"schedule": "steps"}, "schedule is 'steps'"),
        ({"target": "FRAMES:3"}, "target is"),
    ],
)
def test_another_search_does_not_go_on_in_the_folder(
    change: dict[str, Any], complaint: str, material: Path, tmp_path: Path, modelled: list[Film]
) -> None:
    first = config(material, tmp_path / "out")
    optimise_recipe(first, show_progress=False)
    made = len(modelled)
    if "target" in change:
        change = {"target": f"{material / 'frames.h5'}:3"}
    with pytest.raises(InputError) as caught:
        optimise_recipe(replace(first, **change), show_progress=False)
    assert complaint in str(caught.value)
    assert len(modelled) == made


@pytest.mark.parametrize("name", ["search.json", "film"])
def test_damage_is_refused(name: str, material: Path, tmp_path: Path, modelled: list[Film]) -> None:
    options = config(material, tmp_path / "out")
    optimise_recipe(options, show_progress=False)
    path = options.out / name if name == "search.json" else next((options.out / "films").glob("candidate*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=path.name):
        optimise_recipe(options, show_progress=False)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"films": 0}, "films is 0"),
        ({"films": 2, "repeats": 3}, "fewer than the 3 repeats"),
        ({"check": 0}, "check is 0"),
        ({"method": "guess"}, "method is 'guess'; use one of cma-es, random, tpe"),
        ({"schedule": "ramp"}, "schedule is 'ramp'"),
        ({"target": ""}, "target is ''"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        config(tmp_path, tmp_path / "out", **options)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"recipe": None}, "the process is missing"),
        ({"knobs": ("vapor",)}, "knob 'vapor' is unknown"),
        ({"range": ("evaporation=1",)}, "is not of the form NAME=LOW,HIGH"),
        ({"range": ("evaporation=3,1",)}, "range of evaporation is (3, 1)"),
        ({"range": ("chi=0.5,1",)}, "knob 'chi' is unknown"),
        ({"set": ("boundary=no-flux",)}, "boundary is no-flux, but the encoder was trained on periodic"),
        ({"population": 2}, "population is 2"),
        ({"target": "none.h5"}, "none.h5 does not exist"),
    ],
)
def test_bad_input_leaves_nothing_behind(
    options: dict[str, Any], complaint: str, material: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        optimise_recipe(config(material, tmp_path / "out", **options), show_progress=False)
    assert complaint in str(caught.value)
    assert not (tmp_path / "out").exists()
