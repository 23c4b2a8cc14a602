"""An agent as a folder that needs nothing else. Reading it executes nothing.

| file | what |
|---|---|
| `config.json` | the configuration, the environment, sizes, hashes, versions |
| `encoder/` | a copy of the encoder |
| `target.h5` | the target frames |
| `policy.safetensors` | weights, optimizers and the temperature of the entropy |
| `curves.csv` | a row for each episode of training |
| `checkpoint.safetensors` | what `resume` goes on from; an agent works without it |
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim._version import __version__
from morphsim.agents.config import AgentConfig
from morphsim.agents.environment import EnvironmentSpec, check_target
from morphsim.agents.model import model_state, restore_model_state
from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.files import load_tree, read_json, save_tree, write_json
from morphsim.frames import FrameSet, read_frames, write_frames

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

CONFIG = "config.json"
ENCODER = "encoder"
TARGET = "target.h5"
POLICY = "policy.safetensors"

_FORMAT = 1
_FIELDS = {"format", "config", "environment", "encoder", "observation_size", "action_size", "versions"}


@dataclass(frozen=True, eq=False, kw_only=True)
class AgentSetup:
    """What an agent is, but for what it has learned."""

    config: AgentConfig
    """As it was trained."""
    spec: EnvironmentSpec
    """Of its environment."""
    encoder: Encoder
    """Of its observations and rewards."""
    target: NDArray[np.uint8]
    """(K, H, W) 0/1."""

    def sizes(self) -> tuple[int, int]:
        """Return how many numbers an observation and an action have."""
        env = self.spec.make(self.encoder, self.target)
        observation, action = env.observation_space.shape, env.action_space.shape
        env.close()
        assert observation is not None and action is not None
        return observation[0], action[0]


def write_setup(folder: Path, setup: AgentSetup) -> None:
    """Write all but what is learned into a folder, each file in one step."""
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
    write_json(
        folder / CONFIG,
        {
            "format": _FORMAT,
            "config": setup.config.to_dict(),
            "environment": setup.spec.to_dict(),
            "encoder": {"source": setup.config.encoder, "sha256": setup.encoder.hash},
            "observation_size": observation_size,
            "action_size": action_size,
            "versions": {
                "morphsim": __version__,
                "stable_baselines3": stable_baselines3.__version__,
                "gymnasium": gymnasium.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
        },
    )


def read_setup(folder: Path, device: torch.device) -> AgentSetup:
    """Read what `write_setup` wrote.

    Args:
        folder: of the agent.
        device: for the encoder.

    Raises:
        InputError: a file is missing, truncated or altered, or they don't fit together.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; name the folder of an agent")
    for name in (CONFIG, TARGET, POLICY):
        if not (folder / name).is_file():
            raise InputError(f"{folder} holds no {name}; name the folder of a trained agent, or train it on")
    path = folder / CONFIG
    values = read_json(path)
    if not isinstance(values, dict) or set(values) != _FIELDS:
        raise InputError(f"{path} must hold {', '.join(sorted(_FIELDS))}; train the agent again")
    if values["format"] != _FORMAT:
        raise InputError(f"{path} is of format {values['format']!r}; this version reads format {_FORMAT}")
    try:
        config = AgentConfig.from_dict(values["config"])
        spec = EnvironmentSpec.from_dict(values["environment"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    encoder = load_encoder(folder / ENCODER, device=str(device))
    stored = values["encoder"]
    if not isinstance(stored, dict) or stored.get("sha256") != encoder.hash:
        raise InputError(f"{folder / ENCODER} is not the encoder of this agent (hash); restore it")
    target = read_frames(folder / TARGET).frames
    check_target(target, folder / TARGET, encoder)
    if spec.shape != encoder.frame_shape:
        raise InputError(f"{path}: shape {spec.shape} is not that of the encoder, {encoder.frame_shape}")
    setup = AgentSetup(config=config, spec=spec, encoder=encoder, target=target)
    try:
        sizes = setup.sizes()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if (values["observation_size"], values["action_size"]) != sizes:
        raise InputError(f"{path}: its sizes are not those of its environment, {sizes}; restore it")
    return setup


def write_policy(folder: Path, model: BaseAlgorithm) -> None:
    """Write what a model has learned, in one step."""
    save_tree(folder / POLICY, model_state(model))


def read_policy(folder: Path, model: BaseAlgorithm) -> None:
    """Fill a model with what `write_policy` wrote.

    Raises:
        InputError: the file is missing, truncated or of another model.
    """
    fill(model, load_tree(folder / POLICY), folder / POLICY)


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
