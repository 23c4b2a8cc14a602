"""Short vectors of numbers as values of compiled loops: whatever is written with them is vectorised."""
from __future__ import annotations
import operator
from typing import Any
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.extending import intrinsic, lower_builtin, register_model, type_callable

BYTES = 64

class Vector(types.Type):
    def __init__(self, real: Any) -> None:
        self.real = real
        self.lanes = BYTES * 8 // real.bitwidth
        super().__init__(name=f"Vector({real})")

def _llvm(vector):
    scalar = ir.FloatType() if vector.real == types.float32 else ir.DoubleType()
    return ir.VectorType(scalar, vector.lanes)

@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _llvm(kind))

def _register(op, name):
    @type_callable(op)
    def typer(context):
        def type_of(a, b):
            if isinstance(a, Vector) and (a == b or a.real == b):
                return a
            return None
        return type_of
    @lower_builtin(op, Vector, Vector)
    def lower(context, builder, sig, args):
        return getattr(builder, name)(*args)
    @lower_builtin(op, Vector, types.Float)
    def lower_scalar(context, builder, sig, args):
        return getattr(builder, name)(args[0], _splat(builder, args[1], args[0].type))

def _splat(builder, value, kind):
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zero = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zero)

_register(operator.add, "fadd")
_register(operator.sub, "fsub")
_register(operator.mul, "fmul")

def _pointer(context, builder, array_type, array, index, kind):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())

def _align(vector): return vector.real.bitwidth // 8

@intrinsic
def load(typingctx, array, index):
    vector = Vector(array.dtype)
    def codegen(context, builder, sig, args):
        kind = _llvm(vector)
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        return builder.load(_pointer(context, builder, sig.args[0], args[0], index, kind), align=_align(vector))
    return vector(array, index), codegen

@intrinsic
def store(typingctx, array, index, value):
    def codegen(context, builder, sig, args):
        vector = sig.args[2]
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        builder.store(args[2], _pointer(context, builder, sig.args[0], args[0], index, _llvm(vector)), align=_align(vector))
        return context.get_dummy_value()
    return types.none(array, index, value), codegen

def _mask(builder, count, lanes):
    i64 = ir.VectorType(ir.IntType(64), lanes)
    return builder.icmp_signed("<", ir.Constant(i64, list(range(lanes))), _splat(builder, count, i64))

@intrinsic
def load_some(typingctx, array, index, count):
    vector = Vector(array.dtype)
    def codegen(context, builder, sig, args):
        kind = _llvm(vector)
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        count = context.cast(builder, args[2], sig.args[2], types.intp)
        mask = _mask(builder, count, vector.lanes)
        name = f"llvm.masked.load.v{vector.lanes}f{vector.real.bitwidth}.p0"
        fn = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind.as_pointer(), ir.IntType(32), mask.type, kind]), name)
        return builder.call(fn, [_pointer(context, builder, sig.args[0], args[0], index, kind), ir.Constant(ir.IntType(32), _align(vector)), mask, ir.Constant(kind, None)])
    return vector(array, index, count), codegen

@intrinsic
def store_some(typingctx, array, index, value, count):
    def codegen(context, builder, sig, args):
        vector = sig.args[2]
        kind = _llvm(vector)
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        count = context.cast(builder, args[3], sig.args[3], types.intp)
        mask = _mask(builder, count, vector.lanes)
        name = f"llvm.masked.store.v{vector.lanes}f{vector.real.bitwidth}.p0"
        fn = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [kind, kind.as_pointer(), ir.IntType(32), mask.type]), name)
        builder.call(fn, [args[2], _pointer(context, builder, sig.args[0], args[0], index, kind), ir.Constant(ir.IntType(32), _align(vector)), mask])
        return context.get_dummy_value()
    return types.none(array, index, value, count), codegen

@intrinsic
def transpose(typingctx, source, start, stride, target, to, to_stride):
    """A block of lanes x lanes numbers"""
    vector = Vector(source.dtype)
    def codegen(context, builder, sig, args):
        kind = _llvm(vector)
        n = vector.lanes
        i32 = ir.IntType(32)
        start, stride, to, to_stride = (context.cast(builder, args[k], sig.args[k], types.intp) for k in (1, 2, 4, 5))
        def at(base, step, row):
            return builder.add(base, builder.mul(step, ir.Constant(step.type, row)))
        rows = [builder.load(_pointer(context, builder, sig.args[0], args[0], at(start, stride, r), kind), align=_align(vector)) for r in range(n)]
        half = n // 2
        # Each pass interleaves rows half the block apart; log2(n) passes transpose it.
        low = ir.Constant(ir.VectorType(i32, n), [i // 2 + (i % 2) * n for i in range(n)])
        high = ir.Constant(ir.VectorType(i32, n), [half + i // 2 + (i % 2) * n for i in range(n)])
        for _ in range(n.bit_length() - 1):
            new = []
            for r in range(half):
                new.append(builder.shuffle_vector(rows[r], rows[r + half], low))
                new.append(builder.shuffle_vector(rows[r], rows[r + half], high))
            rows = new
        for r in range(n):
            builder.store(rows[r], _pointer(context, builder, sig.args[3], args[3], at(to, to_stride, r), kind), align=_align(vector))
        return context.get_dummy_value()
    return types.none(source, start, stride, target, to, to_stride), codegen

@intrinsic
def lanes_of(typingctx, array):
    lanes = Vector(array.dtype).lanes
    def codegen(context, builder, sig, args):
        return ir.Constant(ir.IntType(64), lanes)
    return types.intp(array), codegen

def vector_lanes(dtype):
    return BYTES // __import__('numpy').dtype(dtype).itemsize


@intrinsic
def splat(typingctx, array, value):
    vector = Vector(array.dtype)
    def codegen(context, builder, sig, args):
        return _splat(builder, context.cast(builder, args[1], sig.args[1], vector.real), _llvm(vector))
    return vector(array, value), codegen
