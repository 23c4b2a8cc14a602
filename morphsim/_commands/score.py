"""`morphsim score`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from tyro.conf import Positional, arg

from morphsim._commandline import show, show_json
from morphsim.checks import MOST_THREADS, check_whole
from morphsim.device import DeviceName, set_threads
from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.frames import read_frames, read_target_frames, stated_boundary
from morphsim.frames.binarisation import Binarisation
from morphsim.frames.readers import HDF5
from morphsim.frames.targets import as_training_frames
from morphsim.similarity import ScoreTable, score


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compute the distance of frames from a target, as the distance of their latents.

    Example: morphsim score film.h5 --target target.png --encoder runs/encoder
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    frames: Annotated[Positional[Path], arg(metavar="FRAMES")]
    """The frames to score: HDF5, or an image, text or NumPy file."""
    target: str
    """FILE, FILE:ROW or FILE:ROW,ROW,... in any of these formats; of several targets the nearest counts."""
    encoder: str = "default"
    """Name of a shipped encoder, or the folder of one."""
    top: int = 20
    """Number of frames in the table, the closest first."""
    all: bool = False
    """Show every frame, in the order of the file."""
    device: DeviceName = "auto"
    """Device of the encoder; auto takes a CUDA GPU if there is one."""
    threads: int = 1
    """CPU threads of torch."""
    json: bool = False
    """Print every frame as JSON, in the order of the file."""

    def check(self) -> None:
        """Check the numbers.

        Raises:
            InputError: one is out of range.
        """
        check_whole("--top", self.top, 1)
        check_whole("--threads", self.threads, 1, MOST_THREADS)

    def run(self) -> None:
        """Score the frames and print the table."""
        self.check()
        set_threads(self.threads)
        encoder = load_encoder(self.encoder, device=self.device)
        made = Binarisation.of_encoder(encoder.metadata)
        targets = made.fit(read_target_frames(self.target, binarisation=made), encoder.frame_shape)
        _check_boundary(self.target, encoder)
        columns: dict[str, np.ndarray[Any, Any]] = {}
        if self.frames.suffix.lower() in HDF5:
            frame_set = read_frames(self.frames)
            frames = as_training_frames(self.frames, frame_set.frames, made)
            columns = {
                name: frame_set.columns[name] for name in ("trajectory", "time") if name in frame_set.columns
            }
        else:
            frames = made.fit(read_target_frames(self.frames, binarisation=made), encoder.frame_shape)
        _check_boundary(self.frames, encoder)
        table = score(frames, targets, encoder=encoder)
        if self.json:
            columns = {**table.to_dict(), **columns}
            values = zip(*(column.tolist() for column in columns.values()), strict=True)
            show_json(
                {
                    "frames": str(self.frames),
                    "target": self.target,
                    "encoder": self.encoder,
                    "encoder_hash": encoder.hash,
                    "closest": int(table.distance.argmin()),
                    "rows": [dict(zip(columns, row, strict=True)) for row in values],
                }
            )
        else:
            show(self._text(table))

    def _text(self, table: ScoreTable) -> str:
        if self.all:
            return table.render()
        closest = np.argsort(table.distance, kind="stable")[: self.top]
        shown = ScoreTable(**{name: column[closest] for name, column in table.to_dict().items()}).render()
        left = len(table) - len(closest)
        return f"{shown}\n{left} more frames; --all shows them" if left else shown


def _check_boundary(spec: str | Path, encoder: Encoder) -> None:
    boundary = stated_boundary(spec)
    if boundary is not None and boundary != encoder.boundary:
        raise InputError(
            f"the boundary of {spec} is {boundary}, but the encoder was trained on {encoder.boundary} "
            f"frames; use an encoder trained on {boundary} frames, or import the file with "
            f"--boundary {encoder.boundary} if that is the boundary of its films"
        )
