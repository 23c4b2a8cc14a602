"""Prediction of device currents of published frames, leaving one chi out at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames import resize
from morphsim.frames.hdf5 import find_dataset, find_group, names_in, open_hdf5
from morphsim.frames.hdf5_values import read_values
from morphsim.similarity.descriptors import interface_length, three_descriptors, two_point_statistics
from morphsim.similarity.evaluation.correlation import known_differences, known_features, rank_correlation
from morphsim.similarity.evaluation.embeddings import COMPONENTS, Embedding, Frames
from morphsim.similarity.evaluation.prediction import METHODS, Prediction, Scale, leave_one_out
from morphsim.similarity.evaluation.projection import PrincipalComponents, Vectors
from morphsim.types import Boundary

if TYPE_CHECKING:
    import h5py

CURRENT = "JSC"
DONOR_NODES = "STAT_n_D"
BOUNDARY: Boundary = "no-flux"
_COLUMNS = ("chi", "time", "blend_ratio")

Predictions = dict[str, dict[str, Prediction]]
"""By target, then by method."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PublishedFrames:
    """Frames of published films with no-flux walls, and their known properties.

    Source: doi 10.1016/j.commatsci.2021.110409.
    """

    frames: Frames
    """(N, H, W) 0/1, as stored."""
    donor: int
    """Which of the values 0 and 1 is the donor."""
    chi: Vectors
    """(N,) interaction parameter; frames of one chi are left out together."""
    targets: Mapping[str, Vectors]
    """(N,) each, the values to predict."""
    descriptors: Mapping[str, Vectors]
    """(N,) each, graph descriptors that were published with the frames."""

    @property
    def donor_frames(self) -> Frames:
        """(N, H, W) 0/1 with the donor as 1, as everywhere in morphsim."""
        return self.frames if self.donor else 1 - self.frames


def read_published(path: str | Path) -> PublishedFrames:
    """Read published frames: `frames`, `chi`, `time`, `blend_ratio`, and `descriptors` with `JSC`.

    Raises:
        InputError: the file is missing or not HDF5, or one of these is missing or invalid.
    """
    with open_hdf5(path) as file:
        frames = _values(file, "frames")
        columns = {name: _values(file, name).astype(np.float64) for name in _COLUMNS}
        group = find_group(file, "descriptors")
        names = {CURRENT, *([] if group is None else names_in(group))}
        descriptors = {
            name: _values(file, f"descriptors/{name}").astype(np.float64) for name in sorted(names)
        }
    if frames.ndim != 3 or frames.dtype != np.uint8 or 0 in frames.shape or frames.max() > 1:
        raise InputError(f"{path}: frames are {frames.dtype} {frames.shape}; they must be 0 and 1, (N, H, W)")
    for name, column in {**columns, **descriptors}.items():
        if column.shape != (len(frames),) or not np.isfinite(column).all():
            raise InputError(f"{path}: {name} must be {len(frames)} finite numbers, one for each frame")
    if not (columns["time"] > 0.0).all():
        raise InputError(f"{path}: time holds {columns['time'].min():g}; it must be above 0")
    if len(np.unique(columns["chi"])) < 2:
        raise InputError(f"{path} holds a single chi; leaving one out needs at least two")
    lengths = interface_length(frames, boundary=BOUNDARY)
    if not (lengths > 0.0).all():
        raise InputError(f"{path}: frame {int(lengths.argmin())} holds a single phase; leave it out")
    return PublishedFrames(
        frames=frames,
        donor=_donor(frames, descriptors),
        chi=columns["chi"],
        targets={
            CURRENT: descriptors.pop(CURRENT),
            "log time": np.log(columns["time"]),
            "log interface length": np.log(lengths),
            "blend ratio": columns["blend_ratio"],
        },
        descriptors=descriptors,
    )


def _values(file: h5py.File, name: str) -> NDArray[Any]:
    dataset = find_dataset(file, name)
    if dataset is None:
        raise InputError(f"it has no dataset {name!r}; name the file of the published frames")
    return read_values(dataset)


def _donor(frames: Frames, descriptors: Mapping[str, Vectors]) -> int:
    """Which value is the donor, by the published numbers of donor nodes; 1 if the file has none."""
    nodes = descriptors.get(DONOR_NODES)
    if nodes is None:
        return 1
    ones = frames.sum(axis=(1, 2), dtype=np.int64)
    zeros = frames[0].size - ones
    return int(np.abs(nodes - ones).sum() <= np.abs(nodes - zeros).sum())


