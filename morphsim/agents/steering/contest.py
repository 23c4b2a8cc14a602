"""A contest: policies steer films to the same targets, on the same materials and with the same noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from morphsim.agents.steering.distances import Distances, TargetDistances
from morphsim.agents.steering.policy import Entrant
from morphsim.agents.steering.references import References, make_references
from morphsim.agents.steering.rollouts import PolicyFilms, make_rollouts
from morphsim.agents.steering.seeds import MOST_FILMS
from morphsim.checks import check_choice, check_whole
from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.similarity.regret import (
    BootstrapDifference,
    BootstrapRegret,
    bootstrap_difference,
    bootstrap_regret,
)
from morphsim.tasks import Split, Task, load_targets

Measure = Literal["latent", "ruler"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
"""What a distance is measured by: what policies are rewarded by, and what none of them knows."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Standing:
    """How a policy did."""

    entrant: Entrant
    """The policy, and what it has cost."""
    films: PolicyFilms = field(repr=False)
    """(T, F) its films."""
    distances: Distances = field(repr=False)
    """(T, F) of their last frames, each from its own target."""
    regret: Mapping[Measure, BootstrapRegret]
    """By each measure: the median over targets of the regret, with its interval."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ContestResult:
    """How policies did on the same targets."""

    task: str
    """Name of the task."""
    targets: tuple[str, ...]
    """(T,) names of the targets."""
    references: References = field(repr=False)
    """Repeats of the targets' own schedules, and chance."""
    standings: tuple[Standing, ...]
    """Of each policy, in the order of the contest."""

    def __getitem__(self, name: str) -> Standing:
        for standing in self.standings:
            if standing.entrant.name == name:
                return standing
        names = ", ".join(standing.entrant.name for standing in self.standings)
        raise InputError(f"policy {name!r} is not among {names}")

    def difference(self, name: str, other: str, measure: Measure) -> BootstrapDifference:
        """The regret of one policy less that of another, target by target.

        Raises:
            InputError: an unknown policy or measure.
        """
        check_choice("measure", measure, MEASURES)
        return bootstrap_difference(
            getattr(self[name].distances, measure),
            getattr(self[other].distances, measure),
            getattr(self.references.own, measure),
            getattr(self.references.random, measure),
        )


class Contest:
    """Compares policies on targets of a task; the references are made once.

    Every policy steers `films` films to each target. The material of a film and its noise follow from its
    seed, which only the number of the target and that of the film decide. So they are the same for all
    policies, in every contest, and none of them is in a library, in training or among the targets.

    Args:
        task: of the films.
        encoder: of the observations and the latent distance; by default the task's own.
        split: of the targets.
        targets: number of targets, the first of the split; all by default.
        films: number of films of each policy and target.
        own: number of repeats of each target's own schedule.
        random: number of films by chance.
        workers: number of processes; no result depends on it.
        show_progress: whether to show progress bars on stderr.

    Raises:
        InputError: an unknown split or a number out of range.
    """

    def __init__(
        self,
        task: Task,
        encoder: Encoder | None = None,
        *,
        split: Split = "test",
        targets: int | None = None,
        films: int = 3,
        own: int = 6,
        random: int = 64,
        workers: int = 1,
        show_progress: bool = True,
    ) -> None:
        rows = load_targets(task).rows(split)
        if targets is not None:
            check_whole("targets", targets, 1, len(rows))
            rows = rows[:targets]
        check_whole("films", films, 1, MOST_FILMS)
        check_whole("own", own, 1, MOST_FILMS)
        check_whole("random", random, 1, MOST_FILMS)
        self.task, self.rows, self.films, self.workers = task, rows, films, workers
        self.encoder = load_encoder(task.encoder, device="cpu") if encoder is None else encoder
        self.show_progress = show_progress
        self.distances = TargetDistances(task, self.encoder, rows)
        self.references = make_references(
            task, self.distances, rows, own=own, random=random, workers=workers, show_progress=show_progress
        )

    def run(self, entrants: Sequence[Entrant]) -> ContestResult:
        """Let policies steer.

        Raises:
            InputError: no policy, or two of the same name.
        """
        names = [entrant.name for entrant in entrants]
        if not names or len(set(names)) < len(names):
            raise InputError(f"the policies are {names}; give at least one, each with a name of its own")
        made = make_rollouts(
            self.task,
            self.encoder,
            [entrant.policy for entrant in entrants],
            self.rows,
            films=self.films,
            workers=self.workers,
            show_progress=self.show_progress,
        )
        return ContestResult(
            task=self.task.name,
            targets=tuple(load_targets(self.task).names[row] for row in self.rows),
            references=self.references,
            standings=tuple(self._standing(*each) for each in zip(entrants, made, strict=True)),
        )

    def regret(self, distances: Distances) -> dict[Measure, BootstrapRegret]:
        """The regret of films with distances (T, F) from their targets, by each measure."""
        return {
            measure: bootstrap_regret(
                getattr(distances, measure),
                getattr(self.references.own, measure),
                getattr(self.references.random, measure),
            )
            for measure in MEASURES
        }

    def _standing(self, entrant: Entrant, films: PolicyFilms) -> Standing:
        distances = self.distances.of_each(films.frames)
        return Standing(entrant=entrant, films=films, distances=distances, regret=self.regret(distances))
