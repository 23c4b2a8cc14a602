"""How fast the modes of a film relax, which decides how much noise they keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from morphsim.simulator.core.energy import Hessian
from morphsim.simulator.core.etd import Damping, exponential_weights
from morphsim.simulator.core.per_film import as_fields

# Step of the difference quotients of an energy without a method `hessian`.
_DIFFERENCE = 1e-3


@dataclass
class Relaxation:
    """Linear dynamics d(q)/dt = -A q of the modes, A = <M f''> k² + <M> κ k⁴, averaged over a film.

    In a mixed film these are its own rates. Where phases have separated, the mean is that of the phases, in
    which noise relaxes much faster than in a film that is mixed evenly.

    Attributes:
        second: <M f''>, (B, C, C).
        fourth: <M> κ, (B, C, C).
        kappa: κ, (B, C).
    """

    second: Tensor
    fourth: Tensor
    kappa: Tensor

    def of_modes(self, k2: Tensor, column: int, rows: slice = slice(None)) -> Tensor:
        """A column of the matrix A of each mode, or some of its rows, (B, rows, H, modes).

        Args:
            k2: squared wavenumbers, (B, 1, H, modes).
            column: which.
            rows: of these fields.
        """
        second, fourth = (part[:, rows, column, None, None] for part in (self.second, self.fourth))
        return (second + fourth * k2) * k2


def kept_noise(rate: Tensor, damping: Tensor, dt: Tensor) -> Tensor:
    """What a mode that relaxes at `rate` keeps of the noise of a step, 0 to 1.

    The scheme answers to noise that comes after each step like x' = x + y', y' = -α x + a y, with
    α = ρ z p1 and a = (1 - ρ)(1 - p1), for z = Λ Δt, ρ = rate / Λ and p1 = (1 - e^{-z}) / z. Its variance
    follows from the discrete Lyapunov equation. The noise is scaled so that this is the variance in
    equilibrium, for every step. Slow modes keep all of it, however strong their damping is.

    Args:
        rate: at which a mode relaxes; one that grows keeps all of its noise.
        damping: Λ, of the same shape.
        dt: of the same number of axes.
    """
    return _kept_noise(rate, _damped(damping, dt))


class _Damped(NamedTuple):
    """How strongly a step damps modes: Λ, z = Λ Δt and p1."""

    damping: Tensor
    z: Tensor
    p1: Tensor


def _damped(damping: Tensor, dt: Tensor) -> _Damped:
    z = damping * dt
    return _Damped(damping, z, exponential_weights(z)[0])


def _kept_noise(rate: Tensor, damped: _Damped) -> Tensor:
    damping, z, p1 = damped
    share = (rate / damping.clamp_min(1e-30)).clamp(0.0, 1.0)
    # 1 - a and α / (1 - a²), without differences of nearly equal numbers.
    rest = p1 + share * (1.0 - p1)
    a = 1.0 - rest
    pull = share * z * p1 / (rest * (1.0 + a))
    swing = (rest + 2.0 * a * pull) / (1.0 + a)
    return (p1 * (1.0 + swing - pull) / (2.0 * swing)).clamp(0.0, 1.0).sqrt()


def relaxed(noise: Tensor, relaxation: Relaxation, damping: Damping, dt: Tensor) -> tuple[Tensor, Tensor]:
    """What is left of the noise of a step, and the rates with which it relaxes; see `Backend.relax_noise`.

    A step Δt pulls two fields back by Δt p1 A with a p1 for each field, since their dampings differ. With the
    larger damping for both and P = p1 / (the smaller p1), the pull is the same if the rates are P A, of which
    `kept_noise` is a function. The noise of each field is scaled besides, so that without coupling it keeps
    what it keeps under its own damping. So the variance is exact for fields without coupling, and for coupled
    ones in steps that are much shorter or much longer than they take to relax.
    """
    # Field by field: a compiler makes one loop over the modes of this, and stores nothing but what is left.
    k2 = damping.squares.at(damping.thickness)
    step = dt.to(k2.dtype)[:, None, None, None]
    parts, steps = [], []
    for field in range(noise.shape[1]):
        one = slice(field, field + 1)
        steps.append(_damped(damping.of_fields(one).of_modes().clamp_min(0.0), step))
        alone = _kept_noise(relaxation.of_modes(k2, field, one), steps[field])
        parts.append(noise[:, one] * torch.exp(-0.5 * relaxation.kappa[:, one, None, None] * k2) * alone)
    if len(parts) == 2:
        parts = _coupled(parts, relaxation, k2, steps)
    # From the parts: where each of them has two uses, compilers store them side by side at once.
    drift = [torch.zeros_like(part) for part in parts]
    for field in range(len(parts)):
        for other, part in enumerate(parts):
            drift[field] = drift[field] - relaxation.of_modes(k2, other, slice(field, field + 1)) * part
    return torch.cat(parts, dim=1), torch.cat(drift, dim=1)


def _coupled(
    parts: Sequence[Tensor], relaxation: Relaxation, k2: Tensor, steps: Sequence[_Damped]
) -> list[Tensor]:
    """What coupled fields keep of the noise of a step, from what they would keep of it without coupling."""
    first = steps[0].damping >= steps[1].damping
    largest = _Damped(*(torch.where(first, one, other) for one, other in zip(*steps, strict=True)))
    shares = [each.p1 / largest.p1 for each in steps]
    own = [shares[field] * relaxation.of_modes(k2, field, slice(field, field + 1)) for field in (0, 1)]
    across = [shares[field] * relaxation.of_modes(k2, 1 - field, slice(field, field + 1)) for field in (0, 1)]
    scaled = [part / _kept_noise(rate, largest) for part, rate in zip(parts, own, strict=True)]
    # The function of a matrix with two eigenvalues is linear in the matrix.
    mean, half = _split_rates(own, across)
    fast, slow = _kept_noise(mean + half, largest), _kept_noise(mean - half, largest)
    slope = (fast - slow) / (2.0 * half).clamp_min(1e-20)
    level = slow - slope * (mean - half)
    return [
        level * scaled[field] + slope * (own[field] * scaled[field] + across[field] * scaled[1 - field])
        for field in (0, 1)
    ]


def _split_rates(own: Sequence[Tensor], across: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and half the difference of both eigenvalues of matrices, each of the shape of their numbers.

    A is the product of a positive and a symmetric matrix, so that its eigenvalues are real, and so is P A
    where the mobility is diagonal.

    Args:
        own: both numbers on the diagonal.
        across: the others.
    """
    mean, half = 0.5 * (own[0] + own[1]), 0.5 * (own[0] - own[1])
    return mean, (half * half + across[0] * across[1]).clamp_min(0.0).sqrt()


