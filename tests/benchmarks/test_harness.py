"""What every benchmark prints, and how it ends."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import _harness
import numpy as np
import pytest
import torch
from _harness import BenchmarkOptions, Outcome, Target, machine, medians, number, plain, run, table
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure nothing."""

    case: Literal["a", "b"] = "a"
    """Which."""


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def measure(options: Options) -> Outcome:
    print("a word from deep within")  # noqa: T201
    return Outcome(
        results={"value": math.nan, "list": (1, np.float32(2.5))},
        targets=[Target("good", 2.0, ">=", 1.0), Target("bad", 2.0, "<=", 1.0)],
        table="the table",
        headline={"case": options.case},
    )


def test_json_is_one_object_and_all_else_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nothing", Options, measure, ["--json", "--quick", "--case", "b"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert "a word from deep within" in printed.err
    assert list(result)[:5] == ["benchmark", "version", "quick", "machine", "seconds"]
    assert result["benchmark"] == "nothing"
    assert result["quick"] is True
    assert result["case"] == "b"
    assert result["results"] == {"value": None, "list": [1, 2.5]}
    assert [target["holds"] for target in result["targets"]] == [True, False]
    assert result["targets"][1] == {"name": "bad", "value": 2.0, "sense": "<=", "target": 1.0, "holds": False}


def test_without_json_a_table_is_printed_and_missed_targets_are_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("nothing", Options, measure, []) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "the table"
    assert any(line.startswith("good") and line.endswith("reached") for line in lines)
    assert any(line.startswith("bad") and line.endswith("missed") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--case", "c"], "--case is 'c'; use one of a, b"),
        (["--fast"], "unknown option '--fast'"),
        (["stray"], "stray"),
    ],
)
def test_bad_arguments_end_with_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("nothing", Options, measure, arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("benchmarks/nothing.py: ")
    assert said in printed.err


def test_bad_input_and_interruption_while_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(options: Options) -> Outcome:
        raise InputError("films.h5 does not exist")

    def interrupt(options: Options) -> Outcome:
        raise KeyboardInterrupt

    assert run("nothing", Options, refuse, ["--json"]) == 2
    assert capsys.readouterr().err == "benchmarks/nothing.py: films.h5 does not exist\n"
    assert run("nothing", Options, interrupt, ["--json"]) == 130
    assert capsys.readouterr().out == ""


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nothing", Options, measure, ["--help"]) == 0
    assert "--quick" in capsys.readouterr().out


def test_a_headline_can_t_hide_what_every_report_has() -> None:
    with pytest.raises(ValueError, match="targets"):
        _harness.report("nothing", Options(), Outcome({}, headline={"targets": []}), 1.0)


def test_one_thread_measures() -> None:
    torch.set_num_threads(2)
    assert run("nothing", Options, measure, []) == 0
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_was_not_measured_is_missed(value: float | None) -> None:
    assert not Target("t", value, "<=", 1.0).holds
    assert not Target("t", value, ">=", 1.0).holds


@given(value=st.floats(allow_nan=False, allow_infinity=False), bound=st.floats(-1e6, 1e6))
def test_a_target_is_a_comparison(value: float, bound: float) -> None:
    assert Target("t", value, ">=", bound).holds == (value >= bound)
    assert Target("t", value, "<=", bound).holds == (value <= bound)


@given(value=VALUES)
def test_plain_values_are_json_without_nan(value: Any) -> None:
    text = json.dumps(plain(value), allow_nan=False)
    assert plain(json.loads(text)) == plain(value)


def test_plain_reads_arrays_and_tensors() -> None:
    assert plain({1: np.array([[1.0, np.nan]])}) == {"1": [[1.0, None]]}
    assert plain((torch.tensor([1, 2]), torch.tensor(math.inf), np.bool_(True))) == [[1, 2], None, True]


def test_the_machine_is_described_but_not_named() -> None:
    import platform

    found = machine()
    assert set(found) == {"processor", "cores", "threads", "gpu", "python", "libraries"}
    assert found["cores"] >= 1
    assert found["libraries"]["torch"].startswith(torch.__version__.split("+")[0])
    text = json.dumps(found)
    assert platform.node() not in text or len(platform.node()) < 3
    assert "/" not in text


def test_medians_take_turns() -> None:
    order: list[str] = []
    own = iter([3.0, 1.0, 2.0])

    def timed() -> float:
        order.append("timed")
        return next(own)

    def watched() -> None:
        order.append("watched")
        time.sleep(0.002)

    found = medians({"timed": timed, "watched": watched}, runs=3)
    assert order == ["timed", "watched"] * 3
    assert found["timed"] == 2.0
    assert found["watched"] >= 0.002
    with pytest.raises(ValueError, match="runs"):
        medians({}, runs=0)


def test_tables_line_up() -> None:
    lines = table(("name", "value"), [("a", 1.23456), ("longer", None), ("b", True)]).splitlines()
    assert lines == ["name    value", "------  -----", "a       1.235", "longer      -", "b         yes"]
    assert number(math.nan) == "-"
    assert number(12, 1) == "1e+01"
