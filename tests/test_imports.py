"""Which room of the package may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

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
        # The package's own face hands names on; the commands are above all rooms.
        if file.stem in ("__init__", "__main__", "cli"):
            continue
        rooms = {room_of(module) for module in imported_modules(file)} & set(ROOMS)
        assert not rooms, f"{file} imports {', '.join(sorted(rooms))}"
