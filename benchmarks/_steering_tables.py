"""Renders the tables of policies in README.md and docs/steering.md from the results of contests.

    python benchmarks/_steering_tables.py

A test holds both pages to the results.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _harness import exit_status, say
from _report import read_results
from _run_all import FOLDER, RESULTS

from morphsim.errors import InputError
from morphsim.files import write_text

ROOT = FOLDER.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "steering.md")
BEGIN, END = "<!-- table of policies -->\n", "<!-- end of the table -->"
_POLICIES = {
    "agent": "the shipped agent",
    "agent, mean schedule blind": "its mean schedule, replayed blind",
    "library": "the nearest film of a library, replayed",
    "feedback": "CMA-ES on the nominal material, with feedback",
    "cma-es": "CMA-ES on the nominal material, replayed",
    "constant": "the best of {constants} constant recipes",
    "recipe": "the untouched recipe",
    "random": "random schedules",
    "own": "the target's own schedule, replayed",
}


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Render the films that each policy has cost, and its regret by both measures with its interval."""
    contests = [result["results"] for name, result in results.items() if name.startswith("steering")]
    columns = ["policy", "films"]
    for contest in contests:
        task = contest["task"].removesuffix("-v1")
        columns += [f"{task}, ruler", f"{task}, latent"]
    lines = ["| " + " | ".join(columns) + " |", "|:--" + "|--:" * (len(columns) - 1) + "|"]
    for name, title in _POLICIES.items():
        found = [each["policies"].get(name) for each in contests]
        if any(found):
            shown = title.format(constants=contests[0]["constants"])
            cells = [_cell(policy, measure) for policy in found for measure in ("ruler", "latent")]
            lines.append("| " + " | ".join([shown, _cost(next(filter(None, found))), *cells]) + " |")
    return "\n".join(lines) + "\n"


def _cost(policy: Mapping[str, Any]) -> str:
    """Films that were made for all targets, and for each target besides."""
    once, each = policy["films_once"], policy["films_per_target"]
    return f"{once:,} + {each} a target" if each else f"{once:,}"


def _cell(policy: Mapping[str, Any] | None, measure: str) -> str:
    if policy is None:
        return ""
    regret = policy["regret"][measure]
    return f"{regret['value']:.2f} [{regret['low']:.2f}, {regret['high']:.2f}]"


def rendered(page: Path, results: Mapping[str, Mapping[str, Any]]) -> str:
    """A page with its table made anew.

    Raises:
        InputError: the page has no place for it.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{page} must contain the lines {BEGIN.strip()} and {END}")
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"


def _work() -> int:
    results = read_results(RESULTS)
    for page in PAGES:
        write_text(page, rendered(page, results))
        say(f"{page.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status("benchmarks/_steering_tables.py", _work))
