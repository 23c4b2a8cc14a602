"""Import of text, images, arrays and HDF5 files into one frame file."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

import numpy as np

from morphsim.checks import check_choice, check_fraction, check_positive
from morphsim.errors import FrameWarning, InputError, MachineError
from morphsim.frames.aspect import Aspect
from morphsim.frames.binarisation import Binarisation, binarisation_notes, stated_binarisation
from morphsim.frames.folders import files_below
from morphsim.frames.frame_set import FrameSet
from morphsim.frames.import_films import PIXEL, FilmOptions, films_in, joined
from morphsim.frames.labels import recipe_labels
from morphsim.frames.metadata import Metadata, read_metadata
from morphsim.frames.names import in_order
from morphsim.frames.preparation import Flatten, Preparation, Rule, read_mask
from morphsim.frames.readers import HDF5, TEXT, read_any
from morphsim.frames.store import read_notes, write_frames
from morphsim.frames.targets import BOUNDARY_NOTE, stated_boundary
from morphsim.lazy import renamed_argument
from morphsim.locks import claimed_file
from morphsim.progress import progress
from morphsim.simulator.processes import ProcessName
from morphsim.types import Boundary

_REASONS_SHOWN = 3
_HALF = 0.5
# Relative difference of pixel sizes that rounding of crops explains.
_SAME_SIZE = 0.02


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """What to import, and how to read it."""

    source: Path
    """A file, or a folder that is searched recursively."""
    out: Path
    """The HDF5 file to write."""
    mask: str | None = None
    """Rectangle to leave out of pictures, as X,Y,WIDTH,HEIGHT in pixels from the left and the top: the
    largest rectangle free of it is kept. bar finds the data bar or scale bar at the bottom."""
    flatten: Flatten | None = None
    """Remove the background: a fitted plane (tilt, uneven illumination), or first the offset of each row as
    well (scan lines of an AFM)."""
    denoise: int | None = None
    """Size in pixels of a median filter, odd."""
    threshold: Rule | float | None = None
    """Smallest donor share (grey value over its range) of a donor pixel (default: that of a frame file, and
    0.5 for other files). otsu finds the value between two levels of grey in each picture; median takes half
    of the pixels as donor."""
    invert: bool = False
    """Take the other phase as donor: dark pixels, or 0; in GraSPI's text, whose donor is 0, take 1."""
    transpose: bool = False
    """Swap rows and columns, for files whose lines run from top to bottom of the film."""
    shape: tuple[int, int] | None = None
    """Height and width to which every frame is resized (default: frames of the most common shape are
    kept)."""
    aspect: Aspect = "crop"
    """How --shape keeps proportions: crop takes the largest rectangle of its ratio in the centre, tile as
    many as fit side by side, each a frame; stretch squashes the picture."""
    pixel_size: float | None = None
    """Side of a pixel of the pictures in nm; the frame file stores that of its frames. A column pixel_size of
    the table overrides it."""
    table: Path | None = None
    """CSV table of metadata with a header: its column file, or the first one, names files, with or without
    suffix. Files without a row are left out."""
    recipe: tuple[str, ...] = ()
    """Columns of the table that distinguish recipes: films that agree in them are replicas (default: the
    column recipe, or else all but film, replicate, time and pixel_size)."""
    boundary: Boundary | None = None
    """Boundary condition at the left and right ends of the films; only periodic frames are rolled (default:
    that of a frame file, and no-flux for other files)."""
    process: ProcessName | Literal["unknown"] | None = None
    """How the films were made (default: that of a frame file, and unknown for other files)."""
    array: str = "frames"
    """Name of the frames in files of several arrays (HDF5, NPZ, MAT, VTK), or number of the channel of a TIFF
    stack."""
    overwrite: bool = False
    """Replace an existing file."""


# The name of earlier versions.
ImportConfig.__init__ = renamed_argument("dataset", "array")(ImportConfig.__init__)  # type: ignore[method-assign]


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

    With a table of metadata, each file is a film, unless the table has a column `film`, or `replicate`: then
    files of one recipe and replicate are a film. Its recipe columns become those of the frame file, its other
    columns, and the name of the film, columns of the frames.

    Pictures are cropped (`mask`), flattened, denoised, cut at the threshold, inverted, transposed and
    resized, in this order.

    Args:
        config: what to read.
        show_progress: show a progress bar on stderr.

    Returns:
        What was kept and dropped.

    Raises:
        InputError: no source, an existing output, an option out of range, or no frame to keep.
        MachineError: another run writes the output, the disk is full, or every file is in use.
    """
    steps = _checked(config)
    files, left_out = _files(config)
    table = None if config.table is None else read_metadata(config.table, recipe=config.recipe)
    with claimed_file(config.out):
        return _import(config, steps, table, files, left_out, show_progress=show_progress)


def _import(
    config: ImportConfig,
    steps: Preparation,
    table: Metadata | None,
    files: list[Path],
    left_out: list[tuple[Path, str]],
    *,
    show_progress: bool,
) -> ImportReport:
    pieces: list[tuple[str, FrameSet]] = []
    dropped = [(str(_relative(config.source, path)), reason) for path, reason in left_out]
    names = [_relative(config.source, path) for path in files]
    rows = {} if table is None else table.rows_of(names)
    options = FilmOptions(
        metadata=table,
        **{
            field.name: getattr(config, field.name)
            for field in fields(FilmOptions)
            if field.name != "metadata"
        },
    )
    sources_of_warning: dict[str, list[str]] = {}
    binarisations: list[Binarisation] = []
    kinds: set[type[InputError | MachineError]] = set()
    every_boundary_is_known = True
    with progress("importing", len(files), unit="files", show=show_progress) as advance:
        for path, relative in zip(files, names, strict=True):
            try:
                if table is not None and relative not in rows:
                    raise InputError(f"it has no row in {table.path}")
                frame_set, messages = _read(path, config, steps)
                boundary = config.boundary or stated_boundary(path, strict=False)
                several = path.suffix.lower() in HDF5
                pieces += films_in(frame_set, relative, rows.get(relative), several=several, options=options)
                every_boundary_is_known &= boundary is not None
                for message in messages:
                    sources_of_warning.setdefault(message, []).append(str(relative))
                binarisations.append(_binarisation(path, frame_set, config, steps))
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
    shape = Counter(shape for _, film in pieces for shape in [film.shape] * len(film)).most_common(1)[0][0]
    odd = {str(film.columns["source"][0]): film.shape for _, film in pieces if film.shape != shape}
    for name, other in odd.items():
        reason = (
            f"its shape {other} is not the most common one, {shape}; --shape {shape[0]} {shape[1]} resizes"
        )
        dropped.append((name, reason))
    _check_thresholds([film for _, film in pieces])
    merged = joined([piece for piece in pieces if piece[1].shape == shape], invert=config.invert)
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
            *_doubts_of_table(merged, table, list(rows.values())),
            *_pixels_differ(merged),
            *(_with_sources(message, names) for message, names in sources_of_warning.items()),
        ),
    )


def _read(path: Path, config: ImportConfig, steps: Preparation) -> tuple[FrameSet, list[str]]:
    """Read a file, and return the messages of its `FrameWarning`s instead of warning."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", FrameWarning)
        frame_set = read_any(
            path, threshold=_fixed(config), invert=config.invert, array=config.array, preparation=steps
        )
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


