from __future__ import annotations

import os
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils import seeding
from hypothesis import settings

torch.set_num_threads(1)
# The same examples in every run; `--hypothesis-profile=default` looks for others.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def _repeatable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random numbers that nobody seeds follow from the test's name, so that what fails once fails again."""
    seed = zlib.crc32(request.node.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what libraries draw from
    torch.manual_seed(seed)
    entropy, seeded = np.random.default_rng(seed), seeding.np_random

    def np_random(seed: int | None = None) -> tuple[np.random.Generator, Any]:
        return seeded(int(entropy.integers(2**31)) if seed is None else seed)

    monkeypatch.setattr(seeding, "np_random", np_random)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the published frames; tests that need it are skipped where it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MORPHSIM_DATA", default))
    if not (folder / "opv_frames.h5").is_file():
        pytest.skip(f"the published frames are not in {folder}; set MORPHSIM_DATA to their folder")
    return folder
