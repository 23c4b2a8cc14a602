"""Schedules: what knobs do, that films can be made again, and how limits hold them back."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Knob,
    Recipe,
    Simulation,
    Snapshot,
    Units,
    VapourAnnealingRecipe,
    record_film,
)
from morphsim.simulator.schedules import (
    Profile,
    Schedule,
    Steps,
    profile,
    read_schedule,
    schedule_from_dict,
)
from morphsim.simulator.schedules.drive import record
from morphsim.simulator.schedules.follower import KnobFollower
from morphsim.simulator.schedules.steps import steps_from_dict

SMALL = (16, 32)
ANNEALING = AnnealingRecipe(width=1.0, kappa=2e-3, duration=0.02)
DRYING = DryingRecipe(width=1.0, kappa=1e-3, evaporation=1.0)
UNITS = Units(length_nm=100.0, diffusivity=1e-16)
HEAT = Schedule({"temperature": Profile((0.0, 0.004, 0.02), (320.0, 400.0, 410.0), ramp=True)})


def film(
    recipe: Recipe, schedule: Schedule | Steps | None, frames: int = 4, **options: Any
) -> list[Snapshot]:
    return list(record_film(recipe, seed=3, frames=frames, shape=SMALL, schedule=schedule, **options))


def equal(one: list[Snapshot], other: list[Snapshot]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.fields, b.fields) and a.time == b.time and a.knobs == b.knobs
        for a, b in zip(one, other, strict=True)
    )


CASES = {
    "annealing": (ANNEALING, HEAT),
    "drying": (
        DRYING,
        Schedule(
            {
                "temperature": Profile((0.0, 0.2), (290.0, 330.0), rate_limit=60.0),
                "evaporation": Profile((0.0, 0.3, 0.9), (2.0, 0.5, 1.0), over="dryness"),
                "ambient_vapour": Profile((0.0, 0.5, 1.0), (0.0, 0.2, 0.0), over="dryness", ramp=True),
            }
        ),
    ),
    "vapour-annealing": (
        VapourAnnealingRecipe(width=1.0, kappa=1e-3, duration=3.0),
        Schedule({"ambient_vapour": Profile((0.0, 1.0, 2.0), (0.0, 0.4, 0.1))}),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_film_is_made_again_from_its_schedule_and_from_its_steps(case: str) -> None:
    recipe, schedule = CASES[case]
    made, again = Steps(), Steps()
    first = film(recipe, schedule, steps=made)
    assert not equal(first, film(schedule.started(recipe), None))
    assert equal(first, film(recipe, schedule))
    read = steps_from_dict(made.to_dict(), [*first[0].knobs])
    assert equal(first, film(schedule.started(recipe), read, steps=again))
    assert again.ends == made.ends
    assert made.frames == 4
    assert made.ends[-1] == first[-1].time


def test_steps_begin_at_their_time_and_at_their_dryness() -> None:
    steps = Steps()
    schedule = Schedule(
        {
            "temperature": Profile((0.0, 0.1), (300.0, 320.0)),
            "evaporation": Profile((0.0, 0.5), (1.0, 0.3), over="dryness"),
        }
    )
    snapshots = film(DRYING, schedule, frames=3, steps=steps)
    trace = steps.trace()
    assert trace.time[0] == 0.0
    assert np.all(np.diff(trace.time) > 0.0)
    warm = int(np.argmax(trace.knobs["temperature"] == 320.0))
    assert trace.time[warm] == pytest.approx(0.1, rel=1e-12)
    slow = int(np.argmax(trace.knobs["evaporation"] == 0.3))
    assert steps.steps[slow - 1].dryness == 0.5
    assert {*trace.knobs["evaporation"][:slow]} == {1.0}
    assert [snapshot.knobs["evaporation"] for snapshot in snapshots] == [1.0, 0.3, 0.3]


def test_a_constant_schedule_is_the_film_without_one() -> None:
    constant = Schedule({"temperature": Profile((0.0,), (ANNEALING.temperature,))})
    assert equal(film(ANNEALING, constant), film(ANNEALING, None))


def last_fields(parts: int, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, Any]:
    monkeypatch.setattr(profile, "PARTS", parts)
    (last,) = film(ANNEALING, HEAT, frames=1, dtype="float64", tolerance=1e-5)
    return last.fields.astype(np.float64)


def test_ramps_converge_with_the_square_of_their_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = last_fields(1600, monkeypatch)
    errors = [np.abs(last_fields(n, monkeypatch) - exact).max() for n in (25, 100, 200, 400)]
    coarse, shipped, fine, finest = errors
    # Before the quadratic regime errors fall more slowly.
    assert shipped < coarse / 5.0
    assert shipped > 3.5 * fine > 3.5 * 3.5 * finest
    # The default tolerance of the solver changes these fields by 4e-3.
    assert shipped < 6e-3


@given(st.floats(-0.9, 5.0), st.floats(-0.9, 5.0), st.booleans())
def test_the_pieces_of_a_ramp_are_fine_and_keep_its_mean(
    first: float, last: float, logarithmic: bool
) -> None:
    knob = Knob("evaporation", 0.03, 3.0, logarithmic)
    ramp = Profile((0.0, 2.0), (first, last), ramp=True)
    begins, values = map(np.array, zip(*ramp.pieces(knob), strict=True))
    lengths = np.diff(begins)
    assert begins[-1] == 2.0
    assert values[-1] == last
    assert np.average(values[:-1], weights=lengths) == pytest.approx(0.5 * (first + last), abs=1e-9)
    assert np.abs(np.diff(values[:-1])).max(initial=0.0) <= (3.0 - 0.03) / 100 * 1.001


def test_a_knob_follows_no_faster_than_its_limit() -> None:
    steps = Steps()
    step = Schedule({"temperature": Profile((0.0, 0.005), (320.0, 380.0), rate_limit=6000.0)})
    film(ANNEALING, step, steps=steps)
    trace = steps.trace()
    temperature, middle = trace.knobs["temperature"], 0.5 * (trace.time[1:] + trace.time[:-1])
    exact = 320.0 + np.clip(6000.0 * (middle - 0.005), 0.0, 60.0)
    assert np.abs(temperature - exact).max() < 1.6
    assert np.abs(temperature - exact).mean() < 0.5
    assert temperature[-1] == 380.0
    assert trace.time[int(np.argmax(temperature == 380.0))] == pytest.approx(0.015)


@given(
    st.lists(st.tuples(st.floats(0.001, 3.0), st.floats(300.0, 400.0)), min_size=1, max_size=8),
    st.floats(0.5, 200.0),
    st.floats(0.0, 2.0),
)
def test_a_follower_keeps_its_rate_and_its_dwell(
    wishes: list[tuple[float, float]], rate: float, dwell: float
) -> None:
    knob = Knob("temperature", 300.0, 400.0)
    follower = KnobFollower(knob, 350.0, rate=rate, dwell=dwell)
    time, settings, changes = 0.0, [(0.0, 350.0)], []
    for wait, wish in wishes:
        follower.ask(wish)
        end = time + wait
        while time < end:
            target = follower.target
            value, until = follower.at(time)
            if follower.target != target:
                changes.append(time)
            settings.append((time, value))
            assert until > time
            time = min(end, until)
    assert all(b - a >= dwell * (1 - 1e-5) for a, b in itertools.pairwise(changes))
    for (t0, one), (t1, other) in itertools.pairwise(settings):
        # Two halves of a part stand between a setting and the middle of the next.
        assert abs(other - one) <= rate * (t1 - t0) + 2.0 + 1e-9


@pytest.mark.parametrize(
    ("given", "lags"),
    [
        (Profile((0.0, 1.0), (300.0, 310.0)), False),
        (Profile((0.0, 1.0), (300.0, 310.0), rate_limit=100.0), True),
        (Profile((0.0, 1.0), (300.0, 310.0), ramp=True, rate_limit=10.0), False),
        (Profile((0.0, 1.0), (300.0, 310.0), ramp=True, rate_limit=9.0), True),
        (Profile((0.0, 1.0), (300.0, 310.0), "dryness"), False),
        (Profile((0.0, 1.0), (300.0, 310.0), "dryness", dwell=0.1), True),
        (Profile((0.0, 1.0), (300.0, 300.0), "dryness", rate_limit=1.0), False),
    ],
)
def test_a_profile_tells_whether_its_knob_lags(given: Profile, lags: bool) -> None:
    assert given.lags == lags


def test_dwell_puts_a_change_over_dryness_off() -> None:
    steps = Steps()
    wished = Schedule({"evaporation": Profile((0.0, 0.1, 0.2), (1.0, 0.5, 2.0), over="dryness", dwell=0.3)})
    film(DRYING, wished, steps=steps)
    trace = steps.trace()
    first = trace.time[int(np.argmax(trace.knobs["evaporation"] == 0.5))]
    second = trace.time[int(np.argmax(trace.knobs["evaporation"] == 2.0))]
    assert second - first == pytest.approx(0.3)


def test_dicts_and_csv_agree(tmp_path: Path) -> None:
    made = schedule_from_dict(
        "annealing",
        {
            "temperature": {
                "time_s": [0, 60, 300],
                "value_C": [25, 140, 140],
                "ramp": True,
                "rate_limit_K_per_s": 2,
            }
        },
        units=UNITS,
    ).profiles["temperature"]
    assert made.values == (298.15, 413.15, 413.15)
    assert made.points == tuple(t / UNITS.time_s for t in (0.0, 60.0, 300.0))
    assert made.rate_limit == pytest.approx(2.0 * UNITS.time_s)
    for text in (
        "time_s,temperature_C ramp\n0,25\n60,140\n300,140\n",
        "# hot plate\ntime_min;temperature_K ramp\n0;298,15\n1;413,15\n5;413,15\n",
        "time\ttemperature ramp\n0 s\t25 °C\n1 min\t140 °C\n5 min\t140 °C\n",
    ):
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
        read = read_schedule(tmp_path / "a.csv", "annealing", units=UNITS).profiles["temperature"]
        assert read.ramp
        assert read.points == pytest.approx(made.points)
        assert read.values == pytest.approx(made.values)
    (tmp_path / "b.csv").write_text("dryness,evaporation,temperature_C\n0,1,25\n0.4,,40\n0.8,0.5,\n")
    profiles = read_schedule(tmp_path / "b.csv", "drying").profiles
    assert profiles["evaporation"] == Profile((0.0, 0.8), (1.0, 0.5), "dryness")
    assert profiles["temperature"] == Profile((0.0, 0.4), (298.15, 313.15), "dryness")


BAD = {
    "unknown knob": ({"heat": {"time": [0], "value": [1]}}, "no knob 'heat' to schedule"),
    "no table": ({"temperature": [1, 2]}, "give a table with time and value"),
    "unknown key": ({"temperature": {"time": [0], "value": [300], "steps": 3}}, "it has the key 'steps'"),
    "no points": ({"temperature": {"value": [300]}}, "it has no points; give one of time, time_us"),
    "two axes": (
        {"temperature": {"time": [0], "dryness": [0], "value": [300]}},
        "it has time and dryness; give one",
    ),
    "no values": ({"temperature": {"time": [0]}}, "it has no values; add value or value_K or value_C"),
    "other unit": ({"temperature": {"time": [0], "value_nm": [3]}}, "value_nm, which is not a unit of it"),
    "order": ({"temperature": {"time_s": [0, 60, 30], "value": [300] * 3}}, "its time_s 30 (entry 3)"),
    "start": ({"temperature": {"time": [1, 2], "value": [300] * 2}}, "its first time is 1; it must be 0"),
    "lengths": ({"temperature": {"time": [0, 1], "value": [300]}}, "it has 2 points and 1 values"),
    "text": ({"temperature": {"time": [0], "value": ["hot"]}}, "value is 'hot'; it must be a number"),
    "a number": ({"temperature": {"time": 0, "value": 300}}, "give a list of numbers"),
    "infinite": ({"temperature": {"time": [0], "value": [math.inf]}}, "holds inf"),
    "too dry": ({"temperature": {"dryness": [0, 2], "value": [300] * 2}}, "its last dryness is 2"),
    "one ramp": ({"temperature": {"time": [0], "value": [300], "ramp": True}}, "at least two points"),
    "no flag": ({"temperature": {"time": [0], "value": [300], "ramp": 3}}, "ramp is 3"),
    "rate": ({"temperature": {"time": [0], "value": [300], "rate_limit": 0}}, "its rate limit is 0"),
    "two rates": (
        {"temperature": {"time": [0], "value": [300], "rate_limit": 1, "rate_limit_per_s": 1}},
        "it has rate_limit and rate_limit_per_s; give one of them",
    ),
    "dwell": (
        {"temperature": {"time": [0, 2, 3], "value": [300] * 3, "dwell": 2}},
        "its points 2 and 3 are 1 apart, less than the dwell of 2",
    ),
    "ramp with dwell": (
        {"temperature": {"time": [0, 2], "value": [300] * 2, "dwell": 1, "ramp": True}},
        "a ramp changes all the time",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_schedule_is_refused_by_name(case: str) -> None:
    tables, complaint = BAD[case]
    with pytest.raises(InputError) as error:
        schedule_from_dict("drying", tables, units=UNITS)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("recipe", "name", "given", "complaint"),
    [
        (ANNEALING, "evaporation", Profile((0.0,), (1.0,)), "annealing has no knob 'evaporation'"),
        (ANNEALING, "temperature", Profile((0.0,), (140.0,)), "did you mean 413.15 (140 °C)?"),
        (ANNEALING, "temperature", Profile((0.0, 1.0), (300.0, 310.0)), "beyond the duration 0.02"),
        (ANNEALING, "temperature", Profile((0.0,), (300.0,), "dryness"), "films of annealing don't dry"),
        (DRYING, "evaporation", Profile((0.0,), (30.0,)), "must lie from 0 to 20"),
    ],
)
def test_a_schedule_must_fit_the_recipe(recipe: Recipe, name: str, given: Profile, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        film(recipe, Schedule({name: given}))
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("time_s,temperature_C\n0,25,3\n", "its line 2 has 3 cells"),
        ("time_s\n0\n", "it must hold a header"),
        ("when,temperature\n0,300\n", "its first column is 'when'"),
        ("time_s,heat\n0,300\n", "no knob 'heat'"),
        ("time_s,temperature,temperature_C\n0,300,25\n", "two columns for temperature"),
        ("time_s,temperature\n0,\n1,\n", "its column temperature is empty"),
        ("time_s,temperature_F\n0,80\n", "value_F, which is not a unit of it"),
    ],
)
def test_a_bad_csv_is_refused_by_name(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError) as error:
        read_schedule(tmp_path / "a.csv", "annealing", units=UNITS)
    assert str(error.value).startswith(f"{tmp_path / 'a.csv'}: ")
    assert complaint in str(error.value)


@given(st.binary(max_size=200))
def test_any_csv_is_read_or_refused(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(b"time_s,temperature_C\n" + content)
        try:
            assert read_schedule(path, "annealing", units=UNITS)
        except InputError as error:
            assert str(error).startswith(str(path))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"time": None}, "steps lacks the column time"),
        ({"temperature": None}, "steps lacks the column temperature"),
        ({"heat": [1.0, 2.0]}, "steps has the column 'heat'"),
        ({"time": [1.0]}, "lists of one length"),
        ({"time": [1.0, "a"]}, "time of steps holds 'a'; it must hold numbers"),
        ({"frame": [1, 2]}, "frame of steps holds 1; it must hold true and false"),
        ({"frame": [True, False]}, "the last of the steps has no frame"),
    ],
)
def test_bad_steps_are_refused_by_name(change: dict[str, Any], complaint: str) -> None:
    columns = {"time": [0.1, 0.2], "temperature": [300.0, 310.0]} | change
    with pytest.raises(InputError) as error:
        steps_from_dict({name: v for name, v in columns.items() if v is not None}, ["temperature"])
    assert complaint in str(error.value)


def test_a_film_is_recorded_as_it_is_simulated() -> None:
    simulation = Simulation([HEAT.started(ANNEALING)], seeds=[3], shape=SMALL)
    times = [float(simulation.time[0]) for _ in record(simulation, 4, HEAT)]
    assert times == [snapshot.time for snapshot in film(ANNEALING, HEAT)]
