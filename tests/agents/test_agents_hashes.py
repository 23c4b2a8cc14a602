"""An agent's folder tells whether a file was altered or exchanged, and stays readable while it is written."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import morphsim.agents.folder
import morphsim.agents.training
from morphsim.agents import Agent, AgentConfig, load_agent, train_agent
from morphsim.agents.checkpoint import AgentCheckpoint
from morphsim.agents.curves import read_curves
from morphsim.errors import InputError
from morphsim.files import load_tree
from morphsim.hashes import hash_json

Configs = Callable[..., AgentConfig]
FILES = (
    "config.json",
    "target.h5",
    "policy.safetensors",
    "encoder/config.json",
    "encoder/weights.safetensors",
    "encoder/latents.safetensors",
)


@pytest.fixture(scope="module")
def folder(trained: Callable[[str], Agent], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of an agent that tests may alter."""
    return Path(shutil.copytree(trained("ppo").folder, tmp_path_factory.mktemp("altered") / "agent"))


def content(agent: Agent) -> str:
    """What an agent is, as one hash."""
    setup = agent.setup
    weights = {name: value.numpy().tolist() for name, value in agent.model.policy.state_dict().items()}
    latents = setup.encoder.training_latents
    known = None if latents is None else np.asarray(latents).tolist()
    rest = [setup.config.to_dict(), setup.spec.to_dict(), setup.encoder.metadata, setup.target.tolist()]
    return hash_json([weights, known, rest])


def flipped(path: Path, count: int) -> Iterator[None]:
    """Flip one bit of a file at a time: at its beginning, and evenly over all of it."""
    whole = path.read_bytes()
    places = {*range(min(16, len(whole))), *np.linspace(0, len(whole) - 1, count).astype(int).tolist()}
    for place in sorted(places):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        yield
    path.write_bytes(whole)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused_by_the_files_name_or_harmless(folder: Path, name: str) -> None:
    expected = content(load_agent(folder))
    refused = 0
    for _ in flipped(folder / name, 60):
        try:
            agent = load_agent(folder)
        except InputError as error:
            assert Path(name).name in str(error) or f"{folder / 'encoder'} is not" in str(error)
            refused += 1
        else:
            assert content(agent) == expected
    # An HDF5 file has much that means nothing.
    assert refused >= (5 if name == "target.h5" else 60)
    assert content(load_agent(folder)) == expected


def test_a_flipped_bit_in_a_checkpoint_is_refused(folder: Path) -> None:
    expected = AgentCheckpoint.load(folder).identity
    for _ in flipped(folder / "checkpoint.safetensors", 200):
        with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
            AgentCheckpoint.load(folder)
    assert AgentCheckpoint.load(folder).identity == expected


def test_curves_that_are_no_table_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    assert len(read_curves(folder)) == 52
    text = (folder / "curves.csv").read_text()
    for damaged in (
        "",
        "episode,step\n",
        text[:-9],
        text.replace(",4\n", ",x\n"),
        text.replace("\n3,", "\n4,"),
    ):
        (tmp_path / "curves.csv").write_text(damaged)
        with pytest.raises(InputError, match=r"curves\.csv can't be read"):
            read_curves(tmp_path)


def test_files_of_another_agent_are_refused(folder: Path, make_config: Configs, tmp_path: Path) -> None:
    options: dict[str, Any] = {"total_steps": 16}
    one = train_agent(make_config(tmp_path / "one", **options), show_progress=False).folder
    material = Path(make_config(tmp_path).encoder).parent
    target = f"{material / 'frames.h5'}:3,7"
    other = train_agent(make_config(tmp_path / "other", target=target, **options), show_progress=False).folder
    for name, complaint in (
        ("target.h5", "target.h5 is not the target of this agent"),
        ("policy.safetensors", "policy.safetensors is not the policy of this agent"),
        ("config.json", "target.h5 is not the target of this agent"),
    ):
        mixed = Path(shutil.copytree(one, tmp_path / f"mixed {name}"))
        shutil.copy(other / name, mixed)
        with pytest.raises(InputError, match=complaint):
            load_agent(mixed)


def test_another_recipe_is_refused(folder: Path) -> None:
    text = (folder / "config.json").read_text()
    values = json.loads(text)
    values["environment"]["recipe"]["duration"] = 0.03
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"config\.json has been altered"):
        load_agent(folder)
    # The layout means nothing.
    (folder / "config.json").write_text(json.dumps(json.loads(text), sort_keys=True))
    load_agent(folder)
    (folder / "config.json").write_text(text)


def without_hashes(folder: Path) -> None:
    """Make of a folder what version 0.1.0 wrote."""
    values = json.loads((folder / "config.json").read_text())
    for name in ("target", "agent_sha256", "config_sha256"):
        del values[name]
    for part in ("config", "environment"):
        del values[part]["cells"]
    values["format"] = 1
    (folder / "config.json").write_text(json.dumps(values))
    for name in ("policy.safetensors", "checkpoint.safetensors"):
        tensors = load_file(folder / name)
        with safe_open(folder / name, framework="pt") as file:
            header = json.loads(file.metadata()["sealed_tree"].partition(" ")[2])
        header["__items__"] = [item for item in header["__items__"] if item[0] != "agent_sha256"]
        for key, value in header["__items__"]:
            if key == "identity":
                value["__items__"] = [item for item in value["__items__"] if item[0] != "cells"]
        save_file(tensors, folder / name, metadata={"tree": json.dumps(header)})


def test_an_agent_of_the_format_before_loads_and_goes_on(
    make_config: Configs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(tmp_path / "a", total_steps=32)
    agent = train_agent(config, show_progress=False)
    expected = content(agent)
    without_hashes(config.out)
    assert "agent_sha256" not in load_tree(config.out / "policy.safetensors")
    assert content(load_agent(config.out)) == expected
    longer = dataclasses.replace(config, total_steps=48, resume=True)

    # Killed between any two files of the resumed run, the folder can be read.
    for owner, name in (
        (morphsim.agents.training, "write_policy"),
        (morphsim.agents.training, "write_curves"),
        (morphsim.agents.training, "write_setup"),
        (morphsim.agents.folder, "write_frames"),
        (morphsim.agents.folder, "write_json"),
    ):
        with monkeypatch.context() as patch:

            def killed(*_: object, **__: object) -> None:
                raise SystemExit

            patch.setattr(owner, name, killed)
            with pytest.raises(SystemExit):
                train_agent(longer, show_progress=False)
        load_agent(config.out)
    train_agent(longer, show_progress=False)
    assert json.loads((config.out / "config.json").read_text())["format"] == 2


@pytest.mark.parametrize("number", [0, 3, True, "2", None])
def test_a_format_that_is_unknown_is_refused(folder: Path, number: object) -> None:
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(json.dumps({**json.loads(text), "format": number}))
    with pytest.raises(InputError, match="this version reads 1 and 2"):
        load_agent(folder)
    (folder / "config.json").write_text(text)
