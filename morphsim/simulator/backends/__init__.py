"""How the hot loops are computed: in plain torch, or by loops that numba compiles."""

from morphsim.simulator.backends.base import Backend, BackendName
from morphsim.simulator.backends.choice import get_backend

__all__ = ["Backend", "BackendName", "get_backend"]
