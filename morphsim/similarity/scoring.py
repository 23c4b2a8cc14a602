"""Scores: how far frames are from a target morphology."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.encoder.distances import euclidean
from morphsim.encoder.input import as_array, check_frames
from morphsim.errors import InputError
from morphsim.frames import read_target_frames
from morphsim.frames.binarisation import Binarisation
from morphsim.similarity.calibration import percentile_of_distance
from morphsim.suggest import did_you_mean

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoreTable:
    """A row for each frame; columns by attribute or as `table["distance"]`."""

    row: NDArray[np.int64]
    """(N,) index of the frame, from 0."""
    distance: NDArray[np.float32]
    """(N,) Euclidean distance of the latent means from the nearest target's; 0.0 for an equal frame."""
    percentile: NDArray[np.float32]
    """(N,) percentage of random pairs of training frames that are closer together [%]."""
    nearest_target: NDArray[np.int64]
    """(N,) index of the nearest target, from 0; the first one of several at the same distance."""

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, column: str) -> NDArray[Any]:
        columns = self.to_dict()
        if column not in columns:
            raise InputError(f"column {column!r} is unknown; {did_you_mean(column, columns)}")
        return columns[column]

    def __str__(self) -> str:
        return self.render()

    def to_dict(self) -> dict[str, NDArray[Any]]:
        """Return the columns by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_json(self) -> str:
        """Return the rows as a JSON list of objects."""
        columns = {name: values.tolist() for name, values in self.to_dict().items()}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return json.dumps(rows, allow_nan=False)

    def render(self) -> str:
        """Return the table as plain text: a header and a line for each frame."""
        lines = [f"{'row':>6}  {'distance':>10}  {'percentile':>10}  {'nearest target':>14}"]
        for row, distance, percentile, nearest in zip(*self.to_dict().values(), strict=True):
            lines.append(f"{row:>6}  {distance:>10.4f}  {percentile:>10.1f}  {nearest:>14}")
        return "\n".join(lines)


def score(
    frames: ArrayLike | str | Path, target: ArrayLike | str | Path, *, encoder: Encoder | str | Path
) -> ScoreTable:
    """Compare frames with a target by the distance of their latent means.

    Args:
        frames: (N, H, W), or a file as for `target`. Networks are trained on binary frames: grey and colour
            images ((..., H, W, 3) or (..., H, W, 4)) are binarised as the encoder's training frames were.
        target: (H, W), or (K, H, W) of which the nearest counts; or `FILE`, `FILE:ROW` as for
            `morphsim.frames.read_target_frames`.
        encoder: an encoder, or an argument of `load_encoder`.

    Returns:
        A row for each frame.

    Raises:
        InputError: no target, a shape or values that the encoder does not accept, or a file that can't be
            read.

    Examples:
        >>> table = score(film, film[-1], encoder="default")      # doctest: +SKIP
        >>> float(table.distance[-1])                             # doctest: +SKIP
        0.0
    """
    loaded = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
    checked = check_frames(_array(frames, loaded, "frames"), loaded.frame_shape, channels=loaded.channels)
    target_array = _array(target, loaded, "target")
    single = target_array.ndim == (2 if loaded.channels == 1 else 3)
    targets = check_frames(
        target_array[None] if single else target_array,
        loaded.frame_shape,
        channels=loaded.channels,
        name="target",
    )
    if len(targets) == 0:
        raise InputError("target holds no frame; give at least one")
    latents, target_latents = _encode_equal_frames_once(loaded, checked, targets)
    distance = np.empty(len(checked), np.float32)
    nearest = np.empty(len(checked), np.int64)
    for start in range(0, len(checked), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        distances = euclidean(latents[rows, None], target_latents)
        nearest[rows] = distances.argmin(axis=1)
        distance[rows] = distances.min(axis=1)
    return ScoreTable(
        row=np.arange(len(checked)),
        distance=distance,
        percentile=percentile_of_distance(distance, loaded.metadata),
        nearest_target=nearest,
    )


def _array(given: ArrayLike | str | Path, encoder: Encoder, name: str) -> NDArray[Any]:
    """Frames as an array; frames of one channel are binarised as the encoder's training frames were."""
    made = Binarisation.of_encoder(encoder.metadata)
    if isinstance(given, str | Path):
        array: NDArray[Any] = made.fit(read_target_frames(given, binarisation=made), encoder.frame_shape)
        return array if encoder.channels == 1 else array[:, None]
    array = as_array(given, name=name)
    return made.frames(array, encoder.frame_shape, name=name) if encoder.channels == 1 else array


def _encode_equal_frames_once(
    encoder: Encoder, frames: NDArray[Any], targets: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Encode frames and targets so that a frame equal to a target gets exactly its latents.

    The last bits of a latent depend on the batch of the frame, so equal frames are encoded only once.
    """
    numbers: dict[bytes, int] = {}
    places: list[int] = []
    distinct: list[NDArray[np.float32]] = []
    for frame in (*targets, *frames):
        grey = np.ascontiguousarray(frame, np.float32)
        # Binary frames of any type are compared as bits, which takes little memory.
        bits = grey > 0.5
        key = np.packbits(bits).tobytes() if (bits == grey).all() else grey.tobytes()
        if key not in numbers:
            numbers[key] = len(distinct)
            distinct.append(frame)
        places.append(numbers[key])
    latents = encoder.encode(np.stack(distinct))[places]
    return latents[len(targets) :], latents[: len(targets)]
