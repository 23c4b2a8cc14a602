"""Whole steps of pseudo-spectral films against those that are taken part by part."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from morphsim.simulator import BinaryFloryHuggins, ConstantMobility, DoubleWell, FilmModel, Grid, Solver
from morphsim.simulator.backends import Backend, get_backend
from morphsim.simulator.backends.base import BackendName
from morphsim.simulator.backends.numba import NumbaBackend
from morphsim.types import Boundary

SHAPES = ((1, 1), (1, 9), (7, 1), (2, 3), (16, 24), (15, 21), (8, 540))
BOUNDARIES: tuple[Boundary, ...] = ("periodic", "no-flux")
TIGHT = {torch.float32: 1e-5, torch.float64: 1e-12}
UNTIL = 0.2

Energy = Literal["double well", "binary"]


def make(
    shape: tuple[int, int],
    *,
    films: tuple[int, ...] = (0, 1, 2),
    boundary: Boundary = "periodic",
    depth_boundary: Boundary = "no-flux",
    dtype: torch.dtype = torch.float32,
    energy: Energy = "double well",
    backend: Backend | BackendName = "numba",
    tolerance: float = 0.01,
) -> Solver:
    """Some of three films that differ in their start and their parameters."""
    grid = Grid(
        shape,
        width=float(shape[1]),
        boundary=boundary,
        depth_boundary=depth_boundary,
        dtype=dtype,
        device=torch.device("cpu"),
    )
    strength = torch.tensor([1.0, 1.15, 1.3], dtype=dtype)[list(films), None, None]
    one = torch.ones_like(strength)
    well = DoubleWell(5 * strength, 0.3 * one, 0.7 * one)
    start = 0.5 + 0.1 * torch.rand((3, 1, *shape), generator=torch.Generator().manual_seed(1))
    model = FilmModel(
        grid,
        well if energy == "double well" else BinaryFloryHuggins(2.8 * strength),
        ConstantMobility(5 * strength[:, None]),
        kappa=2 * one[:, None],
        backend=backend,
    )
    return Solver(model, start[list(films)].to(dtype), thickness=float(shape[0]), tolerance=tolerance)


def is_whole(solver: Solver) -> bool:
    """Whether the backend takes the steps of these films in one go."""
    films = solver.model.backend.spectral_films(solver.model)
    state = solver.state
    content = state.content
    if films is None:
        return False
    array = (torch.view_as_real(content).flatten(-2) if content.is_complex() else content).numpy()
    return films.first_rates(state.phi.numpy(), array, state.thickness.numpy()) is not None


@pytest.mark.parametrize("energy", ["double well", "binary"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("depth_boundary", BOUNDARIES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_whole_steps_are_those_of_the_parts(
    boundary: Boundary, depth_boundary: Boundary, dtype: torch.dtype, energy: Energy
) -> None:
    for shape in SHAPES:
        whole, plain = (
            make(
                shape,
                boundary=boundary,
                depth_boundary=depth_boundary,
                dtype=dtype,
                energy=energy,
                backend=name,
            )
            for name in ("numba", "torch")
        )
        assert is_whole(whole) == (boundary == "periodic" or depth_boundary == "no-flux")
        assert not is_whole(plain)
        for solver in (whole, plain):
            solver.advance(time=UNTIL)
        assert whole.steps == plain.steps
        assert float((whole.fields() - plain.fields()).abs().max()) < TIGHT[dtype]
        assert float((whole.state.contrast - plain.state.contrast).abs().max()) < TIGHT[dtype]
        assert torch.allclose(whole.state.smallest, plain.state.smallest, atol=TIGHT[dtype], rtol=0)
        for name in ("content", "content_change"):
            one, other = getattr(whole.state, name), getattr(plain.state, name)
            assert float((one - other).abs().max()) < 50 * TIGHT[dtype] * float(
                plain.state.content.abs().max()
            )


@pytest.mark.parametrize("depth_boundary", BOUNDARIES)
@pytest.mark.parametrize("tolerance", [0.01, 0.3])
def test_a_film_of_a_batch_is_the_film_alone(depth_boundary: Boundary, tolerance: float) -> None:
    for shape in ((15, 21), (16, 24)):
        batch = make(shape, depth_boundary=depth_boundary, tolerance=tolerance)
        # The films arrive one after the other, so that the last ones go on in a smaller batch.
        batch.advance(time=[UNTIL, 2 * UNTIL, 3 * UNTIL])
        for film in range(3):
            alone = make(shape, films=(film,), depth_boundary=depth_boundary, tolerance=tolerance)
            alone.advance(time=(film + 1) * UNTIL)
            assert torch.equal(alone.fields()[0], batch.fields()[film])
            assert torch.equal(alone.state.step[0], batch.state.step[film])


def test_refused_steps_leave_the_film_as_it_was() -> None:
    solver = make((16, 24), films=(1,), tolerance=0.02)
    solver.advance(time=UNTIL)
    before = solver.snapshot()
    solver.stepper.tolerance = 1e-9
    long, low = torch.full((1,), 1.0, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    accepted = solver.stepper.step(solver.state, long, low, torch.ones(1, dtype=torch.bool))
    assert not bool(accepted.any())
    after = solver.snapshot()
    assert after["step"] < before["step"] and after["refusals"] == 1
    for name in before.keys() - {"step", "refusals"}:
        assert (after[name] == before[name]).all(), name
    solver.stepper.tolerance = 0.02
    solver.advance(time=2 * UNTIL)
    assert float(solver.time[0]) == 2 * UNTIL


@pytest.mark.parametrize("depth_boundary", BOUNDARIES)
def test_a_restored_film_goes_on_bit_for_bit(depth_boundary: Boundary) -> None:
    solver = make((16, 24), depth_boundary=depth_boundary)
    solver.advance(time=UNTIL)
    snapshot = solver.snapshot()
    fields = solver.fields()
    kept = fields.clone()
    solver.advance(time=2 * UNTIL)
    # Steps write into arrays of their own, not into those that a user may hold.
    assert torch.equal(fields, kept)
    other = make((16, 24), depth_boundary=depth_boundary)
    other.restore(snapshot)
    other.advance(time=2 * UNTIL)
    assert torch.equal(other.fields(), solver.fields())


def test_parameters_are_read_at_every_step() -> None:
    changed, plain = make((16, 24)), make((16, 24), backend="torch")
    for solver in (changed, plain):
        solver.advance(time=UNTIL)
        energy = solver.model.energy
        assert isinstance(energy, DoubleWell)
        energy.height.mul_(1.5)
        solver.model.kappa.mul_(0.8)
        solver.stepper.change_model(solver.model)
        solver.advance(time=2 * UNTIL)
    assert float((changed.fields() - plain.fields()).abs().max()) < TIGHT[torch.float32]


def test_other_films_are_computed_part_by_part() -> None:
    class OwnBackend(NumbaBackend):
        """A subclass may compute one of the parts in another way."""

    def own(phi: object, height: object, low: object, high: object, out: object, curvatures: object) -> None:
        raise AssertionError("not reached")

    registered = NumbaBackend()
    registered.register_potential(DoubleWell, own, "height", "low", "high")
    assert is_whole(make((8, 8)))
    assert not is_whole(make((8, 8), backend=OwnBackend()))
    assert not is_whole(make((8, 8), backend=registered))
    replaced = make((8, 8))
    vars(replaced.model.energy)["potential"] = lambda phi: phi
    assert not is_whole(replaced)
    uneven = make((3, 8), films=(0, 1, 2))
    # As many numbers as films, but along the width.
    vars(uneven.model.energy)["height"] = torch.ones((1, 1, 3))
    assert not is_whole(uneven)
    assert get_backend("torch").spectral_films(replaced.model) is None
