"""A user's own energies, mobilities, substrates and grids: their methods are used on every path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator import (
    BinaryFloryHuggins,
    ConstantMobility,
    DoubleWell,
    DryingRecipe,
    Evaporation,
    FilmModel,
    Grid,
    NegiMobility,
    OnsagerMobility,
    Recipe,
    Simulation,
    Solver,
    Substrate,
    TernaryFloryHuggins,
    ThermalNoise,
    WodoMobility,
)
from morphsim.simulator.backends import BackendName
from morphsim.simulator.core.grid import Squares
from morphsim.simulator.thermodynamics import DoubleWellMixture, binodal, interface, spinodal

ONE = torch.ones((1, 1, 1), dtype=torch.float64)
LENGTHS = torch.stack((20 * ONE, 5 * ONE), 1)
CPU = torch.device("cpu")
NAMES: tuple[BackendName, ...] = ("numba", "torch")


@dataclass(frozen=True)
class Tilted(BinaryFloryHuggins):
    """Flory-Huggins with a quartic term."""

    def density(self, phi: Tensor) -> Tensor:
        return super().density(phi) + 50 * (phi[:, 0] - 0.5) ** 4

    def potential(self, phi: Tensor) -> Tensor:
        return super().potential(phi) + 200 * (phi - 0.5) ** 3

    def curvature(self, phi: Tensor) -> Tensor:
        return super().curvature(phi) + 600 * (phi - 0.5) ** 2


@dataclass(frozen=True)
class Stiff(BinaryFloryHuggins):
    """Only the damping differs."""

    def curvature(self, phi: Tensor) -> Tensor:
        return super().curvature(phi) + 10.0


@dataclass(frozen=True)
class Shallow(DoubleWell):
    def potential(self, phi: Tensor) -> Tensor:
        return 0.5 * super().potential(phi)


@dataclass(frozen=True)
class Sticky(TernaryFloryHuggins):
    def potential(self, phi: Tensor) -> Tensor:
        return super().potential(phi) + phi


@dataclass(frozen=True)
class SlowWodo(WodoMobility):
    def __call__(self, phi: Tensor) -> Tensor:
        return 0.1 * super().__call__(phi)


@dataclass(frozen=True)
class SlowNegi(NegiMobility):
    def __call__(self, phi: Tensor) -> Tensor:
        return 0.1 * super().__call__(phi)


@dataclass(frozen=True)
class Uncoupled(OnsagerMobility):
    def cross(self, phi: Tensor) -> Tensor | None:
        return None


@dataclass(frozen=True)
class Uneven(ConstantMobility):
    """A mobility that claims to be constant but is not."""

    def __call__(self, phi: Tensor) -> Tensor:
        return self.value * (0.5 + phi)


@dataclass(frozen=True)
class Cubic(Substrate):
    def slope(self, wall: Tensor) -> Tensor:
        return super().slope(wall) + 0.01 * wall**2


@dataclass(frozen=True)
class Throttled(Evaporation):
    def speed(self, solvent: Tensor) -> Tensor:
        return 0.1 * super().speed(solvent)


class Anisotropic(Grid):
    """A grid with smaller gradients along the film."""

    def step_x(self, field: Tensor) -> Tensor:
        return 0.5 * super().step_x(field)


class Slanted(Squares):
    """Wavenumbers along the film count for less."""

    def at(self, thickness: Tensor) -> Tensor:
        return 0.5 * self.x + self.theta / (thickness**2).to(self.x.dtype)[:, None, None, None]


class SlantedGrid(Grid):
    def _squares(self, along_x: Tensor, along_z: Tensor) -> Squares:
        squares = super()._squares(along_x, along_z)
        return Slanted(squares.x, squares.theta)


class Twice(ThermalNoise):
    """A user's noise."""

    def increments(self, *arguments: Any, **options: Any) -> Tensor:
        return 2.0 * super().increments(*arguments, **options)


@dataclass(frozen=True)
class Pulled(FilmModel):
    def potential(self, phi: Tensor, thickness: Tensor) -> Tensor:
        return super().potential(phi, thickness) + phi


