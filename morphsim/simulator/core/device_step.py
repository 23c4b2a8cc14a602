"""Steps for GPUs: compiled once for all batch sizes, and many in a row without a transfer from the device."""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from morphsim.simulator.backends.torch_backend import TORCH
from morphsim.simulator.core.arrival import under_way
from morphsim.simulator.core.device_grid import DeviceGrid
from morphsim.simulator.core.exact_types import is_built_in
from morphsim.simulator.core.model import Rates
from morphsim.simulator.core.state import State
from morphsim.simulator.core.stepper import Stepper

STEPS_WITHOUT_SYNC = 16
"""Steps that are sent to a GPU before the next check whether all films have arrived."""

# With inductor's own thresholds, expressions that are used twice are stored sooner, and a step moves
# more bytes; with much larger ones compilation takes minutes. The rearrangement of
# reductions fails on films, by an assertion in the scheduler of torch 2.13.
_OPTIONS = {
    "realize_reads_threshold": 8,
    "realize_opcount_threshold": 60,
    "realize_acc_reads_threshold": 16,
    "triton.mix_order_reduction": False,
}

_Films = TypeVar("_Films")
_PARTS = ("energy", "mobility", "evaporation", "substrate")
_MODES = ("content", "content_change", "older_content_change", "rate_change", "older_rate_change")


class KeptRates(NamedTuple):
    """What is kept of `Rates` between steps; the mobilities are computed again from the fields.

    Attributes:
        modes: (B, C, H, ...).
        thickness: (B,).
        stiffness2: (B, C, 1, 1).
        stiffness4: (B, C, 1, 1).
    """

    modes: Tensor
    thickness: Tensor
    stiffness2: Tensor
    stiffness4: Tensor


def padded_size(films: int) -> int:
    """The least of 2, 3, 4, 6, 8, 12, 16, 24 ... that is no less than `films`.

    Transforms and memory of GPUs are prepared for each size, so that a batch should not have any. A batch of
    one has strides of its own and would be compiled for itself.
    """
    power = 2
    while power < films:
        power *= 2
    return power if films > 3 * power // 4 or power == 2 else 3 * power // 4


class DeviceStepper:
    """Takes the steps of a `Stepper` without waiting for the device.

    Args:
        stepper: of the films.
    """

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        model = replace(stepper.model, backend=TORCH)
        if is_built_in(model.grid):
            model = replace(model, grid=DeviceGrid(model.grid))
        if stepper.compile_steps and model.is_built_in:
            parts = {name: _apart(getattr(model, name)) for name in _PARTS if getattr(model, name)}
            model = replace(model, kappa=_copy(model.kappa), **parts)
        self._inner = Stepper(model, tolerance=stepper.tolerance, noise=stepper.noise)
        # What is made when it is first asked for is made before anything is compiled.
        assert model.spectral in (True, False)
        if stepper.noise is not None:
            model.grid.cell_counters(model.kappa.shape[1])

    def steps(
        self, state: State, until: Tensor, lowest: Tensor, active: Tensor, *, count: int = STEPS_WITHOUT_SYNC
    ) -> Tensor:
        """Try `count` steps of each active film, in place; films stop where they arrive.

        Args:
            state: the films.
            until: (B,) time that they shall reach.
            lowest: (B,) thickness that they shall shrink to, if they get there first.
            active: (B,) bool; the others stay as they are.
            count: how many steps.

        Returns:
            (B,) bool, the films that are still under way.
        """
        rates = self._stepper.rates_of(state)
        kept = KeptRates(rates.modes, rates.thickness, rates.stiffness2, rates.stiffness4)
        films = state
        in_pairs = rates.modes.is_complex() and isinstance(self._inner.model.grid, DeviceGrid)
        if in_pairs:
            films, kept = _with_modes(_pairs, films, kept)
        step = _step
        if self._stepper.compile_steps:
            step = _compiled_step(self._inner)
            films, kept = _apart(films), KeptRates(*map(_copy, kept))
            _mark_batch(self._inner, films, kept, until, lowest, active)
        with warnings.catch_warnings():
            # Only the transforms are complex, and they are calls of a library in any case.
            warnings.filterwarnings("ignore", message=".*does not support code generation for complex")
            for _ in range(count):
                films, kept, active = step(self._inner, films, kept, until, lowest, active)
        if in_pairs:
            films, kept = _with_modes(_complex, films, kept)
        state.assign(films)
        self._stepper.keep_rates(Rates(*kept, *self._stepper.model.mobilities(state.phi)))
        return active


