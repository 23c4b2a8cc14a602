"""Pictures and movies of frames."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import check_positive
from morphsim.errors import InputError
from morphsim.frames.pictures.movie_files import check_movie, write_movie
from morphsim.frames.pictures.quantity import BLACK, QUANTITIES, SHADES, WHITE, palette
from morphsim.frames.pictures.size import drawn_aspect, figure_size, nearest, shrink
from morphsim.frames.pictures.title_bar import title_bars
from morphsim.look import ACCEPTOR_COLOUR, DONOR_COLOUR, phase_patches, save_figure, with_look

_MOST_IN_STRIP = 32
_LONGEST_SIDE = 640
_LONGEST_TO_SCALE = 1920
# Largest side that players show, without the title bar.
_LONGEST_OF_MOVIE = 4096
_DOTS_PER_INCH = 150
_COST_OF_GAP = 0.15


def to_rgb(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """Colour a frame, or donor shares between the colours of acceptor (0) and donor (1).

    Args:
        frame: (..., H, W) 0/1, bool, or floats, which are clipped to 0..1.

    Returns:
        (..., H, W, 3) uint8.

    Raises:
        InputError: NaN, or integers other than 0 and 1.
    """
    share = _share(frame)[..., None]
    low, high = np.array(ACCEPTOR_COLOUR, np.float32), np.array(DONOR_COLOUR, np.float32)
    return np.asarray(np.rint(low + share * (high - low)), np.uint8)


def _share(frame: NDArray[Any]) -> NDArray[np.float32]:
    values = np.asarray(frame)
    if values.ndim < 2 or values.dtype.kind not in "biuf":
        raise InputError(f"a picture is made of numbers (H, W), not of {values.dtype} {values.shape}")
    if values.dtype.kind == "f":
        if np.isnan(values).any():
            raise InputError("the donor shares hold NaN; they must be numbers from 0 to 1")
        return np.clip(values.astype(np.float32), 0.0, 1.0)
    if values.size and (values.min() < 0 or values.max() > 1):
        raise InputError(f"the frame holds {values.min()} to {values.max()}; integers must be 0 or 1")
    return values.astype(np.float32)


@with_look
def frame_strip(
    frames: NDArray[Any] | Sequence[NDArray[Any]], path: str | Path, *, titles: Sequence[str] | None = None
) -> None:
    """Draw frames side by side as a PNG, with true proportions, on one scale and in reading order.

    Wide frames are set in several rows, so that the picture is about twice as wide as high. Its size stays
    within the limits of `morphsim.frames.pictures.size`; frames whose sides differ by more than a factor of
    16 are drawn with this ratio.

    Args:
        frames: (N, H, W) or a sequence of (H, W), 0/1 or donor shares; at most 32.
        path: the PNG file.
        titles: a text above each frame.

    Raises:
        InputError: no frame or too many, a wrong number of titles, or another suffix.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pictures = [to_rgb(frame) for frame in frames]
    if not 1 <= len(pictures) <= _MOST_IN_STRIP:
        raise InputError(f"{len(pictures)} frames are given; a strip shows 1 to {_MOST_IN_STRIP}")
    for picture in pictures:
        if picture.ndim != 3:
            raise InputError(
                f"a frame for a strip has the shape {picture.shape[:-1]}; frames must be (N, H, W), or a "
                "sequence of (H, W): draw one of several channels, as frames[:, 0]"
            )
    if titles is not None and len(titles) != len(pictures):
        raise InputError(f"{len(titles)} titles are given for {len(pictures)} frames; give one for each")
    if Path(path).suffix.lower() != ".png":
        raise InputError(f"{path} is not a PNG file; let its name end in .png")
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in range(2))
    aspect = drawn_aspect(height, width)
    columns = min(range(1, len(pictures) + 1), key=lambda count: _imbalance(count, len(pictures), aspect))
    rows = -(-len(pictures) // columns)
    panel_width = min(4.0, max(1.2, 12.0 / columns))
    title_height = 0.3 if titles is not None else 0.08
    size = columns * panel_width + 0.2, rows * (panel_width / aspect + title_height) + 0.45
    figure = Figure(figsize=figure_size(*size, dpi=_DOTS_PER_INCH), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for number, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if number < len(pictures):
            # All axes have the same size: a smaller frame sits at the lower left.
            rows, across = pictures[number].shape[:2]
            axes.imshow(
                shrink(pictures[number]),
                interpolation="nearest",
                aspect=width / height / aspect,
                extent=(-0.5, across - 0.5, rows - 0.5, -0.5),
            )
            axes.set(xlim=(-0.5, width - 0.5), ylim=(rows - 0.5, rows - height - 0.5))
            if titles is not None:
                axes.set_title(titles[number], fontsize=9)
    figure.legend(
        handles=phase_patches(),
        loc="outside lower center",
        ncol=2,
        frameon=False,
        fontsize=9,
    )
    save_figure(figure, path, dpi=_DOTS_PER_INCH)


def animate(
    frames: NDArray[Any],
    path: str | Path,
    *,
    fps: float = 10.0,
    thickness: Sequence[float] | NDArray[Any] | None = None,
    width: float | None = None,
    titles: Sequence[str] | None = None,
) -> None:
    """Write frames as a movie: GIF, or MP4 with the extra `movie` installed.

    Small frames are enlarged, and large ones shrunk to 4096 pixels.

    Args:
        frames: (N, H, W) 0/1 or donor shares.
        path: a name that ends in .gif or .mp4.
        fps: frames per second, above 0; a GIF shows at most 50.
        thickness: (N,) thickness of the film in each frame, above 0: the thickest fills the picture, a
            thinner one its lower part below white air. By default every frame fills the picture.
        width: of the film, in the unit of `thickness`, which makes height and width true to scale. By default
            cells are square.
        titles: a line for each frame, in a bar above the picture with a legend.

    Raises:
        InputError: frames of another shape, thicknesses or titles that don't match them, a rate or width out
            of range, another suffix, or no MP4 writer.
    """
    values = np.asarray(frames)
    if values.ndim != 3 or values.size == 0:
        raise InputError(f"frames have the shape {values.shape}; a movie takes (N, H, W), of one channel")
    check_movie(path, fps)
    heights = np.ones(len(values)) if thickness is None else np.asarray(thickness, np.float64)
    if heights.shape != (len(values),) or not (np.isfinite(heights).all() and (heights > 0.0).all()):
        raise InputError(f"thickness must be {len(values)} positive numbers, one for each frame")
    if titles is not None and len(titles) != len(values):
        raise InputError(f"{len(titles)} titles are given for {len(values)} frames; give one for each")
    if any("\n" in title for title in titles or ()):
        raise InputError("a title has several lines; a movie shows one above each picture")
    size = _picture_size(values.shape[1:], None if width is None else _aspect(width, thickness))
    pictures = _pictures(values, heights / heights.max(), size, titles)
    write_movie(pictures, palette(QUANTITIES["share"]), path, fps)


def _imbalance(columns: int, count: int, aspect: float) -> float:
    rows = -(-count // columns)
    return abs(math.log(columns * aspect / rows / 2.0)) + _COST_OF_GAP * (columns * rows - count)


def _aspect(width: float, thickness: Sequence[float] | NDArray[Any] | None) -> float:
    check_positive("width", width, "a positive length")
    if thickness is None:
        raise InputError("width is given without thickness; give both, in one unit")
    return width / float(np.max(thickness))


def _picture_size(shape: tuple[int, ...], aspect: float | None) -> tuple[int, int]:
    """Rows and columns of the picture of frames (H, W), `aspect` times as wide as high."""
    height, width = shape
    if aspect is None:
        scale = min(max(1, _LONGEST_SIDE // max(shape)), _LONGEST_OF_MOVIE / max(shape))
        return max(1, round(height * scale)), max(1, round(width * scale))
    # At least one pixel per cell along both axes.
    rows, columns = max((height, height * aspect), (width / aspect, width))
    longest = max(rows, columns)
    scale = min(max(1, int(_LONGEST_SIDE / longest)), _LONGEST_TO_SCALE / longest)
    return max(1, round(rows * scale)), max(1, round(columns * scale))


def _pictures(
    frames: NDArray[Any], heights: NDArray[np.float64], size: tuple[int, int], titles: Sequence[str] | None
) -> Iterator[NDArray[np.uint8]]:
    """Pictures as indices into the palette of shares; `heights` are shares of the picture's height."""
    rows, columns = size
    bars = None if titles is None else title_bars(titles, columns=columns)
    bar_rows, bar_columns = (0, columns) if bars is None else bars.grey.shape[1:]
    across = nearest(columns, frames.shape[2])
    for number, (frame, height) in enumerate(zip(frames, heights, strict=True)):
        picture = np.full((bar_rows + rows, bar_columns), WHITE, np.uint8)
        if bars is not None:
            picture[:bar_rows] = np.rint(bars.grey[number] / 255 * (WHITE - BLACK)) + BLACK
            if bars.legend is not None:
                ramp = np.linspace(0, SHADES - 1, bars.legend[1].stop - bars.legend[1].start)
                picture[bars.legend] = np.rint(ramp)
        left = max(1, round(height * rows))
        shade = np.rint((SHADES - 1) * _share(frame)).astype(np.uint8)
        picture[bar_rows + rows - left :, :columns] = shade[np.ix_(nearest(left, len(shade)), across)]
        yield picture
