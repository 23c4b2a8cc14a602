"""`morphsim simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import only, show, show_json
from morphsim.device import set_threads
from morphsim.frames.simulate import FilmConfig, simulate_film
from morphsim.simulator import SimulationDiverged, find_process


@dataclass(frozen=True, kw_only=True)
class Options(FilmConfig):
    """Make one film and write its frames, a movie, a strip of pictures and the full recipe into a folder.

    Example: morphsim simulate --process drying --set blend_ratio=0.55 evaporation=1 --out runs/film
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (SimulationDiverged,)

    recipe: Annotated[Positional[Path | None], arg(metavar="RECIPE")] = None
    """TOML file: process, and any of its parameters."""
    threads: int = 1
    """CPU threads of torch."""
    json: bool = False
    """Print the result as JSON."""

    def run(self) -> None:
        """Make the film and print a summary."""
        set_threads(self.threads)
        report = simulate_film(only(FilmConfig, self))
        if self.json:
            show_json(report.to_dict())
            return
        state = f"{report.time_s:.4g} s"
        process = find_process(report.process)
        if process.thickness_changes:
            state += f", {report.thickness_nm:.1f} nm thick"
        if process.clock == "dryness":
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
