"""The right-hand side: how fast the fields and the thickness of a batch of films change."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator.backends import fused
from morphsim.simulator.core.energy import FreeEnergy
from morphsim.simulator.core.etd import SPARE, SURPLUS
from morphsim.simulator.core.grid import Grid, Squares
from morphsim.simulator.core.mobility import ConstantMobility, Mobility
from morphsim.simulator.core.shipped import is_shipped, shipped
from morphsim.simulator.core.substrate import Substrate


@shipped
@dataclass(frozen=True)
class Evaporation:
    """dh/dt = -Bi (<φ_s>_surface - φ_ambient), for films whose last component is the solvent.

    Wodo and Ganapathysubramanian, Comput. Mater. Sci. 55 (2012) 113 (arXiv:1109.3239).

    Attributes:
        biot: Bi = k_e h0 / D_s, (B,).
        ambient: solvent share in balance with the vapour, (B,).
    """

    biot: Tensor
    ambient: Tensor

    def __call__(self, phi: Tensor) -> Tensor:
        """dh/dt (B,) of fields (B, C, H, W), in float64."""
        solids = phi[:, :, :2].sum(dim=1).mean(dim=-1).double()
        # The surface lies half a cell above the first row's centre.
        surface = 1.5 * solids[:, 0] - 0.5 * solids[:, 1] if solids.shape[1] > 1 else solids[:, 0]
        return self.speed(1.0 - surface)

    def speed(self, solvent: Tensor) -> Tensor:
        """dh/dt (B,) with a mean share `solvent` (B,) at the surface."""
        return -self.biot * (solvent - self.ambient)


@dataclass(frozen=True)
class Rates:
    """What the stepper needs to know of a state.

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


