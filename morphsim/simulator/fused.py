"""Where compiled loops take over from torch: on the CPU, with numba, for what most films are.

Each function here returns None where the plain definition, which stands beside its call, must do the work:
on a GPU, without numba, or for parts of a model that have no loop of their own. Tests hold both equal.
`MORPHSIM_FUSED=0` in the environment switches the loops off.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.energy import BinaryFloryHuggins, DoubleWell, FreeEnergy, TernaryFloryHuggins
from morphsim.simulator.grid import Grid
from morphsim.simulator.mobility import (
    ConstantMobility,
    Mobility,
    NegiMobility,
    OnsagerMobility,
    WodoMobility,
)
from morphsim.simulator.shipped import is_shipped

if TYPE_CHECKING:
    from morphsim.simulator.control import Numbers
    from morphsim.simulator.etd import Damping
    from morphsim.simulator.model import Evaporation, FilmModel


class Loops(NamedTuple):
    """The compiled modules of rates, of steps and of the surface."""

    film: ModuleType
    step: ModuleType
    surface: ModuleType


@functools.cache
def loops() -> Loops | None:
    """The compiled modules, or None where they can't be had or are not wanted."""
    if os.environ.get("MORPHSIM_FUSED", "1") == "0":
        return None
    try:
        from morphsim.simulator import numba_film, numba_step, numba_surface
    except ImportError:
        return None
    return Loops(numba_film, numba_step, numba_surface)


def _loops(tensor: Tensor) -> Loops | None:
    return loops() if tensor.device.type == "cpu" and not torch.compiler.is_compiling() else None


