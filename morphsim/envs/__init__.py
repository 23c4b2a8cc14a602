"""Gymnasium environments around the simulator."""

from morphsim.envs.annealing import AnnealingEnv, VectorAnnealingEnv
from morphsim.envs.drying import DryingEnv, VectorDryingEnv
from morphsim.envs.film import FilmEnv
from morphsim.envs.knobs import Panel
from morphsim.envs.replay import FrameReplayEnv
from morphsim.envs.vapour_annealing import VapourAnnealingEnv, VectorVapourAnnealingEnv
from morphsim.envs.vector import VectorFilmEnv
from morphsim.simulator import Knob

__all__ = [
    "AnnealingEnv",
    "DryingEnv",
    "FilmEnv",
    "FrameReplayEnv",
    "Knob",
    "Panel",
    "VapourAnnealingEnv",
    "VectorAnnealingEnv",
    "VectorDryingEnv",
    "VectorFilmEnv",
    "VectorVapourAnnealingEnv",
]
