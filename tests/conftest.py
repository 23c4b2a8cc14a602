from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the published frames; tests that need it are skipped where it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MORPHSIM_DATA", default))
    if not (folder / "opv_frames.h5").is_file():
        pytest.skip(f"the published frames are not in {folder}; set MORPHSIM_DATA to their folder")
    return folder