def ternary(kind: type[TernaryFloryHuggins] = TernaryFloryHuggins) -> TernaryFloryHuggins:
    return kind(20 * ONE, 5 * ONE, ONE, 0.3 * ONE, 0.3 * ONE, 1e-3 * ONE)


def annealed(energy: Any, mobility: Any = None, **parts: Any) -> dict[str, Any]:
    return {"energy": energy, "mobility": mobility or ConstantMobility(ONE[None]), "fields": 1, **parts}


def dried(mobility: Any = None, **parts: Any) -> dict[str, Any]:
    wodo = WodoMobility(LENGTHS, 1e-3 * ONE, ONE)
    bath = Evaporation(torch.tensor([1.0]), torch.tensor([0.0]))
    return {"energy": ternary(), "mobility": mobility or wodo, "evaporation": bath, "fields": 2} | parts


def wall(kind: type[Substrate], fields: int) -> Substrate:
    flat = torch.full((1, fields, 24), 0.01, dtype=torch.float64)
    return kind(-flat, flat)


OWN = {
    "energy of one field": annealed(Tilted(3.0 * ONE)),
    "curvature alone": annealed(Stiff(3.0 * ONE)),
    "double well": annealed(Shallow(5 * ONE, 0.3 * ONE, 0.7 * ONE)),
    "energy of two fields": dried(energy=ternary(Sticky)),
    "wodo": dried(SlowWodo(LENGTHS, 1e-3 * ONE, ONE)),
    "negi": dried(SlowNegi(LENGTHS, 0.5 * torch.ones_like(LENGTHS), ONE)),
    "onsager": dried(Uncoupled(ONE)),
    "constant of two fields": dried(Uneven(torch.ones_like(LENGTHS))),
    "constant of one field": annealed(BinaryFloryHuggins(3.0 * ONE), Uneven(ONE[None])),
    "substrate of two fields": dried(substrate=wall(Cubic, 2)),
    "substrate of one field": annealed(BinaryFloryHuggins(3.0 * ONE), substrate=wall(Cubic, 1)),
    "evaporation": dried(evaporation=Throttled(torch.tensor([1.0]), torch.tensor([0.0]))),
    "grid": dried(grid=Anisotropic),
    "squares": annealed(BinaryFloryHuggins(3.0 * ONE), grid=SlantedGrid),
    "noise": dried(noise=Twice),
    "model": dried(model=Pulled),
}


def film(case: dict[str, Any], *, backend: BackendName) -> Solver:
    """A film of the case, with noise."""
    parts = dict(case)
    components = parts.pop("fields")
    grid = parts.pop("grid", Grid)((12, 24), width=2.0, boundary="periodic", dtype=torch.float64, device=CPU)
    noise = parts.pop("noise", ThermalNoise)
    model = parts.pop("model", FilmModel)(
        grid, kappa=torch.full((1, components, 1, 1), 4e-4, dtype=torch.float64), backend=backend, **parts
    )
    random = torch.Generator().manual_seed(0)
    middle = 0.5 if components == 1 else 0.25
    phi = middle + 0.05 * torch.rand((1, components, 12, 24), generator=random, dtype=torch.float64)
    return Solver(model, phi, noise=noise([1e-7], [0], CPU))


def parent_of(part: Any) -> Any:
    """The built-in part from which a user's class derives."""
    kind = type(part).__mro__[1]
    return kind(*(getattr(part, name) for name in kind.__dataclass_fields__))


@pytest.mark.parametrize("name", OWN)
def test_own_classes_are_computed(name: str) -> None:
    compiled, plain = film(OWN[name], backend="numba"), film(OWN[name], backend="torch")
    for solver in (compiled, plain):
        solver.advance(time=2e-3)
    torch.testing.assert_close(compiled.fields(), plain.fields(), rtol=0.0, atol=1e-9)
    parent = dict(OWN[name])
    for part, value in parent.items():
        if part in ("grid", "model", "noise"):
            parent[part] = value.__mro__[1]
        elif part != "fields" and type(value).__module__ == __name__:
            parent[part] = parent_of(value)
    other = film(parent, backend="numba")
    other.advance(time=2e-3)
    assert float((other.fields() - plain.fields()).abs().max()) > 1e-6


