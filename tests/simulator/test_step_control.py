"""Noise that a step keeps, and steps over which growing waves don't lag."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from morphsim.simulator import Grid
from morphsim.simulator.backends import get_backend
from morphsim.simulator.backends.base import ModeStep
from morphsim.simulator.core.control import faded, longest_without_lag, seen_growth, step_weights
from morphsim.simulator.core.device_grid import DeviceGrid
from morphsim.simulator.core.etd import Damping
from morphsim.simulator.core.grid import Squares
from morphsim.simulator.core.relaxation import kept_noise
from morphsim.types import Boundary

TORCH = get_backend("torch")


def double(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("share", [1e-3, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("z", [1e-3, 0.3, 4.0, 50.0, 1e4])
def test_kept_noise_has_the_variance_of_equilibrium(share: float, z: float) -> None:
    # The covariance P of (x, y) that a step x' = x + y' + noise, y' = -alpha x + a y leaves as it is.
    p1 = -np.expm1(-z) / z
    alpha, a = share * z * p1, (1.0 - share) * (1.0 - p1)
    step = np.array([[1.0 - alpha, a], [-alpha, a]])
    kept = float(kept_noise(double(share * z), double(z), double(1.0)))
    noise = np.diag([kept**2 * 2.0 * share * z, 0.0])
    covariance = np.linalg.solve(np.eye(4) - np.kron(step, step), noise.ravel()).reshape(2, 2)
    # In equilibrium without steps, noise of 2 * rate * dt a step keeps a variance of 1.
    assert covariance[0, 0] == pytest.approx(1.0, rel=1e-8)


def test_limits_of_kept_noise() -> None:
    z = double(0.1, 3.0, 40.0)
    one = torch.ones_like(z)
    torch.testing.assert_close(kept_noise(-z, z, one), one)
    torch.testing.assert_close(kept_noise(1e-9 * z, z, one), one, rtol=0.0, atol=1e-6)
    own = ((1.0 - torch.exp(-2.0 * z)) / (2.0 * z)).sqrt()
    torch.testing.assert_close(kept_noise(z, z, one), own)
    torch.testing.assert_close(kept_noise(0.0 * z, 0.0 * z, one), one)


def lost_in_a_step(growth: float, damping: float, dt: float) -> float:
    """Share of its amplitude that a growing mode loses in one of many equal steps of the scheme."""
    squares = Squares(double(1.0)[None], double(0.0)[:, None])
    of_mode = Damping(squares, double(1.0), double(damping).view(1, 1, 1, 1), double(0.0).view(1, 1, 1, 1))
    size = double(dt)
    weights = [weight.numpy() for weight in step_weights(size, size, size, torch.tensor([2]))]
    shape = (1, 1, 1, 1)
    q, change, older = (double(value).view(shape) for value in (1.0, growth * dt, growth * dt))
    for _ in range(400):
        step = ModeStep(
            growth * q, (growth * change, growth * older), (change, older), of_mode, size, weights
        )
        change, older = TORCH.advance_modes(step), change
        before, q = q, q + change
        q, change, older, before = q / q.abs(), change / q.abs(), older / q.abs(), before / q.abs()
    return growth * dt - float(torch.log(q / before))


@pytest.mark.parametrize("loss", [0.003, 0.008])
@pytest.mark.parametrize("damping", [300.0, 3000.0, 30000.0])
def test_growing_modes_lose_no_more_than_they_may(damping: float, loss: float) -> None:
    growth = 3.0
    dt = float(longest_without_lag(double(growth), double(damping), loss))
    estimate = (damping * dt - 4.0) * (growth * dt) ** 2
    assert 0.0 <= estimate <= loss
    # The scheme itself loses no more, and soon would.
    assert lost_in_a_step(growth, damping, dt) <= loss
    assert lost_in_a_step(growth, damping, 3.0 * dt) > loss
    if damping > 1000.0:
        assert estimate > 0.5 * loss


def test_waves_that_do_not_grow_take_steps_of_any_size() -> None:
    assert float(longest_without_lag(double(0.0), double(100.0), 0.003)) > 1e15
    assert float(longest_without_lag(double(-5.0), double(100.0), 0.003)) > 1e15


def test_the_past_fades_and_begins_anew() -> None:
    new, count = double(1.0, 1.0, 1.0), torch.tensor([5, 0, 0])
    once, twice = (faded(double(past, past, np.nan), new, count).tolist() for past in (2.0, 4.0))
    assert once[1:] == twice[1:] == [0.0, 0.0]
    assert twice[0] - 1.0 == pytest.approx(2.0 * (once[0] - 1.0))
    assert 1.0 < once[0] - 0.5 < 2.5


@pytest.mark.parametrize("steps", [2, 3, 10, 300])
def test_even_growth_is_seen_at_its_rate_from_the_first_step_on(steps: int) -> None:
    gain, wobble, span = double(0.0), double(0.0), double(0.0)
    random_gain, random_wobble = gain, wobble
    random = np.random.default_rng(steps)
    for number in range(steps):
        count, step = torch.tensor([number]), 0.01 * (1.0 + 0.3 * np.sin(number))
        gain, span = faded(gain, double(0.02), count), faded(span, double(step), count)
        wobble = faded(wobble, double(0.02**2), count)
        walk = double(0.02 * random.choice([-1.0, 1.0]))
        random_gain, random_wobble = faded(random_gain, walk, count), faded(random_wobble, walk**2, count)
    history = double(steps)
    assert float(seen_growth(gain, wobble, span, history)) == pytest.approx(float(gain / span), rel=1e-6)
    if steps == 300:
        assert float(seen_growth(random_gain, random_wobble, span, history)) < 0.2 * float(gain / span)


@pytest.mark.parametrize(
    ("boundary", "depth_boundary"), list(itertools.product(("periodic", "no-flux"), repeat=2))
)
@pytest.mark.parametrize("shape", [(1, 1), (5, 8), (8, 5), (6, 1)])
def test_means_of_rows_from_modes(
    shape: tuple[int, int], boundary: Boundary, depth_boundary: Boundary
) -> None:
    grid = Grid(
        shape,
        width=1.5,
        boundary=boundary,
        depth_boundary=depth_boundary,
        dtype=torch.float64,
        device=torch.device("cpu"),
    )
    field = torch.rand((2, 2, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    means = grid.row_means(grid.forward(field))
    torch.testing.assert_close(means, field.mean(dim=-1), rtol=1e-12, atol=1e-12)
    on_device = DeviceGrid(grid)
    modes = on_device.forward(field)
    assert torch.equal(on_device.row_means(modes), means)
    # The mean is dropped with both of its parts, whatever they are.
    parts = modes.shape[-1] // grid.exact.x.shape[-1]
    modes[..., 0, :parts] = torch.nan
    rest = on_device.inverse(on_device.without_mean(modes))
    torch.testing.assert_close(rest, field - field.mean(dim=(2, 3), keepdim=True), rtol=0.0, atol=1e-12)