def mean_relaxation(
    energy: object, mobility: Tensor, cross: Tensor | None, kappa: Tensor, phi: Tensor
) -> Relaxation:
    """The mean relaxation of films.

    Args:
        energy: a `FreeEnergy`.
        mobility: M_ii, (B, C, H, W) or (B, C, 1, 1).
        cross: M_12, (B, H, W), or None.
        kappa: κ, (B, C, 1, 1).
        phi: the fields, (B, C, H, W).
    """
    films, count = phi.shape[:2]
    hessian, mobilities = _hessian(energy, phi), mobility.expand_as(phi).unbind(dim=1)
    parts = [own * second for own, row in zip(mobilities, hessian, strict=True) for second in row]
    if cross is not None:
        others = [second for row in hessian[::-1] for second in row]
        parts = [part + cross * other for part, other in zip(parts, others, strict=True)]
        mobilities = (*mobilities, cross)
    means = _means([*parts, *mobilities])
    second, own = means[:, : count**2], means[:, count**2 : count**2 + count]
    diagonal = torch.eye(count, dtype=phi.dtype, device=phi.device)
    matrix = own[:, :, None] * diagonal
    if cross is not None:
        matrix = matrix + means[:, -1:, None] * (1.0 - diagonal)
    reach = kappa[..., 0, 0]
    return Relaxation(second.reshape(films, count, count), matrix * reach[:, None, :], reach)


def _means(values: Sequence[Tensor]) -> Tensor:
    """Of cells (B, H, W), for each of the values, (B, values).

    They are taken row by row, since rounding must not depend on the number of films.
    """
    return torch.stack([each.mean(dim=-1) for each in values], dim=1).mean(dim=-1)


def _hessian(energy: object, phi: Tensor) -> Hessian:
    """Second derivatives of an energy, each (B, H, W); difference quotients where it does not tell them."""
    exact = getattr(energy, "hessian", None)
    if exact is not None:
        return tuple(
            tuple(as_fields(second, phi).expand_as(phi[:, 0]) for second in row) for row in exact(phi)
        )
    columns = []
    for field in range(phi.shape[1]):
        shift = torch.zeros_like(phi)
        shift[:, field] = _DIFFERENCE
        rise = energy.potential(phi + shift) - energy.potential(phi - shift)  # type: ignore[attr-defined]
        columns.append((as_fields(rise, phi) / (2.0 * _DIFFERENCE)).unbind(dim=1))
    return tuple(zip(*columns, strict=True))
