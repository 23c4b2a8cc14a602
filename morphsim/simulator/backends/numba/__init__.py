"""Loops that numba compiles when they are first called; importing this package imports numba."""

from morphsim.simulator.backends.numba.backend import NUMBA, NumbaBackend

__all__ = ["NUMBA", "NumbaBackend"]