def _doubts_of_table(frame_set: FrameSet, table: Metadata | None, used: list[int]) -> list[str]:
    """Warnings of rows without a file, and of a table without replicas."""
    if table is None:
        return []
    unused = table.unused(used)
    found = [] if unused is None else [unused]
    recipes = recipe_labels(frame_set)
    if len(recipes) > 1 and len(set(recipes.tolist())) == len(recipes):
        shown = ", ".join(table.recipe) or "none"
        found.append(
            f"no two films share a recipe (columns {shown}), so no triplets can be trained; if some are "
            "replicas, name the columns that make the recipe with --recipe"
        )
    return found


def _pixels_differ(frame_set: FrameSet) -> list[str]:
    sizes = frame_set.columns.get(PIXEL[1], np.zeros(1))
    low, high = np.nanmin(sizes) if not np.isnan(sizes).all() else 0.0, np.nanmax(sizes, initial=0.0)
    if high <= low * (1 + _SAME_SIZE):
        return []
    return [
        f"pixels of the frames are {low:.4g} to {high:.4g} nm wide: equal patterns look unequal; crop the "
        "pictures to one size in nm, or import those of each magnification alone"
    ]


def _checked(config: ImportConfig) -> Preparation:
    """Check the options, and return the steps before the cut."""
    rule = config.threshold if isinstance(config.threshold, str) else None
    if config.threshold is not None and rule is None:
        check_fraction("threshold", config.threshold)
    if config.shape is not None and min(config.shape) < 1:
        raise InputError(f"shape is {config.shape}; height and width must be at least 1")
    check_choice("aspect", config.aspect, get_args(Aspect))
    if config.pixel_size is not None:
        check_positive("pixel_size", config.pixel_size, "a positive length in nm")
    if config.recipe and config.table is None:
        raise InputError("--recipe names columns of a table; name the table with --table")
    return Preparation(
        mask=None if config.mask is None else read_mask(config.mask),
        flatten=config.flatten,
        denoise=config.denoise,
        rule=rule,
    )


def _fixed(config: ImportConfig) -> float | None:
    """The threshold of `read_any`: with a rule, that of simulated films."""
    return _HALF if isinstance(config.threshold, str) else config.threshold


def _files(config: ImportConfig) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The files to read, ordered by name, and what is left out, with the reason."""
    if config.out.exists() and not config.overwrite:
        raise InputError(f"{config.out} exists already; name another file or add --overwrite")
    if config.source.is_file():
        return [config.source], []
    if not config.source.is_dir():
        raise InputError(f"{config.source} does not exist; name a file or a folder of frames")
    not_frames = {path.resolve() for path in (config.out, config.table) if path is not None}
    found, left_out = files_below(config.source)
    files = [path for path in found if path.resolve() not in not_frames]
    if not files:
        reasons = "".join(f"; {_relative(config.source, path)}: {reason}" for path, reason in left_out)
        raise InputError(f"{config.source} is a folder without files; name one that holds frames{reasons}")
    return sorted(files, key=lambda path: in_order(_relative(config.source, path))), left_out


def _relative(source: Path, path: Path) -> PurePosixPath:
    name = (path.relative_to(source) if source.is_dir() else Path(path.name)).as_posix()
    # File names need not be valid text; frame files hold texts, so invalid bytes are written as escapes.
    return PurePosixPath(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _binarisation(path: Path, frame_set: FrameSet, config: ImportConfig, steps: Preparation) -> Binarisation:
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
        aspect=before.aspect if config.shape is None else config.aspect,
        preparation=before.preparation if steps == Preparation() else steps,
    )


def _check_thresholds(pieces: list[FrameSet]) -> None:
    files = {piece.threshold: str(piece.columns["source"][0]) for piece in reversed(pieces)}
    if len(files) > 1:
        found = " and ".join(f"{name} at {threshold:g}" for threshold, name in sorted(files.items())[:2])
        raise InputError(f"frames are binarised differently: {found}; --threshold sets one for all")
