"""The compiled right-hand side of ternary films: the sums of `TorchBackend.cell_rates`, cell by cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.math import barrier_floor, barrier_slope, decay, extended_logarithm
from morphsim.simulator.core.energy import SMALLEST_FRACTION
from morphsim.simulator.core.etd import SURPLUS
from morphsim.simulator.core.sweep import LARGEST_RISE, SMALLEST_RISE

WODO, NEGI, CONSTANT, ONSAGER, FAST_MODE, SLOW_MODE = range(6)
"""Closures of the mobilities; those from `ONSAGER` on have a cross term."""

_FLOOR = SMALLEST_FRACTION


@inlined
def _potentials(
    phi: Any, inverse2_z: Any, inverse2_x: Any, periodic: bool, p: Any, wall: Any, steep: Any, mu: Any
) -> None:
    """Potentials (2, H, W) of one film and, for each column, the largest curvature of each field."""
    height, width = phi.shape[1:]
    one = type(inverse2_z)(1.0)
    two = type(inverse2_z)(2.0)
    floor = type(inverse2_z)(_FLOOR)
    n_donor, n_acceptor, chi, chi_donor, chi_acceptor, barrier = p[0], p[1], p[2], p[3], p[4], p[5]
    wall_floor = barrier_floor(barrier)
    inverse_donor, inverse_acceptor = one / n_donor, one / n_acceptor
    for row in range(height):
        above, below = max(row - 1, 0), min(row + 1, height - 1)
        for j in range(width):
            donor, acceptor = phi[0, row, j], phi[1, row, j]
            solvent = one - donor - acceptor
            shared = barrier * barrier_slope(solvent, wall_floor) + extended_logarithm(solvent, floor) + one
            mu[0, row, j] = (
                (extended_logarithm(donor, floor) + one) * inverse_donor
                + (chi - chi_acceptor) * acceptor
                + chi_donor * (solvent - donor)
                + barrier * barrier_slope(donor, wall_floor)
                - shared
            )
            mu[1, row, j] = (
                (extended_logarithm(acceptor, floor) + one) * inverse_acceptor
                + (chi - chi_donor) * donor
                + chi_acceptor * (solvent - acceptor)
                + barrier * barrier_slope(acceptor, wall_floor)
                - shared
            )
            inside_s = max(solvent, floor)
            inside_d = max(donor, floor)
            inside_a = max(acceptor, floor)
            wall_s = max(solvent, wall_floor)
            wall_d = max(donor, wall_floor)
            wall_a = max(acceptor, wall_floor)
            of_solvent = one / inside_s + two * barrier / (wall_s * wall_s * wall_s)
            cross = abs(of_solvent + chi - chi_donor - chi_acceptor)
            steep[0, row, j] = cross + abs(
                inverse_donor / inside_d
                + two * barrier / (wall_d * wall_d * wall_d)
                + of_solvent
                - two * chi_donor
            )
            steep[1, row, j] = cross + abs(
                inverse_acceptor / inside_a
                + two * barrier / (wall_a * wall_a * wall_a)
                + of_solvent
                - two * chi_acceptor
            )
        for c in range(2):
            kappa = p[6 + c]
            for j in range(1, width - 1):
                centre = phi[c, row, j]
                mu[c, row, j] -= kappa * (
                    (phi[c, row, j + 1] - two * centre + phi[c, row, j - 1]) * inverse2_x
                    + (phi[c, above, j] - two * centre + phi[c, below, j]) * inverse2_z
                )
            for j in (0, width - 1):
                left = j - 1 if j > 0 else (width - 1 if periodic else 0)
                right = j + 1 if j < width - 1 else (0 if periodic else width - 1)
                centre = phi[c, row, j]
                mu[c, row, j] -= kappa * (
                    (phi[c, row, right] - two * centre + phi[c, row, left]) * inverse2_x
                    + (phi[c, above, j] - two * centre + phi[c, below, j]) * inverse2_z
                )
                if width == 1:
                    break
    for c in range(2):
        for j in range(width):
            mu[c, height - 1, j] += wall[c, j]


@inlined
def is_mixed(kind: int) -> Any:
    """Whether a closure has a cross term."""
    return kind >= ONSAGER


@inlined
def _mobilities(kind: int, phi: Any, p: Any, mobility: Any, cross: Any) -> None:
    """Mobilities (2, H, W) of one film, and the cross term (H, W) of the closure that has one."""
    height, width = phi.shape[1:]
    one = type(p[0])(1.0)
    floor = type(p[0])(_FLOOR)
    n_donor, n_acceptor = p[0], p[1]
    for row in range(height):
        if kind == CONSTANT:
            for j in range(width):
                mobility[0, row, j] = p[8]
                mobility[1, row, j] = p[9]
        elif kind >= ONSAGER:
            for j in range(width):
                donor = min(max(phi[0, row, j], floor), one - floor)
                acceptor = min(max(phi[1, row, j], floor), one - floor)
                crowd = max((donor + acceptor) / (one - floor), one)
                donor, acceptor = donor / crowd, acceptor / crowd
                if kind == ONSAGER:
                    mobility[0, row, j] = p[8] * donor * (one - donor)
                    mobility[1, row, j] = p[8] * acceptor * (one - acceptor)
                    cross[row, j] = -p[8] * donor * acceptor
                    continue
                solids = donor + acceptor
                speed = p[10] * decay(p[11] * solids)
                first, second, third = p[8] * speed * donor, p[9] * speed * acceptor, speed * (one - solids)
                if kind == FAST_MODE:
                    rest, other = one - donor, one - acceptor
                    mobility[0, row, j] = first * rest * rest + donor * donor * (second + third)
                    mobility[1, row, j] = second * other * other + acceptor * acceptor * (first + third)
                    cross[row, j] = (
                        donor * acceptor * third - first * rest * acceptor - second * other * donor
                    )
                else:
                    inverse = one / (first + second + third)
                    mobility[0, row, j] = first * (second + third) * inverse
                    mobility[1, row, j] = second * (first + third) * inverse
                    cross[row, j] = -first * second * inverse
        else:
            for j in range(width):
                donor, acceptor = phi[0, row, j], phi[1, row, j]
                solvent = min(max(one - donor - acceptor, floor), one)
                donor = n_donor * max(donor, floor)
                acceptor = n_acceptor * max(acceptor, floor)
                if kind == WODO:
                    first = p[8] * (solvent + p[9] * (one - solvent))
                    second = first
                else:
                    first, second = p[8], p[9]
                mobility[0, row, j] = first * donor * solvent / (donor + solvent)
                mobility[1, row, j] = second * acceptor * solvent / (acceptor + solvent)


@inlined
def _bounds(kappa: Any, steep: Any, mobility: Any, cross: Any, mixed: bool, stiffness: Any) -> None:
    """Both stiffnesses (2, 2) of each field of one film, see `Rates`."""
    height, width = steep.shape[1:]
    zero = mobility[0, 0, 0] * 0
    largest = np.zeros((2, width), mobility.dtype)
    product = np.zeros((2, width), mobility.dtype)
    half = type(zero)(0.5)
    around = np.empty(width, mobility.dtype)
    for row in range(height):
        above, below = max(row - 1, 0), min(row + 1, height - 1)
        for c in range(2):
            # The largest mobility of a face: next to a thin skin it is far above that of the skin itself.
            for j in range(width):
                around[j] = max(mobility[c, above, j], mobility[c, below, j])
            for j in range(1, width):
                around[j] = max(around[j], mobility[c, row, j - 1])
                around[j - 1] = max(around[j - 1], mobility[c, row, j])
            around[0] = max(around[0], mobility[c, row, width - 1])
            around[width - 1] = max(around[width - 1], mobility[c, row, 0])
            for j in range(width):
                own = mobility[c, row, j]
                size = max(own, half * (own + around[j]))
                curvature = steep[c, row, j]
                if mixed:
                    size = size + abs(cross[row, j])
                    curvature = max(curvature, steep[1 - c, row, j])
                largest[c, j] = max(largest[c, j], size)
                product[c, j] = max(product[c, j], size * curvature)
    for c in range(2):
        most, steepest = zero, zero
        for j in range(width):
            most = max(most, largest[c, j])
            steepest = max(steepest, product[c, j])
        stiffness[0, c] = steepest * type(zero)(SURPLUS)
        stiffness[1, c] = most * kappa[c] * type(zero)(SURPLUS)


@inlined
def _sweep(phi: Any, speed: Any, swept: Any) -> None:
    """Volume fractions (2, H - 1, W) on the faces between rows, see `core.sweep.swept`."""
    height, width = phi.shape[1:]
    real = type(speed)
    zero, half, one = real(0.0), real(0.5), real(1.0)
    most, least = real(LARGEST_RISE), real(SMALLEST_RISE)
    for row in range(height - 1):
        upstream, downstream = (row, row + 1) if speed > zero else (row + 1, row)
        for j in range(width):
            donor, acceptor = phi[0, upstream, j], phi[1, upstream, j]
            donors = half * (phi[0, downstream, j] - donor)
            acceptors = half * (phi[1, downstream, j] - acceptor)
            share = most * max(donor, zero) / max(donors, least)
            share = min(share, most * max(acceptor, zero) / max(acceptors, least))
            rest = most * max(one - donor - acceptor, zero) / max(-donors - acceptors, least)
            share = min(min(share, rest), one)
            swept[0, row, j] = donor + share * donors
            swept[1, row, j] = acceptor + share * acceptors


@inlined
def _inflow(
    phi: Any,
    mu: Any,
    mobility: Any,
    cross: Any,
    mixed: bool,
    periodic: bool,
    across: Any,
    down: Any,
    sweep: Any,
    dtheta: Any,
    out: Any,
) -> None:
    """d(hφ)/dt (2, H, W) of one film: h d_x(M d_x μ) and d_θ[hdot θ φ + M/h d_θ μ]."""
    height, width = phi.shape[1:]
    half = type(dtheta)(0.5)
    flux = np.empty(width + 1, phi.dtype)
    over = np.empty(width, phi.dtype)
    swept = np.empty((2, height - 1, width), phi.dtype)
    _sweep(phi, sweep, swept)
    for c in range(2):
        other = 1 - c
        over[:] = 0
        for row in range(height):
            for j in range(width - 1):
                flux[j + 1] = (
                    half
                    * (mobility[c, row, j] + mobility[c, row, j + 1])
                    * (mu[c, row, j + 1] - mu[c, row, j])
                )
            if mixed:
                for j in range(width - 1):
                    flux[j + 1] += (
                        half
                        * (cross[row, j] + cross[row, j + 1])
                        * (mu[other, row, j + 1] - mu[other, row, j])
                    )
            around = over[0] * 0
            if periodic:
                last = width - 1
                around = (
                    half * (mobility[c, row, last] + mobility[c, row, 0]) * (mu[c, row, 0] - mu[c, row, last])
                )
                if mixed:
                    around += (
                        half * (cross[row, last] + cross[row, 0]) * (mu[other, row, 0] - mu[other, row, last])
                    )
            flux[0] = around
            flux[width] = around
            if row == height - 1:
                for j in range(width):
                    out[c, row, j] = (flux[j + 1] - flux[j]) * across - over[j]
                continue
            carried = sweep * ((height - 1 - row) * dtheta)
            for j in range(width):
                under = (
                    half
                    * (mobility[c, row, j] + mobility[c, row + 1, j])
                    * (mu[c, row + 1, j] - mu[c, row, j])
                )
                if mixed:
                    under += (
                        half
                        * (cross[row, j] + cross[row + 1, j])
                        * (mu[other, row + 1, j] - mu[other, row, j])
                    )
                under = under * down - carried * swept[c, row, j]
                out[c, row, j] = (flux[j + 1] - flux[j]) * across + (under - over[j])
                over[j] = under


@loop
def film_rates(
    phi: Any,
    thickness: Any,
    hdot: Any,
    parameters: Any,
    linear: Any,
    quadratic: Any,
    product: Any,
    kind: int,
    periodic: bool,
    dx: float,
    dtheta: float,
    out: Any,
    mobility: Any,
    cross: Any,
    stiffness: Any,
) -> None:
    """Rates of ternary films between substrate and surface.

    Args:
        phi: (B, 2, H, W).
        thickness: (B,).
        hdot: dh/dt (B,).
        parameters: (B, 12): both chain lengths, chi of donor and acceptor, of donor and solvent, of
            acceptor and solvent, the barrier, both kappas, four parameters of the mobility.
        linear: of the substrate, (B, 2, W).
        quadratic: of the substrate, (B, 2, W).
        product: factor of the product of both fields in the substrate's energy, (B, W).
        kind: closure of the mobility.
        periodic: along x; walls otherwise.
        dx: width of a cell.
        dtheta: scaled depth of a cell.
        out: receives d(hφ)/dt, (B, 2, H, W).
        mobility: receives M_ii, (B, 2, H, W).
        cross: receives M_12, (B, H, W).
        stiffness: receives both stiffnesses of each field, (B, 2, 2).
    """
    mu = np.empty(phi.shape[1:], phi.dtype)
    steep = np.empty(phi.shape[1:], phi.dtype)
    for film in range(phi.shape[0]):
        equations = Equations(
            parameters[film], linear[film], quadratic[film], product[film], kind, periodic, dx, dtheta
        )
        rates_of_film(
            equations,
            phi[film],
            thickness[film],
            hdot[film],
            mu,
            steep,
            out[film],
            mobility[film],
            cross[film],
        )
        stiffness_of_film(equations, thickness[film], steep, mobility[film], cross[film], stiffness[film])


class Equations(NamedTuple):
    """What the right-hand side of one film takes, see `film_rates`."""

    parameters: Any
    linear: Any
    quadratic: Any
    product: Any
    kind: int
    periodic: bool
    dx: float
    dtheta: float


@inlined
def rates_of_film(
    film: Any,
    phi: Any,
    thickness: Any,
    hdot: Any,
    mu: Any,
    steep: Any,
    out: Any,
    mobility: Any,
    cross: Any,
) -> None:
    """Rates of one film, and its mobilities and curvatures, see `film_rates`."""
    real = phi.dtype.type
    dx, dtheta = film.dx, film.dtheta
    layer = real(thickness * dtheta)
    wall = np.empty((2, phi.shape[2]), phi.dtype)
    for c in range(2):
        for j in range(phi.shape[2]):
            slope = film.linear[c, j] + real(2.0) * film.quadratic[c, j] * phi[c, -1, j]
            slope += film.product[j] * phi[1 - c, -1, j]
            wall[c, j] = slope / layer
    _potentials(
        phi,
        real(1.0 / (thickness * dtheta) ** 2),
        real(1.0 / dx**2),
        film.periodic,
        film.parameters,
        wall,
        steep,
        mu,
    )
    _mobilities(film.kind, phi, film.parameters, mobility, cross)
    _inflow(
        phi,
        mu,
        mobility,
        cross,
        is_mixed(film.kind),
        film.periodic,
        real(thickness / dx**2),
        real(1.0 / (thickness * dtheta**2)),
        real(hdot / dtheta),
        real(dtheta),
        out,
    )


@inlined
def stiffness_of_film(
    film: Any, thickness: Any, steep: Any, mobility: Any, cross: Any, stiffness: Any
) -> None:
    """Both stiffnesses (2, 2) of each field of one film, see `film_rates`."""
    real, p = mobility.dtype.type, film.parameters
    _bounds(p[6:8], steep, mobility, cross, is_mixed(film.kind), stiffness)
    for c in range(2):
        # The wall's energy is as stiff as that of a layer of one cell.
        steepest = real(0.0)
        for j in range(film.product.shape[0]):
            steepest = max(steepest, real(2.0) * film.quadratic[c, j] + abs(film.product[j]))
        stiffness[0, c] += stiffness[1, c] / p[6 + c] * (steepest / real(thickness * film.dtheta))
