"""The environments of tasks, whole by their id: film, target, reward and observation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import gymnasium as gym

from morphsim.encoder import Encoder, load_encoder
from morphsim.envs.names import environment_id
from morphsim.errors import InputError
from morphsim.rewards import (
    FixedTargets,
    LatentObservationWrapper,
    LatentRewardWrapper,
    RewardConfig,
    RewardFunction,
    RewardName,
    VectorLatentObservationWrapper,
    VectorLatentRewardWrapper,
)
from morphsim.rewards.features import Part
from morphsim.suggest import did_you_mean
from morphsim.tasks.ends import EndsAtLimit, VectorEndsAtLimit
from morphsim.tasks.family import Split, Task, find_task
from morphsim.tasks.films import film_arguments
from morphsim.tasks.targets import TargetSet, load_targets
from morphsim.tasks.wrapper import TaskWrapper, VectorTaskWrapper

TaskObservation = Literal["latent", "dict"]

PARTS: tuple[Part, ...] = ("content", "state", "target")
"""Parts of the observation "latent"."""
_OPEN = ("split", "observation", "reward", "terminate_on_success", "encoder", "device", "render_mode")


def make_task(
    *,
    task: str,
    split: Split = "train",
    observation: TaskObservation = "latent",
    reward: RewardName | RewardFunction = "progress",
    terminate_on_success: bool = False,
    encoder: str | Path | Encoder | None = None,
    device: str = "cpu",
    render_mode: str | None = None,
    **others: Any,
) -> gym.Env[Any, Any]:
    """Build the environment of a task; `gymnasium.make("morphsim:morphsim/Drying-v1")` calls this.

    Args:
        task: its name.
        split: of the targets that episodes draw: "train", "validation", "test" or "goals".
            `reset(options={"target": ...})` takes one target instead, by its name or as a frame.
        observation: "latent" for a float32 `Box` (S,) with the latent of the frame, the state of the process
            and the latent of the target; "dict" for the frame and the state.
        reward: as for `LatentRewardWrapper`.
        terminate_on_success: likewise.
        encoder: an encoder in place of the task's, for frames of the same shape; its distances then are the
            reward.
        device: of the films and the encoder.
        render_mode: None, "rgb_array" or "human".
        others: refused, since the task fixes all else.

    Raises:
        InputError: an unknown task, split, observation or argument; the targets are missing; or what the
            wrappers refuse.
    """
    parts = _parts_of(task, split, observation, reward, terminate_on_success, encoder, device, others)
    film = gym.make(
        environment_id(parts.task.process),
        disable_env_checker=True,
        render_mode=render_mode,
        **film_arguments(parts.task, device=device),
    )
    rewarded = LatentRewardWrapper.from_config(EndsAtLimit(film.unwrapped), parts.encoder, parts.config)
    env: gym.Env[Any, Any] = rewarded
    if observation == "latent":
        env = LatentObservationWrapper(env, parts.encoder, parts=PARTS)
    return TaskWrapper(env, task=parts.task, targets=parts.targets, rewarded=rewarded)


def make_vector_task(
    *,
    task: str,
    num_envs: int = 1,
    split: Split = "train",
    observation: TaskObservation = "latent",
    reward: RewardName | RewardFunction = "progress",
    terminate_on_success: bool = False,
    encoder: str | Path | Encoder | None = None,
    device: str = "cpu",
    render_mode: str | None = None,
    threads: int = 1,
    max_episode_steps: int | None = None,
    **others: Any,
) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Build the vector environment of a task, whose films are simulated as one batch; see `make_task`.

    Args:
        task: its name.
        num_envs: number of films.
        split: as for `make_task`.
        observation: likewise.
        reward: likewise.
        terminate_on_success: likewise.
        encoder: likewise.
        device: likewise.
        render_mode: None or "rgb_array".
        threads: on which the films are simulated side by side.
        max_episode_steps: a limit in addition to that of the task.
        others: refused, since the task fixes all else.

    Raises:
        InputError: as for `make_task`.
    """
    parts = _parts_of(task, split, observation, reward, terminate_on_success, encoder, device, others)
    films = gym.make_vec(
        environment_id(parts.task.process),
        num_envs=num_envs,
        render_mode=render_mode,
        threads=threads,
        max_episode_steps=max_episode_steps,
        **film_arguments(parts.task, device=device),
    )
    rewarded = VectorLatentRewardWrapper.from_config(VectorEndsAtLimit(films), parts.encoder, parts.config)
    envs: Any = rewarded
    if observation == "latent":
        envs = VectorLatentObservationWrapper(envs, parts.encoder, parts=PARTS)
    return VectorTaskWrapper(envs, task=parts.task, targets=parts.targets, rewarded=rewarded)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Parts:
    """What the single and the vector environment of a task are built from."""

    task: Task
    encoder: Encoder
    targets: TargetSet
    config: RewardConfig


def _parts_of(
    name: str,
    split: Split,
    observation: str,
    reward: RewardName | RewardFunction,
    terminate_on_success: bool,
    encoder: str | Path | Encoder | None,
    device: str,
    others: dict[str, Any],
) -> _Parts:
    task = find_task(name)
    if others:
        raise InputError(
            f"{task.name} takes no argument {next(iter(others))!r}: the task fixes all but "
            f"{', '.join(_OPEN)}; make {environment_id(task.process)} for settings of your own"
        )
    if observation not in get_args(TaskObservation):
        raise InputError(
            f"observation is {observation!r}; {did_you_mean(observation, get_args(TaskObservation))}"
        )
    given = task.encoder if encoder is None else encoder
    network = given if isinstance(given, Encoder) else load_encoder(given, device=device)
    if network.frame_shape != task.shape:
        raise InputError(
            f"the encoder takes frames of {network.frame_shape}, but those of {task.name} are {task.shape}; "
            "give an encoder for these"
        )
    targets = load_targets(task)
    frames = targets.frames[targets.rows(split)]
    config = RewardConfig(
        target=FixedTargets(list(frames)), reward=reward, terminate_on_success=terminate_on_success
    )
    return _Parts(task=task, encoder=network, targets=targets, config=config)
