"""`morphsim dataset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from morphsim._commandline import only, show, show_json
from morphsim.frames import DatasetConfig, failed_films, make_dataset
from morphsim.frames.store import frames_shape


@dataclass(frozen=True, kw_only=True)
class Options(DatasetConfig):
    """Make many films over a grid of recipes; the same command goes on where a run was stopped.

    Example: morphsim dataset --process annealing --grid blend_ratio=0.4,0.5 chi=2.4,3 --out frames.h5
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    json: bool = False
    """Print the result as JSON."""

    def run(self) -> None:
        """Make the films and print what was made."""
        config = only(DatasetConfig, self)
        path = make_dataset(config)
        frames, height, width = frames_shape(path)
        failed = failed_films(path)
        films = config.plan().films - len(failed)
        if self.json:
            show_json(
                {
                    "out": str(path),
                    "films": films,
                    "frames": frames,
                    "shape": [height, width],
                    "failed": failed,
                }
            )
            return
        show(f"{path}: {frames} frames of {height} x {width} from {films} films")
        if failed:
            show(f"{len(failed)} films could not be made:")
            for record in failed:
                show(f"  film {record['film']}: {record['reason']}")
