"""A schedule: profiles of some of the knobs of a process."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from morphsim.errors import InputError
from morphsim.simulator.core.arrival import ARRIVED
from morphsim.simulator.recipe import Recipe, celsius_hint
from morphsim.simulator.recipe_io import process_of
from morphsim.simulator.schedules.profile import Profile
from morphsim.suggest import did_you_mean


@dataclass(frozen=True)
class Schedule:
    """What knobs do while a film is made; a knob without a profile keeps the value of the recipe.

    Attributes:
        profiles: of some knobs, by name.

    >>> from morphsim.simulator import AnnealingRecipe
    >>> schedule = Schedule({"temperature": Profile((0.0, 0.05), (320.0, 400.0), ramp=True)})
    >>> schedule.started(AnnealingRecipe()).temperature
    320.0
    """

    profiles: Mapping[str, Profile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, profile in self.profiles.items():
            if not isinstance(profile, Profile):
                raise InputError(f"the schedule of {name} is {profile!r}; give a Profile")

    def __bool__(self) -> bool:
        return bool(self.profiles)

    def started(self, recipe: Recipe) -> Recipe:
        """The recipe with the first set-points as its knobs.

        Raises:
            InputError: the schedule does not fit the recipe: an unknown knob, a value out of range, a time
                beyond its duration, or a dryness of films that don't dry.
        """
        process = process_of(recipe)
        knobs = [knob.name for knob in process.knobs]
        for name, profile in self.profiles.items():
            if name not in knobs:
                raise InputError(
                    f"{process.name} has no knob {name!r} to schedule; {did_you_mean(name, knobs)}"
                )
            _check_values(recipe, name, profile)
            if profile.over == "dryness" and process.clock != "dryness":
                raise InputError(
                    f"the schedule of {name} is over dryness, but films of {process.name} don't dry; give it "
                    "over time"
                )
            last = profile.points[-1]
            if profile.over == "time" and last > recipe.duration * (1.0 + ARRIVED):
                raise InputError(
                    f"the schedule of {name} goes on to {last:g} {process.time_unit}, beyond the duration "
                    f"{recipe.duration:g}; shorten it, or raise duration"
                )
        first = {name: profile.values[0] for name, profile in self.profiles.items()}
        return dataclasses.replace(recipe, **first) if first else recipe  # type: ignore[arg-type]


def _check_values(recipe: Recipe, name: str, profile: Profile) -> None:
    metadata = type(recipe).__dataclass_fields__[name].metadata
    low, high = metadata["range"]
    unit = metadata.get("unit", "")
    for value in profile.values:
        if not low <= value <= high:
            raise InputError(
                f"the schedule of {name} has the value {value:g} {unit}".rstrip()
                + f"; it must lie from {low:g} to {high:g} {unit}".rstrip()
                + celsius_hint(value, low, high, unit)
            )
