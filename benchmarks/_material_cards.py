"""Makes docs/material-cards.md, a card for each material, with pictures of films in docs/materials.

    python benchmarks/_material_cards.py [--page-only]

Pictures are of films as shipped, on seeds that played no part in the choice of parameters. The tables of
variants are those of benchmarks/results/materials.json.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _harness import exit_status
from _run_all import FOLDER, RESULTS

from morphsim._commandline import parse
from morphsim.files import read_json, write_text
from morphsim.frames.pictures import draw_strip, share_pictures
from morphsim.simulator import Simulation
from morphsim.simulator.materials import MATERIALS, Material
from morphsim.simulator.materials.morphology import UNITS_OF, Finding

PAGE = FOLDER.parent / "docs" / "material-cards.md"
PICTURES = PAGE.parent / "materials"
SHAPE = (100, 400)
SEEDS = (101, 102, 103)
_INTRODUCTION = """\
# Material cards

What films of each [material](materials.md) look like, what others found in such films, and what the
simulated ones show of it. Films are to scale, with the free surface on top, each at its end. Pictures and
tests are of seeds 101 to 103; the tables of variants are medians of three other films each
(`python benchmarks/materials.py`).

- `excess`: donor share of the solids in the upper 5 % of the film less that in the lower 5 %.
- `lateral`: part of the variance of the donor share that lies within rows: 0 of flat layers, 1 of columns.
- `upright`: part of the interface that runs through the film rather than along it: 0 of layers, 1 of columns.
- `spacing`: 2π/k of the mean wavenumber.
- `dissolved`: acceptor share of the solids of the donor-rich phase.
"""
_COLUMNS = {
    "donor on top": "donor on top",
    "surface excess": "excess",
    "lateral share": "lateral",
    "upright share": "upright",
    "spacing": "spacing [nm]",
    "acceptor in donor phase": "dissolved",
    "contrast": "contrast",
    "drying time": "drying time [s]",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make the cards of materials."""

    page_only: bool = False
    """Keep the pictures."""


def page(results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Render the page from the results of benchmarks/materials.py."""
    cards = [_card(entry, results.get(entry.name, {})) for entry in MATERIALS.values()]
    return "\n".join((_INTRODUCTION, *cards))


def draw(entry: Material, path: Path) -> None:
    """Draw films of a material, each at its end."""
    recipe: Any = entry.drying_recipe() if entry.process == "drying" else entry.annealing_recipe()
    films = [_made(recipe, seed) for seed in SEEDS]
    pictures = share_pictures(
        np.concatenate([film.donor_share().float().numpy() for film in films]),
        recipe,
        entry.units,
        time_s=[float(film.time[0]) * entry.units.time_s for film in films],
        thickness_nm=[float(film.thickness[0]) * entry.units.length_nm for film in films],
    )
    draw_strip(path, pictures)


def _made(recipe: Any, seed: int) -> Simulation:
    film = Simulation([recipe], seeds=[seed], shape=SHAPE)
    if recipe.process == "drying":
        film.advance_to_dryness(1.0, time=recipe.duration)
    else:
        film.advance(time=recipe.duration)
    return film


def _card(entry: Material, variants: Mapping[str, Mapping[str, Any]]) -> str:
    parts = [
        f"\n## {entry.name}\n",
        f"{entry.description[:1].upper()}{entry.description[1:]}. {entry.remark}\n",
        f"![Films of {entry.name}](materials/{entry.name}.png)\n",
    ]
    if entry.findings:
        parts.append("Published, and what films show of it:\n")
        shipped = next(iter(variants.values()), {})
        header = ("quantity", "published", "range", "simulated", "shown", "source", "basis of the range")
        parts.append(_markdown(header, [_finding(each, shipped) for each in entry.findings]))
    parts.append("Parameters:\n")
    parts.append(
        _markdown(
            ("parameters", "basis", "source"),
            [(each.parameters, each.basis, _cite(each.citation, each.doi)) for each in entry.sources],
        )
    )
    if variants:
        parts.append("Variants:\n")
        parts.append(_markdown(("variant", "films", *_COLUMNS.values()), _rows(variants)))
    return "\n".join(parts)


def _finding(finding: Finding, shipped: Mapping[str, Any]) -> tuple[str, ...]:
    unit = UNITS_OF.get(finding.quantity)
    name = f"{finding.quantity} [{unit}]" if unit else finding.quantity
    shown = "yes" if finding.shown else f"no: {finding.reason}"
    return (
        name,
        finding.found,
        f"{_short(finding.low)} to {_short(finding.high)}",
        _short(shipped.get(finding.quantity)),
        shown,
        _cite(finding.citation, finding.doi),
        finding.basis,
    )


def _rows(variants: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            str(found.get("regimes", found.get("failed"))),
            *(_short(found.get(key)) for key in _COLUMNS),
        )
        for name, found in variants.items()
    ]


def _short(value: float | None) -> str:
    """A figure with two digits, without an exponent from 1 up."""
    return "-" if value is None else f"{float(f'{value:.2g}'):g}"


def _cite(citation: str, doi: str) -> str:
    return f"{citation} ([doi {doi}](https://doi.org/{doi}))" if doi else citation


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _work() -> int:
    options = parse(Options, sys.argv[1:], program="benchmarks/_material_cards.py")
    write_text(PAGE, page(read_json(RESULTS / "materials.json")["results"]))
    if not options.page_only:
        for entry in MATERIALS.values():
            draw(entry, PICTURES / f"{entry.name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status("benchmarks/_material_cards.py", _work))
