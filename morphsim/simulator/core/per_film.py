"""One number for each film: numpy arrays on the CPU, whose operations cost a fraction of those of torch.

On a GPU they are tensors, and stay there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

PerFilmArray = Any
"""One number for each film, (B,): a numpy array or a tensor."""


def as_numpy_if_cpu(values: Tensor) -> PerFilmArray:
    """A tensor on the CPU as an array that shares its memory; any other as it is."""
    return values.numpy() if values.device.type == "cpu" and not torch.compiler.is_compiling() else values


def as_tensor(values: PerFilmArray) -> Tensor:
    """Undo `as_numpy_if_cpu`."""
    return torch.from_numpy(values) if isinstance(values, np.ndarray) else values


def as_fields(value: Tensor, phi: Tensor) -> Tensor:
    """What a part of a model computed, in the type of the fields and detached from its parameters."""
    return value.detach().to(phi.dtype)


class Shared(NamedTuple):
    """A tensor on the CPU and an array that shares its memory, with complex numbers as pairs of numbers.

    Making one of the other takes a microsecond, so that both are kept where steps take less than a thousand.

    Attributes:
        tensor: of any shape.
        array: the same; complex numbers double its last direction.
    """

    tensor: Tensor
    array: Any


def of_tensor(tensor: Tensor) -> Shared:
    """A tensor with its array."""
    tensor = tensor.contiguous()
    if not tensor.is_complex():
        return Shared(tensor, tensor.numpy())
    return Shared(tensor, tensor.numpy().view(np.float32 if tensor.dtype == torch.complex64 else np.float64))


def of_array(array: Any) -> Shared:
    """An array of real numbers with its tensor."""
    return Shared(torch.from_numpy(array), array)
