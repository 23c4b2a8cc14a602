"""What others found in films of a material, and the same quantities of simulated films."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from morphsim.errors import InputError
from morphsim.simulator.analysis import domain_size, interface_length
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.units import Units

if TYPE_CHECKING:
    from morphsim.simulator.materials.material import Basis

Quantity = Literal[
    "surface excess", "lateral share", "upright share", "spacing", "acceptor in donor phase", "onset"
]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
"""Quantities of dry films, see `measure_film`."""
UNITS_OF: dict[Quantity, str] = {"spacing": "nm"}
"""Units of the quantities that have one."""

_EDGE = 0.05
"""Share of the film that counts as its surface, or as its layer at the substrate."""
_PATH = 400
"""Compositions at which the onset of demixing is searched."""
# Standard deviation of the donor share below which a film counts as mixed.
_MIXED = 0.02


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A published property of films of a material, as a range of a quantity of simulated ones."""

    quantity: Quantity
    """Which."""
    low: float
    """Smallest value that agrees with it."""
    high: float
    """Largest value that agrees with it."""
    found: str
    """What was found, in words."""
    citation: str
    """Authors, journal, volume (year) page."""
    doi: str = ""
    """Digital object identifier, if known."""
    basis: Basis = "published"
    """Whether the range is that of the source."""
    shown: bool = True
    """Whether simulated films of the material show it; a test holds them to this."""
    reason: str = ""
    """Why they don't."""

    def agrees(self, value: float) -> bool:
        """Whether a simulated value lies in the range; NaN does not."""
        return self.low <= value <= self.high


def measure_film(
    recipe: Recipe, share: ArrayLike, *, thickness: float, units: Units
) -> dict[Quantity, float]:
    """The quantities of one dry film.

    - `surface excess`: donor share of the solids in the upper 5 % of the film less that in the lower 5 %.
    - `lateral share`: part of the variance of the donor share that lies within rows: 0 of flat layers, 1 of
      columns.
    - `upright share`: part of the interface of both phases that runs through the film rather than along it.
    - `spacing`: 2π/k of the mean wavenumber, see `domain_size` [nm].
    - `acceptor in donor phase`: median acceptor share of the solids where the donor is in the majority.
    - `onset`: volume share of solids at which the mixed film becomes unstable; NaN for a stable one.

    Args:
        recipe: of the film.
        share: donor share of the solids (H, W); row 0 lies under the surface.
        thickness: of the film [h0].
        units: of the film.

    Raises:
        InputError: not two axes, or values that are not finite.
    """
    values = np.asarray(share, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise InputError(f"share has the shape {values.shape}; it must be finite numbers of the shape (H, W)")
    rows = max(1, round(_EDGE * values.shape[0]))
    variance = float(values.var())
    mixed = variance < _MIXED**2
    within = float((values - values.mean(axis=1, keepdims=True)).var())
    donor_rich = values[values > 0.5]
    shape: Any = {"width": recipe.width, "thickness": thickness, "boundary": recipe.boundary}
    size = domain_size(values, **shape)
    edges = interface_length(values > 0.5, **shape)
    length = float(edges.vertical + edges.lateral)
    return {
        "surface excess": float(values[:rows].mean() - values[-rows:].mean()),
        "lateral share": float("nan") if mixed else within / variance,
        "upright share": float(edges.vertical) / length if length else float("nan"),
        "spacing": float("nan") if mixed else float(size) * units.length_nm,
        "acceptor in donor phase": 1.0 - float(np.median(donor_rich)) if donor_rich.size else float("nan"),
        "onset": onset_of_demixing(recipe),
    }


def onset_of_demixing(recipe: Recipe) -> float:
    """Volume share of solids at which a film that stays mixed becomes unstable while it dries.

    It is the spinodal on the film's path; NaN for a film that stays stable, or is dry from the start.
    """
    # Phase diagrams are drawn of materials too.
    from morphsim.simulator.thermodynamics.mixture import energy_of

    if not isinstance(recipe, TernaryRecipe):
        return float("nan")
    mixture: Any = energy_of(recipe)
    solids = np.linspace(1.0 - recipe.solvent, 1.0 - recipe.last_solvent, _PATH)
    path = np.stack((recipe.blend_ratio * solids, (1.0 - recipe.blend_ratio) * solids, 1.0 - solids), axis=-1)
    unstable = np.linalg.eigvalsh(mixture.hessian(path))[:, 0] < 0.0
    return float(solids[unstable.argmax()]) if unstable.any() else float("nan")
