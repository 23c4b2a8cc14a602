"""Exponential Adams-Bashforth steps of variable size: the weights and the update of the modes.

Cox and Matthews, J. Comput. Phys. 176 (2002) 430, doi 10.1006/jcph.2002.6995, for steps that vary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from morphsim.simulator.backends import fused
from morphsim.simulator.core.control import Numbers, tensor
from morphsim.simulator.core.grid import Squares

SPARE = 0.125
"""How much stiffer the stiffest place of a film may be than the damping that steps treat exactly.

From 1/8 on, a mode that decays at any rate up to the largest is no longer sure to stay bounded with any
step: for z -> infinity the third order is x³ + r (3x² - 3x + 1) = 0 with r = spare / (1 - spare), and x = -1
at r = 1/7.
"""

SURPLUS = 1.1
"""How much stiffer than the stiffest cell the damping of finite volumes is, since neighbours differ."""

THIRD_ORDER_REACH = 4.0
"""Modes that are damped more than this in a step take it at second order, see `advance_modes`."""


def advance_modes(
    rates: Tensor,
    rate_changes: tuple[Tensor, Tensor],
    content_changes: tuple[Tensor, Tensor],
    damping: Damping,
    dt: Tensor,
    weights: Sequence[Numbers],
    *,
    use_loops: bool = True,
) -> Tensor:
    """What a step adds to the contents q of the modes.

    With the linear damping Λ = A2 k² + A4 k⁴, z = Λ Δt and the differences D = ΔR + Λ Δq of what is left
    of the rates R beside the damping,

        q_{n+1} = q_n + Δt p1 R_n + ((1 - s) e1 p2 + s ((a1 + b1) p2 + c1 p3)) D_n
                      - s (b2 p2 + c2 p3) D_{n-1},
        p1 = (1 - e^{-z}) / z,  p2 = (1 - p1) / z,  p3 = (1/2 - p2) / z.

    At s = 1 this is of third order. Slow modes with a large Λ are then unstable for z > 5; at second order,
    s = 0, they are not, as long as steps don't grow: for z -> infinity x² - (1-ρ)(1+w) x + (1-ρ) w = 0,
    with ρ the mode's rate over Λ and w the ratio of the steps, needs w <= 1. So s = min(1, 4 / z), and
    e1 = min(a1, Δt) is the weight of a line that is not followed further than the last step was long. A mode
    gains the third order as soon as the step resolves it.
    A mean (z = 0) whose rate is zero stays what it is to the last bit.

    Args:
        rates: R_n of the modes, (B, C, ...).
        rate_changes: R_n - R_{n-1} and R_{n-1} - R_{n-2}.
        content_changes: the same of q.
        damping: Λ.
        dt: (B,).
        weights: of `step_weights`, six of (B,).
        use_loops: use the compiled loop where there is one.
    """
    if use_loops:
        done = fused.advance_modes(rates, rate_changes, content_changes, damping, dt, weights)
        if done is not None:
            return done
    size = damping.of_modes()
    z = _spread(dt, size) * size
    p1, p2, p3 = exponential_weights(z)
    e1, a1, b1, c1, b2, c2 = (_spread(tensor(weight), size) for weight in weights)
    share = THIRD_ORDER_REACH / z.clamp_min(THIRD_ORDER_REACH)
    first = rate_changes[0] + size * content_changes[0]
    second = rate_changes[1] + size * content_changes[1]
    newer = (1.0 - share) * e1 * p2 + share * ((a1 + b1) * p2 + c1 * p3)
    return _spread(dt, size) * p1 * rates + newer * first - share * (b2 * p2 + c2 * p3) * second


def exponential_weights(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """p1, p2 and p3 of `advance_modes`; z < 0 is growth."""
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


def soften(noise: Tensor, damping: Damping, dt: Tensor, *, use_loops: bool = True) -> Tensor:
    """What is left of the modes of a noise that came evenly over the step, if they decay as Λ has it.

    Its variance shrinks by (1 - e^{-2z}) / 2z, so that modes that relax within a step keep the variance
    that they have in equilibrium.
    """
    if use_loops:
        done = fused.soften(noise, damping, dt)
        if done is not None:
            return done
    share, _, _ = exponential_weights(2.0 * _spread(dt, noise.real) * damping.of_modes())
    return noise * share.sqrt()


class Damping:
    """The linear damping Λ = A2 k² + A4 k⁴ of the modes.

    Args:
        squares: of the wavenumbers.
        thickness: h that k refers to, (B,).
        stiffness2: A2, (B, C, 1, 1).
        stiffness4: A4, (B, C, 1, 1).
    """

    def __init__(self, squares: Squares, thickness: Tensor, stiffness2: Tensor, stiffness4: Tensor) -> None:
        self.squares = squares
        self.thickness = thickness
        self.stiffness2 = stiffness2
        self.stiffness4 = stiffness4

    def of_modes(self) -> Tensor:
        """Λ of each mode, (B, C, H, modes)."""
        k2 = self.squares.at(self.thickness)
        return (self.stiffness4 * k2 + self.stiffness2) * k2

    def of_upright_modes(self) -> Tensor:
        """Λ of the modes that are constant along x, (B, C, H)."""
        depth = self.squares.theta[:, 0] / (self.thickness**2).to(self.squares.theta.dtype)[:, None]
        k2 = depth[:, None]
        return (self.stiffness4[..., 0] * k2 + self.stiffness2[..., 0]) * k2


def _spread(value: Tensor, like: Tensor) -> Tensor:
    """One value for each film (B,) against modes (B, C, H, modes)."""
    return value.to(like.dtype)[:, None, None, None]
