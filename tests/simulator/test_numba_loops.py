"""Results of a compiled loop must not depend on whether its machine code was cached."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import morphsim

PACKAGE = Path(morphsim.__file__).parent


def test_no_loop_calls_another_loop() -> None:
    # The inner loop would be compiled separately in one process, and together with the outer loop in another
    # that loads it from disk; see `compiled.inlined`.
    compiled: dict[str, set[str]] = {"loop": set(), "inlined": set()}
    bodies: list[ast.FunctionDef] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                names = {name.id for name in node.decorator_list if isinstance(name, ast.Name)}
                for kind in names & compiled.keys():
                    compiled[kind].add(node.name)
                    bodies.append(node)
    assert len(compiled["loop"]) > 10
    assert len(compiled["inlined"]) > 10
    for body in bodies:
        called = {
            node.func.id
            for node in ast.walk(body)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & compiled["loop"], f"{body.name} calls {called & compiled['loop']}"


@pytest.mark.slow
def test_results_do_not_depend_on_which_process_compiled(tmp_path: Path) -> None:
    code = (
        "from morphsim.simulator import DryingRecipe, record_film\n"
        "(film,) = record_film(DryingRecipe(evaporation=3.0), seed=1, frames=1, shape=(8, 33))\n"
        "print(film.time, film.share.tobytes().hex())\n"
    )
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent), "PATH": ""}
    found = [
        subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert list(tmp_path.rglob("*.nbc"))
