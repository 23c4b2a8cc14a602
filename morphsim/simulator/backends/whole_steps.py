"""Whole steps of pseudo-spectral films, which a backend may take in one go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from morphsim.simulator.core.per_film import PerFilmArray, Shared


class SpectralStart(NamedTuple):
    """Pseudo-spectral films of one field before a step, as arrays, complex modes as pairs of numbers.

    Attributes:
        phi: φ_n, (B, 1, H, W).
        before: φ_{n-1}.
        content: modes q of h φ, (B, 1, H, width).
        rates: R_n.
        rate_change: R_n - R_{n-1}.
        content_change: the same of the content.
        older_rate_change: R_{n-1} - R_{n-2}.
        older_content_change: the same of the content.
        stiffness2: A2 of the damping, (B, 1, 1, 1).
        stiffness4: A4, (B, 1, 1, 1).
        thickness: h, (B,).
        dt: (B,).
        ratio: the new step over the last one, (B,).
        weights: of `step_weights`, six of (B,).
        films: the numbers of those that are to be advanced.
    """

    phi: PerFilmArray
    before: PerFilmArray
    content: PerFilmArray
    rates: PerFilmArray
    rate_change: PerFilmArray
    content_change: PerFilmArray
    older_rate_change: PerFilmArray
    older_content_change: PerFilmArray
    stiffness2: PerFilmArray
    stiffness4: PerFilmArray
    thickness: PerFilmArray
    dt: PerFilmArray
    ratio: PerFilmArray
    weights: Sequence[PerFilmArray]
    films: Sequence[int]


class SpectralEnd(NamedTuple):
    """The same films after it; what belongs to other films is not defined.

    Attributes:
        phi: (B, 1, H, W).
        content: (B, 1, H, modes).
        change: what the step added to it.
        error: the largest rms of a row from its extrapolation, (B,).
        smallest: the smallest volume fraction, (B,).
        contrast: the largest spread of the field, (B,).
    """

    phi: Shared
    content: Shared
    change: Shared
    error: PerFilmArray
    smallest: PerFilmArray
    contrast: PerFilmArray


class SpectralRates(NamedTuple):
    """Their rates; what belongs to other films is not defined.

    Attributes:
        modes: (B, 1, H, modes).
        change: since the start of the step.
        stiffness2: A2, (B, 1, 1, 1).
        stiffness4: A4, (B, 1, 1, 1).
    """

    modes: Shared
    change: Shared
    stiffness2: Shared
    stiffness4: Shared


class SpectralFilms(ABC):
    """Whole steps of pseudo-spectral films: what `Backend` computes part by part, in one go."""

    @abstractmethod
    def advance(self, start: SpectralStart) -> SpectralEnd | None:
        """Advance the modes and compare the new fields.

        Returns:
            None for films that have to be computed part by part.
        """

    @abstractmethod
    def rates(self, end: SpectralEnd, start: SpectralStart, films: Sequence[int]) -> SpectralRates:
        """Rates of some of the films that were advanced last."""

    @abstractmethod
    def first_rates(
        self, phi: PerFilmArray, content: PerFilmArray, thickness: PerFilmArray
    ) -> SpectralRates | None:
        """The same to the last bit from fields (B, 1, H, W), content and thickness alone.

        Their change is not defined. None for films that have to be computed part by part.
        """
