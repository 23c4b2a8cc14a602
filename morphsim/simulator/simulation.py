"""Films that are made: a batch of recipes, each with its own noise, clock and knobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.checks import MOST_SEED, whole_number
from morphsim.device import resolve_device
from morphsim.errors import InputError
from morphsim.simulator.backends import Backend, BackendName, get_backend
from morphsim.simulator.backends.choice import backend_of_fused
from morphsim.simulator.core.batching import join_films, put_films, take_films
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.solver import THICKNESS_TOLERANCE, TOLERANCE, PerFilm, Solver
from morphsim.simulator.core.stepper import Stepper
from morphsim.simulator.process import KNOBS, Knobs, biot_number, chi_at, film_model
from morphsim.simulator.recipe import (
    AnnealingRecipe,
    DryingRecipe,
    Recipe,
    celsius_hint,
    known_recipe,
)
from morphsim.suggest import did_you_mean

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
        backend: how the loops are computed: "auto", "torch" or "numba", see `get_backend`.

    Raises:
        InputError: recipes that can't share a batch, or a shape that is too small.

    >>> simulation = Simulation([AnnealingRecipe()], seeds=[0], shape=(32, 128))
    >>> stuck = simulation.advance(time=0.001)
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
        backend: Backend | BackendName = "auto",
        fused: bool | None = None,
    ) -> None:
        if not recipes or len(recipes) != len(seeds):
            raise InputError(f"{len(recipes)} recipes and {len(seeds)} seeds; give one seed for each recipe")
        for seed in seeds:
            whole_number("seed", seed, 0, MOST_SEED)
        if dtype not in _DTYPES:
            raise InputError(f"dtype is {dtype!r}; use float32 or float64")
        films = _check_batch(recipes)
        self.recipes = films
        self.process = films[0].process
        self._backend = get_backend(backend) if fused is None else backend_of_fused(fused, stacklevel=2)
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
        self._noise = ThermalNoise([r.thermal_noise for r in recipes], seeds, self.grid.device)
        super().__init__(
            film_model(self.recipes, self._knobs, self.grid, backend=self._backend),
            _mixed(films, seeds, shape),
            thickness=[r.initial_thickness for r in recipes],
            tolerance=tolerance,
            noise=self._noise if self._noise else None,
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
                raise InputError(f"{self.process} has no knob {name!r}; {did_you_mean(name, self._knobs)}")
            entry = type(self.recipes[0]).__dataclass_fields__[name]
            low, high = entry.metadata["range"]
            unit = entry.metadata.get("unit", "")
            new = self.each(value, torch.device("cpu")).numpy()
            if not np.all((new >= low) & (new <= high)):
                hint = celsius_hint(float(new.flat[0]), low, high, unit)
                raise InputError(
                    f"knob {name} is {value}; it must lie from {low:g} to {high:g} {unit}".rstrip() + hint
                )
            turned[name] = new
        if all(np.array_equal(turned[name], self._knobs[name]) for name in turned):
            return
        model = film_model(self.recipes, turned, self.grid, backend=self._backend)
        self._knobs = turned
        self.stepper.change_model(model)

    def advance_to_dryness(
        self, dryness: PerFilm, *, time: PerFilm, tolerate: bool = False
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Advance each drying film to `dryness` (B,) or, where it does not get there, to `time` (B,).

        Args:
            dryness: one value or (B,).
            time: one value or (B,), absolute.
            tolerate: as for `advance`.

        Returns:
            (B,) the films that can't be stepped any further.

        Raises:
            SimulationDiverged: there is such a film, and it is not tolerated.
            InputError: the films don't dry.
        """
        if self.process != "drying":
            raise InputError("an annealed film does not dry; use advance(time=...)")
        share = np.asarray(dryness, dtype=np.float64)
        initial, dry = self._initial_thickness(), self._dry_thickness()
        return self.advance(time=time, thickness=initial - share * (initial - dry), tolerate=tolerate)

    def donor_share(self) -> Tensor:
        """Donor share of the solids, (B, H, W); row 0 lies under the free surface."""
        phi = self.state.phi
        if self.process == "annealing":
            return phi[:, 0]
        return phi[:, 0] / phi.sum(dim=1)

    def replace(self, films: Sequence[int], recipes: Sequence[Recipe], seeds: Sequence[int]) -> None:
        """Start new films in these places of the batch, beside the others.

        Args:
            films: numbers of the places, each once.
            recipes: one for each place, of the same `batch_key`.
            seeds: one for each place.

        Raises:
            InputError: other recipes than the batch can hold, or a place that does not exist.
        """
        if len(set(films)) < len(films) or not all(0 <= film < len(self) for film in films):
            raise InputError(f"films {list(films)} are no places of a batch of {len(self)} films, each once")
        fresh = Simulation(
            recipes,
            seeds=seeds,
            shape=self.grid.shape,
            tolerance=self.stepper.tolerance,
            dtype=str(self.grid.dtype).removeprefix("torch."),
            device=str(self.grid.device),
            backend=self._backend,
        )
        if len(fresh) != len(films):
            raise InputError(f"{len(recipes)} recipes are given for {len(films)} places; give one for each")
        together = list(self.recipes)
        knobs = {name: values.copy() for name, values in self._knobs.items()}
        for number, film in enumerate(films):
            together[film] = fresh.recipes[number]
            for name, values in knobs.items():
                values[film] = fresh._knobs[name][number]
        _check_batch(together)
        model = film_model(together, knobs, self.grid, backend=self._backend)
        put_films(self.state, films, fresh.state)
        self._noise.put(films, fresh._noise)
        self.recipes, self._knobs = together, knobs
        self.stepper.noise = self._noise if self._noise else None
        self.stepper.change_model(model)

    def take(self, films: Sequence[int]) -> Simulation:
        """A copy of some films as a batch of their own, in this order; a film may come several times.

        Raises:
            InputError: no film, or one that does not exist.
        """
        return self.join([self], films)

    @staticmethod
    def join(simulations: Sequence[Simulation], films: Sequence[int] | None = None) -> Simulation:
        """A copy of the films of several batches as one batch.

        Args:
            simulations: of one process, shape, tolerance, dtype and device, whose recipes share a
                `batch_key`.
            films: which of their films, counted through, in this order; None for all.

        Raises:
            InputError: batches that can't be joined, no film, or one that does not exist.
        """
        if len({_setting(simulation) for simulation in simulations}) != 1:
            raise InputError("batches can be joined that share shape, tolerance, dtype and device")
        recipes = [recipe for simulation in simulations for recipe in simulation.recipes]
        chosen = list(range(len(recipes))) if films is None else [int(film) for film in films]
        if not chosen or not all(0 <= film < len(recipes) for film in chosen):
            raise InputError(f"films {chosen} are no films of a batch of {len(recipes)}; name at least one")
        first = simulations[0]
        joined = Simulation.__new__(Simulation)
        joined.recipes = _check_batch([recipes[film] for film in chosen])
        joined.process, joined.grid, joined._backend = first.process, first.grid, first._backend
        joined._knobs = {
            name: np.concatenate([each._knobs[name] for each in simulations])[chosen] for name in first._knobs
        }
        joined._noise = ThermalNoise.join([each._noise for each in simulations], chosen)
        joined._films, joined.steps, joined.rejected = len(chosen), 0, 0
        joined.stepper = Stepper(
            film_model(joined.recipes, joined._knobs, joined.grid, backend=joined._backend),
            tolerance=first.stepper.tolerance,
            noise=joined._noise if joined._noise else None,
        )
        state = join_films([each.state for each in simulations])
        joined.state = take_films(state, chosen, batch=len(recipes))
        return joined

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


