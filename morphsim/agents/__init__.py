"""Agents that steer films: training, storage, and evaluation beside baselines."""

from morphsim.agents.agent import Agent
from morphsim.agents.baselines import Policy, RandomPolicy, RecipePolicy
from morphsim.agents.comparison import AgentEvaluation, PolicyResult, SignTest
from morphsim.agents.config import AgentConfig, PPOConfig, SACConfig
from morphsim.agents.curves import Episode
from morphsim.agents.environment import EnvironmentSpec
from morphsim.agents.evaluation import Contestant, EvaluationConfig, evaluate_agent, evaluate_policies
from morphsim.agents.loading import load_agent
from morphsim.agents.seeds import EVALUATION_SEEDS, TRAINING_SEEDS
from morphsim.agents.steering.agent import SteeringAgent
from morphsim.agents.steering.config import SteeringConfig
from morphsim.agents.steering.training import train_steering_agent
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
    "SteeringAgent",
    "SteeringConfig",
    "evaluate_agent",
    "evaluate_policies",
    "load_agent",
    "train_agent",
    "train_steering_agent",
]

__getattr__ = lazy_names(__name__, {}, renamed={"Evaluation": "AgentEvaluation"})
