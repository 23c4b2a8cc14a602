"""One film of a generated data set; it depends on the plan and the film's number only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from morphsim.errors import InputError
from morphsim.files import read_json, write_json
from morphsim.frames.frame_set import FrameSet
from morphsim.frames.plan import DatasetPlan
from morphsim.frames.snapshots import film_frames
from morphsim.frames.store import write_frames
from morphsim.simulator import Recipe, SimulationDiverged, Snapshot, record_film


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A film was abandoned because the run is being stopped."""


def part_path(folder: Path, film: int) -> Path:
    """The file that keeps the frames of a film until all films are complete."""
    return folder / f"film-{film:07d}.h5"


def failure_path(folder: Path, film: int) -> Path:
    """The file that records why a film failed."""
    return folder / f"film-{film:07d}.json"


def is_done(folder: Path, film: int) -> bool:
    """Whether a film was made, or is known to fail."""
    return part_path(folder, film).exists() or failure_path(folder, film).exists()


def make_film(
    plan: DatasetPlan, film: int, folder: Path, *, stopped: Callable[[], bool] = lambda: False
) -> str | None:
    """Simulate a film and store it, or the reason why it fails, in `folder`.

    Args:
        plan: of the data set.
        film: its number.
        folder: of parts.
        stopped: called after each snapshot; True abandons the film.

    Returns:
        The reason why the film failed, or None.

    Raises:
        Stopped: the film was abandoned.
    """
    recipe = plan.film_recipe(film)
    try:
        frame_set = _record(plan, recipe, plan.film_seed(film), stopped)
    except SimulationDiverged as error:
        found = ", ".join(f"{name} {value:.4g}" for name, value in error.values.items())
        reason = f"it diverged at time {error.time:.6g} ({found})"
    except InputError as error:
        reason = str(error)
    else:
        write_frames(part_path(folder, film), frame_set)
        return None
    write_json(failure_path(folder, film), {"film": film, "recipe": recipe.to_dict(), "reason": reason})
    return reason


def failure_of(folder: Path, film: int) -> dict[str, object] | None:
    """The record of a failed film, `film`, `recipe` and `reason`; None if the film did not fail."""
    path = failure_path(folder, film)
    if not path.exists():
        return None
    record = read_json(path)
    assert isinstance(record, dict)
    return record


def _record(plan: DatasetPlan, recipe: Recipe, seed: int, stopped: Callable[[], bool]) -> FrameSet:
    height, width = plan.shape
    cells = None if plan.cells is None else (plan.cells[0], plan.cells[1])

    def snapshots() -> Iterator[Snapshot]:
        for snapshot in record_film(
            recipe,
            shape=(height, width),
            cells=cells,
            seed=seed,
            frames=plan.frames,
            dtype=plan.dtype,
            device=plan.device,
            # The data set was checked as a whole.
            resolution="ignore",
        ):
            if stopped():
                raise Stopped
            yield snapshot

    return film_frames(recipe, snapshots(), seed=seed, threshold=plan.threshold)
