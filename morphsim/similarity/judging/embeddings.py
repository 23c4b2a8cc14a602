"""Embeddings: everything that turns frames into vectors whose Euclidean distance compares them."""

from __future__ import annotations

import abc
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.similarity.descriptors import describe, three_descriptors, two_point_statistics
from morphsim.similarity.judging.judged import shows_something
from morphsim.similarity.judging.projection import PrincipalComponents, Standardisation, Vectors
from morphsim.types import Boundary

Frames = NDArray[np.uint8]

COMPONENTS = 16
_MOST_FRAMES = 2000


class Embedding(abc.ABC):
    """Maps frames (N, H, W) to vectors (N, D).

    An embedding is fitted once, on training frames, and keeps its scaling wherever it is used then.

    Attributes:
        name: for tables and figures.
        baseline: whether it is something to compare with, rather than what is judged.
        for_ceiling: whether the classifier that gives the ceiling may use its vectors.
    """

    name: str
    baseline: bool = True
    for_ceiling: bool = False

    def fit(self, frames: Frames, *, boundary: Boundary) -> Self:
        """Learn the scaling from training frames, those of a single phase left out.

        Of more than 2000 frames, 2000 evenly spread ones are taken.

        Args:
            frames: (N, H, W) 0/1.
            boundary: what happens at their left and right end.

        Raises:
            InputError: fewer than two frames that hold both phases.
        """
        shown = np.flatnonzero(shows_something(frames))
        if len(shown) < 2:
            raise InputError(f"{len(shown)} training frames hold both phases; {self.name} needs at least 2")
        places = np.linspace(0, len(shown) - 1, min(_MOST_FRAMES, len(shown))).round().astype(int)
        self._fit(frames[shown[places]], boundary)
        return self

    @abc.abstractmethod
    def _fit(self, frames: Frames, boundary: Boundary) -> None:
        """Learn from frames that hold both phases."""

    @abc.abstractmethod
    def __call__(self, frames: Frames, *, boundary: Boundary) -> Vectors:
        """Map frames to vectors.

        Args:
            frames: (N, H, W) 0/1.
            boundary: what happens at their left and right end.

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
        """Map frames to vectors; the boundary is nothing to pixels."""
        flat = _flat(frames)
        if flat.shape[1] != len(self._components.mean):
            raise InputError(
                f"frames of {frames.shape[1]} x {frames.shape[2]} are not those that {self.name} was fitted "
                "on; resize them"
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
    """Numbers that are computed from each frame, standardised."""

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
        name: how it is called in tables and figures.
        baseline: whether it is something to compare with.
        decodes: whether it is worth while to judge its decoder.
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
        """Do nothing: an encoder brings its scaling along."""
        return self

    def _fit(self, frames: Frames, boundary: Boundary) -> None:
        """Do nothing."""

    def __call__(self, frames: Frames, *, boundary: Boundary) -> Vectors:
        """Map frames to latents; the encoder takes its own boundary."""
        return np.asarray(self.encoder.encode(frames), np.float64)


def baselines() -> list[Embedding]:
    """Embeddings without a network, to be fitted."""
    return [PixelComponents(), TwoPointComponents(), ThreeDescriptors(), AllDescriptors()]


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(len(values), -1)
