"""`morphsim import`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import complain, only, show, show_json
from morphsim.frames import ImportConfig, import_frames


@dataclass(frozen=True, kw_only=True)
class Options(ImportConfig):
    """Convert text, images, NumPy arrays or HDF5 files of frames into one frame file.

    Example: morphsim import images/ --out frames.h5 --shape 100 400
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    source: Annotated[Positional[Path], arg(metavar="SOURCE")]
    """A file, or a folder that is searched recursively."""
    json: bool = False
    """Print the result as JSON."""

    def run(self) -> None:
        """Import the frames and print a summary; warnings go to stderr."""
        report = import_frames(only(ImportConfig, self), show_progress=True)
        for warning in report.warnings:
            complain("morphsim import", f"warning: {warning}")
        if self.json:
            show_json(report.to_dict())
            return
        height, width = report.shape
        show(
            f"{report.out}: {report.frames} frames of {height} x {width} from {report.trajectories} films, "
            f"out of {report.files} files"
        )
        if report.dropped:
            show(f"{len(report.dropped)} files or folders were left out:")
            for name, reason in report.dropped:
                show(f"  {name}: {reason}")
