"""The base class of the film environments."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.envs.batch import FilmBatch
from morphsim.envs.checks import flag, whole
from morphsim.envs.generator import restored_generator
from morphsim.envs.observation import observation_space, row_of
from morphsim.envs.picture import Window, film_picture
from morphsim.envs.recipes import check_same_pixels, known_material
from morphsim.envs.settings import Film, FilmSettings
from morphsim.envs.shared import SharedSettings
from morphsim.errors import InputError
from morphsim.simulator import Recipe, Units
from morphsim.simulator.resolve import resolve_recipe
from morphsim.simulator.schedules.steps import Steps

_STATE = frozenset(
    (
        "recipe",
        "units",
        "material",
        "film_seed",
        "step",
        "diverged",
        "last",
        "knobs",
        "fields",
        "over",
        "random",
        "seed",
    )
)


class FilmEnv(SharedSettings, gym.Env[Any, NDArray[np.float32]]):
    """A simulated film with one knob setting per step. Use a subclass such as `DryingEnv`."""

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["human", "rgb_array"],
        "render_fps": 10,
        # Pictures show the film in colours and at its present thickness.
        "render_shows_frames": False,
        # In observations, as in frames, white is donor.
        "observes_frames": True,
    }

    def __init__(self, settings: FilmSettings, *, render_mode: str | None) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise InputError(f"render_mode is {render_mode!r}; use None, 'human' or 'rgb_array'")
        self.settings = settings
        self.render_mode = render_mode
        self.action_space = gym.spaces.Box(-1.0, 1.0, (len(settings.panel),), np.float32)
        self.observation_space = observation_space(settings)
        self.metadata = {**self.metadata, "agent_sets_length": settings.agent_sets_length}
        self._batch = FilmBatch(settings, 1)
        self._over = False
        self._window = Window(f"morphsim: {settings.process}", pause=1.0 / self.metadata["render_fps"])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start a new film.

        Args:
            seed: of the environment's generator, from which each film and its seed are drawn.
            options: for this film only: `film_seed` (an int); `recipe` or `material` (a name) instead of the
                environment's own; any parameter by its name, which overrides that recipe. `width` and
                `boundary` are fixed. `recipe` is as for the constructor: a dict or a file overrides the
                process's default recipe, not the environment's.

        Raises:
            InputError: an unknown or invalid option; the present film then stays as it is.
        """
        super().reset(seed=seed)
        self._batch.start({0: self.settings.film(self.np_random, options)})
        self._over = False
        return self._observed()

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Set the knobs and advance the film by one step.

        If the simulator can't advance the film, the episode is truncated, with `info["diverged"]` and a
        warning; the observation is then the last valid one.

        Raises:
            InputError: an invalid action, or no episode is running.
        """
        self._batch.film(0)
        if self._over:
            raise InputError("the episode is over; call reset")
        self._batch.step(np.asarray(action, np.float64)[None])
        terminated, truncated = (bool(ends[0]) for ends in self._batch.ends())
        self._over = terminated or truncated
        observation, info = self._observed()
        return observation, 0.0, terminated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """The film as an RGB picture (H, W, 3): donor share, at the present thickness."""
        return self._picture() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window, if there is one."""
        self._window.close()

    def get_state(self) -> dict[str, Any]:
        """The complete state of the episode, as a copy that can be pickled.

        Raises:
            InputError: there is no film yet.
        """
        state = self._batch.save(0)
        random, seed = self.np_random.bit_generator.state, self.np_random_seed
        return {**state, "over": self._over, "random": copy.deepcopy(random), "seed": seed}

    def set_state(self, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Restore a state, bit for bit, of this environment or another with the same arguments.

        Returns:
            Observation and info of that state.

        Raises:
            InputError: not a state of such an environment; then nothing has changed.
        """
        if not isinstance(state, Mapping) or set(state) != _STATE or not isinstance(state["fields"], Mapping):
            raise InputError("this is not a state of a film environment; use what get_state returned")
        generator = restored_generator(state["random"])
        try:
            film = Film(
                recipe=resolve_recipe(state["recipe"], process=self.settings.process),
                units=Units(**state["units"]),
                material=str(state["material"]),
                seed=whole("film_seed", state["film_seed"], 0),
            )
            step = whole("step", state["step"], 0)
            diverged, over = flag("diverged", state["diverged"]), flag("over", state["over"])
            check_same_pixels(self.recipe, film.recipe)
            if film.material:
                known_material(self.settings.process, film.material)
            if step > self.settings.limit:
                raise InputError(f"step is {step}, beyond the limit of {self.settings.limit}")
            if not over and (diverged or step == self.settings.limit):
                raise InputError(f"over is False, but the episode ended with step {step}")
        except (TypeError, ValueError) as error:
            raise InputError(f"the state can't be used ({error}); use what get_state returned") from error
        self._batch.load(
            film,
            step=step,
            diverged=diverged,
            last=state["last"],
            knobs=state["knobs"],
            fields=state["fields"],
        )
        self._over, self._np_random, self._np_random_seed = over, generator, state["seed"]
        return self._observed()

    def schedule(self) -> Steps:
        """The steps of the episode so far: what the knobs did, with the parts of slow changes.

        Raises:
            InputError: there is no film yet.
        """
        return self._batch.schedule(0)

    def schedule_text(self) -> str:
        """The schedule as a TOML file, from which `morphsim simulate` makes the same film, bit for bit.

        Raises:
            InputError: there is no film yet or no step, or `start` was not the name of a file.
        """
        return self._batch.schedule_text(0)

    @property
    def frame(self) -> NDArray[np.uint8]:
        """The present frame (H, W), 0/1."""
        return np.array(self._batch.frames[0])

    @property
    def share(self) -> NDArray[np.float32]:
        """The present donor share of the solids (H, W), whose threshold gives the frame."""
        return self._batch.share(0)

    @property
    def film_recipe(self) -> Recipe:
        """The recipe of the present film."""
        return self._batch.film(0).recipe

    @property
    def film_seed(self) -> int:
        """The seed of the present film."""
        return self._batch.film(0).seed

    def action_of(self, values: Mapping[str, float] | None = None) -> NDArray[np.float32]:
        """The action that sets knobs to `values`, and all others to the values of the present film's recipe.

        Raises:
            InputError: an unknown knob, or a setting out of range.
        """
        film = self._batch.films[0]
        recipe = self.recipe if film is None else film.recipe
        return self.panel.action({} if values is None else values, defaults=recipe)

    def _observed(self) -> tuple[Any, dict[str, Any]]:
        if self.render_mode == "human":
            # Pictures are 1 h0 high.
            self._window.show(self._picture(), aspect=self.film_recipe.width)
        return row_of(self._batch.observe([0]), 0), self._batch.info(0)

    def _picture(self) -> NDArray[np.uint8]:
        return film_picture(self._batch.share(0), self._batch.thickness(0))
