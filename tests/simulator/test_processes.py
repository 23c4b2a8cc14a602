"""A process from outside the package: one module, and one line that registers it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import morphsim
from morphsim.envs.film import FilmEnv
from morphsim.envs.settings import film_settings
from morphsim.errors import InputError
from morphsim.frames import film_frames, read_frames, write_frames
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
    allowed += ("envs/drying.py", "envs/vapour_annealing.py")
    for file in PACKAGE.rglob("*.py"):
        place = file.relative_to(PACKAGE).as_posix()
        if place.startswith(allowed):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant):
                assert node.value not in PROCESSES, f"{place}:{node.lineno} names {node.value!r}"
