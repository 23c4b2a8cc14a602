"""What decides the pattern of each material's films: variants of closure, noise, substrate and parameters.

    python benchmarks/materials.py [--material NAME ...] [--json]

Films of every shipped drying material, and of variants in which something was changed, are dried on a few
seeds. Medians are given of the quantities that cards of materials are about (`measure_film`): which phase
lies under the surface, whether domains are columns or layers, their spacing, how much acceptor stays
dissolved; of the regime as in `_morphology.py`, of the donor share at the top and of the drying time.
"first version" is the material as it was before its parameters were settled by sources. The findings of each
material (`Material.findings`) are compared with the shipped parameters.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _harness import BenchmarkOptions, Outcome, Target, run, table
from _morphology import classify

from morphsim.errors import InputError
from morphsim.progress import progress
from morphsim.simulator import Simulation
from morphsim.simulator.materials import MATERIALS, Material, material, measure_film

SHAPE, SHAPE_WHEN_QUICK = (100, 400), (30, 60)
SEEDS, SEEDS_WHEN_QUICK = (0, 1, 2), (0,)
SHIPPED = "as shipped"
_TOP = 0.05

_FIRST_P3HT: dict[str, Any] = {
    "chi": 0.86,
    "kappa": 1e-4,
    "barrier": 1e-3,
    "mobility": "wodo",
    "solid_diffusivity": 1e-3,
    "evaporation": 0.03,
    "width": 2.0,
    "substrate_strength": 0.0,
    "thermal_noise": 1e-9,
}
_LATER_P3HT = {**_FIRST_P3HT, "thermal_noise": 1e-7}
_WODO_VARIANTS: dict[str, dict[str, Any]] = {
    SHIPPED: {},
    "thermal noise 1e-9": {"thermal_noise": 1e-9},
    "Bi 0.03": {"evaporation": 0.03, "duration": 1e5},
    "Bi 0.003": {"evaporation": 0.003, "duration": 1e5},
    "Bi 3": {"evaporation": 3.0},
}
VARIANTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "p3ht-pcbm": {
        SHIPPED: {},
        "first version": _FIRST_P3HT,
        "first version, thermal noise 1e-7": _LATER_P3HT,
        "first version, noise, negi": {**_LATER_P3HT, "mobility": "negi"},
        "first version, noise, onsager": {**_LATER_P3HT, "mobility": "onsager"},
        "first version, noise, fast-mode": {**_LATER_P3HT, "mobility": "fast-mode"},
        "first version, noise, Bi 6.6e-5": {**_LATER_P3HT, "evaporation": 6.6e-5},
        "first version, noise, Bi 6.6e-5, chi 0.25": {**_LATER_P3HT, "evaporation": 6.6e-5, "chi": 0.25},
        "wodo": {"mobility": "wodo", "solid_diffusivity": 1e-3},
        "onsager": {"mobility": "onsager"},
        "slow-mode": {"mobility": "slow-mode"},
        "Zimm chains, v 0.6": {"diffusivity_exponent": 0.6},
        "solid diffusivity 1e-3": {"solid_diffusivity": 1e-3},
        "chi 0.143 (0.86 per PCBM)": {"chi": 0.143},
        "chi 0.2": {"chi": 0.2},
        "chi 0.3": {"chi": 0.3},
        "neutral substrate": {"substrate_strength": 0.0},
        "substrate prefers P3HT": {"substrate_donor": 0.8},
        "substrate ten times stronger": {"substrate_strength": 1e-3},
        "thermal noise 1e-9": {"thermal_noise": 1e-9},
        "N 50": {"n_donor": 50.0},
        "N 500": {"n_donor": 500.0},
        "kappa 4e-5": {"kappa": 4e-5},
        "ten times faster": {"evaporation": 6.6e-4},
    },
    "pdpp5t-pcbm": {
        SHIPPED: {},
        "first version": {"thermal_noise": 1e-9},
        "thermal noise 1e-7": {"thermal_noise": 1e-7},
        "500 rpm": {"evaporation": 0.0019},
        "6000 rpm": {"evaporation": 0.0073},
        "wodo": {"mobility": "wodo"},
        "onsager": {"mobility": "onsager"},
        "fast-mode": {"mobility": "fast-mode"},
        "kappa 4e-5": {"kappa": 4e-5},
        "substrate prefers PCBM": {"substrate_strength": 1e-4, "substrate_donor": 0.2},
    },
    "wodo-model": _WODO_VARIANTS,
    "wodo-model-n20": _WODO_VARIANTS,
    "wodo-model-n100": _WODO_VARIANTS,
}


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Dry films of materials and of variants."""

    material: tuple[str, ...] = ()
    """Names of drying materials (default: all)."""


