"""Episodes of tasks as data sets of Minari, for learning from stored films."""

from morphsim.agents.episodes.config import EpisodesConfig
from morphsim.agents.episodes.policies import PredictPolicy
from morphsim.agents.episodes.record import record_episodes
from morphsim.agents.episodes.report import EpisodesReport, PolicySummary

__all__ = ["EpisodesConfig", "EpisodesReport", "PolicySummary", "PredictPolicy", "record_episodes"]
