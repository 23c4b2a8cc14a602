"""Steer one film to a target with a trained agent: its course, its recipe and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.steering.agent import SteeringAgent
from morphsim.checks import check_seed
from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.frames import read_target_frames, stated_boundary
from morphsim.frames.binarisation import Binarisation
from morphsim.frames.pictures.knobs import KnobTrace, held_settings
from morphsim.rewards.source import check_boundary
from morphsim.simulator import Units
from morphsim.tasks import load_targets


@dataclass(frozen=True, eq=False, kw_only=True)
class SteeredFilm:
    """A film that an agent steered, step by step."""

    target: NDArray[np.uint8]
    """(H, W) 0/1."""
    frames: NDArray[np.uint8]
    """(T + 1, H, W) 0/1: at the start and after each step."""
    distances: NDArray[np.float64]
    """(T + 1,) from the target, 1.0 = median of random pairs of the encoder's training frames."""
    time_s: NDArray[np.float64]
    """(T + 1,) [s]."""
    dryness: NDArray[np.float64] | None
    """(T + 1,); None for films that don't dry."""
    knobs: tuple[KnobTrace, ...]
    """The knobs over time, in physical units."""
    hidden: dict[str, float]
    """What the agent took the hidden parameters for, at the end."""
    true: dict[str, float]
    """What they were."""
    size_nm: tuple[float, float]
    """Width and thickness of the film at its end [nm]."""
    recipe: str
    """The film as a recipe file, from which `morphsim simulate` makes it again, bit for bit."""


def read_steering_target(agent: SteeringAgent, name: str, encoder: Encoder) -> NDArray[np.uint8]:
    """The target (H, W) of a name: of a target of the agent's task, or FILE, or FILE:ROW.

    Raises:
        InputError: the file can't be read, or holds several frames or another boundary condition.
    """
    known = load_targets(agent.task)
    if name in known.names:
        return np.asarray(known.frames[known.row(name)])
    made = Binarisation.of_encoder(encoder.metadata)
    frames = made.fit(read_target_frames(name, binarisation=made), encoder.frame_shape)
    check_boundary({"boundary": stated_boundary(name)}, encoder, name=name)
    if len(frames) != 1:
        raise InputError(f"{name} holds {len(frames)} frames; choose one, as FILE:ROW")
    found: NDArray[np.uint8] = frames[0]
    return found


def steer(
    agent: SteeringAgent,
    target: NDArray[np.uint8],
    *,
    seed: int = 0,
    material: dict[str, Any] | None = None,
    encoder: Encoder | None = None,
    device: str = "cpu",
) -> SteeredFilm:
    """Steer one film to a target, in one go.

    Args:
        agent: that steers.
        target: (H, W) 0/1, of the shape of the encoder's frames.
        seed: of the film: its hidden parameters and its noise.
        material: parameters of the film in place of drawn ones.
        encoder: of the agent's task; None to load it.
        device: of the film.

    Raises:
        InputError: the target has another shape, or a parameter is unknown or impossible.
    """
    check_seed("seed", seed)
    network = load_encoder(agent.task.encoder) if encoder is None else encoder
    env = agent.make_env(encoder=network, device=device)
    film: Any = env.unwrapped
    observation, info = env.reset(seed=seed, options={"target": target, **(material or {})})
    rows = [_row(film, info)]
    settings: dict[str, list[float]] = {knob.name: [] for knob in film.panel.knobs}
    memory: Any = None
    over = False
    while not over:
        action, memory = agent.predict(observation, memory)
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        for name, value in film.panel.values(action).items():
            settings[name].append(value)
        rows.append(_row(film, info))
    recipe = film.film_recipe
    units: Units = film.settings.units
    times = np.array([row["time_s"] for row in rows])
    dries = "dryness" in rows[0]
    return SteeredFilm(
        target=np.asarray(target, np.uint8),
        frames=np.stack([row["frame"] for row in rows]),
        distances=np.array([row["distance"] for row in rows]),
        time_s=times,
        dryness=np.array([row["dryness"] for row in rows]) if dries else None,
        knobs=held_settings({name: np.array(values) for name, values in settings.items()}, units, times),
        hidden={name: float(values[0]) for name, values in agent.hidden_parameters(memory).items()},
        true={name: float(getattr(recipe, name)) for name in agent.task.hidden},
        size_nm=(recipe.width * units.length_nm, float(info["thickness_nm"])),
        recipe=film.schedule_text(),
    )


def _row(film: Any, info: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in ("time_s", "distance", "dryness") if name in info]
    return {"frame": film.frame, **{name: float(info[name]) for name in names}}