def flat(energy: object, phi: Tensor) -> Tensor:
    return torch.zeros_like(phi)


def modes(solver: Solver) -> Tensor:
    return solver.model.rates(solver.fields(), solver.state.content, solver.state.thickness).modes


@pytest.mark.parametrize("where", ["object", "class"])
def test_methods_replaced_in_an_object_or_a_class(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    energy = BinaryFloryHuggins(3.0 * ONE)
    before = modes(film(annealed(energy), backend="numba"))
    if where == "object":
        object.__setattr__(energy, "potential", lambda phi: flat(energy, phi))
    else:
        monkeypatch.setattr(BinaryFloryHuggins, "potential", flat)
    compiled, plain = (modes(film(annealed(energy), backend=backend)) for backend in NAMES)
    torch.testing.assert_close(compiled, plain)
    assert float((compiled - before).abs().max()) > 1e-3


class Plain:
    """An energy that is not a dataclass, with a number for each film."""

    def __init__(self, chi: Tensor) -> None:
        self._parent = BinaryFloryHuggins(chi)

    def density(self, phi: Tensor) -> Tensor:
        return self._parent.density(phi)

    def potential(self, phi: Tensor) -> Tensor:
        return self._parent.potential(phi)

    def curvature(self, phi: Tensor) -> Tensor:
        return self._parent.curvature(phi)


@pytest.mark.parametrize("noise", [ThermalNoise, Twice])
@pytest.mark.parametrize("energy", [BinaryFloryHuggins, Plain])
def test_films_of_own_classes_go_on_alone_as_in_a_batch(
    energy: type[Plain], noise: type[ThermalNoise]
) -> None:
    chi = torch.tensor([2.5, 3.0, 3.5], dtype=torch.float64)[:, None, None]
    grid = Grid((8, 16), width=2.0, boundary="periodic", dtype=torch.float64, device=CPU)
    random = torch.Generator().manual_seed(0)
    phi = 0.5 + 0.05 * torch.rand((3, 1, 8, 16), generator=random, dtype=torch.float64)
    times = torch.tensor([1e-3, 2e-3, 4e-3], dtype=torch.float64)

    def solver(films: slice) -> Solver:
        model = FilmModel(grid, energy(chi[films]), ConstantMobility(ONE[None]), kappa=4e-4 * ONE[None])
        seeds = [0, 1, 2][films]
        return Solver(model, phi[films], noise=noise([1e-7] * len(seeds), seeds, CPU))

    batch = solver(slice(0, 3))
    batch.advance(time=times.numpy())
    for number in range(3):
        alone = solver(slice(number, number + 1))
        alone.advance(time=float(times[number]))
        torch.testing.assert_close(alone.fields()[0], batch.fields()[number], rtol=0.0, atol=1e-12)


class OwnMixture(DoubleWellMixture):
    """A user's energy of mixing."""


@pytest.mark.parametrize("function", [spinodal, binodal, lambda energy: interface(energy, kappa=1.0)])
def test_phases_of_own_mixtures_are_refused(function: Callable[[Any], object]) -> None:
    with pytest.raises(InputError, match="OwnMixture is not one of"):
        function(OwnMixture())


@dataclass(frozen=True, kw_only=True)
class Humid(DryingRecipe):
    """A user's recipe with another end and an additional parameter."""

    humidity: float = 0.3

    @property
    def dry_thickness(self) -> float:
        return 0.9


@dataclass(frozen=True, kw_only=True)
class Foreign(Recipe):
    process = "printing"


def test_own_recipes() -> None:
    simulation = Simulation([Humid(evaporation=3.0)], seeds=[0], shape=(8, 16))
    simulation.advance_to_dryness(1.0, time=10.0)
    assert simulation.thickness[0] == pytest.approx(0.9, abs=1e-3)
    assert simulation.dry[0]
    with pytest.raises(InputError, match="Foreign is not a recipe of a film; use AnnealingRecipe"):
        Simulation([Foreign()], seeds=[0], shape=(8, 16))
