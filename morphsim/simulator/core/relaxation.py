"""How fast the modes of a film relax, which decides how much noise they keep."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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

    def of_modes(self, k2: Tensor) -> Tensor:
        """The matrix A of each mode, (B, C, C, H, modes), for squared wavenumbers (B, 1, H, modes)."""
        return (self.second[..., None, None] + self.fourth[..., None, None] * k2[:, None]) * k2[:, None]


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
    z = damping * dt
    p1, _, _ = exponential_weights(z)
    share = (rate / damping.clamp_min(1e-30)).clamp(0.0, 1.0)
    # 1 - a and α / (1 - a²), without differences of nearly equal numbers.
    rest = p1 + share * (1.0 - p1)
    a = 1.0 - rest
    pull = share * z * p1 / (rest * (1.0 + a))
    swing = (rest + 2.0 * a * pull) / (1.0 + a)
    return (p1 * (1.0 + swing - pull) / (2.0 * swing)).clamp(0.0, 1.0).sqrt()


def split_rates(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and half the difference of both eigenvalues of matrices A (B, 2, 2, H, modes), (B, H, modes).

    A is the product of a positive and a symmetric matrix, so that its eigenvalues are real, and so is P A
    where the mobility is diagonal.
    """
    mean = 0.5 * (matrix[:, 0, 0] + matrix[:, 1, 1])
    half = 0.5 * (matrix[:, 0, 0] - matrix[:, 1, 1])
    return mean, (half * half + matrix[:, 0, 1] * matrix[:, 1, 0]).clamp_min(0.0).sqrt()


def relaxed(noise: Tensor, relaxation: Relaxation, damping: Damping, dt: Tensor) -> tuple[Tensor, Tensor]:
    """What is left of the noise of a step, and the rates with which it relaxes; see `Backend.relax_noise`.

    A step Δt pulls two fields back by Δt p1 A with a p1 for each field, since their dampings differ. With the
    larger damping for both and P = p1 / (the smaller p1), the pull is the same if the rates are P A, of which
    `kept_noise` is a function. The noise of each field is scaled besides, so that without coupling it keeps
    what it keeps under its own damping. So the variance is exact for fields without coupling, and for coupled
    ones in steps that are much shorter or much longer than they take to relax.
    """
    k2 = damping.squares.at(damping.thickness)
    matrix = relaxation.of_modes(k2)
    step = dt.to(k2.dtype)[:, None, None, None]
    size = damping.of_modes().clamp_min(0.0)
    kept = noise * torch.exp(-0.5 * relaxation.kappa[..., None, None] * k2)
    rates = torch.stack([matrix[:, field, field] for field in range(noise.shape[1])], dim=1)
    alone = kept_noise(rates, size, step)
    if noise.shape[1] == 2:
        largest = size.amax(dim=1, keepdim=True)
        shares = exponential_weights(step * size)[0] / exponential_weights(step * largest)[0]
        shared = shares[:, :, None] * matrix
        kept = kept * alone / kept_noise(shares * rates, largest.expand_as(size), step)
        mean, half = split_rates(shared)
        fast = kept_noise(mean + half, largest[:, 0], step[:, 0])
        slow = kept_noise(mean - half, largest[:, 0], step[:, 0])
        # The function of a matrix with two eigenvalues is linear in the matrix.
        slope = (fast - slow) / (2.0 * half).clamp_min(1e-20)
        turned = (shared * kept[:, None]).sum(dim=2)
        kept = (slow - slope * (mean - half))[:, None] * kept + slope[:, None] * turned
    else:
        kept = alone * kept
    return kept, -(matrix * kept[:, None]).sum(dim=2)


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
    hessian, mobility = _hessian(energy, phi), mobility.expand_as(phi)
    rates = mobility[:, :, None] * hessian
    means = torch.diag_embed(_mean(mobility))
    if cross is not None:
        rates = rates + cross[:, None, None] * hessian.flip(1)
        means[:, 0, 1] = means[:, 1, 0] = _mean(cross)
    reach = kappa[..., 0, 0]
    return Relaxation(_mean(rates), means * reach[:, None, :], reach)


def _mean(values: Tensor) -> Tensor:
    """Over the cells (..., H, W), row by row, since rounding must not depend on the number of films."""
    return values.mean(dim=-1).mean(dim=-1)


def _hessian(energy: object, phi: Tensor) -> Tensor:
    """Second derivatives of an energy, (B, C, C, H, W); difference quotients where it does not tell them."""
    exact = getattr(energy, "hessian", None)
    if exact is not None:
        return as_fields(exact(phi), phi).expand(*phi.shape[:2], *phi.shape[1:])
    columns = []
    for field in range(phi.shape[1]):
        shift = torch.zeros_like(phi)
        shift[:, field] = _DIFFERENCE
        rise = energy.potential(phi + shift) - energy.potential(phi - shift)  # type: ignore[attr-defined]
        columns.append(as_fields(rise, phi) / (2.0 * _DIFFERENCE))
    return torch.stack(columns, dim=2)
