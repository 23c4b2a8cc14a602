"""Optional packages, imported where they are used."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType

from morphsim.errors import InputError


@contextlib.contextmanager
def quiet_optuna(purpose: str) -> Iterator[ModuleType]:
    """Import Optuna, and disable its log while the block runs, since progress is shown.

    Args:
        purpose: what needs it, for the error.

    Raises:
        InputError: Optuna isn't installed.
    """
    optuna = _import("optuna", purpose, extra="tune")
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(verbosity)


def import_cmaes(purpose: str) -> ModuleType:
    """Import the package `cmaes`.

    Args:
        purpose: what needs it, for the error.

    Raises:
        InputError: it isn't installed.
    """
    return _import("cmaes", purpose, extra="tune")


def import_minari(purpose: str) -> ModuleType:
    """Import Minari.

    Args:
        purpose: what needs it, for the error.

    Raises:
        InputError: it isn't installed.
    """
    return _import("minari", purpose, extra="minari")


def _import(name: str, purpose: str, *, extra: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{purpose} needs the package {name}; install it with pip install 'morphsim[{extra}]'"
        ) from error
