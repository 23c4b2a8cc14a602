"""A drying film whose evaporation, vapour and temperature an agent sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from morphsim.envs.film import FilmEnv
from morphsim.envs.knobs import Knob
from morphsim.simulator import DRYING_UNITS, DryingRecipe, Recipe, Simulation, Units
from morphsim.simulator.solver import TOLERANCE

# A film counts as arrived when it is this share of a step short of a goal: thickness is met to 1e-4.
_SAME = 1e-2


class DryingEnv(FilmEnv):
    """`morphsim/Drying-v0`: a donor/acceptor/solvent film dries; the agent sets how.

    ## Action space
    `Box(-1, 1, (3,), float32)`, or fewer with `knobs`:

    | knob | from -1 to 1 | scale | unit |
    |---|---|---|---|
    | `evaporation` | 0.03 to 3 | logarithmic | Biot number at the reference temperature |
    | `ambient_vapour` | 0 to 0.6 | linear | solvent share that the vapour would balance |
    | `temperature` | 288.15 to 338.15 | linear | K |

    ## Observation space
    `Box(0, 255, (1, H, W), uint8)`: 255 where the donor's share of the solids reaches the threshold, else 0.
    Row 0 lies under the free surface, the last row on the substrate; the frame spans the present thickness.

    ## Rewards
    0.0. Wrap it with `morphsim.LatentRewardWrapper`, or any reward of yours.

    ## Starting state
    A mixed film of the recipe, with noise from a seed drawn from the environment's generator.

    ## Steps and episode end
    Each step ends when the dryness (the evaporated share of the solvent that must leave) has come to the
    next multiple of 1/`steps`, or after `longest_step` of time. Terminated when the film is dry; truncated
    after `limit` steps, or when the simulator can't advance the film.

    ## Info
    `time_s`, `thickness_nm`, `temperature_K`, `evaporation_nm_per_s` (of a surface of pure solvent, at the
    present temperature), `ambient_vapour`, `dryness`, `step_fraction`, `film_seed`, `boundary`, `diverged`.

    ## Arguments
    `recipe`: a `DryingRecipe`, a dict of its parameters or a TOML file. `shape`: (H, W) cells. `steps`.
    `limit`: twice `steps` by default. `longest_step` [h0^2/D_s]: 5 % of the recipe's duration by default.
    `knobs`: names of those that the agent turns; the others stay as the recipe has them. `ranges`: other
    (low, high) by knob. `units`: for `info`. `threshold`. `tolerance`: of the simulator. `device`.
    `render_mode`: None or "rgb_array".

    ## Version history
    v0: first version.

    >>> import gymnasium as gym
    >>> env = gym.make("morphsim:morphsim/Drying-v0", shape=(32, 128), knobs=["evaporation"])
    >>> frame, info = env.reset(seed=1)
    >>> frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    process = "drying"
    available_knobs = (
        Knob("evaporation", 0.03, 3.0, logarithmic=True),
        Knob("ambient_vapour", 0.0, 0.6),
        Knob("temperature", 288.15, 338.15),
    )

    def __init__(
        self,
        *,
        recipe: DryingRecipe | Mapping[str, Any] | str | Path | None = None,
        shape: Sequence[int] = (100, 400),
        steps: int = 20,
        limit: int | None = None,
        longest_step: float | None = None,
        knobs: Sequence[str] | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        units: Units = DRYING_UNITS,
        threshold: float = 0.5,
        tolerance: float = TOLERANCE,
        device: str = "cpu",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(
            recipe=recipe,
            shape=shape,
            steps=steps,
            limit=2 * steps if limit is None else limit,
            knobs=knobs,
            ranges=ranges,
            units=units,
            threshold=threshold,
            tolerance=tolerance,
            device=device,
            render_mode=render_mode,
        )
        self.longest_step = longest_step

    def _advance(self, film: Simulation) -> None:
        recipe: Recipe = film.recipes[0]
        assert isinstance(recipe, DryingRecipe)
        longest = 0.05 * recipe.duration if self.longest_step is None else self.longest_step
        goal = (np.floor(film.dryness[0] * self.steps + _SAME) + 1.0) / self.steps
        film.advance_to_dryness(min(float(goal), 1.0), time=float(film.time[0]) + longest)

    def _finished(self, film: Simulation) -> bool:
        return bool(film.dry[0])

    def _process_info(self, film: Simulation) -> dict[str, Any]:
        return {
            "evaporation_nm_per_s": self.units.evaporation_nm_per_s(float(film.biot[0])),
            "ambient_vapour": float(film.knobs["ambient_vapour"][0]),
            "dryness": float(film.dryness[0]),
        }