def dry(entry: Material, changes: Mapping[str, Any], *, seeds: Sequence[int], shape: tuple[int, int]) -> Any:
    """Dry films of a material and describe them; a text where the solver can't."""
    recipe = entry.drying_recipe(**changes)
    found = []
    for seed in seeds:
        film = Simulation([recipe], seeds=[seed], shape=shape)
        film.advance_to_dryness(1.0, time=recipe.duration, tolerate=True)
        if not film.dry[0]:
            return f"not dry at time {film.time[0]:.3g}, dryness {film.dryness[0]:.2f}"
        share, thickness = film.donor_share()[0].double().numpy(), float(film.thickness[0])
        measured = measure_film(recipe, share, thickness=thickness, units=entry.units)
        pattern = classify(share, cell=(thickness / shape[0], recipe.width / shape[1]))
        found.append(
            {**measured}
            | {
                "regime": pattern.regime,
                "donor on top": float(share[: max(1, round(_TOP * shape[0]))].mean()),
                "contrast": float(share.std()),
                "drying time": float(film.time[0]) * entry.units.time_s,
            }
        )
    medians = {key: float(np.median([each[key] for each in found])) for key in found[0] if key != "regime"}
    regimes = Counter(each["regime"] for each in found)
    return medians | {"regimes": ", ".join(f"{count} {name}" for name, count in regimes.most_common())}


def measure(options: Options) -> Outcome:
    """Dry and describe every variant of every material."""
    names = options.material or tuple(VARIANTS)
    for name in names:
        if name not in VARIANTS:
            raise InputError(f"{name} has no variants here; use some of {', '.join(VARIANTS)}")
    shape, seeds = (SHAPE_WHEN_QUICK, SEEDS_WHEN_QUICK) if options.quick else (SHAPE, SEEDS)
    results: dict[str, Any] = {}
    plan = [(name, variant) for name in names for variant in _variants(name, options.quick)]
    with progress("drying", len(plan), unit="variant") as advance:
        for name, variant in plan:
            changes = VARIANTS[name][variant]
            found = dry(material(name), changes, seeds=seeds, shape=shape)
            described = {"failed": found} if isinstance(found, str) else found
            results.setdefault(name, {})[variant] = {"changes": dict(changes), **described}
            advance(note=f"{name}: {variant}")
    return Outcome(
        results=results,
        targets=[_target(MATERIALS[name], results[name][SHIPPED]) for name in names],
        table=_table(results),
    )


def _variants(name: str, quick: bool) -> list[str]:
    return list(VARIANTS[name])[:1] if quick else list(VARIANTS[name])


def _target(entry: Material, shipped: Mapping[str, Any]) -> Target:
    right = [
        finding.agrees(shipped.get(finding.quantity, float("nan"))) == finding.shown
        for finding in entry.findings
    ]
    return Target(f"{entry.name}: findings as its card says", sum(right), ">=", len(right))


def _table(results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    columns = {
        "donor on top": "top",
        "surface excess": "excess",
        "lateral share": "lateral",
        "upright share": "upright",
        "spacing": "spacing [nm]",
        "acceptor in donor phase": "dissolved",
        "contrast": "contrast",
        "drying time": "time [s]",
    }
    rows = [
        (
            f"{name}: {variant}",
            found.get("regimes", found.get("failed")),
            *(found.get(key) for key in columns),
        )
        for name, variants in results.items()
        for variant, found in variants.items()
    ]
    return table(("variant", "films", *columns.values()), [[_short(cell) for cell in row] for row in rows])


def _short(cell: object) -> object:
    return float(f"{cell:.2g}") if isinstance(cell, float) and np.isfinite(cell) else cell


if __name__ == "__main__":
    sys.exit(run("materials", Options, measure))
