"""Recording of one episode, for the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents import Agent
from morphsim.envs import FilmEnv


@dataclass(frozen=True, eq=False, kw_only=True)
class Rollout:
    """One film and the settings of its knobs."""

    share: NDArray[np.float32]
    """(T + 1, H, W) donor share of the solids, from the mixed film to the last."""
    thickness_nm: NDArray[np.float64]
    """(T + 1,) [nm]."""
    dryness: NDArray[np.float64]
    """(T + 1,)."""
    time_s: NDArray[np.float64]
    """(T + 1,) [s]."""
    distance: NDArray[np.float64]
    """(T + 1,) distance from the target, 1 = median of random pairs."""
    knobs: dict[str, NDArray[np.float64]]
    """(T,) each: value of the knob in each step."""


def roll_out(agent: Agent, *, seed: int, steer: bool) -> Rollout:
    """Make the film of `seed`, steered by the agent, or with the knobs at the values of the recipe."""
    env = agent.make_env()
    film = env.unwrapped
    assert isinstance(film, FilmEnv)
    observation, info = env.reset(seed=seed, options={"film_seed": seed})
    infos: list[dict[str, Any]] = [info]
    shares, settings = [film.share], []
    over = False
    while not over:
        action = agent.act(observation) if steer else film.action_of()
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        infos.append(info)
        shares.append(film.share)
        settings.append(film.panel.values(action))

    def column(name: str) -> NDArray[np.float64]:
        return np.array([info.get(name, np.nan) for info in infos], np.float64)

    return Rollout(
        share=np.stack(shares),
        thickness_nm=column("thickness_nm"),
        dryness=column("dryness"),
        time_s=column("time_s"),
        distance=column("distance"),
        knobs={knob.name: np.array([values[knob.name] for values in settings]) for knob in film.panel.knobs},
    )
