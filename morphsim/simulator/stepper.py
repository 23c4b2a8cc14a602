"""Linearly stabilised SBDF2 with steps of variable size, each film of a batch with its own."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from morphsim.simulator.model import FilmModel, Rates
from morphsim.simulator.noise import ThermalNoise

# Share of the largest linear rate that is treated implicitly. At 1 a fully damped mode is set to where it
# belongs; below, it rings, and thermal noise rings with it until the steps get short.
STABILISATION = 1.0
SMALLEST_STEP = 1e-12
LARGEST_THICKNESS_CHANGE = 0.004
_SHRINK = 0.4
# Steps that grow faster amplify modes that are damped but slow, and then have to shrink again: a film held
# under vapour took ten times as many steps with 1.25.
_GROW = 1.1
# Variable-step BDF2 is zero-stable for step ratios below 1 + sqrt(2).
_LARGEST_RATIO = 2.0
# The extrapolated rates weigh the last two noises by 2 and 1, and older ones still relax.
_NOISE_ALLOWANCE = 4.0
_VANISHING = 1e-3
_LEAST_CONTRAST = 0.01


@dataclass
class State:
    """A batch of B films between two steps. Fields are (B, C, H, W); all else is (B,) float64.

    Attributes:
        content: q = h φ, what the scheme conserves.
        content_change: q minus its value a step before, less the noise of that step.
        phi: volume fractions.
        phi_before: volume fractions a step before, with the noise of that step added.
        thickness: h.
        thickness_before: h a step before.
        time: simulated time.
        step: size of the next step.
        last_step: size of the last step.
        fresh: there is no history: the next step is of first order.
        noise: rms change of a row's volume fractions by the last thermal noise, (B, C, H).
    """

    content: Tensor
    content_change: Tensor
    phi: Tensor
    phi_before: Tensor
    thickness: Tensor
    thickness_before: Tensor
    time: Tensor
    step: Tensor
    last_step: Tensor
    fresh: Tensor
    noise: Tensor

    @classmethod
    def start(cls, phi: Tensor, thickness: Tensor) -> State:
        """Films at time 0 with fields (B, C, H, W) and thickness (B,)."""
        zero = torch.zeros_like(thickness)
        content = phi * thickness.to(phi.dtype)[:, None, None, None]
        return cls(
            content=content,
            content_change=torch.zeros_like(content),
            phi=phi,
            phi_before=phi,
            thickness=thickness,
            thickness_before=thickness,
            time=zero,
            step=torch.full_like(thickness, torch.inf),
            last_step=zero + 1.0,
            fresh=torch.ones_like(thickness, dtype=torch.bool),
            noise=torch.zeros_like(phi[..., 0]),
        )


def smallest_fraction(phi: Tensor) -> Tensor:
    """The smallest volume fraction of any component of each film, the last one included, (B,) float64."""
    return torch.minimum(phi.amin(dim=(1, 2, 3)), 1.0 - phi.sum(dim=1).amax(dim=(1, 2))).double()


def contrast(phi: Tensor) -> Tensor:
    """Largest spread of a volume fraction within each film, at least `_LEAST_CONTRAST`, (B,) float64."""
    spread = phi.amax(dim=(2, 3)) - phi.amin(dim=(2, 3))
    return spread.amax(dim=1).double().clamp_min(_LEAST_CONTRAST)


class Stepper:
    """Advances a `State` under a `FilmModel`.

    With w = Δt_n / Δt_{n-1} each step solves

        (a0 - Δt (h/h1) L) (q1 - h1 φ*) = -a0 h1 φ* - a1 q_n - a2 q_{n-1} + Δt [(1+w) R_n - w R_{n-1}],

    a0 = (1+2w)/(1+w), a1 = -(1+w), a2 = w²/(1+w), φ* = φ_n + w (φ_n - φ_{n-1}), L = -(A2 k² + A4 k⁴),
    diagonal in the modes of the grid. The height follows the same formula, so that a uniform film stays
    uniform while it shrinks, and the mean of q is carried over exactly. A step whose fields differ from
    the extrapolation φ* by more than twice what `tolerance` allows is taken again with a smaller one.
    Thermal noise passes the same implicit damping and stays out of the history and of the error, as in the
    two-step Maruyama schemes of Buckwar and Winkler, SIAM J. Numer. Anal. 44 (2006) 779,
    doi 10.1137/040602857. Variable-step SBDF2: Wang and Ruuth, J. Comput. Math. 26 (2008) 838;
    stabilisation: Zhu, Chen, Shen and Tikare, Phys. Rev. E 60 (1999) 3564,
    doi 10.1103/PhysRevE.60.3564.

    Args:
        model: the right-hand side.
        tolerance: largest difference of the volume fractions from their extrapolation over one step, rms
            within a row, as a share of the film's contrast: ripples grow at their rate while still small.
        noise: thermal noise, or None.
    """

    def __init__(self, model: FilmModel, *, tolerance: float, noise: ThermalNoise | None = None) -> None:
        self.model = model
        self.noise = noise
        self.tolerance = tolerance
        self._now: Rates | None = None
        self._before: Rates | None = None

    def restart(self, state: State) -> None:
        """Forget the history, after the fields were set from outside."""
        state.fresh = torch.ones_like(state.fresh)
        self._now = None

    def change_model(self, model: FilmModel, state: State, films: Tensor) -> None:
        """Go on under another model, which differs for `films` (B,) bool.

        Their old rates are dropped, but not their old fields: the first step is off by a third of the change
        of the rates, which the error sees, and no film has to start again from tiny steps.
        """
        self.model = model
        if self._now is None:
            return
        self._now = model.rates(state.phi, state.thickness)
        self._before = _choose(films, self._now, self._before or self._now)

    def step(self, state: State, longest: Tensor, lowest: Tensor, active: Tensor) -> Tensor:
        """Try one step of each active film, in place.

        Args:
            state: the films.
            longest: (B,) longest step that each may take.
            lowest: (B,) thickness that a shrinking film must not fall below by more than its last step.
            active: (B,) bool; the others stay as they are.

        Returns:
            (B,) bool, the films that were advanced. The others' `step` was made smaller.
        """
        if self._now is None:
            self._now = self.model.rates(state.phi, state.thickness)
            self._before = self._before or self._now
            change = self._now.fields.abs().amax(dim=(1, 2, 3)).double() / state.thickness
            first = 0.5 * self.tolerance * contrast(state.phi) / change.clamp_min(1e-30)
            state.step = torch.where(state.fresh, torch.minimum(state.step, first), state.step)
        now, before = self._now, self._before
        assert before is not None
        dtype = state.phi.dtype

        def spread(value: Tensor) -> Tensor:
            return value.to(dtype)[:, None, None, None]

        h, hdot = state.thickness, now.thickness
        speed = hdot.abs().clamp_min(1e-30)
        largest = torch.where(state.fresh, state.step, _LARGEST_RATIO * state.last_step)
        dt = torch.minimum(torch.minimum(state.step, largest), LARGEST_THICKNESS_CHANGE / speed)
        # Land on the wanted time or thickness, in two even steps rather than a long and a tiny one.
        landing = torch.where(hdot < 0, (h - lowest).clamp_min(1e-6) / speed, torch.inf)
        landing = torch.minimum(landing, longest)
        cut = landing < 2.0 * dt
        dt = torch.where(cut, torch.where(landing <= dt, landing, 0.5 * landing), dt)

        w = torch.where(state.fresh, torch.zeros_like(dt), dt / state.last_step)
        history = w**2 / (1.0 + 2.0 * w)
        weight = dt * (1.0 + w) / (1.0 + 2.0 * w)
        slope = (1.0 + w) * hdot - w * before.thickness
        h1 = h + history * (h - state.thickness_before) + weight * slope

        extrapolated = torch.lerp(state.phi_before, state.phi, spread(1.0 + w))
        explicit = torch.lerp(before.fields, now.fields, spread(1.0 + w))
        base = spread(h1) * extrapolated
        residual = state.content - base
        residual.addcmul_(state.content_change, spread(history)).addcmul_(explicit, spread(weight))
        k2 = self.model.grid.k2_x + self.model.grid.k2_theta / spread(h1) ** 2
        damping = spread(weight * STABILISATION * h / h1)
        implicit = (now.stiffness4 * damping * k2).add_(now.stiffness2 * damping).mul_(k2).add_(1.0)
        content = base + self.model.grid.inverse(self.model.grid.forward(residual) / implicit)
        phi = content / spread(h1)

        # Rms along x, the worst row counts. What relaxes of earlier noise is no error of the scheme.
        error = (phi - extrapolated).square_().mean(dim=-1).sqrt_() - _NOISE_ALLOWANCE * state.noise
        error = torch.nan_to_num(error.amax(dim=(1, 2)).double(), nan=torch.inf).clamp_min(0.0)
        # The energy is steep where a component is nearly gone: no step may halve the smallest fraction.
        smallest = smallest_fraction(state.phi)
        vanishing = (smallest > _VANISHING) & (smallest_fraction(phi) < 0.5 * smallest)
        bound = self.tolerance * contrast(state.phi)
        accepted = active & (error <= 2.0 * bound) & (h1 > 0) & ~vanishing
        rejected = active & ~accepted
        proposed = 0.9 * (bound / error.clamp_min(1e-30)).sqrt() * dt
        grown = torch.minimum(proposed, _GROW * torch.where(cut, state.step, dt)).maximum(_SHRINK * dt)
        state.step = torch.where(accepted, grown, torch.where(rejected, _SHRINK * dt, state.step))
        if not bool(accepted.any()):
            return accepted
        change, phi_before, noise = content - state.content, state.phi, state.noise
        if self.noise is not None:
            grid = self.model.grid
            fluctuation = self.noise.increments(grid, now.mobility, h1, dt, accepted)
            fluctuation = grid.inverse(grid.forward(fluctuation) / implicit)
            content = content + fluctuation
            fluctuation = fluctuation / spread(h1)
            phi_before = phi_before + fluctuation
            phi = phi + fluctuation
            noise = fluctuation.square().mean(dim=-1).sqrt()
        stepped = State(
            content=content,
            content_change=change,
            phi=phi,
            phi_before=phi_before,
            thickness=h1,
            thickness_before=h,
            time=state.time + dt,
            step=state.step,
            last_step=dt,
            fresh=torch.zeros_like(state.fresh),
            noise=noise,
        )
        rates = self.model.rates(phi, h1)
        if bool(accepted.all()):
            self._before, self._now = now, rates
            for entry in fields(State):
                setattr(state, entry.name, getattr(stepped, entry.name))
            return accepted
        for entry in fields(State):
            new, old = getattr(stepped, entry.name), getattr(state, entry.name)
            mask = accepted.view(-1, *(1,) * (new.dim() - 1))
            setattr(state, entry.name, torch.where(mask, new, old))
        self._before = _choose(accepted, now, before)
        self._now = _choose(accepted, rates, now)
        return accepted


def _choose(films: Tensor, new: Rates, old: Rates) -> Rates:
    mask = films[:, None, None, None]
    return Rates(
        torch.where(mask, new.fields, old.fields),
        torch.where(films, new.thickness, old.thickness),
        torch.where(mask, new.stiffness2, old.stiffness2),
        torch.where(mask, new.stiffness4, old.stiffness4),
        torch.where(mask, new.mobility, old.mobility),
    )
