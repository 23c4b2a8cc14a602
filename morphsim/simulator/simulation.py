"""Films that are made: a batch of recipes, each with its own noise, clock and knobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.device import resolve_device
from morphsim.errors import InputError
from morphsim.simulator.grid import Grid
from morphsim.simulator.noise import ThermalNoise
from morphsim.simulator.process import KNOBS, Knobs, biot_number, chi_at, film_model
from morphsim.simulator.recipe import AnnealingRecipe, DryingRecipe, Recipe
from morphsim.simulator.solver import THICKNESS_TOLERANCE, TOLERANCE, PerFilm, Solver

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Simulation(Solver):
    """A batch of films of one process, made side by side.

    Args:
        recipes: one for each film, of one process, width, boundary and mobility closure.
        seeds: one for each film, for its initial fluctuations and its thermal noise.
        shape: (H, W), cells in depth and width.
        tolerance: largest error of a volume fraction over one step, see `Stepper`.
        dtype: "float32" or "float64".
        device: "auto", "cpu", "cuda".
        fused: use compiled loops on the CPU where there are any.

    Raises:
        InputError: recipes that can't share a batch, or a shape that is too small.

    >>> simulation = Simulation([AnnealingRecipe()], seeds=[0], shape=(32, 128))
    >>> simulation.advance(time=0.001)
    >>> tuple(simulation.donor_share().shape)
    (1, 32, 128)
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        *,
        seeds: Sequence[int],
        shape: tuple[int, int] = (100, 400),
        tolerance: float = TOLERANCE,
        dtype: str = "float32",
        device: str = "cpu",
        fused: bool = True,
    ) -> None:
        if not recipes or len(recipes) != len(seeds):
            raise InputError(f"{len(recipes)} recipes and {len(seeds)} seeds; give one seed for each recipe")
        if min(seeds) < 0:
            raise InputError(f"seed is {min(seeds)}; it must be at least 0")
        if dtype not in _DTYPES:
            raise InputError(f"dtype is {dtype!r}; use float32 or float64")
        films = [r for r in recipes if isinstance(r, AnnealingRecipe | DryingRecipe)]
        shared = {(r.process, r.width, r.boundary, r.mobility) for r in films}
        if len(shared) > 1:
            raise InputError(
                f"recipes of one batch must share process, width, boundary and mobility; got {sorted(shared)}"
            )
        self.recipes = films
        self.process = films[0].process
        self._fused = fused
        self.grid = Grid(
            shape,
            width=recipes[0].width,
            boundary=recipes[0].boundary,
            dtype=_DTYPES[dtype],
            device=resolve_device(device),
        )
        self._knobs: Knobs = {
            name: np.array([getattr(r, name) for r in recipes], dtype=np.float64)
            for name in KNOBS[self.process]
        }
        noise = ThermalNoise([r.thermal_noise for r in recipes], seeds, self.grid.device)
        mixed = [initial_fields(r, seed, shape) for r, seed in zip(films, seeds, strict=True)]
        super().__init__(
            film_model(self.recipes, self._knobs, self.grid, fused=fused),
            torch.from_numpy(np.stack(mixed)),
            thickness=[r.initial_thickness for r in recipes],
            tolerance=tolerance,
            noise=noise if noise else None,
        )

    @property
    def dryness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Evaporated share of the solvent that must leave until the film is dry, (B,); 1 when annealing."""
        if self.process != "drying":
            return np.ones(len(self))
        initial, dry = self._initial_thickness(), self._dry_thickness()
        return np.asarray((initial - self.thickness) / (initial - dry))

    @property
    def dry(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which films are dry, (B,)."""
        if self.process != "drying":
            return np.ones(len(self), dtype=np.bool_)
        return np.asarray(self.thickness <= self._dry_thickness() + THICKNESS_TOLERANCE)

    @property
    def knobs(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """The current value of each knob, (B,) each."""
        return {name: values.copy() for name, values in self._knobs.items()}

    @property
    def chi(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Donor-acceptor interaction parameter at the present temperature, (B,)."""
        return chi_at(self.recipes, self._knobs["temperature"])

    @property
    def biot(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Evaporation rate of drying films at present, as a Biot number, (B,)."""
        return biot_number([r for r in self.recipes if isinstance(r, DryingRecipe)], self._knobs)

    def set_knobs(self, **values: PerFilm) -> None:
        """Turn knobs, for all films alike or with one value (B,) for each.

        Raises:
            InputError: an unknown knob, or a value outside the range that the recipe allows.
        """
        turned = dict(self._knobs)
        for name, value in values.items():
            if name not in self._knobs:
                raise InputError(f"{self.process} has no knob {name!r}; it has {', '.join(self._knobs)}")
            entry = type(self.recipes[0]).__dataclass_fields__[name]
            low, high = entry.metadata["range"]
            new = self.each(value, torch.device("cpu")).numpy()
            if not np.all((new >= low) & (new <= high)):
                raise InputError(f"knob {name} is {value}; it must lie from {low:g} to {high:g}")
            turned[name] = new
        if all(np.array_equal(turned[name], self._knobs[name]) for name in turned):
            return
        model = film_model(self.recipes, turned, self.grid, fused=self._fused)
        self._knobs = turned
        self.stepper.change_model(model)

    def advance_to_dryness(self, dryness: PerFilm, *, time: PerFilm) -> None:
        """Advance each drying film to `dryness` (B,) or, where it does not get there, to `time` (B,).

        Raises:
            SimulationDiverged: a film can't be stepped.
            InputError: the films don't dry.
        """
        if self.process != "drying":
            raise InputError("an annealed film does not dry; use advance(time=...)")
        share = np.asarray(dryness, dtype=np.float64)
        initial, dry = self._initial_thickness(), self._dry_thickness()
        self.advance(time=time, thickness=initial - share * (initial - dry))

    def donor_share(self) -> Tensor:
        """Donor share of the solids, (B, H, W); row 0 lies under the free surface."""
        phi = self.state.phi
        if self.process == "annealing":
            return phi[:, 0]
        return phi[:, 0] / phi.sum(dim=1)

    def snapshot(self) -> dict[str, np.ndarray[Any, Any]]:
        """All that `restore` needs to go on bit for bit, knobs included, as arrays by name."""
        return super().snapshot() | {f"knob_{name}": values.copy() for name, values in self._knobs.items()}

    def restore(self, snapshot: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Go back to a `snapshot` of films of the same recipes and seeds.

        Raises:
            InputError: the snapshot is of other films.
        """
        missing = [name for name in self._knobs if f"knob_{name}" not in snapshot]
        if missing:
            raise InputError(f"the snapshot lacks the knob {missing[0]!r}; use what snapshot() returned")
        before = self.knobs
        self.set_knobs(**{name: snapshot[f"knob_{name}"] for name in self._knobs})
        try:
            super().restore(snapshot)
        except InputError:
            self.set_knobs(**before)
            raise

    def _initial_thickness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([r.initial_thickness for r in self.recipes])

    def _dry_thickness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([r.dry_thickness for r in self.recipes if isinstance(r, DryingRecipe)])


def initial_fields(
    recipe: AnnealingRecipe | DryingRecipe, seed: int, shape: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Mixed fields (C, H, W) with white noise of zero mean: the film before anything happens.

    The noise has the same spectrum on every grid: its variance in a cell goes with one over the cell's area.
    """
    random = np.random.default_rng(np.random.SeedSequence(seed))
    cell = recipe.width / shape[1] * recipe.initial_thickness / shape[0]
    amplitude = recipe.noise * 0.01 / np.sqrt(cell)
    means = list(recipe.composition)
    # Noise larger than a fraction of what is there would leave the simplex.
    room = min(*means, 1.0 - sum(means)) if len(means) > 1 else min(means[0], 1.0 - means[0])
    amplitude = min(amplitude, room / 6.0)
    fields = []
    for mean in means:
        # Without its rarest values the noise stays within the room, and without its mean the blend is exact.
        noise = np.clip(random.standard_normal(shape), -5.0, 5.0)
        fields.append(mean + amplitude * (noise - noise.mean()))
    return np.stack(fields)
