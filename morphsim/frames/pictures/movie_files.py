"""Writing of movies from pictures of palette indices: GIF, and MP4 with the extra `movie`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError, MachineError
from morphsim.files import atomic_buffer, atomic_path
from morphsim.system_errors import space_left

_FASTEST_GIF = 50.0


def check_movie(path: str | Path, fps: float) -> None:
    """Check the name and the rate of a movie.

    Raises:
        InputError: a suffix other than .gif and .mp4, or a rate out of range.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in {".gif", ".mp4"}:
        raise InputError(f"{path} is neither GIF nor MP4; let its name end in .gif or .mp4")
    fastest = _FASTEST_GIF if suffix == ".gif" else 240.0
    if not 0.1 <= fps <= fastest:
        raise InputError(f"fps is {fps!r}; {suffix} takes 0.1 to {fastest:g} frames a second")


def write_movie(
    pictures: Iterator[NDArray[np.uint8]], colours: NDArray[np.uint8], path: str | Path, fps: float
) -> None:
    """Write pictures as a movie in the format that the suffix names.

    Args:
        pictures: at least one, (rows, columns) of indices into `colours`, all of one size.
        colours: the palette, (256, 3).
        path: a name that ends in .gif or .mp4.
        fps: pictures per second.

    Raises:
        InputError: another suffix, a rate out of range, or no MP4 writer.
        MachineError: the disk is full.
    """
    check_movie(path, fps)
    if Path(path).suffix.lower() == ".gif":
        _write_gif(pictures, colours, path, fps)
    else:
        _write_mp4(pictures, colours, path, fps)


def _write_gif(
    pictures: Iterator[NDArray[np.uint8]], colours: NDArray[np.uint8], path: str | Path, fps: float
) -> None:
    from PIL import Image

    # One palette for all frames: a palette for each would make static regions flicker.
    palette = colours.tobytes()
    images = [Image.fromarray(picture) for picture in pictures]
    for image in images:
        image.putpalette(palette)
    # A GIF counts in hundredths of a second.
    duration = max(10 * round(100.0 / fps), 10)
    with atomic_buffer(path) as buffer:
        images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=duration, loop=0)


def _write_mp4(
    pictures: Iterator[NDArray[np.uint8]], colours: NDArray[np.uint8], path: str | Path, fps: float
) -> None:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise InputError(
            f"{path} needs an MP4 writer: pip install morphsim[movie], or name a .gif"
        ) from error
    first = next(pictures)
    # The usual colour format halves both axes: an odd one is padded with its last line.
    padding = [(0, first.shape[0] % 2), (0, first.shape[1] % 2)]
    size = (first.shape[1] + padding[1][1], first.shape[0] + padding[0][1])
    with atomic_path(path) as temporary:
        # ffmpeg reports failures on stderr only, so the file itself is checked.
        writer = imageio_ffmpeg.write_frames(
            str(temporary), size, fps=fps, macro_block_size=1, ffmpeg_log_level="quiet"
        )
        writer.send(None)
        try:
            for picture in itertools.chain([first], pictures):
                writer.send(colours[np.pad(picture, padding, mode="edge")])
        except OSError:
            pass
        finally:
            writer.close()
        if not _is_whole_mp4(temporary):
            raise MachineError(
                f"{path}: ffmpeg could not write the movie{space_left(temporary.parent)}; "
                "free some space, or take gif"
            )


def _is_whole_mp4(path: Path) -> bool:
    """Whether the boxes fill the file exactly and include the index, which ffmpeg writes last."""
    if not path.is_file():
        return False
    content = path.read_bytes()
    start, kinds = 0, []
    while start + 8 <= len(content):
        length = int.from_bytes(content[start : start + 4], "big")
        if length == 1:
            length = int.from_bytes(content[start + 8 : start + 16], "big")
        kinds.append(content[start + 4 : start + 8])
        start += max(length, 8)
    return start == len(content) and b"moov" in kinds
