"""The cell-centred grid of a film, its differences and the transforms that diagonalise them."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from morphsim.checks import check_shape
from morphsim.errors import InputError
from morphsim.simulator.core.exact_types import built_in
from morphsim.simulator.core.splitmix import GOLDEN, signed
from morphsim.types import Boundary


@built_in
@dataclass(frozen=True)
class Squares:
    """Squared wavenumbers of the modes of a grid; k² = `x` + `theta` / h².

    Attributes:
        x: along the film, (1, modes).
        theta: in scaled depth, (H, 1).
    """

    x: Tensor
    theta: Tensor

    @functools.cached_property
    def arrays(self) -> tuple[Any, Any, Any]:
        """For compiled loops: `x` (modes,), `x` with each value twice (for complex modes), `theta` (H,)."""
        x = self.x[0].contiguous()
        return x.numpy(), x.repeat_interleave(2).numpy(), self.theta[:, 0].contiguous().numpy()

    def at(self, thickness: Tensor) -> Tensor:
        """k² of the modes (B, 1, H, modes) in films of `thickness` (B,)."""
        return self.x + self.theta / (thickness**2).to(self.x.dtype)[:, None, None, None]

    def of_upright_modes(self, thickness: Tensor) -> Tensor:
        """k² of the modes that are constant along x (B, 1, H) in films of `thickness` (B,)."""
        return self.theta[:, 0] / (thickness**2).to(self.theta.dtype)[:, None, None]

    def in_pairs(self) -> Squares:
        """Of the real and the imaginary parts of the modes, side by side."""
        return Squares(self.x.repeat_interleave(2, dim=-1), self.theta)


@built_in
class Grid:
    """A film of `shape` cells in depth and width, `width` wide in units of the initial thickness.

    Depth is the scaled coordinate theta = z/h in (0, 1). Row 0 lies under the free surface and the last row
    on the substrate, so that a field looks like the film when it is shown as an image. Each direction is
    periodic, or closed by walls without flux. Modes are Fourier modes along a periodic direction and cosines
    between walls; both transforms are orthonormal.

    Args:
        shape: (H, W), cells in depth and in width.
        width: width of the film [initial thickness].
        boundary: of the left and right end.
        depth_boundary: of substrate and surface; "periodic" makes a block of bulk material.
        dtype: of the fields.
        device: of the fields.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        width: float,
        boundary: Boundary,
        depth_boundary: Boundary = "no-flux",
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        height_cells, width_cells = check_shape(shape)
        for name, choice in (("boundary", boundary), ("depth_boundary", depth_boundary)):
            if choice not in ("periodic", "no-flux"):
                raise InputError(f"{name} is {choice!r}; use one of periodic, no-flux")
        self.shape = (int(height_cells), int(width_cells))
        self.boundary = boundary
        self.depth_boundary = depth_boundary
        self.dtype = dtype
        self.device = device
        self.dx = width / width_cells
        self.dtheta = 1.0 / height_cells
        # theta at the faces between rows, from the face under row 0 downwards.
        faces = 1.0 - torch.arange(1, height_cells, dtype=torch.float64) / height_cells
        self.face_theta = faces[:, None].to(device=device, dtype=dtype)
        self._counters: dict[int, Tensor] = {}
        self._cosine_z = None if depth_boundary == "periodic" else self._cosines(height_cells)
        self._cosine_x = None if boundary == "periodic" else self._cosines(width_cells)
        # Values at the surface, half a cell above the first row, of the modes that are constant along x.
        self.at_surface = self._at_surface().to(device=device, dtype=dtype)
        # The real transform keeps half of the Fourier modes of the last periodic direction.
        self._half_x = boundary == "periodic"
        half_z = depth_boundary == "periodic" and not self._half_x
        along_x = _wavenumbers(width_cells, self.dx, boundary, half=self._half_x)
        along_z = _wavenumbers(height_cells, self.dtheta, depth_boundary, half=half_z)
        self.exact = self._squares(along_x, along_z)
        """k² of the modes themselves, for pseudo-spectral models."""
        self.differences = self._squares(
            2.0 / self.dx * torch.sin(0.5 * self.dx * along_x),
            2.0 / self.dtheta * torch.sin(0.5 * self.dtheta * along_z),
        )
        """Eigenvalues of minus the five-point Laplacian, for finite volumes."""

    def cell_counters(self, fields: int) -> Tensor:
        """Counters of the cells of some fields for random numbers, int64 (fields * H * W,).

        They are made once: compilers for GPUs fold the multiplication by a constant of 64 bits into the index
        of a cell, where it overflows.
        """
        if fields not in self._counters:
            cells = torch.arange(1, fields * math.prod(self.shape) + 1, dtype=torch.int64, device=self.device)
            self._counters[fields] = cells * signed(GOLDEN)
        return self._counters[fields]

    @functools.cached_property
    def surface_arrays(self) -> tuple[Any, Any, Any]:
        """For compiled loops: the cosines in depth (H, H), `face_theta` (H - 1,) and `at_surface`."""
        assert self._cosine_z is not None
        faces = self.face_theta[:, 0].contiguous()
        return self._cosine_z.contiguous().numpy(), faces.numpy(), self.at_surface.numpy()

    @functools.cached_property
    def half_cosines(self) -> tuple[tuple[Tensor, Tensor] | None, tuple[Tensor, Tensor] | None]:
        """In depth and along x, the even and the odd cosines over the first half of the cells.

        Of N cells the even modes are (N - N // 2, N - N // 2) with the cell in the middle, the odd ones
        (N // 2, N // 2). None for a periodic direction.
        """
        depth, along = (
            None if cosines is None else _halves(cosines) for cosines in (self._cosine_z, self._cosine_x)
        )
        return depth, along

    def forward(self, field: Tensor) -> Tensor:
        """Transform (..., H, W) to modes; complex if a direction is periodic."""
        if self._cosine_z is None and self._cosine_x is None:
            return _tensor(torch.fft.rfft2(field, norm="ortho"))
        if self._cosine_z is not None:
            field = torch.matmul(self._cosine_z, field)
        if self._cosine_x is not None:
            field = torch.matmul(field, self._cosine_x.T)
        if self._half_x:
            return _tensor(torch.fft.rfft(field, dim=-1, norm="ortho"))
        if self._cosine_z is None:
            return _tensor(torch.fft.rfft(field, dim=-2, norm="ortho"))
        return field

    def inverse(self, modes: Tensor) -> Tensor:
        """Undo `forward`."""
        height, width = self.shape
        if self._cosine_z is None and self._cosine_x is None:
            return _tensor(torch.fft.irfft2(modes, s=self.shape, norm="ortho"))
        if self._half_x:
            modes = torch.fft.irfft(modes, n=width, dim=-1, norm="ortho")
        elif self._cosine_z is None:
            modes = torch.fft.irfft(modes, n=height, dim=-2, norm="ortho")
        if self._cosine_x is not None:
            modes = torch.matmul(modes, self._cosine_x)
        if self._cosine_z is not None:
            modes = torch.matmul(self._cosine_z.T, modes)
        return modes

    def upright_modes(self, rows: Tensor) -> Tensor:
        """Modes (..., H) of fields that are constant along x, from their rows (..., H); walls in depth."""
        assert self._cosine_z is not None
        # Not a matrix product, whose rounding depends on the number of films.
        return math.sqrt(self.shape[1]) * (rows[..., None, :] * self._cosine_z).sum(dim=-1)

    def row_means(self, modes: Tensor) -> Tensor:
        """Means over x (..., H) of fields, from their modes."""
        column, height = modes[..., 0], self.shape[0]
        if self._cosine_z is not None:
            # Not a matrix product, whose rounding depends on the number of films.
            rows = (column.real[..., :, None] * self._cosine_z).sum(dim=-2)
        elif self._half_x:
            rows = torch.fft.ifft(column, norm="ortho").real
        else:
            rows = _tensor(torch.fft.irfft(column, n=height, norm="ortho"))
        return rows / math.sqrt(self.shape[1])

    def power(self, modes: Tensor) -> Tensor:
        """|a|² of each mode, including the conjugate modes that the real transform omits.

        Its sum over the modes is the sum of the squares of the field's cells.
        """
        if not modes.is_complex():
            return modes**2
        squares = modes.real**2 + modes.imag**2
        dim, cells = (-1, self.shape[1]) if self._half_x else (-2, self.shape[0])
        twice = torch.full((squares.shape[dim],), 2.0, dtype=squares.dtype, device=squares.device)
        twice[0] = 1.0
        if cells % 2 == 0:
            twice[-1] = 1.0
        return squares * (twice if dim == -1 else twice[:, None])

    def step_x(self, field: Tensor) -> Tensor:
        """Differences to the right neighbour, (..., H, W); zero through a right wall."""
        if self.boundary == "periodic":
            return torch.roll(field, -1, dims=-1) - field
        return torch.nn.functional.pad(field[..., 1:] - field[..., :-1], (0, 1))

    def mean_x(self, field: Tensor) -> Tensor:
        """Means with the right neighbour, on the faces of `step_x`."""
        return 0.5 * (field + torch.roll(field, -1, dims=-1))

    def step_z(self, field: Tensor) -> Tensor:
        """Differences to the row below, (..., F, W) on the faces under rows: H - 1 between walls, else H."""
        if self.depth_boundary == "periodic":
            return torch.roll(field, -1, dims=-2) - field
        return field[..., 1:, :] - field[..., :-1, :]

    def mean_z(self, field: Tensor) -> Tensor:
        """Means with the row below, on the faces of `step_z`."""
        if self.depth_boundary == "periodic":
            return 0.5 * (field + torch.roll(field, -1, dims=-2))
        return 0.5 * (field[..., 1:, :] + field[..., :-1, :])

    def divergence(self, flux_x: Tensor, flux_z: Tensor, scale_x: float, scale_z: float | Tensor) -> Tensor:
        """Net inflow `scale_x * d(flux_x) + scale_z * d(flux_z)` of each cell, (..., H, W).

        Args:
            flux_x: (..., H, W), flux towards the left through the face at each cell's right.
            flux_z: (..., F, W), flux upwards through the face under each row of `step_z`.
            scale_x: factor of the difference along x.
            scale_z: factor of the difference along depth.
        """
        net = (flux_x - torch.roll(flux_x, 1, dims=-1)) * scale_x
        scaled = flux_z * scale_z
        if self.depth_boundary == "periodic":
            return net + (scaled - torch.roll(scaled, 1, dims=-2))
        net[..., :-1, :] += scaled
        net[..., 1:, :] -= scaled
        return net

    def without_mean(self, modes: Tensor) -> Tensor:
        """Modes of the same field less its mean; `modes` may be overwritten."""
        modes[..., 0, 0] = 0.0
        return modes

    def add_upright(self, modes: Tensor, column: Tensor) -> None:
        """Add `column` (..., H) to the modes (..., H, modes) that are constant along x, in place."""
        modes[..., 0] += column

    def add_to_last_row(self, field: Tensor, row: Tensor) -> Tensor:
        """Add `row` (..., W) to the last row of a field (..., H, W), which may be overwritten."""
        field[..., -1, :] += row
        return field

    def stored(self, values: Tensor) -> Tensor:
        """The same values; a compiler has to store them rather than to compute them again for each use."""
        return values

    def laplacian(self, field: Tensor, thickness: Tensor) -> Tensor:
        """Five-point Laplacian of (B, C, H, W) for films of `thickness` (B, 1, 1, 1)."""
        return self.divergence(
            self.step_x(field), self.step_z(field), 1.0 / self.dx**2, 1.0 / (thickness * self.dtheta) ** 2
        )

    def _at_surface(self) -> Tensor:
        """Weights (H,) of the modes that are constant along x in the mean of a field at the surface."""
        if self._cosine_z is None:
            return torch.zeros(self.shape[0])
        first = self._cosine_z[:, 0]
        surface = first if self.shape[0] == 1 else 1.5 * first - 0.5 * self._cosine_z[:, 1]
        return surface / math.sqrt(self.shape[1])

    def _cosines(self, cells: int) -> Tensor:
        """The orthonormal DCT-II as a matrix (modes, cells)."""
        modes = torch.arange(cells, dtype=torch.float64)[:, None]
        centres = torch.arange(cells, dtype=torch.float64)[None, :] + 0.5
        matrix = torch.cos(math.pi * modes * centres / cells) * math.sqrt(2.0 / cells)
        matrix[0] /= math.sqrt(2.0)
        return matrix.to(device=self.device, dtype=self.dtype)

    def _squares(self, along_x: Tensor, along_z: Tensor) -> Squares:
        x, theta = along_x[None, :] ** 2, along_z[:, None] ** 2
        return Squares(x.to(self.device, self.dtype), theta.to(self.device, self.dtype))


def _halves(cosines: Tensor) -> tuple[Tensor, Tensor]:
    cells = len(cosines)
    half = cells // 2
    return cosines[::2, : cells - half].contiguous(), cosines[1::2, :half].contiguous()


def _wavenumbers(cells: int, spacing: float, boundary: Boundary, *, half: bool) -> Tensor:
    """Wavenumbers of the modes of one direction, in radians per unit of `spacing`."""
    if boundary == "no-flux":
        return math.pi / (cells * spacing) * torch.arange(cells, dtype=torch.float64)
    frequencies = torch.fft.rfftfreq if half else torch.fft.fftfreq
    return _tensor(2.0 * math.pi / spacing * frequencies(cells, dtype=torch.float64))


def _tensor(value: Tensor) -> Tensor:
    """Add the type that the stubs of torch.fft lack."""
    return value
