"""Thermodynamics of mixtures: phases, stability, interfaces, phase diagrams."""

from morphsim.simulator.thermodynamics.demixing import Demixing, demixing, tie_line_through
from morphsim.simulator.thermodynamics.interface import Interface, interface
from morphsim.simulator.thermodynamics.mixture import (
    BinaryMixture,
    DoubleWellMixture,
    TernaryMixture,
    energy_of,
)
from morphsim.simulator.thermodynamics.phase_diagram import film_path, plot_phase_diagram
from morphsim.simulator.thermodynamics.phases import binodal, critical_chi, critical_point, spinodal
from morphsim.simulator.thermodynamics.stability import (
    FastestWave,
    fastest_wave,
    growth_rate,
    represented_depth,
)

__all__ = [
    "BinaryMixture",
    "Demixing",
    "DoubleWellMixture",
    "FastestWave",
    "Interface",
    "TernaryMixture",
    "binodal",
    "critical_chi",
    "critical_point",
    "demixing",
    "energy_of",
    "fastest_wave",
    "film_path",
    "growth_rate",
    "interface",
    "plot_phase_diagram",
    "represented_depth",
    "spinodal",
    "tie_line_through",
]
