"""The free surface within a step: evaporation answers at once to the solvent that it leaves there."""

from __future__ import annotations

import torch
from torch import Tensor

from morphsim.simulator.backends import fused
from morphsim.simulator.core.etd import Damping, exponential_weights
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.model import Evaporation


def settle_surface(
    grid: Grid,
    evaporation: Evaporation,
    phi: Tensor,
    content: Tensor,
    thickness: Tensor,
    expected: Tensor,
    damping: Damping,
    dt: Tensor,
    *,
    use_loops: bool = True,
) -> tuple[Tensor, Tensor]:
    """Correct a step for the evaporation that its own end asks for.

    The row under the surface answers to dh/dt within h dθ / Bi, far faster than anything else in the film
    when evaporation is fast. So the thickness h + δ at the end of the step is taken from

        δ = Δt [-Bi (s(δ) - φ_ambient) - e],

    with e the dh/dt that was expected there and s the solvent at the surface, linear in δ. That leaves the
    order of the step as it is, and takes the limit from it. Only the mean over x of the fields moves with
    the surface, so this needs no more than the modes that are constant along x.

    Args:
        grid: between walls in depth.
        evaporation: at the surface.
        phi: fields at the start of the step, (B, C, H, W).
        content: modes at its end, (B, C, H, modes); corrected in place.
        thickness: at its end, (B,).
        expected: dh/dt at its end, from the past, (B,).
        damping: of the modes.
        dt: (B,).
        use_loops: use the compiled loop where there is one.

    Returns:
        The corrected content and thickness.
    """
    if use_loops:
        settled = fused.settle_surface(grid, evaporation, phi, content, thickness, expected, damping, dt)
        if settled is not None:
            return content, settled
    h = thickness.to(grid.dtype)[:, None, None]
    rows = phi.mean(dim=-1)
    carried = 0.5 * grid.face_theta[:, 0] * (rows[..., :-1] + rows[..., 1:]) / grid.dtheta
    inflow = torch.nn.functional.pad(carried, (1, 0)) - torch.nn.functional.pad(carried, (0, 1))
    # Modes that are constant along x, (B, C, H), and how much of the inflow outlasts the damping.
    lasting, _, _ = exponential_weights(dt.to(grid.dtype)[:, None, None] * damping.of_upright_modes())
    gain = lasting * grid.upright_modes(inflow)
    # What rounding makes of the mean is left out, as in the rates.
    gain[..., 0] = 0.0
    column = content[..., 0].real
    solids = (column * grid.at_surface).sum(dim=(1, 2)).double() / thickness
    shift = (gain * grid.at_surface / h).sum(dim=(1, 2)).double() - solids / thickness
    # The film's solvent at the surface falls by `shift` for each unit by which it grows thicker.
    asked = evaporation.speed(1.0 - solids) - expected
    change = dt * asked / (1.0 - dt * evaporation.biot * shift)
    content[..., 0] += change.to(grid.dtype)[:, None, None] * gain
    return content, thickness + change
