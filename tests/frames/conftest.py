from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from morphsim.frames import FrameSet, ImportConfig, import_frames, read_frames

MakeSet = Callable[..., FrameSet]


@pytest.fixture
def make_set() -> MakeSet:
    """A small set of three films of four frames."""

    def make(
        *, seed: int = 0, shape: tuple[int, int] = (6, 9), films: int = 3, **changes: object
    ) -> FrameSet:
        rng = np.random.default_rng(seed)
        count = 4 * films
        values = {
            "frames": rng.integers(0, 2, (count, *shape), dtype=np.uint8),
            "columns": {
                "trajectory": np.repeat(np.arange(films), 4),
                "time": rng.random(count),
                "source": np.array([f"frame é {k}" for k in range(count)]),
            },
            "recipes": {
                "chi": 2.0 + np.arange(films),
                "mobility": np.array(["wodo", "negi", "χ"] * films)[:films],
            },
            "process": "drying",
            "boundary": "periodic",
            "units": {"time": "s"},
            **changes,
        }
        return FrameSet(**values)  # type: ignore[arg-type]

    return make


@pytest.fixture
def run(tmp_path):
    """Import the folder `source`; returns the report and the frames."""

    def run(**options):
        options = {"source": tmp_path / "source", "out": tmp_path / "out.h5", **options}
        report = import_frames(ImportConfig(**options))
        return report, read_frames(options["out"])

    (tmp_path / "source").mkdir()
    return run
