"""The cell-centred grid of a film, its differences and the transforms that diagonalise them."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from morphsim.errors import InputError

Boundary = Literal["periodic", "no-flux"]


class Grid:
    """A film of `shape` cells in depth and width, `width` wide in units of the initial thickness.

    Depth is the scaled coordinate theta = z/h in (0, 1), with no flux through substrate and surface.
    Row 0 lies under the free surface and the last row on the substrate, so that a field looks like the
    film when it is shown as an image. Along x the film is periodic, or closed by walls without flux.

    Args:
        shape: (H, W), cells in depth and in width.
        width: width of the film [initial thickness].
        boundary: what happens at the left and right end.
        dtype: of the fields.
        device: of the fields.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        width: float,
        boundary: Boundary,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        height_cells, width_cells = shape
        if height_cells < 1 or width_cells < 1:
            raise InputError(f"shape is {shape}; a film needs at least one cell each way")
        self.shape = (int(height_cells), int(width_cells))
        self.boundary = boundary
        self.dx = width / width_cells
        self.dtheta = 1.0 / height_cells
        # theta at the faces between rows, from the face under row 0 downwards.
        faces = 1.0 - torch.arange(1, height_cells, dtype=torch.float64) / height_cells
        self.face_theta = faces[:, None].to(device=device, dtype=dtype)
        self._cosine_z = _cosine_matrix(height_cells).to(device=device, dtype=dtype)
        depth_modes = _wall_eigenvalues(height_cells, self.dtheta)
        if boundary == "periodic":
            self._cosine_x = None
            modes = torch.arange(width_cells // 2 + 1, dtype=torch.float64)
            width_modes = (2.0 * torch.sin(math.pi * modes / width_cells) / self.dx) ** 2
        else:
            self._cosine_x = _cosine_matrix(width_cells).to(device=device, dtype=dtype)
            width_modes = _wall_eigenvalues(width_cells, self.dx)
        self.k2_x = width_modes[None, :].to(device=device, dtype=dtype)
        self.k2_theta = depth_modes[:, None].to(device=device, dtype=dtype)

    def forward(self, field: Tensor) -> Tensor:
        """Transform (..., H, W) to the modes in which the Laplacian is diagonal."""
        depth = torch.matmul(self._cosine_z, field)
        if self._cosine_x is None:
            modes: Tensor = torch.fft.rfft(depth, dim=-1)
            return modes
        return torch.matmul(depth, self._cosine_x.T)

    def inverse(self, modes: Tensor) -> Tensor:
        """Undo `forward`."""
        if self._cosine_x is None:
            depth = torch.fft.irfft(modes, n=self.shape[1], dim=-1)
        else:
            depth = torch.matmul(modes, self._cosine_x)
        return torch.matmul(self._cosine_z.T, depth)

    def step_x(self, field: Tensor) -> Tensor:
        """Differences to the right neighbour, (..., H, W); zero through the right wall."""
        if self.boundary == "periodic":
            return torch.roll(field, -1, dims=-1) - field
        right = torch.zeros_like(field)
        torch.sub(field[..., 1:], field[..., :-1], out=right[..., :-1])
        return right

    def mean_x(self, field: Tensor) -> Tensor:
        """Means with the right neighbour, on the faces of `step_x`."""
        return 0.5 * (field + torch.roll(field, -1, dims=-1))

    def divergence(self, flux_x: Tensor, flux_z: Tensor, scale_x: float, scale_z: float | Tensor) -> Tensor:
        """Net inflow `scale_x * d(flux_x) + scale_z * d(flux_z)` of each cell, (..., H, W).

        Args:
            flux_x: (..., H, W), flux towards the left through the face at each cell's right.
            flux_z: (..., H - 1, W), flux downwards through the face under each row but the last.
            scale_x: factor of the difference along x.
            scale_z: factor of the difference along depth.
        """
        net = (flux_x - torch.roll(flux_x, 1, dims=-1)) * scale_x
        scaled = flux_z * scale_z
        net[..., :-1, :] += scaled
        net[..., 1:, :] -= scaled
        return net

    def laplacian(self, field: Tensor, thickness: Tensor) -> Tensor:
        """Five-point Laplacian of (B, C, H, W) for films of `thickness` (B, 1, 1, 1)."""
        down = field[..., 1:, :] - field[..., :-1, :]
        return self.divergence(
            self.step_x(field), down, 1.0 / self.dx**2, 1.0 / (thickness * self.dtheta) ** 2
        )


def _cosine_matrix(cells: int) -> Tensor:
    """The orthonormal DCT-II as a matrix (modes, cells)."""
    modes = torch.arange(cells, dtype=torch.float64)[:, None]
    centres = torch.arange(cells, dtype=torch.float64)[None, :] + 0.5
    matrix = torch.cos(math.pi * modes * centres / cells) * math.sqrt(2.0 / cells)
    matrix[0] /= math.sqrt(2.0)
    return matrix


def _wall_eigenvalues(cells: int, spacing: float) -> Tensor:
    """Eigenvalues of minus the second difference between walls without flux."""
    modes = torch.arange(cells, dtype=torch.float64)
    return (2.0 * torch.sin(0.5 * math.pi * modes / cells) / spacing) ** 2
