"""The choice of a backend: by name, by the environment, and by the exact types of a model's parts."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    BackendName,
    ConstantMobility,
    DryingRecipe,
    FilmModel,
    FreeEnergy,
    Grid,
    Simulation,
    Solver,
    get_backend,
)
from morphsim.simulator.backends.base import CellRates, FilmEquations
from morphsim.simulator.backends.numba import NUMBA, NumbaBackend
from morphsim.simulator.core.batching import take_films
from morphsim.simulator.core.exact_types import ExactTypes

ONE = torch.ones((1, 1, 1), dtype=torch.float64)
TORCH = get_backend("torch")


def test_backends_have_names() -> None:
    names = {name: get_backend(name).name for name in get_args(BackendName)}
    assert names == {"auto": "numba", "torch": "torch", "numba": "numba"}
    assert get_backend() is get_backend("auto") is NUMBA
    assert get_backend(TORCH) is TORCH


def test_an_unknown_backend_is_refused() -> None:
    for wrong in ("jax", None, True):
        with pytest.raises(InputError, match=f"backend is {wrong!r}; use one of auto, torch, numba"):
            Simulation([AnnealingRecipe()], seeds=[0], backend=wrong)  # type: ignore[arg-type]


def test_the_environment_switches_the_loops_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORPHSIM_FUSED", "0")
    assert Simulation([AnnealingRecipe()], seeds=[0], shape=(4, 8)).model.backend is TORCH
    # An explicit name wins.
    assert get_backend("numba") is NUMBA
    monkeypatch.setenv("MORPHSIM_FUSED", "1")
    assert get_backend() is NUMBA


def test_torch_computes_where_numba_is_not_installed() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from morphsim.simulator import AnnealingRecipe, Simulation, get_backend\n"
        "film = Simulation([AnnealingRecipe()], seeds=[0], shape=(8, 16))\n"
        "film.advance(time=1e-4)\n"
        "print(film.model.backend.name)\n"
        "try: get_backend('numba')\n"
        "except ValueError as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.splitlines() == [
        "torch",
        "backend is 'numba', which can't be imported; install numba, or use torch",
    ]


def test_numba_is_imported_with_the_first_film_only() -> None:
    code = (
        "import sys, morphsim.simulator as simulator\n"
        "print('numba' in sys.modules)\n"
        "simulator.Simulation([simulator.AnnealingRecipe()], seeds=[0], shape=(4, 8), backend='torch')\n"
        "print('numba' in sys.modules)\n"
        "simulator.Simulation([simulator.AnnealingRecipe()], seeds=[0], shape=(4, 8))\n"
        "print('numba' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.split() == ["False", "False", "True"]


@pytest.mark.parametrize(("fused", "name"), [(True, "numba"), (False, "torch")])
def test_fused_of_version_0_1_still_works_and_warns(fused: bool, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf'fused={fused} is now backend="\w+"; .* 0\.3$') as told:
        film = Simulation([AnnealingRecipe()], seeds=[0], shape=(4, 8), fused=fused)
    assert [warning.filename for warning in told] == [__file__]
    assert film.model.backend.name == name
    with pytest.warns(DeprecationWarning, match=rf'fused={fused} is now backend="\w+"') as told:
        model = FilmModel(film.grid, film.model.energy, film.model.mobility, film.model.kappa, fused=fused)
    assert [warning.filename for warning in told] == [__file__]
    assert model.backend.name == name
    # A model made from another one keeps its backend, without a warning.
    assert dataclasses.replace(model, kappa=2 * model.kappa).backend is model.backend


@pytest.mark.parametrize("name", ["torch", "numba"])
def test_backends_stay_with_their_films(name: BackendName) -> None:
    films = Simulation([DryingRecipe()] * 3, seeds=[0, 1, 2], shape=(4, 8), backend=name)
    backend = get_backend(name)
    assert films.model.backend is backend
    assert take_films(films.model, [1], batch=3).backend is backend
    films.set_knobs(temperature=310.0)
    films.replace([0], [DryingRecipe(evaporation=1.0)], [5])
    for other in (films, films.take([2, 0]), copy.deepcopy(films)):
        assert other.model.backend is backend
    assert pickle.loads(pickle.dumps(films.model)).backend is backend


class Parent:
    def one(self) -> int:
        return 1


class Kind(Parent):
    def two(self) -> int:
        return 2


def test_exact_types(monkeypatch: pytest.MonkeyPatch) -> None:
    known: ExactTypes[str] = ExactTypes()
    known.register(Kind, "first")
    known.register(Kind, "kind")
    assert known.find(Kind()) == "kind"
    assert known.find(Parent()) is None
    assert known.find(type("Child", (Kind,), {})()) is None
    part: Any = Kind()
    part.three = 3
    assert known.find(part) == "kind"
    part.two = lambda: 3
    assert known.find(part) is None
    monkeypatch.setattr(Parent, "one", lambda self: 3)
    assert known.find(Kind()) is None
    monkeypatch.undo()
    assert known.find(Kind()) == "kind"


@dataclass(frozen=True)
class Quartic:
    """f = a (φ - 1/2)⁴ - b (φ - 1/2)², a user's energy."""

    a: Tensor
    b: Tensor | float

    def density(self, phi: Tensor) -> Tensor:
        c = phi[:, 0] - 0.5
        return self.a * c**4 - self.b * c**2

    def potential(self, phi: Tensor) -> Tensor:
        c = phi[:, 0] - 0.5
        return (4.0 * self.a * c**3 - 2.0 * self.b * c)[:, None]

    def curvature(self, phi: Tensor) -> Tensor:
        c = phi[:, 0] - 0.5
        return (12.0 * self.a * c**2 - 2.0 * self.b)[:, None]


