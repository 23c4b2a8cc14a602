"""Renders benchmarks/results/*.json as docs/benchmarks.md, with figures in docs/benchmarks.

    python benchmarks/_report.py

The same results always give the same page, and a test holds the page to the results.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _figures import draw
from _harness import exit_status, number, say
from _run_all import FOLDER, RESULTS, RUNS

from morphsim.errors import InputError
from morphsim.files import read_json, write_text

PAGE = FOLDER.parent / "docs" / "benchmarks.md"
FIGURES = PAGE.parent / "benchmarks"
_NEEDED = ("benchmark", "version", "quick", "machine", "seconds", "results", "targets")
_MOST_ROWS = 40
_LONGEST_TEXT = 120
_INTRODUCTION = """\
# Benchmarks

Each section is the last full run of a script in `benchmarks/`, which runs by itself from the root of the
repository; `--quick` is a smaller run of it, and `--json` prints everything that it measured. `make bench`
runs them all, and `make bench-report` makes this page of their results. A missed target is listed as such.
"""


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the results by name, in the order in which they are run.

    Raises:
        InputError: a file is no result, is one of a quick run, or belongs to no benchmark.
    """
    order = [each.name for each in RUNS]
    found = {}
    for path in folder.glob("*.json"):
        result = read_json(path)
        if not isinstance(result, dict) or any(key not in result for key in _NEEDED):
            raise InputError(f"{path} is not the result of a benchmark; make it again with make bench")
        if result["quick"]:
            raise InputError(f"{path} is of a quick run; make it again with make bench")
        if path.stem not in order:
            raise InputError(
                f"{path} belongs to no benchmark; delete it or name it in benchmarks/_run_all.py"
            )
        found[path.stem] = result
    return {name: found[name] for name in order if name in found}


def page(results: Mapping[str, Mapping[str, Any]], figures: Mapping[str, str]) -> str:
    """Render the page.

    Args:
        results: by name.
        figures: link of each result's figure, by name.
    """
    parts = [_INTRODUCTION]
    targets = [(name, target) for name, result in results.items() for target in result["targets"]]
    if targets:
        missed = sum(not target["holds"] for _, target in targets)
        parts.append(f"## Targets\n\n{len(targets) - missed} of {len(targets)} targets are reached.\n")
        rows = [(name, *_target_cells(target)) for name, target in targets]
        parts.append(_table(("benchmark", "target", "reached", "bound", ""), rows))
    parts += [_section(name, result, figures.get(name)) for name, result in results.items()]
    return "\n".join(parts)


def write_report(results: Path = RESULTS, target: Path = PAGE, figures: Path = FIGURES) -> None:
    """Write the page and its figures."""
    read = read_results(results)
    drawn = {name: draw(name, result, figures) for name, result in read.items()}
    links = {name: path.relative_to(target.parent).as_posix() for name, path in drawn.items() if path}
    for stale in figures.glob("*.svg"):
        if stale not in drawn.values():
            stale.unlink()
    write_text(target, page(read, links))


def _section(name: str, result: Mapping[str, Any], figure: str | None) -> str:
    script = next(each for each in RUNS if each.name == name)
    title, description = _documentation(FOLDER / f"{script.script}.py")
    # Two results of one script need two headings.
    heading = f"{title.rstrip('.')} ({name})"
    command = " ".join(["python", f"benchmarks/{script.script}.py", *script.arguments])
    parts = [f"## {heading}\n"]
    if figure is not None:
        parts.append(f"![{title.rstrip('.')}]({figure})\n")
    parts.append(f"{description}\n")
    parts += list(_rendered(result["results"]))
    parts.append(f"Run as `{command}` with version {result['version']} in {result['seconds']:.0f} s on ")
    parts[-1] += _machine(result["machine"]) + "\n"
    return "\n".join(parts)


def _documentation(path: Path) -> tuple[str, str]:
    """First line and the rest of a script's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    first, _, rest = text.partition("\n")
    return first, rest.strip("\n")


def _machine(machine: Mapping[str, Any]) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    cores = f"{machine['cores']} core" + ("s" if machine["cores"] != 1 else "")
    threads = f"{machine['threads']} thread" + ("s" if machine["threads"] != 1 else "")
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    return f"{machine['processor']}, {cores}, {threads}{gpu}; Python {machine['python']}, {libraries}."


def _rendered(results: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    """Tables of what was measured: single values together, then each group of alike values."""
    single = [(_label(prefix + key), value) for key, value in results.items() if _is_short(value)]
    if single:
        yield _table(("", ""), single)
    for key, value in results.items():
        label = prefix + key
        if isinstance(value, Mapping) and value:
            if all(isinstance(item, Mapping) for item in value.values()):
                yield from _group(label, [{"": name, **item} for name, item in value.items()])
            else:
                yield from _rendered(value, f"{label}: ")
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            yield from _group(label, value)


def _group(label: str, entries: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    columns = list(
        dict.fromkeys(key for entry in entries for key, value in entry.items() if _is_short(value))
    )
    shown = entries[:_MOST_ROWS]
    yield f"### {_label(label).capitalize()}\n"
    yield _table([_label(key) for key in columns], [[entry.get(key) for key in columns] for entry in shown])
    if len(shown) < len(entries):
        yield f"The first {len(shown)} of {len(entries)}.\n"


def _is_short(value: Any) -> bool:
    """Whether a value is shown in a cell: a number, a text, nothing, or a few numbers."""
    if isinstance(value, list):
        plain = all(item is None or isinstance(item, int | float) for item in value)
        return bool(value) and plain and len(value) <= 12
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return value is None or isinstance(value, bool | int | float)


def _target_cells(target: Mapping[str, Any]) -> tuple[str, str, str, str]:
    verdict = "reached" if target["holds"] else "**missed**"
    return target["name"], number(target["value"]), f"{target['sense']} {number(target['target'])}", verdict


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    text = ", ".join(number(item) for item in value) if isinstance(value, list) else number(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _label(key: str) -> str:
    return key.replace("_", " ")


def main() -> int:
    """Write the page and return the exit status: 2 if the results can't be used."""

    def work() -> int:
        write_report()
        say(f"{PAGE.relative_to(FOLDER.parent)} is written")
        return 0

    return exit_status("benchmarks/_report.py", work)


if __name__ == "__main__":
    sys.exit(main())
