"""Compiled transforms of films between walls in depth: both fields of a film as one complex one.

The same orthonormal transforms as those of `Grid`. In depth they are cosine transforms, which are Fourier
transforms of reordered rows: Makhoul, IEEE Trans. Acoust. Speech Signal Process. 28 (1980) 27,
doi 10.1109/TASSP.1980.1163351. Modes are kept as (2, K, parts, depth): K modes along x, one part (cosines) or
real and imaginary part, and modes in depth, padded to whole vectors with zeros.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from morphsim.compiled import inlined
from morphsim.simulator.backends.numba.fourier import Plan, plan_of, transform_block
from morphsim.simulator.backends.numba.vectors import (
    lanes_of,
    load,
    splat,
    store,
    store_some,
    transpose,
    vector_lanes,
)


class Axis(NamedTuple):
    """What transforms along one direction need.

    Attributes:
        plan: of the complex transform.
        order: the place of each row of the complex transform among the cells, (N,).
        cosines: factors of a cosine transform for modes 0 to N/2.
        sines: the same.
    """

    plan: Plan
    order: Any
    cosines: Any
    sines: Any


class Transforms(NamedTuple):
    """What the transforms of films of one shape need.

    Attributes:
        depth: between walls.
        along: x.
        periodic: along x; walls otherwise.
        cell_rows: places of the rows of the transform in depth in a field, (H,).
        mode_rows: places of the rows of the transform along x in the workspace, (W,).
        block_rows: places of rows in a block of columns.
    """

    depth: Axis
    along: Axis
    periodic: bool
    cell_rows: Any
    mode_rows: Any
    block_rows: Any


@functools.lru_cache(maxsize=16)
def transforms_of(shape: tuple[int, int], *, periodic: bool, dtype: Any) -> Transforms:
    """What the transforms of films of `shape` (H, W) need, in the type of the fields."""
    height, width = shape
    depth, along = _axis(height, walls=True, dtype=dtype), _axis(width, walls=not periodic, dtype=dtype)
    lanes = vector_lanes(dtype)
    return Transforms(
        depth,
        along,
        periodic,
        depth.order * width,
        along.order * padded(height, dtype),
        np.arange(max(height, width)) * (2 * lanes),
    )


def padded(cells: int, dtype: Any) -> int:
    """The next whole number of vectors."""
    lanes = vector_lanes(dtype)
    return -(-cells // lanes) * lanes


def mode_shape(shape: tuple[int, int], *, periodic: bool, dtype: Any) -> tuple[int, int, int, int]:
    """Shape of the modes of a film (2, K, parts, depth)."""
    height, width = shape
    return (2, width // 2 + 1, 2, padded(height, dtype)) if periodic else (2, width, 1, padded(height, dtype))


class Workspace(NamedTuple):
    """Memory of the transforms.

    Attributes:
        turned: fields that are transformed in depth only, (2, W, H), padded.
        block: a block of columns, four times.
    """

    turned: Any
    block: Any


def workspace_of(shape: tuple[int, int], dtype: Any) -> Workspace:
    """Memory for the transforms of films of `shape`."""
    height, width = padded(shape[0], dtype), padded(shape[1], dtype)
    block = np.zeros((4, max(height, width) * 2 * vector_lanes(dtype)), dtype)
    return Workspace(np.zeros((2, width, height), dtype), block)


def _axis(cells: int, *, walls: bool, dtype: Any) -> Axis:
    order = np.arange(cells)
    if walls:
        # The even cells, and the odd ones backwards.
        order = np.concatenate((order[::2], order[1::2][::-1]))
    scale = np.full(cells // 2 + 1, 1.0 / np.sqrt(2.0 * cells))
    scale[0] = 1.0 / np.sqrt(cells)
    angles = np.pi * np.arange(cells // 2 + 1) / (2.0 * cells)
    cosines, sines = (scale * np.cos(angles)).astype(dtype), (scale * np.sin(angles)).astype(dtype)
    return Axis(plan_of(cells, dtype), order.astype(np.int64), cosines, sines)


@inlined
def forward(transforms: Any, fields: Any, work: Any, modes: Any) -> None:
    """Modes (2, K, parts, depth) of fields (2, H, W)."""
    height, width = fields.shape[1:]
    block, turned = work.block, work.turned
    lanes, deep, across = lanes_of(block), turned.shape[2], turned.shape[1]
    row = 2 * lanes
    for direction in range(2):
        axis = transforms.depth if direction == 0 else transforms.along
        rows = transforms.cell_rows if direction == 0 else transforms.mode_rows
        source = fields.reshape(-1) if direction == 0 else turned.reshape(-1)
        apart = height * width if direction == 0 else across * deep
        end = width if direction == 0 else deep
        for start in range(0, end, lanes):
            transform_block(
                axis.plan,
                source,
                start,
                source,
                apart + start,
                rows,
                end - start,
                block,
            )
            if direction == 1 and transforms.periodic:
                _split_waves(width, block[0], modes, start)
                continue
            _split_cosines(axis, height if direction == 0 else width, block[0])
            if direction == 1:
                for k in range(width):
                    store(modes, k * deep + start, load(block[0], k * row))
                    store(modes, (width + k) * deep + start, load(block[0], k * row + lanes))
                continue
            block[0, height * row : deep * row] = 0
            for z in range(0, deep, lanes):
                for part in range(2):
                    transpose(
                        block[0],
                        z * row + part * lanes,
                        row,
                        turned,
                        (part * across + start) * deep + z,
                        deep,
                    )


@inlined
def inverse(transforms: Any, modes: Any, work: Any, scale: Any, fields: Any) -> None:
    """Fields (2, H, W) of modes (2, K, parts, depth), times `scale`."""
    height, width = fields.shape[1:]
    block, turned = work.block, work.turned
    lanes, deep, across = lanes_of(block), turned.shape[2], turned.shape[1]
    row = 2 * lanes
    for direction in range(2):
        axis = transforms.along if direction == 0 else transforms.depth
        rows = transforms.mode_rows if direction == 0 else transforms.cell_rows
        target = turned.reshape(-1) if direction == 0 else fields.reshape(-1)
        apart = across * deep if direction == 0 else height * width
        cells, end = (width, deep) if direction == 0 else (height, width)
        for start in range(0, end, lanes):
            if direction == 0 and transforms.periodic:
                _join_waves(width, modes, start, block[0])
            else:
                if direction == 0:
                    for k in range(width):
                        store(block[1], k * row, load(modes, k * deep + start))
                        store(block[1], k * row + lanes, load(modes, (width + k) * deep + start))
                else:
                    for z in range(0, deep, lanes):
                        for part in range(2):
                            at = (part * across + start) * deep + z
                            transpose(turned, at, deep, block[1], z * row + part * lanes, row)
                _join_cosines(axis, cells, block[1], block[0])
            # With real and imaginary parts exchanged, the transform is the inverse one.
            transform_block(
                axis.plan,
                block[0],
                lanes,
                block[0],
                0,
                transforms.block_rows,
                lanes,
                block,
            )
            factor = block.dtype.type(1.0 if direction == 0 else scale)
            for k in range(cells):
                place = rows[k] + start
                store_some(target, place, load(block[0], k * row + lanes) * factor, end - start)
                store_some(target, apart + place, load(block[0], k * row) * factor, end - start)


@inlined
def _split_cosines(axis: Any, cells: int, block: Any) -> None:
    """From a transform of both fields as one to the cosine transforms of each, in place."""
    lanes = lanes_of(block)
    row = 2 * lanes
    c = axis.cosines[0]
    store(block, 0, load(block, 0) * c)
    store(block, lanes, load(block, lanes) * c)
    for k in range(1, cells // 2 + 1):
        i, j = k * row, (cells - k) * row
        c, s = axis.cosines[k], axis.sines[k]
        x, y, u, v = load(block, i), load(block, i + lanes), load(block, j), load(block, j + lanes)
        sum_x, sum_y, difference_x, difference_y = x + u, y + v, u - x, y - v
        store(block, j, sum_x * s - difference_y * c)
        store(block, j + lanes, sum_y * s - difference_x * c)
        store(block, i, sum_x * c + difference_y * s)
        store(block, i + lanes, sum_y * c + difference_x * s)


@inlined
def _join_cosines(axis: Any, cells: int, block: Any, out: Any) -> None:
    """Undo `_split_cosines`, up to the inverse transform that follows."""
    lanes = lanes_of(block)
    row = 2 * lanes
    c = axis.cosines[0]
    store(out, 0, load(block, 0) * c)
    store(out, lanes, load(block, lanes) * c)
    for k in range(1, cells // 2 + 1):
        i, j = k * row, (cells - k) * row
        c, s = axis.cosines[k], axis.sines[k]
        x, y, u, v = load(block, i), load(block, i + lanes), load(block, j), load(block, j + lanes)
        first, second, third, fourth = x + v, y - u, u + y, v - x
        store(out, j, third * s - fourth * c)
        store(out, j + lanes, third * c + fourth * s)
        store(out, i, first * c - second * s)
        store(out, i + lanes, first * s + second * c)


@inlined
def _split_waves(cells: int, block: Any, modes: Any, z: int) -> None:
    """From a transform of both fields as one to the half spectrum of each."""
    lanes, deep = lanes_of(block), modes.shape[3]
    row = 2 * lanes
    whole, half = block.dtype.type(1.0 / np.sqrt(cells)), block.dtype.type(0.5 / np.sqrt(cells))
    acceptor = modes.shape[1] * 2 * deep
    x, y, nothing = load(block, 0), load(block, lanes), splat(block, 0.0)
    store(modes, z, x * whole)
    store(modes, deep + z, nothing)
    store(modes, acceptor + z, y * whole)
    store(modes, acceptor + deep + z, nothing)
    for k in range(1, cells // 2 + 1):
        i, j = k * row, (cells - k) * row
        x, y, u, v = load(block, i), load(block, i + lanes), load(block, j), load(block, j + lanes)
        o = 2 * k * deep + z
        store(modes, o, (x + u) * half)
        store(modes, o + deep, (y - v) * half)
        store(modes, o + acceptor, (y + v) * half)
        store(modes, o + acceptor + deep, (u - x) * half)


@inlined
def _join_waves(cells: int, modes: Any, z: int, block: Any) -> None:
    """From the half spectra of both fields to the transform of both as one."""
    lanes, deep = lanes_of(block), modes.shape[3]
    row = 2 * lanes
    scale = block.dtype.type(1.0 / np.sqrt(cells))
    acceptor = modes.shape[1] * 2 * deep
    store(block, 0, load(modes, z) * scale)
    store(block, lanes, load(modes, acceptor + z) * scale)
    for k in range(1, (cells + 1) // 2):
        i, j, o = k * row, (cells - k) * row, 2 * k * deep + z
        x, y = load(modes, o) * scale, load(modes, o + deep) * scale
        u, v = load(modes, o + acceptor) * scale, load(modes, o + acceptor + deep) * scale
        store(block, i, x - v)
        store(block, i + lanes, y + u)
        store(block, j, x + v)
        store(block, j + lanes, u - y)
    if cells % 2 == 0:
        # The imaginary part of the shortest wave counts for nothing.
        k = cells // 2
        o = 2 * k * deep + z
        store(block, k * row, load(modes, o) * scale)
        store(block, k * row + lanes, load(modes, o + acceptor) * scale)
