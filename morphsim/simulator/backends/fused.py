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

from morphsim.simulator.core.energy import BinaryFloryHuggins, DoubleWell, FreeEnergy, TernaryFloryHuggins
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.mobility import (
    ConstantMobility,
    Mobility,
    NegiMobility,
    OnsagerMobility,
    WodoMobility,
)
from morphsim.simulator.core.shipped import is_shipped

if TYPE_CHECKING:
    from morphsim.simulator.core.control import Numbers
    from morphsim.simulator.core.etd import Damping
    from morphsim.simulator.core.model import Evaporation, FilmModel


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
        from morphsim.simulator.backends import numba_film, numba_step, numba_surface
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
        loop, parameters = compiled.film.binary_potential, [energy.chi]
    else:
        loop, parameters = compiled.film.double_well_potential, [energy.height, energy.low, energy.high]
    each = [_each(parameter, phi) for parameter in parameters]
    if phi.shape[1] != 1 or any(values is None for values in each):
        return None
    loop(cells, *each, *arrays)
    return out, curvatures[0], curvatures[1]


def modal_rates(
    potential: Tensor, content: Tensor, thickness: Tensor, mobility: Tensor, kappa: Tensor, grid: Grid
) -> Tensor | None:
    """-M k² (h F[μ] + κ k² q) of the modes F[μ], which are overwritten."""
    compiled = _loops(potential)
    if compiled is None or not is_shipped(grid.exact):
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
    if compiled is None or not model.is_shipped:
        return None
    parameters = film_parameters(model, phi)
    if parameters is None:
        return None
    kind, *arrays = parameters
    out, mobility = torch.empty_like(phi), torch.empty_like(phi)
    cross, stiffness = torch.empty_like(phi[:, 0]), phi.new_empty((batch, 2, 2))
    compiled.film.film_rates(
        phi.contiguous().numpy(),
        thickness.numpy(),
        hdot.numpy(),
        *arrays,
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


def film_parameters(model: FilmModel, phi: Tensor) -> tuple[int, Any, Any, Any] | None:
    """What `film_rates` wants of a model of ternary films; None where it has no loop.

    Nothing of it is kept: a user may write into the tensors of a model.

    Args:
        model: whose parts are this package's own.
        phi: fields (B, C, H, W).

    Returns:
        Closure, numbers (B, 10), and both arrays (B, 2, W) of the substrate.
    """
    compiled, energy = loops(), model.energy
    if compiled is None or not isinstance(energy, TernaryFloryHuggins) or phi.shape[1] != 2:
        return None
    closure = _closure(compiled.film, model.mobility, energy)
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
        model.kappa[:, -1],
        *of_mobility,
    )
    numbers = np.empty((len(phi), len(columns)), _view(phi).dtype)
    for place, column in enumerate(columns):
        values = _each(column, phi)
        if values is None:
            return None
        numbers[:, place] = values
    shape, substrate = (len(phi), 2, phi.shape[-1]), model.substrate
    if substrate is None:
        neutral = np.zeros(shape, numbers.dtype)
        return kind, numbers, neutral, neutral
    linear, quadratic = (
        np.ascontiguousarray(np.broadcast_to(_array(part), shape), numbers.dtype)
        for part in (substrate.linear, substrate.quadratic)
    )
    return kind, numbers, linear, quadratic


def _closure(
    module: ModuleType, mobility: Mobility, energy: TernaryFloryHuggins
) -> tuple[int, tuple[Any, Any]] | None:
    """Which loop a closure has, and its two numbers (B or 1, 1, 1)."""
    if isinstance(mobility, WodoMobility):
        # The loops take the chain lengths from the energy.
        return (module.WODO, (mobility.scale, mobility.solid)) if _same_chains(mobility, energy) else None
    if isinstance(mobility, NegiMobility):
        diffusivities = mobility.scale[:, None] * mobility.diffusivities
        columns = diffusivities[:, 0], diffusivities[:, -1]
        return (module.NEGI, columns) if _same_chains(mobility, energy) else None
    if isinstance(mobility, OnsagerMobility):
        return module.ONSAGER, (mobility.value, mobility.value)
    if isinstance(mobility, ConstantMobility):
        return module.CONSTANT, (mobility.value[:, 0], mobility.value[:, -1])
    return None


def _same_chains(mobility: WodoMobility | NegiMobility, energy: TernaryFloryHuggins) -> bool:
    lengths = _array(mobility.chain_lengths)
    own = (_array(energy.n_donor), _array(energy.n_acceptor))
    return bool((lengths[:, 0] == own[0]).all() and (lengths[:, -1] == own[1]).all())


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
    if compiled is None or not is_shipped(damping.squares):
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
    if compiled is None or not is_shipped(damping.squares):
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


def _each(parameter: Tensor | float, phi: Tensor) -> Any:
    """A parameter as an array (B,) of the fields' type; None for one that is not a number for each film.

    Loops don't look where an array ends: what has another length may not get there.
    """
    values, films = _array(parameter), len(phi)
    if values.size != 1 and values.shape != (films, 1, 1):
        return None
    each = np.empty(films, np.float32 if phi.dtype == torch.float32 else np.float64)
    each[:] = values.reshape(-1)
    return each


def _array(parameter: Tensor | float) -> Any:
    return parameter.detach().numpy() if isinstance(parameter, Tensor) else np.asarray(parameter)


def _columns(parameter: Tensor, fields: torch.Size) -> Any:
    """A parameter (B or 1, C or 1, 1, 1) as an array (B, C)."""
    array = _array(parameter)[..., 0, 0]
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
    vapour = _vapour(evaporation, len(phi))
    if vapour is None:
        return None
    out = torch.empty(len(phi), dtype=torch.float64)
    compiled.surface.surface_speed(phi.contiguous().numpy(), *vapour, out.numpy())
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
    if compiled is None or not content.is_contiguous() or not is_shipped(grid, evaporation, damping.squares):
        return None
    vapour = _vapour(evaporation, len(phi))
    if vapour is None:
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
        *vapour,
    )
    return settled


def _vapour(evaporation: Evaporation, films: int) -> tuple[Any, Any] | None:
    """Biot number and vapour of each film, (B,) each; None for what is not a number for each film."""
    parts = _array(evaporation.biot), _array(evaporation.ambient)
    if any(part.shape not in {(), (1,), (films,)} for part in parts):
        return None
    biot, ambient = (np.ascontiguousarray(np.broadcast_to(part, films), np.float64) for part in parts)
    return biot, ambient
