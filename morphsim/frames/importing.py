"""Import of text, images, arrays and HDF5 files into one frame file."""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from morphsim.checks import check_fraction
from morphsim.errors import FrameWarning, InputError, MachineError
from morphsim.frames.binarisation import Binarisation, binarisation_notes, stated_binarisation
from morphsim.frames.folders import files_below
from morphsim.frames.frame_set import Column, FrameSet
from morphsim.frames.names import NamedFilm, film_of, in_order
from morphsim.frames.readers import HDF5, TEXT, read_any
from morphsim.frames.store import read_notes, write_frames
from morphsim.frames.targets import BOUNDARY_NOTE, stated_boundary
from morphsim.frames.transforms import resize
from morphsim.locks import claimed_file
from morphsim.progress import progress
from morphsim.simulator.processes import ProcessName
from morphsim.types import Boundary

_REASONS_SHOWN = 3
# Margin in donor share by which frames must favour one reading of a name over the other.
_SHARE_MARGIN = 0.1


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """What to import, and how to read it."""

    source: Path
    """A file, or a folder that is searched recursively."""
    out: Path
    """The HDF5 file to write."""
    threshold: float | None = None
    """Smallest donor share (grey value over its range) of a donor pixel (default: that of a frame file, and
    0.5 for other files)."""
    invert: bool = False
    """Take the other phase as donor: dark pixels, or 0; in GraSPI's text, whose donor is 0, take 1."""
    transpose: bool = False
    """Swap rows and columns, for files whose lines run from top to bottom of the film."""
    shape: tuple[int, int] | None = None
    """Height and width to which every frame is resized (default: frames of the most common shape are
    kept)."""
    boundary: Boundary | None = None
    """Boundary condition at the left and right ends of the films; only periodic frames are rolled (default:
    that of a frame file, and no-flux for other files)."""
    process: ProcessName | Literal["unknown"] | None = None
    """How the films were made (default: that of a frame file, and unknown for other files)."""
    dataset: str = "frames"
    """Name of the frames inside HDF5 files, and of one array of several inside `.npz` files."""
    overwrite: bool = False
    """Replace an existing file."""


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import kept, dropped and warned of."""

    out: Path
    """The file written."""
    frames: int
    """How many frames it holds."""
    trajectories: int
    """How many films they belong to."""
    shape: tuple[int, int]
    """(H, W) of every frame."""
    files: int
    """How many files were considered."""
    dropped: tuple[tuple[str, str], ...]
    """Files and folders that were left out, each with the reason."""
    warnings: tuple[str, ...] = ()
    """Why frames may not be what was meant: a single phase, colour maps, two conventions in one set."""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            **asdict(self),
            "out": str(self.out),
            "dropped": [list(entry) for entry in self.dropped],
            "warnings": list(self.warnings),
        }


def import_frames(config: ImportConfig, *, show_progress: bool = False) -> ImportReport:
    """Read a file or a folder of frames into one frame file.

    File names decide which files belong to one film, see `morphsim.frames.names.film_of`. A file of several
    frames is a film of its own, or several films if an HDF5 file distinguishes them. The frames of a film are
    ordered by time, then by name. The recipe column `film` and the frame column `source` hold names relative
    to `config.source`. The recipe column `blend_ratio` is the donor share. Names of published text files give
    the share of 1, which is the acceptor in GraSPI's files. If the number is clearly the share of 0 in the
    film's frames, it is taken as that.

    Args:
        config: what to read.
        show_progress: show a progress bar on stderr.

    Returns:
        What was kept and dropped.

    Raises:
        InputError: no source, an existing output, an option out of range, or no frame to keep.
        MachineError: another run writes the output, the disk is full, or every file is in use.
    """
    files, left_out = _files(config)
    with claimed_file(config.out):
        return _import(config, files, left_out, show_progress=show_progress)


def _import(
    config: ImportConfig, files: list[Path], left_out: list[tuple[Path, str]], *, show_progress: bool
) -> ImportReport:
    pieces: list[FrameSet] = []
    dropped = [(str(_relative(config.source, path)), reason) for path, reason in left_out]
    sources_of_warning: dict[str, list[str]] = {}
    binarisations: set[Binarisation] = set()
    kinds: set[type[InputError | MachineError]] = set()
    every_boundary_is_known = True
    with progress("importing", len(files), unit="files", show=show_progress) as advance:
        for path in files:
            relative = _relative(config.source, path)
            try:
                frame_set, messages = _read(path, config)
                boundary = config.boundary or stated_boundary(path, strict=False)
                pieces += list(
                    _films_in(frame_set, relative, several=path.suffix.lower() in HDF5, config=config)
                )
                every_boundary_is_known &= boundary is not None
                for message in messages:
                    sources_of_warning.setdefault(message, []).append(str(relative))
                binarisations.add(_binarisation(path, frame_set, config))
            except (InputError, MachineError) as error:
                dropped.append((str(relative), str(error)))
                kinds.add(type(error))
            except MemoryError:
                dropped.append((str(relative), "it claims more values than memory holds"))
            advance()
    if not pieces:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in dropped[:_REASONS_SHOWN])
        # If all files are in use, they may be valid.
        kind = MachineError if kinds == {MachineError} else InputError
        raise kind(f"not one of {len(files)} files under {config.source} could be read ({reasons})")
    shape = Counter(shape for piece in pieces for shape in [piece.shape] * len(piece)).most_common(1)[0][0]
    odd = {str(piece.columns["source"][0]): piece.shape for piece in pieces if piece.shape != shape}
    for name, other in odd.items():
        reason = (
            f"its shape {other} is not the most common one, {shape}; --shape {shape[0]} {shape[1]} resizes"
        )
        dropped.append((name, reason))
    _check_thresholds(pieces)
    merged = _joined([piece for piece in pieces if piece.shape == shape], invert=config.invert)
    notes = (
        {}
        if every_boundary_is_known
        else {BOUNDARY_NOTE: f"no file told it, or not all; {merged.boundary} is assumed"}
    )
    write_frames(config.out, merged, notes={**notes, **binarisation_notes(binarisations, merged.shape)})
    return ImportReport(
        out=config.out,
        frames=len(merged),
        trajectories=merged.trajectories,
        shape=merged.shape,
        files=len(files),
        dropped=tuple(sorted(dropped)),
        warnings=(
            *_two_conventions(merged),
            *(_with_sources(message, names) for message, names in sources_of_warning.items()),
        ),
    )


def _read(path: Path, config: ImportConfig) -> tuple[FrameSet, list[str]]:
    """Read a file, and return the messages of its `FrameWarning`s instead of warning."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", FrameWarning)
        frame_set = read_any(path, threshold=config.threshold, invert=config.invert, dataset=config.dataset)
    messages = []
    for warning in raised:
        if issubclass(warning.category, FrameWarning):
            messages.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return frame_set, messages


