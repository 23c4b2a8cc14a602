"""`morphsim phase-diagram`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import show, show_json
from morphsim.errors import InputError
from morphsim.frames.simulate import FilmConfig
from morphsim.simulator.materials import MATERIALS
from morphsim.simulator.processes import ProcessName
from morphsim.simulator.quantities import ZERO_CELSIUS
from morphsim.suggest import did_you_mean

if TYPE_CHECKING:
    from morphsim.simulator import Recipe, Units

_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Draw the phase diagram of a blend: binodal, spinodal, tie lines, critical point and the film's path.

    Example: morphsim phase-diagram p3ht-pcbm --set temperature=350 --out p3ht.png
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    blend: Annotated[Positional[str | None], arg(metavar="MATERIAL|RECIPE")] = None
    """Name of a material, or a recipe's TOML file, of whose schedules the first values count (default: the
    process's own recipe)."""
    process: ProcessName | None = None
    """How the film is made; required unless the material or the recipe names it."""
    set: tuple[str, ...] = ()
    """NAME=VALUE: parameters of the recipe, such as `temperature="80 °C"`."""
    tie_lines: int = 9
    """Number of tie lines in the diagram of a film with solvent."""
    out: Path = Path("runs/phase-diagram.png")
    """The figure: PNG, SVG or PDF, by its suffix."""
    json: bool = False
    """Print the result as JSON."""

    def run(self) -> None:
        """Draw the diagram and print its numbers."""
        if self.out.suffix.lower() not in _FORMATS:
            raise InputError(f"{self.out} is no PNG, SVG or PDF; let its name end in .png, .svg or .pdf")
        recipe, units = self._recipe()
        _draw(recipe, self.out, title=self.blend, tie_lines=self.tie_lines)
        numbers = _numbers(recipe, units)
        if self.json:
            show_json({**numbers, "out": str(self.out)})
            return
        for line in _lines(numbers):
            show(line)
        show(f"  {self.out}")

    def _recipe(self) -> tuple[Recipe, Units]:
        """The recipe, with the first values of its schedules, and its scales."""
        if self.blend in MATERIALS:
            film = FilmConfig(material=self.blend, process=self.process, set=self.set)
        else:
            film = FilmConfig(recipe=self._file(), process=self.process, set=self.set)
        return film.film_recipe(), film.film_units()

    def _file(self) -> Path | None:
        """The recipe file.

        Raises:
            InputError: a name that may be a misspelt material.
        """
        if self.blend is None:
            return None
        file = Path(self.blend)
        if not file.suffix and not file.exists():
            raise InputError(
                f"{self.blend} is neither a material nor a TOML file; {did_you_mean(self.blend, MATERIALS)}"
            )
        return file


def _draw(recipe: Recipe, path: Path, *, title: str | None, tie_lines: int) -> None:
    from matplotlib.figure import Figure

    from morphsim.look import look, save_figure
    from morphsim.simulator.thermodynamics import plot_phase_diagram

    with look():
        figure = Figure(figsize=(5.2, 4.9), layout="constrained")
        ax = plot_phase_diagram(recipe, ax=figure.add_subplot(), tie_lines=tie_lines)
        name = recipe.process if title is None else Path(title).stem
        ax.set_title(f"{name}, {recipe.temperature - ZERO_CELSIUS:.4g} °C")
        save_figure(figure, path, dpi=150)


def _numbers(recipe: Recipe, units: Units) -> dict[str, Any]:
    """What the diagram shows, as JSON values; fractions are donor, acceptor and, if any, solvent."""
    from morphsim.simulator.thermodynamics import critical_chi, critical_point, demixing, energy_of
    from morphsim.simulator.thermodynamics.mixture import TernaryMixture

    mixture, found = energy_of(recipe), demixing(recipe)
    with_solvent = isinstance(mixture, TernaryMixture)
    critical = critical_point(mixture) if isinstance(mixture, TernaryMixture) else None
    lengths = [float(length) for length in mixture.chain_lengths[:2]]
    return {
        "process": recipe.process,
        "temperature_K": recipe.temperature,
        "chi": mixture.chi,
        "critical_chi": critical_chi(*lengths),
        "critical_point": None if critical is None else critical.tolist(),
        "start": found.start,
        "end": found.end,
        "binodal": _crossing(recipe, units, found.at_binodal) if with_solvent else None,
        "spinodal": _crossing(recipe, units, found.at_spinodal) if with_solvent else None,
        "phases": None if found.phases is None else found.phases.tolist(),
        "donor_rich_share": found.donor_rich,
    }


def _crossing(recipe: Any, units: Units, composition: Any) -> dict[str, float] | None:
    """Solids content and thickness of a film with a mean composition."""
    if composition is None:
        return None
    solids = float(1.0 - composition[2])
    thickness = recipe.last_thickness * (1.0 - recipe.last_solvent) / solids
    return {"solids": solids, "thickness_nm": thickness * units.length_nm}


def _lines(numbers: dict[str, Any]) -> list[str]:
    """The same for readers."""
    celsius = numbers["temperature_K"] - ZERO_CELSIUS
    lines = [
        f"{numbers['process']} at {celsius:.4g} °C: chi {numbers['chi']:.4g}, "
        f"critical {numbers['critical_chi']:.4g} without solvent"
    ]
    if numbers["critical_point"] is not None:
        lines.append(f"critical point: {_fractions(numbers['critical_point'])}")
    lines.append(f"the film is {numbers['start']} at the start and {numbers['end']} at the end")
    for name, meaning in (("binodal", "phases can coexist"), ("spinodal", "it is unstable")):
        crossing = numbers[name]
        if crossing is not None:
            lines.append(
                f"{meaning} from {100 * crossing['solids']:.3g} % solids, {crossing['thickness_nm']:.4g} nm "
                f"thick ({name})"
            )
    if numbers["phases"] is not None:
        acceptor_rich, donor_rich = numbers["phases"]
        share = 100 * numbers["donor_rich_share"]
        lines.append(f"phases at the end: {share:.3g} % of the volume with {_fractions(donor_rich)}")
        lines.append(f"                   {100 - share:.3g} % of the volume with {_fractions(acceptor_rich)}")
    return lines


def _fractions(composition: list[float]) -> str:
    names = ("donor", "acceptor", "solvent")
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, composition, strict=False))
