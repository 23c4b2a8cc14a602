"""A process from outside the package: one module, and one line that registers it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import morphsim
from morphsim.envs.film import FilmEnv
from morphsim.envs.settings import film_settings
from morphsim.errors import InputError
from morphsim.frames import film_frames, read_frames, write_frames
from morphsim.frames.code_digest import simulator_digest
from morphsim.frames.plan import make_plan
from morphsim.simulator import PROCESSES, Simulation, find_process, process_of, record_film, register_process
from morphsim.simulator.processes import _PLACES
from morphsim.simulator.resolve import resolve_recipe

PACKAGE = Path(morphsim.__file__).parent
MODULE = """
import dataclasses
from dataclasses import dataclass

import torch

from morphsim.simulator.core.energy import BinaryFloryHuggins
from morphsim.simulator.processes.annealing import Annealing, AnnealingRecipe
from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.processes.laws import columns
from morphsim.simulator.recipe import number_field


@dataclass(frozen=True)
class Tilted(BinaryFloryHuggins):
    "A free energy of its own: the parabola a (φ - 1/2)² on top, which holds the phases together."

    stiffness: torch.Tensor

    def density(self, phi):
        return super().density(phi) + self.stiffness * (phi[:, 0] - 0.5) ** 2

    def potential(self, phi):
        return super().potential(phi) + (2.0 * self.stiffness)[:, None] * (phi - 0.5)

    def curvature(self, phi):
        return super().curvature(phi) + (2.0 * self.stiffness)[:, None]


@dataclass(frozen=True, kw_only=True)
class QuenchRecipe(AnnealingRecipe):
    "Annealing that starts hot, with a pressure that mixes."

    process = "quenching"
    temperature: float = number_field(430.0, 400.0, 600.0, "K")
    pressure: float = number_field(0.0, 0.0, 2.0)


class Quenching(Annealing):
    "Annealing between higher temperatures; a second knob presses the phases together."

    name = "quenching"
    recipe = QuenchRecipe
    knobs = (Knob("temperature", 400.0, 450.0), Knob("pressure", 0.0, 2.0))

    def model(self, recipes, knobs, grid, *, backend="auto"):
        model = super().model(recipes, knobs, grid, backend=backend)
        pressure = columns(grid)(knobs["pressure"])
        return dataclasses.replace(model, energy=Tilted(model.energy.chi, pressure))


