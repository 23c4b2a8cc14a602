"""Comparison of policies by their distance to a target on the same films: medians, regret, sign test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.files import write_text
from morphsim.similarity.regret import regret

AGENT, RANDOM, RECIPE, OWN = "agent", "random", "recipe", "own"
CONSTANT, BLIND = "constant", "blind"
"""Names of the policies."""

SIGNIFICANT = 0.05
"""Largest p-value of a sign test by which feedback pays."""
_BASELINES = (RANDOM, RECIPE)
_TESTED = (*_BASELINES, CONSTANT, BLIND)


@dataclass(frozen=True, eq=False, kw_only=True)
class PolicyResult:
    """Results of one policy on all films."""

    name: str
    """Name of the policy."""
    distances: NDArray[np.float64]
    """(S,) distance of the last frame of each film from the target, in units of the encoder's scale."""
    diverged: NDArray[np.bool_]
    """(S,) whether the simulation of the film failed; its last valid frame counts then."""
    wet: NDArray[np.bool_]
    """(S,) whether the film was still wet at its last step because of solvent vapour."""
    frames: NDArray[np.uint8] = field(repr=False)
    """(S, H, W) 0/1, the last frames."""
    actions: Sequence[NDArray[np.float32]] = field(default=(), repr=False)
    """Of each film the actions (T, A) of its steps; empty where there are none."""
    schedules: Sequence[str] = field(default=(), repr=False)
    """Of each film a recipe file with its steps, from which `morphsim simulate` makes it again; empty where
    the environment has none."""

    @property
    def median(self) -> float:
        """Median of the distances."""
        return float(np.median(self.distances))

    @property
    def quartiles(self) -> tuple[float, float]:
        """Lower and upper quartile of the distances, interpolated linearly."""
        lower, upper = np.quantile(self.distances, (0.25, 0.75))
        return float(lower), float(upper)


@dataclass(frozen=True, kw_only=True)
class SignTest:
    """Sign test of whether one policy comes nearer than another on the same films, without ties."""

    nearer: int
    """Number of films on which it comes nearer."""
    farther: int
    """Number of films on which it stays farther away."""
    p_value: float
    """Probability of at least so many nearer films if neither policy is better; exact and one-sided."""


