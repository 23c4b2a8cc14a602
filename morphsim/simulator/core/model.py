"""The right-hand side: how fast the fields and the thickness of a batch of films change."""

from __future__ import annotations

import functools
from dataclasses import InitVar, dataclass

import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator.backends.choice import BackendField, backend_of_fused
from morphsim.simulator.core.energy import FreeEnergy
from morphsim.simulator.core.etd import SPARE
from morphsim.simulator.core.evaporation import Evaporation
from morphsim.simulator.core.exact_types import built_in, is_built_in
from morphsim.simulator.core.grid import Grid, Squares
from morphsim.simulator.core.mobility import ConstantMobility, Mobility
from morphsim.simulator.core.per_film import as_fields
from morphsim.simulator.core.substrate import Substrate


@dataclass(frozen=True)
class Rates:
    """What a step uses of the right-hand side.

    Attributes:
        modes: d(h φ_i)/dt in the modes of the grid, (B, C, ...).
        thickness: dh/dt, (B,), float64.
        stiffness2: factor of k² in the decay of a ripple that steps treat exactly, (B, C, 1, 1). Negative
            where ripples grow in the whole film, which then is exact as well.
        stiffness4: the factor of k⁴, from max M_i κ_i, (B, C, 1, 1).
        mobility: M_ii, (B, C, H, W) or (B, C, 1, 1).
        cross: M_12, (B, H, W), or None.
    """

    modes: Tensor
    thickness: Tensor
    stiffness2: Tensor
    stiffness4: Tensor
    mobility: Tensor
    cross: Tensor | None


