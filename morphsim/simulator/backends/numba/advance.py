"""Films that are advanced by one compiled function each, on one or more threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import torch

from morphsim.simulator.backends.base import Journey, Journeys
from morphsim.simulator.backends.numba.arrays import Array, real_view, vapour_arrays
from morphsim.simulator.backends.numba.film import Equations
from morphsim.simulator.backends.numba.film_kernels import Kernels, kernels_for
from morphsim.simulator.backends.numba.layout import (
    KEPT_MODES,
    MODES,
    Constants,
    Film,
    Kept,
    Memory,
)
from morphsim.simulator.backends.numba.run import ARRIVED, INTERRUPTED, run_film
from morphsim.simulator.backends.numba.ternary import film_arrays
from morphsim.simulator.backends.numba.transforms import (
    mode_shape,
    padded,
    transforms_of,
    workspace_of,
)
from morphsim.simulator.core.energy import TernaryFloryHuggins
from morphsim.simulator.core.exact_types import is_built_in
from morphsim.simulator.core.state import State

# Python notices an interruption after so many cells have been stepped, some tenths of a second.
_CELLS_PER_CALL = 5_000_000
# Memory that is kept for later calls: of one film for each thread, and of few shapes.
_MOST_KEPT = 8


class _Kind(NamedTuple):
    """Films that can use the same memory."""

    shape: tuple[int, int]
    periodic: bool
    dtype: Any


def advance_films(journey: Journey) -> Journeys | None:
    """See `Backend.advance_films`; None for films that the compiled function can't take."""
    model, state, noise = journey.model, journey.state, journey.noise
    grid, films = model.grid, len(state.time)
    parts = [part for part in (noise, model.evaporation, model.substrate) if part is not None]
    known = is_built_in(model, grid, grid.differences, model.energy, model.mobility, *parts)
    # The function computes finite volumes.
    known = known and not model.spectral and grid.device.type == "cpu"
    if not known or not isinstance(model.energy, TernaryFloryHuggins):
        return None
    arrays = film_arrays(model, state.phi)
    vapour = (np.zeros(films),) * 2 if model.evaporation is None else vapour_arrays(model.evaporation, films)
    if arrays is None or vapour is None:
        return None
    kind, numbers, wall = arrays
    strength = np.zeros(films) if noise is None else noise.strength.numpy()
    streams = np.zeros(films, np.uint64) if noise is None else noise.streams.numpy().view(np.uint64)
    of_memory = _Kind(grid.shape, grid.boundary == "periodic", numbers.dtype)
    constants = _constants(journey, of_memory)
    kept = _kept(state)
    ends = np.full(films, ARRIVED)
    stopped = threading.Event()

    def film_of(index: int) -> Film:
        return Film(
            Equations(
                numbers[index],
                wall[0][index],
                wall[1][index],
                wall[2][index],
                kind,
                of_memory.periodic,
                grid.dx,
                grid.dtheta,
            ),
            vapour[0][index],
            vapour[1][index],
            strength[index],
            streams[index],
            journey.until[index],
            journey.lowest[index],
        )

    memory = _take_memory(of_memory)
    kernels = _kernels(of_memory, constants, film_of(0), kept, memory)
    _give_memory(of_memory, memory)

    def advance(index: int) -> None:
        film, memory = film_of(index), _take_memory(of_memory)
        ends[index] = INTERRUPTED
        while ends[index] == INTERRUPTED and not stopped.is_set():
            ends[index] = run_film(kernels, constants, film, kept, index, memory)
        _give_memory(of_memory, memory)

    try:
        _for_each(advance, _longest_first(journey), journey.threads, stopped)
    finally:
        state.assign(_state(kept, state))
    stuck = torch.from_numpy((ends != ARRIVED) & (ends != INTERRUPTED))
    return Journeys(stuck, int(kept.tries.max()), int(kept.refused.max()))


def _longest_first(journey: Journey) -> list[int]:
    """The films in the order of how many steps they have left, by their present step and drying rate.

    Threads take the next film whenever they are free: a long one must not be the last.
    """
    state, evaporation = journey.state, journey.model.evaporation
    left = journey.until - state.time.numpy()
    if evaporation is not None:
        speed, way = evaporation(state.phi).double().numpy(), state.thickness.numpy() - journey.lowest
        left = np.minimum(left, np.where(way > 0.0, way / np.maximum(-speed, 1e-30), np.inf))
    steps = left / state.step.numpy().clip(1e-30, 1e30)
    return [int(index) for index in np.argsort(-steps, kind="stable")]


