"""An independent solver of the same equation, to check against: ETDRK4 with a fixed step in float64.

Cox and Matthews, J. Comput. Phys. 176 (2002) 430, doi 10.1006/jcph.2002.6995, eqs. 26 to 29; the weights by
contour integrals as in Kassam and Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214,
doi 10.1137/S1064827502410633. Space is pseudo-spectral; walls without flux are had by mirroring the field,
with Fourier modes of the doubled domain. It shares nothing with the package but torch's FFT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from _cahn_hilliard import HEIGHT, HIGH, KAPPA, LOW, MOBILITY, initial_field
from torch import Tensor

_CONTOUR_POINTS = 32


class Reference:
    """The spinodal decomposition of `_cahn_hilliard`.

    Args:
        shape: (H, W).
        periodic: whether each direction is; walls without flux otherwise.
        step: time step.
    """

    def __init__(self, shape: tuple[int, int], *, periodic: tuple[bool, bool], step: float) -> None:
        field = initial_field(shape)
        self._share = 1.0
        for dim, closed in enumerate(periodic):
            if not closed:
                field = torch.cat((field, field.flip(dim)), dim)
                self._share *= 0.5
        self.step = step
        self.shape = shape
        self.time = 0.0
        self._cells = (int(field.shape[0]), int(field.shape[1]))
        height, width = self._cells
        self._ky = 2.0 * math.pi * torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
        self._kx = 2.0 * math.pi * torch.fft.rfftfreq(width, dtype=torch.float64)[None, :]
        k2 = self._kx**2 + self._ky**2
        # A linear part near the wells' curvature 2ρ(HIGH-LOW)² = 1.6 keeps the nonlinear rest small.
        self._linear = 0.2 * HEIGHT * (HIGH - LOW) ** 2
        self._transport = -MOBILITY * k2
        rate = self._transport * (self._linear + KAPPA * k2)
        self._full, self._half = torch.exp(step * rate), torch.exp(0.5 * step * rate)
        self._weights = _weights(step, rate)
        self._modes = torch.fft.rfft2(field)

    def field(self) -> Tensor:
        """Composition (H, W)."""
        return self._inverse(self._modes)[: self.shape[0], : self.shape[1]]

    def free_energy(self) -> float:
        """Integral of f + κ/2 |∇c|², with the gradients of the modes."""
        c = self._inverse(self._modes)
        slope_x, slope_y = (
            self._inverse(1j * self._kx * self._modes),
            self._inverse(1j * self._ky * self._modes),
        )
        density = HEIGHT * (c - LOW) ** 2 * (HIGH - c) ** 2 + 0.5 * KAPPA * (slope_x**2 + slope_y**2)
        return float(density.sum()) * self._share

    def advance(self, times: Sequence[float]) -> Iterator[Reference]:
        """Advance to each of the ascending `times` in turn, which must be multiples of the step."""
        for time in times:
            for _ in range(round((time - self.time) / self.step)):
                self._modes = self._stepped(self._modes)
            self.time = time
            yield self

    def _stepped(self, modes: Tensor) -> Tensor:
        weight, first, middle, last = self._weights
        rate = self._nonlinear(modes)
        a = self._half * modes + weight * rate
        rate_a = self._nonlinear(a)
        b = self._half * modes + weight * rate_a
        rate_b = self._nonlinear(b)
        c = self._half * a + weight * (2.0 * rate_b - rate)
        rate_c = self._nonlinear(c)
        return self._full * modes + first * rate + 2.0 * middle * (rate_a + rate_b) + last * rate_c

    def _nonlinear(self, modes: Tensor) -> Tensor:
        c = self._inverse(modes)
        slope = 2.0 * HEIGHT * (c - LOW) * (HIGH - c) * (LOW + HIGH - 2.0 * c)
        rate: Tensor = self._transport * torch.fft.rfft2(slope - self._linear * c)
        return rate

    def _inverse(self, modes: Tensor) -> Tensor:
        field: Tensor = torch.fft.irfft2(modes, s=self._cells)
        return field


def _weights(step: float, rate: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the half step and of the three groups of rates, averaged over circles around z."""
    sums = [torch.zeros_like(rate) for _ in range(4)]
    for point in range(_CONTOUR_POINTS):
        angle = math.pi * (point + 0.5) / _CONTOUR_POINTS
        z = step * rate + complex(math.cos(angle), math.sin(angle))
        growth = torch.exp(z)
        parts = (
            (torch.exp(0.5 * z) - 1.0) / z,
            (-4.0 - z + growth * (4.0 - 3.0 * z + z**2)) / z**3,
            (2.0 + z + growth * (z - 2.0)) / z**3,
            (-4.0 - 3.0 * z - z**2 + growth * (4.0 - z)) / z**3,
        )
        for total, part in zip(sums, parts, strict=True):
            total += part.real
    weight, first, middle, last = (total * (step / _CONTOUR_POINTS) for total in sums)
    return weight, first, middle, last
