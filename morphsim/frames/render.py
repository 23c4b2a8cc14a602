"""Pictures and movies of frames."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.files import atomic_path

ACCEPTOR_COLOUR = (20, 52, 108)
"""Dark blue; it differs from the donor's in lightness, so that any kind of sight tells them apart."""
DONOR_COLOUR = (250, 190, 70)
"""Light orange."""
AIR_COLOUR = (255, 255, 255)
"""White, above a film that has become thinner."""

_MOST_IN_STRIP = 32
_LONGEST_SIDE = 640
_FASTEST_GIF = 50.0
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


def frame_strip(
    frames: NDArray[Any] | Sequence[NDArray[Any]], path: str | Path, *, titles: Sequence[str] | None = None
) -> None:
    """Draw frames next to each other as a PNG, in their true proportions, on one scale and in reading order.

    Wide frames are set in several rows, as many as make the picture about twice as wide as high.

    Args:
        frames: (N, H, W) or a sequence of (H, W), 0/1 or donor shares; at most 32.
        path: the PNG file.
        titles: a text above each.

    Raises:
        InputError: no frame or too many, titles of another number, or another suffix.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    pictures = [to_rgb(frame) for frame in frames]
    if not 1 <= len(pictures) <= _MOST_IN_STRIP:
        raise InputError(f"{len(pictures)} frames are given; a strip shows 1 to {_MOST_IN_STRIP}")
    if any(picture.ndim != 3 for picture in pictures):
        raise InputError("frames for a strip must be (N, H, W), or a sequence of (H, W)")
    if titles is not None and len(titles) != len(pictures):
        raise InputError(f"{len(titles)} titles are given for {len(pictures)} frames; give one for each")
    if Path(path).suffix.lower() != ".png":
        raise InputError(f"{path} is not a PNG file; let its name end in .png")
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in range(2))
    aspect = width / height
    columns = min(range(1, len(pictures) + 1), key=lambda count: _imbalance(count, len(pictures), aspect))
    rows = -(-len(pictures) // columns)
    panel_width = min(4.0, max(1.2, 12.0 / columns))
    title_height = 0.3 if titles is not None else 0.08
    figure = Figure(
        figsize=(columns * panel_width + 0.2, rows * (panel_width / aspect + title_height) + 0.45),
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for number, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if number < len(pictures):
            axes.imshow(pictures[number], interpolation="nearest")
            # All axes are alike in size: a smaller frame stands at the lower left of its own.
            rows = pictures[number].shape[0]
            axes.set(xlim=(-0.5, width - 0.5), ylim=(rows - 0.5, rows - height - 0.5))
            if titles is not None:
                axes.set_title(titles[number], fontsize=9)
    figure.legend(
        handles=[
            Patch(color=_unit(DONOR_COLOUR), label="donor"),
            Patch(color=_unit(ACCEPTOR_COLOUR), label="acceptor"),
        ],
        loc="outside lower center",
        ncol=2,
        frameon=False,
        fontsize=9,
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata={"Software": None})


def animate(
    frames: NDArray[Any],
    path: str | Path,
    *,
    fps: float = 10.0,
    thickness: Sequence[float] | NDArray[Any] | None = None,
) -> None:
    """Write frames as a movie: GIF, or MP4 with the extra `movie` installed.

    Small frames are enlarged by a whole factor.

    Args:
        frames: (N, H, W) 0/1 or donor shares.
        path: a name that ends in .gif or .mp4.
        fps: frames a second, above 0; a GIF shows at most 50.
        thickness: (N,) of the film in each frame, above 0: the thickest fills the picture, a thinner one
            its lower part under white air. Without it every frame fills the picture.

    Raises:
        InputError: frames of another shape, thicknesses that don't fit them, a rate out of range, another
            suffix, or no MP4 writer.
    """
    values = np.asarray(frames)
    if values.ndim != 3 or values.size == 0:
        raise InputError(f"frames have the shape {values.shape}; a movie takes (N, H, W)")
    suffix = Path(path).suffix.lower()
    if suffix not in {".gif", ".mp4"}:
        raise InputError(f"{path} is neither GIF nor MP4; let its name end in .gif or .mp4")
    fastest = _FASTEST_GIF if suffix == ".gif" else 240.0
    if not 0.1 <= fps <= fastest:
        raise InputError(f"fps is {fps!r}; {suffix} takes 0.1 to {fastest:g} frames a second")
    heights = np.ones(len(values)) if thickness is None else np.asarray(thickness, np.float64)
    if heights.shape != (len(values),) or not (np.isfinite(heights).all() and (heights > 0.0).all()):
        raise InputError(f"thickness must be {len(values)} positive numbers, one for each frame")
    heights = heights / heights.max()
    if suffix == ".gif":
        _write_gif(values, heights, path, fps)
    else:
        _write_mp4(values, heights, path, fps)


def _unit(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _imbalance(columns: int, count: int, aspect: float) -> float:
    rows = -(-count // columns)
    return abs(math.log(columns * aspect / rows / 2.0)) + _COST_OF_GAP * (columns * rows - count)


def _enlarged(frames: NDArray[Any], heights: NDArray[np.float64]) -> Iterator[NDArray[np.float32]]:
    """Donor shares of each picture, NaN above a film whose height is below 1."""
    factor = max(1, _LONGEST_SIDE // max(frames.shape[1:]))
    for frame, height in zip(frames, heights, strict=True):
        share = _share(frame).repeat(factor, axis=0).repeat(factor, axis=1)
        rows = len(share)
        left = max(1, round(height * rows))
        if left < rows:
            picture = np.full_like(share, np.nan)
            picture[rows - left :] = share[((np.arange(left) + 0.5) * (rows / left)).astype(np.int64)]
            share = picture
        yield share


def _write_gif(frames: NDArray[Any], heights: NDArray[np.float64], path: str | Path, fps: float) -> None:
    from PIL import Image

    # One palette for all frames: a colour of its own for each would make a still part flicker.
    palette = to_rgb(np.linspace(0.0, 1.0, 255)[None]).tobytes() + bytes(AIR_COLOUR)
    images = [
        Image.fromarray(
            np.where(np.isnan(share), 255, np.rint(254.0 * np.nan_to_num(share))).astype(np.uint8)
        )
        for share in _enlarged(frames, heights)
    ]
    for image in images:
        image.putpalette(palette)
    # A GIF counts in hundredths of a second.
    duration = max(10 * round(100.0 / fps), 10)
    with atomic_path(path) as temporary:
        images[0].save(temporary, save_all=True, append_images=images[1:], duration=duration, loop=0)


def _write_mp4(frames: NDArray[Any], heights: NDArray[np.float64], path: str | Path, fps: float) -> None:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise InputError(
            f"{path} needs an MP4 writer: pip install morphsim[movie], or name a .gif"
        ) from error
    first = next(_enlarged(frames[:1], heights[:1]))
    # The usual colour format halves both axes: an odd one is filled up with its last line.
    padding = [(0, first.shape[0] % 2), (0, first.shape[1] % 2)]
    size = (first.shape[1] + padding[1][1], first.shape[0] + padding[0][1])
    with atomic_path(path) as temporary:
        writer = imageio_ffmpeg.write_frames(
            str(temporary), size, fps=fps, macro_block_size=1, ffmpeg_log_level="error"
        )
        writer.send(None)
        try:
            for share in _enlarged(frames, heights):
                padded = np.pad(share, padding, mode="edge")
                picture = to_rgb(np.nan_to_num(padded))
                picture[np.isnan(padded)] = AIR_COLOUR
                writer.send(picture)
        finally:
            writer.close()
