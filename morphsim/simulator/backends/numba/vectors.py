"""Short vectors of numbers as values in compiled functions: what is written with them needs no vectoriser.

Loops over many arrays are not vectorised by the compiler, which can't tell whether the arrays overlap.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import lower_builtin, register_model, type_callable

# Typed as anything, since compiled functions call intrinsics without the typing context.
_intrinsic: Any = numba_intrinsic
_BYTES = 64
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


def vector_lanes(dtype: Any) -> int:
    """How many numbers a vector holds."""
    return _BYTES // int(np.dtype(dtype).itemsize)


class Vector(types.Type):
    """Numbers of one type, that are loaded, added, subtracted and multiplied side by side."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.lanes = _BYTES * 8 // real.bitwidth
        super().__init__(name=f"Vector({real})")

    @property
    def form(self) -> ir.VectorType:
        """Its type in LLVM."""
        return ir.VectorType(ir.FloatType() if self.real == types.float32 else ir.DoubleType(), self.lanes)

    @property
    def alignment(self) -> int:
        """Of any place in an array of such numbers [bytes]."""
        return int(self.real.bitwidth) // 8


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.form)


def _arithmetic(symbol: Callable[..., Any], instruction: str) -> None:
    """Let a vector be combined with another, or with one number."""

    @type_callable(symbol)
    def _(context: Any) -> Callable[..., Any]:
        def result(one: Any, other: Any) -> Any:
            return one if isinstance(one, Vector) and other in (one, one.real) else None

        return result

    @lower_builtin(symbol, Vector, Vector)
    def _(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return getattr(builder, instruction)(*values)

    @lower_builtin(symbol, Vector, types.Float)
    def _(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return getattr(builder, instruction)(values[0], _repeated(builder, values[1], values[0].type))


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")


@_intrinsic
def lanes_of(typing_context: Any, array: Any) -> Any:
    """How many numbers of the type of an array a vector holds."""
    lanes = Vector(array.dtype).lanes

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return ir.Constant(_INT64, lanes)

    return types.intp(array), generate


@_intrinsic
def splat(typing_context: Any, array: Any, value: Any) -> Any:
    """A vector of one number, of the type of an array."""
    vector = Vector(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = context.cast(builder, values[1], signature.args[1], vector.real)
        return _repeated(builder, number, vector.form)

    return vector(array, value), generate


@_intrinsic
def load(typing_context: Any, array: Any, place: Any) -> Any:
    """The vector at a place of a contiguous array, counted in numbers from its start."""
    vector = Vector(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _whole(context, builder, signature, values, 1)
        pointer = _pointer(context, builder, signature.args[0], values[0], place)
        return builder.load(pointer, align=vector.alignment)

    return vector(array, place), generate


@_intrinsic
def store(typing_context: Any, array: Any, place: Any, value: Any) -> Any:
    """Put a vector at a place of a contiguous array."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _whole(context, builder, signature, values, 1)
        pointer = _pointer(context, builder, signature.args[0], values[0], place)
        builder.store(values[2], pointer, align=signature.args[2].alignment)
        return context.get_dummy_value()

    return types.none(array, place, value), generate


@_intrinsic
def load_some(typing_context: Any, array: Any, place: Any, count: Any) -> Any:
    """The first `count` numbers of a vector, and zeros; nothing beyond them is read."""
    vector = Vector(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        form = vector.form
        place = _whole(context, builder, signature, values, 1)
        pointer = _pointer(context, builder, signature.args[0], values[0], place)
        mask = _mask(builder, _whole(context, builder, signature, values, 2), vector.lanes)
        kind = ir.FunctionType(form, [pointer.type, _INT32, mask.type, form])
        name = f"llvm.masked.load.v{vector.lanes}f{vector.real.bitwidth}.p0"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        align, zeros = ir.Constant(_INT32, vector.alignment), ir.Constant(form, None)
        return builder.call(function, [pointer, align, mask, zeros])

    return vector(array, place, count), generate


@_intrinsic
def store_some(typing_context: Any, array: Any, place: Any, value: Any, count: Any) -> Any:
    """Put the first `count` numbers of a vector at a place; nothing beyond them is written."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = signature.args[2]
        place = _whole(context, builder, signature, values, 1)
        pointer = _pointer(context, builder, signature.args[0], values[0], place)
        mask = _mask(builder, _whole(context, builder, signature, values, 3), vector.lanes)
        kind = ir.FunctionType(ir.VoidType(), [vector.form, pointer.type, _INT32, mask.type])
        name = f"llvm.masked.store.v{vector.lanes}f{vector.real.bitwidth}.p0"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [values[2], pointer, ir.Constant(_INT32, vector.alignment), mask])
        return context.get_dummy_value()

    return types.none(array, place, value, count), generate


@_intrinsic
def transpose(
    typing_context: Any, source: Any, start: Any, row: Any, target: Any, to: Any, to_row: Any
) -> Any:
    """Put as many rows of vectors as a vector holds numbers into another array as columns.

    Args:
        typing_context: of numba.
        source: contiguous array.
        start: place of the first row.
        row: distance of the next.
        target: contiguous array.
        to: place of the first column, which becomes a row.
        to_row: distance of the next.
    """
    vector = Vector(source.dtype)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lanes, half = vector.lanes, vector.lanes // 2
        places = [_whole(context, builder, signature, values, number) for number in (1, 2, 4, 5)]

        def pointer(number: int, first: Any, step: Any, line: int) -> Any:
            place = builder.add(first, builder.mul(step, ir.Constant(_INT64, line)))
            return _pointer(context, builder, signature.args[number], values[number], place)

        rows = [
            builder.load(pointer(0, places[0], places[1], line), align=vector.alignment)
            for line in range(lanes)
        ]
        # Each round interleaves rows half a block apart; log2(lanes) rounds exchange rows and columns.
        kind = ir.VectorType(_INT32, lanes)
        low = ir.Constant(kind, [lane // 2 + lane % 2 * lanes for lane in range(lanes)])
        high = ir.Constant(kind, [half + lane // 2 + lane % 2 * lanes for lane in range(lanes)])
        for _ in range(lanes.bit_length() - 1):
            pairs = zip(rows[:half], rows[half:], strict=True)
            rows = [builder.shuffle_vector(*pair, mask) for pair in pairs for mask in (low, high)]
        for line, value in enumerate(rows):
            builder.store(value, pointer(3, places[2], places[3], line), align=vector.alignment)
        return context.get_dummy_value()

    return types.none(source, start, row, target, to, to_row), generate


def _whole(context: Any, builder: Any, signature: Any, values: Any, number: int) -> Any:
    """An argument as a whole number of 64 bits."""
    return context.cast(builder, values[number], signature.args[number], types.intp)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """Where in memory a vector of an array stands."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), ir.PointerType(Vector(kind.dtype).form))


def _repeated(builder: Any, value: Any, form: ir.VectorType) -> Any:
    """A vector of one number."""
    undefined = ir.Constant(form, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT32, form.count), None))


def _mask(builder: Any, count: Any, lanes: int) -> Any:
    """Which numbers of a vector come before `count`."""
    form = ir.VectorType(_INT64, lanes)
    return builder.icmp_signed("<", ir.Constant(form, list(range(lanes))), _repeated(builder, count, form))
