"""Phase-field simulation of organic thin films."""

from typing import TYPE_CHECKING

from morphsim.lazy import lazy_names

if TYPE_CHECKING:
    from morphsim.simulator.backends import Backend, BackendName, get_backend
    from morphsim.simulator.chain import Stage, plan_chain, record_chain
    from morphsim.simulator.core.energy import BinaryFloryHuggins, DoubleWell, FreeEnergy, TernaryFloryHuggins
    from morphsim.simulator.core.evaporation import Evaporation
    from morphsim.simulator.core.grid import Grid
    from morphsim.simulator.core.mobility import (
        ConstantMobility,
        FastModeMobility,
        NegiMobility,
        OnsagerMobility,
        SlowModeMobility,
        WodoMobility,
    )
    from morphsim.simulator.core.model import FilmModel
    from morphsim.simulator.core.noise import ThermalNoise
    from morphsim.simulator.core.solver import Solver
    from morphsim.simulator.core.substrate import Substrate
    from morphsim.simulator.errors import SimulationDiverged
    from morphsim.simulator.processes import PROCESSES, find_process, register_process
    from morphsim.simulator.processes.annealing import AnnealingRecipe
    from morphsim.simulator.processes.base import Process, snapshot_times
    from morphsim.simulator.processes.drying import DryingRecipe
    from morphsim.simulator.processes.knob import Knob
    from morphsim.simulator.processes.ternary import TernaryRecipe
    from morphsim.simulator.processes.vapour_annealing import VapourAnnealingRecipe
    from morphsim.simulator.recipe import Recipe
    from morphsim.simulator.recipe_io import load_recipe, process_of, recipe_from_dict
    from morphsim.simulator.record import Snapshot, record_film
    from morphsim.simulator.resample import resample_fields
    from morphsim.simulator.resolution import FinestInterface, cells_across, finest_interface
    from morphsim.simulator.simulation import BatchKey, Simulation, batch_key
    from morphsim.simulator.units import ANNEALING_UNITS, DRYING_UNITS, Units

_PLACES = {
    "ANNEALING_UNITS": "morphsim.simulator.units",
    "AnnealingRecipe": "morphsim.simulator.processes.annealing",
    "Backend": "morphsim.simulator.backends",
    "BackendName": "morphsim.simulator.backends",
    "BatchKey": "morphsim.simulator.simulation",
    "BinaryFloryHuggins": "morphsim.simulator.core.energy",
    "ConstantMobility": "morphsim.simulator.core.mobility",
    "DRYING_UNITS": "morphsim.simulator.units",
    "DoubleWell": "morphsim.simulator.core.energy",
    "DryingRecipe": "morphsim.simulator.processes.drying",
    "Evaporation": "morphsim.simulator.core.evaporation",
    "FastModeMobility": "morphsim.simulator.core.mobility",
    "FilmModel": "morphsim.simulator.core.model",
    "FinestInterface": "morphsim.simulator.resolution",
    "FreeEnergy": "morphsim.simulator.core.energy",
    "Grid": "morphsim.simulator.core.grid",
    "KNOBS": "morphsim.simulator.deprecated",
    "Knob": "morphsim.simulator.processes.knob",
    "NegiMobility": "morphsim.simulator.core.mobility",
    "OnsagerMobility": "morphsim.simulator.core.mobility",
    "PROCESSES": "morphsim.simulator.processes",
    "Process": "morphsim.simulator.processes.base",
    "Recipe": "morphsim.simulator.recipe",
    "Simulation": "morphsim.simulator.simulation",
    "SimulationDiverged": "morphsim.simulator.errors",
    "SlowModeMobility": "morphsim.simulator.core.mobility",
    "Snapshot": "morphsim.simulator.record",
    "Solver": "morphsim.simulator.core.solver",
    "Stage": "morphsim.simulator.chain",
    "Substrate": "morphsim.simulator.core.substrate",
    "TernaryFloryHuggins": "morphsim.simulator.core.energy",
    "TernaryRecipe": "morphsim.simulator.processes.ternary",
    "ThermalNoise": "morphsim.simulator.core.noise",
    "Units": "morphsim.simulator.units",
    "VapourAnnealingRecipe": "morphsim.simulator.processes.vapour_annealing",
    "WodoMobility": "morphsim.simulator.core.mobility",
    "batch_key": "morphsim.simulator.simulation",
    "cells_across": "morphsim.simulator.resolution",
    "find_process": "morphsim.simulator.processes",
    "finest_interface": "morphsim.simulator.resolution",
    "get_backend": "morphsim.simulator.backends",
    "load_recipe": "morphsim.simulator.recipe_io",
    "plan_chain": "morphsim.simulator.chain",
    "process_of": "morphsim.simulator.recipe_io",
    "recipe_from_dict": "morphsim.simulator.recipe_io",
    "record_chain": "morphsim.simulator.chain",
    "record_film": "morphsim.simulator.record",
    "register_process": "morphsim.simulator.processes",
    "resample_fields": "morphsim.simulator.resample",
    "snapshot_times": "morphsim.simulator.processes.base",
}

__all__ = [
    "ANNEALING_UNITS",
    "DRYING_UNITS",
    "PROCESSES",
    "AnnealingRecipe",
    "Backend",
    "BackendName",
    "BatchKey",
    "BinaryFloryHuggins",
    "ConstantMobility",
    "DoubleWell",
    "DryingRecipe",
    "Evaporation",
    "FastModeMobility",
    "FilmModel",
    "FinestInterface",
    "FreeEnergy",
    "Grid",
    "Knob",
    "NegiMobility",
    "OnsagerMobility",
    "Process",
    "Recipe",
    "Simulation",
    "SimulationDiverged",
    "SlowModeMobility",
    "Snapshot",
    "Solver",
    "Stage",
    "Substrate",
    "TernaryFloryHuggins",
    "TernaryRecipe",
    "ThermalNoise",
    "Units",
    "VapourAnnealingRecipe",
    "WodoMobility",
    "batch_key",
    "cells_across",
    "find_process",
    "finest_interface",
    "get_backend",
    "load_recipe",
    "plan_chain",
    "process_of",
    "recipe_from_dict",
    "record_chain",
    "record_film",
    "register_process",
    "resample_fields",
    "snapshot_times",
]

# Loaded on first use: frames and encoders need the names of processes but not the solver.
__getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
