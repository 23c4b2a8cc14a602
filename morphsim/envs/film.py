"""What the film environments share."""

from __future__ import annotations

import dataclasses
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.envs.knobs import Knob, Panel
from morphsim.errors import InputError
from morphsim.frames import binarise, to_rgb
from morphsim.simulator import (
    Recipe,
    Simulation,
    SimulationDiverged,
    Units,
    load_recipe,
    recipe_from_dict,
)

_BACKGROUND = 255


class FilmEnv(gym.Env[NDArray[np.uint8], NDArray[np.float32]]):
    """A film on the simulator, one knob setting for each step. Use `DryingEnv` or `AnnealingEnv`."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    process: ClassVar[str]
    available_knobs: ClassVar[tuple[Knob, ...]]

    def __init__(
        self,
        *,
        recipe: Recipe | Mapping[str, Any] | str | Path | None,
        shape: Sequence[int],
        steps: int,
        limit: int,
        knobs: Sequence[str] | None,
        ranges: Mapping[str, tuple[float, float]] | None,
        units: Units,
        threshold: float,
        tolerance: float,
        device: str,
        render_mode: str | None,
    ) -> None:
        if len(shape) != 2:
            raise InputError(f"shape is {shape}; it must be (H, W), cells in depth and width")
        if steps < 1 or limit < 1:
            raise InputError(f"steps is {steps} and the limit {limit}; both must be at least 1")
        if render_mode not in {None, *self.metadata["render_modes"]}:
            raise InputError(f"render_mode is {render_mode!r}; use None or 'rgb_array'")
        self.recipe = self._as_recipe(recipe)
        self.shape = (int(shape[0]), int(shape[1]))
        self.steps = steps
        self.limit = limit
        self.units = units
        self.threshold = threshold
        self.tolerance = tolerance
        self.device = device
        self.render_mode = render_mode
        self.panel = Panel(self.available_knobs, names=knobs, ranges=ranges)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (len(self.panel),), np.float32)
        self.observation_space = gym.spaces.Box(0, 255, (1, *self.shape), np.uint8)
        self._film: Simulation | None = None
        self._step = 0
        self._film_seed = 0
        self._film_recipe = self.recipe
        self._picture: NDArray[np.float32] = np.zeros(self.shape, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start a new film.

        Args:
            seed: of the environment's generator, from which the seed of each film is drawn.
            options: `recipe` (as for the constructor) and `film_seed` (an int) for this film.

        Raises:
            InputError: an unknown option, or an impossible one.
        """
        super().reset(seed=seed)
        chosen = dict(options or {})
        drawn = int(self.np_random.integers(2**31 - 1))
        self._film_recipe = self._as_recipe(chosen.pop("recipe", self.recipe))
        self._film_seed = int(chosen.pop("film_seed", drawn))
        if chosen:
            raise InputError(f"reset has no option {', '.join(map(repr, chosen))}; it has recipe, film_seed")
        self._film = Simulation(
            [self._film_recipe],
            seeds=[self._film_seed],
            shape=self.shape,
            tolerance=self.tolerance,
            device=self.device,
        )
        self._step = 0
        self._look()
        return self._observation(), self._info(diverged=False)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Set the knobs and make the film for one step.

        A film that the simulator can't advance ends as truncated, with `info["diverged"]` and a warning;
        the observation is then the last sound frame.
        """
        film = self._running()
        diverged = False
        self._step += 1
        try:
            film.set_knobs(**self.panel.values(np.asarray(action, np.float64)))
            self._advance(film)
            self._look()
        except SimulationDiverged as error:
            diverged = True
            warnings.warn(f"{error}; the episode ends here", RuntimeWarning, stacklevel=2)
        terminated = not diverged and self._finished(film)
        truncated = not terminated and (diverged or self._step >= self.limit)
        return self._observation(), 0.0, terminated, truncated, self._info(diverged=diverged)

    def render(self) -> NDArray[np.uint8] | None:
        """The film as an RGB picture (H, W, 3): its share of donor, at its present thickness."""
        if self.render_mode is None:
            return None
        height, width = self.shape
        rows = max(1, min(height, round(height * self._running().thickness[0])))
        source = ((np.arange(rows) + 0.5) * height / rows).astype(int)
        picture = np.full((height, width, 3), _BACKGROUND, np.uint8)
        picture[height - rows :] = to_rgb(self._picture[source])
        return picture

    @property
    def frame(self) -> NDArray[np.uint8]:
        """The present frame (H, W), 0/1."""
        return binarise(self._picture, threshold=self.threshold)

    def action_of(self, values: Mapping[str, float] | None = None) -> NDArray[np.float32]:
        """The action that sets the knobs to `values`, by default to what the recipe says."""
        return self.panel.action(self.recipe.to_dict() if values is None else values)  # type: ignore[arg-type]

    @abstractmethod
    def _advance(self, film: Simulation) -> None:
        """Make the film for one step."""

    @abstractmethod
    def _finished(self, film: Simulation) -> bool:
        """Whether the film has come to its physical end."""

    def _process_info(self, film: Simulation) -> dict[str, Any]:
        """What `info` says of this process beyond what all films have."""
        return {}

    def _as_recipe(self, recipe: Recipe | Mapping[str, Any] | str | Path | None) -> Recipe:
        if recipe is None:
            return recipe_from_dict({"process": self.process})
        if isinstance(recipe, str | Path):
            recipe = load_recipe(recipe)
        if isinstance(recipe, Mapping):
            recipe = recipe_from_dict({"process": self.process, **recipe})
        if recipe.process != self.process:
            raise InputError(
                f"the recipe is of {recipe.process}, this environment of {self.process}; use the other one"
            )
        return dataclasses.replace(recipe)

    def _running(self) -> Simulation:
        if self._film is None:
            raise InputError("there is no film yet; call reset first")
        return self._film

    def _look(self) -> None:
        self._picture = self._running().donor_share()[0].float().cpu().numpy().copy()

    def _observation(self) -> NDArray[np.uint8]:
        return self.frame[None] * np.uint8(255)

    def _info(self, *, diverged: bool) -> dict[str, Any]:
        film = self._running()
        return {
            "time_s": float(film.time[0]) * self.units.time_s,
            "thickness_nm": float(film.thickness[0]) * self.units.length_nm,
            "temperature_K": float(film.knobs["temperature"][0]),
            "step_fraction": self._step / self.limit,
            "film_seed": self._film_seed,
            "boundary": self._film_recipe.boundary,
            "diverged": diverged,
            **self._process_info(film),
        }
