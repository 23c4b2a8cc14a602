from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe
from morphsim.simulator.record import record_film
from morphsim.simulator.simulation import Simulation
from morphsim.simulator.thermodynamics.phase_diagram import film_path, plot_phase_diagram
from morphsim.simulator.thermodynamics.phases import binodal, critical_point

SYMMETRIC = DryingRecipe(n_donor=5, n_acceptor=5, barrier=0.0)


def drawn(ax: object, label: str) -> np.ndarray:
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]  # type: ignore[attr-defined]
    return np.stack([np.asarray(line.get_xdata()), np.asarray(line.get_ydata())], axis=1)


@given(solvent=st.floats(0.2, 0.95), blend_ratio=st.floats(0.1, 0.9))
@settings(max_examples=30, deadline=None)
def test_the_path_keeps_the_blend_and_ends_dry(solvent: float, blend_ratio: float) -> None:
    recipe = DryingRecipe(solvent=solvent, blend_ratio=blend_ratio)
    path = film_path(recipe)
    assert path[0, 2] == pytest.approx(solvent)
    assert path[-1, 2] == pytest.approx(recipe.residual_solvent)
    assert path.sum(axis=1) == pytest.approx(np.ones(len(path)))
    assert path[:, 0] / path[:, :2].sum(axis=1) == pytest.approx(blend_ratio)
    assert (np.diff(path[:, 2]) < 0).all()


def test_the_path_is_that_of_a_simulated_film() -> None:
    recipe = DryingRecipe(width=0.5, evaporation=3.0)
    thickness = [film.thickness for film in record_film(recipe, seed=0, frames=3, shape=(16, 8))]
    simulation = Simulation([recipe], seeds=[0], shape=(16, 8))
    simulation.advance(thickness=thickness[1], time=100.0)
    donor, acceptor = simulation.fields()[0].double().mean(dim=(1, 2)).tolist()
    assert film_path(recipe, thickness)[1] == pytest.approx(
        [donor, acceptor, 1.0 - donor - acceptor], abs=1e-3
    )


def test_a_triangle_shows_the_gap_and_the_film(tmp_path: Path) -> None:
    ax = plot_phase_diagram(SYMMETRIC)
    lines = binodal(SYMMETRIC)
    outline = drawn(ax, "binodal")
    assert len(outline) == 2 * len(lines)
    # The dry edge is the base, from donor (0, 0) to acceptor (1, 0).
    assert outline[0] == pytest.approx([lines[0, 0, 1], 0.0], abs=1e-9)
    point = critical_point(SYMMETRIC)
    assert point is not None
    (marker,) = drawn(ax, "critical point")
    assert marker == pytest.approx([point[1] + 0.5 * point[2], point[2] * 3**0.5 / 2])
    path = film_path(SYMMETRIC)
    assert drawn(ax, "film") == pytest.approx(
        np.stack([path[:, 1] + 0.5 * path[:, 2], path[:, 2] * 3**0.5 / 2], axis=1)
    )
    assert drawn(ax, "start")[0] == pytest.approx(drawn(ax, "film")[0])
    assert drawn(ax, "end")[0] == pytest.approx(drawn(ax, "film")[-1])
    shown = {text.get_text() for text in ax.texts}
    assert {"donor", "acceptor", "solvent", "0.2", "0.8"} <= shown
    ax.figure.savefig(tmp_path / "triangle.png")
    with Image.open(tmp_path / "triangle.png") as image:
        assert min(image.size) > 400
        assert len(image.convert("RGB").getcolors(maxcolors=1 << 20) or []) > 20


def test_a_miscible_blend_has_a_diagram_without_a_gap() -> None:
    ax = plot_phase_diagram(DryingRecipe(n_donor=5, chi=0.2))
    labels = [line.get_label() for line in ax.get_lines()]
    assert "film" in labels
    assert not {"binodal", "spinodal", "tie lines", "critical point"} & set(labels)


def test_a_binary_diagram_shows_gap_film_and_temperature(tmp_path: Path) -> None:
    recipe = AnnealingRecipe(blend_ratio=0.4, chi=3.0, chi_slope=1500.0)
    ax = plot_phase_diagram(recipe)
    assert drawn(ax, "film")[0] == pytest.approx([0.4, 3.0])
    outline = drawn(ax, "binodal")
    at_three = outline[np.abs(outline[:, 1] - 3.0).argsort()[:2]]
    assert at_three[:, 0].min() == pytest.approx(0.0707, abs=5e-3)
    unstable = drawn(ax, "spinodal")
    assert unstable[:, 0].min() > outline[:, 0].min()
    (right,) = [other for other in ax.figure.axes if other is not ax]
    assert right.get_ylabel() == "temperature [°C]"
    ticks = dict(zip([t.get_text() for t in right.get_yticklabels()], right.get_yticks(), strict=True))
    assert ticks["125"] == pytest.approx(3.0 + 1500.0 * (1 / 398.15 - 1 / 373.15))
    ax.figure.savefig(tmp_path / "binary.png")
    assert (tmp_path / "binary.png").stat().st_size > 10_000


def test_diagrams_fit_into_the_caller_s_figure() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot_phase_diagram(SYMMETRIC, ax=left, tie_lines=0) is left
    ramp = [[0.5, 3.5], [0.5, 2.5], [0.5, 1.8]]
    assert plot_phase_diagram(AnnealingRecipe(chi_slope=0.0), ax=right, path=ramp) is right
    assert drawn(right, "end")[0] == pytest.approx([0.5, 1.8])
    assert figure.axes == [left, right]


def test_pyplot_is_not_used() -> None:
    code = (
        "import sys; from morphsim.simulator import DryingRecipe;"
        "from morphsim.simulator.thermodynamics.phase_diagram import plot_phase_diagram;"
        "assert 'matplotlib' not in sys.modules;"
        "plot_phase_diagram(DryingRecipe()).figure.savefig(sys.argv[1]);"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, "/dev/null"], check=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"recipe": SYMMETRIC, "path": [[0.5, 0.5]]}, "shape"),
        ({"recipe": SYMMETRIC, "path": [0.3, 0.3, 0.4]}, "shape"),
        ({"recipe": SYMMETRIC, "path": [[0.3, 0.3, 0.9]]}, "sum to 1"),
        ({"recipe": SYMMETRIC, "path": np.empty((0, 3))}, "shape"),
        ({"recipe": AnnealingRecipe(), "path": np.empty((0, 2))}, "shape"),
        ({"recipe": SYMMETRIC, "tie_lines": -1}, "tie_lines is -1"),
        ({"recipe": AnnealingRecipe(), "path": [[0.3, np.nan]]}, "finite"),
        ({"recipe": AnnealingRecipe(), "path": [[1.3, 2.0]]}, "from 0 to 1"),
        ({"recipe": None}, "has no free energy"),
    ],
)
def test_bad_diagrams_are_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        plot_phase_diagram(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("thickness", [[0.1], [np.nan], [[0.5]], []])
def test_bad_thicknesses_are_refused(thickness: list[float]) -> None:
    with pytest.raises(InputError, match="thickness"):
        film_path(DryingRecipe(solvent=0.8), thickness)


def test_the_page_s_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "phase-diagrams.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, page.name, "exec"), {})
    assert "0.225" in capsys.readouterr().out
