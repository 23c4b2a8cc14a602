"""Thermal fluctuations (Cahn-Hilliard-Cook) that do not depend on grid or step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.grid import Grid

_UNIT_VARIANCE = np.float32(np.sqrt(12.0))


class ThermalNoise:
    """Random fluxes j_i with <j_i j_i'> = 2 ε M_i δ(r - r') δ(t - t'), whose divergence keeps mass.

    In units of energy RT/V and length h0, ε is the volume of a molecule over that of a block of h0 x h0 x
    (the depth that the two-dimensional film stands for). In a stable phase the structure factor is then
    ε / (f'' + κ k²), on every grid; modes that relax within a step stay below it.
    Cook, Acta Metall. 18 (1970) 297, doi 10.1016/0001-6160(70)90144-6.

    The random numbers are uniform, which gives the same statistics in the limit of small steps as Gaussian
    ones (a weak scheme needs the first moments only) at a tenth of the cost.

    Args:
        strength: ε of each film, (B,).
        seeds: one for each film; a film's noise does not depend on its neighbours in the batch.
    """

    def __init__(self, strength: Sequence[float], seeds: Sequence[int]) -> None:
        self.strength = torch.tensor(strength, dtype=torch.float64)
        # A key of its own keeps these streams apart from those of the initial fields.
        self._generators = [
            np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, 1]))) for seed in seeds
        ]

    def __bool__(self) -> bool:
        return bool((self.strength > 0).any())

    def increments(
        self, grid: Grid, mobility: Tensor, thickness: Tensor, dt: Tensor, active: Tensor
    ) -> Tensor:
        """What the fluxes add to h φ during `dt`, (B, C, H, W).

        Args:
            grid: where the fields live.
            mobility: (B, C, H, W).
            thickness: (B,).
            dt: (B,).
            active: (B,) bool; the other films draw no random numbers and get zeros.
        """
        batch, _, _, _ = mobility.shape
        numbers = torch.zeros((batch, 2, *mobility.shape[1:]), dtype=torch.float32)
        for film in range(batch):
            if active[film] and self.strength[film] > 0:
                drawn = self._generators[film].random(tuple(numbers.shape[1:]), dtype=np.float32)
                numbers[film] = torch.from_numpy((drawn - np.float32(0.5)) * _UNIT_VARIANCE)
        numbers = numbers.to(device=mobility.device, dtype=mobility.dtype)
        cell = thickness * (grid.dx * grid.dtheta)
        variance = (2.0 * self.strength.to(thickness.device) * dt / cell).to(mobility.dtype)[
            :, None, None, None
        ]
        thickness = thickness.to(mobility.dtype)[:, None, None, None]
        flux_x = (grid.mean_x(mobility) * variance).sqrt() * numbers[:, 0] * thickness
        if grid.boundary == "no-flux":
            flux_x[..., -1] = 0.0
        between = 0.5 * (mobility[..., :-1, :] + mobility[..., 1:, :])
        flux_z = (between * variance).sqrt() * numbers[:, 1, :, :-1]
        return grid.divergence(flux_x, flux_z, 1.0 / grid.dx, 1.0 / grid.dtheta)
