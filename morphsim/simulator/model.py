"""The right-hand side: how fast the fields and the thickness of a batch of films change."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from morphsim.simulator.energy import FreeEnergy
from morphsim.simulator.grid import Grid
from morphsim.simulator.mobility import Mobility


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
        solids = phi.sum(dim=1).mean(dim=-1).double()
        # The surface lies half a cell above the first row's centre.
        surface = 1.5 * solids[:, 0] - 0.5 * solids[:, 1] if solids.shape[1] > 1 else solids[:, 0]
        return -self.biot * (1.0 - surface - self.ambient)


@dataclass(frozen=True)
class Rates:
    """What the stepper needs to know of a state.

    Attributes:
        fields: d(h φ_i)/dt, (B, C, H, W).
        thickness: dh/dt, (B,), float64.
        stiffness2: bound of M_i |f''|, the factor of k^2 in the decay of a ripple, (B, C, 1, 1).
        stiffness4: bound of M_i kappa_i, the factor of k^4, (B, C, 1, 1).
        mobility: M_i, (B, C, H, W).
    """

    fields: Tensor
    thickness: Tensor
    stiffness2: Tensor
    stiffness4: Tensor
    mobility: Tensor


@dataclass(frozen=True)
class FilmModel:
    """Cahn-Hilliard transport in a film of moving height, in the scaled depth θ = z/h.

    ∂(h φ_i)/∂t = h ∂_x (M_i ∂_x μ_i) + ∂_θ [ḣ θ φ_i + (M_i / h) ∂_θ μ_i],  μ_i = ∂f/∂φ_i - κ_i ∇²φ_i

    with no flux through θ = 0 and θ = 1, so that each solute's mass ∫ h φ_i is conserved exactly.

    Attributes:
        grid: where the fields live.
        energy: the homogeneous free energy.
        mobility: the closure of the mobilities.
        kappa: gradient energy coefficients, (B, C, 1, 1).
        evaporation: None for a film of fixed height.
    """

    grid: Grid
    energy: FreeEnergy
    mobility: Mobility
    kappa: Tensor
    evaporation: Evaporation | None = None

    def rates(self, phi: Tensor, thickness: Tensor) -> Rates:
        """Rates of fields (B, C, H, W) in films of `thickness` (B,)."""
        grid = self.grid
        h = thickness.to(phi.dtype)[:, None, None, None]
        potential = self.energy.potential(phi) - self.kappa * grid.laplacian(phi, h)
        mobility = self.mobility(phi)
        flux_x = grid.mean_x(mobility) * grid.step_x(potential) * h
        upper, lower = mobility[..., :-1, :], mobility[..., 1:, :]
        flux_z = (0.5 / (h * grid.dtheta)) * (upper + lower)
        flux_z = flux_z * (potential[..., 1:, :] - potential[..., :-1, :])
        hdot = torch.zeros_like(thickness)
        if self.evaporation is not None:
            hdot = self.evaporation(phi)
            sweep = (0.5 * hdot).to(phi.dtype)[:, None, None, None] * grid.face_theta
            # Rows run downwards, against theta: a film that shrinks carries its top into the row below.
            flux_z = flux_z - sweep * (phi[..., :-1, :] + phi[..., 1:, :])
        fields = grid.divergence(flux_x, flux_z, 1.0 / grid.dx**2, 1.0 / grid.dtheta)
        stiffness2 = (mobility * self.energy.curvature(phi)).amax(dim=(2, 3), keepdim=True)
        stiffness4 = self.kappa * mobility.amax(dim=(2, 3), keepdim=True)
        return Rates(fields, hdot, stiffness2, stiffness4, mobility)

    def free_energy(self, phi: Tensor, thickness: Tensor) -> Tensor:
        """Total free energy (B,) per unit length of film in the third direction, in float64."""
        grid = self.grid
        h = thickness[:, None, None, None]
        phi = phi.double()
        gradient_x = (grid.step_x(phi) / grid.dx) ** 2
        gradient_z = ((phi[..., 1:, :] - phi[..., :-1, :]) / (h * grid.dtheta)) ** 2
        kappa = self.kappa.double()[..., 0, 0]
        gradients = 0.5 * kappa * (gradient_x.sum(dim=(2, 3)) + gradient_z.sum(dim=(2, 3)))
        total = self.energy.density(phi).sum(dim=(1, 2)) + gradients.sum(dim=1)
        return total * thickness * (grid.dx * grid.dtheta)