@dataclass(frozen=True)
class Steeper(Quartic):
    def potential(self, phi: Tensor) -> Tensor:
        return 2.0 * super().potential(phi)


@pytest.fixture
def calls() -> list[int]:
    return []


@pytest.fixture
def backend(calls: list[int]) -> NumbaBackend:
    """A backend with its own loop for `Quartic` that records its calls."""

    def quartic(phi: Any, a: Any, b: Any, potential: Any, curvatures: Any) -> None:
        calls.append(len(phi))
        for film in range(len(phi)):
            c = phi[film] - 0.5
            potential[film] = 4.0 * a[film] * c**3 - 2.0 * b[film] * c
            curvature = 12.0 * a[film] * c**2 - 2.0 * b[film]
            curvatures[0, film], curvatures[1, film] = curvature.min(), curvature.max()

    backend = NumbaBackend()
    backend.register_potential(Quartic, quartic, "a", "b")
    return backend


def quartic_film(energy: FreeEnergy, backend: Any, **parts: Any) -> Solver:
    shape = (8, 16)
    grid = Grid(shape, width=2.0, boundary="periodic", dtype=torch.float64, device=torch.device("cpu"))
    model = FilmModel(grid, energy, ConstantMobility(ONE[None]), kappa=4e-4 * ONE[None], backend=backend)
    random = torch.Generator().manual_seed(0)
    phi = 0.5 + 0.05 * torch.rand((2, 1, *shape), generator=random, dtype=torch.float64)
    return Solver(model, phi)


def test_an_energy_from_outside_the_package(backend: NumbaBackend, calls: list[int]) -> None:
    # Two films with different parameters.
    a, b = torch.tensor([20.0, 30.0], dtype=torch.float64).view(2, 1, 1), 4.0
    plain, unregistered, compiled, subclass = (
        quartic_film(kind(a, b), by)
        for kind, by in ((Quartic, TORCH), (Quartic, NUMBA), (Quartic, backend), (Steeper, backend))
    )
    for film in (plain, unregistered, subclass):
        film.advance(time=[2e-3, 4e-3])
    assert calls == []
    compiled.advance(time=[2e-3, 4e-3])
    # The batch is not reduced to the film that is still running, since a user's energy may hold anything.
    assert set(calls) == {2}
    assert len(calls) > 5
    assert float(plain.fields().std()) > 0.02
    torch.testing.assert_close(unregistered.fields(), plain.fields(), rtol=0.0, atol=1e-9)
    torch.testing.assert_close(compiled.fields(), plain.fields(), rtol=0.0, atol=1e-9)
    assert float((subclass.fields() - plain.fields()).abs().max()) > 1e-3


def test_an_energy_from_outside_is_left_to_torch_where_its_loop_does_not_fit(
    backend: NumbaBackend, calls: list[int]
) -> None:
    # A parameter that varies over the film.
    along = Quartic(torch.linspace(20.0, 30.0, 16, dtype=torch.float64).view(1, 1, 16), 4.0)
    films = [quartic_film(along, by) for by in (backend, TORCH)]
    for film in films:
        film.advance(time=2e-3)
    torch.testing.assert_close(films[0].fields(), films[1].fields(), rtol=0.0, atol=1e-9)
    assert calls == []
    # So is an object whose method was replaced.
    energy = Quartic(20.0 * ONE, 4.0)
    object.__setattr__(energy, "potential", torch.zeros_like)
    potential, _, _ = backend.local_potential(energy, films[0].fields())
    assert not potential.any()
    assert calls == []


def test_a_loop_may_be_compiled_by_numba(backend: NumbaBackend) -> None:
    from morphsim.compiled import loop

    @loop
    def quartic(phi: Any, a: Any, b: Any, potential: Any, curvatures: Any) -> None:
        for film in range(phi.shape[0]):
            least, most = np.inf, -np.inf
            for cell in range(phi.shape[1]):
                c = phi[film, cell] - 0.5
                potential[film, cell] = 4.0 * a[film] * c**3 - 2.0 * b[film] * c
                curvature = 12.0 * a[film] * c**2 - 2.0 * b[film]
                least, most = min(least, curvature), max(most, curvature)
            curvatures[0, film] = least
            curvatures[1, film] = most

    backend.register_potential(Quartic, quartic, "a", "b")
    energy = Quartic(20.0 * ONE, 4.0)
    phi = quartic_film(energy, backend).fields()
    for compiled, plain in zip(
        backend.local_potential(energy, phi), TORCH.local_potential(energy, phi), strict=True
    ):
        torch.testing.assert_close(compiled, plain, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("fits", [True, False])
def test_finite_volumes_from_outside_the_package(fits: bool) -> None:
    calls = []

    def rates(film: FilmEquations, phi: Tensor, thickness: Tensor, speed: Tensor) -> CellRates | None:
        calls.append(film.energy)
        return TORCH.cell_rates(film, phi, thickness, 2.0 * speed) if fits else None

    backend = NumbaBackend()
    films = [Simulation([DryingRecipe()], seeds=[0], shape=(6, 12), backend=by) for by in (backend, TORCH)]
    energy = films[0].model.energy
    backend.register_cell_rates(type(energy), rates)
    found, plain = (
        film.model.rates(film.fields(), film.state.content, film.state.thickness).modes for film in films
    )
    assert calls == [energy]
    # Twice the speed shows that the function was used; what it does not compute is computed by torch.
    assert torch.equal(found, plain) is not fits


def test_the_old_option_beside_the_new_one_is_refused() -> None:
    with pytest.raises(InputError, match="fused and backend say the same; give backend alone"):
        Simulation([AnnealingRecipe()], seeds=[0], shape=(8, 16), backend="torch", fused=True)
