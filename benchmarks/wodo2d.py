"""Dried two-dimensional films against published regimes: columns, percolated network or layers.

    python benchmarks/wodo2d.py [--json] [--pictures FOLDER]

The cases are those of Wodo and Ganapathysubramanian, Comput. Mater. Sci. 55 (2012) 113 (arXiv:1109.3239):
films 2.5 h0 wide on 250 x 100 cells between walls, 75 % solvent, N_f 5, chi 1/0.3/0.3, b 1e-3. Evaporation
(Bi), chain length of the donor (N_p, with the gradient energy scaled as there) or blend are varied. They
found columns when the film dries slowly, a percolated network or layers when it dries faster, and layers
with a long donor or an uneven blend. `published_top` is the donor share of the top tenth in runs of the
finite-element code DiffSim (github.com/prashantkrgupta26/DiffSim_prashant, logs fig4, fig5 and fig6), of
one film each.

A film is classified by two things counted on it, see `_morphology.py`; the criterion was set on drawn
stripes, columns and random networks before any film was looked at. A case is reached if most of its films
are of a published regime. Films of Bi 0.03 lie at the edge of columns: docs/materials.md has shares of films
against Bi, noise and width.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _harness import BenchmarkOptions, Outcome, Target, run, table
from _morphology import COLUMNS, LAYERED, PERCOLATED, Pattern, classify

from morphsim.errors import InputError
from morphsim.frames import to_rgb
from morphsim.look import phase_patches, save_figure, with_look
from morphsim.progress import progress
from morphsim.simulator import DryingRecipe, Simulation

WIDTH = 2.5
SHAPE, SHAPE_WHEN_QUICK = (100, 250), (32, 80)
SEEDS, SEEDS_WHEN_QUICK = (0, 1, 2), (0,)
KAPPA = 2e-4
# The squared interface parameters of the paper for N_p 5, 20 and 100, over that for 5.
KAPPA_SCALE = {5: 1.0, 20: 2.62 / 3.57, 100: 2.05 / 3.57}


@dataclass(frozen=True)
class Case:
    """One published film.

    Attributes:
        name: what is varied.
        bi: Biot number.
        regimes: what was published; one of them is to be found.
        n_donor: chain length of the donor.
        blend_ratio: donor share of the solids.
        published_top: donor share of the solids in the top tenth of DiffSim's film.
    """

    name: str
    bi: float
    regimes: tuple[str, ...]
    n_donor: int = 5
    blend_ratio: float = 0.5
    published_top: float | None = None

    @property
    def recipe(self) -> DryingRecipe:
        """How the film is made."""
        return DryingRecipe(
            solvent=0.75,
            residual_solvent=0.05,
            blend_ratio=self.blend_ratio,
            n_donor=float(self.n_donor),
            n_acceptor=5.0,
            chi=1.0,
            chi_donor_solvent=0.3,
            chi_acceptor_solvent=0.3,
            kappa=KAPPA * KAPPA_SCALE[self.n_donor],
            barrier=1e-3,
            mobility="wodo",
            evaporation=self.bi,
            width=WIDTH,
            boundary="no-flux",
            noise=0.01,
            thermal_noise=1e-9,
            substrate_strength=0.0,
        )


CASES = (
    Case("Bi 0.03", 0.03, (COLUMNS,), published_top=0.487 / (0.487 + 0.477)),
    Case("Bi 0.3", 0.3, (PERCOLATED, LAYERED), published_top=0.712 / (0.712 + 0.249)),
    Case("Bi 3", 3.0, (PERCOLATED, LAYERED), published_top=0.459 / (0.459 + 0.519)),
    Case("N_p 5", 0.4, (PERCOLATED,), published_top=0.465 / (0.465 + 0.504)),
    Case("N_p 20", 0.4, (LAYERED,), n_donor=20, published_top=0.032 / (0.032 + 0.933)),
    Case("N_p 100", 0.4, (LAYERED,), n_donor=100, published_top=0.034 / (0.034 + 0.932)),
    Case("blend 1:0.8", 0.3, (LAYERED,), blend_ratio=1.0 / 1.8, published_top=0.883 / (0.883 + 0.081)),
)


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Dry two-dimensional films and compare their patterns with published regimes."""

    pictures: Path | None = None
    """Folder for a picture of all dried films, wodo2d.png."""


@dataclass(frozen=True)
class Film:
    """A dried film.

    Attributes:
        share: donor share of the solids (H, W); row 0 lies under the surface.
        thickness: [h0].
        time: when it was dry [h0^2/D_s].
        top: donor share of the solids in the top tenth.
        pattern: what is counted on it.
    """

    share: np.ndarray[Any, np.dtype[np.float32]] = field(repr=False)
    thickness: float
    time: float
    top: float
    pattern: Pattern


