"""Random numbers of a training run: every draw follows from the seed, the epoch and a purpose.

So a resumed run needs no saved random state.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What random numbers are drawn for; another purpose gives independent draws."""

    TRAINING = 0
    EVALUATION = 1
    FIRST_WEIGHTS = 2
    DROPOUT = 3
    PRETRAINING = 4


def epoch_generator(seed: int, epoch: int, *, purpose: int = Purpose.TRAINING) -> torch.Generator:
    """Make the CPU generator of one epoch.

    Args:
        seed: of the run.
        epoch: from 0.
        purpose: what is drawn.
    """
    return torch.Generator().manual_seed(_torch_seed(seed, epoch, purpose))


@contextlib.contextmanager
def seeded(seed: int, epoch: int, rank: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global random state, from which dropout draws, for one epoch and process.

    Afterwards the global state is what it was.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(_torch_seed(seed, epoch, Purpose.DROPOUT, rank))
        yield


def _torch_seed(*entropy: int) -> int:
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
    # Torch takes seeds as signed 64-bit numbers.
    return int(state >> np.uint64(1))
