"""The tasks by name: what happens to the film, what is known of it, and what counts as solved.

Nothing heavy is imported here, since the tasks are registered when `morphsim` is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from morphsim.errors import InputError
from morphsim.suggest import did_you_mean

Split = Literal["train", "validation", "test", "goals"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "goals")
"""Targets to learn from, to choose by, to judge by, and five by name."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task: an environment, its targets and its reward, whole by its name.

    A change that makes results differ gets a new version, as with Gymnasium's own environments.
    """

    name: str
    """The name without the prefix of the package, such as `Drying-v1`."""
    summary: str
    """What the agent does, and what it does not know."""
    process: str
    """The process of the films."""
    targets: str
    """Name of its set of targets."""
    targets_hash: str
    """SHA-256 of the content of that set."""
    reward_threshold: float | None
    """Mean return over the validation targets of the target's own actions, on the target's own material with
    new noise."""
    arguments: Mapping[str, Any]
    """Arguments of the process's environment."""
    hidden: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Parameters that are drawn for each film and not observed, as `randomize` takes them."""
    drafts: float = 0.0
    """Standard deviation of the logarithm of drafts, see `DryingEnv`."""
    encoder: str = "default"
    """Name of the encoder of its frames."""
    shape: tuple[int, int] = (100, 400)
    """(H, W) of its frames."""
    steps: int
    """Largest number of steps of an episode."""

    @property
    def id(self) -> str:
        """The name for `gymnasium.make`, which imports the package."""
        return f"morphsim:morphsim/{self.name}"


# The interaction depends on the temperature as strongly as that of a blend whose critical point lies within
# reach: chi falls from 1.27 at 283 K to 0.54 at 328 K, so that a ramp decides when the film demixes.
_STEEP = {"chi_slope": 1500.0}
_DRYING = {
    "recipe": _STEEP,
    "pace": "deciding",
    "finish": True,
    "limit": 16,
    # Biot numbers stay below 17 at any coefficient. Faster drying of an almost dry film makes a skin that is
    # thinner than a cell, and takes minutes to simulate.
    "ranges": {
        "evaporation": (0.03, 2.0),
        "ambient_vapour": (0.0, 0.5),
        "temperature": (283.15, 328.15),
    },
    "sensors": ("dryness", "drying_rate", "time", "step_fraction", "last_actions"),
}
# The coefficient is a factor, so it is drawn evenly in its logarithm, from 0.5 to 2.
_COEFFICIENTS = tuple(round(0.5 * 4.0 ** (step / 40), 4) for step in range(41))
_HIDDEN = {
    "evaporation_coefficient": _COEFFICIENTS,
    "blend_ratio": (0.47, 0.53),
    "chi": (0.9, 1.1),
    "n_donor": (16.0, 25.0),
    "n_acceptor": (4.0, 6.25),
}

_UNKNOWN = Task(
    name="DryingUnknown-v1",
    summary="as Drying-v1, but evaporation coefficient, blend, chi and chain lengths are hidden",
    process="drying",
    targets="drying-unknown",
    targets_hash="ddc5f0bb887f7bc3204af43a553fc4da32f8565d11cb3d79c0ae211ab39c8efb",
    reward_threshold=1.26,
    arguments=_DRYING,
    hidden=_HIDDEN,
    steps=16,
)

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="Drying-v1",
            summary="a wet film of known material dries; evaporation, vapour and temperature",
            process="drying",
            targets="drying",
            targets_hash="aabb5e5464e3065709129832c0282bd140f91215f86c7db0d4645c1b7110d5a0",
            reward_threshold=1.88,
            arguments=_DRYING,
            steps=16,
        ),
        _UNKNOWN,
        replace(
            _UNKNOWN,
            name="DryingDisturbed-v1",
            summary="as DryingUnknown-v1, with drafts that change the evaporation from step to step",
            drafts=0.3,
        ),
        Task(
            name="Annealing-v1",
            summary="a dry film of unknown blend and chi is annealed; temperature",
            process="annealing",
            targets="annealing",
            targets_hash="396b8ceceae828ce38976de8a06322f729ad78b6dab75d1ebe12d1bb2f3e55e4",
            reward_threshold=1.14,
            arguments={
                "steps": 12,
                "sensors": ("time", "step_fraction", "last_actions"),
            },
            hidden={"blend_ratio": (0.47, 0.53), "chi": (2.8, 3.2)},
            steps=12,
        ),
        Task(
            name="VapourAnnealing-v1",
            summary="a film that dried fast swells in vapour and coarsens; vapour and temperature",
            process="vapour-annealing",
            targets="vapour-annealing",
            targets_hash="ef34875ebfe45e1246d4e8ae7fe1cc409d43bea975750cbf3fa86338fb11e991",
            reward_threshold=0.49,
            arguments={
                "recipe": {"duration": 200.0, **_STEEP},
                "start": {"process": "drying", "evaporation": 2.0, **_STEEP},
                # Without vapour nothing happens.
                "ranges": {"ambient_vapour": (0.1, 0.6)},
                "steps": 12,
                "sensors": ("solvent", "thickness", "time", "step_fraction", "last_actions"),
            },
            hidden={"evaporation_coefficient": _COEFFICIENTS, "activation_energy": (8.0, 16.0)},
            steps=12,
        ),
    )
}


def find_task(name: str) -> Task:
    """The task called `name`, such as `Drying-v1`.

    Raises:
        InputError: there is none.
    """
    bare = name.rpartition("/")[2]
    if bare not in TASKS:
        raise InputError(f"there is no task {name!r}; {did_you_mean(bare, TASKS)}")
    return TASKS[bare]
