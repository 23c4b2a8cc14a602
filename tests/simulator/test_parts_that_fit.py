"""Parameters of unusual shapes and types: computed as in plain torch or refused, never read out of bounds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator import (
    BinaryFloryHuggins,
    ConstantMobility,
    DoubleWell,
    Evaporation,
    FilmModel,
    Grid,
    NegiMobility,
    OnsagerMobility,
    Solver,
    Substrate,
    TernaryFloryHuggins,
    ThermalNoise,
    WodoMobility,
)
from morphsim.simulator.backends import BackendName
from morphsim.simulator.core.grid import Squares

CPU = torch.device("cpu")
NAMES: tuple[BackendName, ...] = ("numba", "torch")
ONE = torch.ones((1, 1, 1))
LENGTHS = torch.tensor([5.0, 5.0]).view(1, 2, 1, 1)
ALONG = torch.linspace(0.5, 2.5, 16).view(1, 1, 16)


def ternary(**changed: Any) -> TernaryFloryHuggins:
    usual = {"chi_donor_solvent": 0.3 * ONE, "chi_acceptor_solvent": 0.3 * ONE, "barrier": 1e-3 * ONE}
    usual |= {"n_donor": 5 * ONE, "n_acceptor": 5 * ONE, "chi_donor_acceptor": 1.5 * ONE}
    return TernaryFloryHuggins(**(usual | changed))


def wodo(**changed: Any) -> WodoMobility:
    return WodoMobility(**({"chain_lengths": LENGTHS, "solid": 0.01 * ONE, "scale": ONE} | changed))


def solver(
    energy: Any,
    mobility: Any,
    *,
    backend: BackendName = "auto",
    films: int = 1,
    kappa: Any = None,
    noise: ThermalNoise | None = None,
    fields: int = 0,
    grid: type[Grid] = Grid,
    **parts: Any,
) -> Solver:
    fields = fields or (2 if isinstance(energy, TernaryFloryHuggins) else 1)
    space = grid((8, 16), width=2.0, boundary="periodic", dtype=torch.float32, device=CPU)
    kappa = torch.full((1, fields, 1, 1), 1e-3) if kappa is None else kappa
    model = FilmModel(space, energy, mobility, kappa, backend=backend, **parts)
    random = torch.Generator().manual_seed(0)
    middle = 0.3 if fields > 1 else 0.5
    phi = middle + 0.02 * torch.randn((films, fields, 8, 16), generator=random)
    return Solver(model, phi, noise=noise)


def bath(biot: Any, ambient: Any) -> dict[str, Any]:
    return {"energy": ternary(), "mobility": wodo(), "evaporation": Evaporation(biot, ambient)}


UPHILL = ConstantMobility(ONE[None])
UNUSUAL: dict[str, dict[str, Any]] = {
    "one Biot number for three films": bath(torch.tensor([1.0]), torch.tensor([0.1])) | {"films": 3},
    "a Biot number without an axis": bath(torch.tensor(1.0), torch.tensor(0.1)) | {"films": 3},
    "a Biot number that is no tensor": bath(1.0, 0.1),
    "chains of wodo that are not the energy's": {
        "energy": ternary(),
        "mobility": wodo(chain_lengths=10 * LENGTHS),
    },
    "chains of negi that are not the energy's": {
        "energy": ternary(),
        "mobility": NegiMobility(10 * LENGTHS, torch.full((1, 1, 1, 1), 0.1), ONE),
    },
    "a single diffusivity": {
        "energy": ternary(),
        "mobility": NegiMobility(LENGTHS, torch.full((1, 1, 1, 1), 0.1), ONE),
    },
    "numbers": {"energy": ternary(n_donor=5.0, barrier=1e-3), "mobility": wodo()},
    "numbers of a double well": {"energy": DoubleWell(5 * ONE, 0.3, 0.7), "mobility": UPHILL},  # type: ignore[arg-type]
    "a number of one field": {"energy": BinaryFloryHuggins(2.5), "mobility": UPHILL},  # type: ignore[arg-type]
    "a tensor without axes": {"energy": BinaryFloryHuggins(torch.tensor(2.5)), "mobility": UPHILL},
    "double precision": {"energy": BinaryFloryHuggins(2.5 * ONE.double()), "mobility": UPHILL},
    "double precision of two fields": {
        "energy": ternary(n_donor=5 * ONE.double()),
        "mobility": wodo(scale=ONE.double()),
        "kappa": torch.full((1, 1, 1, 1), 1e-3, dtype=torch.float64),
    },
    "chi along the film": {"energy": BinaryFloryHuggins(2 * ALONG), "mobility": UPHILL},
    "chi along films as many as cells": {
        "energy": ternary(chi_donor_acceptor=ALONG),
        "mobility": wodo(),
        "films": 16,
    },
    "a mobility along the film": {"energy": ternary(), "mobility": OnsagerMobility(ALONG)},
    "a diffusivity along the film": {"energy": ternary(), "mobility": wodo(solid=0.1 * ALONG)},
    "one coefficient of two fields": {
        "energy": ternary(),
        "mobility": wodo(),
        "kappa": torch.full((1, 1, 1, 1), 1e-3),
    },
    "a substrate of one cell": {
        "energy": ternary(),
        "mobility": wodo(),
        "substrate": Substrate(torch.full((1, 1, 1), -0.02), torch.full((1, 1, 1), 0.02)),
    },
    "parameters that are learnt": {
        "energy": BinaryFloryHuggins((2.5 * ONE).requires_grad_()),
        "mobility": ConstantMobility(ONE[None].clone().requires_grad_()),
    },
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_both_paths_agree(name: str) -> None:
    films = [solver(**UNUSUAL[name], backend=backend) for backend in NAMES]
    for film in films:
        # Rounding moves the steps, and films by as much as the tolerance lets them.
        film.stepper.tolerance = 1e-4
        film.advance(time=2e-3)
        assert film.fields().dtype == torch.float32
        assert film.free_energy().shape == (len(film),)
    torch.testing.assert_close(films[0].fields(), films[1].fields(), rtol=0.0, atol=5e-6)


@pytest.mark.parametrize("kind", ["one field", "two fields", "kappa"])
def test_a_parameter_that_is_written_to_counts_from_then_on(kind: str) -> None:
    films = []
    for backend in NAMES:
        chi, kappa = 1.5 * ONE.clone(), torch.full((1, 1, 1, 1), 1e-3)
        energy = BinaryFloryHuggins(chi) if kind == "one field" else ternary(chi_donor_acceptor=chi)
        film = solver(energy, UPHILL if kind == "one field" else wodo(), kappa=kappa, backend=backend)
        film.advance(time=2e-3)
        if kind == "kappa":
            kappa.fill_(0.05)
        else:
            chi.fill_(4.0)
        film.advance(time=4e-3)
        films.append(film.fields())
    torch.testing.assert_close(films[0], films[1], rtol=0.0, atol=1e-4)


class Slanted(Squares):
    """A grid with smaller wavenumbers along the film."""

    def at(self, thickness: Tensor) -> Tensor:
        return 0.5 * self.x + self.theta / (thickness**2).to(self.x.dtype)[:, None, None, None]


class SlantedGrid(Grid):
    def _squares(self, along_x: Tensor, along_z: Tensor) -> Squares:
        squares = super()._squares(along_x, along_z)
        return Slanted(squares.x, squares.theta)


def test_own_wavenumbers_are_computed() -> None:
    own, plain = (
        solver(BinaryFloryHuggins(3 * ONE), UPHILL, grid=SlantedGrid, backend=backend) for backend in NAMES
    )
    usual = solver(BinaryFloryHuggins(3 * ONE), UPHILL)
    for film in (own, plain, usual):
        film.advance(time=5e-3)
    torch.testing.assert_close(own.fields(), plain.fields(), rtol=0.0, atol=5e-6)
    assert float((own.fields() - usual.fields()).abs().max()) > 1e-4


BINARY = {"energy": BinaryFloryHuggins(2.5 * ONE), "mobility": UPHILL}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two fields of one": (BINARY | {"fields": 2}, "energy.potential has the shape"),
    "one field of two": (
        {"energy": ternary(), "mobility": wodo(), "fields": 1, "kappa": ONE[None]},
        "energy.potential can't be computed for fields of the shape",
    ),
    "two parameters for three films": (
        BINARY | {"energy": BinaryFloryHuggins(2.5 * torch.ones((2, 1, 1))), "films": 3},
        "energy.potential can't be computed",
    ),
    "three parameters for one film": (
        BINARY | {"energy": BinaryFloryHuggins(2.5 * torch.ones((3, 1, 1)))},
        "energy.potential has the shape",
    ),
    "three Biot numbers for one film": (bath(torch.ones(3), torch.zeros(3)), "evaporation has the shape"),
    "a coefficient that is no tensor": (BINARY | {"kappa": 1e-3}, "kappa has the type float"),
    "a coefficient along the film": (BINARY | {"kappa": ALONG[None]}, "kappa has the shape"),
    "a constant mobility that is none": (
        BINARY | {"mobility": ConstantMobility(ALONG[None])},
        "mobility has the shape",
    ),
    "a mobility that is no tensor": (
        BINARY | {"mobility": ConstantMobility(1.0)},  # type: ignore[arg-type]
        "mobility has the type float",
    ),
    "a product of one field": (
        BINARY | {"substrate": Substrate(0.02 * ONE, 0.02 * ONE, 0.02 * ONE[:, 0])},
        "substrate.cross couples two fields, the film has 1",
    ),
    "a substrate of numbers": (
        BINARY | {"substrate": Substrate(-0.02, 0.02)},  # type: ignore[arg-type]
        "substrate.quadratic has the type",
    ),
    "noise of other films": (
        BINARY | {"films": 3, "noise": ThermalNoise([1e-7], [0], CPU)},
        "noise is of 1 films, the fields are of 3",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str) -> None:
    parts, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        solver(**parts)


@pytest.mark.parametrize("kind", ["one field", "two fields"])
def test_fields_whose_axes_were_swapped(kind: str) -> None:
    parts = BINARY if kind == "one field" else {"energy": ternary(), "mobility": wodo()}
    usual = solver(**parts)
    swapped = usual.fields().transpose(2, 3).contiguous().transpose(2, 3)
    assert not swapped.is_contiguous()
    film = Solver(usual.model, swapped)
    for each in (usual, film):
        each.advance(time=2e-3)
    torch.testing.assert_close(film.fields(), usual.fields(), rtol=0.0, atol=1e-6)
