"""Complex Fourier transforms of any length, of many columns side by side.

The mixed-radix algorithm of Stockham, whose output is in order: Van Loan, Computational Frameworks for the
Fast Fourier Transform (1992), doi 10.1137/1.9781611970999, section 1.7. A block of columns as wide as a
`Vector` is transformed at a time, so that every operation is one on vectors, whatever the length. Rows of a
block hold the real and then the imaginary parts of its columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from numba import types
from numba.extending import overload

from morphsim.compiled import INLINED, inlined
from morphsim.simulator.backends.numba.vectors import lanes_of, load_some, splat, store

_SMALL_PRIMES = (5, 4, 3, 2)


class Plan(NamedTuple):
    """What transforms of one length need.

    Attributes:
        radices: whose product is the length, int64.
        roots: cosines and sines of -2π k / length, (2, length).
    """

    radices: Any
    roots: Any


def plan_of(length: int, dtype: Any) -> Plan:
    """The plan for a length, in the type of the fields."""
    radices, rest, candidate = [], length, 7
    for radix in _SMALL_PRIMES:
        while rest % radix == 0:
            radices.append(radix)
            rest //= radix
    while rest > 1:
        while rest % candidate == 0:
            radices.append(candidate)
            rest //= candidate
        candidate += 2
    angles = -2.0 * np.pi * np.arange(length) / length
    roots = np.stack((np.cos(angles), np.sin(angles))).astype(dtype)
    return Plan(np.array([*radices, 1, 1][: max(2, len(radices))], np.int64), roots)


class Rows(NamedTuple):
    """Where a pass reads complex rows.

    Attributes:
        real: flat array that holds the real parts.
        real_start: place of the first column of the first row.
        imag: flat array that holds the imaginary parts.
        imag_start: the same.
        places: of the rows from the first, (N,) or more, or the distance between rows.
        columns: that there are; the rest of a vector is 0.
    """

    real: Any
    real_start: int
    imag: Any
    imag_start: int
    places: Any
    columns: int


@inlined
def transform_block(
    plan: Any,
    real: Any,
    real_start: int,
    imag: Any,
    imag_start: int,
    places: Any,
    count: int,
    block: Any,
) -> None:
    """Transform a block of columns.

    Args:
        plan: of the length N.
        real: flat array that holds the real parts.
        real_start: place of the first column of the first row.
        imag: flat array that holds the imaginary parts.
        imag_start: the same.
        places: of the rows from the first, (N,) or more.
        count: columns that there are; the rest of a vector is 0.
        block: flat arrays of N rows of two vectors each, (4, .); the result is in the first.
    """
    radices, roots = plan
    branches, last = radices[0], radices.size - 1
    part = roots.shape[1] // branches
    lanes = lanes_of(block)
    row = 2 * lanes
    # The first pass leaves transforms of `part` rows each, which stay in the nearest cache.
    source = Rows(real, real_start, imag, imag_start, places, count)
    _pass(branches, part, 1, 1, roots, source, 0, block[1], 0, row, row, part * row)
    for branch in range(branches):
        done, left, at, before = 1, part, branch * part, block[1]
        for number in range(1, last + 1):
            radix = radices[number]
            left //= radix
            inner = Rows(before, 0, before, lanes, row, lanes)
            ends = number == last
            after = block[0] if ends else block[2 + number % 2]
            to, each = (branch * row, branches * row) if ends else (0, row)
            _pass(
                radix,
                left,
                done,
                branches,
                roots,
                inner,
                at,
                after,
                to,
                radix * done * row,
                each,
                done * each,
            )
            done, at, before = done * radix, 0, after


@inlined
def _pass(
    radix: int,
    left: int,
    done: int,
    scale: int,
    roots: Any,
    source: Any,
    at: int,
    out: Any,
    to: int,
    each_p: int,
    each_q: int,
    step: int,
) -> None:
    """Combine rows `done * left` apart, `radix` at a time.

    Args:
        radix: of this pass.
        left: product of the radices of later passes.
        done: product of those of earlier ones.
        scale: length of the whole transform over that of this one.
        roots: of the whole transform.
        source: where the rows are read.
        at: the first of them.
        out: flat array of rows that receives the results.
        to: place of the first.
        each_p: distance of the results of the next of `left` groups.
        each_q: distance of those of the next row in a group.
        step: distance of the next of `radix` results.
    """
    for p in range(left):
        first, o, turn = at + p * done, to + p * each_p, p * done * scale
        if radix == 5:
            _of_five(roots, turn, source, first, done * left, done, out, o, each_q, step)
        elif radix == 4:
            _of_four(roots, turn, source, first, done * left, done, out, o, each_q, step)
        elif radix == 3:
            _of_three(roots, turn, source, first, done * left, done, out, o, each_q, step)
        elif radix == 2:
            _of_two(roots, turn, source, first, done * left, done, out, o, each_q, step)
        else:
            _of_many(radix, roots, turn, source, first, done * left, done, out, o, each_q, step)


def _place(places: Any, row: int) -> Any:
    """Place of a row: of a table, or the same distance further for each row."""
    raise NotImplementedError


@overload(_place, jit_options=cast(Any, INLINED))
def _place_of(places: Any, row: Any) -> Any:
    if isinstance(places, types.Integer):

        def even(places: Any, row: Any) -> Any:
            return places * row

        return even

    def listed(places: Any, row: Any) -> Any:
        return places[row]

    return listed


@inlined
def _row(source: Any, row: int) -> Any:
    """Real and imaginary part of a row."""
    place = _place(source.places, row)
    return (
        load_some(source.real, source.real_start + place, source.columns),
        load_some(source.imag, source.imag_start + place, source.columns),
    )


@inlined
def _put(out: Any, o: int, x: Any, y: Any) -> None:
    store(out, o, x)
    store(out, o + lanes_of(out), y)


@inlined
def _of_two(
    roots: Any,
    turn: int,
    source: Any,
    at: int,
    apart: int,
    done: int,
    out: Any,
    o: int,
    next_o: int,
    step: int,
) -> None:
    c, s = roots[0, turn], roots[1, turn]
    for q in range(done):
        x0, y0 = _row(source, at + q)
        x1, y1 = _row(source, at + q + apart)
        a, b = x0 - x1, y0 - y1
        _put(out, o, x0 + x1, y0 + y1)
        _put(out, o + step, a * c - b * s, a * s + b * c)
        o += next_o


@inlined
def _of_three(
    roots: Any,
    turn: int,
    source: Any,
    at: int,
    apart: int,
    done: int,
    out: Any,
    o: int,
    next_o: int,
    step: int,
) -> None:
    real = roots.dtype.type
    half, high = real(0.5), real(0.8660254037844386)
    c1, s1, c2, s2 = roots[0, turn], roots[1, turn], roots[0, 2 * turn], roots[1, 2 * turn]
    for q in range(done):
        x0, y0 = _row(source, at + q)
        x1, y1 = _row(source, at + q + apart)
        x2, y2 = _row(source, at + q + 2 * apart)
        sum_x, sum_y = x1 + x2, y1 + y2
        u, v = (x1 - x2) * high, (y1 - y2) * high
        _put(out, o, x0 + sum_x, y0 + sum_y)
        x, y = x0 - sum_x * half, y0 - sum_y * half
        a, b = x + v, y - u
        _put(out, o + step, a * c1 - b * s1, a * s1 + b * c1)
        a, b = x - v, y + u
        _put(out, o + 2 * step, a * c2 - b * s2, a * s2 + b * c2)
        o += next_o


@inlined
def _of_four(
    roots: Any,
    turn: int,
    source: Any,
    at: int,
    apart: int,
    done: int,
    out: Any,
    o: int,
    next_o: int,
    step: int,
) -> None:
    c1, s1, c2, s2 = roots[0, turn], roots[1, turn], roots[0, 2 * turn], roots[1, 2 * turn]
    c3, s3 = roots[0, 3 * turn], roots[1, 3 * turn]
    for q in range(done):
        x0, y0 = _row(source, at + q)
        x1, y1 = _row(source, at + q + apart)
        x2, y2 = _row(source, at + q + 2 * apart)
        x3, y3 = _row(source, at + q + 3 * apart)
        even_x, even_y, odd_x, odd_y = x0 + x2, y0 + y2, x1 + x3, y1 + y3
        left_x, left_y, right_x, right_y = x0 - x2, y0 - y2, x1 - x3, y1 - y3
        _put(out, o, even_x + odd_x, even_y + odd_y)
        a, b = left_x + right_y, left_y - right_x
        _put(out, o + step, a * c1 - b * s1, a * s1 + b * c1)
        a, b = even_x - odd_x, even_y - odd_y
        _put(out, o + 2 * step, a * c2 - b * s2, a * s2 + b * c2)
        a, b = left_x - right_y, left_y + right_x
        _put(out, o + 3 * step, a * c3 - b * s3, a * s3 + b * c3)
        o += next_o


@inlined
def _of_five(
    roots: Any,
    turn: int,
    source: Any,
    at: int,
    apart: int,
    done: int,
    out: Any,
    o: int,
    next_o: int,
    step: int,
) -> None:
    real = roots.dtype.type
    near_c, far_c = real(0.30901699437494745), real(-0.8090169943749475)
    near_s, far_s = real(0.9510565162951535), real(0.5877852522924731)
    c1, s1, c2, s2 = roots[0, turn], roots[1, turn], roots[0, 2 * turn], roots[1, 2 * turn]
    c3, s3, c4, s4 = roots[0, 3 * turn], roots[1, 3 * turn], roots[0, 4 * turn], roots[1, 4 * turn]
    for q in range(done):
        x0, y0 = _row(source, at + q)
        x1, y1 = _row(source, at + q + apart)
        x2, y2 = _row(source, at + q + 2 * apart)
        x3, y3 = _row(source, at + q + 3 * apart)
        x4, y4 = _row(source, at + q + 4 * apart)
        e_x, e_y, f_x, f_y = x1 + x4, y1 + y4, x2 + x3, y2 + y3
        g_x, g_y, h_x, h_y = x1 - x4, y1 - y4, x2 - x3, y2 - y3
        _put(out, o, x0 + e_x + f_x, y0 + e_y + f_y)
        x, y = x0 + e_x * near_c + f_x * far_c, y0 + e_y * near_c + f_y * far_c
        u, v = g_y * near_s + h_y * far_s, g_x * near_s + h_x * far_s
        a, b = x + u, y - v
        _put(out, o + step, a * c1 - b * s1, a * s1 + b * c1)
        a, b = x - u, y + v
        _put(out, o + 4 * step, a * c4 - b * s4, a * s4 + b * c4)
        x, y = x0 + e_x * far_c + f_x * near_c, y0 + e_y * far_c + f_y * near_c
        u, v = g_y * far_s - h_y * near_s, g_x * far_s - h_x * near_s
        a, b = x + u, y - v
        _put(out, o + 2 * step, a * c2 - b * s2, a * s2 + b * c2)
        a, b = x - u, y + v
        _put(out, o + 3 * step, a * c3 - b * s3, a * s3 + b * c3)
        o += next_o


@inlined
def _of_many(
    radix: int,
    roots: Any,
    turn: int,
    source: Any,
    at: int,
    apart: int,
    done: int,
    out: Any,
    o: int,
    next_o: int,
    step: int,
) -> None:
    """The sums of the definition, with two rows at a time."""
    circle = roots.shape[1] // radix
    for q in range(done):
        first = at + q
        for k in range(radix // 2 + 1):
            even_x, even_y = _row(source, first)
            odd_x, odd_y = splat(roots, 0.0), splat(roots, 0.0)
            place = 0
            for j in range(1, (radix + 1) // 2):
                place += k
                if place >= radix:
                    place -= radix
                c, s = roots[0, place * circle], roots[1, place * circle]
                x, y = _row(source, first + j * apart)
                u, v = _row(source, first + (radix - j) * apart)
                even_x, even_y = even_x + (x + u) * c, even_y + (y + v) * c
                odd_x, odd_y = odd_x + (y - v) * s, odd_y + (x - u) * s
            if radix % 2 == 0:
                sign = roots.dtype.type(1 - 2 * (k % 2))
                x, y = _row(source, first + radix // 2 * apart)
                even_x, even_y = even_x + x * sign, even_y + y * sign
            a, b, c, s = even_x - odd_x, even_y + odd_y, roots[0, k * turn], roots[1, k * turn]
            _put(out, o + k * step, a * c - b * s, a * s + b * c)
            if 0 < k < radix - k:
                other = radix - k
                a, b, c, s = even_x + odd_x, even_y - odd_y, roots[0, other * turn], roots[1, other * turn]
                _put(out, o + other * step, a * c - b * s, a * s + b * c)
        o += next_o
