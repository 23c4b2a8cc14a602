"""Embeddings: maps from frames to vectors that are compared by their Euclidean distance."""

from __future__ import annotations

import abc
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.similarity.descriptors import describe, three_descriptors, two_point_statistics
from morphsim.similarity.evaluation.frames import has_both_phases
from morphsim.similarity.evaluation.projection import PrincipalComponents, Standardisation, Vectors
from morphsim.types import Boundary

Frames = NDArray[np.uint8]

COMPONENTS = 16
_MOST_FRAMES = 2000


class Embedding(abc.ABC):
    """Maps frames (N, H, W) to vectors (N, D).

    An embedding is fitted once, on training frames; its scaling is fixed from then on.

    Attributes:
        name: for tables and figures.
        baseline: whether it is a baseline rather than the subject of the evaluation.
        for_ceiling: whether the classifier that estimates the ceiling may use its vectors.
    """

    name: str
    baseline: bool = True
    for_ceiling: bool = False

    def fit(self, frames: Frames, *, boundary: Boundary) -> Self:
        """Fit the scaling to training frames, without those of a single phase.

        Of more than 2000 frames, 2000 at equal intervals are used.

        Args:
            frames: (N, H, W) 0/1.
            boundary: their lateral boundary condition.

        Raises:
            InputError: fewer than two frames that hold both phases.
        """
        shown = np.flatnonzero(has_both_phases(frames))
        if len(shown) < 2:
            raise InputError(f"{len(shown)} training frames hold both phases; {self.name} needs at least 2")
        places = np.linspace(0, len(shown) - 1, min(_MOST_FRAMES, len(shown))).round().astype(int)
        self._fit(frames[shown[places]], boundary)
        return self

    @abc.abstractmethod
    def _fit(self, frames: Frames, boundary: Boundary) -> None:
        """Fit to frames that hold both phases."""

    @abc.abstractmethod
    def __call__(self, frames: Frames, *, boundary: Boundary) -> Vectors:
        """Map frames to vectors.

        Args:
            frames: (N, H, W) 0/1.
            boundary: their lateral boundary condition.

        Returns:
            (N, D).
        """


class PixelComponents(Embedding):
    """Sixteen principal components of the pixels."""

    name = "pixels + PCA"
    for_ceiling = True

    def _fit(self, frames: Frames, boundary: Boundary) -> None:
        self._components = PrincipalComponents.fit(_flat(frames), components=COMPONENTS)

    def __call__(self, frames: Frames, *, boundary: Boundary) -> Vectors:
        """Map frames to vectors; `boundary` is ignored."""
        flat = _flat(frames)
        if flat.shape[1] != len(self._components.mean):
            raise InputError(
                f"frames are {frames.shape[1]} x {frames.shape[2]}, but {self.name} was fitted on frames of "
                "another size; resize them"
            )
        return self._components(flat)


class TwoPointComponents(Embedding):
    """Sixteen principal components of the two-point statistics up to a lag of 32 pixels."""

    name = "two-point + PCA"
    for_ceiling = True

    def _fit(self, frames: Frames, boundary: Boundary) -> None:
        statistics = two_point_statistics(frames, boundary=boundary)
        self._components = PrincipalComponents.fit(_flat(statistics), components=COMPONENTS)

    def __call__(self, frames: Frames, *, boundary: Boundary) -> Vectors:
        """Map frames to vectors."""
        return self._components(_flat(two_point_statistics(frames, boundary=boundary)))


class Standardised(Embedding):
    """Numbers computed from each frame, standardised."""

    @abc.abstractmethod
    def values(self, frames: Frames, boundary: Boundary) -> Vectors:
        """Compute (N, D)."""

    def _fit(self, frames: Frames, boundary: Boundary) -> None:
        self._scale = Standardisation.fit(self.values(frames, boundary))

    def __call__(self, frames: Frames, *, boundary: Boundary) -> Vectors:
        """Map frames to vectors."""
        return self._scale(self.values(frames, boundary))


class ThreeDescriptors(Standardised):
    """Area fraction, logarithms of interface length and mean wavenumber."""

    name = "three descriptors"
    for_ceiling = True

    def values(self, frames: Frames, boundary: Boundary) -> Vectors:
        """Compute (N, 3)."""
        return three_descriptors(frames, boundary=boundary)


class AllDescriptors(Standardised):
    """All scalar descriptors of `morphsim.similarity.descriptors.describe`."""

    name = "all descriptors"
    for_ceiling = True

    def values(self, frames: Frames, boundary: Boundary) -> Vectors:
        """Compute (N, D)."""
        return describe(frames, boundary=boundary).to_matrix()


class Latents(Embedding):
    """The latents of an encoder as they are; nothing is fitted.

    Args:
        encoder: the encoder.
        name: name in tables and figures.
        baseline: whether it is a baseline.
        decodes: whether to evaluate its decoder too.
    """

    def __init__(
        self, encoder: Encoder, *, name: str = "encoder", baseline: bool = False, decodes: bool = True
    ) -> None:
        self.encoder = encoder
        self.name = name
        self.baseline = baseline
        self.for_ceiling = not baseline
        self.decodes = decodes

    def fit(self, frames: Frames, *, boundary: Boundary) -> Self:
        """Do nothing: an encoder has a fixed scaling."""
        return self

    def _fit(self, frames: Frames, boundary: Boundary) -> None:
        """Do nothing."""

    def __call__(self, frames: Frames, *, boundary: Boundary) -> Vectors:
        """Map frames to latents; `boundary` is ignored, since the encoder has its own."""
        return np.asarray(self.encoder.encode(frames), np.float64)


def baselines() -> list[Embedding]:
    """Return the embeddings without a network, not fitted yet."""
    return [PixelComponents(), TwoPointComponents(), ThreeDescriptors(), AllDescriptors()]


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(len(values), -1)
