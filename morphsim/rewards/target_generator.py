"""Random numbers for drawn targets, apart from the environment's own."""

from __future__ import annotations

from typing import Any

import numpy as np

_STREAM = 0x74617267


class TargetGenerator:
    """The random generator of an environment's targets: it follows from the environment's seed.

    It leaves the environment's own generator alone, so an environment makes the same films whether or not its
    targets are drawn.
    """

    def __init__(self) -> None:
        self.generator: np.random.Generator | None = None

    def after_reset(self, seed: int | None, env_seed: object) -> np.random.Generator:
        """The generator after a reset, seeded again if the reset was given a seed.

        Args:
            seed: the seed given to `reset`.
            env_seed: the environment's own seed, used for the first reset without one.
        """
        if seed is not None or self.generator is None:
            chosen = seed if seed is not None else env_seed
            known = isinstance(chosen, int | np.integer) and chosen >= 0
            self.generator = np.random.default_rng([_STREAM, int(chosen)] if known else None)  # type: ignore[call-overload]
        return self.generator

    def state(self) -> dict[str, Any] | None:
        """The state, for `restore`."""
        return None if self.generator is None else dict(self.generator.bit_generator.state)

    def restore(self, state: dict[str, Any] | None) -> None:
        """Return to a `state`."""
        self.generator = None
        if state is not None:
            self.generator = np.random.default_rng()
            self.generator.bit_generator.state = state
