"""Gymnasium environments around the simulator."""

from morphsim.envs.annealing import AnnealingEnv
from morphsim.envs.drying import DryingEnv
from morphsim.envs.film import FilmEnv
from morphsim.envs.knobs import Knob, Panel
from morphsim.envs.vector import VectorAnnealingEnv, VectorDryingEnv, VectorFilmEnv

__all__ = [
    "AnnealingEnv",
    "DryingEnv",
    "FilmEnv",
    "Knob",
    "Panel",
    "VectorAnnealingEnv",
    "VectorDryingEnv",
    "VectorFilmEnv",
]
