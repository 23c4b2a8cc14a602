"""Thermal fluctuations (Cahn-Hilliard-Cook) that do not depend on grid, step, device or batch."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from morphsim.simulator.backends.base import Backend, BackendName, RandomFluxes
from morphsim.simulator.backends.choice import get_backend
from morphsim.simulator.core.exact_types import built_in
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.model import Rates
from morphsim.simulator.core.per_film import as_numpy_if_cpu, as_tensor
from morphsim.simulator.core.splitmix import GOLDEN, scramble, signed

# Keeps these streams apart from those of the initial fields.
_STREAM = 1


@built_in
class ThermalNoise:
    """Random fluxes j_i with <j_i j_k'> = 2 ε M_ik δ(r - r') δ(t - t'), whose divergence keeps mass.

    In units of energy RT/V and length h0, ε is the volume of a molecule over that of a block of h0 x h0 x
    (the depth that the two-dimensional film stands for). In a stable phase the structure factor is then
    ε exp(-κ k²) / (f'' + κ k²), on every grid and with every step; see `Backend.relax_noise` for the cut-off.
    Cook, Acta Metall. 18 (1970) 297, doi 10.1016/0001-6160(70)90144-6.

    The random numbers are a hash of seed, step and cell: a film's noise depends neither on the device nor on
    its neighbours in the batch, and continues unchanged from a snapshot. They are uniform, which in the limit
    of small steps gives the same statistics as Gaussian ones (a weak scheme needs only the first moments) at
    a fraction of the cost.

    Args:
        strength: ε of each film, (B,).
        seeds: one for each film.
        device: of the fields.

    Attributes:
        streams: counter at which the random numbers of each film begin, int64 (B,).
    """

    def __init__(self, strength: Sequence[float], seeds: Sequence[int], device: torch.device) -> None:
        self.strength = torch.tensor(strength, dtype=torch.float64, device=device)
        wrapped = [signed((int(seed) * GOLDEN + _STREAM) % 2**64) for seed in seeds]
        self.streams = scramble(torch.tensor(wrapped, dtype=torch.int64, device=device))

    def __bool__(self) -> bool:
        return bool((self.strength > 0).any())

    def take(self, films: Sequence[int]) -> ThermalNoise:
        """The noise of some films, in this order."""
        return ThermalNoise.join([self], films)

    @staticmethod
    def join(parts: Sequence[ThermalNoise], films: Sequence[int] | None = None) -> ThermalNoise:
        """The noise of the films of all `parts`, in their order, or of some of them."""
        joined = copy.copy(parts[0])
        joined.strength = torch.cat([part.strength for part in parts])
        joined.streams = torch.cat([part.streams for part in parts])
        if films is not None:
            chosen = torch.as_tensor(list(films), device=joined.strength.device)
            joined.strength, joined.streams = joined.strength[chosen], joined.streams[chosen]
        return joined

    def put(self, films: Sequence[int], part: ThermalNoise) -> None:
        """Put the noise of other films into their places."""
        places = torch.as_tensor(list(films), device=self.strength.device)
        self.strength, self.streams = self.strength.clone(), self.streams.clone()
        self.strength[places], self.streams[places] = part.strength, part.streams

    def increments(
        self,
        grid: Grid,
        rates: Rates,
        thickness: Tensor,
        dt: Tensor,
        draws: Tensor,
        *,
        backend: Backend | BackendName = "auto",
    ) -> Tensor:
        """What the fluxes add to h φ during `dt`, (B, C, H, W).

        Args:
            grid: where the fields live.
            rates: whose mobilities count.
            thickness: (B,).
            dt: (B,).
            draws: how often each film has drawn before, int64 (B,).
            backend: how the loops are computed.
        """
        # A uniform number of width 1 has the variance 1/12.
        variance = 24.0 * as_numpy_if_cpu(self.strength) * as_numpy_if_cpu(dt)
        scale = as_tensor((variance / (as_numpy_if_cpu(thickness) * (grid.dx * grid.dtheta))) ** 0.5)
        mobility = rates.mobility.expand(len(dt), rates.modes.shape[1], *grid.shape)
        fluxes = RandomFluxes(grid, self.streams + draws, scale, thickness, mobility, rates.cross)
        return get_backend(backend).noise_increments(fluxes)