@dataclass(frozen=True, eq=False, kw_only=True)
class AgentEvaluation:
    """Results of all policies on the same films."""

    seeds: Sequence[int]
    """(S,) seeds of the films; training uses none of them."""
    results: Sequence[PolicyResult]
    """Results by policy, that of the evaluated policy first."""

    def __post_init__(self) -> None:
        for result in self.results:
            if result.distances.shape != (len(self.seeds),):
                raise InputError(
                    f"{result.name} has {result.distances.size} distances; give one for each seed"
                )

    def write_schedules(self, folder: Path) -> None:
        """Write the schedule of each film as `POLICY-SEED.toml`.

        Args:
            folder: for the files; made if there are schedules.
        """
        for result in self.results:
            for seed, text in zip(self.seeds, result.schedules, strict=False):
                if text:
                    folder.mkdir(parents=True, exist_ok=True)
                    write_text(folder / f"{result.name}-{seed}.toml", text)

    def __getitem__(self, name: str) -> PolicyResult:
        for result in self.results:
            if result.name == name:
                return result
        names = ", ".join(result.name for result in self.results)
        raise InputError(f"policy {name!r} is not among {names}")

    def __contains__(self, name: object) -> bool:
        return any(result.name == name for result in self.results)

    def regret(self, name: str) -> float | None:
        """Return `morphsim.similarity.regret` of the medians over the films.

        0 is as good as the recipe that made the target, 1 no better than chance. None if that recipe was not
        run, or does not come nearer than chance.
        """
        if OWN not in self or RANDOM not in self:
            return None
        value = float(regret(self[name].median, self[OWN].median, self[RANDOM].median))
        return None if math.isnan(value) else value

    def sign_test(self, name: str, other: str) -> SignTest:
        """Compare two policies film by film."""
        from scipy.stats import binomtest

        difference = self[name].distances - self[other].distances
        nearer, farther = int((difference < 0).sum()), int((difference > 0).sum())
        decided = nearer + farther
        p_value = binomtest(nearer, decided, 0.5, alternative="greater").pvalue if decided else 1.0
        return SignTest(nearer=nearer, farther=farther, p_value=float(p_value))

    @property
    def beats_baselines(self) -> bool:
        """Whether the median of the first policy is below that of every baseline."""
        first, baselines = self.results[0], self._among(_BASELINES)
        return bool(baselines) and all(first.median < self[name].median for name in baselines)

    @property
    def feedback_pays(self) -> bool | None:
        """Whether the first policy comes nearer than its own mean schedule that is replayed blind.

        Its median must be below, and the sign test significant. None if that schedule was not replayed.
        """
        if BLIND not in self:
            return None
        first = self.results[0]
        test = self.sign_test(first.name, BLIND)
        return first.median < self[BLIND].median and test.p_value <= SIGNIFICANT

    def to_dict(self) -> dict[str, Any]:
        """Return everything except the frames and actions as plain values for JSON."""
        first = self.results[0].name
        return {
            "seeds": list(self.seeds),
            "policies": {
                result.name: {
                    "median": result.median,
                    "quartiles": list(result.quartiles),
                    "regret": self.regret(result.name),
                    "diverged": int(result.diverged.sum()),
                    "wet": int(result.wet.sum()),
                    "distances": result.distances.tolist(),
                }
                for result in self.results
            },
            "beats_baselines": self.beats_baselines,
            "feedback_pays": self.feedback_pays,
            "sign_tests": {name: vars(self.sign_test(first, name)) for name in self._among(_TESTED)},
        }

    def render(self) -> str:
        """Return the table and the conclusions as plain text."""
        lines = [f"{'policy':<8}  {'median':>8}  {'quartiles':>18}  {'regret':>7}"]
        for result in self.results:
            regret = self.regret(result.name)
            lower, upper = result.quartiles
            shown = "-" if regret is None else f"{regret:.3f}"
            quartiles = f"{lower:.4f} - {upper:.4f}"
            lines.append(f"{result.name:<8}  {result.median:>8.4f}  {quartiles:>18}  {shown:>7}")
        lines += [
            "",
            f"Distance of the last frame from the target, over {len(self.seeds)} films that training did not "
            "see; 1 is the median of random pairs.",
        ]
        lines += [
            f"{result.name}: the simulation of {result.diverged.sum()} of {len(self.seeds)} films failed."
            for result in self.results
            if result.diverged.any()
        ]
        lines += [
            f"{result.name}: {result.wet.sum()} of {len(self.seeds)} films ended wet, at the limit of steps."
            for result in self.results
            if result.wet.any()
        ]
        return "\n".join([*lines, *self._verdict()])

    def __str__(self) -> str:
        return self.render()

    def _verdict(self) -> list[str]:
        first, baselines = self.results[0].name, self._among(_BASELINES)
        lines = []
        if baselines:
            which = " and ".join(baselines)
            whether = "is below" if self.beats_baselines else "is NOT below"
            these = "those" if len(baselines) > 1 else "that"
            lines.append(f"The median of {first} {whether} {these} of {which}.")
        for name in self._among(_TESTED):
            test = self.sign_test(first, name)
            lines.append(
                f"{first} ends nearer than {name} on {test.nearer} of {test.nearer + test.farther} films "
                f"(sign test, one-sided p = {test.p_value:.2g})."
            )
        if self.feedback_pays is False:
            lines.append(
                f"Feedback bought nothing that these films show: the mean schedule of {first}, replayed "
                "blind, ends as near."
            )
        return lines

    def _among(self, names: Sequence[str]) -> list[str]:
        """Those of the names that are policies here, the first one left out."""
        first = self.results[0].name
        return [name for name in names if name in self and name != first]
