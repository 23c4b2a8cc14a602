"""Methods that propose where to look next, from the results so far.

Their state is never stored, since it follows from the results: a search that was stopped goes on as one
without interruption, and only numbers are read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from morphsim.optional import import_cmaes, quiet_optuna

MethodName = Literal["cma-es", "random", "tpe"]

PURPOSE = "the search for a recipe by {}"
# Half of a knob's range lies within one standard deviation of the first films.
_FIRST_DEVIATION = 0.5
_BATCH = 8
_FIRST_RANDOM = 10


@dataclass(frozen=True)
class Result:
    """A candidate with its result."""

    position: Sequence[float]
    """(D,) from -1 to 1."""
    distance: float
    """Its distance from the target; finite."""


class Method(Protocol):
    """Proposes candidates in batches."""

    @property
    def batch(self) -> int:
        """Number of candidates that are proposed from the same results."""
        ...

    def propose(self, numbers: Sequence[int], results: Sequence[Result]) -> NDArray[np.float64]:
        """Propose candidates.

        Args:
            numbers: (N,) of the candidates, from 0; each has its own random numbers.
            results: of earlier candidates, in the order in which they were told.

        Returns:
            (N, D) positions from -1 to 1.
        """
        ...


class RandomSearch:
    """Positions that are uniformly distributed; they don't depend on results.

    Args:
        size: D.
        seed: of the search.
    """

    batch = _BATCH

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed

    def propose(self, numbers: Sequence[int], results: Sequence[Result]) -> NDArray[np.float64]:
        """Draw candidates."""
        draws = [np.random.default_rng([self._seed, number]) for number in numbers]
        return np.array([draw.uniform(-1.0, 1.0, self._size) for draw in draws])


class CMAES:
    """Evolution strategy with covariance matrix adaptation (Hansen 2016, doi 10.48550/arXiv.1604.00772).

    Each generation of `batch` results moves a normal distribution, from which the next candidates are drawn;
    it begins in the middle of all ranges. It ranks results only, so it stands noise and failed films.

    Args:
        size: D.
        seed: of the search.
        population: results of a generation; None for 4 + 3 ln D (equation 48 there).

    Raises:
        InputError: the package `cmaes` isn't installed.
    """

    def __init__(self, size: int, seed: int, population: int | None = None) -> None:
        self._library = import_cmaes(PURPOSE.format("cma-es"))
        self._size, self._seed = size, seed
        self.batch = 4 + math.floor(3 * math.log(size)) if population is None else population

    def propose(self, numbers: Sequence[int], results: Sequence[Result]) -> NDArray[np.float64]:
        """Draw candidates from the distribution after all full generations."""
        optimiser = self._library.CMA(
            mean=np.zeros(self._size),
            sigma=_FIRST_DEVIATION,
            bounds=np.array([[-1.0, 1.0]] * self._size),
            population_size=self.batch,
        )
        for end in range(self.batch, len(results) + 1, self.batch):
            generation = results[end - self.batch : end]
            optimiser.tell([(np.array(each.position), each.distance) for each in generation])
        found = []
        for number in numbers:
            optimiser.reseed_rng(seed_of(self._seed, number))
            found.append(optimiser.ask())
        return np.asarray(np.clip(np.array(found), -1.0, 1.0), np.float64)


class TPE:
    """Tree-structured Parzen estimator of Optuna (Bergstra et al. 2011).

    https://proceedings.neurips.cc/paper/2011/hash/86e8f7ab32cfd12577bc2619bc635690-Abstract.html

    Args:
        size: D.
        seed: of the search.

    Raises:
        InputError: Optuna isn't installed.
    """

    batch = _BATCH

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        with quiet_optuna(PURPOSE.format("tpe")):
            pass

    def propose(self, numbers: Sequence[int], results: Sequence[Result]) -> NDArray[np.float64]:
        """Draw candidates where good results are dense; the first ten at random."""
        names = [str(dimension) for dimension in range(self._size)]
        with quiet_optuna(PURPOSE.format("tpe")) as optuna:
            study = optuna.create_study(direction="minimize")
            ranges = {name: optuna.distributions.FloatDistribution(-1.0, 1.0) for name in names}
            for each in results:
                parameters = dict(zip(names, map(float, each.position), strict=True))
                study.add_trial(
                    optuna.trial.create_trial(params=parameters, distributions=ranges, value=each.distance)
                )
            found = []
            for number in numbers:
                seed = seed_of(self._seed, number)
                study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_FIRST_RANDOM)
                trial = study.ask()
                found.append([trial.suggest_float(name, -1.0, 1.0) for name in names])
        return np.array(found)


def make_method(name: MethodName, *, size: int, seed: int, population: int | None = None) -> Method:
    """The method of this name; arguments as for its class."""
    if name == "cma-es":
        return CMAES(size, seed, population)
    return TPE(size, seed) if name == "tpe" else RandomSearch(size, seed)


def seed_of(seed: int, *numbers: int) -> int:
    """A seed of 32 bits for one part of a search."""
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1)[0])