@built_in
@dataclass(frozen=True)
class FilmModel:
    """Cahn-Hilliard transport in a film of moving height, in the scaled depth θ = z/h.

    ∂(h φ_i)/∂t = h ∂_x (Σ_j M_ij ∂_x μ_j) + ∂_θ [ḣ θ φ_i + Σ_j (M_ij / h) ∂_θ μ_j],
    μ_i = ∂f/∂φ_i - κ_i ∇²φ_i

    with no flux through walls, so that each solute's mass ∫ h φ_i is conserved exactly. With a constant
    mobility, a fixed height and a neutral substrate the gradients are those of the modes themselves
    (pseudo-spectral); otherwise they are conservative differences between cells (finite volumes).

    Attributes:
        grid: where the fields live.
        energy: the homogeneous free energy.
        mobility: the closure of the mobilities.
        kappa: gradient energy coefficients, (B, C, 1, 1).
        evaporation: None for a film of fixed height.
        substrate: None for a neutral one.
        backend: how the loops are computed, "auto", "torch", "numba" or a `Backend`; all give the same rates
            to rounding, see `get_backend`.

    Raises:
        InputError: evaporation or a substrate without a surface, or a backend that does not exist.
    """

    grid: Grid
    energy: FreeEnergy
    mobility: Mobility
    kappa: Tensor
    evaporation: Evaporation | None = None
    substrate: Substrate | None = None
    backend: BackendField = BackendField()  # noqa: RUF009 - a descriptor, meant to be shared
    fused: InitVar[bool | None] = None

    def __post_init__(self, fused: bool | None) -> None:
        if fused is not None:
            object.__setattr__(self, "backend", backend_of_fused(fused, stacklevel=3))
        if self.grid.depth_boundary == "periodic" and (self.evaporation or self.substrate):
            raise InputError(
                "a film that is periodic in depth has neither surface nor substrate; "
                "use depth_boundary='no-flux' with evaporation or a substrate"
            )

    @functools.cached_property
    def spectral(self) -> bool:
        """Whether gradients are exact for each mode of the grid."""
        fixed = self.evaporation is None and self.substrate is None
        return fixed and isinstance(self.mobility, ConstantMobility) and is_built_in(self.mobility)

    @property
    def _kappa(self) -> Tensor:
        """In the type of the fields."""
        return self.kappa.detach().to(self.grid.device, self.grid.dtype)

    def kappa_of(self, phi: Tensor) -> Tensor:
        """κ of each field of `phi` (B, C, H, W), (B, C, 1, 1)."""
        return self._kappa.expand(*phi.shape[:2], 1, 1)

    @property
    def squares(self) -> Squares:
        """The squared wavenumbers of this model's Laplacian."""
        return self.grid.exact if self.spectral else self.grid.differences

    @property
    def is_built_in(self) -> bool:
        """Whether this model and all its parts compute exactly what the classes of this package do."""
        parts = (self.grid, self.energy, self.mobility, self.evaporation, self.substrate)
        return is_built_in(self, *(part for part in parts if part is not None))

    def rates(self, phi: Tensor, content: Tensor, thickness: Tensor) -> Rates:
        """Rates of fields (B, C, H, W), whose modes times h are `content`, in films of `thickness` (B,)."""
        return (
            self._modal_rates(phi, content, thickness) if self.spectral else self._cell_rates(phi, thickness)
        )

    def mobilities(self, phi: Tensor) -> tuple[Tensor, Tensor | None]:
        """M_ii and M_12 as in `Rates`, of fields (B, C, H, W)."""
        mobility, cross = as_fields(self.mobility(phi), phi), self.mobility.cross(phi)
        return mobility if self.spectral else mobility.expand_as(phi), (
            None if cross is None else as_fields(cross, phi)
        )

    def potential(self, phi: Tensor, thickness: Tensor) -> Tensor:
        """Chemical potentials μ_i of the finite volumes, (B, C, H, W)."""
        h = thickness.to(phi.dtype)[:, None, None, None]
        potential = as_fields(self.energy.potential(phi), phi) - self._kappa * self.grid.laplacian(phi, h)
        if self.substrate is not None:
            # The wall's energy belongs to the last row, which is h dθ thick.
            slope = as_fields(self.substrate.slope(phi[:, :, -1]), phi)
            potential = self.grid.add_to_last_row(potential, slope / (h[..., 0] * self.grid.dtheta))
        return potential

    def _modal_rates(self, phi: Tensor, content: Tensor, thickness: Tensor) -> Rates:
        backend, kappa = self.backend, self._kappa
        mobility = as_fields(self.mobility(phi), phi)
        potential, flattest, steepest = backend.local_potential(self.energy, phi)
        mu = self.grid.forward(potential)
        modes = backend.modal_rates(mu, content, thickness, mobility, kappa, self.grid.exact)
        spare = torch.minimum(steepest - flattest, steepest.clamp_min(0.0))
        stiffness2 = mobility * (steepest - SPARE * spare)
        return Rates(modes, torch.zeros_like(thickness), stiffness2, mobility * kappa, mobility, None)

    def _cell_rates(self, phi: Tensor, thickness: Tensor) -> Rates:
        if self.evaporation is None:
            speed = torch.zeros_like(thickness)
        else:
            speed = self.backend.surface_speed(self.evaporation, phi)
        cells = self.backend.cell_rates(self, phi, thickness, speed)
        # The mean is zero but for rounding, which is left out: mass is conserved to the last bit.
        modes = self.grid.without_mean(self.grid.forward(cells.fields))
        return Rates(modes, speed, cells.stiffness2, cells.stiffness4, cells.mobility, cells.cross)

    def free_energy(self, phi: Tensor, content: Tensor, thickness: Tensor) -> Tensor:
        """Total free energy (B,) per unit length of film in the third direction, in float64.

        Args:
            phi: (B, C, H, W).
            content: modes of h φ, as in `rates`.
            thickness: (B,).
        """
        grid = self.grid
        cell = grid.dx * grid.dtheta * thickness
        density = self.energy.density(phi.double()).detach().sum(dim=(1, 2))
        kappa = self._kappa.double()[..., 0, 0]
        if self.spectral:
            power = grid.power(content).double() * grid.exact.at(thickness).double()
            gradients = power.sum(dim=(2, 3)) / thickness[:, None] ** 2
        else:
            phi = phi.double()
            depth = (thickness * grid.dtheta)[:, None]
            gradients = (grid.step_x(phi) ** 2).sum(dim=(2, 3)) / grid.dx**2
            gradients = gradients + (grid.step_z(phi) ** 2).sum(dim=(2, 3)) / depth**2
        total = (density + 0.5 * (kappa * gradients).sum(dim=1)) * cell
        if self.substrate is not None:
            total = total + self.substrate.density(phi[:, :, -1].double()).sum(dim=(1, 2)) * grid.dx
        return total
