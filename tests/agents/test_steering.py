"""Agents for all targets: their library, examples, networks and training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from morphsim.agents.steering.agent import SteeringAgent, load_steering_agent
from morphsim.agents.steering.config import SteeringConfig
from morphsim.agents.steering.examples import Examples, HiddenScale
from morphsim.agents.steering.library import FilmLibrary
from morphsim.agents.steering.networks import Planner, Sizes, remaining
from morphsim.agents.steering.training import learn
from morphsim.errors import InputError
from morphsim.tasks import find_task

TASK = find_task("DryingUnknown-v1")
SENSORS = (
    "dryness",
    "drying_rate",
    "time",
    "step_fraction",
    "last_action:evaporation",
    "last_action:ambient_vapour",
    "last_action:temperature",
)
LOG_RANGE = float(np.log(2.0 / 0.03))


def toy_library(films: int = 300, seed: int = 0) -> FilmLibrary:
    """Films whose last latents follow from the mean of their true rates and temperatures, without noise."""
    generator = np.random.default_rng(seed)
    steps = TASK.steps
    coefficient = np.exp(generator.uniform(np.log(0.5), np.log(2.0), films))
    actions = np.repeat(generator.uniform(-1.0, 1.0, (films, 1, 3)), steps, axis=1)
    actions = np.clip(actions + 0.2 * generator.standard_normal(actions.shape), -1.0, 1.0)
    lengths = np.full(films, steps)
    states = np.zeros((films, steps + 1, 7))
    states[:, 1:, 4:] = actions
    # The true rate, as a position of the knob.
    rate = actions[..., 0] + 2.0 * np.log(coefficient)[:, None] / LOG_RANGE
    states[:, 1:, 1] = rate
    states[:, :, 3] = np.arange(steps + 1) / steps
    done = np.arange(1, steps + 1)
    first, second = np.cumsum(rate, axis=1) / done, np.cumsum(actions[..., 2], axis=1) / done
    latents = np.zeros((films, steps + 1, 2))
    latents[:, 1:, 0], latents[:, 1:, 1] = first, second
    return FilmLibrary(
        latents=latents.astype(np.float32),
        states=states.astype(np.float32),
        actions=actions.astype(np.float32),
        lengths=lengths,
        numbers=np.arange(films),
        materials={
            "evaporation_coefficient": coefficient,
            **{name: np.full(films, 1.0) for name in TASK.hidden if name != "evaporation_coefficient"},
        },
        task=TASK.name,
        encoder="0" * 64,
        sensors=SENSORS,
    )


def test_a_library_is_read_as_it_was_written(tmp_path: Path) -> None:
    library = toy_library(5)
    library.save(tmp_path / "library.safetensors")
    found = FilmLibrary.load(tmp_path / "library.safetensors")
    for name in ("latents", "states", "actions", "lengths", "numbers"):
        np.testing.assert_array_equal(getattr(found, name), getattr(library, name))
    assert found.materials.keys() == library.materials.keys()
    assert (found.task, found.encoder, found.sensors) == (library.task, library.encoder, library.sensors)
    assert len(library.joined(found)) == 10
    assert library.before(3).numbers.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="different tasks"):
        library.joined(replace(found, task="Drying-v1"))


def test_a_damaged_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "library.safetensors"
    toy_library(3).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"library\.safetensors"):
        FilmLibrary.load(path)


def test_shifted_examples_are_films_of_the_same_true_rate() -> None:
    library = toy_library(200)
    torch.manual_seed(0)
    examples = Examples(library, TASK, unit=1.0)
    films = examples.draw(500)
    scale = HiddenScale.of(library)
    logarithm = films.hidden[:, 0].double().numpy() * scale.spread[0] + scale.mean[0]
    assert logarithm.min() >= np.log(0.5) - 1e-5 and logarithm.max() <= np.log(2.0) + 1e-5
    rate = films.actions[..., 0].double().numpy() + 2.0 * logarithm[:, None] / LOG_RANGE
    # The state tells the true rate, which no shift changes, and the action that was made.
    np.testing.assert_allclose(rate, films.states[:, 1:, 1].numpy(), atol=1e-5)
    np.testing.assert_allclose(films.actions[..., 0].numpy(), films.states[:, 1:, 4].numpy(), atol=1e-6)
    assert films.actions.abs().max() <= 1.0 + 1e-6
    known = np.log(library.materials["evaporation_coefficient"])
    assert np.abs(logarithm[:, None] - known[None]).min(axis=1).max() > 1e-4


def test_drafts_move_the_action_of_each_step_by_another_amount() -> None:
    library = toy_library(100)
    torch.manual_seed(0)
    calm = replace(library, materials={**library.materials, "evaporation_coefficient": np.ones(100)})
    films = Examples(calm, TASK, unit=1.0, drafts=0.1).draw(400)
    moved = films.states[:, 1:, 1] - films.actions[..., 0]
    spread = moved.std(dim=1)
    still = spread < 1e-6
    assert 0.3 < float(still.float().mean()) < 0.8
    assert films.actions.abs().max() <= 1.0


def test_remaining_actions_begin_with_the_next_one() -> None:
    actions = torch.arange(12.0).reshape(1, 4, 3)
    assert remaining(actions, torch.tensor([0])).tolist() == actions.tolist()
    left = [[6, 7, 8], [9, 10, 11], [0, 0, 0], [0, 0, 0]]
    assert remaining(actions, torch.tensor([2])).tolist() == [left]


def small_config(out: Path) -> SteeringConfig:
    return SteeringConfig(
        out=out,
        surrogates=2,
        units=64,
        memory=32,
        surrogate_steps=600,
        planner_steps=600,
    )


def test_an_agent_reaches_targets_of_a_toy_whose_coefficient_is_hidden(tmp_path: Path) -> None:
    library = toy_library(400)
    encoder = _Encoder()
    agent = learn(small_config(tmp_path), TASK, encoder, library, show_progress=False)  # type: ignore[arg-type]
    generator = np.random.default_rng(1)
    misses, errors = [], []
    for _ in range(20):
        target = np.array([generator.uniform(-0.5, 0.5), generator.uniform(-0.5, 0.5)], np.float32)
        shift = 2.0 * np.log(np.exp(generator.uniform(np.log(0.5), np.log(2.0)))) / LOG_RANGE
        state, latent = np.zeros(7, np.float32), np.zeros(2, np.float32)
        memory, rates, heat = None, [], []
        for step in range(TASK.steps):
            action, memory = agent.predict(np.concatenate([latent, state, target]), memory)
            rates.append(action[0] + shift)
            heat.append(action[2])
            latent = np.array([np.mean(rates), np.mean(heat)], np.float32)
            state = np.array([0, rates[-1], 0, (step + 1) / TASK.steps, *action], np.float32)
        misses.append(float(np.linalg.norm(latent - target)))
        found = agent.hidden_parameters(memory)["evaporation_coefficient"][0]
        errors.append(abs(np.log(found) - 0.5 * shift * LOG_RANGE))
    # Random actions miss by 0.6, and the plan for a coefficient of 1 by 0.15.
    assert np.median(misses) < 0.08
    assert np.median(errors) < 0.1 and max(errors) < 0.15


class _Encoder:
    """What `learn` needs of an encoder: a unit of 1."""

    hash = "0" * 64
    latent_size = 2


@pytest.fixture(autouse=True)
def unit_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morphsim.agents.steering.training.latent_unit", lambda encoder: 1.0)


def small_agent() -> SteeringAgent:
    torch.manual_seed(0)
    sizes = Sizes(latent=2, state=7, knobs=3, hidden=5, steps=16)
    return SteeringAgent(
        task=TASK,
        sizes=sizes,
        planner=Planner(sizes, 8, 16).eval(),
        scale=HiddenScale.of(toy_library(9)),
        encoder="0" * 64,
        films=9,
    )


def test_an_agent_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    agent = small_agent()
    agent.save(tmp_path)
    found = load_steering_agent(tmp_path)
    observation = np.random.default_rng(0).standard_normal(11).astype(np.float32)
    np.testing.assert_array_equal(found.predict(observation)[0], agent.predict(observation)[0])
    path = tmp_path / "steering.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"steering\.safetensors"):
        load_steering_agent(tmp_path)


def test_several_films_at_once_are_steered_as_each_alone() -> None:
    agent = small_agent()
    rows = np.random.default_rng(0).standard_normal((3, 4, 11)).astype(np.float32)
    together, memory = agent.predict(rows[0])
    together, memory = agent.predict(rows[1], memory, episode_start=np.array([False, True, False, False]))
    for film in range(4):
        alone, state = agent.predict(rows[0, film])
        alone, state = agent.predict(rows[1, film], None if film == 1 else state)
        np.testing.assert_allclose(together[film], alone, atol=1e-6)


@pytest.mark.parametrize("observation", [np.zeros(10), np.zeros((2, 12)), np.full(11, np.nan)])
def test_observations_that_do_not_fit_are_refused(observation: np.ndarray) -> None:
    with pytest.raises(InputError, match="observation"):
        small_agent().predict(observation)
