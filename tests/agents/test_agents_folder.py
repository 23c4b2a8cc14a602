from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morphsim.agents import Agent, load_agent
from morphsim.agents.model import memory_state, model_state, restore_memory, restore_model_state
from morphsim.errors import InputError
from morphsim.files import load_tree, save_tree
from morphsim.hashes import hash_without

Trained = Callable[[str], Agent]
PARTS = (
    "config.json",
    "target.h5",
    "policy.safetensors",
    "encoder/config.json",
    "encoder/weights.safetensors",
)
few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_agent(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def copied(trained: Trained, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained("ppo").folder, tmp_path / "agent"))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "give the folder of an agent" in refused(tmp_path / "missing")
    assert "holds no config.json" in refused(tmp_path)


@pytest.mark.parametrize("name", PARTS)
def test_a_missing_file(copied: Path, name: str) -> None:
    (copied / name).unlink()
    assert Path(name).name in refused(copied)


@few
@given(name=st.sampled_from(PARTS), share=st.floats(0.0, 0.98))
def test_a_truncated_file(trained: Trained, copied: Path, name: str, share: float) -> None:
    data = (trained("ppo").folder / name).read_bytes()
    (copied / name).write_bytes(data[: int(share * len(data))])
    refused(copied)
    (copied / name).write_bytes(data)
    load_agent(copied)


def paths(values: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = values.items() if isinstance(values, dict) else enumerate(values)
    found = []
    for key, value in items:
        found.append((*prefix, key))
        if isinstance(value, dict | list):
            found += paths(value, (*prefix, key))
    return found


@pytest.mark.slow
def test_a_config_with_any_value_replaced_is_read_or_refused_in_one_line(copied: Path) -> None:
    text = (copied / "config.json").read_text()
    places = [place for place in paths(json.loads(text)) if place[0] != "versions"]
    odd = (None, True, -1, 0, 70_000, 1e300, math.nan, math.inf, "", "a\n", [], [2, 3], {}, {"a": [0]})
    for (*parents, last), value in product(places, odd):
        values = inner = json.loads(text)
        for key in parents:
            inner = inner[key]
        inner[last] = value
        # With its hash as it would be, so that the value itself is judged.
        values["config_sha256"] = hash_without(values, "config_sha256")
        (copied / "config.json").write_text(json.dumps(values))
        try:
            load_agent(copied)
        except InputError as error:
            assert "\n" not in str(error), (parents, last, value)


def test_an_encoder_of_another_agent(copied: Path) -> None:
    values = json.loads((copied / "config.json").read_text())
    values["encoder"]["sha256"] = "0" * 64
    values["config_sha256"] = hash_without(values, "config_sha256")
    (copied / "config.json").write_text(json.dumps(values))
    assert "is not the encoder of this agent (hash)" in refused(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree["parameters"].pop("policy.optimizer"), "other names"),
        (lambda tree: tree["parameters"].update(logger={}), "other names"),
        (lambda tree: tree["parameters"]["policy"].pop("log_std"), "log_std"),
        (lambda tree: tree["parameters"]["policy"].update(log_std=torch.zeros(3)), "doesn't fit"),
        (lambda tree: tree["parameters"]["policy"].update(log_std=torch.full((1,), torch.nan)), "NaN"),
        (lambda tree: tree["parameters"].update({"policy.optimizer": {"state": {}}}), "doesn't fit"),
        (lambda tree: tree.pop("parameters"), "doesn't fit"),
        (lambda tree: tree.update(parameters=3), "doesn't fit"),
    ],
)
def test_a_policy_that_does_not_fit(copied: Path, change: Callable[[Any], Any], message: str) -> None:
    tree = load_tree(copied / "policy.safetensors")
    change(tree)
    save_tree(copied / "policy.safetensors", tree)
    assert message in refused(copied)


def test_a_policy_of_another_algorithm(trained: Trained, copied: Path) -> None:
    shutil.copy(trained("sac").folder / "policy.safetensors", copied)
    assert "is not the policy of this agent (hash)" in refused(copied)


def test_a_state_goes_into_a_file_and_back(trained: Trained, tmp_path: Path) -> None:
    agent = trained("sac")
    state = model_state(agent.model)
    save_tree(tmp_path / "state.safetensors", state)
    other = load_agent(agent.folder)
    with torch.no_grad():
        for parameter in other.model.policy.parameters():
            parameter.zero_()
        other.model.log_ent_coef.zero_()
    restore_model_state(other.model, load_tree(tmp_path / "state.safetensors"))
    assert torch.equal(other.model.log_ent_coef, agent.model.log_ent_coef)
    for name, value in state["parameters"]["policy"].items():
        assert torch.equal(value, other.model.policy.state_dict()[name])
    (moments,) = other.model.ent_coef_optimizer.state_dict()["state"].values()
    # A gradient step for each step of the film after the first eight.
    assert moments["step"] == 200


def test_a_memory_must_fit(trained: Trained) -> None:
    model = trained("sac").model
    state = memory_state(model)
    assert state is not None and state["arrays"]["rewards"].shape == (0, 1)
    restore_memory(model, state)
    for bad in (None, {**state, "position": 7}, {**state, "position": -1}, {**state, "arrays": {}}):
        with pytest.raises((ValueError, KeyError)):
            restore_memory(model, bad)
