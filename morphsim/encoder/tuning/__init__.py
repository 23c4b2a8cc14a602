"""Search for the settings of an encoder by many short trainings."""

from morphsim.encoder.tuning.config import TuningConfig
from morphsim.encoder.tuning.search import BEST, Tuned, tune_encoder

__all__ = ["BEST", "Tuned", "TuningConfig", "tune_encoder"]
