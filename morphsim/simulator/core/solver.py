"""A batch of films of one model, advanced side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.device import threads_for
from morphsim.errors import InputError
from morphsim.simulator.backends.base import Journey, Journeys
from morphsim.simulator.core.arrival import under_way
from morphsim.simulator.core.batching import put_films, take_films
from morphsim.simulator.core.check_model import check_model
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.core.device_step import STEPS_WITHOUT_SYNC, DeviceStepper, padded_size
from morphsim.simulator.core.exact_types import is_built_in
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.per_film import as_numpy_if_cpu
from morphsim.simulator.core.stall import StallWatch
from morphsim.simulator.core.state import State
from morphsim.simulator.core.stepper import Stepper
from morphsim.simulator.errors import SimulationDiverged

MOST_REFUSALS = 40
"""A film is given up after so many refused steps in a row, each less than half as long as the last one."""

PerFilm = float | Sequence[float] | np.ndarray[Any, Any]
"""One value for all films of a batch, or one for each."""

_ALWAYS_FINITE = ("phi", "time", "thickness")
_NEVER_NEGATIVE = ("time", "step", "last_step", "older_step", "history", "draws", "refusals")

# A batch is cut down to its unfinished films once they are no more than this share of it.
_FEW = 0.75


class Solver:
    """Fields under a `FilmModel`, each film of the batch with its own clock and step.

    >>> import torch
    >>> from morphsim.simulator import ConstantMobility, DoubleWell, FilmModel, Grid, Solver
    >>> grid = Grid((64, 64), width=64.0, boundary="periodic", depth_boundary="periodic",
    ...             dtype=torch.float64, device=torch.device("cpu"))
    >>> one = torch.ones((1, 1, 1), dtype=torch.float64)
    >>> model = FilmModel(grid, DoubleWell(5 * one, 0.3 * one, 0.7 * one),
    ...                   ConstantMobility(5 * one[None]), kappa=2 * one[None])
    >>> noise = torch.randn((1, 1, 64, 64), generator=torch.Generator().manual_seed(0))
    >>> solver = Solver(model, 0.5 + 0.01 * noise, thickness=64.0)
    >>> before = solver.free_energy()
    >>> solver.advance(time=10.0)
    >>> bool(solver.free_energy() < before)
    True

    Args:
        model: the right-hand side.
        fields: volume fractions (B, C, H, W).
        thickness: of each film [initial thickness].
        tolerance: largest error of a volume fraction over one step, see `Stepper`.
        noise: thermal noise, or None.

    Raises:
        InputError: fields that don't fit the model's grid or are not finite, or a part of the model that does
            not fit them.
    """

    def __init__(
        self,
        model: FilmModel,
        fields: Tensor,
        *,
        thickness: PerFilm = 1.0,
        tolerance: float = TOLERANCE,
        noise: ThermalNoise | None = None,
    ) -> None:
        grid = model.grid
        if fields.dim() != 4 or tuple(fields.shape[-2:]) != grid.shape or len(fields) < 1:
            raise InputError(
                f"fields have the shape {tuple(fields.shape)}; they must be (films, components, "
                f"{grid.shape[0]}, {grid.shape[1]}), as the grid has it"
            )
        if not bool(torch.isfinite(fields).all()):
            raise InputError("fields hold NaN or infinity; start from finite volume fractions")
        if not 0.0 < tolerance <= 0.5:
            raise InputError(f"tolerance is {tolerance!r}; it must lie above 0 and up to 0.5")
        self._films = len(fields)
        h = self.each(thickness, grid.device)
        if not bool((h > 0.0).all()):
            raise InputError(f"thickness is {thickness}; it must be above 0")
        with threads_for(fields.numel(), fields.device):
            phi = fields.detach().to(device=grid.device, dtype=grid.dtype)
            check_model(model, phi, noise)
            self._begin(model, State.start(grid, phi, h), tolerance=tolerance, noise=noise)

    def _begin(self, model: FilmModel, state: State, *, tolerance: float, noise: ThermalNoise | None) -> None:
        self._films = len(state.time)
        self.stepper = Stepper(model, tolerance=tolerance, noise=noise)
        self.state = state
        self._fetched: dict[str, tuple[Tensor, np.ndarray[Any, Any]]] = {}
        self.threads = 1
        self.steps = 0
        self.rejected = 0

    def __len__(self) -> int:
        return self._films

    @property
    def model(self) -> FilmModel:
        """The right-hand side."""
        return self.stepper.model

    @property
    def time(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Simulated time of each film (B,)."""
        return self._on_host("time")

    @property
    def thickness(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Thickness of each film (B,) [initial thickness]."""
        return self._on_host("thickness")

    def _on_host(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A copy of an entry of the state, which is fetched from the device once."""
        value = getattr(self.state, name)
        if name not in self._fetched or self._fetched[name][0] is not value:
            self._fetched[name] = value, value.cpu().numpy()
        return np.array(self._fetched[name][1])

    def fields(self) -> Tensor:
        """Volume fractions (B, C, H, W)."""
        return self.state.phi

    def free_energy(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Total free energy of each film (B,), per unit length in the third direction."""
        state = self.state
        return self.model.free_energy(state.phi, state.content, state.thickness).cpu().numpy()

    def solute_mass(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Volume of each component per area of film, (B, C) [initial thickness]; conserved."""
        mean = self.state.content[..., 0, 0].real.double()
        height, width = self.model.grid.shape
        return np.asarray((mean / math.sqrt(height * width)).cpu().numpy())

    def advance(
        self, *, time: PerFilm = np.inf, thickness: PerFilm = 0.0, tolerate: bool = False
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Advance each film until it reaches `time` or has shrunk to `thickness`, whichever is first.

        Args:
            time: one value or (B,), absolute.
            thickness: one value or (B,) [initial thickness].
            tolerate: continue with the other films when one can't be stepped any further.

        Returns:
            (B,) the films that can't be stepped any further; they keep their last sound state.

        Raises:
            SimulationDiverged: a film can't be stepped any further, and `tolerate` is False; the others keep
                the state that they had reached.
            InputError: neither end can be reached.
        """
        device = self.model.grid.device
        until, lowest = self.each(time, device), self.each(thickness, device)
        if not bool(torch.isfinite(until).all()):
            raise InputError("advance needs a finite time, since a film may never shrink to the thickness")
        journeys = self._advance_compiled(until, lowest)
        if journeys is not None:
            self.steps += journeys.tries
            self.rejected += journeys.refused
            if not tolerate:
                self._raise_for(journeys.stuck)
            return journeys.stuck.numpy()
        stuck = torch.zeros(self._films, dtype=torch.bool, device=device)
        stalled = torch.zeros_like(stuck)
        with threads_for(self.state.phi.numel(), self.state.phi.device):
            active = under_way(self.state, until, lowest)
            watch = StallWatch(self.state, until, lowest)
            device_stepper = None if self.stepper.sync_each_step else DeviceStepper(self.stepper)
            while films := active.nonzero()[:, 0].tolist():
                size = self._smaller_batch(len(films))
                if size:
                    self._advance_few(films, size, until, lowest, stuck, tolerate=tolerate)
                    break
                if device_stepper is None:
                    tries = 1
                    self.stepper.step(self.state, until - self.state.time, lowest, active)
                    active = under_way(self.state, until, lowest) & ~stuck
                else:
                    tries = STEPS_WITHOUT_SYNC
                    active = device_stepper.steps(self.state, until, lowest, active, count=tries)
                self.steps += tries
                stalled |= watch.stalled(self.state, tries=tries) & active
                refused = self.state.refusals > 0
                if as_numpy_if_cpu(refused | stalled).any():
                    self.rejected += int(as_numpy_if_cpu(refused).any())
                    stuck |= self._stuck(active, stalled, tolerate=tolerate)
                    active &= ~stuck
        return stuck.cpu().numpy()

    def _advance_compiled(self, until: Tensor, lowest: Tensor) -> Journeys | None:
        """Advance all films by the backend's own function; None if it can't."""
        stepper = self.stepper
        if not stepper.sync_each_step or not is_built_in(stepper):
            return None
        journey = Journey(
            self.model,
            self.state,
            stepper.noise,
            stepper.tolerance,
            until.numpy(),
            lowest.numpy(),
            MOST_REFUSALS,
            self.threads,
        )
        try:
            return self.model.backend.advance_films(journey)
        finally:
            # Also where steps are taken one by one, so that parameters that were written to count at once.
            stepper.forget_rates()

    def _smaller_batch(self, films: int) -> int:
        """The size of the batch in which so many films should go on alone; 0 if they should stay in this."""
        stepper = self.stepper
        # A user's own classes may hold anything for each film.
        if not self.model.is_built_in or not (stepper.noise is None or is_built_in(stepper.noise)):
            return 0
        size = films if stepper.sync_each_step else padded_size(films)
        # Steps are compiled for batches of at least two.
        alone = self._films == 1 and stepper.compile_steps and not stepper.sync_each_step
        return size if alone or (self._films > 1 and size <= _FEW * self._films) else 0

    def _advance_few(
        self, films: list[int], size: int, until: Tensor, lowest: Tensor, stuck: Tensor, *, tolerate: bool
    ) -> None:
        """Go on with these films in a batch of `size`, since every film of a batch costs time; fills `stuck`.

        The batch is filled up with copies of the first film, which have arrived where they are.
        """
        stepper, count = self.stepper, len(films)
        filled = films + films[:1] * (size - count)
        few = _RunningFilms(
            take_films(self.model, filled, batch=self._films),
            take_films(self.state, filled, batch=self._films),
            tolerance=stepper.tolerance,
            noise=None if stepper.noise is None else stepper.noise.take(filled),
        )
        few.stepper.sync_each_step = stepper.sync_each_step
        few.stepper.compile_steps = stepper.compile_steps
        ends = torch.cat((until[films], self.state.time[filled[count:]]))
        try:
            diverged = few.advance(
                time=ends.cpu().numpy(), thickness=lowest[filled].cpu().numpy(), tolerate=tolerate
            )
            stuck[films] = torch.from_numpy(diverged[:count]).to(stuck.device)
        except SimulationDiverged as error:
            raise SimulationDiverged(films[error.film], error.time, error.values) from None
        finally:
            put_films(self.state, films, take_films(few.state, range(count), batch=size))
            stepper.change_model(self.model)
            self.steps += few.steps
            self.rejected += few.rejected

    def snapshot(self) -> dict[str, np.ndarray[Any, Any]]:
        """Everything that `restore` needs to continue bit for bit, as arrays by name."""
        entries = {entry.name: getattr(self.state, entry.name) for entry in fields_of(State)}
        return {name: value.cpu().numpy().copy() for name, value in entries.items()}

    def restore(self, snapshot: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Go back to a `snapshot` of this solver, or of one like it.

        Raises:
            InputError: the snapshot is of other films, or holds impossible values; the films are unchanged.
        """
        restored = {}
        for entry in fields_of(State):
            present = getattr(self.state, entry.name)
            value = snapshot.get(entry.name)
            if value is None:
                raise InputError(f"the snapshot lacks {entry.name!r}; use what snapshot() returned")
            if not isinstance(value, np.ndarray) or value.dtype.kind not in "ifc":
                raise InputError(
                    f"the snapshot's {entry.name} is not an array of numbers; use what snapshot() returned"
                )
            if tuple(value.shape) != tuple(present.shape):
                raise InputError(
                    f"the snapshot's {entry.name} has the shape {tuple(value.shape)}, these films' "
                    f"{tuple(present.shape)}; restore it to films of the same number and grid"
                )
            _check_values(entry.name, value)
            tensor = torch.from_numpy(np.array(value))
            if tensor.dtype != present.dtype:
                raise InputError(
                    f"the snapshot's {entry.name} is {tensor.dtype}, these films' {present.dtype}; "
                    "use the dtype that it was taken with"
                )
            restored[entry.name] = tensor.to(present.device)
        self.state = State(**restored)
        self.stepper.change_model(self.model)

    def each(self, value: PerFilm, device: torch.device) -> Tensor:
        """One value or one for each film as (B,) float64."""
        values = np.asarray(value, dtype=np.float64)
        if values.shape not in {(), (1,), (self._films,)}:
            raise InputError(
                f"{values.size} values are given for {self._films} films; give one, or one for each"
            )
        return torch.from_numpy(np.broadcast_to(values, (self._films,)).copy()).to(device)

    def _stuck(self, active: Tensor, stalled: Tensor, *, tolerate: bool) -> Tensor:
        """Active films (B,) whose steps have shrunk to nothing; raises for them unless they are tolerated."""
        state = self.state
        stuck = active & (stalled | (state.refusals >= MOST_REFUSALS))
        if not tolerate:
            self._raise_for(stuck)
        return stuck

    def _raise_for(self, stuck: Tensor) -> None:
        """Raise for the first of the films (B,) that are stuck, if there are any."""
        if not bool(stuck.any()):
            return
        state = self.state
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


class _RunningFilms(Solver):
    """Films that go on from a state which fits the model."""

    def __init__(
        self, model: FilmModel, state: State, *, tolerance: float, noise: ThermalNoise | None
    ) -> None:
        self._begin(model, state, tolerance=tolerance, noise=noise)


def _check_values(name: str, value: np.ndarray[Any, Any]) -> None:
    """Check the values of a snapshot, from which impossible ones could yield plausible fields.

    Raises:
        InputError: a value that no film can have.
    """
    # The history of a film that diverged may hold anything.
    if name in _ALWAYS_FINITE and not np.isfinite(value).all():
        raise InputError(f"the snapshot's {name} holds NaN or infinity; use what snapshot() returned")
    least = value.min() if name in (*_NEVER_NEGATIVE, "thickness") else 0
    if least < 0 or (name == "thickness" and least == 0):
        raise InputError(f"the snapshot's {name} is {least:g}; use what snapshot() returned")
