"""Exponential steps of variable size, each film of a batch with its own."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.backends import fused
from morphsim.simulator.core.control import (
    LEAST_CONTRAST,
    PLANNED,
    SHRINK,
    Numbers,
    judge,
    leaving,
    numbers,
    plan,
    tensor,
)
from morphsim.simulator.core.etd import Damping, advance_modes, soften
from morphsim.simulator.core.model import FilmModel, Rates
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.surface import settle_surface

# What relaxes of the last noise within a step is no error, and older noises still relax.
_NOISE_ALLOWANCE = 3.0
# Rows of fewer cells share their rms with their neighbours, so that it is one of so many. What is compared
# with it is an rms of few cells all the same: the largest of a hundred rows is about twice the usual one.
_FEW_CELLS, _POOLED_CELLS = 16, 16
_NARROW_ALLOWANCE = 2.0 * _NOISE_ALLOWANCE

_Films = TypeVar("_Films", "State", Rates)


@dataclass
class State:
    """A batch of B films between two steps. Fields are (B, C, H, W), modes those of the grid.

    All else is (B,) and float64, but for the counts.

    Attributes:
        phi: volume fractions.
        phi_before: volume fractions a step before.
        content: modes of q = h φ, what the scheme conserves.
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
        noise: rms change of a row's volume fractions by the last thermal noise, (B, C, H).
        smallest: the smallest volume fraction of any component, the last one included.
        contrast: the largest spread of a field.
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
    noise: Tensor
    smallest: Tensor
    contrast: Tensor

    @classmethod
    def start(cls, model: FilmModel, phi: Tensor, thickness: Tensor) -> State:
        """Films at time 0 with fields (B, C, H, W) and thickness (B,) float64."""
        zero = torch.zeros_like(thickness)
        count = torch.zeros_like(thickness, dtype=torch.int64)
        content = model.grid.forward(phi * thickness.to(phi.dtype)[:, None, None, None])
        still = torch.zeros_like(content)
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
            noise=torch.zeros_like(phi[..., 0]),
            smallest=smallest_fraction(phi),
            contrast=contrast(phi),
        )


def smallest_fraction(phi: Tensor) -> Tensor:
    """The smallest volume fraction of any component of each film, the last one included, (B,) float64."""
    return torch.minimum(phi.amin(dim=(1, 2, 3)).double(), 1.0 - phi.sum(dim=1).amax(dim=(1, 2)).double())


def contrast(phi: Tensor) -> Tensor:
    """Largest spread of a volume fraction within each film, (B,) float64."""
    return (phi.amax(dim=(2, 3)) - phi.amin(dim=(2, 3))).amax(dim=1).double()