def _for_each(
    advance: Callable[[int], None], films: Sequence[int], threads: int, stopped: threading.Event
) -> None:
    """Call a function for each film, on several threads if they are given."""
    if threads == 1 or len(films) == 1:
        for index in films:
            advance(index)
        return
    with ThreadPoolExecutor(min(threads, len(films))) as pool:
        running = [pool.submit(advance, index) for index in films]
        try:
            for each in running:
                each.result()
        except BaseException:
            stopped.set()
            for each in running:
                each.cancel()
            raise


def _constants(journey: Journey, kind: _Kind) -> Constants:
    model = journey.model
    grid = model.grid
    x, _, theta = grid.differences.arrays
    deep = _aligned((padded(grid.shape[0], kind.dtype),), kind.dtype)
    deep[: grid.shape[0]] = theta
    return Constants(
        transforms_of(kind.shape, periodic=kind.periodic, dtype=kind.dtype),
        deep,
        x,
        *grid.surface_arrays,
        model.evaporation is not None,
        journey.tolerance,
        journey.most_refusals,
        max(1, _CELLS_PER_CALL // (grid.shape[0] * grid.shape[1])),
    )


def _kept(state: State) -> Kept:
    """Copies of a batch for the compiled function."""
    views = {entry.name: real_view(getattr(state, entry.name)) for entry in fields(State)}
    films = len(state.time)
    modes = np.stack([views.pop(name) for name in KEPT_MODES])
    copies = {name: view.copy() for name, view in views.items()} | {"modes": modes}
    watched = np.stack((copies["time"], copies["thickness"]))
    return Kept(**copies, tries=np.zeros(films, np.int64), refused=np.zeros(films, np.int64), watched=watched)


def _state(kept: Kept, like: State) -> State:
    """The batch that the compiled function has left."""
    tensors = {}
    for entry in fields(State):
        name = entry.name
        array = kept.modes[KEPT_MODES.index(name)] if name in KEPT_MODES else getattr(kept, name)
        tensor, before = torch.from_numpy(array), getattr(like, name)
        tensors[name] = tensor.view(before.dtype) if before.is_complex() else tensor
    return State(**tensors)


_KERNELS: dict[tuple[bool, Any], Kernels] = {}


def _kernels(kind: _Kind, constants: Constants, film: Film, kept: Kept, memory: Memory) -> Kernels:
    """The long functions; their types depend on nothing else."""
    key = kind.periodic, kind.dtype
    if key not in _KERNELS:
        _KERNELS[key] = kernels_for(constants, film, kept, memory)
    return _KERNELS[key]


_FREE: dict[_Kind, list[Memory]] = {}


def _take_memory(kind: _Kind) -> Memory:
    free = _FREE.get(kind)
    try:
        return free.pop() if free else _memory(kind)
    except IndexError:
        # Another thread was faster.
        return _memory(kind)


def _give_memory(kind: _Kind, memory: Memory) -> None:
    free = _FREE.setdefault(kind, [])
    if len(free) < _MOST_KEPT:
        free.append(memory)
    while len(_FREE) > _MOST_KEPT:
        _FREE.pop(next(iter(_FREE)), None)


def _memory(kind: _Kind) -> Memory:
    (height, width), dtype = kind.shape, kind.dtype
    modes = mode_shape(kind.shape, periodic=kind.periodic, dtype=dtype)
    shapes = (
        (3, 2, height, width),
        (2, 2, height),
        (MODES, *modes),
        (2, height, width),
        (2, height, width),
        (2, height, width),
        (2, height, width),
        (height, width),
        (2, height),
        (2, 2),
        (2, 2),
        (2, 2),
        (10, modes[-1]),
    )
    arrays = [_aligned(shape, dtype) for shape in shapes]
    return Memory._make([*arrays, workspace_of(kind.shape, dtype)])


def _aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros that begin where a line of the cache does."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    whole = np.zeros(size + 64, np.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + size].view(dtype).reshape(shape)
