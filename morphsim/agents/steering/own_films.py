"""Films that an agent makes while it is trained or chosen."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.steering.agent import SteeringAgent
from morphsim.encoder import Encoder
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.rewards import latent_unit
from morphsim.tasks import MadeFilm, Task
from morphsim.tasks.films import film_environment, roll_out


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OwnFilm:
    """A film for the agent to make."""

    seed: int
    """Seed of its material, its noise and the noise on the actions."""
    target: NDArray[np.float32]
    """(D,) latent of its target, in units."""
    exploration: float = 0.0
    """Standard deviation of the noise on the actions."""


def make_own_films(
    task: Task,
    encoder: Encoder,
    agent: SteeringAgent,
    films: Sequence[OwnFilm],
    *,
    title: str,
    workers: int = 1,
    show_progress: bool = True,
) -> list[MadeFilm]:
    """Let the agent make films.

    Args:
        task: whose environment makes them.
        encoder: whose latents the agent observes.
        agent: that makes them.
        films: what to make.
        title: of the progress bar.
        workers: number of processes; the films don't depend on it.
        show_progress: whether to show a progress bar on stderr.
    """
    make = functools.partial(_maker, task, agent, encoder)
    with progress(title, len(films), unit="films", show=show_progress) as advance:
        made: list[MadeFilm] = run_jobs(make, list(films), workers=workers, done=lambda _: advance())
    return made


def _maker(
    task: Task, agent: SteeringAgent, encoder: Encoder
) -> Callable[[OwnFilm, Callable[[], bool]], MadeFilm]:
    env, unit = film_environment(task), np.float32(latent_unit(encoder))
    return lambda film, stopped: _make(env, task, agent, encoder, unit, film)


def _make(
    env: Any, task: Task, agent: SteeringAgent, encoder: Encoder, unit: np.float32, film: OwnFilm
) -> MadeFilm:
    generator = np.random.default_rng(film.seed)
    memory: Any = None
    # Half of the noise lasts for the episode: a knob that only trembles has the effect of its mean.
    lasting = film.exploration * generator.standard_normal(agent.sizes.knobs)

    def choose(frame: NDArray[np.uint8], state: NDArray[np.float32], step: int) -> NDArray[np.float32]:
        nonlocal memory
        latent = encoder.encode(frame[None])[0] / unit
        chosen, memory = agent.predict(np.concatenate([latent, state, film.target]), memory)
        noise = lasting + 0.5 * film.exploration * generator.standard_normal(agent.sizes.knobs)
        return np.clip(chosen + noise, -1.0, 1.0).astype(np.float32)

    return roll_out(env, task, choose, seed=film.seed)
