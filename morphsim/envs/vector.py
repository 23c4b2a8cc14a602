"""The batched simulator as a Gymnasium vector environment of many films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from morphsim.device import most_parallel
from morphsim.envs.batch import FilmBatch
from morphsim.envs.checks import options_of, whole
from morphsim.envs.film import FilmEnv
from morphsim.envs.observation import put_row, row_of
from morphsim.envs.picture import film_picture
from morphsim.envs.settings import Film
from morphsim.envs.shared import SharedSettings
from morphsim.errors import InputError
from morphsim.lazy import lazy_names
from morphsim.simulator.schedules.steps import Steps

Flags = NDArray[np.bool_]


class VectorFilmEnv(SharedSettings, VectorEnv[Any, NDArray[np.float32], NDArray[Any]]):
    """Films simulated as one batch, each in its own episode.

    Observations, infos and random numbers are those of `num_envs` single environments under Gymnasium's
    `SyncVectorEnv`, bit for bit on the CPU. When an episode ends, the next one starts within the same step
    (autoreset mode SAME_STEP); `final_obs` and `final_info` in the infos hold its end. Films start and end
    independently of each other.

    `reset` takes one seed, from which the environments count up, or one for each; its options apply to all
    films, and `reset_mask` (a boolean array) selects those to reset.

    Use a subclass such as `VectorDryingEnv`, or `gymnasium.make_vec`.

    Args:
        num_envs: number of films.
        render_mode: None or "rgb_array".
        max_episode_steps: a limit in addition to that of the environment.
        threads: on which the films are simulated side by side; results do not depend on it.
        arguments: of the single environment.

    Raises:
        InputError: an invalid argument.
    """

    single: ClassVar[Callable[..., FilmEnv]]

    def __init__(
        self,
        *,
        num_envs: int = 1,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        threads: int = 1,
        **arguments: Any,
    ) -> None:
        num_envs = whole("num_envs", num_envs, 1)
        threads = whole("threads", threads, 1)
        if threads > most_parallel():
            raise InputError(
                f"threads is {threads}; give at most {most_parallel()}, four for each core of this machine"
            )
        if max_episode_steps is not None:
            max_episode_steps = whole("max_episode_steps", max_episode_steps, 1)
        if render_mode not in (None, "rgb_array"):
            raise InputError(f"render_mode is {render_mode!r}; use None or 'rgb_array' for several films")
        one = type(self).single(**arguments)
        self.settings = one.settings
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = {
            **one.metadata,
            "render_modes": ["rgb_array"],
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "resets_by_mask": True,
        }
        self.autoreset_mode = AutoresetMode.SAME_STEP
        self.single_action_space, self.single_observation_space = one.action_space, one.observation_space
        self.action_space = batch_space(one.action_space, num_envs)
        self.observation_space = batch_space(one.observation_space, num_envs)
        self._longest = max_episode_steps
        self._batch = FilmBatch(self.settings, num_envs, threads=threads)
        self._random: list[np.random.Generator | None] = [None] * num_envs
        self._seeds: list[int] = [-1] * num_envs
        self._attributes: dict[str, tuple[Any, ...]] = {}
        self._ended: list[tuple[Film, Steps] | None] = [None] * num_envs

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generator of each environment."""
        return tuple(self._generator(slot) for slot in range(self.num_envs))

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment's generator."""
        return tuple(self._seeds[slot] for slot in range(self.num_envs) if self._generator(slot))

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start new films, in all slots or in those of `options["reset_mask"]`.

        Raises:
            InputError: a wrong number of seeds, an invalid mask, or options that `FilmEnv.reset` refuses.
        """
        seeds = _seeds(seed, self.num_envs)
        chosen = options_of(options)
        mask = _mask(chosen.pop("reset_mask"), self.num_envs) if "reset_mask" in chosen else None
        if mask is not None and self._batch.films.count(None) > np.count_nonzero(mask):
            raise InputError("reset_mask leaves out films that never started; call reset without it first")
        slots = list(range(self.num_envs)) if mask is None else [int(slot) for slot in np.flatnonzero(mask)]
        for slot in slots:
            if seeds[slot] is not None:
                self._random[slot], self._seeds[slot] = seeding.np_random(seeds[slot])
        ended = [
            (slot, (self._batch.film(slot), self._batch.schedule(slot)))
            for slot in slots
            if self._batch.films[slot] is not None and self._batch.done[slot]
        ]
        self._begin(slots, chosen)
        for slot, last in ended:
            # The reset ended an episode under way, as on success.
            self._ended[slot] = last
        return self._batch.observe(range(self.num_envs)), self._infos(slots)

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[Any, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Set the knobs of all films and advance each by one step; those that ended are reset.

        Raises:
            InputError: actions (B, K) of another shape, or NaN; no film has advanced then.
        """
        settings = np.asarray(actions, np.float64)
        if settings.shape != self.action_space.shape:
            raise InputError(
                f"actions have the shape {settings.shape}; they must be {self.action_space.shape}, a row of "
                f"{len(self.panel)} numbers from -1 to 1 for each film"
            )
        self._batch.step(settings)
        terminated, truncated = self._batch.ends()
        if self._longest is not None:
            truncated |= ~terminated & (self._batch.done >= self._longest)
        observation = self._batch.observe(range(self.num_envs))
        ended = [int(slot) for slot in np.flatnonzero(terminated | truncated)]
        infos: dict[str, Any] = {}
        for slot in ended:
            self._ended[slot] = self._batch.film(slot), self._batch.schedule(slot)
            last = {"final_obs": row_of(observation, slot), "final_info": self._batch.info(slot)}
            infos = self._add_info(infos, last, slot)
        if ended:
            self._begin(ended, {})
            first = self._batch.observe(ended)
            for number, slot in enumerate(ended):
                put_row(observation, slot, first, number)
        infos |= self._infos(range(self.num_envs))
        return observation, np.zeros(self.num_envs), terminated, truncated, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """An RGB picture (H, W, 3) of each film."""
        if self.render_mode is None:
            return None
        return tuple(
            film_picture(self._batch.share(slot), self._batch.thickness(slot))
            for slot in range(self.num_envs)
        )

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """The attribute of each of the single environments."""
        if name in self._attributes:
            return self._attributes[name]
        slots = range(self.num_envs)
        if name == "frame":
            return tuple(frame.copy() for frame in self._batch.frames)
        if name in {"film_recipe", "film_seed"}:
            films = [self._batch.film(slot) for slot in slots]
            return tuple(film.recipe if name == "film_recipe" else film.seed for film in films)
        if name in {"np_random", "np_random_seed"}:
            return tuple(getattr(self, name))
        if name in {"action_space", "observation_space"}:
            return (getattr(self, f"single_{name}"),) * self.num_envs
        return (getattr(self, name),) * self.num_envs

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Call a method of each environment, or read an attribute.

        `last_schedule_text` is that of the last episode that ended, None before; `schedule_text` is that of
        the present one.
        """
        if name == "action_of":
            return tuple(self._action_of(slot, *args, **kwargs) for slot in range(self.num_envs))
        if name in {"schedule", "schedule_text"}:
            return tuple(getattr(self._batch, name)(slot) for slot in range(self.num_envs))
        if name == "last_schedule_text":
            return tuple(None if ended is None else self.settings.film_text(*ended) for ended in self._ended)
        if name == "render":
            return self.render() or (None,) * self.num_envs
        values = self.get_attr(name)
        if callable(values[0]):
            raise InputError(f"{name} can't be called for each film; call the vector environment's own")
        return values

    def set_attr(self, name: str, values: Any) -> None:
        """Set a new attribute of each environment.

        Raises:
            InputError: an attribute of the environment itself, or a wrong number of values.
        """
        if (name not in self._attributes and hasattr(self, name)) or name in {
            "frame",
            "film_recipe",
            "film_seed",
        }:
            raise InputError(f"{name} can't be set for each film; give it to the constructor, or to reset")
        if not isinstance(values, list | tuple):
            values = [values] * self.num_envs
        if len(values) != self.num_envs:
            raise InputError(f"{len(values)} values are given for {self.num_envs} films; give one for each")
        self._attributes[name] = tuple(values)

    def _infos(self, slots: Sequence[int]) -> dict[str, Any]:
        """The infos of these films, as `_add_info` would put them together one by one."""
        infos: dict[str, Any] = {}
        chosen = list(slots)
        for name, column in self._batch.infos(chosen).items():
            kind = type(column[0])
            values = np.full(self.num_envs, None if kind is str else kind(), object if kind is str else kind)
            values[chosen] = column
            infos[name] = values
            infos[f"_{name}"] = np.zeros(self.num_envs, np.bool_)
            infos[f"_{name}"][chosen] = True
        return infos

    def _begin(self, slots: Sequence[int], options: dict[str, Any]) -> None:
        films = {slot: self.settings.film(self._generator(slot), options) for slot in slots}
        self._batch.start(films)

    def _generator(self, slot: int) -> np.random.Generator:
        generator = self._random[slot]
        if generator is None:
            generator, self._seeds[slot] = seeding.np_random()
            self._random[slot] = generator
        return generator

    def _action_of(self, slot: int, values: Any = None) -> NDArray[np.float32]:
        film = self._batch.films[slot]
        recipe = self.recipe if film is None else film.recipe
        return self.panel.action({} if values is None else values, defaults=recipe)


def _seeds(seed: int | Sequence[int | None] | None, count: int) -> list[int | None]:
    if seed is None:
        return [None] * count
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool):
        return [whole("seed", seed, 0) + number for number in range(count)]
    if (
        not isinstance(seed, Sequence | np.ndarray)
        or isinstance(seed, str | bytes)
        or np.ndim(np.asarray(seed, object)) != 1
    ):
        raise InputError(f"seed is {seed!r}; give a whole number, or a list with one for each film")
    if len(seed) != count:
        raise InputError(f"{len(seed)} seeds are given for {count} films; give one, or one for each")
    return [None if each is None else whole("seed", each, 0) for each in seed]


def _mask(mask: Any, count: int) -> Flags:
    if not isinstance(mask, np.ndarray) or mask.shape != (count,) or mask.dtype != np.bool_ or not mask.any():
        raise InputError(
            f"reset_mask is {mask!r}; it must be a boolean numpy array of shape ({count},) with at least one "
            "True"
        )
    return mask


__getattr__ = lazy_names(
    __name__,
    {},
    renamed={name: f"morphsim.envs.{name}" for name in ("VectorAnnealingEnv", "VectorDryingEnv")},
)
