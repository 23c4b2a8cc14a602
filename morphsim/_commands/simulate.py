"""`morphsim simulate`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import only, show, show_json
from morphsim.device import set_threads
from morphsim.frames.chain_file import is_chain_file
from morphsim.frames.simulate import FilmConfig, FilmReport, simulate_film
from morphsim.frames.simulate_chain import simulate_chain
from morphsim.simulator import SimulationDiverged, find_process


@dataclass(frozen=True, kw_only=True)
class Options(FilmConfig):
    """Make one film and write its frames, a movie, a strip of pictures and the full recipe into a folder.

    With several recipe files the film goes through their processes in turn.

    Example: morphsim simulate --process drying --set blend_ratio=0.55 evaporation=1 --out runs/film
    Example: morphsim simulate dry.toml anneal.toml --set 2.temperature=400 --out runs/annealed
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (SimulationDiverged,)

    recipe: Annotated[Positional[tuple[Path, ...]], arg(metavar="RECIPE")] = ()  # type: ignore[assignment]
    """TOML file: process, any of its parameters, schedules of knobs, and a table [film] of options below;
    several files for processes in turn, or one file of all of them."""
    threads: int = 1
    """CPU threads of torch."""
    json: bool = False
    """Print the result as JSON."""

    def run(self) -> None:
        """Make the film and print a summary."""
        set_threads(self.threads)
        report = self._report()
        if self.json:
            show_json(report.to_dict())
            return
        state = f"{report.time_s:.4g} s"
        last = find_process(report.stages[-1])
        if len(report.stages) > 1 or last.thickness_changes:
            state += f", {report.thickness_nm:.1f} nm thick"
        if last.clock == "dryness":
            state += f", dryness {report.dryness:.3f}"
        size = "{} x {}".format(*report.shape)
        if report.cells != report.shape:
            size += " from {} x {} cells".format(*report.cells)
        show(
            f"{report.frames} frames of {size} in {report.seconds:.1f} s; at the end {state}, "
            f"{100 * report.donor_pixels:.1f} % donor pixels"
        )
        for name in report.lagging:
            show(
                f"{name} followed its schedule only as fast as its limits allow; see its column in frames.h5"
            )
        for name in report.files:
            show(f"  {report.out / name}")

    def _report(self) -> FilmReport:
        files = self.recipe
        config = replace(only(FilmConfig, self), recipe=None)
        if len(files) > 1 or (files and is_chain_file(files[0])):
            return simulate_chain(files, config)
        return simulate_film(replace(config, recipe=files[0]) if files else config)