def bring_to_shape(frames: Frames, shape: tuple[int, int]) -> Frames:
    """Bring frames of nodes to the pixels of an encoder.

    If both sides are longer by one, as 101 x 401 nodes are compared with 100 x 400 pixels, the last row and
    the last column are dropped, so that no pixel is interpolated; other shapes are resized.

    Args:
        frames: (N, H, W).
        shape: the wanted (H, W).
    """
    height, width = shape
    if frames.shape[1:] == (height + 1, width + 1):
        return np.ascontiguousarray(frames[:, :height, :width])
    return resize(frames, shape)


def embed_published(
    embedding: Embedding, published: PublishedFrames, *, shape: tuple[int, int]
) -> tuple[Vectors, Vectors]:
    """Embed the frames and the mirrored frames with an embedding that was not fitted on them.

    Args:
        embedding: fitted on frames of `shape`.
        published: the frames.
        shape: (H, W) that they are brought to.

    Returns:
        Two arrays (N, D).
    """
    frames = bring_to_shape(published.donor_frames, shape)
    mirrored = np.ascontiguousarray(frames[..., ::-1])
    return embedding(frames, boundary=BOUNDARY), embedding(mirrored, boundary=BOUNDARY)


def predict_targets(
    vectors: NDArray[Any], mirrored: NDArray[Any], published: PublishedFrames, *, scale: Scale = "each"
) -> Predictions:
    """Predict each target from vectors.

    Both methods are fitted to frames as they are and predict from mirrored ones, since films of one chi share
    their initial noise.

    Args:
        vectors: (N, D) of the frames.
        mirrored: (N, D) of the mirrored frames.
        published: the frames.
        scale: see `leave_one_out`.
    """
    return {
        target: {
            method: leave_one_out(vectors, mirrored, values, published.chi, method=method, scale=scale)
            for method in METHODS
        }
        for target, values in published.targets.items()
    }


def correlate_published(
    vectors: NDArray[Any], published: PublishedFrames, *, shape: tuple[int, int], seed: int = 0
) -> dict[str, float]:
    """Rank correlation of distances with differences on the published frames, including the current.

    Args:
        vectors: (N, D) of the frames.
        published: the frames.
        shape: (H, W) that they are brought to.
        seed: of the pairs.
    """
    features = known_features(bring_to_shape(published.donor_frames, shape), boundary=BOUNDARY)
    features[CURRENT] = published.targets[CURRENT][:, None]
    pairs, differences = known_differences(features, seed=seed)
    return {name: rank_correlation(vectors, values, pairs) for name, values in differences.items()}


def published_baselines(published: PublishedFrames) -> dict[str, Predictions]:
    """Predict from features fitted on these very frames, as published tables do.

    The principal components have seen the frames that are left out (but not their values or mirror images),
    an advantage over an embedding that never saw any of these frames.
    """
    frames, mirrored = published.frames, np.ascontiguousarray(published.frames[..., ::-1])
    found: dict[str, Predictions] = {}

    def components(name: str, own: NDArray[Any], other: NDArray[Any], scale: Scale = "each") -> None:
        projection = PrincipalComponents.fit(own.reshape(len(own), -1), components=COMPONENTS)
        found[name] = predict_targets(
            projection(own.reshape(len(own), -1)),
            projection(other.reshape(len(other), -1)),
            published,
            scale=scale,
        )

    components("16 components of the pixels", frames, mirrored)
    half = frames.shape[1] // 2
    statistics = two_point_statistics(frames, boundary=BOUNDARY, largest_lag=(half, half))
    # A frame and its mirror image have the same statistics and the same graph.
    components("16 components of two-point statistics", statistics, statistics)
    components("the same, scaled together", statistics, statistics, "together")
    three = three_descriptors(frames, boundary=BOUNDARY)
    found["three descriptors"] = predict_targets(three, three, published)
    if published.descriptors:
        graph = np.stack(list(published.descriptors.values()), axis=1)
        found[f"{graph.shape[1]} graph descriptors"] = predict_targets(graph, graph, published)
    return found
