"""The substrate below a film, as pictures show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphsim.frames.pictures.lengths import length_text
from morphsim.frames.pictures.quantity import ACCEPTOR, DONOR, grey
from morphsim.simulator import Recipe, Units

NEUTRAL = grey(200)
"""Place in a palette of the colour of a substrate that prefers neither phase."""


@dataclass(frozen=True, kw_only=True)
class SubstratePattern:
    """Which phase the substrate prefers.

    Attributes:
        donor: composition that it prefers, as a volume fraction of donor; None if it is neutral.
        period_nm: period of stripes that prefer `donor` and 1 - `donor` in turn [nm]; 0 if it is uniform.
        width_nm: of the film [nm].
    """

    donor: float | None
    period_nm: float
    width_nm: float

    @classmethod
    def of(cls, recipe: Recipe, units: Units) -> SubstratePattern:
        """The substrate of a recipe."""
        return cls(
            donor=recipe.substrate_donor if recipe.substrate_strength > 0.0 else None,
            period_nm=recipe.substrate_period * units.length_nm,
            width_nm=recipe.width * units.length_nm,
        )

    def colours(self, columns: int) -> NDArray[np.uint8]:
        """Place in a palette of the preferred phase's colour in each column; grey if neutral."""
        if self.donor is None or self.donor == 0.5:
            return np.full(columns, NEUTRAL, np.uint8)
        first = np.ones(columns, np.bool_)
        if self.period_nm > 0.0:
            x = (np.arange(columns) + 0.5) * self.width_nm / columns
            first = np.floor(2.0 * x / self.period_nm) % 2 == 0
        return np.where(first == (self.donor > 0.5), DONOR, ACCEPTOR).astype(np.uint8)

    def text(self) -> str:
        """In words."""
        if self.donor is None or self.donor == 0.5:
            return "neutral substrate"
        if self.period_nm > 0.0:
            return f"striped substrate, period {length_text(self.period_nm)}"
        return f"substrate prefers {'donor' if self.donor > 0.5 else 'acceptor'}"