def dry(case: Case, *, seed: int, shape: tuple[int, int]) -> Film:
    """Dry one film.

    Raises:
        InputError: it is not dry within the duration of its recipe.
    """
    recipe = case.recipe
    simulation = Simulation([recipe], seeds=[seed], shape=shape)
    simulation.advance_to_dryness(1.0, time=recipe.duration)
    if not simulation.dry[0]:
        raise InputError(f"{case.name}: the film is not dry at {recipe.duration:g}; raise its duration")
    share = simulation.donor_share()[0].float().numpy().copy()
    thickness = float(simulation.thickness[0])
    pattern = classify(share, cell=(thickness / shape[0], WIDTH / shape[1]))
    top = float(share[: max(shape[0] // 10, 1)].mean())
    return Film(share, thickness, float(simulation.time[0]), top, pattern)


def measure(options: Options) -> Outcome:
    """Dry and classify every case."""
    if options.pictures is not None and options.pictures.exists() and not options.pictures.is_dir():
        raise InputError(f"{options.pictures} is a file; --pictures needs a folder")
    shape, seeds = (SHAPE_WHEN_QUICK, SEEDS_WHEN_QUICK) if options.quick else (SHAPE, SEEDS)
    films: dict[str, list[Film]] = {}
    with progress("drying", len(CASES) * len(seeds), unit="film") as advance:
        for case in CASES:
            for seed in seeds:
                films.setdefault(case.name, []).append(dry(case, seed=seed, shape=shape))
                advance(note=f"{case.name}: {films[case.name][-1].pattern.regime}")
    results = {case.name: _describe(case, films[case.name]) for case in CASES}
    if options.pictures is not None:
        draw(films, options.pictures / "wodo2d.png")
    reached = sum(found["reached"] for found in results.values())
    rows = [
        (
            name,
            ", ".join(found["regimes"]),
            " or ".join(found["published"]),
            found["upright"],
            found["donor_top"],
            found["published_top"],
            "yes" if found["reached"] else "no",
        )
        for name, found in results.items()
    ]
    header = ("case", "films", "published", "upright", "donor on top", "published", "reached")
    return Outcome(
        results=results,
        targets=[Target("cases in the published regime", reached, ">=", len(CASES))],
        table=table(header, rows),
    )


def _describe(case: Case, films: Sequence[Film]) -> dict[str, Any]:
    regimes = [film.pattern.regime for film in films]
    of_published = sum(regime in case.regimes for regime in regimes)
    return {
        "published": case.regimes,
        "regimes": regimes,
        "regime": Counter(regimes).most_common(1)[0][0],
        "reached": 2 * of_published > len(regimes),
        "upright": float(np.median([film.pattern.upright for film in films])),
        "donor_connected": float(np.median([film.pattern.donor_connected for film in films])),
        "acceptor_connected": float(np.median([film.pattern.acceptor_connected for film in films])),
        "donor_top": float(np.median([film.top for film in films])),
        "published_top": case.published_top,
        "final_time": float(np.median([film.time for film in films])),
        "final_thickness": films[0].thickness,
    }


@with_look
def draw(films: dict[str, list[Film]], path: Path) -> None:
    """Draw all films to scale, a row for each case and a column for each seed, with a bar of h0."""
    from matplotlib.figure import Figure

    columns = max(len(row) for row in films.values())
    figure = Figure(figsize=(4.2 * columns, 0.9 * len(films)), layout="constrained")
    axes = figure.subplots(len(films), columns, squeeze=False)
    for (name, row), line in zip(films.items(), axes, strict=True):
        for film, panel in zip(row, line, strict=True):
            extent = (0.0, WIDTH, 0.0, film.thickness)
            panel.imshow(to_rgb(film.share), extent=extent, aspect="equal")
            panel.set_title(f"{name}: {film.pattern.regime}", fontsize=8, pad=2)
            panel.set_axis_off()
    (bar,) = axes[-1, 0].plot([0.0, 1.0], [-0.08, -0.08], color="black", lw=3, clip_on=False)
    text = axes[-1, 0].text(1.05, -0.08, "h0", va="center", fontsize=8)
    for artist in (bar, text):
        # Else the film above would shrink to make room.
        artist.set_in_layout(False)
    figure.legend(handles=phase_patches(), loc="outside lower right", ncols=2)
    save_figure(figure, path, dpi=120)


if __name__ == "__main__":
    sys.exit(run("wodo2d", Options, measure))
