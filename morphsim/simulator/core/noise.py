"""Thermal fluctuations (Cahn-Hilliard-Cook) that do not depend on grid, step, device or batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from morphsim.simulator.backends import fused
from morphsim.simulator.core.control import numbers, tensor
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.model import Rates
from morphsim.simulator.core.shipped import shipped

_GOLDEN = 0x9E3779B97F4A7C15
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
# Keeps these streams apart from those of the initial fields.
_STREAM = 1


@shipped
class ThermalNoise:
    """Random fluxes j_i with <j_i j_k'> = 2 ε M_ik δ(r - r') δ(t - t'), whose divergence keeps mass.

    In units of energy RT/V and length h0, ε is the volume of a molecule over that of a block of h0 x h0 x
    (the depth that the two-dimensional film stands for). In a stable phase the structure factor is then
    ε / (f'' + κ k²), on every grid and with every step.
    Cook, Acta Metall. 18 (1970) 297, doi 10.1016/0001-6160(70)90144-6.

    The random numbers are a hash of seed, step and cell: a film's noise depends neither on the device nor on
    its neighbours in the batch, and goes on from a snapshot as if nothing had happened. They are uniform,
    which gives the same statistics in the limit of small steps as Gaussian ones (a weak scheme needs the
    first moments only) at a fraction of the cost.

    Args:
        strength: ε of each film, (B,).
        seeds: one for each film.
        device: of the fields.
    """

    def __init__(self, strength: Sequence[float], seeds: Sequence[int], device: torch.device) -> None:
        self.strength = torch.tensor(strength, dtype=torch.float64, device=device)
        wrapped = [_signed((int(seed) * _GOLDEN + _STREAM) % 2**64) for seed in seeds]
        self._streams = scramble(torch.tensor(wrapped, dtype=torch.int64, device=device))

    def __bool__(self) -> bool:
        return bool((self.strength > 0).any())

    def take(self, films: Sequence[int]) -> ThermalNoise:
        """The noise of some films, in this order."""
        return ThermalNoise.join([self], films)

    @staticmethod
    def join(parts: Sequence[ThermalNoise], films: Sequence[int] | None = None) -> ThermalNoise:
        """The noise of the films of all `parts`, in their order, or of some of them."""
        joined = ThermalNoise.__new__(ThermalNoise)
        joined.strength = torch.cat([part.strength for part in parts])
        joined._streams = torch.cat([part._streams for part in parts])
        if films is not None:
            chosen = torch.as_tensor(list(films), device=joined.strength.device)
            joined.strength, joined._streams = joined.strength[chosen], joined._streams[chosen]
        return joined

    def put(self, films: Sequence[int], part: ThermalNoise) -> None:
        """Put the noise of other films into their places."""
        places = torch.as_tensor(list(films), device=self.strength.device)
        self.strength, self._streams = self.strength.clone(), self._streams.clone()
        self.strength[places], self._streams[places] = part.strength, part._streams

    def increments(
        self,
        grid: Grid,
        rates: Rates,
        thickness: Tensor,
        dt: Tensor,
        draws: Tensor,
        *,
        use_loops: bool = True,
    ) -> Tensor:
        """What the fluxes add to h φ during `dt`, (B, C, H, W).

        Args:
            grid: where the fields live.
            rates: whose mobilities count.
            thickness: (B,).
            dt: (B,).
            draws: how often each film has drawn before, int64 (B,).
            use_loops: use the compiled loop where there is one.
        """
        counters = self._streams + draws
        # A uniform number of width 1 has the variance 1/12.
        variance = 24.0 * numbers(self.strength) * numbers(dt)
        scale = tensor((variance / (numbers(thickness) * (grid.dx * grid.dtheta))) ** 0.5)
        fields = rates.modes.shape[1]
        shape = (len(dt), fields, *grid.shape)
        mobility = rates.mobility.expand(shape)
        if use_loops:
            done = fused.noise_increments(grid, counters, scale, thickness, mobility, rates.cross)
            if done is not None:
                return done
        keys = scramble(counters)
        numbers_x, numbers_z = _uniform(keys, shape, grid.dtype)
        numbers_z = numbers_z[..., : grid.step_z(numbers_z).shape[-2], :]
        cross_x = None if rates.cross is None else grid.mean_x(rates.cross)
        cross_z = None if rates.cross is None else grid.mean_z(rates.cross)
        flux_x = _correlated(grid.mean_x(mobility), cross_x, numbers_x)
        flux_z = _correlated(grid.mean_z(mobility), cross_z, numbers_z)
        if grid.boundary == "no-flux":
            flux_x = torch.nn.functional.pad(flux_x[..., :-1], (0, 1))
        scale_x = (scale * thickness).to(grid.dtype)[:, None, None, None]
        scale_z = scale.to(grid.dtype)[:, None, None, None]
        return grid.divergence(flux_x * scale_x, flux_z * scale_z, 1.0 / grid.dx, 1.0 / grid.dtheta)


def scramble(counter: Tensor) -> Tensor:
    """64 random bits of each counter (int64): the output function of SplitMix64.

    Steele, Lea and Flood, OOPSLA 2014, doi 10.1145/2660193.2660195.
    """
    z = (counter ^ _shift(counter, 30)) * _signed(_MIX[0])
    z = (z ^ _shift(z, 27)) * _signed(_MIX[1])
    return z ^ _shift(z, 31)


def _shift(value: Tensor, bits: int) -> Tensor:
    """Shift to the right that fills up with zeros."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    """The int64 with the bits of a uint64."""
    return value - 2**64 if value >= 2**63 else value


def _uniform(keys: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Two sets of uniform numbers in (-1/2, 1/2), (B, C, H, W) each."""
    cells = torch.arange(1, math.prod(shape[1:]) + 1, dtype=torch.int64, device=keys.device)
    bits = scramble(keys[:, None] + cells * _signed(_GOLDEN)).view(shape)
    first = (_shift(bits, 40).to(dtype) + 0.5) * 2.0**-24 - 0.5
    second = ((_shift(bits, 8) & 0xFFFFFF).to(dtype) + 0.5) * 2.0**-24 - 0.5
    return first, second


def _correlated(mobility: Tensor, cross: Tensor | None, numbers: Tensor) -> Tensor:
    """Numbers (B, C, ...) with the covariance of the mobilities at the faces."""
    if cross is None:
        return mobility.sqrt() * numbers
    first = mobility[:, 0].sqrt()
    shared = cross / first
    own = (mobility[:, 1] - shared**2).clamp_min(0.0).sqrt()
    return torch.stack((first * numbers[:, 0], shared * numbers[:, 0] + own * numbers[:, 1]), dim=1)
