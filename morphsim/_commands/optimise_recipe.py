"""`morphsim optimise-recipe`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from morphsim._commandline import only, show, show_json
from morphsim.agents.comparison import RANDOM, RECIPE
from morphsim.agents.optimise import Exchange, OptimiseConfig, Optimum, exchange, optimise_recipe
from morphsim.agents.optimise.contest import OPTIMUM
from morphsim.agents.optimise.laboratory import RESULTS
from morphsim.agents.optimise.output import HISTORY, PICTURE, RESULT, knob_columns
from morphsim.agents.optimise.output import RECIPE as RECIPE_FILE
from morphsim.agents.optimise.search import MOST_CANDIDATES
from morphsim.checks import check_whole

_NAMES = {OPTIMUM: "optimum", RECIPE: "untouched recipe", RANDOM: "random knobs"}


@dataclass(frozen=True, kw_only=True)
class Options(OptimiseConfig):
    """Search the knobs, constant or in steps, whose films come nearest to a target; no agent is trained.

    Example: morphsim optimise-recipe --target target.h5:10 --process drying --knobs evaporation temperature
    Example: morphsim optimise-recipe --target target.png --process drying --schedule steps --ask 8
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    ask: int | None = None
    """Write this many candidates as recipe files, for a laboratory, and simulate nothing."""
    tell: Path | None = None
    """CSV table with a laboratory's results: candidate, and image or distance; nothing is simulated."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Do nothing: the configuration that `run` builds makes the checks, with its own messages."""

    def run(self) -> None:
        """Search, or exchange candidates and results with a laboratory, and print the outcome."""
        config = only(OptimiseConfig, self)
        if self.ask is not None:
            check_whole("ask", self.ask, 1, MOST_CANDIDATES)
        if self.ask is not None or self.tell is not None:
            self._show_exchange(exchange(config, tell=self.tell, ask=self.ask))
            return
        optimum = optimise_recipe(config)
        if self.json:
            show_json(optimum.to_dict())
        else:
            show(_text(optimum))

    def _show_exchange(self, done: Exchange) -> None:
        search = done.study.search
        best = search.best
        if self.json:
            show_json(
                {
                    "told": done.told,
                    "with_result": len(search.told),
                    "nearest": None if best is None else best.number,
                    "nearest_distance": None if best is None else search.value(best.number),
                    "folder": None if done.folder is None else str(done.folder),
                    "asked": [
                        {"candidate": each.number, "settings": {k: list(v) for k, v in each.settings.items()}}
                        for each in done.asked
                    ],
                }
            )
            return
        if self.tell is not None:
            show(f"{done.told} candidates have new results; {len(search.told)} have results now")
            if best is not None:
                distance = search.value(best.number)
                show(f"nearest so far: candidate {best.number} at distance {distance:.4f}; make it again")
        if done.folder is not None:
            show(
                f"{done.folder}: {len(done.asked)} candidates; fill in {RESULTS} and give it back with --tell"
            )


def _text(optimum: Optimum) -> str:
    study, evaluation = optimum.study, optimum.evaluation
    counts = optimum.to_dict()
    films = counts["films"]
    header, (values,) = knob_columns(study.space, [optimum.candidate.position])
    out = study.config.out
    lines = [
        f"{out / RECIPE_FILE}: candidate {optimum.candidate.number}, after {films['search']} films of the "
        f"search and {films['choice']} to choose, in {optimum.seconds:.1f} s"
    ]
    lines += [f"  {name}  {value}" for name, value in zip(header, values, strict=True)]
    count = len(evaluation.seeds)
    lines.append(f"distance of the last frame from the target, {count} new films each:")
    for result in evaluation.results:
        lower, upper = result.quartiles
        failed = f", {result.diverged.sum()} failed" if result.diverged.any() else ""
        lines.append(
            f"  {_NAMES[result.name]:<16}  median {result.median:.4f}, quartiles {lower:.4f} - {upper:.4f}"
            + failed
        )
    if counts["failed"]["search"]:
        lines.append(f"{counts['failed']['search']} films of the search failed, and counted as the farthest")
    lines += [f"  {out / name}" for name in (HISTORY, RESULT, PICTURE)]
    return "\n".join(lines)
