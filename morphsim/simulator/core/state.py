"""A batch of films between two steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from morphsim.simulator.core.grid import Grid


@dataclass
class State:
    """A batch of B films between two steps. Fields are (B, C, H, W), modes those of the grid.

    All else is (B,) and float64, except for the counts.

    Attributes:
        phi: volume fractions.
        phi_before: volume fractions a step before.
        content: modes of q = h φ, which the scheme conserves.
        content_change: content less that of a step before.
        older_content_change: the same a step before.
        rate_change: rates of the content less those of a step before.
        older_rate_change: the same a step before.
        thickness: h.
        speed_change: dh/dt less that of a step before.
        older_speed_change: the same a step before.
        time: simulated time.
        step: size of the next step.
        last_step: size of the last step.
        older_step: size of the step before the last.
        history: how many past steps count, int64.
        draws: how many noises have been drawn, int64.
        refusals: how many tries of the next step were refused, int64.
        jump: what the last thermal noise added to the mean volume fraction of each row, (B, C, H).
        smallest: the smallest volume fraction of any component, the last one included.
        contrast: the largest spread of a field.
        amplitude: logarithm of the amplitude of waves, (B, 2): of layers, which are constant along x, and of
            ripples along the film. Films of `SpectralStepper` leave it and the next four as they are.
        gain: how much it grew, summed over the last few steps, (B, 2).
        wobble: the sum of the squares of this, (B, 2).
        span: time of these steps.
        wave_damping: their mean damping Λ, (B, 2).
    """

    phi: Tensor
    phi_before: Tensor
    content: Tensor
    content_change: Tensor
    older_content_change: Tensor
    rate_change: Tensor
    older_rate_change: Tensor
    thickness: Tensor
    speed_change: Tensor
    older_speed_change: Tensor
    time: Tensor
    step: Tensor
    last_step: Tensor
    older_step: Tensor
    history: Tensor
    draws: Tensor
    refusals: Tensor
    jump: Tensor
    smallest: Tensor
    contrast: Tensor
    amplitude: Tensor
    gain: Tensor
    wobble: Tensor
    span: Tensor
    wave_damping: Tensor

    @classmethod
    def start(cls, grid: Grid, phi: Tensor, thickness: Tensor) -> State:
        """Films at time 0 with fields (B, C, H, W) and thickness (B,) float64."""
        zero = torch.zeros_like(thickness)
        count = torch.zeros_like(thickness, dtype=torch.int64)
        content = grid.forward(phi * thickness.to(phi.dtype)[:, None, None, None])
        still, waves = torch.zeros_like(content), thickness.new_zeros((len(thickness), 2))
        smallest, contrast = smallest_and_contrast(phi)
        return cls(
            phi=phi,
            phi_before=phi,
            content=content,
            content_change=still,
            older_content_change=still,
            rate_change=still,
            older_rate_change=still,
            thickness=thickness,
            speed_change=zero,
            older_speed_change=zero,
            time=zero,
            step=torch.full_like(thickness, torch.inf),
            last_step=zero + 1.0,
            older_step=zero + 1.0,
            history=count,
            draws=count,
            refusals=count,
            jump=torch.zeros_like(phi[..., 0]),
            smallest=smallest,
            contrast=contrast,
            amplitude=waves,
            gain=waves,
            wobble=waves,
            span=zero,
            wave_damping=waves,
        )

    def assign(self, new: State) -> None:
        """Become `new`."""
        vars(self).update(vars(new))


def smallest_and_contrast(phi: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest volume fraction of any component and the largest spread of one, (B,) float64 each.

    The smallest one may be that of the last component, whose spread does not count.
    """
    fields = phi.shape[1]
    # All of it is a largest number: a compiler reads the fields once for the rows, and these once.
    rows = phi.amax(dim=-1), -phi.amin(dim=-1), phi.sum(dim=1, keepdim=True).amax(dim=-1)
    largest = torch.cat(rows, dim=1).amax(dim=-1)
    high, low, full = largest[:, :fields], largest[:, fields:-1], largest[:, -1]
    smallest = torch.minimum(-low.amax(dim=1).double(), 1.0 - full.double())
    return smallest, (high + low).amax(dim=1).double()
