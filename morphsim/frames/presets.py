"""Data sets by name: the processes, recipes and numbers of films for training and evaluating a metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from morphsim.simulator.processes import ProcessName

PresetName = Literal["annealing-57", "annealing", "annealing-unseen", "drying", "drying-unseen"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The defaults of a data set, all of which can be overridden."""

    summary: str
    """Its purpose, in a line or two."""
    process: ProcessName
    """How its films are made."""
    grid: Mapping[str, tuple[float, ...]]
    """Values of each varied parameter; every combination is a recipe."""
    set: Mapping[str, float] = field(default_factory=dict)
    """Parameters shared by all films."""
    replicas: int = 1
    """Films of each recipe, with different noise."""
    frames: int
    """Snapshots of each film."""
    seed: int
    """Seed of all noise; each preset has its own, so that no two presets share noise."""


# Demixing starts at the free surface, and with weak noise every film ends as flat layers. Stronger
# fluctuations and a finer interface let domains form in the bulk as well, so that recipes differ in more than
# the order of layers, while the substrate still decides which phase covers it.
_DRYING = {"thermal_noise": 3e-7, "kappa": 1e-4, "substrate_strength": 2e-3}

ANNEALING_57 = Preset(
    summary="57 annealed films, as many as a published family has: chi 2.2 to 4.0 x 3 blend ratios",
    process="annealing",
    grid={
        "chi": tuple(round(2.2 + 0.1 * step, 1) for step in range(19)),
        "blend_ratio": (0.5, 0.53, 0.56),
    },
    set={"duration": 2.0},
    frames=255,
    seed=5700,
)
"""57 trajectories of 255 frames, 14,535 in all.

The published family also has 57 trajectories of about 255 frames, 14,541 in all, with chi 2.2 to 4.0 and
blend ratios 0.5 to 0.63. The differences:

- Every film has its own noise; in published frames of such a family, films of equal chi share it.
- Blend ratios end at 0.56. The spinodal lies at `1/phi + 1/(1 - phi) = 2 chi`, and a film with 0.63 at chi
  2.2 lies so close to it that it hardly demixes in the time of the others.
- All combinations of chi and blend ratio are made, in equal steps.
- Films are periodic along x, and frames are equally spaced in the logarithm of time.
- All films share the same scales of length and time.
"""

ANNEALING = Preset(
    summary="annealed films with eight replicas of each recipe, to train on",
    process="annealing",
    grid={
        "chi": (2.3, 2.5, 2.7, 2.9, 3.1, 3.3, 3.5, 3.7, 3.9, 4.1),
        "blend_ratio": (0.5, 0.53, 0.56, 0.6, 0.65),
    },
    replicas=8,
    frames=16,
    seed=5800,
)
"""50 recipes, 400 films, 6,400 frames; films near the spinodal are blank at first."""

ANNEALING_UNSEEN = Preset(
    summary="annealed films between the recipes of `annealing`, with other noise, to evaluate on",
    process="annealing",
    grid={"chi": (2.4, 2.8, 3.2, 3.6, 4.0), "blend_ratio": (0.475, 0.515, 0.575)},
    replicas=12,
    frames=12,
    seed=7900,
)
"""15 recipes, 180 films, 2,160 frames. Neither chi nor blend ratio has a value of `annealing`, and no
blend ratio is one of `annealing-57`."""

DRYING = Preset(
    summary="dried films over evaporation, temperature, blend, chain length and substrate, to train on",
    process="drying",
    grid={
        "evaporation": (0.03, 0.1, 0.3, 1.0, 3.0),
        "temperature": (288.15, 318.15),
        "blend_ratio": (0.4, 0.5, 0.6),
        "n_donor": (5.0, 20.0),
        "substrate_donor": (0.2, 0.8),
    },
    set=_DRYING,
    replicas=4,
    frames=10,
    seed=6000,
)
"""120 recipes, 480 films, 4,800 frames."""

DRYING_UNSEEN = Preset(
    summary="dried films between the recipes of `drying`, with other noise, to evaluate on",
    process="drying",
    grid={
        "evaporation": (0.06, 0.2, 0.6, 2.0),
        "blend_ratio": (0.45, 0.55),
        "substrate_donor": (0.3, 0.7),
    },
    set={"n_donor": 10.0, "temperature": 303.15, **_DRYING},
    replicas=12,
    frames=10,
    seed=8100,
)
"""16 recipes, 192 films, 1,920 frames. All values of the parameters that `drying` varies are new."""

PRESETS: Mapping[PresetName, Preset] = {
    "annealing-57": ANNEALING_57,
    "annealing": ANNEALING,
    "annealing-unseen": ANNEALING_UNSEEN,
    "drying": DRYING,
    "drying-unseen": DRYING_UNSEEN,
}


DEFAULT_ENCODER: tuple[PresetName, ...] = ("annealing", "drying")
"""The training data of the default encoder."""


def preset_help() -> str:
    """A help text that describes each preset."""
    return "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
