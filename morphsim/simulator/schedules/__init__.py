"""Schedules: knobs that change while a film is made, in steps and ramps over time or dryness."""

from typing import TYPE_CHECKING

from morphsim.lazy import lazy_names

if TYPE_CHECKING:
    from morphsim.simulator.schedules.profile import Profile
    from morphsim.simulator.schedules.read import read_schedule, schedule_from_dict
    from morphsim.simulator.schedules.schedule import Schedule
    from morphsim.simulator.schedules.steps import Step, Steps, Trace

_PLACES = {
    "Profile": "morphsim.simulator.schedules.profile",
    "Schedule": "morphsim.simulator.schedules.schedule",
    "Step": "morphsim.simulator.schedules.steps",
    "Steps": "morphsim.simulator.schedules.steps",
    "Trace": "morphsim.simulator.schedules.steps",
    "read_schedule": "morphsim.simulator.schedules.read",
    "schedule_from_dict": "morphsim.simulator.schedules.read",
}

__all__ = ["Profile", "Schedule", "Step", "Steps", "Trace", "read_schedule", "schedule_from_dict"]

__getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
