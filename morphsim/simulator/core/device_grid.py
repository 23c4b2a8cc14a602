"""A grid whose operations compilers can fuse into a few kernels, with the same results."""

from __future__ import annotations

import torch
from torch import Tensor

from morphsim.simulator.core.exact_types import built_in
from morphsim.simulator.core.grid import Grid


@built_in
class DeviceGrid(Grid):
    """The same film as `grid`, for steps that are compiled for a GPU.

    Inductor neither fuses complex arithmetic nor writes into parts of a tensor without copying it, and it
    only fuses operations on tensors of one shape. So real and imaginary parts of modes are real numbers side
    by side here, nothing is written in place, and there are as many faces between rows as rows; nothing
    flows through the last ones, on the substrate. All results are bit for bit those of `grid`.

    Args:
        grid: exactly a `Grid`.
    """

    def __init__(self, grid: Grid) -> None:
        vars(self).update(vars(grid))
        self._complex = self._cosine_x is None or self._cosine_z is None
        if self._complex:
            self.exact, self.differences = grid.exact.in_pairs(), grid.differences.in_pairs()
        self._walls = self.depth_boundary == "no-flux"
        if self._walls:
            self.face_theta = torch.nn.functional.pad(grid.face_theta, (0, 0, 0, 1))
            self._inside = torch.ones_like(self.face_theta)
            self._inside[-1] = 0.0

    def forward(self, field: Tensor) -> Tensor:
        """See `Grid.forward`; the last axis holds pairs of real and imaginary parts."""
        modes = super().forward(field)
        return torch.view_as_real(modes).flatten(-2) if self._complex else modes

    def inverse(self, modes: Tensor) -> Tensor:
        """Undo `forward`."""
        if not self._complex:
            return super().inverse(modes)
        return super().inverse(self._paired(modes))

    def row_means(self, modes: Tensor) -> Tensor:
        """See `Grid.row_means`."""
        # Between walls in depth the real parts are all that it takes.
        return super().row_means(modes if self._walls or not self._complex else self._paired(modes))

    def without_mean(self, modes: Tensor) -> Tensor:
        """See `Grid.without_mean`."""
        column = _indices(modes, -1)
        column = column // 2 if self._complex else column
        return torch.where(_indices(modes, -2)[:, None] + column == 0, 0.0, modes)

    def add_upright(self, modes: Tensor, column: Tensor) -> None:
        """See `Grid.add_upright`."""
        modes += torch.where(_indices(modes, -1) == 0, column[..., None], 0.0)

    def add_to_last_row(self, field: Tensor, row: Tensor) -> Tensor:
        """See `Grid.add_to_last_row`."""
        last = _indices(field, -2)[:, None] == field.shape[-2] - 1
        return field + torch.where(last, row[..., None, :], 0.0)

    def stored(self, values: Tensor) -> Tensor:
        """See `Grid.stored`."""
        return values.as_strided(values.shape, values.stride())

    def step_z(self, field: Tensor) -> Tensor:
        """See `Grid.step_z`, (..., H, W)."""
        return torch.roll(field, -1, dims=-2) - field

    def mean_z(self, field: Tensor) -> Tensor:
        """See `Grid.mean_z`, (..., H, W)."""
        return 0.5 * (field + torch.roll(field, -1, dims=-2))

    def divergence(self, flux_x: Tensor, flux_z: Tensor, scale_x: float, scale_z: float | Tensor) -> Tensor:
        """See `Grid.divergence`."""
        net = (flux_x - torch.roll(flux_x, 1, dims=-1)) * scale_x
        scaled = flux_z * scale_z
        if not self._walls:
            return net + (scaled - torch.roll(scaled, 1, dims=-2))
        scaled = scaled * self._inside
        return net + scaled - torch.roll(scaled, 1, dims=-2)

    def _paired(self, modes: Tensor) -> Tensor:
        """Complex modes of their real and imaginary parts."""
        # Inductor would make a copy for the transform alone, and compute the modes again for other uses.
        return torch.view_as_complex(self.stored(modes).view(*modes.shape[:-1], -1, 2))


def _indices(values: Tensor, dim: int) -> Tensor:
    return torch.arange(values.shape[dim], device=values.device)
