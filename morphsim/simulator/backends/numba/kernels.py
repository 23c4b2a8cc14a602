"""Compiled functions that other compiled functions call by their address.

A function that is inlined is compiled again wherever it is called, and one that is linked may be compiled
otherwise by the process that finds it in the cache, see `morphsim.compiled`. A kernel is compiled once, and
its own machine code is what everybody calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import typeof
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.extending import NativeValue, register_model, typeof_impl, unbox
from numba.extending import intrinsic as numba_intrinsic

# Typed as anything, since compiled functions call intrinsics without the typing context.
_intrinsic: Any = numba_intrinsic


class Kernel:
    """A compiled function for arguments of certain types.

    Args:
        function: a `loop` without a result.
        like: arguments of the types that it is to take.
    """

    def __init__(self, function: Callable[..., None], *like: Any) -> None:
        dispatcher: Any = function
        self.types = tuple(typeof(value) for value in like)
        # Made once, since it is asked for at every call.
        self.kind = KernelType(self.types)
        dispatcher.compile(self.types)
        compiled = dispatcher.overloads[self.types]
        # The library owns the machine code.
        self._library = compiled.library
        self.address = int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


class KernelType(types.Type):
    """A kernel in compiled functions: the address of its machine code."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.arguments = arguments
        super().__init__(name=f"Kernel{arguments}")


register_model(KernelType)(models.OpaqueModel)


@typeof_impl.register(Kernel)
def _type_of(kernel: Kernel, context: Any) -> KernelType:
    return kernel.kind


@unbox(KernelType)
def _unbox(kind: Any, value: Any, context: Any) -> NativeValue:
    address = context.pyapi.object_getattr_string(value, "address")
    number = context.pyapi.long_as_voidptr(address)
    context.pyapi.decref(address)
    return NativeValue(number)


@_intrinsic
def call(typing_context: Any, kernel: Any, arguments: Any) -> Any:
    """Call a kernel with a tuple of arguments."""
    if not isinstance(kernel, KernelType) or len(arguments) != len(kernel.arguments):
        raise TypingError(f"{kernel} can't be called with {arguments}")
    for given, taken in zip(arguments, kernel.arguments, strict=True):
        if given != taken and typing_context.can_convert(given, taken) is None:
            raise TypingError(f"a kernel that takes {taken} was given {given}")

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        taken = kernel.arguments
        parts = cgutils.unpack_tuple(builder, values[1], len(taken))
        cast = [
            context.cast(builder, part, before, after)
            for part, before, after in zip(parts, signature.args[1], taken, strict=True)
        ]
        function = context.call_conv.get_function_type(types.none, taken)
        out = cgutils.alloca_once(builder, function.args[0].pointee)
        error = cgutils.alloca_once(builder, function.args[1].pointee)
        packed = context.get_arg_packer(taken).as_arguments(builder, cast)
        builder.call(builder.bitcast(values[0], ir.PointerType(function)), [out, error, *packed])
        return context.get_dummy_value()

    return types.none(kernel, arguments), generate
