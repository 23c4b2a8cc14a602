"""`morphsim dataset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tyro.conf import arg

from morphsim._commandline import only, show, show_json
from morphsim.frames import DatasetConfig, failed_films, make_dataset
from morphsim.frames.presets import PresetName, preset_help
from morphsim.frames.store import frames_shape


@dataclass(frozen=True, kw_only=True)
class Options(DatasetConfig):
    """Make many films over a grid of recipes; the same command resumes an interrupted run.

    Example: morphsim dataset --process annealing --grid blend_ratio=0.4,0.5 chi=2.4,3 --out frames.h5
    Example: morphsim dataset --preset annealing --replicas 4 --shape 50 200 --out frames.h5
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    preset: Annotated[
        PresetName | None, arg(help=f"Data set by name; all other options override it. {preset_help()}")
    ] = None
    json: bool = False
    """Print the result as JSON."""

    def run(self) -> None:
        """Make the films and print a summary."""
        config = only(DatasetConfig, self)
        path = make_dataset(config)
        frames, *_, height, width = frames_shape(path)
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