def add_ripple(
    ripple: Tensor, thickness: Tensor, phi: Tensor, before: Tensor, *, use_loops: bool = True
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Add noise to fields.

    Args:
        ripple: what the noise adds to h φ, (B, C, H, W).
        thickness: h, (B,).
        phi: φ_{n+1} without it.
        before: φ_n.
        use_loops: use the compiled loop where there is one.

    Returns:
        φ_{n+1}, and φ_n with the same noise: the line that the next step is compared with runs through
        fields without this jump. The rms of the noise in each row (B, C, H), and the smallest fraction.
    """
    if use_loops:
        done = fused.add_ripple(ripple, thickness, phi, before)
        if done is not None:
            return done
    jump = ripple / thickness.to(phi.dtype)[:, None, None, None]
    new = phi + jump
    return new, before + jump, jump.square().mean(dim=-1).sqrt(), smallest_fraction(new)


def noise_allowance(noise: Tensor, width: int) -> Tensor:
    """What of a row's change is no error but the relaxation of noise, (B, C, H).

    Args:
        noise: rms of the last noise in each row, (B, C, H).
        width: cells of a row. The rms of a few cells may be near zero by chance, though the noise of the
            steps before was not: in narrow films it is taken over neighbouring rows as well.
    """
    if width < _FEW_CELLS:
        rows = 2 * (_POOLED_CELLS // (2 * width)) + 1
        pooled = torch.nn.functional.avg_pool1d(
            noise.square(), rows, stride=1, padding=rows // 2, count_include_pad=False
        )
        return _NARROW_ALLOWANCE * pooled.sqrt()
    return _NOISE_ALLOWANCE * noise


def compare(
    new: Tensor, old: Tensor, before: Tensor, w: Tensor, allowance: Tensor, *, use_loops: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """How far new fields are from the line through the old ones.

    Args:
        new: φ_{n+1}, (B, C, H, W).
        old: φ_n.
        before: φ_{n-1}.
        w: the new step over the last one, (B,).
        allowance: what of the rms in each row is not counted, (B, C, H).
        use_loops: use the compiled loop where there is one.

    Returns:
        The largest rms of a row, less its allowance; the smallest volume fraction; the contrast: (B,) each.
    """
    if use_loops:
        done = fused.compare(new, old, before, w, allowance)
        if done is not None:
            return done
    rest = new - torch.lerp(before, old, (1.0 + w).to(new.dtype)[:, None, None, None])
    error = (rest.square().mean(dim=-1).sqrt() - allowance).amax(dim=(1, 2)).double()
    error = torch.nan_to_num(error, nan=torch.inf).clamp_min(0.0)
    return error, smallest_fraction(new), contrast(new)


class Stepper:
    """Advances a `State` under a `FilmModel`.

    The modes of q = h φ take exponential Adams-Bashforth steps of third order (`etd.advance_modes`), with
    the linear damping Λ = A2 k² + A4 k⁴ of the model's `Rates`; the height takes the same step with Λ = 0,
    and the mean of q is carried over exactly. A step whose fields differ from the line through the last two
    by more than twice what `tolerance` allows is taken again with a smaller one.
    Thermal noise is added after each step, in the modes, with the variance that a mode with the damping Λ
    keeps of it.

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
        # On a GPU the answer to how a step went would take longer than the step.
        self.asks = model.grid.device.type == "cpu"
        self._rates: Rates | None = None

    def restart(self, state: State) -> None:
        """Forget the history, after the fields were set from outside."""
        fresh = State.start(self.model, state.phi, state.thickness)
        for name in ("time", "draws"):
            setattr(fresh, name, getattr(state, name))
        _assign(state, fresh)
        self._rates = None

    def change_model(self, model: FilmModel) -> None:
        """Go on under another model.

        What is known of how the rates change stays as it is, so that no film has to start again from tiny
        steps; the first step under the new model sees the error that this makes.
        """
        self.model = model
        self._rates = None

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
        if self._rates is None:
            self._rates = self.model.rates(state.phi, state.content, state.thickness)
            first = torch.minimum(state.step, self._first_step(state, self._rates))
            state.step = torch.where(state.history > 0, state.step, first)
        if self.asks:
            return self._asking_step(state, self._rates, longest, lowest, active)
        new, self._rates, accepted = self._unasked_step(state, self._rates, longest, lowest, active)
        _assign(state, new)
        return accepted

    def _asking_step(
        self, state: State, rates: Rates, longest: Tensor, lowest: Tensor, active: Tensor
    ) -> Tensor:
        """A step that saves the work on films that were refused, and the copies where none was."""
        stepped, accepted, step = self._attempt(state, rates, longest, lowest, active)
        new_rates = rates
        if numbers(accepted).any():
            new_rates = self._finish(stepped, rates)
            accepted, step = _kept_inside(state, stepped, accepted, step)
        if numbers(accepted).all():
            self._rates = new_rates
            _assign(state, stepped)
            return accepted
        state.step, state.refusals = step, state.refusals + (active & ~accepted)
        if numbers(accepted).any():
            _assign(state, _choose(accepted, stepped, state))
            self._rates = _choose(accepted, new_rates, rates)
        return accepted

    def _masked_step(
        self, state: State, rates: Rates, longest: Tensor, lowest: Tensor, active: Tensor
    ) -> tuple[State, Rates, Tensor]:
        """The same without a question to the device; a graph without breaks, to be compiled as a whole."""
        stepped, accepted, step = self._attempt(state, rates, longest, lowest, active)
        new_rates = self._finish(stepped, rates)
        accepted, step = _kept_inside(state, stepped, accepted, step)
        refusals = state.refusals + (active & ~accepted)
        kept = replace(state, step=step, refusals=refusals)
        return _choose(accepted, stepped, kept), _choose(accepted, new_rates, rates), accepted

    @functools.cached_property
    def _unasked_step(self) -> Callable[..., tuple[State, Rates, Tensor]]:
        """`_masked_step`, compiled for a GPU where torch can."""
        if self.model.grid.device.type != "cuda" or importlib.util.find_spec("triton") is None:
            return self._masked_step
        return torch.compile(self._masked_step, dynamic=False)

    def _finish(self, stepped: State, rates: Rates) -> Rates:
        """Fill in how the rates changed over a step, add its noise, and return the rates at its end."""
        new_rates = self.model.rates(stepped.phi, stepped.content, stepped.thickness)
        stepped.rate_change = new_rates.modes - rates.modes
        stepped.speed_change = new_rates.thickness - rates.thickness
        if self.noise is not None:
            # The trend of the rates is that of the step without its noise, which comes after.
            self._add_noise(self.noise, stepped, rates)
            new_rates = self.model.rates(stepped.phi, stepped.content, stepped.thickness)
        return new_rates

    def _first_step(self, state: State, rates: Rates) -> Tensor:
        """A step over which the fields change by half of what the tolerance allows, (B,)."""
        grid = self.model.grid
        cells = grid.shape[0] * grid.shape[1]
        double = rates.modes.to(torch.complex128 if rates.modes.is_complex() else torch.float64)
        change = (grid.power(double).sum(dim=(2, 3)).amax(dim=1) / cells).sqrt()
        change = change / state.thickness
        return 0.5 * self.tolerance * state.contrast.clamp_min(LEAST_CONTRAST) / change.clamp_min(1e-30)

    def _attempt(
        self, state: State, rates: Rates, longest: Tensor, lowest: Tensor, active: Tensor
    ) -> tuple[State, Tensor, Tensor]:
        """One step, whether each film may keep it, and the next step of each."""
        model, grid = self.model, self.model.grid
        now = _Numbers(state)
        speed = numbers(rates.thickness)
        evaporates = model.evaporation is not None
        tried = plan(now, speed, numbers(longest), numbers(lowest), evaporates=evaporates)
        dt, h1 = tensor(tried.dt), tensor(tried.thickness)
        damping = self._damping(rates, state.thickness)
        change = advance_modes(
            rates.modes,
            (state.rate_change, state.older_rate_change),
            (state.content_change, state.older_content_change),
            damping,
            dt,
            tried.weights,
            use_loops=model.fused,
        )
        content = state.content + change
        if model.evaporation is not None:
            expected = tensor(speed + tried.ratio * now.speed_change)
            content, h1 = settle_surface(
                grid,
                model.evaporation,
                state.phi,
                content,
                h1,
                expected,
                damping,
                dt,
                use_loops=model.fused,
            )
            change = content - state.content
        phi = grid.inverse(content) / h1.to(grid.dtype)[:, None, None, None]
        error, smallest, spread = compare(
            phi,
            state.phi,
            state.phi_before,
            tensor(tried.ratio),
            noise_allowance(state.noise, grid.shape[1]),
            use_loops=model.fused,
        )
        kept, next_step = judge(
            now,
            tried,
            numbers(active),
            numbers(error),
            numbers(smallest),
            numbers(h1),
            self.tolerance,
        )
        accepted, step = tensor(kept), tensor(next_step)
        stepped = State(
            phi=phi,
            phi_before=state.phi,
            content=content,
            content_change=change,
            older_content_change=state.content_change,
            rate_change=state.rate_change,
            older_rate_change=state.rate_change,
            thickness=h1,
            speed_change=state.speed_change,
            older_speed_change=state.speed_change,
            time=state.time + dt,
            step=step,
            last_step=dt,
            older_step=state.last_step,
            history=state.history + 1,
            draws=state.draws + 1,
            refusals=torch.zeros_like(state.refusals),
            noise=state.noise,
            smallest=smallest,
            contrast=spread,
        )
        return stepped, accepted, step

    def _add_noise(self, noise: ThermalNoise, state: State, rates: Rates) -> None:
        """Add the noise of a step that began with `rates` to the films that took it, in place."""
        grid, loops, dt = self.model.grid, self.model.fused, state.last_step
        fluxes = grid.forward(
            noise.increments(grid, rates, state.thickness, dt, state.draws, use_loops=loops)
        )
        if self.model.spectral:
            # Their divergence was taken between cells, which is less than that of the modes.
            ratio = grid.exact.at(state.thickness) / grid.differences.at(state.thickness)
            fluxes = fluxes * ratio.sqrt()
        fluxes[..., 0, 0] = 0.0
        fluctuation = soften(fluxes, self._damping(rates, state.thickness), dt, use_loops=loops)
        state.content = state.content + fluctuation
        state.phi, state.phi_before, state.noise, state.smallest = add_ripple(
            grid.inverse(fluctuation), state.thickness, state.phi, state.phi_before, use_loops=loops
        )

    def _damping(self, rates: Rates, thickness: Tensor) -> Damping:
        return Damping(self.model.squares, thickness, rates.stiffness2, rates.stiffness4)


class _Numbers:
    """The numbers of each film of a state, as `control` wants them."""

    def __init__(self, state: State) -> None:
        on_cpu = isinstance(numbers(state.thickness), np.ndarray)
        for name in PLANNED:
            value = getattr(state, name)
            setattr(self, name, value.numpy() if on_cpu else value)

    def __getattr__(self, name: str) -> Numbers:
        raise AttributeError(name)


def _kept_inside(state: State, stepped: State, accepted: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Which films may keep their step after its noise, and the next step of each.

    Noise shrinks with the root of the step, so that a shorter one leads less far out of the simplex.
    """
    out = accepted & leaving(state.smallest, stepped.smallest)
    return accepted & ~out, torch.where(out, SHRINK * stepped.last_step, step)


def _assign(state: State, new: State) -> None:
    vars(state).update(vars(new))


def _choose(films: Tensor, new: _Films, old: _Films) -> _Films:
    """Each film from `new` where `films`, else from `old`."""
    chosen: dict[str, Any] = {}
    for entry in fields(new):
        one, other = getattr(new, entry.name), getattr(old, entry.name)
        mask = films if one is None else films.view(-1, *(1,) * (one.dim() - 1))
        chosen[entry.name] = None if one is None else torch.where(mask, one, other)
    return type(new)(**chosen)
