"""Exponential steps of variable size, each film of a batch with its own."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from morphsim.simulator.backends.base import ModeStep, SurfaceStep
from morphsim.simulator.core.control import (
    FEW_CELLS,
    LEAST_CONTRAST,
    NARROW_ALLOWANCE,
    NOISE_ALLOWANCE,
    POOLED_CELLS,
    StepRecord,
    TrialStep,
    accept_noise,
    accept_step,
    plan_step,
)
from morphsim.simulator.core.etd import Damping
from morphsim.simulator.core.exact_types import built_in
from morphsim.simulator.core.model import FilmModel, Rates
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.per_film import as_numpy_if_cpu, as_tensor
from morphsim.simulator.core.spectral_step import SpectralStepper
from morphsim.simulator.core.state import State

_Films = TypeVar("_Films", State, Rates)


def noise_allowance(noise: Tensor, width: int) -> Tensor:
    """How much of a row's change may be the relaxation of noise rather than an error, (B, C, H).

    Args:
        noise: rms of the last noise in each row, (B, C, H).
        width: cells of a row. The rms of a few cells may be near zero by chance, though the noise of the
            steps before was not: in narrow films it is taken over neighbouring rows as well.
    """
    if width < FEW_CELLS:
        rows = 2 * (POOLED_CELLS // (2 * width)) + 1
        pooled = torch.nn.functional.avg_pool1d(
            noise.square(), rows, stride=1, padding=rows // 2, count_include_pad=False
        )
        return NARROW_ALLOWANCE * pooled.sqrt()
    return NOISE_ALLOWANCE * noise


@built_in
class Stepper:
    """Advances a `State` under a `FilmModel`.

    The modes of q = h φ take exponential Adams-Bashforth steps of third order (`Backend.advance_modes`), with
    the linear damping Λ = A2 k² + A4 k⁴ of the model's `Rates`; the height takes the same step with Λ = 0,
    and the mean of q is carried over exactly. A step whose fields differ from the line through the last two
    by more than twice what `tolerance` allows is taken again with a smaller size.
    Thermal noise is added after each step, in the modes, with the variance that a mode with the damping Λ
    keeps of it.

    Args:
        model: the right-hand side.
        tolerance: largest difference of the volume fractions from their extrapolation over one step, rms
            within a row, as a share of the film's contrast: ripples grow at their rate while still small.
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
        self._last_allowance: tuple[Tensor | None, Any] = (None, None)

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
            stepped, accepted, step = self._attempt(state, rates, longest, lowest, active)
            new_rates = rates
            if as_numpy_if_cpu(accepted).any():
                new_rates = self._finish(stepped, rates)
                accepted, step = _kept_inside(state, stepped, accepted, step)
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
        allowance = self._allowance(state)
        return self._spectral.step(state, rates, allowance, longest, active, self.tolerance)

    @functools.cached_property
    def _spectral(self) -> SpectralStepper:
        return SpectralStepper(self.model)

    def _allowance(self, state: State) -> Any:
        """`noise_allowance` as an array; without noise it stays the same from step to step."""
        noise, allowance = self._last_allowance
        if noise is not state.noise:
            allowance = noise_allowance(state.noise, self.model.grid.shape[1]).numpy()
            self._last_allowance = state.noise, allowance
        return allowance

    def masked_step(
        self, state: State, rates: Rates, longest: Tensor, lowest: Tensor, active: Tensor
    ) -> tuple[State, Rates, Tensor]:
        """`step` without a transfer from the device: one graph without breaks, which can be compiled."""
        stepped, accepted, step = self._attempt(state, rates, longest, lowest, active)
        new_rates = self._finish(stepped, rates)
        accepted, step = _kept_inside(state, stepped, accepted, step)
        refusals = state.refusals + (active & ~accepted)
        kept = replace(state, step=step, refusals=refusals)
        return _choose(accepted, stepped, kept), _choose(accepted, new_rates, rates), accepted

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
        """One step, whether each film keeps it, and the next step of each."""
        model, grid = self.model, self.model.grid
        record = StepRecord(*[as_numpy_if_cpu(getattr(state, name)) for name in StepRecord._fields])
        tried = plan_step(
            record,
            as_numpy_if_cpu(rates.thickness),
            as_numpy_if_cpu(longest),
            as_numpy_if_cpu(lowest),
            model.evaporation is not None,
        )
        dt = as_tensor(tried.dt)
        content, change, h1 = self._advance(state, rates, record, tried)
        phi = grid.inverse(content) / h1.to(grid.dtype)[:, None, None, None]
        allowance = noise_allowance(state.noise, grid.shape[1])
        error, smallest, spread = model.backend.compare(
            phi, state.phi, state.phi_before, as_tensor(tried.ratio), allowance
        )
        kept, next_step = accept_step(
            record,
            tried,
            as_numpy_if_cpu(active),
            as_numpy_if_cpu(error),
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
            noise=state.noise,
            smallest=smallest,
            contrast=spread,
        )
        return stepped, accepted, step

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

    def _add_noise(self, noise: ThermalNoise, state: State, rates: Rates) -> None:
        """Add the noise of a step that began with `rates` to the films that took it, in place."""
        grid, backend, dt = self.model.grid, self.model.backend, state.last_step
        fluxes = grid.forward(
            noise.increments(grid, rates, state.thickness, dt, state.draws, backend=backend)
        )
        if self.model.spectral:
            # Their divergence was taken between cells, which is less than that of the modes.
            ratio = grid.exact.at(state.thickness) / grid.differences.at(state.thickness)
            fluxes = fluxes * ratio.sqrt()
        fluxes = grid.without_mean(fluxes)
        fluctuation = backend.soften(fluxes, self._damping(rates, state.thickness), dt)
        state.content = state.content + fluctuation
        state.phi, state.phi_before, state.noise, state.smallest = backend.add_ripple(
            grid.inverse(fluctuation), state.thickness, state.phi, state.phi_before
        )

    def _damping(self, rates: Rates, thickness: Tensor) -> Damping:
        return Damping(self.model.squares, thickness, rates.stiffness2, rates.stiffness4)


def _kept_inside(state: State, stepped: State, accepted: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Which films keep their step after its noise, and the next step of each."""
    numbers = (state.smallest, stepped.smallest, stepped.last_step, accepted, step)
    kept, next_step = accept_noise(*[as_numpy_if_cpu(values) for values in numbers])
    return as_tensor(kept), as_tensor(next_step)


def _choose(films: Tensor, new: _Films, old: _Films) -> _Films:
    """Each film from `new` where `films`, else from `old`."""
    chosen: dict[str, Any] = {}
    for entry in fields(new):
        one, other = getattr(new, entry.name), getattr(old, entry.name)
        mask = films if one is None else films.view(-1, *(1,) * (one.dim() - 1))
        chosen[entry.name] = None if one is None else torch.where(mask, one, other)
    return type(new)(**chosen)
