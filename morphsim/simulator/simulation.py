"""Films that are made: a batch of recipes, each with its own noise, clock and knobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.device import resolve_device
from morphsim.errors import InputError
from morphsim.simulator.energy import BinaryFloryHuggins, FreeEnergy, TernaryFloryHuggins
from morphsim.simulator.errors import SimulationDiverged
from morphsim.simulator.grid import Grid
from morphsim.simulator.mobility import ConstantMobility, Mobility, named_mobility
from morphsim.simulator.model import Evaporation, FilmModel
from morphsim.simulator.noise import ThermalNoise
from morphsim.simulator.recipe import AnnealingRecipe, DryingRecipe, Recipe
from morphsim.simulator.stepper import SMALLEST_STEP, State, Stepper
from morphsim.simulator.units import GAS_CONSTANT

TOLERANCE = 0.005
"""Default of `Simulation`'s tolerance."""
KNOBS = {"annealing": ("temperature",), "drying": ("evaporation", "ambient_vapour", "temperature")}
"""Parameters that may change while a film is made, by process."""

LARGEST_BIOT = 200.0
"""Faster drying forms a skin that is thinner than a cell."""

PerFilm = float | Sequence[float] | np.ndarray[Any, Any]
"""One value for all films of a batch, or one for each."""

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_THICKNESS_TOLERANCE = 1e-4


