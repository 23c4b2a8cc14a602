"""The energy of the substrate, which may draw one component and may be patterned."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from morphsim.simulator.core.exact_types import built_in


@built_in
@dataclass(frozen=True)
class Substrate:
    """Surface energy f_w = g(x) φ + h(x) φ² per length of substrate, of each field.

    It makes the natural condition κ ∂_n φ + f_w' = 0. The minimum -g / 2h should lie inside the simplex:
    a line without a minimum pulls the field out of it. Cahn, J. Chem. Phys. 66 (1977) 3667,
    doi 10.1063/1.434402.

    Attributes:
        linear: g, (B, C, W) [RT/V h0].
        quadratic: h, (B, C, W) [RT/V h0].
    """

    linear: Tensor
    quadratic: Tensor

    def density(self, wall: Tensor) -> Tensor:
        """f_w (B, C, W) of the fields (B, C, W) at the substrate."""
        return (self.linear + self.quadratic * wall) * wall

    def slope(self, wall: Tensor) -> Tensor:
        """f_w' (B, C, W)."""
        return self.linear + 2.0 * self.quadratic * wall
