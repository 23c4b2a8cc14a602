"""Simulation of a batch of films, each with its own noise, clock and knobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from morphsim.checks import MOST_SEED, whole_number
from morphsim.device import most_parallel, resolve_device
from morphsim.errors import InputError
from morphsim.simulator.backends import get_backend
from morphsim.simulator.backends.base import BackendLike
from morphsim.simulator.backends.choice import backend_of_fused
from morphsim.simulator.core.batching import join_films, put_films, take_films
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.solver import PerFilm, Solver
from morphsim.simulator.initial_fields import initial_fields
from morphsim.simulator.processes.laws import Knobs, chi_at
from morphsim.simulator.recipe import Recipe, celsius_hint
from morphsim.simulator.recipe_io import process_of
from morphsim.suggest import did_you_mean

# Fields from another simulation may overshoot slightly, see `control.OUTSIDE`.
_FURTHEST_OUT = 2e-3
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Simulation(Solver):
    """A batch of films of one process.

    Args:
        recipes: one for each film, with the same process, width, boundary and mobility closure.
        seeds: one for each film, of its initial fluctuations and thermal noise.
        shape: (H, W), cells in depth and width: the solver's grid. `resample_fields` turns its fields into
            those of a frame with another number of pixels.
        fields: initial volume fractions (B, C, H, W); None for freshly mixed films.
        tolerance: largest error of a volume fraction over one step, see `Stepper`.
        dtype: "float32" or "float64".
        device: "auto", "cpu", "cuda".
        backend: how the loops are computed: "auto", "torch" or "numba", see `get_backend`.
        threads: on which the films of a batch are advanced side by side, if the backend can; results do not
            depend on it.

    Raises:
        InputError: recipes that can't share a batch, a shape that is too small, or fields of another shape or
            out of range.

    >>> from morphsim.simulator import AnnealingRecipe, Simulation
    >>> simulation = Simulation([AnnealingRecipe()], seeds=[0], shape=(32, 128))
    >>> diverged = simulation.advance(time=0.001)
    >>> tuple(simulation.donor_share().shape)
    (1, 32, 128)
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        *,
        seeds: Sequence[int],
        shape: tuple[int, int] = (100, 400),
        fields: ArrayLike | Tensor | None = None,
        tolerance: float = TOLERANCE,
        dtype: str = "float32",
        device: str = "cpu",
        backend: BackendLike = "auto",
        threads: int = 1,
        fused: bool | None = None,
    ) -> None:
        if not recipes or len(recipes) != len(seeds):
            raise InputError(f"{len(recipes)} recipes and {len(seeds)} seeds; give one seed for each recipe")
        for seed in seeds:
            whole_number("seed", seed, 0, MOST_SEED)
        if dtype not in _DTYPES:
            raise InputError(f"dtype is {dtype!r}; use float32 or float64")
        threads = whole_number("threads", threads, 1, most_parallel())
        films = _check_batch(recipes)
        self.recipes = films
        self.seeds = list(seeds)
        self._process = process_of(films[0])
        if fused is not None and backend != "auto":
            raise InputError("fused and backend say the same; give backend alone")
        self._backend = get_backend(backend) if fused is None else backend_of_fused(fused, stacklevel=2)
        self.grid = Grid(
            shape,
            width=recipes[0].width,
            boundary=recipes[0].boundary,
            dtype=_DTYPES[dtype],
            device=resolve_device(device),
        )
        self._knobs: Knobs = {
            knob.name: np.array([getattr(r, knob.name) for r in recipes], dtype=np.float64)
            for knob in self._process.knobs
        }
        self._noise = ThermalNoise([r.thermal_noise for r in recipes], seeds, self.grid.device)
        super().__init__(
            self._process.model(self.recipes, self._knobs, self.grid, backend=self._backend),
            _mixed(films, seeds, shape) if fields is None else self._checked_fields(fields),
            thickness=[r.initial_thickness for r in recipes],
            tolerance=tolerance,
            noise=self._noise if self._noise else None,
        )
        self.threads = threads

    def _checked_fields(self, fields: ArrayLike | Tensor) -> Tensor:
        try:
            phi = torch.as_tensor(fields)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"fields can't be read as numbers ({error}); give volume fractions") from error
        if phi.is_complex() or phi.dtype == torch.bool:
            raise InputError(f"fields are {phi.dtype}; give volume fractions")
        expected = (len(self.recipes), self._process.components, *self.grid.shape)
        if tuple(phi.shape) != expected:
            raise InputError(
                f"fields have the shape {tuple(phi.shape)}; for {len(self.recipes)} films of {self.process} "
                f"they must be (films, components, H, W) = {expected}"
            )
        least = float(torch.minimum(phi.amin(), 1.0 - phi.sum(dim=1).amax()))
        if not least >= -_FURTHEST_OUT:
            raise InputError(
                f"fields hold a volume fraction of {least:.3g}, including the last component; each must lie "
                "from 0 to 1, and their sum must not exceed 1"
            )
        return phi

    @property
    def process(self) -> str:
        """The name of the process."""
        return self._process.name

    @property
    def dryness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Evaporated share of the solvent that must leave before the film is dry, (B,); 1 if none must."""
        return self._process.dryness(self.recipes, self.thickness)

    @property
    def dry(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which films are dry, (B,); always True if no solvent must leave."""
        return self._process.dry(self.recipes, self.thickness)

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
        """Present evaporation rate as a Biot number, (B,).

        Raises:
            InputError: the films have no solvent.
        """
        return self._process.biot(self.recipes, self._knobs)

    def set_knobs(self, **values: PerFilm) -> None:
        """Set knobs to one value for all films, or to one for each, (B,).

        Raises:
            InputError: an unknown knob, or a value outside the range of the recipe.
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
        model = self._process.model(self.recipes, turned, self.grid, backend=self._backend)
        self._knobs = turned
        self.stepper.change_model(model)

    def advance_to_dryness(
        self, dryness: PerFilm, *, time: PerFilm, tolerate: bool = False
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Advance each drying film to `dryness`, or to `time` if it does not get there before.

        Args:
            dryness: one value or (B,).
            time: one value or (B,), absolute.
            tolerate: as for `advance`.

        Returns:
            (B,) True for films that diverged.

        Raises:
            SimulationDiverged: a film diverged, unless tolerated.
            InputError: the films don't dry.
        """
        thickness = self._process.thickness_at(self.recipes, np.asarray(dryness, dtype=np.float64))
        return self.advance(time=time, thickness=thickness, tolerate=tolerate)

    def donor_share(self) -> Tensor:
        """Donor share of the solids, (B, H, W); row 0 lies under the free surface."""
        return donor_share(self.state.phi)

    def replace(
        self,
        films: Sequence[int],
        recipes: Sequence[Recipe],
        seeds: Sequence[int],
        *,
        fields: ArrayLike | Tensor | None = None,
    ) -> None:
        """Replace films of the batch by new ones; the others are unaffected.

        Args:
            films: indices of the films to replace, each once.
            recipes: one for each new film, with the same `batch_key`.
            seeds: one for each new film.
            fields: as for a new `Simulation`.

        Raises:
            InputError: recipes that can't share the batch, or an index that does not exist.
        """
        if len(set(films)) < len(films) or not all(0 <= film < len(self) for film in films):
            raise InputError(
                f"films {list(films)} are not different indices of a batch of {len(self)} films; give "
                f"numbers from 0 to {len(self) - 1}, each once"
            )
        fresh = self._like(recipes, seeds, fields)
        if len(fresh) != len(films):
            raise InputError(f"{len(recipes)} recipes are given for {len(films)} films; give one for each")
        together, numbers = list(self.recipes), list(self.seeds)
        knobs = {name: values.copy() for name, values in self._knobs.items()}
        for number, film in enumerate(films):
            together[film], numbers[film] = fresh.recipes[number], seeds[number]
            for name, values in knobs.items():
                values[film] = fresh._knobs[name][number]
        _check_batch(together)
        model = self._process.model(together, knobs, self.grid, backend=self._backend)
        put_films(self.state, films, fresh.state)
        self._noise.put(films, fresh._noise)
        self.recipes, self.seeds, self._knobs = together, numbers, knobs
        self.stepper.noise = self._noise if self._noise else None
        self.stepper.change_model(model)

    def take(self, films: Sequence[int]) -> Simulation:
        """A copy of some films as a new batch, in this order; a film may occur several times.

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
            films: indices into all of their films, in the order of the new batch; None for all films.

        Raises:
            InputError: batches that can't be joined, no film, or one that does not exist.
        """
        if len({_setting(simulation) for simulation in simulations}) != 1:
            raise InputError("batches to join must share shape, tolerance, dtype, device and backend")
        recipes = [recipe for simulation in simulations for recipe in simulation.recipes]
        chosen = list(range(len(recipes))) if films is None else [int(film) for film in films]
        if not chosen or not all(0 <= film < len(recipes) for film in chosen):
            raise InputError(
                f"films {chosen} are not in a batch of {len(recipes)}; give at least one number from 0 to "
                f"{len(recipes) - 1}"
            )
        first = simulations[0]
        seeds = [seed for simulation in simulations for seed in simulation.seeds]
        state = take_films(join_films([each.state for each in simulations]), chosen, batch=len(recipes))
        joined = first._like([recipes[film] for film in chosen], [seeds[film] for film in chosen], state.phi)
        joined.set_knobs(
            **{
                name: np.concatenate([each._knobs[name] for each in simulations])[chosen]
                for name in first._knobs
            }
        )
        joined.state = state
        return joined

    def _like(
        self, recipes: Sequence[Recipe], seeds: Sequence[int], fields: ArrayLike | Tensor | None
    ) -> Simulation:
        """New films with the same grid, tolerance, precision, device and backend."""
        return Simulation(
            recipes,
            seeds=seeds,
            shape=self.grid.shape,
            fields=fields,
            tolerance=self.stepper.tolerance,
            dtype=str(self.grid.dtype).removeprefix("torch."),
            device=str(self.grid.device),
            backend=self._backend,
            threads=self.threads,
        )

    def snapshot(self) -> dict[str, np.ndarray[Any, Any]]:
        """The state of the films, knobs included, as arrays by name; `restore` continues bit for bit."""
        return super().snapshot() | {f"knob_{name}": values.copy() for name, values in self._knobs.items()}

    def restore(self, snapshot: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Restore a `snapshot` of films with the same recipes and seeds.

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


BatchKey = tuple[str, float, str, str, bool]


def batch_key(recipe: Recipe) -> BatchKey:
    """Properties that recipes of one batch must share: process, width, boundary, mobility, kind of substrate.

    The last entry is `Process.batch_setting`. Films solved mode by mode can't share a batch with films solved
    cell by cell: they would differ from the same films simulated alone.
    """
    setting = process_of(recipe).batch_setting(recipe)
    return recipe.process, recipe.width, recipe.boundary, recipe.mobility, setting


def donor_share(phi: Tensor) -> Tensor:
    """Donor share of the solids (B, H, W) of fields (B, C, H, W); a single field is the donor's."""
    return phi[:, 0] if phi.shape[1] == 1 else phi[:, 0] / phi.sum(dim=1)


def _check_batch(recipes: Sequence[Recipe]) -> list[Recipe]:
    shared = {batch_key(recipe) for recipe in recipes}
    if len(shared) > 1:
        raise InputError(
            "recipes of one batch must share process, width, boundary and mobility, and annealed ones "
            f"whether the substrate is neutral; got {sorted(shared)}"
        )
    return list(recipes)


def _setting(simulation: Simulation) -> tuple[Any, ...]:
    grid = simulation.grid
    return grid.shape, simulation.stepper.tolerance, grid.dtype, grid.device, simulation._backend


def _mixed(recipes: Sequence[Recipe], seeds: Sequence[int], shape: tuple[int, int]) -> Tensor:
    fields = [initial_fields(recipe, seed, shape) for recipe, seed in zip(recipes, seeds, strict=True)]
    return torch.from_numpy(np.stack(fields))
