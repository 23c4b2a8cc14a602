"""Draws the folders of the package, and which imports which, as they stand in the code."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "morphsim"
GROUND = "ground floor"
# What only hands names on, and the folder of what is shipped, whose one script nothing imports.
_LEFT_OUT = {"__init__", "__main__", "registration", "cli", "assets"}
_BOX, _GAP, _LEVEL, _LINE, _EDGE = 330, 40, 132, 16, 12

Graph = dict[str, set[str]]


def folder_of(parts: tuple[str, ...]) -> str:
    """The folder of the package that a module belongs to, from the parts of its name."""
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else GROUND


def imports() -> Graph:
    """The folders that the files of each folder import, itself left out."""
    found: Graph = {GROUND: set()}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ("morphsim", *file.relative_to(PACKAGE).with_suffix("").parts)
        if parts[1] in _LEFT_OUT:
            continue
        own = folder_of(parts)
        targets = {folder_of(tuple(module.split("."))) for module in _imported(file)}
        found.setdefault(own, set()).update(targets - {own})
    return found


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "morphsim":
            module = str(node.module)
            # `from morphsim import name` may name a folder.
            yield from (f"{module}.{name.name}" for name in node.names) if module == "morphsim" else (module,)


def levels(graph: Graph) -> dict[str, int]:
    """How many folders lie below each one, along the longest way down.

    Raises:
        ValueError: folders import each other in a circle.
    """
    found: dict[str, int] = {}

    def level(name: str, above: tuple[str, ...]) -> int:
        if name in above:
            raise ValueError(f"folders import each other in a circle: {' -> '.join((*above, name))}")
        if name not in found:
            found[name] = 1 + max((level(below, (*above, name)) for below in graph[name]), default=-1)
        return found[name]

    for name in graph:
        level(name, ())
    return found


def shortened(graph: Graph) -> Graph:
    """Only those arrows whose end is not also reached through another folder."""

    def reached(name: str) -> set[str]:
        return graph[name].union(*(reached(below) for below in graph[name]))

    return {
        name: {below for below in targets if not any(below in reached(other) for other in targets - {below})}
        for name, targets in graph.items()
    }


def columns(graph: Graph) -> dict[str, int]:
    """The column of each folder: 0 along the longest way down, and to the right of it beside one another."""
    at = levels(graph)
    name = max(at, key=at.__getitem__)
    found = {name: 0}
    while graph[name]:
        name = max(sorted(graph[name]), key=at.__getitem__)
        found[name] = 0
    for other in sorted(set(graph) - set(found)):
        found[other] = 1 + max(found[known] for known in found if at[known] == at[other])
    return found


def picture(graph: Graph) -> str:
    """The map as SVG."""
    at, column = levels(graph), columns(graph)
    height, width = 1 + max(at.values()), 1 + max(column.values())
    places = {
        name: (_EDGE + column[name] * (_BOX + _GAP), _EDGE + (height - 1 - at[name]) * _LEVEL) for name in at
    }
    texts = {name: _texts(name) for name in at}
    arrows = "".join(
        _arrow(places[name], _depth(texts[name]), places[below])
        for name, targets in shortened(graph).items()
        for below in sorted(targets)
    )
    boxes = "".join(_box(name, texts[name], places[name]) for name in at)
    size = f"{width * (_BOX + _GAP) - _GAP + 2 * _EDGE} {height * _LEVEL}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" role="img" '
        'aria-label="Folders of morphsim and their imports"><defs><marker id="tip" viewBox="0 0 8 8" '
        'refX="7" refY="4" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0 L8 4 L0 8 z" '
        'fill="#5c6bc0"/></marker></defs><rect width="100%" height="100%" fill="#ffffff"/>'
        f"{arrows}{boxes}</svg>"
    )


def _texts(name: str) -> list[str]:
    folder = PACKAGE if name == GROUND else PACKAGE / name
    files = list(folder.glob("*.py") if name == GROUND else folder.rglob("*.py"))
    inner = sorted(path.parent.name for path in folder.glob("*/__init__.py")) if name != GROUND else []
    if name == GROUND:
        says = "what every folder may use: checks, errors, files, progress"
    else:
        says = str(ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))).split("\n")[0]
    return [*textwrap.wrap(says.rstrip("."), 50), f"{len(files)} files", *_wrapped(inner)]


def _depth(texts: list[str]) -> int:
    return 32 + _LINE * len(texts)


def _box(name: str, texts: list[str], place: tuple[float, float]) -> str:
    x, y = place
    lines = "".join(
        f'<text x="{x + 12}" y="{y + 40 + _LINE * number}" font-size="12" fill="#455a64">'
        f"{escape(line)}</text>"
        for number, line in enumerate(texts)
    )
    return (
        f'<rect x="{x}" y="{y}" width="{_BOX}" height="{_depth(texts)}" rx="6" fill="#f5f6fb" '
        f'stroke="#5c6bc0"/><text x="{x + 12}" y="{y + 22}" font-size="15" font-weight="600" fill="#1a237e">'
        f"{escape(name)}</text>{lines}"
    )


def _wrapped(names: list[str], length: int = 50) -> list[str]:
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) + 2 <= length:
            lines[-1] += f", {name}"
        else:
            lines.append(name)
    return lines


def _arrow(start: tuple[float, float], depth: float, end: tuple[float, float]) -> str:
    x1, y1, x2, y2 = start[0] + _BOX / 2, start[1] + depth, end[0] + _BOX / 2, end[1] - 2
    if x2 > x1:
        # Beside the boxes between the two.
        x1, y1 = start[0] + _BOX, start[1] + depth / 2
        way = f"M{x1} {y1} C{x2} {y1} {x2} {y1} {x2} {y2}"
    else:
        bend = (y2 - y1) / 2
        way = f"M{x1} {y1} C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}"
    return f'<path d="{way}" fill="none" stroke="#9fa8da" stroke-width="2" marker-end="url(#tip)"/>'