def _with_sources(message: str, names: list[str]) -> str:
    more = f" and {len(names) - 1} more files" if len(names) > 1 else ""
    return f"{names[0]}{more}: {message}"


def _two_conventions(frame_set: FrameSet) -> list[str]:
    """A warning of text files (donor 0) mixed with other files (donor bright or 1)."""
    sources = list(dict.fromkeys(frame_set.columns["source"].tolist()))
    texts = [name for name in sources if PurePosixPath(name).suffix.lower() in TEXT]
    not_texts = [name for name in sources if PurePosixPath(name).suffix.lower() not in TEXT]
    if not texts or not not_texts:
        return []
    return [
        f"two conventions are in one set: in {texts[0]} (text, {len(texts)} files) the donor is 0, in "
        f"{not_texts[0]} ({len(not_texts)} files) it is 1 or bright; if a phase has the same values in "
        "both, import them separately, one of them with --invert"
    ]


def _files(config: ImportConfig) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The files to read, ordered by name, and what is left out, with the reason."""
    if config.threshold is not None:
        check_fraction("threshold", config.threshold)
    if config.shape is not None and min(config.shape) < 1:
        raise InputError(f"shape is {config.shape}; height and width must be at least 1")
    if config.out.exists() and not config.overwrite:
        raise InputError(f"{config.out} exists already; name another file or add --overwrite")
    if config.source.is_file():
        return [config.source], []
    if not config.source.is_dir():
        raise InputError(f"{config.source} does not exist; name a file or a folder of frames")
    out = config.out.resolve()
    found, left_out = files_below(config.source)
    files = [path for path in found if path.resolve() != out]
    if not files:
        reasons = "".join(f"; {_relative(config.source, path)}: {reason}" for path, reason in left_out)
        raise InputError(f"{config.source} is a folder without files; name one that holds frames{reasons}")
    return sorted(files, key=lambda path: in_order(_relative(config.source, path))), left_out


def _relative(source: Path, path: Path) -> PurePosixPath:
    name = (path.relative_to(source) if source.is_dir() else Path(path.name)).as_posix()
    # File names need not be valid text; frame files hold texts, so invalid bytes are written as escapes.
    return PurePosixPath(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _films_in(
    frame_set: FrameSet, relative: PurePosixPath, *, several: bool, config: ImportConfig
) -> Iterator[FrameSet]:
    """The films of one file, each as a frame set of one trajectory."""
    frames, cells = frame_set.frames, frame_set.cells
    if config.transpose:
        frames = np.ascontiguousarray(frames.swapaxes(1, 2))
        cells = None if cells is None else cells[::-1]
    if config.shape is not None:
        frames = resize(frames, config.shape)
    named = film_of(relative)
    alone = len(frames) == 1 and not several
    order = np.argsort(frame_set.trajectory, kind="stable")
    numbers, starts = np.unique(frame_set.trajectory[order], return_index=True)
    for trajectory, rows in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        columns: dict[str, Column] = {name: values[rows] for name, values in frame_set.columns.items()}
        columns["trajectory"] = np.zeros(len(rows), np.int64)
        columns["source"] = np.full(len(rows), str(relative))
        if alone:
            columns["time"] = np.array([named.time])
        name = named.name if alone else str(relative)
        if frame_set.trajectories > 1:
            name = f"{name}#{trajectory}"
        own = {key: values[trajectory : trajectory + 1] for key, values in frame_set.recipes.items()}
        yield FrameSet(
            frames=frames[rows],
            columns=columns,
            recipes={**_recipe(named), **own, "film": np.array([name])},
            process=frame_set.process if config.process is None else config.process,
            boundary=frame_set.boundary if config.boundary is None else config.boundary,
            threshold=frame_set.threshold,
            units=frame_set.units,
            cells=cells,
        )


def _binarisation(path: Path, frame_set: FrameSet, config: ImportConfig) -> Binarisation:
    """The binarisation of the frames of one file."""
    suffix = path.suffix.lower()
    before = stated_binarisation(read_notes(path) if suffix in HDF5 else {}, frame_set.threshold)
    height, width = frame_set.shape
    shape = (width, height) if config.transpose else (height, width)
    return Binarisation(
        threshold=frame_set.threshold,
        # The donor of text is always 0, so pictures are not inverted on its account.
        invert=before.invert != (config.invert and suffix not in TEXT),
        original_shape=before.original_shape or shape,
        transpose=before.transpose != config.transpose,
    )


def _check_thresholds(pieces: list[FrameSet]) -> None:
    files = {piece.threshold: str(piece.columns["source"][0]) for piece in reversed(pieces)}
    if len(files) > 1:
        found = " and ".join(f"{name} at {threshold:g}" for threshold, name in sorted(files.items())[:2])
        raise InputError(f"frames are binarised differently: {found}; --threshold sets one for all")


def _recipe(named: NamedFilm) -> Mapping[str, Column]:
    known = {"blend_ratio": named.blend_ratio, "chi": named.chi}
    return {name: np.array([value]) for name, value in known.items() if not math.isnan(value)}


def _joined(pieces: list[FrameSet], *, invert: bool) -> FrameSet:
    films: dict[str, list[FrameSet]] = {}
    for piece in pieces:
        films.setdefault(str(piece.recipes["film"][0]), []).append(piece)
    return FrameSet.concatenate([_one_film(parts, invert=invert) for parts in films.values()])


def _one_film(parts: list[FrameSet], *, invert: bool) -> FrameSet:
    joined = FrameSet.concatenate(parts)
    # A stable sort with NaN last: frames of equal or unknown time stay ordered by name.
    order = np.argsort(joined.columns.get("time", np.zeros(len(joined))), kind="stable")
    columns = {name: values[order] for name, values in joined.columns.items()}
    recipes = {name: values[:1] for name, values in joined.recipes.items()}
    if "blend_ratio" in recipes and all(
        PurePosixPath(name).suffix.lower() in TEXT for name in columns["source"]
    ):
        share = _donor_share(float(recipes["blend_ratio"][0]), float(joined.frames.mean()), of_ones=invert)
        recipes["blend_ratio"] = np.array([share])
    return FrameSet(
        frames=joined.frames[order],
        columns={**columns, "trajectory": np.zeros(len(joined), np.int64)},
        recipes=recipes,
        process=joined.process,
        boundary=joined.boundary,
        threshold=joined.threshold,
        units=joined.units,
        cells=joined.cells,
    )


def _donor_share(named: float, found: float, *, of_ones: bool) -> float:
    """The donor share that the name of a text file gives.

    Published names give the share of the value 1. Other names may give that of the value 0. The frames
    decide, except near one half, where the published convention holds.

    Args:
        named: the number in the name.
        found: the donor share in the film's frames.
        of_ones: whether 1 is the donor.
    """
    other = round(1.0 - named, 12)
    share, odd = (named, other) if of_ones else (other, named)
    return odd if abs(found - odd) + _SHARE_MARGIN < abs(found - share) else share