@shipped
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
        fused: use compiled loops where there are any for this model; they give the same rates to
            rounding, see `morphsim.simulator.backends.fused`.
    """

    grid: Grid
    energy: FreeEnergy
    mobility: Mobility
    kappa: Tensor
    evaporation: Evaporation | None = None
    substrate: Substrate | None = None
    fused: bool = True

    def __post_init__(self) -> None:
        if self.grid.depth_boundary == "periodic" and (self.evaporation or self.substrate):
            raise InputError(
                "a film that is periodic in depth has neither surface nor substrate; "
                "use depth_boundary='no-flux' with evaporation or a substrate"
            )

    @functools.cached_property
    def spectral(self) -> bool:
        """Whether gradients are exact for each mode of the grid."""
        fixed = self.evaporation is None and self.substrate is None
        return fixed and isinstance(self.mobility, ConstantMobility) and is_shipped(self.mobility)

    @property
    def _kappa(self) -> Tensor:
        """In the type of the fields."""
        return self.kappa.detach().to(self.grid.device, self.grid.dtype)

    @property
    def squares(self) -> Squares:
        """The squared wavenumbers that this model's Laplacian has."""
        return self.grid.exact if self.spectral else self.grid.differences

    @property
    def is_shipped(self) -> bool:
        """Whether this model and all its parts compute just what the classes of this package do."""
        parts = (self.grid, self.energy, self.mobility, self.evaporation, self.substrate)
        return is_shipped(self, *(part for part in parts if part is not None))

    def rates(self, phi: Tensor, content: Tensor, thickness: Tensor) -> Rates:
        """Rates of fields (B, C, H, W), whose modes times h are `content`, in films of `thickness` (B,)."""
        return self._modal_rates(phi, content, thickness) if self.spectral else self._rates(phi, thickness)

    def potential(self, phi: Tensor, thickness: Tensor) -> Tensor:
        """Chemical potentials μ_i of the finite volumes, (B, C, H, W)."""
        h = thickness.to(phi.dtype)[:, None, None, None]
        potential = _of_fields(self.energy.potential(phi), phi) - self._kappa * self.grid.laplacian(phi, h)
        if self.substrate is not None:
            # The wall's energy belongs to the last row, which is h dθ thick.
            slope = _of_fields(self.substrate.slope(phi[:, :, -1]), phi)
            potential[:, :, -1] += slope / (h[..., 0] * self.grid.dtheta)
        return potential

    def _modal_rates(self, phi: Tensor, content: Tensor, thickness: Tensor) -> Rates:
        mobility = _of_fields(self.mobility(phi), phi)
        local = fused.local_potential(self.energy, phi) if self.fused else None
        if local is None:
            curvature = _of_fields(self.energy.curvature(phi), phi)
            local = (
                _of_fields(self.energy.potential(phi), phi),
                curvature.amin(dim=(2, 3), keepdim=True),
                curvature.amax(dim=(2, 3), keepdim=True),
            )
        potential, flattest, steepest = local
        modes = self.grid.forward(potential)
        done = None
        if self.fused:
            done = fused.modal_rates(modes, content, thickness, mobility, self._kappa, self.grid)
        if done is None:
            h = thickness.to(phi.dtype)[:, None, None, None]
            k2 = self.grid.exact.at(thickness)
            done = -mobility * k2 * (h * modes + self._kappa * k2 * content)
        still = torch.zeros_like(thickness)
        spare = torch.minimum(steepest - flattest, steepest.clamp_min(0.0))
        stiffness2 = mobility * (steepest - SPARE * spare)
        return Rates(done, still, stiffness2, mobility * self._kappa, mobility, None)

    def _rates(self, phi: Tensor, thickness: Tensor) -> Rates:
        grid = self.grid
        hdot = self._surface_speed(phi, thickness)
        compiled = fused.film_rates(self, phi, thickness, hdot) if self.fused else None
        fields, stiffness2, stiffness4, mobility, cross = compiled or self._cell_rates(phi, thickness, hdot)
        modes = grid.forward(fields)
        # What rounding makes of the mean is left out: mass is conserved to the last bit.
        modes[..., 0, 0] = 0.0
        return Rates(modes, hdot, stiffness2, stiffness4, mobility, cross)

    def _surface_speed(self, phi: Tensor, thickness: Tensor) -> Tensor:
        if self.evaporation is None:
            return torch.zeros_like(thickness)
        done = fused.surface_speed(self.evaporation, phi) if self.fused else None
        return self.evaporation(phi).double() if done is None else done

    def _cell_rates(
        self, phi: Tensor, thickness: Tensor, hdot: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
        """d(hφ)/dt in the cells, both stiffnesses, mobility and its cross term."""
        grid = self.grid
        h = thickness.to(phi.dtype)[:, None, None, None]
        potential = self.potential(phi, thickness)
        mobility = _of_fields(self.mobility(phi), phi).expand_as(phi)
        cross = self.mobility.cross(phi)
        cross = None if cross is None else _of_fields(cross, phi)
        slope_x, slope_z = grid.step_x(potential), grid.step_z(potential)
        flux_x = grid.mean_x(mobility) * slope_x
        flux_z = grid.mean_z(mobility) * slope_z
        curvature = _of_fields(self.energy.curvature(phi), phi).abs()
        size = _largest_nearby(mobility)
        if cross is not None:
            flux_x = flux_x + grid.mean_x(cross)[:, None] * slope_x.flip(1)
            flux_z = flux_z + grid.mean_z(cross)[:, None] * slope_z.flip(1)
            size = size + cross.abs()[:, None]
            curvature = curvature.amax(dim=1, keepdim=True)
        stiffness2 = SURPLUS * (size * curvature).amax(dim=(2, 3), keepdim=True)
        largest = SURPLUS * size.amax(dim=(2, 3), keepdim=True)
        if self.substrate is not None:
            # The wall's energy is as stiff as that of a layer of one cell.
            steepest = _of_fields(self.substrate.quadratic, phi).amax(dim=-1)
            wall = 2.0 * steepest[..., None, None] / (h * grid.dtheta)
            stiffness2 = stiffness2 + largest * wall
        flux_x = flux_x * h
        flux_z = flux_z / (h * grid.dtheta)
        if self.evaporation is not None:
            sweep = hdot.to(phi.dtype)[:, None, None, None] * grid.face_theta
            # Rows run downwards, against theta: a film that shrinks carries its top into the row below.
            flux_z = flux_z - sweep * grid.mean_z(phi)
        fields = grid.divergence(flux_x, flux_z, 1.0 / grid.dx**2, 1.0 / grid.dtheta)
        return fields, stiffness2, self._kappa * largest, mobility, cross

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


def _of_fields(value: Tensor, phi: Tensor) -> Tensor:
    """What a part of a model gives, in the type of the fields and without a way back to its parameters."""
    return value.detach().to(phi.dtype)


def _largest_nearby(mobility: Tensor) -> Tensor:
    """The largest mobility of each cell and of the faces around it, (B, C, H, W).

    Next to a thin skin that of a face is far above that of the skin itself.
    """
    rows = mobility.shape[-2]
    around = torch.maximum(mobility.roll(1, -1), mobility.roll(-1, -1))
    if rows > 1:
        first, last = mobility[..., :1, :], mobility[..., -1:, :]
        around = torch.maximum(around, torch.cat((first, mobility[..., :-1, :]), dim=-2))
        around = torch.maximum(around, torch.cat((mobility[..., 1:, :], last), dim=-2))
    return torch.maximum(mobility, 0.5 * (mobility + around))