class Simulation:
    """A batch of films of one process, made side by side.

    Args:
        recipes: one for each film, of one process, width, boundary and mobility closure.
        seeds: one for each film, for its initial noise.
        shape: (H, W), cells in depth and width.
        tolerance: largest error of a volume fraction over one step, see `Stepper`.
        dtype: "float32" or "float64".
        device: "auto", "cpu", "cuda".

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
    ) -> None:
        if not recipes or len(recipes) != len(seeds):
            raise InputError(f"{len(recipes)} recipes and {len(seeds)} seeds; give one seed for each recipe")
        if min(seeds) < 0:
            raise InputError(f"seed is {min(seeds)}; it must be at least 0")
        if dtype not in _DTYPES:
            raise InputError(f"dtype is {dtype!r}; use float32 or float64")
        if not 0.0 < tolerance <= 0.5:
            raise InputError(f"tolerance is {tolerance!r}; it must lie above 0 and up to 0.5")
        shared = {(r.process, r.width, r.boundary, getattr(r, "mobility", "")) for r in recipes}
        if len(shared) > 1:
            raise InputError(
                f"recipes of one batch must share process, width, boundary and mobility; got {sorted(shared)}"
            )
        self.dtype = _DTYPES[dtype]
        self.device = resolve_device(device)
        self.recipes = list(recipes)
        self.process = recipes[0].process
        self.grid = Grid(
            shape, width=recipes[0].width, boundary=recipes[0].boundary, dtype=self.dtype, device=self.device
        )
        self._knobs = {
            name: np.array([getattr(r, name) for r in recipes], dtype=np.float64)
            for name in KNOBS[self.process]
        }
        noise = ThermalNoise([r.thermal_noise for r in recipes], seeds)
        self.stepper = Stepper(self._model(), tolerance=tolerance, noise=noise if noise else None)
        thickness = torch.ones(len(recipes), dtype=torch.float64, device=self.device)
        mixed = [initial_fields(r, seed, shape) for r, seed in zip(recipes, seeds, strict=True)]
        fields = torch.from_numpy(np.stack(mixed)).to(device=self.device, dtype=self.dtype)
        self.state = State.start(fields, thickness)
        self.steps = 0
        self.rejected = 0

    def __len__(self) -> int:
        return len(self.recipes)

    @property
    def time(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Simulated time of each film (B,) [time units of its process]."""
        return self.state.time.cpu().numpy().copy()

    @property
    def thickness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Thickness of each film (B,) [initial thickness]."""
        return self.state.thickness.cpu().numpy().copy()

    @property
    def dryness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Evaporated share of the solvent that must leave until the film is dry, (B,); 1 when annealing."""
        if self.process != "drying":
            return np.ones(len(self))
        return (1.0 - self.thickness) / (1.0 - self._dry_thickness())

    @property
    def dry(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which films are dry, (B,)."""
        if self.process != "drying":
            return np.ones(len(self), dtype=np.bool_)
        return np.asarray(self.thickness <= self._dry_thickness() + _THICKNESS_TOLERANCE)

    @property
    def knobs(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """The current value of each knob, (B,) each."""
        return {name: values.copy() for name, values in self._knobs.items()}

    @property
    def chi(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Donor-acceptor interaction parameter at the present temperature, (B,)."""
        at_reference = np.array([r.chi for r in self._films])
        slope = np.array([r.chi_slope for r in self._films])
        return at_reference + slope * (1.0 / self._knobs["temperature"] - 1.0 / self._reference)

    @property
    def biot(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Evaporation rate of drying films at the present temperature, as a Biot number, (B,)."""
        return np.asarray(self._knobs["evaporation"] * self._arrhenius("evaporation_enthalpy"))

    def set_knobs(self, **values: PerFilm) -> None:
        """Turn knobs, for all films alike or with one value (B,) for each.

        Raises:
            InputError: an unknown knob, or a value outside the range that the recipe allows.
        """
        changed = np.zeros(len(self), dtype=np.bool_)
        turned = dict(self._knobs)
        for name, value in values.items():
            if name not in self._knobs:
                raise InputError(f"{self.process} has no knob {name!r}; it has {', '.join(self._knobs)}")
            entry = type(self.recipes[0]).__dataclass_fields__[name]
            low, high = entry.metadata["range"]
            new = self._each(value).cpu().numpy()
            if not np.all((new >= low) & (new <= high)):
                raise InputError(f"knob {name} is {value}; it must lie from {low:g} to {high:g}")
            changed |= new != turned[name]
            turned[name] = new
        if not changed.any():
            return
        before, self._knobs = self._knobs, turned
        try:
            model = self._model()
        except InputError:
            self._knobs = before
            raise
        self.stepper.change_model(model, self.state, torch.from_numpy(changed).to(self.device))

    def advance(self, *, time: PerFilm = np.inf, thickness: PerFilm = 0.0) -> None:
        """Advance each film until it reaches `time` or has shrunk to `thickness`, whichever is first.

        Args:
            time: one value or (B,), absolute [time units of the process].
            thickness: one value or (B,) [initial thickness].

        Raises:
            SimulationDiverged: a film can't be stepped; the others stand where they were.
            InputError: neither end can be reached.
        """
        until, lowest = self._each(time), self._each(thickness)
        if not bool(torch.isfinite(until).all()):
            raise InputError("advance needs a finite time, since a film may never shrink to the thickness")
        while True:
            state = self.state
            left = until - state.time
            active = (left > 1e-12 * until.abs().clamp_min(1e-12)) & (
                state.thickness > lowest + _THICKNESS_TOLERANCE
            )
            if not bool(active.any()):
                return
            accepted = self.stepper.step(state, left, lowest, active)
            self.steps += 1
            if not bool((accepted | ~active).all()):
                self.rejected += 1
                self._check(active & ~accepted)

    def advance_to_dryness(self, dryness: PerFilm, *, time: PerFilm) -> None:
        """Advance each drying film to `dryness` (B,) or, where it does not get there, to `time` (B,).

        Raises:
            SimulationDiverged: a film can't be stepped.
            InputError: the films don't dry.
        """
        if self.process != "drying":
            raise InputError("an annealed film does not dry; use advance(time=...)")
        share = np.asarray(dryness, dtype=np.float64)
        self.advance(time=time, thickness=1.0 - share * (1.0 - self._dry_thickness()))

    def fields(self) -> Tensor:
        """Volume fractions (B, C, H, W): donor when annealing; donor and acceptor when drying."""
        return self.state.phi

    def donor_share(self) -> Tensor:
        """Donor share of the solids, (B, H, W); row 0 lies under the free surface."""
        phi = self.state.phi
        if self.process == "annealing":
            return phi[:, 0]
        return phi[:, 0] / phi.sum(dim=1)

    def free_energy(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Total free energy of each film (B,), per unit length in the third direction."""
        return self.stepper.model.free_energy(self.state.phi, self.state.thickness).cpu().numpy()

    def solute_mass(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Volume of each solute per area of film, (B, C) [initial thickness]; conserved."""
        return self.state.content.double().mean(dim=(2, 3)).cpu().numpy()

    @property
    def _films(self) -> list[AnnealingRecipe | DryingRecipe]:
        return [r for r in self.recipes if isinstance(r, AnnealingRecipe | DryingRecipe)]

    @property
    def _reference(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([r.reference_temperature for r in self._films])

    def _arrhenius(self, energy: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """exp(-E/R (1/T - 1/T_ref)) of each film, (B,), for the recipe's parameter `energy` in kJ/mol."""
        energies = np.array([getattr(r, energy) for r in self._films])
        inverse = 1.0 / self._knobs["temperature"] - 1.0 / self._reference
        return np.asarray(np.exp(-energies / GAS_CONSTANT * inverse))

    def _dry_thickness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([r.dry_thickness for r in self.recipes if isinstance(r, DryingRecipe)])

    def _each(self, value: PerFilm) -> Tensor:
        """One value or one for each film as (B,) float64."""
        values = np.asarray(value, dtype=np.float64)
        if values.shape not in {(), (1,), (len(self),)}:
            raise InputError(
                f"{values.size} values are given for {len(self)} films; give one, or one for each"
            )
        return torch.from_numpy(np.broadcast_to(values, (len(self),)).copy()).to(self.device)

    def _column(self, values: Sequence[float] | np.ndarray[Any, Any]) -> Tensor:
        """A parameter of each film as (B, 1, 1)."""
        return torch.as_tensor(values, dtype=torch.float64).to(self.device, self.dtype)[:, None, None]

    def _model(self) -> FilmModel:
        films = self._films
        chi = self._column(self.chi)
        speed = self._column(self._arrhenius("activation_energy"))
        kappa = self._column([r.kappa for r in films])[:, None]
        if self.process == "annealing":
            return FilmModel(self.grid, BinaryFloryHuggins(chi), ConstantMobility(speed), kappa)
        if self.biot.max() > LARGEST_BIOT:
            film = int(self.biot.argmax())
            evaporation, kelvin = (self._knobs[name][film] for name in ("evaporation", "temperature"))
            raise InputError(
                f"evaporation {evaporation:g} at {kelvin:g} K is a Biot number of {self.biot[film]:.3g}; "
                f"at most {LARGEST_BIOT:g} can be simulated: lower evaporation or temperature"
            )
        drying = [r for r in films if isinstance(r, DryingRecipe)]
        lengths = torch.stack(
            (self._column([r.n_donor for r in drying]), self._column([r.n_acceptor for r in drying])), dim=1
        )
        energy: FreeEnergy = TernaryFloryHuggins(
            n_donor=lengths[:, 0],
            n_acceptor=lengths[:, 1],
            chi_donor_acceptor=chi,
            chi_donor_solvent=self._column([r.chi_donor_solvent for r in drying]),
            chi_acceptor_solvent=self._column([r.chi_acceptor_solvent for r in drying]),
            barrier=self._column([r.barrier for r in drying]),
        )
        solid = self._column([r.solid_diffusivity for r in drying])
        mobility: Mobility = named_mobility(drying[0].mobility, lengths, solid, speed)
        evaporation = Evaporation(
            biot=torch.as_tensor(self.biot).to(self.device),
            ambient=torch.as_tensor(self._knobs["ambient_vapour"]).to(self.device),
        )
        return FilmModel(self.grid, energy, mobility, kappa.expand(-1, 2, -1, -1), evaporation)

    def _check(self, refused: Tensor) -> None:
        """Raise for a film whose step has shrunk to nothing."""
        state = self.state
        stuck = refused & (state.step < SMALLEST_STEP * state.time.clamp_min(1.0))
        if not bool(stuck.any()):
            return
        film = int(stuck.nonzero()[0])
        phi = state.phi[film]
        raise SimulationDiverged(
            film,
            float(state.time[film]),
            {
                "smallest": float(phi.min()),
                "largest": float(phi.max()),
                "step": float(state.step[film]),
                "thickness": float(state.thickness[film]),
            },
        )


def initial_fields(
    recipe: Recipe, seed: int, shape: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Mixed fields (C, H, W) with white noise of zero mean: the film before anything happens.

    The noise has the same spectrum on every grid: its variance in a cell goes with one over the cell's area.
    """
    random = np.random.default_rng(np.random.SeedSequence(seed))
    cell = recipe.width / shape[1] / shape[0]
    amplitude = recipe.noise * 0.01 / np.sqrt(cell)
    solids = 1.0 - recipe.solvent if isinstance(recipe, DryingRecipe) else 1.0
    means = [recipe.blend_ratio * solids, (1.0 - recipe.blend_ratio) * solids]
    means = means[:1] if isinstance(recipe, AnnealingRecipe) else means
    # Noise larger than a fraction of what is there would leave the simplex.
    room = min(*means, 1.0 - sum(means)) if len(means) > 1 else min(means[0], 1.0 - means[0])
    amplitude = min(amplitude, room / 6.0)
    fields = []
    for mean in means:
        # Without its rarest values the noise stays within the room, and without its mean the blend is exact.
        noise = np.clip(random.standard_normal(shape), -5.0, 5.0)
        fields.append(mean + amplitude * (noise - noise.mean()))
    return np.stack(fields)
