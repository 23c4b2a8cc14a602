"""Which backend a film is computed by."""

from __future__ import annotations

import functools
import os
import warnings
from typing import overload

from morphsim.checks import shown
from morphsim.errors import InputError
from morphsim.lazy import REMOVED_IN
from morphsim.simulator.backends.base import Backend, BackendLike, BackendName
from morphsim.simulator.backends.torch_backend import TORCH

SWITCH = "MORPHSIM_FUSED"
"""Variable of the environment: at 0, "auto" is torch."""


def get_backend(backend: BackendLike = "auto") -> Backend:
    """A backend by its name, or the backend itself.

    "auto" is numba where it is installed and the environment does not hold `MORPHSIM_FUSED=0`, else torch.

    Raises:
        InputError: an unknown name, or numba where it can't be imported.
    """
    if isinstance(backend, Backend):
        return backend
    if backend == "torch":
        return TORCH
    if backend == "auto":
        return TORCH if os.environ.get(SWITCH, "1") == "0" else _numba() or TORCH
    if backend != "numba":
        raise InputError(f"backend is {shown(backend)}; use one of auto, torch, numba")
    found = _numba()
    if found is None:
        raise InputError("backend is 'numba', which can't be imported; install numba, or use torch")
    return found


@functools.cache
def _numba() -> Backend | None:
    # Numba takes a second to load, and is not needed before the first film.
    try:
        from morphsim.simulator.backends.numba import NUMBA
    except ImportError:
        return None
    return NUMBA


def backend_of_fused(fused: bool, *, stacklevel: int) -> Backend:
    """The backend that `fused`, the option of version 0.1, stands for; using it warns."""
    name: BackendName = "auto" if fused else "torch"
    warnings.warn(
        f'fused={fused} is now backend="{name}"; the old name goes with morphsim {REMOVED_IN}',
        DeprecationWarning,
        stacklevel=stacklevel + 1,
    )
    return get_backend(name)


class BackendField:
    """The field `backend` of a dataclass: given by name or as an object, and read as an object."""

    @overload
    def __get__(self, owner: None, kind: type) -> BackendName: ...

    @overload
    def __get__(self, owner: object, kind: type | None = None) -> Backend: ...

    def __get__(self, owner: object, kind: type | None = None) -> BackendLike:
        if owner is None:
            # The dataclass reads its default from the class.
            return "auto"
        backend: Backend = vars(owner)["_backend"]
        return backend

    def __set__(self, owner: object, backend: BackendLike) -> None:
        if isinstance(backend, bool):
            # In version 0.1 `fused` had this place.
            backend = backend_of_fused(backend, stacklevel=4)
        vars(owner)["_backend"] = get_backend(backend)
