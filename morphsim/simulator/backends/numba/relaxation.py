"""Compiled loops under thermal noise: what is left of it in the modes, and the waves that grow from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.film import is_mixed
from morphsim.simulator.backends.numba.math import barrier_floor, decay
from morphsim.simulator.core.control import LEAST_POWER
from morphsim.simulator.core.energy import SMALLEST_FRACTION

# Below this, (1 - e^{-z}) / z is taken from its series.
_SMALL = 0.02
_TINY = 1e-20


@inlined
def _lasting(z: Any) -> Any:
    """(1 - e^{-z}) / z for z >= 0."""
    real = type(z)
    large = z if z > real(_SMALL) else real(_SMALL)
    far = (real(1.0) - decay(large)) / large
    near = real(1.0 / 24.0) - z * (real(1.0 / 120.0) - z * real(1.0 / 720.0))
    near = real(1.0) - z * (real(0.5) - z * (real(1.0 / 6.0) - z * near))
    return far if z > real(_SMALL) else near


@inlined
def _kept_variance(rate: Any, damping: Any, z: Any, p1: Any) -> Any:
    """The square of `kept_noise`."""
    real = type(z)
    zero, one, two = real(0.0), real(1.0), real(2.0)
    share = min(max(rate / max(damping, real(_TINY)), zero), one)
    rest = p1 + share * (one - p1)
    a = one - rest
    pull = share * z * p1 / (rest * (one + a))
    swing = (rest + two * a * pull) / (one + a)
    return min(max(p1 * (one + swing - pull) / (two * swing), zero), one)


@inlined
def relax_factors(x: Any, theta: Any, shallow: Any, dt: Any, numbers: Any, fading: Any, out: Any) -> None:
    """Factors for the noise of two fields, and minus the rates A, of modes whose k² is x + theta * shallow.

    See `core.relaxation.relaxed`.

    Args:
        x: squared wavenumbers along the film, (N,) or (1,).
        theta: squared wavenumbers in scaled depth, (1,) or (N,).
        shallow: 1 / h².
        dt: size of the step.
        numbers: A2 and A4 of both fields, <M f''> and <M> κ row by row, and κ of both fields, (14,).
        fading: the cut-off of both fields along the axis of N modes, (2, N).
        out: receives the factors 11, 12, 21, 22 of what is left of noise, and of the rates, (8, N).
    """
    real = type(dt)
    zero, half, two = real(0.0), real(0.5), real(2.0)
    # Read before the loop: it would read them again after each number that it writes.
    s21, s22, s41, s42 = numbers[0], numbers[1], numbers[2], numbers[3]
    p11, p12, p21, p22 = numbers[4], numbers[5], numbers[6], numbers[7]
    r11, r12, r21, r22 = numbers[8], numbers[9], numbers[10], numbers[11]
    along, deep = x.size > 1, theta.size > 1
    first_x, first_theta = x[0], theta[0]
    other = half * (first_theta * shallow if along or not deep else first_x)
    rest1, rest2 = decay(numbers[12] * other), decay(numbers[13] * other)
    for j in range(max(x.size, theta.size)):
        k2 = (x[j] if along else first_x) + (theta[j] if deep else first_theta) * shallow
        damping1 = max(k2 * (s21 + s41 * k2), zero)
        damping2 = max(k2 * (s22 + s42 * k2), zero)
        damping = max(damping1, damping2)
        z = dt * damping
        lasting1, lasting2 = _lasting(dt * damping1), _lasting(dt * damping2)
        p1 = min(lasting1, lasting2)
        share1, share2 = lasting1 / p1, lasting2 / p1
        a11, a12 = k2 * (p11 + r11 * k2), k2 * (p12 + r12 * k2)
        a21, a22 = k2 * (p21 + r21 * k2), k2 * (p22 + r22 * k2)
        b11, b12, b21, b22 = share1 * a11, share1 * a12, share2 * a21, share2 * a22
        mean, apart = half * (b11 + b22), half * (b11 - b22)
        apart = np.sqrt(max(apart * apart + b12 * b21, zero))
        fast = np.sqrt(_kept_variance(mean + apart, damping, z, p1))
        slow = np.sqrt(_kept_variance(mean - apart, damping, z, p1))
        slope = (fast - slow) / max(two * apart, real(_TINY))
        level = slow - slope * (mean - apart)
        alone1 = _kept_variance(a11, damping1, dt * damping1, lasting1)
        alone2 = _kept_variance(a22, damping2, dt * damping2, lasting2)
        alone1 = alone1 / _kept_variance(b11, damping, z, p1)
        alone2 = alone2 / _kept_variance(b22, damping, z, p1)
        cut1, cut2 = rest1 * fading[0, j] * np.sqrt(alone1), rest2 * fading[1, j] * np.sqrt(alone2)
        out[0, j] = (level + slope * b11) * cut1
        out[1, j] = slope * b12 * cut2
        out[2, j] = slope * b21 * cut1
        out[3, j] = (level + slope * b22) * cut2
        out[4, j] = -a11
        out[5, j] = -a12
        out[6, j] = -a21
        out[7, j] = -a22


@inlined
def fade(squares: Any, scale: Any, numbers: Any, out: Any) -> None:
    """The cut-off exp(-κ k² / 2) of both fields along one axis, (2, N); `numbers` of `relax_factors`."""
    half = type(scale)(0.5)
    first, second = half * numbers[12] * scale, half * numbers[13] * scale
    for j in range(squares.size):
        out[0, j] = decay(first * squares[j])
    for j in range(squares.size):
        out[1, j] = decay(second * squares[j])


@loop
def relax_noise(
    noise: Any,
    second: Any,
    fourth: Any,
    kappa: Any,
    dt: Any,
    stiffness2: Any,
    stiffness4: Any,
    depth: Any,
    x: Any,
    theta: Any,
    drift: Any,
) -> None:
    """What is left of the noise of one or two fields, in place, see `Backend.relax_noise`.

    Args:
        noise: real view of the modes, (B, C, H, modes or 2 * modes).
        second: factor of k² in the rates A, (B, C, C).
        fourth: factor of k⁴, (B, C, C).
        kappa: (B, C).
        dt: (B,).
        stiffness2: A2, (B, C).
        stiffness4: A4, (B, C).
        depth: h that the damping refers to, (B,).
        x: squared wavenumbers along the film, for each number of the last axis of `noise`.
        theta: squared wavenumbers in scaled depth, (H,).
        drift: receives the rates, of the shape of `noise`.
    """
    batch, fields, height, width = noise.shape
    real = dt.dtype.type
    half = real(0.5)
    factors = np.empty((8, width), dt.dtype)
    fading = np.empty((2, width), dt.dtype)
    numbers = np.empty(14, dt.dtype)
    for film in range(batch):
        shallow = real(1.0) / (depth[film] * depth[film])
        if fields == 2:
            numbers[0:2], numbers[2:4] = stiffness2[film], stiffness4[film]
            numbers[4:6], numbers[6:8] = second[film, 0], second[film, 1]
            numbers[8:10], numbers[10:12] = fourth[film, 0], fourth[film, 1]
            numbers[12:14] = kappa[film]
            fade(x, real(1.0), numbers, fading)
        for row in range(height):
            if fields == 2:
                relax_factors(x, theta[row : row + 1], shallow, dt[film], numbers, fading, factors)
            for j in range(width if fields == 1 else 0):
                k2 = x[j] + theta[row] * shallow
                rate = k2 * (second[film, 0, 0] + fourth[film, 0, 0] * k2)
                damping = max(k2 * (stiffness2[film, 0] + stiffness4[film, 0] * k2), real(0.0))
                z = dt[film] * damping
                kept = np.sqrt(_kept_variance(rate, damping, z, _lasting(z))) * decay(
                    half * kappa[film, 0] * k2
                )
                kept = kept * noise[film, 0, row, j]
                noise[film, 0, row, j] = kept
                drift[film, 0, row, j] = -rate * kept
            if fields == 1:
                continue
            for j in range(width):
                first, other = noise[film, 0, row, j], noise[film, 1, row, j]
                one = factors[0, j] * first + factors[1, j] * other
                two = factors[2, j] * first + factors[3, j] * other
                noise[film, 0, row, j], noise[film, 1, row, j] = one, two
                drift[film, 0, row, j] = factors[4, j] * one + factors[5, j] * two
                drift[film, 1, row, j] = factors[6, j] * one + factors[7, j] * two


@loop
def waves(
    content: Any,
    columns: int,
    kappa: Any,
    stiffness2: Any,
    stiffness4: Any,
    depth: Any,
    x: Any,
    theta: Any,
    power: Any,
    damping: Any,
) -> None:
    """Power and mean damping of layers and ripples, see `Backend.waves`.

    Args:
        content: real view of the modes, (B, C, H, modes or 2 * modes).
        columns: numbers of the last axis that belong to modes which are constant along x, 1 or 2.
        kappa: (B, C).
        stiffness2: A2, (B, C).
        stiffness4: A4, (B, C).
        depth: h that the damping refers to, (B,).
        x: squared wavenumbers along the film, for each number of the last axis of `content`.
        theta: squared wavenumbers in scaled depth, (H,).
        power: receives the power, (B, 2).
        damping: receives the mean damping, (B, 2).
    """
    batch, fields, height, width = content.shape
    real = x.dtype.type
    two = real(2.0)
    fading = np.empty(width, x.dtype)
    for film in range(batch):
        power[film] = 0.0
        damping[film] = 0.0
        for c in range(fields):
            s2, s4, reach = stiffness2[film, c], stiffness4[film, c], real(4.0) * kappa[film, c]
            for j in range(width):
                fading[j] = decay(reach * x[j])
            for row in range(height):
                k2_row = theta[row] / (depth[film] * depth[film])
                squares, sizes = real(0.0), real(0.0)
                for j in range(columns, width):
                    k2 = x[j] + k2_row
                    square = content[film, c, row, j] * content[film, c, row, j] * fading[j]
                    squares += square
                    sizes += square * k2 * (s2 + s4 * k2)
                deep = np.float64(decay(reach * k2_row))
                deeper = np.float64(decay(two * reach * k2_row))
                power[film, 1] += deep * squares
                damping[film, 1] += deep * sizes
                squares = real(0.0)
                for j in range(columns):
                    squares += content[film, c, row, j] * content[film, c, row, j]
                layers = deeper * squares * k2_row * k2_row
                power[film, 0] += layers
                damping[film, 0] += layers * k2_row * (s2 + s4 * k2_row)
        for kind in range(2):
            there = power[film, kind] > LEAST_POWER
            damping[film, kind] = damping[film, kind] / power[film, kind] if there else 0.0


@inlined
def mean_rates_of_film(film: Any, phi: Any, mobility: Any, cross: Any, second: Any, fourth: Any) -> None:
    """<M f''> and <M> κ of one film, (2, 2) each, see `core.relaxation.Relaxation`."""
    height, width = phi.shape[1:]
    real, p = phi.dtype.type, film.parameters
    one, two = real(1.0), real(2.0)
    floor, wall = real(SMALLEST_FRACTION), barrier_floor(p[5])
    barrier, mixed = two * p[5], is_mixed(film.kind)
    inverse_donor, inverse_acceptor = one / p[0], one / p[1]
    sums = np.zeros(7)
    for row in range(height):
        s11, s12, s21, s22 = real(0.0), real(0.0), real(0.0), real(0.0)
        m1, m2, m12 = real(0.0), real(0.0), real(0.0)
        for j in range(width):
            donor, acceptor = phi[0, row, j], phi[1, row, j]
            solvent = one - donor - acceptor
            wall_s, wall_d, wall_a = max(solvent, wall), max(donor, wall), max(acceptor, wall)
            of_solvent = one / max(solvent, floor) + barrier / (wall_s * wall_s * wall_s)
            f12 = of_solvent + p[2] - p[3] - p[4]
            f11 = inverse_donor / max(donor, floor) + barrier / (wall_d * wall_d * wall_d)
            f11 = f11 + of_solvent - two * p[3]
            f22 = inverse_acceptor / max(acceptor, floor) + barrier / (wall_a * wall_a * wall_a)
            f22 = f22 + of_solvent - two * p[4]
            first, second_mobility = mobility[0, row, j], mobility[1, row, j]
            s11 += first * f11
            s12 += first * f12
            s21 += second_mobility * f12
            s22 += second_mobility * f22
            m1 += first
            m2 += second_mobility
            if mixed:
                shared = cross[row, j]
                s11 += shared * f12
                s12 += shared * f22
                s21 += shared * f11
                s22 += shared * f12
                m12 += shared
        sums[0] += s11
        sums[1] += s12
        sums[2] += s21
        sums[3] += s22
        sums[4] += m1
        sums[5] += m12
        sums[6] += m2
    sums /= height * width
    second[0, 0], second[0, 1], second[1, 0], second[1, 1] = sums[0], sums[1], sums[2], sums[3]
    fourth[0, 0], fourth[0, 1] = sums[4] * p[6], sums[5] * p[7]
    fourth[1, 0], fourth[1, 1] = sums[5] * p[6], sums[6] * p[7]
