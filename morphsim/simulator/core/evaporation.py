"""Evaporation of the solvent through the free surface, which makes the film shrink."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from morphsim.simulator.core.exact_types import built_in


@built_in
@dataclass(frozen=True)
class Evaporation:
    """dh/dt = -Bi (<φ_s>_surface - φ_ambient), for films whose last component is the solvent.

    Wodo and Ganapathysubramanian, Comput. Mater. Sci. 55 (2012) 113 (arXiv:1109.3239).

    Attributes:
        biot: Bi = k_e h0 / D_s, (B,).
        ambient: volume fraction of solvent in equilibrium with the vapour, (B,).
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
        """dh/dt (B,) for a mean volume fraction `solvent` (B,) at the surface."""
        return -self.biot * (solvent - self.ambient)
