"""The tool that tells whether a change altered what is computed."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

TOOL = runpy.run_path(str(Path(__file__).parent / "fingerprints.py"))


def test_a_film_has_the_same_hash_again_and_another_film_has_not() -> None:
    name, first = next(TOOL["films"]())
    assert (name, first) == next(TOOL["films"]())
    recipe, shape, dtype = TOOL["FILMS"]["annealing"]
    snapshots = TOOL["record_film"](recipe, seed=1, frames=5, shape=shape, dtype=dtype)
    assert TOOL["digest"]([(s.fields, s.time, s.thickness, s.free_energy) for s in snapshots]) != first


def test_hashes_see_the_last_bit_the_type_and_the_shape() -> None:
    digest = TOOL["digest"]
    one = np.ones((2, 3), np.float32)
    other = one.copy()
    other[0, 0] = np.nextafter(np.float32(1.0), np.float32(2.0))
    assert digest(one) == digest(one.copy())
    assert len({digest(one), digest(other), digest(one.astype(np.float64)), digest(one.reshape(3, 2))}) == 4
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_what_differs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "before.json").write_text(json.dumps({"film a": "1", "film b": "2"}))
    words = ["fingerprints.py", "--films-only", "--against", str(tmp_path / "before.json")]
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setitem(TOOL["main"].__globals__, "films", lambda: {"film a": "1", "film b": "3"}.items())
    assert TOOL["main"]() == 1
    assert capsys.readouterr().out == "film b was 2 and is 3\n1 of 2 are equal\n"
