"""Make the targets of tasks: `python -m morphsim.tasks.make_targets Drying-v1`.

Each candidate is the last frame of a film with a random schedule, of a material that is drawn as the task
draws it, without drafts. Repeats with other noise tell whether its schedule reproduces it: a candidate whose
repeats are more than half as far away as the other candidates, by the latent distance or by the ruler, is
dropped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.frames import FrameSet, write_frames
from morphsim.similarity.regret import screen_targets
from morphsim.similarity.ruler import Ruler
from morphsim.tasks.family import TASKS, Split, Task, find_task
from morphsim.tasks.films import Film, MadeFilm, film_environment, make_films
from morphsim.tasks.goals import choose_goals
from morphsim.tasks.schedules import random_schedule
from morphsim.tasks.targets import ACTIONS, ASSETS, NAME, SPLIT, TASK, hash_targets

SIZES: Mapping[Split, int] = {"test": 40, "validation": 24, "train": 64}
"""Number of targets of each split that has no names of its own."""
REPEATS = 3
"""Further films with the schedule and the material of each candidate."""
CANDIDATES = 240
_GOALS = 5
_SEED = 40_000_000
_NOISE = 50_000_000


def make_targets(
    task: Task,
    folder: Path,
    *,
    sizes: Mapping[Split, int] = SIZES,
    candidates: int = CANDIDATES,
    workers: int = 2,
    show_progress: bool = True,
) -> dict[str, Any]:
    """Make the set of targets of a task, and the ruler of its films.

    Args:
        task: whose environment makes the films.
        folder: for `NAME.h5`, the targets, and `NAME.json`, the ruler.
        sizes: number of targets of each split; five goals are chosen among the candidates after these.
        candidates: number of films from which the targets are taken.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The hash, and how many candidates were dropped for which reason.

    Raises:
        InputError: too few candidates are reproducible.
    """
    encoder = load_encoder(task.encoder)
    calm = dataclasses.replace(task, drafts=0.0)
    made = make_films(calm, _planned(calm, candidates), workers=workers, show_progress=show_progress)
    groups = [made[start : start + 1 + REPEATS] for start in range(0, len(made), 1 + REPEATS)]
    whole = [group for group in groups if not any(film.diverged for film in group)]
    last = np.stack([film.frames[-1] for group in whole for film in group])
    labels = np.repeat(np.arange(len(whole)), 1 + REPEATS)
    ruler = Ruler.fit(last, labels, boundary=encoder.boundary)
    by_latent = screened(_latent_distances(encoder, last[:: 1 + REPEATS], last), labels)
    by_ruler = screened(ruler.distances(last, last[:: 1 + REPEATS]).T, labels)
    kept = np.flatnonzero(by_latent & by_ruler)
    if len(kept) < sum(sizes.values()) + _GOALS:
        raise InputError(f"only {len(kept)} of {candidates} candidates are reproducible; make more of them")
    films = [whole[number][0] for number in kept]
    frames = _frame_set(task, films, sizes, encoder)
    write_frames(folder / f"{task.targets}.h5", frames)
    ruler.save(folder / f"{task.targets}.json")
    return {
        "task": task.name,
        "hash": hash_targets(frames),
        "candidates": candidates,
        "diverged": len(groups) - len(whole),
        "not reproduced by latent distance": int((~by_latent).sum()),
        "not reproduced by the ruler": int((~by_ruler).sum()),
        "kept": len(kept),
        "used": len(frames),
    }


def screened(apart: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which candidates their own schedules reproduce, (M,).

    Args:
        apart: (M, N) distances of N films from M candidates; a candidate is the first film of its label.
        labels: (N,) the candidate whose schedule a film has.
    """
    firsts = np.searchsorted(labels, np.arange(len(apart)))
    own = [apart[row, np.flatnonzero(labels == row)[1:]] for row in range(len(apart))]
    random = [np.delete(apart[row, firsts], row) for row in range(len(apart))]
    return screen_targets(own, random).reproducible


def _planned(task: Task, candidates: int) -> list[Film]:
    knobs = tuple(knob.name for knob in film_environment(task).panel.knobs)
    films = []
    for number in range(candidates):
        generator = np.random.default_rng((_SEED, number))
        actions = random_schedule(generator, knobs, task.steps)
        noise = [_NOISE + number * (1 + REPEATS) + repeat for repeat in range(1 + REPEATS)]
        films += [Film(seed=_SEED + number, actions=actions, noise=seed) for seed in noise]
    return films


def _latent_distances(
    encoder: Encoder, targets: NDArray[np.uint8], frames: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """(M, N) distances of N frames from M targets."""
    goals, latents = encoder.encode(targets), encoder.encode(frames)
    return np.asarray(np.linalg.norm(goals[:, None].astype(np.float64) - latents[None], axis=2))


def _frame_set(task: Task, films: list[MadeFilm], sizes: Mapping[Split, int], encoder: Encoder) -> FrameSet:
    """The targets in the order of their splits: test first, so that more of others don't change it."""
    splits: list[str] = []
    for split, size in sizes.items():
        splits += [split] * size
    names = [f"{split}-{splits[:row].count(split)}" for row, split in enumerate(splits)]
    rest = films[len(splits) :]
    goals = choose_goals(np.stack([film.frames[-1] for film in rest]), boundary=encoder.boundary)
    chosen = [*films[: len(splits)], *(rest[row] for row in goals.values())]
    names, splits = names + list(goals), splits + ["goals"] * len(goals)
    count = len(chosen)
    return FrameSet(
        frames=np.stack([film.frames[-1] for film in chosen]),
        columns={"trajectory": np.arange(count), "seed": np.array([film.seed for film in chosen])},
        recipes={
            TASK: np.array([task.name] * count),
            NAME: np.array(names),
            SPLIT: np.array(splits),
            ACTIONS: np.array([_text(film.actions) for film in chosen]),
            **{name: np.array([film.material[name] for film in chosen], np.float64) for name in task.hidden},
        },
        process=task.process,
        boundary=encoder.boundary,
    )


def _text(actions: NDArray[np.float32]) -> str:
    return json.dumps(np.round(actions.astype(np.float64), 3).tolist(), separators=(",", ":"))


def main() -> None:
    """Make the sets of the tasks that are named, or of all; print what was dropped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", help="names of tasks; all by default")
    parser.add_argument("--out", type=Path, default=ASSETS)
    parser.add_argument("--candidates", type=int, default=CANDIDATES)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    done = set()
    for name in options.tasks or TASKS:
        task = find_task(name)
        if task.targets not in done:
            made = make_targets(task, options.out, candidates=options.candidates, workers=options.workers)
            print(json.dumps(made), flush=True)  # noqa: T201
        done.add(task.targets)


if __name__ == "__main__":
    main()
