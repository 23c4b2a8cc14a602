"""The plain definitions, field by field in torch: for any object with the right methods, on any device."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from morphsim.simulator.backends.base import (
    Backend,
    CellRates,
    FilmEquations,
    Kicks,
    ModeStep,
    RandomFluxes,
    SurfaceStep,
)
from morphsim.simulator.core.control import LEAST_POWER
from morphsim.simulator.core.energy import FreeEnergy
from morphsim.simulator.core.etd import SURPLUS, THIRD_ORDER_REACH, Damping, exponential_weights
from morphsim.simulator.core.evaporation import Evaporation
from morphsim.simulator.core.grid import Grid, Squares
from morphsim.simulator.core.per_film import as_fields, as_tensor
from morphsim.simulator.core.relaxation import Relaxation, mean_relaxation, relaxed
from morphsim.simulator.core.splitmix import scramble, shifted
from morphsim.simulator.core.state import smallest_and_contrast
from morphsim.simulator.core.sweep import swept


class TorchBackend(Backend):
    """Calls the methods of the parts of a model, whatever these are."""

    name = "torch"

    def __reduce__(self) -> str:
        """Pickled by name, and shared by copies: a backend has no state."""
        return "TORCH"

    def local_potential(self, energy: FreeEnergy, phi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Backend.local_potential`."""
        curvature = as_fields(energy.curvature(phi), phi)
        return (
            as_fields(energy.potential(phi), phi),
            curvature.amin(dim=(2, 3), keepdim=True),
            curvature.amax(dim=(2, 3), keepdim=True),
        )

    def modal_rates(
        self, mu: Tensor, content: Tensor, h: Tensor, mobility: Tensor, kappa: Tensor, squares: Squares
    ) -> Tensor:
        """See `Backend.modal_rates`."""
        k2 = squares.at(h)
        return -mobility * k2 * (_spread(h, kappa) * mu + kappa * k2 * content)

    def cell_rates(self, film: FilmEquations, phi: Tensor, thickness: Tensor, speed: Tensor) -> CellRates:
        """See `Backend.cell_rates`."""
        grid = film.grid
        h = thickness.to(phi.dtype)[:, None, None, None]
        potential = grid.stored(film.potential(phi, thickness))
        mobility, cross = film.mobilities(phi)
        slope_x, slope_z = grid.step_x(potential), grid.step_z(potential)
        flux_x = grid.mean_x(mobility) * slope_x
        flux_z = grid.mean_z(mobility) * slope_z
        if cross is not None:
            flux_x = flux_x + grid.mean_x(cross)[:, None] * slope_x.flip(1)
            flux_z = flux_z + grid.mean_z(cross)[:, None] * slope_z.flip(1)
        flux_x = flux_x * h
        flux_z = flux_z / (h * grid.dtheta)
        if film.evaporation is not None:
            sweep = speed.to(phi.dtype)[:, None, None, None]
            # Rows run downwards, against theta: the top row of a film that shrinks takes from the one below.
            passing = swept(grid.mean_z(phi), grid.step_z(phi), sweep)
            flux_z = flux_z - sweep * grid.face_theta * passing
        fields = grid.divergence(flux_x, flux_z, 1.0 / grid.dx**2, 1.0 / grid.dtheta)
        stiffness2, stiffness4 = _stiffness(film, phi, h, mobility, cross)
        return CellRates(fields, stiffness2, stiffness4, mobility, cross)

    def surface_speed(self, evaporation: Evaporation, phi: Tensor) -> Tensor:
        """See `Backend.surface_speed`."""
        return evaporation(phi).double()

    def advance_modes(self, modes: ModeStep) -> Tensor:
        """See `Backend.advance_modes`."""
        size = modes.damping.of_modes()
        dt = _spread(modes.dt, size)
        z = dt * size
        p1, p2, p3 = exponential_weights(z)
        e1, a1, b1, c1, b2, c2 = (_spread(as_tensor(weight), size) for weight in modes.weights)
        share = THIRD_ORDER_REACH / z.clamp_min(THIRD_ORDER_REACH)
        first = modes.rate_changes[0] + size * modes.content_changes[0]
        second = modes.rate_changes[1] + size * modes.content_changes[1]
        newer = (1.0 - share) * e1 * p2 + share * ((a1 + b1) * p2 + c1 * p3)
        return dt * p1 * modes.rates + newer * first - share * (b2 * p2 + c2 * p3) * second

    def mean_relaxation(
        self, energy: FreeEnergy, mobility: Tensor, cross: Tensor | None, kappa: Tensor, phi: Tensor
    ) -> Relaxation:
        """See `Backend.mean_relaxation`."""
        return mean_relaxation(energy, mobility, cross, kappa, phi)

    def relax_noise(
        self, noise: Tensor, relaxation: Relaxation, damping: Damping, dt: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `Backend.relax_noise`."""
        if not noise.is_complex():
            return relaxed(noise, relaxation, damping, dt)
        # Steps on a GPU have real and imaginary parts side by side, and both are to round alike.
        pairs = torch.view_as_real(noise).flatten(-2)
        in_pairs = replace(damping, squares=damping.squares.in_pairs())
        kept, drift = (
            torch.view_as_complex(modes.view(*noise.shape, 2))
            for modes in relaxed(pairs, relaxation, in_pairs, dt)
        )
        return kept, drift

    def waves(self, content: Tensor, damping: Damping, kappa: Tensor) -> tuple[Tensor, Tensor]:
        """See `Backend.waves`."""
        if content.is_complex():
            # Steps on a GPU have real and imaginary parts side by side, and their sums must round alike.
            content = torch.view_as_real(content).flatten(-2)
            damping = replace(damping, squares=damping.squares.in_pairs())
        x, k2 = damping.squares.x, damping.squares.of_upright_modes(damping.thickness)
        # The factors of rows and columns part: one loop over the modes takes four sums, weighted along x.
        fading = torch.exp(-4.0 * kappa * x)
        ripples, layers = torch.where(x == 0.0, 0.0, fading), torch.where(x == 0.0, fading, 0.0)
        power = content.square()
        # Sum by sum, since rounding must not depend on the number of films.
        whole, second, fourth, upright = (
            (power * weight).sum(dim=-1).double()
            for weight in (ripples, ripples * x, ripples * x * x, layers)
        )
        k2, size = k2.double(), damping.of_upright_modes().double()
        stiffness2, stiffness4 = (part[..., 0].double() for part in (damping.stiffness2, damping.stiffness4))
        fading = torch.exp(-4.0 * kappa[..., 0].double() * k2)
        upright = upright * fading * k2**2
        second, fourth = second + k2 * whole, fourth + k2 * (2.0 * second + k2 * whole)
        damped = stiffness2 * second + stiffness4 * fourth
        rows = torch.stack((upright, whole, upright * size, damped), dim=1) * fading[:, None]
        sums = rows.sum(dim=-1).sum(dim=-1)
        power, sizes = sums[:, :2], sums[:, 2:]
        return power, torch.where(power > LEAST_POWER, sizes / power.clamp_min(LEAST_POWER), 0.0)

    def compare(
        self, new: Tensor, old: Tensor, before: Tensor, ratio: Tensor, kicks: Kicks | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `Backend.compare`."""
        rest = new - torch.lerp(before, old, (1.0 + ratio).to(new.dtype)[:, None, None, None])
        error = rest.square().mean(dim=-1).sqrt()
        if kicks is not None:
            of_means = (rest.mean(dim=-1) - kicks.of_line).abs()
            # NaN stays NaN.
            error = torch.where(kicks.noisy[:, None, None], of_means + 0.0 * error, error)
        error = torch.nan_to_num(error.amax(dim=(1, 2)).double(), nan=torch.inf).clamp_min(0.0)
        return error, *smallest_and_contrast(new)

    def noise_increments(self, fluxes: RandomFluxes) -> Tensor:
        """See `Backend.noise_increments`."""
        grid, mobility, cross = fluxes.grid, fluxes.mobility, fluxes.cross
        random_x, random_z = _uniform(scramble(fluxes.counters), mobility.shape, grid)
        random_z = random_z[..., : grid.step_z(random_z).shape[-2], :]
        cross_x = None if cross is None else grid.mean_x(cross)
        cross_z = None if cross is None else grid.mean_z(cross)
        flux_x = _correlated(grid.mean_x(mobility), cross_x, random_x)
        flux_z = _correlated(grid.mean_z(mobility), cross_z, random_z)
        if grid.boundary == "no-flux":
            flux_x = torch.nn.functional.pad(flux_x[..., :-1], (0, 1))
        scale_x = (fluxes.scale * fluxes.thickness).to(grid.dtype)[:, None, None, None]
        scale_z = fluxes.scale.to(grid.dtype)[:, None, None, None]
        return grid.divergence(flux_x * scale_x, flux_z * scale_z, 1.0 / grid.dx, 1.0 / grid.dtheta)

    def correct_surface(self, end: SurfaceStep) -> Tensor:
        """See `Backend.correct_surface`."""
        grid, evaporation, content, dt = end.grid, end.evaporation, end.content, end.dt
        h = end.thickness.to(grid.dtype)[:, None, None]
        # Field by field, as a compiler finds other means of the same fields.
        rows = torch.stack([field.mean(dim=-1) for field in end.phi.unbind(dim=1)], dim=1)
        carried = (
            0.5 * grid.face_theta[: rows.shape[-1] - 1, 0] * (rows[..., :-1] + rows[..., 1:]) / grid.dtheta
        )
        inflow = torch.nn.functional.pad(carried, (1, 0)) - torch.nn.functional.pad(carried, (0, 1))
        # Modes that are constant along x, (B, C, H), and how much of the inflow outlasts the damping.
        z = dt.to(grid.dtype)[:, None, None] * end.damping.of_upright_modes()
        lasting, _, _ = exponential_weights(z)
        gain = lasting * grid.upright_modes(inflow)
        # Rounding is kept out of the mean, as in the rates.
        gain[..., 0] = 0.0
        column = content[..., 0].real
        solids = (column * grid.at_surface).sum(dim=(1, 2)).double() / end.thickness
        shift = (gain * grid.at_surface / h).sum(dim=(1, 2)).double() - solids / end.thickness
        # The film's solvent at the surface falls by `shift` for each unit by which it grows thicker.
        asked = evaporation.speed(1.0 - solids) - end.expected
        change = dt * asked / (1.0 - dt * evaporation.biot * shift)
        grid.add_upright(content, change.to(grid.dtype)[:, None, None] * gain)
        return end.thickness + change


def _stiffness(
    film: FilmEquations, phi: Tensor, h: Tensor, mobility: Tensor, cross: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Both stiffnesses of finite volumes, (B, C, 1, 1) each, with h (B, 1, 1, 1)."""
    curvature = as_fields(film.energy.curvature(phi), phi).abs()
    size = _largest_nearby(mobility)
    if cross is not None:
        size = size + cross.abs()[:, None]
        curvature = curvature.amax(dim=1, keepdim=True)
    stiffness2 = SURPLUS * (size * curvature).amax(dim=(2, 3), keepdim=True)
    largest = SURPLUS * size.amax(dim=(2, 3), keepdim=True)
    if film.substrate is not None:
        # The wall's energy is as stiff as that of a layer of one cell.
        steepest = as_fields(film.substrate.stiffness(), phi).amax(dim=-1)
        wall = steepest[..., None, None] / (h * film.grid.dtheta)
        stiffness2 = stiffness2 + largest * wall
    return stiffness2, film.kappa.detach().to(phi.device, phi.dtype) * largest


def _largest_nearby(mobility: Tensor) -> Tensor:
    """The largest mobility of each cell and of the faces around it, (B, C, H, W).

    Next to a thin skin that of a face is far above that of the skin itself.
    """
    # A row next to a wall is its own neighbour beyond it, which changes nothing.
    row = torch.arange(mobility.shape[-2], device=mobility.device)[:, None]
    above = torch.where(row == 0, mobility, mobility.roll(1, -2))
    below = torch.where(row == mobility.shape[-2] - 1, mobility, mobility.roll(-1, -2))
    aside = torch.maximum(mobility.roll(1, -1), mobility.roll(-1, -1))
    around = torch.maximum(aside, torch.maximum(above, below))
    return torch.maximum(mobility, 0.5 * (mobility + around))


def _uniform(keys: Tensor, shape: torch.Size, grid: Grid) -> tuple[Tensor, Tensor]:
    """Two sets of uniform numbers in (-1/2, 1/2), (B, C, H, W) each."""
    bits = scramble(keys[:, None] + grid.cell_counters(shape[1])).view(shape)
    first = (shifted(bits, 40).to(grid.dtype) + 0.5) * 2.0**-24 - 0.5
    second = ((shifted(bits, 8) & 0xFFFFFF).to(grid.dtype) + 0.5) * 2.0**-24 - 0.5
    return first, second


def _correlated(mobility: Tensor, cross: Tensor | None, random: Tensor) -> Tensor:
    """Random numbers (B, C, ...) with the covariance of the mobilities at the faces."""
    if cross is None:
        return mobility.sqrt() * random
    first = mobility[:, 0].sqrt()
    shared = cross / first
    own = (mobility[:, 1] - shared**2).clamp_min(0.0).sqrt()
    return torch.stack((first * random[:, 0], shared * random[:, 0] + own * random[:, 1]), dim=1)


def _spread(value: Tensor, like: Tensor) -> Tensor:
    """One value for each film (B,) against modes (B, C, H, modes)."""
    return value.to(like.dtype)[:, None, None, None]


TORCH = TorchBackend()
"""The backend "torch"."""
