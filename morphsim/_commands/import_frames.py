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
    """Convert micrographs and other files of frames into one frame file.

    Reads images, TIFF stacks, tables, text, NumPy arrays, and MAT, VTK and HDF5 files. Pictures are cropped
    (--mask), flattened, denoised, cut at the threshold, inverted, transposed and resized, in this order.

    Example: morphsim import images/ --out frames.h5 --mask bar --threshold otsu --shape 100 400
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    source: Annotated[Positional[Path], arg(metavar="SOURCE")]
    """A file, or a folder that is searched recursively."""
    array: Annotated[str, arg(metavar="NAME", aliases=("--dataset",))] = "frames"
    """Name of the frames in files of several arrays (HDF5, NPZ, MAT, VTK), or number of the channel of a TIFF
    stack."""
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
