"""What is said of an unknown name."""

from __future__ import annotations

import pytest

from morphsim.suggest import did_you_mean

RECIPE = ["chi", "chi_slope", "kappa", "width", "thermal_noise", "temperature"]


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("ch", RECIPE, "did you mean 'chi'?"),
        ("Temperature", RECIPE, "did you mean 'temperature'?"),
        ("thermal-noise", RECIPE, "did you mean 'thermal_noise'?"),
        ("chi_slop", RECIPE, "did you mean 'chi_slope'?"),
        ("colour", ["a", "b"], "use one of a, b"),
        (3, ["a", "b"], "use one of a, b"),
        ("", ["a", "b"], "use one of a, b"),
        ("a", [], "there is none"),
    ],
)
def test_unknown_name(name: object, known: list[str], said: str) -> None:
    assert did_you_mean(name, known) == said


def test_long_lists_are_cut() -> None:
    said = did_you_mean("zzz", [f"name{number}" for number in range(40)])
    assert said.endswith("name11 and 28 more, see the docs")
    assert len(did_you_mean("name", [f"name{number}" for number in range(40)])) < 60
