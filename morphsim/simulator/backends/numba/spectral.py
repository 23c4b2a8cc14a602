"""Compiled steps of one film of constant mobility and fixed height: what lies between its transforms.

Modes are real views (H, width), complex numbers as pairs. What goes into a transform or comes out of it is
folded between walls: cosines are even or odd about the middle, so that sums and differences of mirrored cells
need half the products. A folded direction of N cells holds the N - N // 2 sums (or even modes) first, then
the N // 2 differences (or odd modes).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.local import curvature_range, middle_of, potential_of
from morphsim.simulator.backends.numba.step import MODES_AT_ONCE, advance_chunk, weigh_modes
from morphsim.simulator.core.etd import SPARE

# Extremes are kept for this many cells side by side, so that the loop has no reduction of them.
_LANES = 64
# Rows and columns that are transposed together fit into the cache.
_BLOCK = 16


@loop
def advance_film(
    rates: Any,
    rate_change: Any,
    content_change: Any,
    older_rate_change: Any,
    older_content_change: Any,
    content: Any,
    numbers: Any,
    x: Any,
    theta: Any,
    folded: Any,
    change_out: Any,
    content_out: Any,
    spectrum: Any,
) -> None:
    """The update of the modes, see `Backend.advance_modes`, and the modes of the new fields.

    Args:
        rates: R_n.
        rate_change: R_n - R_{n-1}.
        content_change: q_n - q_{n-1}.
        older_rate_change: R_{n-1} - R_{n-2}.
        older_content_change: q_{n-1} - q_{n-2}.
        content: q_n.
        numbers: Δt, the six of `control.step_weights`, A2, A4, h, and the factor from the content to what is
            to be transformed, (11,).
        x: squared wavenumbers along x, (modes,).
        theta: squared wavenumbers in scaled depth, (H,).
        folded: whether each direction lies between walls, (2,).
        change_out: receives q_{n+1} - q_n.
        content_out: receives q_{n+1}.
        spectrum: receives the scaled q_{n+1} in the order of the transform.
    """
    height, width = rates.shape
    depth, scale = numbers[9], numbers[10]
    of_modes, weights = np.empty(4 * MODES_AT_ONCE, rates.dtype), np.empty(8 * MODES_AT_ONCE, rates.dtype)
    scaled = np.empty(width, rates.dtype)
    # Along a periodic depth, rows of opposite wavenumbers have the same weights.
    for top in range(height if folded[0] else height // 2 + 1):
        mirrored = top if folded[0] else (height - top) % height
        k2 = theta[top] / (depth * depth)
        for first in range(0, x.size, MODES_AT_ONCE):
            last = min(first + MODES_AT_ONCE, x.size)
            start, end = first * (width // x.size), last * (width // x.size)
            weigh_modes(x[first:last], k2, numbers, width != x.size, of_modes, weights)
            for row in range(top, mirrored + 1, max(mirrored - top, 1)):
                advance_chunk(
                    rates[row, start:end],
                    rate_change[row, start:end],
                    content_change[row, start:end],
                    older_rate_change[row, start:end],
                    older_content_change[row, start:end],
                    weights,
                    change_out[row, start:end],
                )
        for row in range(top, mirrored + 1, max(mirrored - top, 1)):
            for j in range(width):
                content_out[row, j] = content[row, j] + change_out[row, j]
            of_row = spectrum[_folded_place(row, height) if folded[0] else row]
            if folded[1]:
                for j in range(width):
                    scaled[j] = scale * content_out[row, j]
                _sort_modes(scaled, of_row)
            else:
                for j in range(width):
                    of_row[j] = scale * content_out[row, j]


@loop
def compare_fields(raw: Any, old: Any, before: Any, ratio: Any, folded: Any, phi: Any, found: Any) -> None:
    """New fields (H, W), and how far they are from the extrapolation of the old ones.

    Args:
        raw: what the inverse transform left.
        old: φ_n.
        before: φ_{n-1}.
        ratio: of the steps.
        folded: whether each direction lies between walls, (2,).
        phi: receives φ_{n+1}.
        found: receives the largest rms of a row in its first place, float64.
    """
    height, width = phi.shape
    w = phi.dtype.type(ratio)
    parts = np.empty((2, width), phi.dtype)
    worst = 0.0
    broken = False
    half = height - height // 2
    for top in range(half if folded[0] else height):
        mirrored = height - 1 - top if folded[0] else top
        if mirrored != top:
            _add_and_subtract(raw[top], raw[half + top], parts[0], parts[1])
            _unfold(parts[0], folded[1], phi[top])
            _unfold(parts[1], folded[1], phi[mirrored])
        else:
            _unfold(raw[top], folded[1], phi[top])
        for row in range(top, mirrored + 1, max(mirrored - top, 1)):
            squares = phi.dtype.type(0.0)
            for j in range(width):
                rest = phi[row, j] - old[row, j]
                rest = rest - w * (old[row, j] - before[row, j])
                squares += rest * rest
            rms = np.sqrt(np.float64(squares) / width)
            if not np.isfinite(rms):
                broken = True
            worst = max(worst, rms)
    found[0] = np.inf if broken else worst


@loop
def potential_of_film(phi: Any, kind: Any, parameters: Any, folded: Any, potential: Any, found: Any) -> None:
    """Potential of fields (H, W), and what their extremes say.

    Args:
        phi: (H, W).
        kind: of the energy, see `potential_of`.
        parameters: of the energy.
        folded: whether each direction lies between walls, (2,).
        potential: receives what is to be transformed of ∂f/∂φ.
        found: receives, from its second place on, the smallest volume fraction, the contrast, and the
            curvature that the damping is made of, float64.
    """
    height, width = phi.shape
    real = phi.dtype.type
    middle = middle_of(kind, parameters)
    extremes = np.empty(3 * _LANES, phi.dtype)
    extremes[: 2 * _LANES] = np.inf
    extremes[2 * _LANES :] = -np.inf
    parts, potentials = np.empty((2, width), phi.dtype), np.empty((2, width), phi.dtype)
    half = height - height // 2
    for top in range(half if folded[0] else height):
        mirrored = height - 1 - top if folded[0] else top
        for row in range(top, mirrored + 1, max(mirrored - top, 1)):
            _keep_extremes(phi[row], middle, extremes)
        if not (folded[0] or folded[1]):
            potential_of(kind, phi[top], parameters, potential[top])
            continue
        potential_of(kind, phi[top], parameters, potentials[0])
        if mirrored != top:
            potential_of(kind, phi[mirrored], parameters, potentials[1])
            _add_and_subtract(potentials[0], potentials[1], parts[0], parts[1])
            _fold(parts[0], folded[1], potential[top])
            _fold(parts[1], folded[1], potential[half + top])
        else:
            _fold(potentials[0], folded[1], potential[top])
    nearest, least = extremes[:_LANES].min(), extremes[_LANES : 2 * _LANES].min()
    most = extremes[2 * _LANES :].max()
    flattest, steepest = curvature_range(kind, middle + nearest, least, most, parameters)
    found[1] = min(np.float64(least), 1.0 - np.float64(most))
    found[2] = np.float64(most - least)
    # As in `FilmModel`.
    found[3] = steepest - real(SPARE) * min(steepest - flattest, max(steepest, real(0.0)))


@loop
def rates_of_modes(
    mu: Any,
    content: Any,
    rates: Any,
    numbers: Any,
    x: Any,
    theta: Any,
    folded: Any,
    rates_out: Any,
    rate_change: Any,
) -> None:
    """Rates -M k² (h F[μ] + κ k² q), and how they changed.

    Args:
        mu: what the transform left of the potential.
        content: q.
        rates: before the step.
        numbers: M, κ, h, and the factor from `mu` to F[μ], (4,).
        x: squared wavenumbers along x, twice for complex modes, (width,).
        theta: squared wavenumbers in scaled depth, (H,).
        folded: whether each direction lies between walls, (2,).
        rates_out: receives the rates.
        rate_change: receives the rates less `rates`.
    """
    height, width = content.shape
    mobility, kappa, h = -numbers[0], numbers[1], numbers[2]
    factor = h * numbers[3]
    merged = np.empty(width, mu.dtype)
    for row in range(height):
        depth = theta[row] / (h * h)
        of_row = mu[_folded_place(row, height) if folded[0] else row]
        if folded[1]:
            _merge_modes(of_row, merged)
            of_row = merged
        for j in range(width):
            k2 = x[j] + depth
            rates_out[row, j] = mobility * k2 * (factor * of_row[j] + kappa * k2 * content[row, j])
        for j in range(width):
            rate_change[row, j] = rates_out[row, j] - rates[row, j]


@loop
def upright(columns: Any, rows: Any) -> None:
    """Transpose (modes, H) to (H, modes), the rows in the order of an inverse transform of the columns.

    A forward transform with its output read backwards is an inverse one, and faster.
    """
    modes, height = columns.shape
    for first in range(0, modes, _BLOCK):
        for top in range(0, height, _BLOCK):
            for row in range(top, min(top + _BLOCK, height)):
                place = height - row if row > 0 else 0
                for mode in range(first, min(first + _BLOCK, modes)):
                    rows[place, mode] = columns[mode, row]


@inlined
def _keep_extremes(phi: Any, middle: Any, extremes: Any) -> None:
    """Keep what is nearest to `middle`, the smallest and the largest of (N,) cells."""
    for start in range(0, phi.size, _LANES):
        cells = phi[start : min(start + _LANES, phi.size)]
        for lane in range(cells.size):
            value = cells[lane]
            extremes[lane] = min(extremes[lane], abs(value - middle))
            extremes[_LANES + lane] = min(extremes[_LANES + lane], value)
            extremes[2 * _LANES + lane] = max(extremes[2 * _LANES + lane], value)


@inlined
def _add_and_subtract(one: Any, other: Any, sums: Any, differences: Any) -> None:
    for j in range(one.size):
        sums[j] = one[j] + other[j]
        differences[j] = one[j] - other[j]


@inlined
def _folded_place(mode: Any, cells: Any) -> Any:
    """Where a mode stands when even modes come first."""
    return mode // 2 if mode % 2 == 0 else cells - cells // 2 + mode // 2


@inlined
def _sort_modes(modes: Any, out: Any) -> None:
    """Even modes (N,) first."""
    half = modes.size - modes.size // 2
    for j in range(half):
        out[j] = modes[2 * j]
    for j in range(modes.size // 2):
        out[half + j] = modes[2 * j + 1]


@inlined
def _merge_modes(modes: Any, out: Any) -> None:
    """Undo `_sort_modes`."""
    half = modes.size - modes.size // 2
    for j in range(half):
        out[2 * j] = modes[j]
    for j in range(modes.size // 2):
        out[2 * j + 1] = modes[half + j]


@inlined
def _fold(cells: Any, between_walls: Any, out: Any) -> None:
    """Sums and differences of mirrored cells (N,) of a direction between walls; else a copy."""
    last = cells.size - 1
    half = cells.size - cells.size // 2
    if between_walls:
        # The cell in the middle stands alone.
        out[half - 1] = cells[half - 1]
        for j in range(cells.size // 2):
            out[j] = cells[j] + cells[last - j]
            out[half + j] = cells[j] - cells[last - j]
    else:
        for j in range(cells.size):
            out[j] = cells[j]


@inlined
def _unfold(cells: Any, between_walls: Any, out: Any) -> None:
    """Both halves (N,) of a direction from its parts that are even and odd; else a copy."""
    last = cells.size - 1
    half = cells.size - cells.size // 2
    if between_walls:
        out[half - 1] = cells[half - 1]
        for j in range(cells.size // 2):
            out[j] = cells[j] + cells[half + j]
            out[last - j] = cells[j] - cells[half + j]
    else:
        for j in range(cells.size):
            out[j] = cells[j]
