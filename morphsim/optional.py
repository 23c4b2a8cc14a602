"""Optional packages, imported where they are used."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import cast

from morphsim.errors import InputError


@contextlib.contextmanager
def quiet_optuna(purpose: str) -> Iterator[ModuleType]:
    """Import Optuna, and disable its log while the block runs, since progress is shown.

    Args:
        purpose: what needs it, for the error.

    Raises:
        InputError: Optuna isn't installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise InputError(f"{purpose} needs Optuna; install it with pip install 'morphsim[tune]'") from error
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
    try:
        import cmaes
    except ImportError as error:
        raise InputError(
            f"{purpose} needs the package cmaes; install it with pip install 'morphsim[tune]'"
        ) from error
    return cast("ModuleType", cmaes)


def import_minari(purpose: str) -> ModuleType:
    """Import Minari.

    Args:
        purpose: what needs it, for the error.

    Raises:
        InputError: it isn't installed.
    """
    try:
        import minari
    except ImportError as error:
        raise InputError(f"{purpose} needs Minari; install it with pip install 'morphsim[minari]'") from error
    return cast("ModuleType", minari)
