"""Random generators restored from a saved state."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from morphsim.errors import InputError


def restored_generator(state: Any) -> np.random.Generator:
    """A generator with a saved state.

    Raises:
        InputError: not the state of a PCG64 generator.
    """
    generator = np.random.Generator(np.random.PCG64())
    try:
        generator.bit_generator.state = copy.deepcopy(state)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise InputError(
            f"the state's random numbers can't be used ({error}); use what get_state returned"
        ) from error
    return generator
