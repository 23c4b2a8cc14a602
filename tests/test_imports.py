"""Which room of the package may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "morphsim"

# From the lowest to the highest; what is not named here is the ground floor, below all of them.
ROOMS = [
    "simulator",
    "frames",
    "encoder",
    "similarity",
    "rewards",
    "envs",
    "tasks",
    "agents",
    "demo",
    "_commands",
    "cli",
]
# A reward works on anybody's environment, and an environment with anybody's reward.
STRANGERS = {("envs", "rewards"), ("envs", "encoder"), ("envs", "similarity")}


def imported_modules(file: Path) -> Iterator[str]:
    """The modules of the package that a file imports, wherever the statement stands in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "morphsim")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            if node.module is not None and node.module.split(".")[0] == "morphsim":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def files_of(room: str) -> list[Path]:
    single = PACKAGE / f"{room}.py"
    return [single] if single.is_file() else sorted((PACKAGE / room).rglob("*.py"))


def test_every_folder_is_known() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders - {"assets"} <= set(ROOMS)
    assert all(files_of(room) for room in ROOMS)


def test_imports_run_down_only() -> None:
    for number, room in enumerate(ROOMS):
        for file in files_of(room):
            for module in imported_modules(file):
                imported = room_of(module)
                if imported in ROOMS and imported != room:
                    assert ROOMS.index(imported) < number, f"{file} imports {module}"
                    assert (room, imported) not in STRANGERS, f"{file} imports {module}"


def test_the_ground_floor_imports_no_room() -> None:
    for file in PACKAGE.glob("*.py"):
        # The package's own face hands names on and registers environments; the commands are above all rooms.
        if file.stem in ("__init__", "__main__", "cli", "registration"):
            continue
        rooms = {room_of(module) for module in imported_modules(file)} & set(ROOMS)
        assert not rooms, f"{file} imports {', '.join(sorted(rooms))}"


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_files(file: Path, modules: set[str], *, within_functions: bool) -> set[str]:
    """The files of the package that a file imports, `TYPE_CHECKING` aside."""
    found: set[str] = set()

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not within_functions:
                continue
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                visit(node.orelse)
                continue
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names if alias.name in modules)
            elif isinstance(node, ast.ImportFrom) and node.module in modules:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                found.update(names & modules)
                if names - modules:
                    found.add(node.module)
            for name in ("body", "orelse", "finalbody"):
                visit(getattr(node, name, []))
            for handler in getattr(node, "handlers", []):
                visit(handler.body)

    visit(ast.parse(file.read_text(encoding="utf-8")).body)
    return found - {module_of(file)}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes each of which leads to all others of its group."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for node in graph[waiting.pop()] - seen:
                seen.add(node)
                waiting.append(node)
        return seen

    after = {node: reached(node) for node in graph}
    groups = {frozenset(other for other in after[node] if node in after[other]) for node in graph}
    return sorted(sorted(group) for group in groups if group)


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


@pytest.mark.parametrize("within_functions", [False, True])
def test_no_files_import_each_other_in_a_circle(within_functions: bool) -> None:
    files = {module_of(file): file for file in PACKAGE.rglob("*.py")}
    graph = {
        name: imported_files(file, set(files), within_functions=within_functions)
        for name, file in files.items()
    }
    assert len(graph) > 200
    known = "morphsim.simulator.backends.numba" in graph["morphsim.simulator.backends.choice"]
    assert known is within_functions
    assert not circles(graph)


def test_the_encoder_loads_no_module_of_the_solver() -> None:
    code = (
        "import sys, morphsim.encoder; print(*(name for name in sys.modules if 'morphsim.simulator' in name))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    # The names of the processes, of which a frame file may state one, are a table of texts.
    assert set(found.split()) <= {"morphsim.simulator", "morphsim.simulator.processes"}
