"""Gymnasium environments around the simulator."""

from morphsim.envs.annealing import AnnealingEnv
from morphsim.envs.drying import DryingEnv
from morphsim.envs.film import FilmEnv
from morphsim.envs.knobs import Knob, Panel
from morphsim.envs.replay import FrameReplayEnv
from morphsim.envs.vector import VectorAnnealingEnv, VectorDryingEnv, VectorFilmEnv

__all__ = [
    "AnnealingEnv",
    "DryingEnv",
    "FilmEnv",
    "FrameReplayEnv",
    "Knob",
    "Panel",
    "VectorAnnealingEnv",
    "VectorDryingEnv",
    "VectorFilmEnv",
]
