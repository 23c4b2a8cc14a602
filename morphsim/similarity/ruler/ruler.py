"""A Fisher-type distance between frames: descriptors in units of their spread within a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from morphsim.errors import InputError
from morphsim.files import write_json
from morphsim.similarity.descriptors.frames import Frames, Values, checked_frames
from morphsim.similarity.ruler.families import (
    FAMILIES,
    FamilyName,
    check_families,
    ruler_descriptors,
)
from morphsim.similarity.ruler.files import FORMAT, MOST_SPREAD, read_ruler_fields
from morphsim.types import Boundary

LEAST_WITHIN = 0.1
"""Least spread of a descriptor within a recipe, relative to its spread between recipes."""

# Descriptors are shares, correlations and logarithms: a smaller spread is rounding.
_LEAST_SPREAD = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class Ruler:
    """A distance between binary frames that no reward is computed with.

    d² is the mean over the families of the mean over the descriptors of a family of (x - y)² / (2 s²), with s
    the pooled standard deviation of a descriptor within a recipe, as in Fisher's discriminant (Fisher, Ann.
    Eugen. 7 (1936) 179, doi 10.1111/j.1469-1809.1936.tb02137.x), here without correlations. The families have
    equal weight whatever their number of descriptors. The root mean square distance of two films of one
    recipe is 1, less where the floor of s is at work.

    s is at least a tenth of the spread between recipes. A descriptor that the recipe sets completely would
    have an infinite weight otherwise, and hide all others. With a tenth, typical recipes are already ten
    spreads apart, which leaves no doubt between them. A descriptor that varies neither within nor between the
    recipes has no scale and is left out.

    A ruler measures frames of the shape and boundary condition that it was fitted on, since the spread within
    a recipe depends on the number of domains in a frame.

    Examples:
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).random((12, 20, 40))
        >>> recipes = np.repeat([0, 1, 2], 4)
        >>> frames = noise < np.array([0.3, 0.5, 0.7])[recipes, None, None]
        >>> ruler = Ruler.fit(frames, recipes, boundary="periodic")
        >>> apart = ruler.distances(frames[:1], frames[1:])[0]
        >>> bool(apart[:3].max() < apart[3:].min())
        True
    """

    names: tuple[str, ...]
    """(D,) names of the descriptors."""
    families: tuple[FamilyName, ...]
    """(D,) family of each descriptor."""
    within: Values
    """(D,) pooled standard deviation within a recipe."""
    between: Values
    """(D,) standard deviation of the recipes' true means, 0 or more."""
    shape: tuple[int, int]
    """(H, W) of the frames."""
    boundary: Boundary
    """Lateral boundary condition of the frames."""

    @classmethod
    def fit(
        cls,
        frames: ArrayLike,
        recipes: ArrayLike,
        *,
        boundary: Boundary,
        families: Sequence[FamilyName] = FAMILIES,
    ) -> Ruler:
        """Measure the spread of each descriptor within and between recipes.

        The variance between recipes is that of the recipes' means, less what films of one recipe give by
        chance.

        Args:
            frames: (N, H, W) of 0 and 1: last frames of films.
            recipes: (N,) recipe (schedule and material) of each frame; films of one recipe differ in noise.
            boundary: lateral boundary condition.
            families: families of descriptors to compare.

        Raises:
            InputError: invalid frames, labels of another length, fewer than two recipes, no recipe with two
                frames, or frames that do not vary.
        """
        checked = checked_frames(frames, boundary)
        labels = np.asarray(recipes)
        if labels.shape != (len(checked),):
            raise InputError(
                f"recipes have the shape {labels.shape}; give a label for each of {len(checked)} frames"
            )
        _, recipe, films = np.unique(labels, return_inverse=True, return_counts=True)
        freedom = len(checked) - len(films)
        if len(films) < 2 or freedom < 1:
            raise InputError(
                f"{len(checked)} frames are of {len(films)} recipes; a ruler needs at least two recipes, and "
                "films of one recipe with other noise"
            )
        described = ruler_descriptors(checked, boundary=boundary, families=families)
        values = described.table.values
        means = np.zeros((len(films), values.shape[1]))
        np.add.at(means, recipe, values)
        means /= films[:, None]
        within = np.sqrt(((values - means[recipe]) ** 2).sum(axis=0) / freedom)
        by_chance = within**2 * float((1.0 / films).mean())
        between = np.sqrt(np.maximum(means.var(axis=0, ddof=1) - by_chance, 0.0))
        return cls(
            names=described.table.names,
            families=described.families,
            within=within,
            between=between,
            shape=(checked.shape[1], checked.shape[2]),
            boundary=boundary,
        )

    def __post_init__(self) -> None:
        count = len(self.names)
        for name in ("families", "within", "between"):
            if np.shape(getattr(self, name)) != (count,):
                raise InputError(f"{name} must have {count} values, one for each descriptor of the ruler")
        for spread in (self.within, self.between):
            # NaN fails both.
            if not ((spread >= 0.0) & (spread <= MOST_SPREAD)).all():
                raise InputError(
                    f"a spread of the ruler does not lie from 0 to {MOST_SPREAD:g}; fit the ruler again"
                )
        if not self.varying.any():
            raise InputError("no descriptor varies in the frames; fit the ruler to films that differ")

    @property
    def varying(self) -> NDArray[np.bool_]:
        """(D,) whether a descriptor varied in the fit; the others are left out."""
        return np.asarray(np.hypot(self.within, self.between) > _LEAST_SPREAD)

    @property
    def scale(self) -> Values:
        """(D,) the unit s of each descriptor: the spread within a recipe, or its floor if that is larger."""
        return np.maximum(self.within, LEAST_WITHIN * self.between)

    def select(self, *families: FamilyName) -> Ruler:
        """Return the ruler of some families alone.

        Raises:
            InputError: no family, one that this ruler does not have, or none that varies.
        """
        chosen = check_families(families)
        absent = [name for name in chosen if name not in self.families]
        if absent:
            raise InputError(
                f"the ruler has no family {absent[0]!r}; it has {', '.join(dict.fromkeys(self.families))}"
            )
        kept = np.flatnonzero(np.isin(self.families, chosen))
        return replace(
            self,
            names=tuple(self.names[at] for at in kept),
            families=tuple(self.families[at] for at in kept),
            within=self.within[kept],
            between=self.between[kept],
        )

    def vectors(self, frames: ArrayLike) -> Values:
        """Map frames to vectors whose Euclidean distance is the ruler's.

        Args:
            frames: (N, H, W) of 0 and 1.

        Returns:
            (N, D); 0 for descriptors that are left out.

        Raises:
            InputError: invalid frames, or frames of another shape than those of the fit.
        """
        chosen = check_families(tuple(dict.fromkeys(self.families)))
        described = ruler_descriptors(self._checked(frames), boundary=self.boundary, families=chosen)
        return np.asarray(described.table.values * self._weights())

    def distance(self, frames: ArrayLike, others: ArrayLike) -> Values:
        """Distance of each frame from the other frame of its row.

        Args:
            frames: (N, H, W) of 0 and 1.
            others: (N, H, W), or (1, H, W) for all rows.

        Returns:
            (N,), 0 or more.

        Raises:
            InputError: as for `vectors`, or other numbers of frames.
        """
        first, second = self._checked(frames), self._checked(others)
        if len(second) not in (1, len(first)):
            raise InputError(f"there are {len(first)} frames and {len(second)} others; give as many, or one")
        return np.asarray(np.linalg.norm(self.vectors(first) - self.vectors(second), axis=1))

    def distances(self, frames: ArrayLike, targets: Sequence[ArrayLike] | NDArray[Any]) -> Values:
        """Distance of every frame from every target.

        A target of several frames of one recipe counts with the mean of the distances from each of them. The
        distance from such a target has a floor, the spread of its own frames, as that from a single frame
        has; the regret subtracts it.

        Args:
            frames: (N, H, W) of 0 and 1.
            targets: M targets, each (H, W), or (K, H, W) with K of its own.

        Returns:
            (N, M), 0 or more.

        Raises:
            InputError: as for `vectors`, or a target without a frame.
        """
        own = self.vectors(frames)
        parts = [self._checked(part if np.ndim(part) != 2 else np.asarray(part)[None]) for part in targets]
        if not all(len(part) for part in parts):
            raise InputError("a target holds no frame; give each at least one")
        if not parts:
            return np.zeros((len(own), 0))
        apart = cdist(own, self.vectors(np.concatenate(parts)))
        counts = np.array([len(part) for part in parts])
        return np.asarray(np.add.reduceat(apart, np.cumsum(counts) - counts, axis=1) / counts)

    def save(self, path: str | Path) -> None:
        """Write the ruler to a JSON file, atomically; raises as `morphsim.files.write_json`."""
        write_json(
            path,
            {
                "format": FORMAT,
                "shape": list(self.shape),
                "boundary": self.boundary,
                "families": list(dict.fromkeys(self.families)),
                "within": dict(zip(self.names, self.within.tolist(), strict=True)),
                "between": dict(zip(self.names, self.between.tolist(), strict=True)),
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> Ruler:
        """Read a file that `save` wrote; nothing in it is executed.

        Raises:
            InputError: the file is missing, is not the file of a ruler, or is of another format.
        """
        fields = read_ruler_fields(path)
        try:
            return cls(**fields)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def _checked(self, frames: ArrayLike) -> Frames:
        checked = checked_frames(frames, self.boundary)
        if checked.shape[1:] != self.shape:
            height, width = self.shape
            raise InputError(
                f"frames are {checked.shape[1]} x {checked.shape[2]}, but the ruler was fitted on frames of "
                f"{height} x {width}; resize them, or fit another ruler"
            )
        return checked

    def _weights(self) -> Values:
        """(D,) factor of each descriptor."""
        varying, families = self.varying, np.array(self.families)
        used = np.unique(families[varying])
        weights = np.zeros(len(families))
        for family in used:
            members = varying & (families == family)
            weights[members] = 1.0 / (self.scale[members] * np.sqrt(2.0 * members.sum() * len(used)))
        return weights
