"""The pages about the simulator: their code runs, and their tables list every parameter."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from morphsim import simulator
from morphsim.simulator import (
    AnnealingRecipe,
    BinaryFloryHuggins,
    DryingRecipe,
    VapourAnnealingRecipe,
    export,
    materials,
    thermodynamics,
)
from tests.simulator.simulator_helpers import column, same

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "solver.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(2))
def test_each_block_of_the_solver_page_runs_alone(number: int, tmp_path: Path) -> None:
    assert len(BLOCKS) == 2
    file = tmp_path / "block.py"
    file.write_text(BLOCKS[number], encoding="utf-8")
    subprocess.run([sys.executable, "-W", "error", str(file)], check=True)


@pytest.mark.parametrize("page", ["solver.md", "api/index.md"])
def test_the_pages_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    spaces: list[dict[str, Any]] = [{} for _ in blocks]
    for block, space in zip(blocks, spaces, strict=True):
        exec(compile(block, page, "exec"), space)
    if page == "api/index.md":
        assert same(spaces[1]["again"].snapshot(), spaces[1]["film"].snapshot())
    else:
        assert float(spaces[0]["fields"].max()) > 0.8
        own, built_in = spaces[0]["Chains"](chi=1.8, length=1.0), BinaryFloryHuggins(column(1.8))
        phi = torch.linspace(0.05, 0.95, 12, dtype=torch.float64).view(1, 1, 3, 4)
        for name in ("density", "potential"):
            assert torch.allclose(getattr(own, name)(phi), getattr(built_in, name)(phi), atol=1e-12)
        assert torch.allclose(own.curvature(phi), 1.0 / phi + 1.0 / (1.0 - phi) - 3.6)


def test_the_page_of_physics_lists_every_parameter_with_its_default_and_range() -> None:
    page = (DOCS / "physics.md").read_text(encoding="utf-8")
    lines = page.partition("## Recipes and knobs")[2].splitlines()
    kinds = (AnnealingRecipe, DryingRecipe)
    names = dict.fromkeys(entry.name for kind in kinds for entry in dataclasses.fields(kind))
    for name in names:
        row = next(line for line in lines if line.startswith(f"| `{name}` | "))
        shown, allowed = (cell.strip().split(" / ") for cell in row.split("|")[3:5])
        found = [entry for kind in kinds for entry in dataclasses.fields(kind) if entry.name == name]
        for place, entry in enumerate(found):
            if "choices" in entry.metadata:
                default, limits = f"`{entry.default}`", ", ".join(f"`{c}`" for c in entry.metadata["choices"])
            else:
                default, limits = f"{entry.default:g}", "{:g} to {:g}".format(*entry.metadata["range"])
            assert shown[min(place, len(shown) - 1)] == default, name
            assert allowed[min(place, len(allowed) - 1)] == limits, name


def test_the_page_of_physics_lists_the_differences_in_vapour() -> None:
    page = (DOCS / "physics.md").read_text(encoding="utf-8").partition("parameter in vapour")[2]
    rows = dict(re.findall(r"\| `(\w+)` \| [^|]* \| ([^|]* \| [^|]*) \|", page))
    inherited = {entry.name: entry for entry in dataclasses.fields(DryingRecipe)}
    for entry in dataclasses.fields(VapourAnnealingRecipe):
        if (
            entry.default == inherited[entry.name].default
            and entry.metadata == inherited[entry.name].metadata
        ):
            assert entry.name not in rows
        else:
            low, high = entry.metadata["range"]
            assert rows[entry.name] == f"{entry.default:g} | {low:g} to {high:g}"


def test_the_pages_of_the_python_interface_show_all_public_packages() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    for room in (simulator, thermodynamics, materials, export):
        assert f"::: {room.__name__}\n" in pages
        for name in room.__all__:
            assert getattr(room, name) is not None