def _step(
    stepper: Stepper, state: State, kept: KeptRates, until: Tensor, lowest: Tensor, active: Tensor
) -> tuple[State, KeptRates, Tensor]:
    rates = Rates(*kept, *stepper.model.mobilities(state.phi))
    new, rates, _ = stepper.masked_step(state, rates, until - state.time, lowest, active)
    kept = KeptRates(rates.modes, rates.thickness, rates.stiffness2, rates.stiffness4)
    return new, kept, active & under_way(new, until, lowest)


_COMPILED: dict[Hashable, Callable[..., Any]] = {}


def _compiled_step(stepper: Stepper) -> Callable[..., Any]:
    """`_step`, compiled for films of this kind: of any number, with any parameters, in any `Simulation`."""
    model, grid = stepper.model, stepper.model.grid
    parts = (model.energy, model.mobility, model.evaporation, model.substrate, stepper.noise, grid)
    layout = (grid.shape, grid.dx, grid.boundary, grid.depth_boundary, grid.dtype, grid.device)
    key = (*map(type, parts), *layout, model.kappa.shape[1], stepper.tolerance)
    if key not in _COMPILED:
        # Torch counts the compilations of each code object, and gives up after a few: each kind has its own.
        name = f"step_of_kind_{len(_COMPILED)}"
        own = types.FunctionType(_step.__code__.replace(co_name=name), _step.__globals__, name)
        _COMPILED[key] = torch.compile(own, fullgraph=model.is_built_in, options=_options())
    return _COMPILED[key]


def _options() -> dict[str, Any]:
    """Options of inductor, those that this version of torch knows; on the CPU the same, to count the same."""
    known = set(torch._inductor.list_options())
    return {name: value for name, value in _OPTIONS.items() if name in known}


def _mark_batch(stepper: Stepper, state: State, kept: KeptRates, *each: Tensor) -> None:
    """Mark the axis of films, so that the graph that is compiled holds for batches of any size above one."""
    films = len(state.time)
    if films > 1:
        for tensor in _tensors(stepper, state, kept, *each):
            if tensor.dim() > 0 and len(tensor) == films:
                torch._dynamo.mark_dynamic(tensor, 0)


def _tensors(stepper: Stepper, state: State, kept: KeptRates, *each: Tensor) -> Iterator[Tensor]:
    model = stepper.model
    yield from (getattr(state, entry.name) for entry in fields(State))
    yield from (*kept, *each, model.kappa)
    for part in (*(getattr(model, name) for name in _PARTS), stepper.noise):
        yield from (value for value in getattr(part, "__dict__", {}).values() if isinstance(value, Tensor))


def _apart(films: _Films) -> _Films:
    """A dataclass of tensors none of which is another one, or a view of another one, of the same dataclass.

    Compiled code holds for the layout in memory that it was compiled for, and fresh films share tensors.
    """
    assert is_dataclass(films) and not isinstance(films, type)
    values = {entry.name: getattr(films, entry.name) for entry in fields(films)}
    tensors = {name: _copy(value) for name, value in values.items() if isinstance(value, Tensor)}
    return replace(films, **tensors)


def _copy(values: Tensor) -> Tensor:
    return values.clone(memory_format=torch.contiguous_format)


def _with_modes(change: Callable[[Tensor], Tensor], state: State, kept: KeptRates) -> tuple[State, KeptRates]:
    modes = {name: change(getattr(state, name)) for name in _MODES}
    return replace(state, **modes), kept._replace(modes=change(kept.modes))


def _pairs(modes: Tensor) -> Tensor:
    """Complex modes (..., N) as real and imaginary parts side by side (..., 2N)."""
    return torch.view_as_real(modes).flatten(-2)


def _complex(pairs: Tensor) -> Tensor:
    """Undo `_pairs`."""
    return torch.view_as_complex(pairs.view(*pairs.shape[:-1], -1, 2))
