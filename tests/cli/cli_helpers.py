"""What the tests of the commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from morphsim.frames import FrameSet

SHAPE = (12, 20)
SMALL_NETWORK = ["--network", "latent_size=4", "channels=4,6", "kernel_size=3", "strides=2,2", "hidden=16"]


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


Morphsim = Callable[..., Outcome]


def frame_set(shape: tuple[int, int] = SHAPE) -> FrameSet:
    random = np.random.default_rng(0)
    z, x = np.mgrid[: shape[0], : shape[1]]
    waves = [np.sin(x * random.uniform(0.2, 0.6) + z * random.uniform(0.0, 0.3)) for _ in range(24)]
    return FrameSet(
        frames=(np.stack(waves) > 0.1 * random.standard_normal((24, *shape))).astype(np.uint8),
        columns={"trajectory": np.repeat(np.arange(4), 6), "time": np.tile(np.arange(6) * 1.5, 4)},
        boundary="periodic",
    )
