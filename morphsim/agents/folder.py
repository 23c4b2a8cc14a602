"""Storage of an agent as a self-contained folder. Reading it executes no code.

Each file has a hash of its content, and `config.json` also has those of encoder and target. A hash of the
identity of the run is in both `config.json` and `policy.safetensors`: altered or exchanged files are refused,
but a file may be replaced by a newer one of the same run at any time. Agents of format 1, which have only the
hash of the encoder, can still be loaded.

| file | content |
|---|---|
| `config.json` | the configuration, the environment, sizes, hashes, versions |
| `encoder/` | a copy of the encoder |
| `target.h5` | the target frames |
| `policy.safetensors` | weights, optimisers and the temperature of the entropy |
| `curves.csv` | a row for each episode of training |
| `checkpoint.safetensors` | the state for `resume`; not needed to use the agent |
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from morphsim._version import __version__
from morphsim.agents.config import AgentConfig
from morphsim.agents.environment import EnvironmentSpec, check_target
from morphsim.agents.model import model_state, restore_model_state
from morphsim.agents.setup import AgentSetup
from morphsim.encoder import load_encoder
from morphsim.errors import InputError
from morphsim.files import altered, load_tree, read_json, save_tree, write_json
from morphsim.frames import FrameSet, read_frames, write_frames
from morphsim.hashes import hash_json, hash_without

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

CONFIG = "config.json"
ENCODER = "encoder"
TARGET = "target.h5"
POLICY = "policy.safetensors"

_CONFIG_HASH = "config_sha256"
_AGENT = "agent_sha256"
_FIELDS = {"format", "config", "environment", "encoder", "observation_size", "action_size", "versions"}
_FORMATS = {1: _FIELDS, 2: _FIELDS | {"target", _AGENT, _CONFIG_HASH}}
_FORMAT = max(_FORMATS)


def write_setup(folder: Path, setup: AgentSetup) -> None:
    """Write everything except the policy into a folder, each file atomically."""
    import gymnasium
    import stable_baselines3

    setup.encoder.save(folder / ENCODER)
    boundary = setup.spec.recipe["boundary"]
    target = FrameSet(
        frames=setup.target,
        columns={"trajectory": np.arange(len(setup.target))},
        process=setup.spec.env,
        boundary=boundary,
    )
    write_frames(folder / TARGET, target)
    observation_size, action_size = setup.sizes()
    values = {
        "format": _FORMAT,
        "config": setup.config.to_dict(),
        "environment": setup.spec.to_dict(),
        "encoder": {"source": setup.config.encoder, "sha256": setup.encoder.hash},
        "target": {"source": setup.config.target, "sha256": setup.target_hash()},
        "observation_size": observation_size,
        "action_size": action_size,
        _AGENT: hash_json(setup.identity()),
        "versions": {
            "morphsim": __version__,
            "stable_baselines3": stable_baselines3.__version__,
            "gymnasium": gymnasium.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
    write_json(folder / CONFIG, {**values, _CONFIG_HASH: hash_without(values, _CONFIG_HASH)})


def read_setup(folder: Path, device: torch.device) -> AgentSetup:
    """Read the setup that `write_setup` wrote.

    Args:
        folder: folder of the agent.
        device: device of the encoder.

    Raises:
        InputError: a file is missing, truncated or altered, or the files don't fit together.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the folder of an agent")
    for name in (CONFIG, TARGET, POLICY):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} holds no {name}; give the folder of a trained agent, or resume its training"
            )
    path = folder / CONFIG
    values = _read_config(path)
    try:
        config = AgentConfig.from_dict(values["config"])
        spec = EnvironmentSpec.from_dict(values["environment"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    encoder = load_encoder(folder / ENCODER, device=str(device))
    if _stored_hash(values["encoder"]) != encoder.hash:
        raise InputError(f"{folder / ENCODER} is not the encoder of this agent (hash); restore it")
    target = read_frames(folder / TARGET).frames
    check_target(target, folder / TARGET, encoder)
    if spec.shape != encoder.frame_shape:
        raise InputError(f"{path}: shape {spec.shape} is not that of the encoder, {encoder.frame_shape}")
    setup = AgentSetup(config=config, spec=spec, encoder=encoder, target=target)
    if "target" in values and _stored_hash(values["target"]) != setup.target_hash():
        raise InputError(f"{folder / TARGET} is not the target of this agent (hash); restore it")
    try:
        sizes = setup.sizes()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if (values["observation_size"], values["action_size"]) != sizes:
        raise InputError(f"{path}: its sizes are not those of its environment, {sizes}; restore it")
    return setup


def _read_config(path: Path) -> dict[str, Any]:
    values = read_json(path)
    if not isinstance(values, dict) or not set(values) >= _FIELDS:
        raise InputError(f"{path} must hold {', '.join(sorted(_FIELDS))}; train the agent again")
    number = values["format"]
    if type(number) is not int or number not in _FORMATS:
        known = " and ".join(map(str, _FORMATS))
        raise InputError(
            f"{path} is of format {number!r}, but this version reads {known}; train the agent again"
        )
    if set(values) != _FORMATS[number]:
        raise InputError(f"{path} must hold {', '.join(sorted(_FORMATS[number]))}; train the agent again")
    if _CONFIG_HASH in values and values[_CONFIG_HASH] != hash_without(values, _CONFIG_HASH):
        raise altered(path)
    return values


def _stored_hash(entry: object) -> object:
    return entry.get("sha256") if isinstance(entry, Mapping) else None


def write_policy(folder: Path, model: BaseAlgorithm, setup: AgentSetup) -> None:
    """Write the learned state of a model in the run of `setup`, atomically."""
    save_tree(folder / POLICY, {**model_state(model), _AGENT: hash_json(setup.identity())})


def read_policy(folder: Path, model: BaseAlgorithm) -> None:
    """Fill a model with the state that `write_policy` wrote.

    Raises:
        InputError: the file is missing, truncated, altered or of another agent.
    """
    path = folder / POLICY
    state = load_tree(path)
    values = _read_config(folder / CONFIG)
    if _AGENT in values and state.get(_AGENT) != values[_AGENT]:
        raise InputError(
            f"{path} is not the policy of this agent (hash); restore it, or train the agent again"
        )
    fill(model, state, path)


def fill(model: BaseAlgorithm, state: Any, path: Path) -> None:
    """Fill a model with the `state` that was read from `path`.

    Raises:
        InputError: it doesn't fit.
    """
    try:
        restore_model_state(model, state)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} doesn't fit config.json ({reason}); restore one of them") from error
