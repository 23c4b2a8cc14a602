"""Tensors as the arrays that compiled loops take."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.core.etd import Damping
from morphsim.simulator.core.evaporation import Evaporation

Array = Any
"""A numpy array of any type and number of axes."""


def real_view(tensor: Tensor) -> Array:
    """A tensor as an array, complex numbers as pairs in the last direction."""
    array = (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()
    if array.dtype.kind != "c":
        return array
    return array.view(np.float32 if array.dtype == np.complex64 else np.float64)


def as_array(parameter: Tensor | float) -> Array:
    """A parameter of a model as an array."""
    if not isinstance(parameter, Tensor):
        return np.asarray(parameter)
    return parameter.detach().numpy() if parameter.requires_grad else parameter.numpy()


def stretched(array: Array, shape: tuple[int, ...]) -> Array:
    """An array of this shape, repeated where it has 1 in place of more."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def per_film(parameter: Tensor | float, phi: Tensor) -> Array | None:
    """A parameter as an array (B,) of the fields' type; None if it is not one number for each film.

    Loops don't check where an array ends: an array of another length must not get there.
    """
    values, films = as_array(parameter), phi.shape[0]
    if values.size != 1 and values.shape != (films, 1, 1):
        return None
    each = np.empty(films, np.float32 if phi.dtype == torch.float32 else np.float64)
    each[:] = values.reshape(-1)
    return each


def per_field(parameter: Tensor, fields: tuple[int, int]) -> Array:
    """A parameter (B or 1, C or 1, 1, 1) as an array (B, C)."""
    return np.ascontiguousarray(stretched(as_array(parameter)[..., 0, 0], fields))


def damping_arrays(damping: Damping, modes: Tensor) -> tuple[Array, Array, Array, Array, Array]:
    """Both stiffnesses (B, C), thickness (B,), and squared wavenumbers along x and in scaled depth."""
    fields = modes.shape[0], modes.shape[1]
    single, double, theta = damping.squares.arrays
    return (
        per_field(damping.stiffness2, fields),
        per_field(damping.stiffness4, fields),
        damping.thickness.numpy().astype(single.dtype),
        double if modes.is_complex() else single,
        theta,
    )


def vapour_arrays(evaporation: Evaporation, films: int) -> tuple[Array, Array] | None:
    """Biot number and vapour of each film, (B,) each; None if they are not one number for each film."""
    parts = as_array(evaporation.biot), as_array(evaporation.ambient)
    if any(part.shape not in {(), (1,), (films,)} for part in parts):
        return None
    biot, ambient = (np.ascontiguousarray(stretched(part, (films,)), np.float64) for part in parts)
    return biot, ambient
