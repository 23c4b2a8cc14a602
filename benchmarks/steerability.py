"""How far schedules decide the films of a task: the share of the last latent's variance that they explain.

    python benchmarks/steerability.py [--task Drying-v1] [--films 1200] [--library FILE] [--json] [--quick]

Films follow random schedules on materials as the task draws them. Ensembles of trees predict the last latent
from the time spent in ten windows of dryness and the mean of each knob there, and are measured on films that
they have not seen. Canonical directions of the latent are those that schedules decide most: how many of them
are predicted well tells how many properties of a film can be set at will. Repeats of films with other noise
give the ceiling of any model that knows schedule and material. `lost` is by how much the explained share
falls where the features of one knob are permuted among the films. It needs scikit-learn.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _harness import BenchmarkOptions, Outcome, Target, run, say, table
from _steerability import ceiling, import_sklearn, measure_steerability, window_features

from morphsim import load_encoder
from morphsim.agents.steering.library import FilmLibrary, make_library
from morphsim.agents.steering.references import last_frames
from morphsim.agents.steering.seeds import REPEATS
from morphsim.checks import check_whole
from morphsim.errors import InputError
from morphsim.tasks import Film, find_task, make_films
from morphsim.tasks.films import film_environment

MOST_FILMS = 100_000


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure how far schedules decide the last latent."""

    task: str = "Drying-v1"
    """Name of the task."""
    films: int = 1200
    """Films with random schedules."""
    repeats: int = 150
    """Films that are made again with other noise."""
    library: Path | None = None
    """File of a library of films, instead of one that is made."""
    trees: int = 300
    """Trees of an ensemble."""
    workers: int = 1
    """Processes that make films."""


def measure(options: Options) -> Outcome:
    """Make the films, and explain their last latents."""
    import_sklearn()
    if options.quick:
        options = replace(options, films=12, repeats=3, trees=20)
    check_whole("films", options.films, 8, MOST_FILMS)
    check_whole("repeats", options.repeats, 2, options.films)
    task = find_task(options.task)
    encoder = load_encoder(task.encoder, device="cpu")
    if options.library is None:
        library = make_library(task, encoder, options.films, workers=options.workers)
    else:
        library = FilmLibrary.load(options.library)
        if (library.task, library.encoder) != (task.name, encoder.hash):
            raise InputError(f"{options.library} is a library of {library.task}, or of another encoder")
    say("repeats")
    calm = dataclasses.replace(task, drafts=0.0)
    chosen = range(min(options.repeats, len(library)))
    again = make_films(
        calm,
        [
            Film(
                seed=REPEATS + film,
                noise=REPEATS + film,
                actions=library.actions[film, : library.lengths[film]],
                options={name: float(values[film]) for name, values in library.materials.items()},
            )
            for film in chosen
        ],
        workers=options.workers,
    )
    repeated = np.concatenate([encoder.encode(frame[None]) for frame in last_frames(again)])
    say("models")
    env = film_environment(task)
    knobs = tuple(knob.name for knob in env.panel.knobs)
    features = window_features(library, knobs, env.recipe.duration)
    found = measure_steerability(features, library.last, trees=options.trees)
    highest = ceiling(library.last[: len(chosen)], repeated, library.last)
    results = {
        "task": task.name,
        "films": len(library),
        "explained": found.explained,
        "ceiling": highest,
        "directions": list(found.directions),
        "lost": dict(found.lost),
    }
    rows = [("latent, explained by schedules", found.explained), ("latent, ceiling by repeats", highest)]
    rows += [(f"canonical direction {number}", value) for number, value in enumerate(found.directions, 1)]
    rows += [(f"lost without {name}", value) for name, value in found.lost.items()]
    target = Target("R2 of the third canonical direction, on new films", found.directions[2], ">=", 0.5)
    return Outcome(results, [target], table(("share of the variance", "R2"), rows))


if __name__ == "__main__":
    sys.exit(run("steerability", Options, measure))
