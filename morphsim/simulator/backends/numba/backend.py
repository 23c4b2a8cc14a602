"""The compiled loops: on the CPU, for the classes that have one; plain torch for everything else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.backends.base import (
    CellRates,
    FilmEquations,
    Journey,
    Journeys,
    Kicks,
    ModeStep,
    RandomFluxes,
    SurfaceStep,
)
from morphsim.simulator.backends.numba import noise, step, surface
from morphsim.simulator.backends.numba import relaxation as relaxing
from morphsim.simulator.backends.numba.advance import advance_films
from morphsim.simulator.backends.numba.arrays import (
    Array,
    damping_arrays,
    per_field,
    per_film,
    real_view,
    vapour_arrays,
)
from morphsim.simulator.backends.numba.local import (
    LocalKernel,
    binary_potential,
    double_well_potential,
)
from morphsim.simulator.backends.numba.spectral_films import compiled_films
from morphsim.simulator.backends.numba.ternary import ternary_rates
from morphsim.simulator.backends.torch_backend import TorchBackend
from morphsim.simulator.backends.whole_steps import SpectralFilms
from morphsim.simulator.core.energy import BinaryFloryHuggins, DoubleWell, FreeEnergy, TernaryFloryHuggins
from morphsim.simulator.core.etd import Damping
from morphsim.simulator.core.evaporation import Evaporation
from morphsim.simulator.core.exact_types import ExactTypes, built_in, is_built_in
from morphsim.simulator.core.grid import Squares
from morphsim.simulator.core.relaxation import Relaxation

CellKernel = Callable[[FilmEquations, Tensor, Tensor, Tensor], CellRates | None]
"""A compiled form of `Backend.cell_rates`; None for a film that it can't compute."""