def _view(tensor: Tensor) -> Any:
    """A tensor as an array, complex numbers as pairs in the last direction."""
    array = (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()
    if array.dtype.kind != "c":
        return array
    return array.view(np.float32 if array.dtype == np.complex64 else np.float64)


def local_potential(energy: FreeEnergy, phi: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """μ (B, C, H, W) without gradients, the smallest and the largest curvature (B, C, 1, 1)."""
    compiled = _loops(phi)
    if compiled is None or not isinstance(energy, BinaryFloryHuggins | DoubleWell) or not is_shipped(energy):
        return None
    films = len(phi)
    out, curvatures = torch.empty_like(phi), phi.new_empty((2, films, 1, 1, 1))
    arrays = out.numpy().reshape(films, -1), curvatures.numpy().reshape(2, films)
    cells = _view(phi).reshape(films, -1)
    if isinstance(energy, BinaryFloryHuggins):
        compiled.film.binary_potential(cells, _each(energy.chi, films), *arrays)
    else:
        wells = (_each(part, films) for part in (energy.height, energy.low, energy.high))
        compiled.film.double_well_potential(cells, *wells, *arrays)
    return out, curvatures[0], curvatures[1]


def modal_rates(
    potential: Tensor, content: Tensor, thickness: Tensor, mobility: Tensor, kappa: Tensor, grid: Grid
) -> Tensor | None:
    """-M k² (h F[μ] + κ k² q) of the modes F[μ], which are overwritten."""
    compiled = _loops(potential)
    if compiled is None:
        return None
    potential = potential.contiguous()
    fields = potential.shape[:2]
    single, double, theta = grid.exact.arrays
    compiled.step.modal_rates(
        _view(potential),
        _view(content),
        thickness.numpy().astype(single.dtype),
        _columns(mobility, fields),
        _columns(kappa, fields),
        double if potential.is_complex() else single,
        theta,
    )
    return potential


def film_rates(
    model: FilmModel, phi: Tensor, thickness: Tensor, hdot: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None] | None:
    """What `FilmModel` finds for ternary films: d(hφ)/dt, both stiffnesses, mobility, cross term."""
    compiled = _loops(phi)
    grid, batch = model.grid, len(phi)
    if compiled is None or not model.is_shipped or model.loop_parameters is None:
        return None
    kind, *arrays = model.loop_parameters
    out, mobility = torch.empty_like(phi), torch.empty_like(phi)
    cross, stiffness = torch.empty_like(phi[:, 0]), phi.new_empty((batch, 2, 2))
    compiled.film.film_rates(
        phi.contiguous().numpy(),
        thickness.numpy(),
        hdot.numpy(),
        *(array if len(array) == batch else np.repeat(array, batch, axis=0) for array in arrays),
        kind,
        grid.boundary == "periodic",
        grid.dx,
        grid.dtheta,
        out.numpy(),
        mobility.numpy(),
        cross.numpy(),
        stiffness.numpy(),
    )
    bounds = stiffness[..., None, None]
    return out, bounds[:, 0], bounds[:, 1], mobility, cross if kind == compiled.film.ONSAGER else None


def film_parameters(model: FilmModel) -> tuple[int, Any, Any, Any] | None:
    """What `film_rates` wants of a model of ternary films; None where it has no loop.

    Returns:
        Closure, numbers (B or 1, 10), and both arrays (B or 1, 2, W) of the substrate.
    """
    compiled, energy = loops(), model.energy
    if compiled is None or not isinstance(energy, TernaryFloryHuggins):
        return None
    closure = _closure(compiled.film, model.mobility)
    if closure is None or model.grid.depth_boundary == "periodic":
        return None
    kind, of_mobility = closure
    columns = (
        energy.n_donor,
        energy.n_acceptor,
        energy.chi_donor_acceptor,
        energy.chi_donor_solvent,
        energy.chi_acceptor_solvent,
        energy.barrier,
        model.kappa[:, 0],
        model.kappa[:, 1],
        *of_mobility,
    )
    numbers = np.broadcast_arrays(*(column.reshape(-1).numpy() for column in columns))
    neutral = model.kappa.new_zeros((1, 2, model.grid.shape[1]))
    substrate = model.substrate
    walls = (neutral, neutral) if substrate is None else (substrate.linear, substrate.quadratic)
    return kind, np.stack(numbers, axis=1), walls[0].numpy(), walls[1].numpy()


def _closure(module: ModuleType, mobility: Mobility) -> tuple[int, tuple[Tensor, Tensor]] | None:
    """Which loop a closure has, and its two numbers (B, 1, 1)."""
    if isinstance(mobility, WodoMobility):
        return module.WODO, (mobility.scale, mobility.solid)
    if isinstance(mobility, NegiMobility):
        diffusivities = mobility.scale[:, None] * mobility.diffusivities
        return module.NEGI, (diffusivities[:, 0], diffusivities[:, 1])
    if isinstance(mobility, OnsagerMobility):
        return module.ONSAGER, (mobility.value, mobility.value)
    if isinstance(mobility, ConstantMobility):
        return module.CONSTANT, (mobility.value[:, 0], mobility.value[:, -1])
    return None


def advance_modes(
    rates: Tensor,
    rate_changes: tuple[Tensor, Tensor],
    content_changes: tuple[Tensor, Tensor],
    damping: Damping,
    dt: Tensor,
    weights: Sequence[Numbers],
) -> Tensor | None:
    """See `etd.advance_modes`."""
    compiled = _loops(rates)
    if compiled is None:
        return None
    out = torch.empty(rates.shape, dtype=rates.dtype)
    real = damping.squares.arrays[0].dtype
    compiled.step.advance_modes(
        _view(rates),
        _view(rate_changes[0]),
        _view(content_changes[0]),
        _view(rate_changes[1]),
        _view(content_changes[1]),
        dt.numpy().astype(real),
        np.stack(weights, axis=1).astype(real),
        *_damping(damping, rates),
        _view(out),
    )
    return out


def soften(noise: Tensor, damping: Damping, dt: Tensor) -> Tensor | None:
    """See `etd.soften`; the modes are overwritten."""
    compiled = _loops(noise)
    if compiled is None:
        return None
    noise = noise.contiguous()
    step = dt.numpy().astype(damping.squares.arrays[0].dtype)
    compiled.step.soften(step, *_damping(damping, noise), _view(noise))
    return noise


def _damping(damping: Damping, modes: Tensor) -> tuple[Any, ...]:
    fields = modes.shape[:2]
    single, double, theta = damping.squares.arrays
    return (
        _columns(damping.stiffness2, fields),
        _columns(damping.stiffness4, fields),
        damping.thickness.numpy().astype(single.dtype),
        double if modes.is_complex() else single,
        theta,
    )


def _each(parameter: Tensor, films: int) -> Any:
    """A parameter (B or 1, 1, 1) as an array (B,)."""
    array = parameter.numpy()[:, 0, 0]
    return array if len(array) == films else np.full(films, array[0])


def _columns(parameter: Tensor, fields: torch.Size) -> Any:
    """A parameter (B or 1, C or 1, 1, 1) as an array (B, C)."""
    array = parameter.numpy()[..., 0, 0]
    return np.ascontiguousarray(array if array.shape == fields else np.broadcast_to(array, fields))


def compare(
    new: Tensor, old: Tensor, before: Tensor, w: Tensor, allowance: Tensor
) -> tuple[Tensor, Tensor, Tensor] | None:
    """See `stepper.compare`."""
    compiled = _loops(new)
    if compiled is None:
        return None
    found = tuple(torch.empty(len(new), dtype=torch.float64) for _ in range(3))
    arrays = (new.contiguous(), old.contiguous(), before.contiguous(), w, allowance.contiguous())
    compiled.step.compare(*(array.numpy() for array in arrays), *(part.numpy() for part in found))
    return found[0], found[1], found[2]


def add_ripple(
    ripple: Tensor, thickness: Tensor, phi: Tensor, before: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """See `stepper.add_ripple`."""
    compiled = _loops(ripple)
    if compiled is None:
        return None
    new, new_before = torch.empty(phi.shape, dtype=phi.dtype), torch.empty(phi.shape, dtype=phi.dtype)
    noise, smallest = phi.new_empty(phi.shape[:3]), torch.empty(len(phi), dtype=torch.float64)
    arrays = (ripple.contiguous(), thickness, phi.contiguous(), before.contiguous())
    found = (new, new_before, noise, smallest)
    compiled.step.add_ripple(*(array.numpy() for array in (*arrays, *found)))
    return found


def noise_increments(
    grid: Grid, counters: Tensor, scale: Tensor, thickness: Tensor, mobility: Tensor, cross: Tensor | None
) -> Tensor | None:
    """See `ThermalNoise.increments`."""
    compiled = _loops(counters)
    if compiled is None or grid.depth_boundary == "periodic" or not is_shipped(grid):
        return None
    out = torch.empty(mobility.shape, dtype=grid.dtype)
    compiled.step.noise_increments(
        counters.numpy().view(np.uint64),
        scale.numpy(),
        thickness.numpy(),
        mobility.contiguous().numpy(),
        (mobility[:, 0] if cross is None else cross).contiguous().numpy(),
        cross is not None,
        grid.boundary == "periodic",
        grid.dx,
        grid.dtheta,
        out.numpy(),
    )
    return out


def surface_speed(evaporation: Evaporation, phi: Tensor) -> Tensor | None:
    """See `model.Evaporation`."""
    compiled = _loops(phi)
    if compiled is None or not is_shipped(evaporation):
        return None
    out = torch.empty(len(phi), dtype=torch.float64)
    compiled.surface.surface_speed(phi.contiguous().numpy(), *_vapour(evaporation), out.numpy())
    return out


def settle_surface(
    grid: Grid,
    evaporation: Evaporation,
    phi: Tensor,
    content: Tensor,
    thickness: Tensor,
    expected: Tensor,
    damping: Damping,
    dt: Tensor,
) -> Tensor | None:
    """See `surface.settle_surface`; the modes are corrected in place, and the thickness is returned."""
    compiled = _loops(phi)
    if compiled is None or not content.is_contiguous() or not is_shipped(grid, evaporation):
        return None
    settled = thickness.clone()
    stiffness2, stiffness4, _, _, theta = _damping(damping, content)
    compiled.surface.settle_surface(
        phi.contiguous().numpy(),
        _view(content),
        settled.numpy(),
        expected.numpy(),
        dt.numpy(),
        damping.thickness.numpy(),
        stiffness2,
        stiffness4,
        theta,
        *grid.surface_arrays,
        *_vapour(evaporation),
    )
    return settled


def _vapour(evaporation: Evaporation) -> tuple[Any, Any]:
    return evaporation.biot.numpy(), evaporation.ambient.numpy()
