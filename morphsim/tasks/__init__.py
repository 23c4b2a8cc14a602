"""Tasks: environments that are whole by their id, with targets, reward and observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from morphsim.lazy import lazy_names
from morphsim.tasks.family import SPLITS, TASKS, Split, Task, find_task

if TYPE_CHECKING:
    from morphsim.tasks.environment import make_task, make_vector_task
    from morphsim.tasks.films import Film, MadeFilm, film_environment, make_film, make_films
    from morphsim.tasks.schedules import random_schedule
    from morphsim.tasks.targets import TargetSet, load_targets

__all__ = [
    "SPLITS",
    "TASKS",
    "Film",
    "MadeFilm",
    "Split",
    "TargetSet",
    "Task",
    "film_environment",
    "find_task",
    "load_targets",
    "make_film",
    "make_films",
    "make_task",
    "make_vector_task",
    "random_schedule",
]

# The wrappers and the encoder are imported when a task is made, so that tasks are registered quickly.
__getattr__ = lazy_names(
    __name__,
    {
        "Film": "morphsim.tasks.films",
        "MadeFilm": "morphsim.tasks.films",
        "TargetSet": "morphsim.tasks.targets",
        "film_environment": "morphsim.tasks.films",
        "load_targets": "morphsim.tasks.targets",
        "make_film": "morphsim.tasks.films",
        "make_films": "morphsim.tasks.films",
        "make_task": "morphsim.tasks.environment",
        "make_vector_task": "morphsim.tasks.environment",
        "random_schedule": "morphsim.tasks.schedules",
    },
)
