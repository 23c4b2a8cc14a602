"""Random numbers that go on where they were saved."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from morphsim.errors import InputError


def restored_generator(state: Any) -> np.random.Generator:
    """The generator whose state was saved.

    Raises:
        InputError: no state of such a generator.
    """
    generator = np.random.Generator(np.random.PCG64())
    try:
        generator.bit_generator.state = copy.deepcopy(state)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise InputError(
            f"the state's random numbers can't be used ({error}); use what get_state returned"
        ) from error
    return generator
