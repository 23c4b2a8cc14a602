"""What passes the faces between the rows of a film whose thickness changes: rows move, the film does not."""

from __future__ import annotations

import torch
from torch import Tensor

# So many times what the row upstream holds of a component, a face may carry more than it. The mean of both
# rows does so next to interfaces that are not resolved, and would leave less than nothing of it behind.
LARGEST_RISE = 3.0
SMALLEST_RISE = 1e-30


def swept(mean: Tensor, step: Tensor, speed: Tensor) -> Tensor:
    """Volume fractions on the faces between rows.

    They are means of both rows, of second order. Where the mean holds over four times as much of a component
    as the row upstream, the faces of all components lie closer to that row, by the same share.

    Args:
        mean: of the rows above and below each face, (B, C, F, W).
        step: the row below less that above, of the same shape.
        speed: dh/dt, (B, 1, 1, 1); from the row above the face in a film that swells.
    """
    rise = 0.5 * torch.sign(speed) * step
    upstream = mean - rise
    # The last component is what is left of 1.
    share = _share(1.0 - upstream.sum(dim=1, keepdim=True), -rise.sum(dim=1, keepdim=True))
    for field in range(mean.shape[1]):
        one = slice(field, field + 1)
        share = torch.minimum(share, _share(upstream[:, one], rise[:, one]))
    return upstream + share.clamp_max(1.0) * rise


def _share(upstream: Tensor, rise: Tensor) -> Tensor:
    return LARGEST_RISE * upstream.clamp_min(0.0) / rise.clamp_min(SMALLEST_RISE)
