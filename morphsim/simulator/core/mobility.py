"""Mobility closures, and their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from morphsim.simulator.core.energy import SMALLEST_FRACTION
from morphsim.simulator.core.exact_types import built_in


class Mobility(Protocol):
    """Mobilities of C fields; parameters are (B, 1, 1)."""

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities M_ii (B, C, H, W) of fields (B, C, H, W)."""

    def cross(self, phi: Tensor) -> Tensor | None:
        """M_12 = M_21 (B, H, W) of two fields, or None where each flux follows its own potential alone."""


class _Diagonal:
    """A closure without cross terms."""

    def cross(self, phi: Tensor) -> Tensor | None:
        """None."""
        return None


@built_in
@dataclass(frozen=True)
class ConstantMobility(_Diagonal):
    """The same mobility everywhere.

    Attributes:
        value: (B, C, 1, 1).
    """

    value: Tensor

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities (B, C, 1, 1)."""
        return self.value


@built_in
@dataclass(frozen=True)
class OnsagerMobility:
    """M_ii = M0 φ_i (1 - φ_i), M_ij = -M0 φ_i φ_j: fluxes of an incompressible blend of equal friction.

    With one field M = M0 φ (1 - φ). De Gennes, J. Chem. Phys. 72 (1980) 4756, doi 10.1063/1.439809.

    Attributes:
        value: M0, (B, 1, 1).
    """

    value: Tensor

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities (B, C, H, W)."""
        inside = _inside(phi)
        return self.value[:, None] * inside * (1.0 - inside)

    def cross(self, phi: Tensor) -> Tensor | None:
        """M_12 (B, H, W) of two fields."""
        if phi.shape[1] == 1:
            return None
        inside = _inside(phi)
        return -self.value * inside[:, 0] * inside[:, 1]


def _inside(phi: Tensor) -> Tensor:
    """Fractions (B, C, H, W) moved into the simplex, where the matrix of mobilities is positive.

    Where the fields overshoot and leave nothing for the last component, the matrix would make that component
    diffuse uphill, and the overshoot would grow without bound.
    """
    most = 1.0 - SMALLEST_FRACTION
    inside = phi.clamp(SMALLEST_FRACTION, most)
    return inside / (inside.sum(dim=1, keepdim=True) / most).clamp_min(1.0)


@built_in
@dataclass(frozen=True)
class WodoMobility(_Diagonal):
    """M_i = D / f''_ideal,i, D = φ_s + D_solid (1 - φ_s), f''_ideal,i = 1/(N_i φ_i) + 1/(N_s φ_s), N_s = 1.

    Diffusion slows by the factor `solid` as the solvent leaves, which freezes the film.
    Wodo and Ganapathysubramanian, Comput. Mater. Sci. 55 (2012) 113 (arXiv:1109.3239).

    Attributes:
        chain_lengths: N_i, (B, C, 1, 1).
        solid: diffusivity without solvent over that in pure solvent, (B, 1, 1).
        scale: factor on all mobilities (Arrhenius), (B, 1, 1).
    """

    chain_lengths: Tensor
    solid: Tensor
    scale: Tensor

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities (B, C, H, W)."""
        solvent = (1.0 - phi.sum(dim=1, keepdim=True)).clamp(SMALLEST_FRACTION, 1.0)
        solid = self.solid[:, None]
        diffusivity = self.scale[:, None] * (solvent + solid * (1.0 - solvent))
        return diffusivity * _ideal_mobility(phi, self.chain_lengths, solvent)


@built_in
@dataclass(frozen=True)
class NegiMobility(_Diagonal):
    """The form of `WodoMobility` with a constant diffusivity for each solute.

    Negi, Wodo, van Franeker, Janssen and Bobbert, ACS Appl. Energy Mater. 1 (2018) 725,
    doi 10.1021/acsaem.7b00189 (D_p = 1e-3, D_f = 5e-3 there).

    Attributes:
        chain_lengths: N_i, (B, C, 1, 1).
        diffusivities: D_i over that of the solvent, (B, C, 1, 1).
        scale: factor on all mobilities (Arrhenius), (B, 1, 1).
    """

    chain_lengths: Tensor
    diffusivities: Tensor
    scale: Tensor

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities (B, C, H, W)."""
        solvent = (1.0 - phi.sum(dim=1, keepdim=True)).clamp(SMALLEST_FRACTION, 1.0)
        return self.scale[:, None] * self.diffusivities * _ideal_mobility(phi, self.chain_lengths, solvent)


def _ideal_mobility(phi: Tensor, chain_lengths: Tensor, solvent: Tensor) -> Tensor:
    """1 / f''_ideal = N_i φ_i φ_s / (N_i φ_i + φ_s); the floor keeps it positive where φ_i overshoots 0."""
    weighted = chain_lengths * phi.clamp_min(SMALLEST_FRACTION)
    return weighted * solvent / (weighted + solvent)


