"""Phase-field simulation of organic thin films: drying and annealing."""

from morphsim.simulator.backends import Backend, BackendName, get_backend
from morphsim.simulator.core.energy import BinaryFloryHuggins, DoubleWell, FreeEnergy, TernaryFloryHuggins
from morphsim.simulator.core.evaporation import Evaporation
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.mobility import ConstantMobility, NegiMobility, OnsagerMobility, WodoMobility
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.solver import Solver
from morphsim.simulator.core.substrate import Substrate
from morphsim.simulator.errors import SimulationDiverged
from morphsim.simulator.process import KNOBS
from morphsim.simulator.recipe import AnnealingRecipe, DryingRecipe, Recipe, load_recipe, recipe_from_dict
from morphsim.simulator.record import Snapshot, record_film, snapshot_times
from morphsim.simulator.simulation import BatchKey, Simulation, batch_key
from morphsim.simulator.units import ANNEALING_UNITS, DRYING_UNITS, Units

__all__ = [
    "ANNEALING_UNITS",
    "DRYING_UNITS",
    "KNOBS",
    "AnnealingRecipe",
    "Backend",
    "BackendName",
    "BatchKey",
    "BinaryFloryHuggins",
    "ConstantMobility",
    "DoubleWell",
    "DryingRecipe",
    "Evaporation",
    "FilmModel",
    "FreeEnergy",
    "Grid",
    "NegiMobility",
    "OnsagerMobility",
    "Recipe",
    "Simulation",
    "SimulationDiverged",
    "Snapshot",
    "Solver",
    "Substrate",
    "TernaryFloryHuggins",
    "ThermalNoise",
    "Units",
    "WodoMobility",
    "batch_key",
    "get_backend",
    "load_recipe",
    "recipe_from_dict",
    "record_film",
    "snapshot_times",
]
