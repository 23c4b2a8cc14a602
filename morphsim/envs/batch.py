"""A batch of films, each in its own episode: the common basis of single and vector environments."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from morphsim.envs.episode import advance, info_columns
from morphsim.envs.last_step import LastStep
from morphsim.envs.observation import Observation, process_state
from morphsim.envs.settings import Film, FilmSettings
from morphsim.errors import InputError
from morphsim.simulator import Simulation, batch_key, resample_fields
from morphsim.simulator.resolve import resolve_recipe
from morphsim.simulator.schedules.drive import FilmDrive
from morphsim.simulator.schedules.steps import Steps
from morphsim.simulator.simulation import donor_share


@dataclass
class _Group:
    """Films in one `Simulation`."""

    simulation: Simulation
    slots: list[int]


class FilmBatch:
    """A batch of films, each at its own step of its own episode.

    Each film is bit for bit equal to the same film simulated alone.

    Args:
        settings: of all films.
        slots: number of films in the batch.
        threads: on which they are advanced.
    """

    def __init__(self, settings: FilmSettings, slots: int, *, threads: int = 1) -> None:
        self.settings = settings
        self.threads = threads
        self.films: list[Film | None] = [None] * slots
        self.done = np.zeros(slots, np.int64)
        """Number of steps of each film so far, (B,)."""
        self.diverged = np.zeros(slots, np.bool_)
        self.finished = np.zeros(slots, np.bool_)
        self.last = LastStep.of_none(slots, len(settings.panel))
        """The last step of each film."""
        self.frames = np.zeros((slots, *settings.shape), np.uint8)
        """The present frames (B, H, W), 0/1."""
        self._groups: list[_Group] = []
        self._drives: dict[int, FilmDrive] = {}
        self._columns: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.films)

    def film(self, slot: int) -> Film:
        """The film in a slot.

        Raises:
            InputError: the slot is still empty.
        """
        film = self.films[slot]
        if film is None:
            raise InputError("there is no film yet; call reset first")
        return film

    def start(self, films: Mapping[int, Film]) -> None:
        """Start new films in these slots; the others are unaffected."""
        waiting = dict(films)
        for group in list(self._groups):
            self._renew(group, waiting)
        for slot, film in films.items():
            self.films[slot], self._drives[slot] = film, self.settings.drive(film)
        by_key: dict[Any, list[int]] = {}
        for slot, film in waiting.items():
            by_key.setdefault(batch_key(film.recipe), []).append(slot)
        for key, slots in by_key.items():
            fresh = self._simulate([waiting[slot] for slot in slots])
            for group in self._groups:
                if batch_key(group.simulation.recipes[0]) == key:
                    group.simulation = Simulation.join([group.simulation, fresh])
                    group.slots += slots
                    break
            else:
                self._groups.append(_Group(fresh, slots))
        chosen = list(films)
        self.done[chosen], self.diverged[chosen], self.last.actions[chosen] = 0, False, 0.0
        for group, rows, slots in self._parts(chosen):
            self.last.begin(slots, group.simulation.time[rows], group.simulation.thickness[rows])
        self._update(chosen)

    def _renew(self, group: _Group, waiting: dict[int, Film]) -> None:
        """Replace films within the group where the new recipes allow it, and drop the other old ones."""
        key = batch_key(group.simulation.recipes[0])
        fitting = [p for p in group.slots if p in waiting and batch_key(waiting[p].recipe) == key]
        staying = [p for p in group.slots if p not in waiting or p in fitting]
        if len(fitting) == len(staying) and (not fitting or group.simulation.grid.device.type == "cpu"):
            # No old film is left. On a GPU the group is kept with its compiled code.
            self._groups.remove(group)
            return
        if len(staying) < len(group.slots):
            group.simulation = group.simulation.take([group.slots.index(slot) for slot in staying])
            group.slots = staying
        if fitting:
            films = [waiting.pop(slot) for slot in fitting]
            group.simulation.replace(
                [group.slots.index(slot) for slot in fitting],
                [film.recipe for film in films],
                [film.seed for film in films],
                fields=self._starting_fields(films),
            )

    def _starting_fields(self, films: Sequence[Film]) -> NDArray[np.float64] | None:
        """Initial volume fractions (B, C, h, w); None for freshly mixed films."""
        start, settings = self.settings.start, self.settings
        if start is None:
            return None
        made = [
            start.fields(
                film.recipe,
                seed=film.seed,
                cells=settings.cells,
                tolerance=settings.tolerance,
                device=settings.device,
            )
            for film in films
        ]
        return np.stack(made)

    def _simulate(self, films: Sequence[Film], *, restored: bool = False) -> Simulation:
        return Simulation(
            [film.recipe for film in films],
            seeds=[film.seed for film in films],
            shape=self.settings.cells,
            # A restored film does not need its initial state.
            fields=None if restored else self._starting_fields(films),
            tolerance=self.settings.tolerance,
            device=self.settings.device,
            threads=self.threads,
        )

    def step(self, actions: NDArray[Any]) -> None:
        """Set the knobs and advance each film by one step.

        Args:
            actions: (B, K).

        Raises:
            InputError: an invalid action, or an empty slot; no film has advanced then.
        """
        values = [self.settings.panel.values(action) for action in actions]
        for slot in range(len(self)):
            self.film(slot)
        for group in self._groups:
            slots, films = group.slots, [self.film(slot) for slot in group.slots]
            drives = [self._drives[slot] for slot in slots]
            for slot, drive in zip(slots, drives, strict=True):
                drive.ask(values[slot])
            self.last.begin(slots, group.simulation.time, group.simulation.thickness)
            self.diverged[slots] = advance(group.simulation, films, drives, self.done[slots], self.settings)
        self.done += 1
        self.last.actions[:] = np.clip(actions, -1.0, 1.0)
        self._update(range(len(self)))
        for slot in np.flatnonzero(self.diverged).tolist():
            _warn(self.film(slot), self._columns["time_s"][slot])

    def ends(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which films have terminated (finished) and which are truncated (at the limit, diverged), (B,)."""
        terminated = self.finished & ~self.diverged
        return terminated, ~terminated & (self.diverged | (self.done >= self.settings.limit))

    def observe(self, slots: Sequence[int]) -> Observation:
        """Observations of the films in these slots."""
        name, settings = self.settings.observation, self.settings
        if name == "fields":
            components = len(settings.recipe.composition)
            volume_fractions = np.zeros((len(self), components, *settings.shape), np.float32)
            for group, rows, chosen in self._parts(slots):
                part = _fields(group.simulation, rows, settings.shape)
                volume_fractions[chosen] = part.clamp(0.0, 1.0).float().cpu().numpy()
            return volume_fractions[list(slots)]
        frames = self.frames[list(slots), None] * np.uint8(255)
        if name == "frame":
            return frames
        states = np.zeros((len(self), len(settings.sensors)), np.float32)
        for group in self._groups:
            films, done = [self.film(slot) for slot in group.slots], self.done[group.slots]
            last = self.last.rows(group.slots)
            states[group.slots] = process_state(group.simulation, films, done, last, settings)
        return {"frame": frames, "state": states[list(slots)]}

    def info(self, slot: int) -> dict[str, Any]:
        """The `info` of a film, as Python values."""
        return {name: column[0] for name, column in self.infos([slot]).items()}

    def infos(self, slots: Sequence[int]) -> dict[str, list[Any]]:
        """The `info` of the films in these slots as columns, a list of Python values for each entry."""
        films, end = [self.film(slot) for slot in slots], self.settings.process_object.end
        chosen = list(slots)
        return {
            **{name: column[chosen].tolist() for name, column in self._columns.items()},
            "step_fraction": (self.done[chosen] / self.settings.limit).tolist(),
            "film_seed": [film.seed for film in films],
            "material": [film.material for film in films],
            "boundary": [film.recipe.boundary for film in films],
            **({} if end is None else {end: self.finished[chosen].tolist()}),
            "diverged": self.diverged[chosen].tolist(),
        }

    def schedule(self, slot: int) -> Steps:
        """A copy of the steps of a film so far, each with the settings that its knobs had.

        Raises:
            InputError: the slot is still empty.
        """
        self.film(slot)
        steps = self._drives[slot].steps
        return Steps(list(steps.steps), list(steps.ends))

    def schedule_text(self, slot: int) -> str:
        """The steps as a file, see `FilmSettings.film_text`."""
        return self.settings.film_text(self.film(slot), self.schedule(slot))

    def share(self, slot: int) -> NDArray[np.float32]:
        """The present donor share of the solids (H, W), 0..1 up to rounding."""
        simulation, row = self._at(slot)
        return np.asarray(_share(simulation, [row], self.settings.shape)[0].float().cpu().numpy())

    def thickness(self, slot: int) -> float:
        """Present thickness of a film [h0]."""
        simulation, row = self._at(slot)
        return float(simulation.thickness[row])

    def save(self, slot: int) -> dict[str, Any]:
        """The state of a film for `load`, as plain values and arrays."""
        film = self.film(slot)
        simulation, row = self._at(slot)
        return {
            "recipe": film.recipe.to_dict(),
            "units": {"length_nm": film.units.length_nm, "diffusivity": film.units.diffusivity},
            "material": film.material,
            "film_seed": film.seed,
            "step": int(self.done[slot]),
            "diverged": bool(self.diverged[slot]),
            "last": self.last.save(slot),
            "knobs": self._drives[slot].state(),
            "fields": (simulation if len(simulation) == 1 else simulation.take([row])).snapshot(),
        }

    def load(
        self,
        film: Film,
        *,
        step: int,
        diverged: bool,
        last: object,
        knobs: object,
        fields: Mapping[str, Any],
    ) -> None:
        """Restore a state from `save` in a batch of one film.

        Raises:
            InputError: the fields are of another film, or the knobs of another environment; then nothing has
                changed.
        """
        before = LastStep.load(last, len(self.settings.panel))
        drive = self.settings.drive(film)
        drive.restore(knobs)
        simulation = (
            self._groups[0].simulation if self.films[0] == film else self._simulate([film], restored=True)
        )
        simulation.restore(fields)
        self.films, self._groups, self._drives = [film], [_Group(simulation, [0])], {0: drive}
        self.done[0], self.diverged[0], self.last = step, diverged, before
        self._update([0])

    def __getstate__(self) -> dict[str, Any]:
        groups = [(group.slots, group.simulation.snapshot()) for group in self._groups]
        return {**vars(self), "_groups": groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._groups = []
        for slots, snapshot in state["_groups"]:
            simulation = self._simulate([self.film(slot) for slot in slots], restored=True)
            simulation.restore(snapshot)
            self._groups.append(_Group(simulation, slots))

    def _at(self, slot: int) -> tuple[Simulation, int]:
        for group in self._groups:
            if slot in group.slots:
                return group.simulation, group.slots.index(slot)
        raise InputError("there is no film yet; call reset first")

    def _update(self, chosen: Sequence[int]) -> None:
        """Copy the frames and the numbers of `info` from the device for the chosen slots."""
        for group, rows, slots in self._parts(chosen):
            simulation = group.simulation
            share = _share(simulation, rows, self.settings.shape)
            self.frames[slots] = (share >= self.settings.threshold).to(torch.uint8).cpu().numpy()
            self.finished[slots] = self.settings.process_object.finished(simulation)[rows]
            films, last = [self.film(slot) for slot in group.slots], self.last.rows(group.slots)
            numbers = info_columns(simulation, films, last, self.settings)
            for name, values in numbers.items():
                self._columns.setdefault(name, np.zeros(len(self)))[slots] = values[rows]

    def _parts(self, slots: Sequence[int]) -> Iterator[tuple[_Group, list[int], list[int]]]:
        """Each group with films in these slots, with their rows in the group and their slots."""
        requested = set(slots)
        for group in self._groups:
            rows = [row for row, slot in enumerate(group.slots) if slot in requested]
            if rows:
                yield group, rows, [group.slots[row] for row in rows]


def _fields(simulation: Simulation, rows: Sequence[int], shape: tuple[int, int]) -> Tensor:
    """Volume fractions (len(rows), C, H, W) of some films in the shape of the frames."""
    phi, grid = simulation.fields(), simulation.grid
    if len(rows) < len(simulation):
        phi = phi[torch.as_tensor(list(rows), device=grid.device)]
    return resample_fields(phi, shape, boundary=grid.boundary)


def _share(simulation: Simulation, rows: Sequence[int], shape: tuple[int, int]) -> Tensor:
    return donor_share(_fields(simulation, rows, shape))


def _warn(film: Film, time_s: float) -> None:
    default = resolve_recipe(process=film.recipe.process)
    different = [
        f"{entry.name} {getattr(film.recipe, entry.name)}"
        for entry in fields(film.recipe)
        if getattr(film.recipe, entry.name) != getattr(default, entry.name)
    ]
    warnings.warn(
        f"the film of seed {film.seed} ({', '.join(different) or 'the default recipe'}) can't be advanced "
        f"beyond {time_s:.6g} s; its episode ends here",
        RuntimeWarning,
        stacklevel=4,
    )
