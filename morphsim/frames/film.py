"""A film to be simulated: its recipe, its schedule, its initial state, and how it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from morphsim.frames.film_file import Recording, film_text
from morphsim.simulator import Recipe, Snapshot, Units, record_film
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.film_start import FilmStart
from morphsim.simulator.resolution import check_resolution
from morphsim.simulator.schedules import Schedule, Steps


@dataclass(frozen=True, eq=False, kw_only=True)
class Film:
    """A film to be simulated; `FilmConfig.film` makes it from a user's options."""

    recipe: Recipe
    """With the first values of its schedules."""
    start: FilmStart | None
    """Initial state; None for a freshly mixed film."""
    schedule: Schedule | Steps
    """Of its knobs, empty if they are constant; or the steps of an earlier film, which is made again."""
    recording: Recording
    """How it is recorded."""
    units: Units
    """Its scales."""

    @property
    def cells(self) -> tuple[int, int]:
        """(h, w) of the solver's grid."""
        before = None if self.start is None else self.start.before
        return solver_cells(self.recipe, self.recording.shape, self.recording.cells, before=before)

    @property
    def frames(self) -> int:
        """Number of snapshots."""
        return self.schedule.frames if isinstance(self.schedule, Steps) else self.recording.frames

    def check_resolution(self) -> None:
        """Check that the solver's grid resolves the interfaces.

        Raises:
            InputError: less than a cell across an interface.

        Warns:
            ResolutionWarning: fewer than three.
        """
        before = None if self.start is None else self.start.before
        check_resolution((each, self.cells) for each in (self.recipe, before) if each is not None)

    def snapshots(self, *, steps: Steps | None = None, device: str = "cpu") -> Iterator[Snapshot]:
        """Simulate the film; its resolution is not checked.

        Args:
            steps: filled with the steps that are made.
            device: "auto", "cpu" or "cuda".

        Raises:
            InputError: it does not dry within its duration.
            SimulationDiverged: no time step gives an acceptable solution.
        """
        recording, cells, phi = self.recording, self.cells, None
        if self.start is not None:
            phi = self.start.fields(
                self.recipe,
                seed=recording.seed,
                cells=cells,
                tolerance=recording.tolerance,
                dtype=recording.dtype,
                device=device,
            )
        return record_film(
            self.recipe,
            seed=recording.seed,
            frames=self.frames,
            shape=recording.shape,
            cells=cells,
            fields=phi,
            schedule=self.schedule,
            steps=steps,
            tolerance=recording.tolerance,
            dtype=recording.dtype,
            device=device,
            resolution="ignore",
        )

    def text(self) -> str:
        """A recipe file from which `morphsim simulate` makes the film again, bit for bit on one machine."""
        recording = replace(self.recording, cells=self.cells)
        return film_text(self.recipe, self.schedule, recording, units=self.units)
