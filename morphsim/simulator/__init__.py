"""Phase-field simulation of organic thin films: drying and annealing."""

from morphsim.simulator.errors import SimulationDiverged
from morphsim.simulator.recipe import AnnealingRecipe, DryingRecipe, Recipe, load_recipe, recipe_from_dict
from morphsim.simulator.record import Snapshot, record_film, snapshot_times
from morphsim.simulator.simulation import KNOBS, Simulation
from morphsim.simulator.units import ANNEALING_UNITS, DRYING_UNITS, Units

__all__ = [
    "ANNEALING_UNITS",
    "DRYING_UNITS",
    "KNOBS",
    "AnnealingRecipe",
    "DryingRecipe",
    "Recipe",
    "Simulation",
    "SimulationDiverged",
    "Snapshot",
    "Units",
    "load_recipe",
    "recipe_from_dict",
    "record_film",
    "snapshot_times",
]