@built_in
class NumbaBackend(TorchBackend):
    """Loops that numba compiles, for objects of exactly the registered classes on the CPU.

    Subclasses, objects and classes whose methods were replaced, parameters that are not one number for each
    film, other devices and `torch.compile` are left to torch. Parameters are read at every call.
    """

    name = "numba"

    def __init__(self) -> None:
        self._potentials: ExactTypes[LocalKernel] = ExactTypes()
        self._cell_rates: ExactTypes[CellKernel] = ExactTypes()

    def __reduce__(self) -> str:
        """Pickled by name, and shared by copies."""
        return "NUMBA"

    def register_potential(self, energy: type, loop: Callable[..., None], *parameters: str) -> None:
        """Compute the potential of an energy of one field by a loop, in films of constant mobility.

        Args:
            energy: the class of the energy, a `FreeEnergy`; its subclasses are computed by their methods.
            loop: called as `loop(phi, *parameters, potential, curvatures)` with the fields (B, N), each
                parameter (B,), and the arrays that it fills: ∂f/∂φ (B, N), and the smallest and the largest
                curvature of each film (2, B). All have the type of the fields.
            parameters: attributes of the energy with one number for each film, (B, 1, 1) tensors or numbers.
        """
        self._potentials.register(energy, LocalKernel(loop, parameters))

    def register_cell_rates(self, energy: type, rates: CellKernel) -> None:
        """Compute the finite volumes of films of an energy by a function like `Backend.cell_rates`.

        Args:
            energy: the class of the energy; its subclasses are computed by their methods.
            rates: called with the film's equations, all of whose parts but energy and mobility are of this
                package, the fields (B, C, H, W), and thickness and dh/dt (B,). It returns None for a film
                that it can't compute, which is then left to torch.
        """
        self._cell_rates.register(energy, rates)

    def advance_films(self, journey: Journey) -> Journeys | None:
        """See `Backend.advance_films`."""
        unchanged = is_built_in(self) and self._cell_rates.find(journey.model.energy) is ternary_rates
        return advance_films(journey) if unchanged else None

    def local_potential(self, energy: FreeEnergy, phi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Backend.local_potential`."""
        kernel = self._potentials.find(energy) if _is_served(phi) else None
        if kernel is None or phi.shape[1] != 1:
            return super().local_potential(energy, phi)
        parameters = [per_film(getattr(energy, name), phi) for name in kernel.parameters]
        if any(values is None for values in parameters):
            return super().local_potential(energy, phi)
        films = phi.shape[0]
        # Not `empty_like`, which has the strides of fields whose axes were swapped.
        out, curvatures = phi.new_empty(phi.shape), phi.new_empty((2, films, 1, 1, 1))
        arrays = out.numpy().reshape(films, -1), curvatures.numpy().reshape(2, films)
        kernel.loop(real_view(phi).reshape(films, -1), *parameters, *arrays)
        return out, curvatures[0], curvatures[1]

    def modal_rates(
        self, mu: Tensor, content: Tensor, h: Tensor, mobility: Tensor, kappa: Tensor, squares: Squares
    ) -> Tensor:
        """See `Backend.modal_rates`."""
        if not _is_served(mu) or not is_built_in(squares):
            return super().modal_rates(mu, content, h, mobility, kappa, squares)
        mu = mu.contiguous()
        fields = mu.shape[0], mu.shape[1]
        single, double, theta = squares.arrays
        step.modal_rates(
            real_view(mu),
            real_view(content),
            h.numpy().astype(single.dtype),
            per_field(mobility, fields),
            per_field(kappa, fields),
            double if mu.is_complex() else single,
            theta,
        )
        return mu

    def cell_rates(self, film: FilmEquations, phi: Tensor, thickness: Tensor, speed: Tensor) -> CellRates:
        """See `Backend.cell_rates`."""
        kernel = self._cell_rates.find(film.energy) if _is_served(phi) else None
        others = [part for part in (film.substrate, film.evaporation) if part is not None]
        if kernel is None or not is_built_in(film, film.grid, *others):
            return super().cell_rates(film, phi, thickness, speed)
        return kernel(film, phi, thickness, speed) or super().cell_rates(film, phi, thickness, speed)

    def surface_speed(self, evaporation: Evaporation, phi: Tensor) -> Tensor:
        """See `Backend.surface_speed`."""
        vapour = _vapour(evaporation, phi)
        if vapour is None:
            return super().surface_speed(evaporation, phi)
        out = torch.empty(phi.shape[0], dtype=torch.float64)
        surface.surface_speed(phi.contiguous().numpy(), *vapour, out.numpy())
        return out

    def advance_modes(self, modes: ModeStep) -> Tensor:
        """See `Backend.advance_modes`."""
        rates, damping = modes.rates, modes.damping
        if not _is_damped(rates, damping):
            return super().advance_modes(modes)
        out = torch.empty(rates.shape, dtype=rates.dtype)
        real = damping.squares.arrays[0].dtype
        step.advance_modes(
            real_view(rates),
            real_view(modes.rate_changes[0]),
            real_view(modes.content_changes[0]),
            real_view(modes.rate_changes[1]),
            real_view(modes.content_changes[1]),
            modes.dt.numpy().astype(real),
            np.stack(modes.weights, axis=1).astype(real),
            *damping_arrays(damping, rates)[:3],
            damping.squares.arrays[0],
            damping.squares.arrays[2],
            real_view(out),
        )
        return out

    def spectral_films(self, film: FilmEquations) -> SpectralFilms | None:
        """See `Backend.spectral_films`."""
        # A subclass may compute one of the parts in another way.
        return compiled_films(film, self._potentials) if type(self) is NumbaBackend else None

    def relax_noise(
        self, noise: Tensor, relaxation: Relaxation, damping: Damping, dt: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `Backend.relax_noise`."""
        if not _is_damped(noise, damping) or noise.shape[1] > 2:
            return super().relax_noise(noise, relaxation, damping, dt)
        noise = noise.contiguous()
        drift = torch.empty_like(noise)
        real = damping.squares.arrays[0].dtype
        of_film = (relaxation.second, relaxation.fourth, relaxation.kappa)
        second, fourth, kappa = (np.ascontiguousarray(values.numpy(), real) for values in of_film)
        relaxing.relax_noise(
            real_view(noise),
            second,
            fourth,
            kappa,
            dt.numpy().astype(real),
            *damping_arrays(damping, noise),
            real_view(drift),
        )
        return noise, drift

    def waves(self, content: Tensor, damping: Damping, kappa: Tensor) -> tuple[Tensor, Tensor]:
        """See `Backend.waves`."""
        if not _is_damped(content, damping):
            return super().waves(content, damping, kappa)
        power, size = (torch.empty((content.shape[0], 2), dtype=torch.float64) for _ in range(2))
        relaxing.waves(
            real_view(content),
            2 if content.is_complex() else 1,
            per_field(kappa, (content.shape[0], content.shape[1])),
            *damping_arrays(damping, content),
            power.numpy(),
            size.numpy(),
        )
        return power, size

    def compare(
        self, new: Tensor, old: Tensor, before: Tensor, ratio: Tensor, kicks: Kicks | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `Backend.compare`."""
        if not _is_served(new):
            return super().compare(new, old, before, ratio, kicks)
        if kicks is None:
            still = new.new_zeros(new.shape[:3])
            kicks = Kicks(still, torch.zeros(new.shape[0], dtype=torch.bool))
        error, smallest, contrast = (torch.empty(new.shape[0], dtype=torch.float64) for _ in range(3))
        fields = (new, old, before)
        arrays = (*fields, ratio, *kicks, error, smallest, contrast)
        step.compare(*(array.contiguous().numpy() for array in arrays))
        return error, smallest, contrast

    def noise_increments(self, fluxes: RandomFluxes) -> Tensor:
        """See `Backend.noise_increments`."""
        grid, mobility, cross = fluxes.grid, fluxes.mobility, fluxes.cross
        if not _is_served(mobility) or grid.depth_boundary == "periodic" or not is_built_in(grid):
            return super().noise_increments(fluxes)
        out = torch.empty(mobility.shape, dtype=grid.dtype)
        noise.noise_increments(
            fluxes.counters.numpy().view(np.uint64),
            fluxes.scale.numpy(),
            fluxes.thickness.numpy(),
            mobility.contiguous().numpy(),
            (mobility[:, 0] if cross is None else cross).contiguous().numpy(),
            cross is not None,
            grid.boundary == "periodic",
            grid.dx,
            grid.dtheta,
            out.numpy(),
        )
        return out

    def correct_surface(self, end: SurfaceStep) -> Tensor:
        """See `Backend.correct_surface`."""
        content, damping = end.content, end.damping
        vapour = _vapour(end.evaporation, end.phi)
        if vapour is None or not content.is_contiguous() or not is_built_in(end.grid, damping.squares):
            return super().correct_surface(end)
        corrected = end.thickness.clone()
        stiffness2, stiffness4, _, _, theta = damping_arrays(damping, content)
        surface.correct_surface(
            end.phi.contiguous().numpy(),
            real_view(content),
            corrected.numpy(),
            end.expected.numpy(),
            end.dt.numpy(),
            damping.thickness.numpy(),
            stiffness2,
            stiffness4,
            theta,
            *end.grid.surface_arrays,
            *vapour,
        )
        return corrected


def _is_served(tensor: Tensor) -> bool:
    """Whether compiled loops can read a tensor."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def _is_damped(modes: Tensor, damping: Damping) -> bool:
    """Whether compiled loops can damp modes."""
    return _is_served(modes) and is_built_in(damping.squares)


def _vapour(evaporation: Evaporation, phi: Tensor) -> tuple[Array, Array] | None:
    """Biot number and vapour of each film, (B,) each; None if compiled loops can't take them."""
    if not _is_served(phi) or not is_built_in(evaporation):
        return None
    return vapour_arrays(evaporation, phi.shape[0])


NUMBA = NumbaBackend()
"""The backend "numba"."""

NUMBA.register_potential(BinaryFloryHuggins, binary_potential, "chi")
NUMBA.register_potential(DoubleWell, double_well_potential, "height", "low", "high")
NUMBA.register_cell_rates(TernaryFloryHuggins, ternary_rates)
