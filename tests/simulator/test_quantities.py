"""Quantities with units in recipes, in settings and in dicts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.simulator import DryingRecipe, Units, recipe_from_dict
from morphsim.simulator.materials import material
from morphsim.simulator.quantities import LENGTHS, TIMES, quantity, split_quantity
from morphsim.simulator.recipe import parse_settings
from morphsim.simulator.resolve import resolve_recipe

UNITS = Units(length_nm=500.0, diffusivity=1e-12)
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(NUMBERS, st.sampled_from(["K", "°C", "C", "degC", "℃"]), st.sampled_from(["", " ", "  "]))
def test_temperatures_are_kelvin(value: float, unit: str, gap: str) -> None:
    found = quantity("temperature", f"{value!r}{gap}{unit}", "K")
    assert found == (value if unit == "K" else value + 273.15)


@given(NUMBERS, st.sampled_from([*LENGTHS, "um", "\u03bcm"]))
def test_lengths_are_in_h0(value: float, unit: str) -> None:
    nanometres = value * {"nm": 1.0, "mm": 1e6}.get(unit, 1e3)
    assert quantity("width", f"{value!r} {unit}", "h0", units=UNITS) == pytest.approx(nanometres / 500.0)


@given(NUMBERS, st.sampled_from([*TIMES, "us", "minutes"]))
def test_times_are_in_units_of_the_process(value: float, unit: str) -> None:
    seconds = value * {"us": 1e-6, "minutes": 60.0}.get(unit, TIMES.get(unit, math.nan))
    found = quantity("duration", f"{value!r} {unit}", "h0^2/D_s", units=UNITS)
    assert found == pytest.approx(seconds / UNITS.time_s)


@given(st.text(max_size=12), st.sampled_from(["K", "h0", "rpm", "h0^2/D", ""]))
def test_any_other_text_is_refused_by_name(text: str, unit: str) -> None:
    try:
        assert math.isfinite(quantity("thing", text, unit, units=UNITS))
    except InputError as error:
        assert str(error).startswith(f"thing is {text!r}; it must be a number")


def test_a_text_without_a_number_has_no_parts() -> None:
    assert split_quantity("hot") is None
    assert split_quantity(" 5e2nm ") == (500.0, "nm")
    assert split_quantity("1.5") == (1.5, "")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("temperature", "80 nm", "temperature is '80 nm'; it must be a number of K or °C"),
        ("spin_speed", "5 min", "spin_speed is '5 min'; it must be a number of rpm"),
        (
            "duration",
            "5 rpm",
            "duration is '5 rpm'; it must be a number of h0^2/D_s or µs or ms or s or min or h",
        ),
        ("width", "2 K", "width is '2 K'; it must be a number of h0 or nm or µm or mm"),
        ("blend_ratio", "50 nm", "blend_ratio is '50 nm'; it must be a number without a unit"),
        # A slope, not a temperature.
        ("chi_slope", "80 °C", "chi_slope is '80 °C'; it must be a number of K"),
        (
            "width",
            "600 nm",
            "width is 600 nm, but h0 is not known here, so it can't be converted; give it in h0",
        ),
        (
            "duration",
            "5 s",
            "the unit of time is not known here, so it can't be converted; give it in h0^2/D_s",
        ),
    ],
)
def test_an_error_names_the_expected_unit(name: str, text: str, complaint: str) -> None:
    for read in (
        lambda: recipe_from_dict({"process": "drying", name: text}),
        lambda: parse_settings(DryingRecipe, {name: text}),
        lambda: resolve_recipe(process="drying", changes=[f"{name}={text}"]),
    ):
        with pytest.raises(InputError) as error:
            read()
        assert complaint in str(error.value)


def test_recipes_take_units() -> None:
    values = {"temperature": "40 °C", "spin_speed": "3000 rpm", "width": "2 µm", "duration": "5 min"}
    expected = DryingRecipe(temperature=313.15, spin_speed=3000.0, width=4.0, duration=300.0 / UNITS.time_s)
    assert recipe_from_dict({"process": "drying", **values}, units=UNITS) == expected
    texts = [f"{name}={value}" for name, value in values.items()]
    assert resolve_recipe(process="drying", changes=texts, units=UNITS) == expected


def test_materials_know_their_scales() -> None:
    blend = material("wodo-model-n20")
    recipe = resolve_recipe({"width": "600 nm"}, material_name=blend.name, changes=["duration=10 ms"])
    assert recipe.width == 600.0 / blend.units.length_nm
    assert recipe.duration == 10 * 1e-3 / blend.units.time_s
