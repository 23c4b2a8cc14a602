"""What the networks learn from: films of a library, and films that follow from them exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from morphsim.agents.steering.library import FilmLibrary
from morphsim.agents.steering.networks import Sizes
from morphsim.envs.drafts import CORRELATION
from morphsim.tasks import Task
from morphsim.tasks.films import film_environment

EVAPORATION, COEFFICIENT = "evaporation", "evaporation_coefficient"
_LAST = f"last_action:{EVAPORATION}"
# Share of the examples whose coefficient is shifted, and of those that have drafts.
_SHIFTED, _WITH_DRAFTS = 0.8, 0.5
_TRIES = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class HiddenScale:
    """Hidden parameters in units of their spread: (log x - mean) / spread, since all of them are positive."""

    names: tuple[str, ...]
    """(M,) names."""
    mean: NDArray[np.float64]
    """(M,) means of the logarithms."""
    spread: NDArray[np.float64]
    """(M,) their standard deviations."""

    @classmethod
    def of(cls, library: FilmLibrary) -> HiddenScale:
        """The scale of a library's films."""
        logs = {name: np.log(values) for name, values in library.materials.items()}
        return cls(
            names=tuple(logs),
            mean=np.array([values.mean() for values in logs.values()]),
            spread=np.array([max(float(values.std()), 1e-6) for values in logs.values()]),
        )

    def scaled(self, library: FilmLibrary) -> NDArray[np.float32]:
        """The parameters of a library's films in this scale, (N, M)."""
        columns = [np.log(library.materials[name]) for name in self.names]
        values = np.stack(columns, axis=1) if columns else np.zeros((len(library), 0))
        return ((values - self.mean) / self.spread).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Films:
    """Whole films."""

    latents: Tensor
    """(B, T + 1, D) in units."""
    states: Tensor
    """(B, T + 1, S)."""
    actions: Tensor
    """(B, T, K); random after the end of a film."""
    hidden: Tensor
    """(B, M) in units."""
    lengths: Tensor
    """(B,) steps of each film."""


