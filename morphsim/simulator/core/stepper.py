"""Exponential steps of variable size, each film of a batch with its own."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from morphsim.simulator.backends.base import Kicks, ModeStep, SurfaceStep
from morphsim.simulator.core.control import (
    LARGEST_LAG,
    LEAST_CONTRAST,
    LEAST_POWER,
    NOISE_ALLOWANCE,
    StepRecord,
    TrialStep,
    accept_step,
    faded,
    longest_without_lag,
    plan_step,
    seen_growth,
)
from morphsim.simulator.core.etd import Damping
from morphsim.simulator.core.exact_types import built_in
from morphsim.simulator.core.model import FilmModel, Rates
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.per_film import as_numpy_if_cpu, as_tensor
from morphsim.simulator.core.spectral_step import SpectralStepper
from morphsim.simulator.core.state import State

_Films = TypeVar("_Films", State, Rates)


@built_in
class Stepper:
    """Advances a `State` under a `FilmModel`.

    The modes of q = h φ take exponential Adams-Bashforth steps of third order (`Backend.advance_modes`), with
    the linear damping Λ = A2 k² + A4 k⁴ of the model's `Rates`; the height takes the same step with Λ = 0,
    and the mean of q is carried over exactly. A step whose fields differ from the line through the last two
    by more than twice what `tolerance` allows is taken again with a smaller size. Thermal noise is added at
    the end of each step, in the modes, see `Backend.relax_noise`. Under noise, only the means of the rows are
    compared, since single cells differ by their noise. There and in finite volumes, `longest_without_lag`
    bounds the step by the growth of the waves of which patterns form.

    Args:
        model: the right-hand side.
        tolerance: of a step. Without noise it is the largest difference of the volume fractions from their
            extrapolation, rms within a row, as a share of the film's contrast; under noise it is this for the
            mean of a row. It is also a measure of what a growing wave may lose of its amplitude in a step.
        noise: thermal noise, or None.

    Attributes:
        sync_each_step: whether Python reads after each step which films took it, which saves the work on
            those that did not. On a GPU this read would take longer than the step.
        compile_steps: whether steps that are not synced are compiled; so they are on a GPU where torch can.
    """

    def __init__(self, model: FilmModel, *, tolerance: float, noise: ThermalNoise | None = None) -> None:
        self.model = model
        self.noise = noise
        self.tolerance = tolerance
        self.sync_each_step = model.grid.device.type == "cpu"
        self.compile_steps = not self.sync_each_step and importlib.util.find_spec("triton") is not None
        self._rates: Rates | None = None

    def restart(self, state: State) -> None:
        """Forget the history, after the fields were set from outside."""
        fresh = State.start(self.model.grid, state.phi, state.thickness)
        state.assign(replace(fresh, time=state.time, draws=state.draws))
        self._rates = None

    def change_model(self, model: FilmModel) -> None:
        """Go on under another model.

        The known changes of the rates are kept, so that no film has to start again from tiny steps; the step
        control sees the error of the first step under the new model.
        """
        self.model = model
        self._rates = None
        vars(self).pop("_spectral", None)

    def forget_rates(self) -> None:
        """Compute the rates anew, after the fields were advanced elsewhere."""
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
        # The work on films that were refused is saved, and so are the copies where none was.
        rates = self.rates_of(state)
        whole = self._whole_step(state, rates, longest, active)
        if whole is not None:
            stepped, new_rates, accepted, step = whole
        else:
            stepped, drift, accepted, step = self._attempt(state, rates, longest, lowest, active)
            new_rates = rates
            if as_numpy_if_cpu(accepted).any():
                new_rates = self._finish(stepped, state, rates, drift)
        if as_numpy_if_cpu(accepted).all():
            self._rates = new_rates
            state.assign(stepped)
            return accepted
        state.step, state.refusals = step, state.refusals + (active & ~accepted)
        if as_numpy_if_cpu(accepted).any():
            state.assign(_choose(accepted, stepped, state))
            self._rates = _choose(accepted, new_rates, rates)
        return accepted

    def rates_of(self, state: State) -> Rates:
        """The rates of the films as they are; fresh films are given their first step."""
        if self._rates is None:
            self._rates = self._whole_rates(state) or self.model.rates(
                state.phi, state.content, state.thickness
            )
            first = torch.minimum(state.step, self._first_step(state, self._rates))
            state.step = torch.where(state.history > 0, state.step, first)
        return self._rates

    def keep_rates(self, rates: Rates) -> None:
        """Take over the rates of films that were advanced elsewhere."""
        self._rates = rates

    def _whole_rates(self, state: State) -> Rates | None:
        """Rates of films that the backend can advance in one go; None for any others."""
        whole = self.sync_each_step and self.noise is None
        return self._spectral.first_rates(state) if whole else None

    def _whole_step(
        self, state: State, rates: Rates, longest: Tensor, active: Tensor
    ) -> tuple[State, Rates, Tensor, Tensor] | None:
        """A step of such films; None for any others."""
        if self.noise is not None:
            return None
        return self._spectral.step(state, rates, longest, active, self.tolerance)

    @functools.cached_property
    def _spectral(self) -> SpectralStepper:
        return SpectralStepper(self.model)

    def masked_step(
        self, state: State, rates: Rates, longest: Tensor, lowest: Tensor, active: Tensor
    ) -> tuple[State, Rates, Tensor]:
        """`step` without a transfer from the device: one graph without breaks, which can be compiled."""
        stepped, drift, accepted, step = self._attempt(state, rates, longest, lowest, active)
        new_rates = self._finish(stepped, state, rates, drift)
        refusals = state.refusals + (active & ~accepted)
        kept = replace(state, step=step, refusals=refusals)
        return _choose(accepted, stepped, kept), _choose(accepted, new_rates, rates), accepted

    def _finish(self, stepped: State, state: State, rates: Rates, drift: Tensor | None) -> Rates:
        """Fill in how the rates changed over a step from `state`, and return the rates at its end.

        Args:
            stepped: the films at its end.
            state: the films at its beginning.
            rates: at its beginning.
            drift: rates at which the noise relaxes that was added at its end. They are not part of the
                trend of the rates, which is that of the step without its noise.
        """
        new_rates = self.model.rates(stepped.phi, stepped.content, stepped.thickness)
        trend = new_rates.modes - rates.modes
        stepped.rate_change = trend if drift is None else trend - drift
        stepped.speed_change = new_rates.thickness - rates.thickness
        if self.noise is not None or not self.model.spectral:
            self._follow_waves(stepped, state, new_rates)
        return new_rates

    def _follow_waves(self, stepped: State, state: State, rates: Rates) -> None:
        """Fill in how fast the layers and ripples of films grow."""
        damping = self._damping(rates, stepped.thickness)
        power, size = self.model.backend.waves(stepped.content, damping, self.model.kappa_of(stepped.phi))
        amplitude = 0.5 * (power / stepped.thickness[:, None] ** 2).clamp_min(LEAST_POWER).log()
        history = as_numpy_if_cpu(state.history)
        grown = as_numpy_if_cpu(amplitude - state.amplitude)
        for name, new in (("gain", grown), ("wobble", grown * grown)):
            past = as_numpy_if_cpu(getattr(state, name))
            setattr(stepped, name, as_tensor(faded(past, new, history[:, None])))
        span, dt = as_numpy_if_cpu(state.span), as_numpy_if_cpu(stepped.last_step)
        stepped.span = as_tensor(faded(span, dt, history))
        stepped.amplitude, stepped.wave_damping = amplitude, size

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
    ) -> tuple[State, Tensor | None, Tensor, Tensor]:
        """One step, the drift of its noise, whether each film keeps it, and the next step of each."""
        model, grid = self.model, self.model.grid
        record = StepRecord(*[as_numpy_if_cpu(getattr(state, name)) for name in StepRecord._fields])
        finest = as_numpy_if_cpu(self._longest_without_lag(state))
        tried = plan_step(
            record,
            as_numpy_if_cpu(rates.thickness),
            as_numpy_if_cpu(longest),
            as_numpy_if_cpu(lowest),
            finest,
            self.tolerance,
            model.evaporation is not None,
        )
        dt = as_tensor(tried.dt)
        content, change, h1 = self._advance(state, rates, record, tried)
        drift, jump, kicks, ratio = None, state.jump, None, as_tensor(tried.ratio)
        if self.noise is not None:
            noise, drift = self._noise_of_step(self.noise, state, rates, dt)
            content = content + noise
            jump = grid.row_means(noise) / h1.to(grid.dtype)[:, None, None]
            kicks = _kicks(self.noise, jump, state.jump, ratio)
        phi = grid.inverse(content) / h1.to(grid.dtype)[:, None, None, None]
        allowance = _noise_allowance(state.jump)
        error, smallest, spread = model.backend.compare(phi, state.phi, state.phi_before, ratio, kicks)
        kept, next_step = accept_step(
            record,
            tried,
            as_numpy_if_cpu(active),
            as_numpy_if_cpu(error),
            as_numpy_if_cpu(allowance),
            as_numpy_if_cpu(smallest),
            as_numpy_if_cpu(h1),
            self.tolerance,
        )
        accepted, step = as_tensor(kept), as_tensor(next_step)
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
            jump=jump,
            smallest=smallest,
            contrast=spread,
            amplitude=state.amplitude,
            gain=state.gain,
            wobble=state.wobble,
            span=state.span,
            wave_damping=state.wave_damping,
        )
        return stepped, drift, accepted, step

    def _longest_without_lag(self, state: State) -> Tensor:
        """The longest step in which neither layers nor ripples fall behind, (B,)."""
        sums = state.gain, state.wobble, state.span[:, None], state.history[:, None].double()
        growth = as_tensor(seen_growth(*map(as_numpy_if_cpu, sums)))
        longest = [
            longest_without_lag(
                as_numpy_if_cpu(growth[:, kind]),
                as_numpy_if_cpu(state.wave_damping[:, kind]),
                share * self.tolerance,
            )
            for kind, share in enumerate(LARGEST_LAG)
        ]
        return torch.minimum(*(as_tensor(each) for each in longest))

    def _advance(
        self, state: State, rates: Rates, record: StepRecord, tried: TrialStep
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Content at the end of a step, its change over the step, and the thickness."""
        model, dt, h1 = self.model, as_tensor(tried.dt), as_tensor(tried.thickness)
        damping = self._damping(rates, state.thickness)
        change = model.backend.advance_modes(
            ModeStep(
                rates.modes,
                (state.rate_change, state.older_rate_change),
                (state.content_change, state.older_content_change),
                damping,
                dt,
                tried.weights,
            )
        )
        content = state.content + change
        if model.evaporation is None:
            return content, change, h1
        expected = as_tensor(as_numpy_if_cpu(rates.thickness) + tried.ratio * record.speed_change)
        end = SurfaceStep(model.grid, model.evaporation, state.phi, content, h1, expected, damping, dt)
        h1 = model.backend.correct_surface(end)
        return content, content - state.content, h1

    def _noise_of_step(
        self, noise: ThermalNoise, state: State, rates: Rates, dt: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The noise of a step of `dt` that begins with `rates`, in the modes, and its drift."""
        model, grid, backend = self.model, self.model.grid, self.model.backend
        fluxes = grid.forward(
            noise.increments(grid, rates, state.thickness, dt, state.draws, backend=backend)
        )
        if model.spectral:
            # Their divergence was taken between cells, which is less than that of the modes.
            ratio = grid.exact.at(state.thickness) / grid.differences.at(state.thickness)
            fluxes = fluxes * ratio.sqrt()
        fluxes = grid.without_mean(fluxes)
        relaxation = backend.mean_relaxation(
            model.energy, rates.mobility, rates.cross, model.kappa_of(state.phi), state.phi
        )
        return backend.relax_noise(fluxes, relaxation, self._damping(rates, state.thickness), dt)

    def _damping(self, rates: Rates, thickness: Tensor) -> Damping:
        return Damping(self.model.squares, thickness, rates.stiffness2, rates.stiffness4)


def _kicks(noise: ThermalNoise, jump: Tensor, last: Tensor, ratio: Tensor) -> Kicks:
    """What noise did to the means of rows, which is not part of an error.

    Args:
        noise: of the films.
        jump: what it adds in this step, (B, C, H).
        last: what it added in the last one.
        ratio: of the steps, (B,).
    """
    return Kicks(jump - ratio.to(jump.dtype)[:, None, None] * last, noise.strength > 0.0)


def _noise_allowance(jump: Tensor) -> Tensor:
    """Part of the error that may be the relaxation of the last noise, (B,), from its `jump` (B, C, H)."""
    return NOISE_ALLOWANCE * jump.square().mean(dim=-1).sqrt().amax(dim=1).double()


def _choose(films: Tensor, new: _Films, old: _Films) -> _Films:
    """Each film from `new` where `films`, else from `old`."""
    chosen: dict[str, Any] = {}
    for entry in fields(new):
        one, other = getattr(new, entry.name), getattr(old, entry.name)
        mask = films if one is None else films.view(-1, *(1,) * (one.dim() - 1))
        chosen[entry.name] = None if one is None else torch.where(mask, one, other)
    return type(new)(**chosen)
