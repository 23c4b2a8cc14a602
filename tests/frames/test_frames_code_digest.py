"""Which changes of the code change its digest, and so forbid resuming a data set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from morphsim.frames import code_digest as module
from morphsim.frames.code_digest import PACKAGE, code_digest, simulator_digest

CODE = '''"""A text."""
from morphsim.errors import InputError


def double(x):
    """Twice x."""
    return 2 * x
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "code.py"
    path.write_text(CODE)
    return path


@pytest.mark.parametrize(
    ("old", "new", "equal"),
    [
        ("A text.", "Another one.", True),
        ("Twice x.", "Two x.", True),
        ("    return", "    # why\n    return", True),
        ("morphsim.errors", "morphsim.other", True),
        ("2 * x", "(2 * x)", True),
        ("2 * x", "2.5 * x", False),
        ("2 * x", "x * 2", False),
    ],
)
def test_only_code_that_computes_changes_the_digest(file: Path, old: str, new: str, equal: bool) -> None:
    before = code_digest([file])
    assert old in CODE
    file.write_text(CODE.replace(old, new))
    assert (code_digest([file]) == before) is equal


def test_the_place_of_a_file_does_not_count(file: Path) -> None:
    before = code_digest([file])
    moved = file.rename(file.with_name("moved.py"))
    assert code_digest([moved]) == before


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("simulator/simulation.py", True),
        ("simulator/core/control.py", True),
        ("simulator/backends/numba/film.py", True),
        ("compiled.py", True),
        ("simulator/export/vtk.py", False),
        ("simulator/analysis.py", False),
        ("frames/render.py", False),
    ],
)
def test_only_simulator_code_changes_the_digest(
    path: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "morphsim"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    monkeypatch.setattr(module, "PACKAGE", copy)
    before = simulator_digest.__wrapped__("drying")
    with (copy / path).open("a", encoding="utf-8") as file:
        file.write("\nMORE = 1\n")
    assert (simulator_digest.__wrapped__("drying") != before) is counts