@dataclass(frozen=True)
class _TracerMobility:
    """Closures that are built from the tracer diffusivities of all three components.

    Each component has the bare Onsager coefficient ω_i = N_i φ_i D_i, with the tracer diffusivities
    D_i = N_i^-ν D_solid^(1 - φ_s) of the solutes and D_s = D_solid^(1 - φ_s) of the solvent. So a dilute
    solute diffuses with its own D_i, long chains are slower than short ones, and everything slows down
    exponentially as the solvent leaves (Vignes, Ind. Eng. Chem. Fundam. 5 (1966) 189,
    doi 10.1021/i160018a007).

    Attributes:
        chain_lengths: N_i, (B, 2, 1, 1).
        exponent: ν, (B, 1, 1): 0.5 to 0.6 for coils with hydrodynamic interaction (Zimm), 1 for coils
            without (Rouse), 2 for entangled ones.
        solid: D_solid, diffusivity without solvent over that in pure solvent, (B, 1, 1).
        scale: factor on all mobilities (Arrhenius), (B, 1, 1).
    """

    chain_lengths: Tensor
    exponent: Tensor
    solid: Tensor
    scale: Tensor

    @property
    def friction(self) -> Tensor:
        """N_i D_i over that of the solvent, at the same amount of solvent, (B, 2, 1, 1)."""
        found: Tensor = self.chain_lengths ** (1.0 - self.exponent[:, None])
        return found

    def _bare(self, inside: Tensor) -> tuple[Tensor, Tensor]:
        """ω of both solutes (B, 2, H, W) and of the solvent (B, H, W) at fractions inside the simplex."""
        solids = inside.sum(dim=1)
        speed = self.scale * torch.exp(torch.log(self.solid) * solids)
        return speed[:, None] * self.friction * inside, speed * (1.0 - solids)


@built_in
@dataclass(frozen=True)
class FastModeMobility(_TracerMobility):
    """M_ij = Σ_k ω_k (δ_ik - φ_i)(δ_jk - φ_j): faster components are followed by a flow of all.

    "Fast mode": the bare fluxes -ω_k ∇μ_k leave a difference of volume, which a common flow evens out.
    Kramer, Green and Palmstrøm, Polymer 25 (1984) 473, doi 10.1016/0032-3861(84)90205-2; of three components
    in films as in Ronsin and Harting, arXiv:2206.10196. With ν = 1 and D_solid = 1 it is `OnsagerMobility`.
    """

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities (B, 2, H, W)."""
        inside = _inside(phi)
        bare, solvent = self._bare(inside)
        others = bare.flip(1) + solvent[:, None]
        return bare * (1.0 - inside) ** 2 + inside**2 * others

    def cross(self, phi: Tensor) -> Tensor:
        """M_12 (B, H, W)."""
        inside = _inside(phi)
        bare, solvent = self._bare(inside)
        donor, acceptor = inside[:, 0], inside[:, 1]
        own = -bare[:, 0] * (1.0 - donor) * acceptor - bare[:, 1] * (1.0 - acceptor) * donor
        return own + donor * acceptor * solvent


@built_in
@dataclass(frozen=True)
class SlowModeMobility(_TracerMobility):
    """M_ij = ω_i δ_ij - ω_i ω_j / Σ_k ω_k: the slower component holds back the faster one.

    "Slow mode": bare fluxes are cancelled by a pressure rather than by a flow. Brochard, Jouffroy and
    Levinson, Macromolecules 16 (1983) 1638, doi 10.1021/ma00244a016; how it differs from the fast mode:
    Hess and Akcasu, J. Phys. France 49 (1988) 1261, doi 10.1051/jphys:019880049070126100. With ν = 1 and
    D_solid = 1 it is `OnsagerMobility`.
    """

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities (B, 2, H, W)."""
        bare, solvent = self._bare(_inside(phi))
        others = bare.flip(1) + solvent[:, None]
        return bare * others / (bare + others)

    def cross(self, phi: Tensor) -> Tensor:
        """M_12 (B, H, W)."""
        bare, solvent = self._bare(_inside(phi))
        return -bare[:, 0] * bare[:, 1] / (bare.sum(dim=1) + solvent)


MobilityName = Literal["wodo", "negi", "onsager", "fast-mode", "slow-mode", "constant"]
MOBILITIES: tuple[MobilityName, ...] = get_args(MobilityName)
"""Closures of a drying film."""
NEGI_DIFFUSIVITIES = (1e-3, 5e-3)
"""Diffusivities of polymer and fullerene over that of the solvent."""


def named_mobility(
    name: str, *, chain_lengths: Tensor, exponent: Tensor, solid: Tensor, scale: Tensor, initial: Tensor
) -> Mobility:
    """The closure of a drying film called `name`; see `MOBILITIES`.

    Args:
        name: of the closure; "constant" is `WodoMobility` of the freshly mixed film.
        chain_lengths: (B, 2, 1, 1).
        exponent: ν of the tracer diffusivities N^-ν (fast and slow mode), (B, 1, 1).
        solid: diffusivity without solvent over that in pure solvent, (B, 1, 1).
        scale: factor on all mobilities, (B, 1, 1).
        initial: composition of the freshly mixed film, (B, 2, 1, 1).
    """
    wodo = WodoMobility(chain_lengths, solid, scale)
    if name == "negi":
        diffusivities = chain_lengths.new_tensor(NEGI_DIFFUSIVITIES)[None, :, None, None]
        return NegiMobility(chain_lengths, diffusivities, scale)
    if name == "onsager":
        return OnsagerMobility(scale)
    if name == "fast-mode":
        return FastModeMobility(chain_lengths, exponent, solid, scale)
    if name == "slow-mode":
        return SlowModeMobility(chain_lengths, exponent, solid, scale)
    return ConstantMobility(wodo(initial)) if name == "constant" else wodo
