"""Mobility closures, each by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from morphsim.simulator.energy import SMALLEST_FRACTION


class Mobility(Protocol):
    """Mobilities of C fields; parameters are (B, 1, 1)."""

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities M_i (B, C, H, W) of fields (B, C, H, W)."""


@dataclass(frozen=True)
class ConstantMobility:
    """The same mobility everywhere.

    Attributes:
        value: (B, 1, 1).
    """

    value: Tensor

    def __call__(self, phi: Tensor) -> Tensor:
        """Mobilities (B, C, H, W)."""
        return self.value[:, None].expand_as(phi)


@dataclass(frozen=True)
class WodoMobility:
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


@dataclass(frozen=True)
class NegiMobility:
    """The form of `WodoMobility` with a constant diffusivity for each solute.

    Negi et al., Modelling Simul. Mater. Sci. Eng. 2018 (D_p = 1e-3, D_f = 5e-3 there).

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


MOBILITIES = ("wodo", "negi", "constant")


def named_mobility(name: str, chain_lengths: Tensor, solid: Tensor, scale: Tensor) -> Mobility:
    """The drying closure called `name`; see `MOBILITIES`."""
    if name == "wodo":
        return WodoMobility(chain_lengths, solid, scale)
    if name == "negi":
        diffusivities = torch.tensor([1e-3, 5e-3], dtype=chain_lengths.dtype, device=chain_lengths.device)
        return NegiMobility(chain_lengths, diffusivities[None, :, None, None], scale)
    return ConstantMobility(scale)