BatchKey = tuple[str, float, str, str, bool]


def batch_key(recipe: Recipe) -> BatchKey:
    """What recipes of one batch must share: process, width, boundary, mobility closure, kind of substrate.

    A film that is annealed on a neutral substrate is solved mode by mode, on another one cell by cell, so
    that only films of one kind are in a batch what they are alone.
    """
    recipe = known_recipe(recipe)
    wetted = recipe.process == "annealing" and recipe.substrate_strength > 0.0
    return recipe.process, recipe.width, recipe.boundary, recipe.mobility, wetted


def _check_batch(recipes: Sequence[Recipe]) -> list[AnnealingRecipe | DryingRecipe]:
    shared = {batch_key(recipe) for recipe in recipes}
    if len(shared) > 1:
        raise InputError(
            "recipes of one batch must share process, width, boundary and mobility, and annealed ones "
            f"whether the substrate is neutral; got {sorted(shared)}"
        )
    return [known_recipe(recipe) for recipe in recipes]


def _setting(simulation: Simulation) -> tuple[Any, ...]:
    grid = simulation.grid
    return grid.shape, simulation.stepper.tolerance, grid.dtype, grid.device, simulation._backend


def _mixed(
    recipes: Sequence[AnnealingRecipe | DryingRecipe], seeds: Sequence[int], shape: tuple[int, int]
) -> Tensor:
    fields = [initial_fields(recipe, seed, shape) for recipe, seed in zip(recipes, seeds, strict=True)]
    return torch.from_numpy(np.stack(fields))


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
