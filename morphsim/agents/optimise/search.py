"""A search for knobs by asking for candidates and telling their results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from morphsim.agents.optimise.distance import TargetDistance
from morphsim.agents.optimise.proposals import MethodName, Result, make_method
from morphsim.agents.optimise.space import KnobSpace
from morphsim.checks import check_choice, check_seed, check_whole, is_finite_number, shown
from morphsim.errors import InputError

MOST_CANDIDATES = 100_000
# The median of random pairs; a film that failed is never nearer.
_FAR = 1.0


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Knobs that a search proposes."""

    number: int
    """From 0, in the order of asking."""
    position: tuple[float, ...]
    """(D,) from -1 to 1, see `KnobSpace`."""
    settings: Mapping[str, tuple[float, ...]]
    """The value of each knob in each stage, in units of the recipe."""


class RecipeSearch:
    """Proposes films and learns from their distances, whether they are simulated or made in a laboratory.

    Of several films of a candidate the median counts, and a failed film as the farthest one seen.

    Args:
        space: the films to choose from.
        distance: from the target; needed to tell frames.
        method: "cma-es", "tpe" or "random".
        seed: of the proposals.
        population: results of a generation of cma-es; by default 4 + 3 ln D. For a laboratory, the number of
            films that it makes at once.

    Raises:
        InputError: a value out of range, or the package of the method isn't installed.

    Examples:
        >>> search = RecipeSearch(space, distance=distance, seed=1)            # doctest: +SKIP
        >>> for candidate in search.ask(8):                                    # doctest: +SKIP
        ...     search.tell(candidate, image_of_the_film)
        >>> search.best.settings                                               # doctest: +SKIP
    """

    def __init__(
        self,
        space: KnobSpace,
        *,
        distance: TargetDistance | None = None,
        method: MethodName = "cma-es",
        seed: int = 0,
        population: int | None = None,
    ) -> None:
        check_choice("method", method, get_args(MethodName))
        check_seed("seed", seed, below=2**32)
        if population is not None:
            check_whole("population", population, 4, MOST_CANDIDATES)
        self.space, self.distance = space, distance
        self._method = make_method(method, size=space.size, seed=seed, population=population)
        self.candidates: list[Candidate] = []
        """All that were asked for."""
        self._told: dict[int, tuple[float, ...]] = {}
        self.worst = _FAR
        """The largest distance of any film, at least 1, that of random pairs."""

    @property
    def batch(self) -> int:
        """Number of candidates that are best asked for at once."""
        return self._method.batch

    @property
    def told(self) -> Mapping[int, tuple[float, ...]]:
        """The distances of the films of each candidate with a result, NaN for failed ones."""
        return dict(self._told)

    @property
    def pending(self) -> list[Candidate]:
        """The candidates without a result."""
        return [each for each in self.candidates if each.number not in self._told]

    def ask(self, count: int) -> list[Candidate]:
        """Propose candidates, whatever the number of those without a result.

        Args:
            count: their number.

        Raises:
            InputError: not a number of candidates.
        """
        check_whole("the number of candidates", count, 1, MOST_CANDIDATES)
        first = len(self.candidates)
        results = [Result(self.candidates[number].position, self.value(number)) for number in self._told]
        positions = self._method.propose(range(first, first + count), results)
        for position in positions:
            self._add(position)
        return self.candidates[first:]

    def tell(
        self,
        candidate: Candidate | int,
        frames: ArrayLike | None = None,
        *,
        distance: float | Sequence[float] | None = None,
    ) -> None:
        """Add the result of a candidate: frames of its film or films, or their distances.

        Args:
            candidate: one that was asked for, or its number.
            frames: (H, W), or (N, H, W) of several films.
            distance: in place of frames; NaN for a film that failed.

        Raises:
            InputError: an unknown candidate, one that has another result, or not such a result.
        """
        number = self._number(candidate)
        if (frames is None) == (distance is None):
            raise InputError("give frames or a distance as the result of a candidate")
        if frames is not None:
            if self.distance is None:
                raise InputError("this search has no target; make it with a distance, or tell distances")
            distance = self.distance(frames).tolist()
        assert distance is not None
        values = tuple(distance) if isinstance(distance, Sequence | np.ndarray) else (distance,)
        if not values or not all(_is_distance(value) for value in values):
            raise InputError(
                f"the distance of candidate {number} is {shown(distance)}; it must be 0 or above, or NaN for "
                "a film that failed"
            )
        found = tuple(float(value) for value in values)
        before = self._told.get(number)
        if before is not None and not np.array_equal(before, found, equal_nan=True):
            raise InputError(
                f"candidate {number} has the result {shown(list(before))}, and {shown(list(found))} is told "
                "now; give all its films at once, or ask for another candidate"
            )
        known = [each for each in found if not math.isnan(each)]
        self.worst = max([self.worst, *known])
        self._told[number] = found

    def value(self, number: int) -> float:
        """The median distance of a candidate, where failed films are as far as the farthest one."""
        return median(self.worst if math.isnan(each) else each for each in self._told[number])

    @property
    def failed(self) -> int:
        """Number of films that failed."""
        return sum(math.isnan(each) for films in self._told.values() for each in films)

    @property
    def best(self) -> Candidate | None:
        """The nearest candidate so far; of noisy films it flatters itself, so make it again."""
        ranked = self.ranked(1)
        return ranked[0] if ranked else None

    def ranked(self, count: int) -> list[Candidate]:
        """The nearest candidates that have a film, the nearest first."""
        made = [number for number, films in self._told.items() if not all(map(math.isnan, films))]
        return [self.candidates[n] for n in sorted(made, key=lambda n: (self.value(n), n))[:count]]

    def to_dict(self) -> dict[str, Any]:
        """All candidates and results as values that JSON can hold."""
        return {
            "asked": [list(each.position) for each in self.candidates],
            "told": [
                [number, [None if math.isnan(each) else each for each in films]]
                for number, films in self._told.items()
            ],
        }

    def restore(self, values: Mapping[str, Any]) -> None:
        """Go back to what `to_dict` returned.

        Raises:
            InputError: values of another form.
        """
        self.candidates, self._told, self.worst = [], {}, _FAR
        try:
            for position in values["asked"]:
                self._add(position)
            for number, films in values["told"]:
                self.tell(number, distance=[math.nan if each is None else each for each in films])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"these are not the candidates of a search ({error})") from error

    def _add(self, position: ArrayLike) -> None:
        values = tuple(np.asarray(position, np.float64).tolist())
        settings = self.space.settings(values)
        self.candidates.append(Candidate(number=len(self.candidates), position=values, settings=settings))

    def _number(self, candidate: Candidate | int) -> int:
        number = candidate.number if isinstance(candidate, Candidate) else candidate
        whole = isinstance(number, int) and not isinstance(number, bool)
        if not whole or not 0 <= number < len(self.candidates):
            known = f"they run from 0 to {len(self.candidates) - 1}" if self.candidates else "there is none"
            raise InputError(f"candidate {shown(number)} was not asked for; {known}")
        return number


def _is_distance(value: object) -> bool:
    return (isinstance(value, float) and math.isnan(value)) or (is_finite_number(value) and value >= 0.0)  # type: ignore[operator]
