"""The energy of the substrate, which may draw one component and may be patterned."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from morphsim.simulator.core.exact_types import built_in


@built_in
@dataclass(frozen=True)
class Substrate:
    """Surface energy f_w = Σ [g_i(x) φ_i + h_i(x) φ_i²] + c(x) φ_1 φ_2 per length of substrate.

    It makes the natural conditions κ_i ∂_n φ_i + ∂f_w/∂φ_i = 0. A minimum should lie inside the simplex:
    a line without a minimum pulls the field out of it. Cahn, J. Chem. Phys. 66 (1977) 3667,
    doi 10.1063/1.434402.

    Attributes:
        linear: g, (B, C, W) [RT/V h0].
        quadratic: h, (B, C, W) [RT/V h0].
        cross: c of two fields, (B, W) [RT/V h0]; None is 0.
    """

    linear: Tensor
    quadratic: Tensor
    cross: Tensor | None = None

    def density(self, wall: Tensor) -> Tensor:
        """The parts (B, C, W) of f_w that the fields (B, C, W) have at the substrate; their sum is f_w."""
        own = (self.linear + self.quadratic * wall) * wall
        if self.cross is None:
            return own
        return own + 0.5 * self.cross[:, None] * wall * wall.flip(1)

    def slope(self, wall: Tensor) -> Tensor:
        """∂f_w/∂φ_i, (B, C, W)."""
        own = self.linear + 2.0 * self.quadratic * wall
        return own if self.cross is None else own + self.cross[:, None] * wall.flip(1)

    def stiffness(self) -> Tensor:
        """Bound of the second derivatives of each field: row sums of |∂²f_w/∂φ_i ∂φ_j|, (B, C, W)."""
        own = 2.0 * self.quadratic
        return own if self.cross is None else own + self.cross.abs()[:, None]
