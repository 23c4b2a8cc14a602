"""Exponential Adams-Bashforth steps of variable size: the linear damping and the weights of the modes.

Cox and Matthews, J. Comput. Phys. 176 (2002) 430, doi 10.1006/jcph.2002.6995, for steps that vary. The update
itself is `Backend.advance_modes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from morphsim.simulator.core.grid import Squares

SPARE = 0.125
"""How much stiffer the stiffest place of a film may be than the damping that steps treat exactly.

From 1/8 on, a mode that decays at any rate up to the largest is no longer sure to stay bounded for every
step: for z -> infinity the third order is x³ + r (3x² - 3x + 1) = 0 with r = spare / (1 - spare), and x = -1
at r = 1/7.
"""

SURPLUS = 1.1
"""Damping of finite volumes over the stiffness of the stiffest cell, since neighbouring cells differ."""

THIRD_ORDER_REACH = 4.0
"""Modes that are damped more than this in a step take it at second order, see `Backend.advance_modes`."""


@dataclass
class Damping:
    """The linear damping Λ = A2 k² + A4 k⁴ of the modes.

    Attributes:
        squares: of the wavenumbers.
        thickness: h that k refers to, (B,).
        stiffness2: A2, (B, C, 1, 1).
        stiffness4: A4, (B, C, 1, 1).
    """

    squares: Squares
    thickness: Tensor
    stiffness2: Tensor
    stiffness4: Tensor

    def of_modes(self) -> Tensor:
        """Λ of each mode, (B, C, H, modes)."""
        k2 = self.squares.at(self.thickness)
        return (self.stiffness4 * k2 + self.stiffness2) * k2

    def of_fields(self, fields: slice) -> Damping:
        """The same of some of the fields."""
        return replace(self, stiffness2=self.stiffness2[:, fields], stiffness4=self.stiffness4[:, fields])

    def of_upright_modes(self) -> Tensor:
        """Λ of the modes that are constant along x, (B, C, H)."""
        k2 = self.squares.of_upright_modes(self.thickness)
        return (self.stiffness4[..., 0] * k2 + self.stiffness2[..., 0]) * k2


def exponential_weights(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """p1 = (1 - e^{-z}) / z, p2 = (1 - p1) / z and p3 = (1/2 - p2) / z; z < 0 is growth."""
    # Below 1/2 by the series of p3, since the quotients lose all digits; above, the other way round.
    series = torch.zeros_like(z)
    factorial = 39916800.0
    for divisor in (11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0):
        series = 1.0 / factorial - z * series
        factorial /= divisor
    series = 1.0 / factorial - z * series
    p2 = 0.5 - z * series
    small = z.abs() < 0.5
    large = torch.where(small, 0.5, z)
    large1 = -torch.expm1(-large) / large
    large2 = (1.0 - large1) / large
    large3 = (0.5 - large2) / large
    return (
        torch.where(small, 1.0 - z * p2, large1),
        torch.where(small, p2, large2),
        torch.where(small, series, large3),
    )
