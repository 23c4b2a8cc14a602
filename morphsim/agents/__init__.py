"""Agents that steer films: training, storage, and evaluation beside baselines."""

from morphsim.agents.agent import Agent, load_agent
from morphsim.agents.baselines import Policy, RandomPolicy, RecipePolicy
from morphsim.agents.comparison import AgentEvaluation, PolicyResult, SignTest
from morphsim.agents.config import AgentConfig, PPOConfig, SACConfig
from morphsim.agents.curves import Episode
from morphsim.agents.environment import EnvironmentSpec
from morphsim.agents.evaluation import Contestant, EvaluationConfig, evaluate_agent, evaluate_policies
from morphsim.agents.seeds import EVALUATION_SEEDS, TRAINING_SEEDS
from morphsim.agents.training import train_agent
from morphsim.lazy import lazy_names

__all__ = [
    "EVALUATION_SEEDS",
    "TRAINING_SEEDS",
    "Agent",
    "AgentConfig",
    "AgentEvaluation",
    "Contestant",
    "EnvironmentSpec",
    "Episode",
    "EvaluationConfig",
    "PPOConfig",
    "Policy",
    "PolicyResult",
    "RandomPolicy",
    "RecipePolicy",
    "SACConfig",
    "SignTest",
    "evaluate_agent",
    "evaluate_policies",
    "load_agent",
    "train_agent",
]

__getattr__ = lazy_names(__name__, {}, renamed={"Evaluation": "AgentEvaluation"})