PROCESS = Quenching()
"""


@pytest.fixture
def quenching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "quenching_process.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    register_process("quenching", "quenching_process")
    yield "quenching"
    _PLACES.pop("quenching")
    sys.modules.pop("quenching_process", None)


def test_a_process_from_outside_is_known_everywhere(quenching: str, tmp_path: Path) -> None:
    assert quenching in PROCESSES
    recipe = resolve_recipe(process=quenching, changes=("chi=3.2",))
    assert process_of(recipe) is find_process(quenching)
    snapshots = list(record_film(recipe, seed=0, frames=2, shape=(12, 16)))
    write_frames(tmp_path / "film.h5", film_frames(recipe, snapshots, seed=0, threshold=0.5))
    film = read_frames(tmp_path / "film.h5")
    assert film.process == quenching
    assert film.recipes["temperature"].tolist() == [430.0]
    plan = make_plan(
        process=quenching, file=None, settings=(), grid=("chi=2.5,3",), replicas=1, frames=2, shape=[8, 8],
        seed=0, threshold=0.5, dtype="float32", device="cpu",
    )  # fmt: skip
    assert plan.film_recipe(1).to_dict()["chi"] == 3.0
    settings = film_settings(
        quenching, recipe=None, material=None, shape=(12, 16), steps=2, step_time_s=None, knobs=None,
        ranges=None, randomize=True, observation="dict", units=None, threshold=0.5, tolerance=0.002,
        device="cpu",
    )  # fmt: skip
    env = FilmEnv(settings, render_mode=None)
    assert env.state_names == ("thickness", "step_fraction", "temperature", "pressure")
    env.reset(seed=0)
    *_, info = env.step(env.action_of({"temperature": 450.0}))
    assert info["temperature_K"] == pytest.approx(450.0)
    assert info["chi"] > 0.0


def test_its_free_energy_and_its_knob_take_effect(quenching: str) -> None:
    contrast = []
    for pressure in (0.0, 2.0):
        film = Simulation([resolve_recipe(process=quenching)], seeds=[0], shape=(16, 32))
        before = film.free_energy()[0]
        film.set_knobs(pressure=pressure)
        film.advance(time=0.02)
        contrast.append(float(film.donor_share().std()))
        assert pressure or film.free_energy()[0] < before
    assert contrast[1] < 0.5 * contrast[0]


def test_a_name_belongs_to_one_module(quenching: str) -> None:
    register_process(quenching, "quenching_process")
    with pytest.raises(
        InputError, match="'quenching' is already that of quenching_process; choose another name"
    ):
        register_process(quenching, "elsewhere")


@pytest.mark.parametrize("name", ["quench", None, 3])
def test_unknown_processes(name: object) -> None:
    with pytest.raises(InputError, match=r"process is .*; use one of annealing, drying, vapour-annealing"):
        find_process(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_defines_all_that_is_needed(name: str) -> None:
    process = find_process(name)
    recipe = process.recipe()
    assert process.name == recipe.process == name
    assert len(recipe.composition) == process.components
    for knob in process.knobs:
        low, high = type(recipe).__dataclass_fields__[knob.name].metadata["range"]
        assert low <= knob.low < knob.high <= high
    for parameter, (low, high) in process.ranges(recipe).items():
        assert low <= getattr(recipe, parameter) <= high or parameter.startswith("substrate")


def test_no_other_file_depends_on_a_process() -> None:
    allowed = ("simulator/processes/", "simulator/materials/", "frames/presets.py", "envs/annealing.py")
    allowed += ("envs/drying.py", "envs/vapour_annealing.py", "tasks/family.py")
    for file in PACKAGE.rglob("*.py"):
        place = file.relative_to(PACKAGE).as_posix()
        if place.startswith(allowed):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant):
                assert node.value not in PROCESSES, f"{place}:{node.lineno} names {node.value!r}"


@pytest.mark.parametrize(
    ("name", "module", "message"),
    [
        (3, "x", "the name of a process is 3; use lower-case words"),
        ("Fast drying", "x", "the name of a process is 'Fast drying'"),
        ("fast-drying", None, "module is None; give the name"),
    ],
)
def test_registrations_that_can_t_be(name: object, module: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        register_process(name, module)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("no_such_module", "can't be had from no_such_module"),
        ("math", "can't be had from math .* needs a variable PROCESS"),
        ("morphsim.simulator.processes.drying", "is not the process 'nothing'; its `name` is 'drying'"),
    ],
)
def test_modules_without_the_process(module: str, message: str) -> None:
    register_process("nothing", module)
    try:
        with pytest.raises(InputError, match=message):
            find_process("nothing")
    finally:
        _PLACES.pop("nothing")


def test_a_plugin_is_known_to_commands_and_workers(tmp_path: Path) -> None:
    (tmp_path / "quenching_process.py").write_text(MODULE)
    info = tmp_path / "quenching-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: quenching\nVersion: 1.0\n")
    points = "[morphsim.processes]\nquenching = quenching_process\nFast Drying = nothing\n"
    (info / "entry_points.txt").write_text(points)
    words = ["dataset", "--process", "quenching", "--grid", "chi=2.8,3.2", "--frames", "2", "--workers", "2"]
    words += ["--shape", "8", "16", "--set", "duration=0.002", "--out", str(tmp_path / "films.h5")]
    path = os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])
    ran = subprocess.run(
        [sys.executable, "-m", "morphsim", *words],
        check=True,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert "the process 'Fast Drying' of nothing is left out" in ran.stderr
    assert (tmp_path / "films.h5").is_file()


def test_the_code_of_a_process_from_outside_counts(quenching: str, tmp_path: Path) -> None:
    before = simulator_digest.__wrapped__(quenching)
    with (tmp_path / "quenching_process.py").open("a") as file:
        file.write("MORE = 1\n")
    assert simulator_digest.__wrapped__(quenching) != before
