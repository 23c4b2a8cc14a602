"""A library of films: latents, states and actions of films with random schedules on random materials."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.files import load_tree, save_tree
from morphsim.tasks import Film, MadeFilm, Task, make_films, random_schedule
from morphsim.tasks.films import film_environment

FORMAT = 1
_SEED = 60_000_000
"""Films of a library have seeds from here on: targets, evaluations and training have others."""
_KINDS: dict[str, Any] = {
    "latents": torch.Tensor,
    "states": torch.Tensor,
    "actions": torch.Tensor,
    "lengths": torch.Tensor,
    "numbers": torch.Tensor,
    "materials": dict,
    "task": str,
    "encoder": str,
    "sensors": list,
    "format": int,
}

_ARRAYS = ("latents", "states", "actions", "lengths", "numbers")

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmLibrary:
    """N films of at most T steps. What comes after the end of a film repeats its end."""

    latents: Floats
    """(N, T + 1, D) content latents of the frames, at the start and after each step."""
    states: Floats
    """(N, T + 1, S) states of the process."""
    actions: Floats
    """(N, T, K) from -1 to 1."""
    lengths: NDArray[np.int64]
    """(N,) steps that each film took, at most T."""
    numbers: NDArray[np.int64]
    """(N,) increasing number of each film among those that were planned; some may have failed."""
    materials: dict[str, NDArray[np.float64]]
    """(N,) of each parameter that the task draws, by name."""
    task: str
    """Name of the task whose environment made the films."""
    encoder: str
    """Hash of the encoder."""
    sensors: tuple[str, ...]
    """(S,) names of the entries of the states."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def last(self) -> Floats:
        """(N, D) latents of the last frames."""
        return self.latents[:, -1]

    def save(self, path: Path) -> None:
        """Write the library to a file, atomically."""
        tree: dict[str, Any] = {name: torch.from_numpy(getattr(self, name)) for name in _ARRAYS}
        materials = {name: torch.from_numpy(values) for name, values in self.materials.items()}
        save_tree(
            path,
            {
                **tree,
                "materials": materials,
                "task": self.task,
                "encoder": self.encoder,
                "sensors": list(self.sensors),
                "format": FORMAT,
            },
        )

    @classmethod
    def load(cls, path: Path) -> FilmLibrary:
        """Read a library.

        Raises:
            InputError: the file is missing, damaged, or no library.
        """
        tree = load_tree(path)
        if set(tree) != set(_KINDS) or not all(isinstance(tree[name], kind) for name, kind in _KINDS.items()):
            raise InputError(f"{path} is not a library of films; make it again")
        if tree.pop("format") != FORMAT:
            raise InputError(f"{path} is a library of another version; make it again")
        arrays: dict[str, Any] = {
            name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in tree.items()
        }
        arrays["materials"] = {name: value.numpy() for name, value in tree["materials"].items()}
        library = cls(**{**arrays, "sensors": tuple(tree["sensors"])})
        films, steps = library.actions.shape[:2]
        if library.latents.shape[:2] != (films, steps + 1) or library.states.shape[:2] != (films, steps + 1):
            raise InputError(f"{path} holds films of different lengths; make it again")
        return library

    def before(self, number: int) -> FilmLibrary:
        """The films with smaller numbers."""
        kept = self.numbers < number
        arrays: dict[str, Any] = {name: getattr(self, name)[kept] for name in _ARRAYS}
        materials = {name: values[kept] for name, values in self.materials.items()}
        return dataclasses.replace(self, **arrays, materials=materials)

    def joined(self, other: FilmLibrary) -> FilmLibrary:
        """This library and another one of the same task and encoder.

        Raises:
            InputError: they are of other tasks or encoders.
        """
        if (self.task, self.encoder, self.sensors) != (other.task, other.encoder, other.sensors):
            raise InputError("libraries of different tasks or encoders can't be joined")
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in _ARRAYS
        }
        materials = {
            name: np.concatenate([values, other.materials[name]]) for name, values in self.materials.items()
        }
        return dataclasses.replace(self, **arrays, materials=materials)


def make_library(
    task: Task,
    encoder: Encoder,
    films: int,
    *,
    first: int = 0,
    workers: int = 1,
    show_progress: bool = True,
) -> FilmLibrary:
    """Make films with random schedules on materials that the task draws, without drafts.

    Args:
        task: of the films.
        encoder: of their frames.
        films: number of films.
        first: number of the first film; each number stands for one film, whatever the others.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.
    """
    calm = dataclasses.replace(task, drafts=0.0)
    env = film_environment(calm)
    knobs = tuple(knob.name for knob in env.panel.knobs)
    planned = [
        Film(
            seed=_SEED + number,
            actions=random_schedule(np.random.default_rng((_SEED, number)), knobs, task.steps),
        )
        for number in range(first, first + films)
    ]
    made = make_films(calm, planned, workers=workers, show_progress=show_progress)
    return library_of(task, encoder, made, first=first, sensors=env.settings.sensors)


def library_of(
    task: Task, encoder: Encoder, made: Sequence[MadeFilm], *, first: int, sensors: Sequence[str]
) -> FilmLibrary:
    """The library of films that were made; those that diverged are left out.

    Args:
        task: of the films.
        encoder: of their frames.
        made: the films.
        first: number of the first of them.
        sensors: names of the entries of their states.

    Raises:
        InputError: no film was made, or all of them diverged.
    """
    numbered = [(first + place, film) for place, film in enumerate(made) if not film.diverged]
    if not numbered:
        raise InputError(f"of {len(made)} films none could be simulated to its end; make more of them")
    whole = [film for _, film in numbered]
    steps = task.steps
    return FilmLibrary(
        latents=np.stack([_padded(encoder.encode(film.frames), steps + 1) for film in whole]),
        states=np.stack([_padded(film.states, steps + 1) for film in whole]),
        actions=np.stack([_padded(film.actions, steps) for film in whole]),
        lengths=np.array([len(film.actions) for film in whole]),
        numbers=np.array([number for number, _ in numbered]),
        materials={
            name: np.array([film.material[name] for film in whole], np.float64) for name in task.hidden
        },
        task=task.name,
        encoder=encoder.hash,
        sensors=tuple(sensors),
    )


def _padded(rows: Floats, count: int) -> Floats:
    return np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)]).astype(np.float32)