class Examples:
    """Draws examples from a library.

    A film whose evaporation knob is set to e has the same fate as one with the coefficient c times larger and
    the knob at e / c: only the action differs. From each film with known coefficient follow those with other
    coefficients exactly, and likewise those in which drafts change the evaporation from step to step.

    Args:
        library: the films.
        task: by whose environment they were made.
        unit: by which latents are divided.
        hidden: the scale of hidden parameters; None for that of this library.
        drafts: largest standard deviation of drafts.
    """

    def __init__(
        self,
        library: FilmLibrary,
        task: Task,
        *,
        unit: float,
        hidden: HiddenScale | None = None,
        drafts: float = 0.0,
    ) -> None:
        self.scale = HiddenScale.of(library) if hidden is None else hidden
        self.latents = torch.from_numpy(library.latents / np.float32(unit))
        self.states = torch.from_numpy(library.states)
        self.actions = torch.from_numpy(library.actions)
        self.lengths = torch.from_numpy(library.lengths)
        self.hidden = torch.from_numpy(self.scale.scaled(library))
        self.drafts = drafts
        self.shift = _Shift.of(task, library, self.scale)
        self.sizes = Sizes(
            latent=self.latents.shape[-1],
            state=self.states.shape[-1],
            knobs=self.actions.shape[-1],
            hidden=self.hidden.shape[-1],
            steps=self.actions.shape[1],
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def draw(self, count: int) -> Films:
        """Draw films with torch's global generator."""
        rows = torch.randint(len(self), (count,))
        actions, lengths = self.actions[rows].clone(), self.lengths[rows]
        states, hidden = self.states[rows].clone(), self.hidden[rows].clone()
        made = torch.arange(self.sizes.steps)[None] < lengths[:, None]
        if self.shift is not None:
            self.shift.apply(actions, states, hidden, made, self.drafts)
        # What comes after the end of a film has no effect, and the surrogate learns so.
        actions = torch.where(made[..., None], actions, 2.0 * torch.rand_like(actions) - 1.0)
        return Films(self.latents[rows], states, actions, hidden, lengths)


@dataclass(frozen=True, kw_only=True)
class _Shift:
    """How a factor on the evaporation becomes a shift of the action."""

    knob: int
    """Place of the knob in the action."""
    entry: int
    """Place of its last action in the state."""
    per_log: float
    """Shift of the action for a factor of e."""
    place: int | None
    """Place of the coefficient among the hidden parameters; None if it is not hidden."""
    mean: float
    spread: float
    low: float
    """Smallest logarithm of the coefficient."""
    high: float
    """Largest logarithm of the coefficient."""

    @classmethod
    def of(cls, task: Task, library: FilmLibrary, scale: HiddenScale) -> _Shift | None:
        """The shift of a task's films; None where evaporation is no knob."""
        panel = film_environment(task).panel
        names = [knob.name for knob in panel.knobs]
        if EVAPORATION not in names or _LAST not in library.sensors:
            return None
        knob = panel.knobs[names.index(EVAPORATION)]
        known = COEFFICIENT in scale.names
        place = scale.names.index(COEFFICIENT) if known else None
        ends = [float(value) for value in task.hidden[COEFFICIENT]] if known else [1.0]
        return cls(
            knob=names.index(EVAPORATION),
            entry=library.sensors.index(_LAST),
            per_log=2.0 / float(np.log(knob.high / knob.low)),
            place=place,
            mean=float(scale.mean[place]) if place is not None else 0.0,
            spread=float(scale.spread[place]) if place is not None else 1.0,
            low=float(np.log(min(ends))),
            high=float(np.log(max(ends))),
        )

    def apply(self, actions: Tensor, states: Tensor, hidden: Tensor, made: Tensor, drafts: float) -> None:
        """Change films to those with another coefficient and with drafts, where the knob reaches that far."""
        count, steps = made.shape
        knob = actions[..., self.knob]
        least = torch.where(made, knob, torch.inf).amin(dim=1)
        most = torch.where(made, knob, -torch.inf).amax(dim=1)
        shift = torch.zeros(count, steps)
        moved = torch.zeros(count)
        if self.place is not None:
            present = hidden[:, self.place] * self.spread + self.mean
            low = torch.maximum(self.low - present, (most - 1.0) / self.per_log).clamp_max(0.0)
            high = torch.minimum(self.high - present, (least + 1.0) / self.per_log).clamp_min(0.0)
            moved = (low + (high - low) * torch.rand(count)) * (torch.rand(count) < _SHIFTED)
            shift -= self.per_log * moved[:, None]
        if drafts > 0.0:
            shift = self._with_drafts(knob, made, shift, drafts)
        actions[..., self.knob] = torch.where(made, knob + shift, knob)
        entry = states[:, 1:, self.entry]
        states[:, 1:, self.entry] = torch.where(made, entry + shift, entry)
        if self.place is not None:
            hidden[:, self.place] += moved / self.spread

    def _with_drafts(self, knob: Tensor, made: Tensor, shift: Tensor, drafts: float) -> Tensor:
        """Add drafts to the shift of the films where the knob still reaches all settings."""
        count, steps = made.shape
        waiting = torch.rand(count) < _WITH_DRAFTS
        path = _drafts_of_noise(steps)
        for _ in range(_TRIES):
            size = drafts * torch.rand(count, 1)
            tried = shift - self.per_log * size * (torch.randn(count, steps) @ path)
            fits = (((knob + tried).abs() <= 1.0) | ~made).all(dim=1) & waiting
            shift = torch.where(fits[:, None], tried, shift)
            waiting &= ~fits
        return shift


def _drafts_of_noise(steps: int) -> Tensor:
    """The matrix (T, T) that turns rows of white noise into drafts; see `morphsim.envs.drafts`."""
    lag = torch.arange(steps)[None] - torch.arange(steps)[:, None]
    path = torch.where(lag >= 0, CORRELATION ** lag.clamp_min(0), 0.0)
    path[1:] *= (1.0 - CORRELATION**2) ** 0.5
    return path


def latents_of(values: NDArray[Any], unit: float) -> Tensor:
    """Latents (N, D) in units, as a tensor."""
    return torch.from_numpy(np.asarray(values, np.float32) / np.float32(unit))
