"""Free energies of mixing, each a small class with the methods of `FreeEnergy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from morphsim.simulator.core.exact_types import built_in

# Below this volume fraction the logarithm continues as its tangent: the energy stays smooth (C1) for the
# small overshoots of a discrete field, and no field is ever clipped.
SMALLEST_FRACTION = 1e-5
# The same for the barrier b/x, which is steeper: up to b = 1e-3 its curvature is then at most 2000. A weaker
# barrier is followed to smaller fractions, or it would not keep the fields in the simplex.
BARRIER_FLOORS = (1e-3, 0.01)

Hessian = tuple[tuple[Tensor, ...], ...]
"""Second derivatives f_ij of an energy, row by row, (B, H, W) each: a film of a GPU is not to store them."""


class FreeEnergy(Protocol):
    """A homogeneous free energy density of C volume fractions; parameters are (B, 1, 1) or numbers."""

    def density(self, phi: Tensor) -> Tensor:
        """Energy density (B, H, W) of fields (B, C, H, W)."""

    def potential(self, phi: Tensor) -> Tensor:
        """Exchange chemical potentials df/dphi_i, (B, C, H, W)."""

    def curvature(self, phi: Tensor) -> Tensor:
        """Stiffness of each field, (B, C, H, W): f'' of one field, else row sums of |d2f/dphi_i dphi_j|."""


def extended_log(fraction: Tensor) -> Tensor:
    """ln(x), continued below `SMALLEST_FRACTION` by its tangent."""
    floor = fraction.clamp_min(SMALLEST_FRACTION)
    return torch.log(floor) + (fraction - floor) / floor


def _x_log_x(fraction: Tensor) -> Tensor:
    """The function x ln x, whose derivative is ln(x) + 1 with the logarithm extended as in `extended_log`."""
    floor = fraction.clamp_min(SMALLEST_FRACTION)
    below = fraction - floor
    # Integral of ln(floor) + (x - floor)/floor + 1 from floor to x.
    return floor * torch.log(floor) + below * (torch.log(floor) + 1.0) + 0.5 * below**2 / floor


@built_in
@dataclass(frozen=True)
class BinaryFloryHuggins:
    """A dry donor/acceptor blend of equal molecules: f = φ ln φ + (1-φ) ln(1-φ) + χ φ (1-φ).

    Flory, Principles of Polymer Chemistry (1953), chapter XII, with both chain lengths 1.

    Attributes:
        chi: interaction parameter, (B, 1, 1).
    """

    chi: Tensor

    def density(self, phi: Tensor) -> Tensor:
        """Energy density (B, H, W) [RT/V]."""
        donor = phi[:, 0]
        return _x_log_x(donor) + _x_log_x(1.0 - donor) + self.chi * donor * (1.0 - donor)

    def potential(self, phi: Tensor) -> Tensor:
        """μ = ln φ - ln(1-φ) + χ (1-2φ), (B, 1, H, W)."""
        donor = phi[:, 0]
        mu = extended_log(donor) - extended_log(1.0 - donor) + self.chi * (1.0 - 2.0 * donor)
        return mu[:, None]

    def curvature(self, phi: Tensor) -> Tensor:
        """F'' = 1/φ + 1/(1-φ) - 2χ, (B, 1, H, W)."""
        donor = phi[:, 0].clamp(SMALLEST_FRACTION, 1.0 - SMALLEST_FRACTION)
        return (1.0 / donor + 1.0 / (1.0 - donor) - 2.0 * self.chi)[:, None]

    def hessian(self, phi: Tensor) -> Hessian:
        """The matrix of F''."""
        return ((self.curvature(phi)[:, 0],),)


@built_in
@dataclass(frozen=True)
class DoubleWell:
    """The polynomial f = ρ (c - low)² (high - c)² of the PFHub benchmark of spinodal decomposition.

    Jokisaari et al., Comput. Mater. Sci. 126 (2017) 139, doi 10.1016/j.commatsci.2016.09.022.

    Attributes:
        height: ρ, (B, 1, 1).
        low: composition of one phase, (B, 1, 1).
        high: composition of the other phase, (B, 1, 1).
    """

    height: Tensor
    low: Tensor
    high: Tensor

    def density(self, phi: Tensor) -> Tensor:
        """Energy density (B, H, W)."""
        c = phi[:, 0]
        return self.height * (c - self.low) ** 2 * (self.high - c) ** 2

    def potential(self, phi: Tensor) -> Tensor:
        """μ = 2 ρ (c - low) (high - c) (low + high - 2c), (B, 1, H, W)."""
        c = phi[:, 0]
        mu = 2.0 * self.height * (c - self.low) * (self.high - c) * (self.low + self.high - 2.0 * c)
        return mu[:, None]

    def curvature(self, phi: Tensor) -> Tensor:
        """f'', (B, 1, H, W)."""
        below, above = phi[:, 0] - self.low, self.high - phi[:, 0]
        return (2.0 * self.height * (below**2 + above**2 - 4.0 * below * above))[:, None]

    def hessian(self, phi: Tensor) -> Hessian:
        """The matrix of f''."""
        return ((self.curvature(phi)[:, 0],),)


@built_in
@dataclass(frozen=True)
class TernaryFloryHuggins:
    """Donor, acceptor and solvent s, φ_s = 1 - φ_d - φ_a, with a barrier b against pure components.

    f = Σ (φ_i/N_i) ln φ_i + χ_da φ_d φ_a + χ_ds φ_d φ_s + χ_as φ_a φ_s + b Σ 1/φ_i

    Wodo and Ganapathysubramanian, Comput. Mater. Sci. 55 (2012) 113 (arXiv:1109.3239). The fields are
    donor and acceptor, in this order. All parameters are (B, 1, 1).

    Attributes:
        n_donor: chain length of the donor [solvent molecules].
        n_acceptor: chain length of the acceptor [solvent molecules].
        chi_donor_acceptor: interaction parameter.
        chi_donor_solvent: interaction parameter.
        chi_acceptor_solvent: interaction parameter.
        barrier: b [RT/V_s].
    """

    n_donor: Tensor
    n_acceptor: Tensor
    chi_donor_acceptor: Tensor
    chi_donor_solvent: Tensor
    chi_acceptor_solvent: Tensor
    barrier: Tensor

    def density(self, phi: Tensor) -> Tensor:
        """Energy density (B, H, W) [RT/V_s]."""
        donor, acceptor = phi[:, 0], phi[:, 1]
        solvent = 1.0 - donor - acceptor
        mixing = _x_log_x(donor) / self.n_donor + _x_log_x(acceptor) / self.n_acceptor + _x_log_x(solvent)
        contacts = (
            self.chi_donor_acceptor * donor * acceptor
            + self.chi_donor_solvent * donor * solvent
            + self.chi_acceptor_solvent * acceptor * solvent
        )
        floor = _barrier_floor(self.barrier, phi)
        walls = sum(_extended_reciprocal(fraction, floor) for fraction in (donor, acceptor, solvent))
        return mixing + contacts + self.barrier * walls

    def potential(self, phi: Tensor) -> Tensor:
        """μ_d = df/dφ_d and μ_a = df/dφ_a at constant other solute, (B, 2, H, W) [RT/V_s]."""
        donor, acceptor = phi[:, 0], phi[:, 1]
        solvent = 1.0 - donor - acceptor
        log_solvent = extended_log(solvent) + 1.0
        floor = _barrier_floor(self.barrier, phi)
        wall_solvent = _extended_reciprocal_slope(solvent, floor)
        mu_donor = (
            (extended_log(donor) + 1.0) / self.n_donor
            - log_solvent
            + self.chi_donor_acceptor * acceptor
            + self.chi_donor_solvent * (solvent - donor)
            - self.chi_acceptor_solvent * acceptor
            + self.barrier * (_extended_reciprocal_slope(donor, floor) - wall_solvent)
        )
        mu_acceptor = (
            (extended_log(acceptor) + 1.0) / self.n_acceptor
            - log_solvent
            + self.chi_donor_acceptor * donor
            + self.chi_acceptor_solvent * (solvent - acceptor)
            - self.chi_donor_solvent * donor
            + self.barrier * (_extended_reciprocal_slope(acceptor, floor) - wall_solvent)
        )
        return torch.stack((mu_donor, mu_acceptor), dim=1)

    def curvature(self, phi: Tensor) -> Tensor:
        """|f_ii| + |f_ij| of donor and acceptor, (B, 2, H, W)."""
        (donors, cross), (_, acceptors) = self.hessian(phi)
        size = cross.abs()
        return torch.stack((donors.abs() + size, acceptors.abs() + size), dim=1)

    def hessian(self, phi: Tensor) -> Hessian:
        """f_ij of donor and acceptor."""
        donor = phi[:, 0].clamp_min(SMALLEST_FRACTION)
        acceptor = phi[:, 1].clamp_min(SMALLEST_FRACTION)
        solvent = (1.0 - phi[:, 0] - phi[:, 1]).clamp_min(SMALLEST_FRACTION)
        floor = _barrier_floor(self.barrier, phi)
        of_solvent = 1.0 / solvent + self.barrier * _reciprocal_curvature(solvent, floor)
        cross = of_solvent + self.chi_donor_acceptor - self.chi_donor_solvent - self.chi_acceptor_solvent
        of_donor = 1.0 / (self.n_donor * donor) + self.barrier * _reciprocal_curvature(donor, floor)
        of_acceptor = 1.0 / (self.n_acceptor * acceptor) + self.barrier * _reciprocal_curvature(
            acceptor, floor
        )
        donors = of_donor + of_solvent - 2.0 * self.chi_donor_solvent
        acceptors = of_acceptor + of_solvent - 2.0 * self.chi_acceptor_solvent
        return (donors, cross), (cross, acceptors)


def _barrier_floor(barrier: Tensor | float, like: Tensor) -> Tensor:
    """The fraction below which b/x is continued: 0.1 b^(1/3), within bounds."""
    height = torch.as_tensor(barrier, dtype=like.dtype, device=like.device)
    return (0.1 * height ** (1.0 / 3.0)).clamp(*BARRIER_FLOORS)


def _extended_reciprocal(fraction: Tensor, floor: Tensor) -> Tensor:
    """1/x, continued below the floor by the parabola that keeps value, slope and curvature."""
    inside = torch.maximum(fraction, floor)
    below = (fraction - inside) / inside
    return (1.0 - below + below**2) / inside


def _extended_reciprocal_slope(fraction: Tensor, floor: Tensor) -> Tensor:
    """The derivative of `_extended_reciprocal`: -1/x^2 above the floor."""
    inside = torch.maximum(fraction, floor)
    below = (fraction - inside) / inside
    return (2.0 * below - 1.0) / inside**2


def _reciprocal_curvature(fraction: Tensor, floor: Tensor) -> Tensor:
    """The second derivative of `_extended_reciprocal`."""
    return 2.0 / torch.maximum(fraction, floor) ** 3
