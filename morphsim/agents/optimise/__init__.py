"""Search for a recipe or a schedule whose films come near to a target."""

from morphsim.agents.optimise.config import OptimiseConfig
from morphsim.agents.optimise.distance import TargetDistance
from morphsim.agents.optimise.laboratory import Exchange, exchange
from morphsim.agents.optimise.run import Optimum, optimise_recipe
from morphsim.agents.optimise.search import Candidate, RecipeSearch
from morphsim.agents.optimise.space import KnobSpace

__all__ = [
    "Candidate",
    "Exchange",
    "KnobSpace",
    "OptimiseConfig",
    "Optimum",
    "RecipeSearch",
    "TargetDistance",
    "exchange",
    "optimise_recipe",
]
