"""A digest of the simulator's code, by which an interrupted data set is resumed only with the same code."""

from __future__ import annotations

import ast
import functools
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

import morphsim
from morphsim.simulator.processes import find_process

PACKAGE = Path(morphsim.__file__).parent

# Parts of the simulator that never change a film.
_NOT_SIMULATED = {"analysis.py", "errors.py", "export", "materials", "thermodynamics", "units.py"}


@functools.cache
def simulator_digest(process: str) -> str:
    """16 hexadecimal digits that change when the code of the simulator, or of the process, changes.

    Args:
        process: of the films. Of one from outside the package the file of its module counts.
    """
    folder = PACKAGE / "simulator"
    files = [path for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] not in _NOT_SIMULATED]
    module = sys.modules[type(find_process(process)).__module__]
    own = Path(module.__file__) if module.__file__ else None
    if own is not None and PACKAGE not in own.parents:
        files.append(own)
    return code_digest([*files, PACKAGE / "compiled.py"])


def code_digest(files: Iterable[Path]) -> str:
    """A digest of what Python files compute, 16 hexadecimal digits.

    Comments, docstrings, the layout of lines, imports within the package and the location of a file do not
    count, so they may change while a data set is being made.
    """
    each = sorted(hashlib.sha256(_code(path).encode()).hexdigest() for path in files)
    return hashlib.sha256("".join(each).encode()).hexdigest()[:16]


def _code(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part) and not _is_own_import(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is just a string, such as a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_own_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "morphsim"
