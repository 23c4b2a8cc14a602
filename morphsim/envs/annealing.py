"""A dry film whose annealing temperature an agent sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from morphsim.envs.film import FilmEnv
from morphsim.envs.knobs import Knob
from morphsim.simulator import ANNEALING_UNITS, AnnealingRecipe, Simulation, Units, snapshot_times
from morphsim.simulator.solver import TOLERANCE


class AnnealingEnv(FilmEnv):
    """`morphsim/Annealing-v0`: a quenched donor/acceptor film coarsens; the agent sets its temperature.

    ## Action space
    `Box(-1, 1, (1,), float32)`: `temperature` from 303.15 to 453.15 K, linear. It changes chi (and so how
    pure the phases are) and the mobility (and so how fast they coarsen).

    ## Observation space
    `Box(0, 255, (1, H, W), uint8)`: 255 where the donor's share reaches the threshold, else 0. Row 0 lies at
    the upper surface, the last row on the substrate.

    ## Rewards
    0.0. Wrap it with `morphsim.LatentRewardWrapper`, or any reward of yours.

    ## Starting state
    A mixed film of the recipe, with noise from a seed drawn from the environment's generator.

    ## Steps and episode end
    `steps` steps, even in the logarithm of time over the last factor 200 of the recipe's duration, since
    coarsening is a power law. Never terminated: annealing ends by the clock. Truncated after `steps` steps,
    or when the simulator can't advance the film.

    ## Info
    `time_s`, `thickness_nm`, `temperature_K`, `chi`, `step_fraction`, `film_seed`, `boundary`, `diverged`.

    ## Arguments
    `recipe`: an `AnnealingRecipe`, a dict of its parameters or a TOML file. `shape`: (H, W) cells. `steps`.
    `knobs`, `ranges`: as for `DryingEnv`. `units`: for `info`. `threshold`. `tolerance`: of the simulator.
    `device`. `render_mode`: None or "rgb_array".

    ## Version history
    v0: first version.

    >>> import gymnasium as gym
    >>> env = gym.make("morphsim:morphsim/Annealing-v0", shape=(32, 128))
    >>> frame, info = env.reset(seed=1)
    """

    process = "annealing"
    available_knobs = (Knob("temperature", 303.15, 453.15),)

    def __init__(
        self,
        *,
        recipe: AnnealingRecipe | Mapping[str, Any] | str | Path | None = None,
        shape: Sequence[int] = (100, 400),
        steps: int = 20,
        knobs: Sequence[str] | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        units: Units = ANNEALING_UNITS,
        threshold: float = 0.5,
        tolerance: float = TOLERANCE,
        device: str = "cpu",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(
            recipe=recipe,
            shape=shape,
            steps=steps,
            limit=steps,
            knobs=knobs,
            ranges=ranges,
            units=units,
            threshold=threshold,
            tolerance=tolerance,
            device=device,
            render_mode=render_mode,
        )

    def _advance(self, film: Simulation) -> None:
        recipe = film.recipes[0]
        assert isinstance(recipe, AnnealingRecipe)
        film.advance(time=float(snapshot_times(recipe.duration, self.steps)[self._step - 1]))

    def _finished(self, film: Simulation) -> bool:
        return False

    def _process_info(self, film: Simulation) -> dict[str, Any]:
        return {"chi": float(film.chi[0])}
