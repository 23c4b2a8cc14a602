"""Training of an agent; it can be killed at any moment and resumed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.agents.agent import Agent, load_agent
from morphsim.agents.checkpoint import CHECKPOINT, AgentCheckpoint
from morphsim.agents.config import AgentConfig
from morphsim.agents.curves import Episode, write_curves
from morphsim.agents.environment import check_target, resolve_environment
from morphsim.agents.folder import POLICY, write_policy, write_setup
from morphsim.agents.model import build_model, check_memory, is_finite, learning_device
from morphsim.agents.randomness import own_randomness
from morphsim.agents.setup import AgentSetup
from morphsim.agents.vectors import training_envs
from morphsim.device import set_threads
from morphsim.encoder import TrainingDiverged, load_encoder
from morphsim.errors import InputError
from morphsim.frames import read_target_frames, stated_boundary
from morphsim.frames.binarisation import Binarisation
from morphsim.locks import claimed_folder
from morphsim.progress import Advance, progress
from morphsim.rewards.source import check_boundary

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

_RECENT = 20


def train_agent(config: AgentConfig, *, show_progress: bool = True) -> Agent:
    """Train an agent to steer films towards a target, on latents of a frozen encoder.

    The folder `config.out` gets everything that `load_agent` needs (see `morphsim.agents.folder`), the
    curves, and checkpoints for `resume` after an interruption or a kill: the networks, their optimisers, the
    replay buffer and the random generators. Only episodes in progress start again. Films of training never
    share a seed with those of `evaluate_agent`, see `morphsim.agents.seeds`. With several environments, a
    script must guard its entry with `if __name__ == "__main__":`, since each process imports it.

    Args:
        config: options of the run.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The agent, as returned by `load_agent(config.out)`.

    Raises:
        InputError: the encoder, the target or the recipe can't be used or don't fit together, or the folder
            holds another run.
        MachineError: the process of an environment was killed.
        TrainingDiverged: a weight or the width of the policy became NaN or infinite.
        MachineError: another run writes to the folder, or the disk is full.
        KeyboardInterrupt: on Ctrl-C, with a message that says which step is kept.
    """
    device = learning_device(config.device)
    with claimed_folder(config.out):
        _check_folder(config)
        setup = _prepare(config, device)
        threads = torch.get_num_threads()
        set_threads(config.threads)
        try:
            with own_randomness(device):
                _Run(setup, device).train(show_progress)
        finally:
            torch.set_num_threads(threads)
    return load_agent(config.out, device=config.device)


def _check_folder(config: AgentConfig) -> None:
    if not config.resume and any((config.out / name).exists() for name in (CHECKPOINT, POLICY)):
        raise InputError(f"{config.out} holds an agent; continue with --resume, or choose another --out")
    if config.resume and (config.out / POLICY).exists() and not (config.out / CHECKPOINT).exists():
        raise InputError(f"{config.out} holds an agent without its checkpoint; choose another --out")


def _prepare(config: AgentConfig, device: torch.device) -> AgentSetup:
    # Several environments run in separate processes, which a GPU would have to serve one by one.
    place = "cpu" if config.n_envs > 1 else str(device)
    encoder = load_encoder(config.encoder, device=place)
    made = Binarisation.of_encoder(encoder.metadata)
    target: NDArray[np.uint8] = made.fit(
        read_target_frames(config.target, binarisation=made), encoder.frame_shape
    )
    check_boundary({"boundary": stated_boundary(config.target)}, encoder, name=str(config.target))
    check_target(target, config.target, encoder)
    spec = resolve_environment(config, encoder)
    setup = AgentSetup(config=config, spec=spec, encoder=encoder, target=target)
    check_memory(config, *setup.sizes())
    return setup


class _Run:
    """The state of one training run."""

    def __init__(self, setup: AgentSetup, device: torch.device) -> None:
        self.setup = setup
        self.config = setup.config
        self.device = device
        self.episodes: list[Episode] = []
        self.begun = [0] * self.config.n_envs
        self.checkpoint: AgentCheckpoint | None = None
        if self.config.resume and (self.config.out / CHECKPOINT).exists():
            self.checkpoint = AgentCheckpoint.load(self.config.out)
            self.checkpoint.check_continues(setup)
            self.begun = list(self.checkpoint.begun)

    def train(self, show_progress: bool) -> None:
        """Run the remaining steps, and write checkpoints and results."""
        config, setup = self.config, self.setup
        torch.manual_seed(config.seed)
        np.random.seed(config.seed)  # noqa: NPY002 - the library draws its batches from it
        with training_envs(
            setup.spec, setup.encoder, setup.target, seed=config.seed, episodes=self.begun
        ) as envs:
            self.rewards = np.zeros(envs.num_envs)
            self.lengths = np.zeros(envs.num_envs, np.int64)
            model = build_model(config, envs, self.device)
            model.action_space.seed(config.seed)
            model.set_logger(_silent_logger())
            if self.checkpoint is not None:
                self.episodes = self.checkpoint.restore(model, config.out)
                # Results that a killed run wrote may be older or newer than its checkpoint.
                self._write_results(model)
            # After the policy, since that of an earlier version lacks the hash in the new setup.
            with own_randomness(self.device):
                write_setup(config.out, setup)
            try:
                self._learn(model, show_progress)
            except KeyboardInterrupt:
                kept = 0 if self.checkpoint is None else self.checkpoint.steps
                raise KeyboardInterrupt(
                    f"stopped after {model.num_timesteps} of {config.total_steps} steps; "
                    f"the same command with --resume continues from step {kept}"
                ) from None

    def _learn(self, model: BaseAlgorithm, show_progress: bool) -> None:
        config = self.config
        at_once = config.ppo.rollout_steps if config.algorithm == "ppo" else config.n_envs
        total = math.ceil(config.total_steps / at_once) * at_once
        done = model.num_timesteps
        # The first call of `learn` begins an episode in each environment; later calls continue it.
        self.begun = [count + 1 for count in self.begun]
        with progress("training", total, unit="steps", done=done, show=show_progress) as advance:
            while model.num_timesteps < config.total_steps:
                steps = min(config.checkpoint_every, config.total_steps - model.num_timesteps)
                try:
                    model.learn(steps, self._follow(advance), reset_num_timesteps=False)
                except ValueError as error:
                    # Torch's distributions refuse NaN parameters and invalid widths first.
                    if str(error).startswith("Expected parameter"):
                        raise _diverged(model) from error
                    raise
                if not is_finite(model):
                    raise _diverged(model)
                self._save(model)

    def _follow(self, advance: Advance) -> Any:
        """Return a callback that records the episodes."""

        def follow(local: dict[str, Any], _: dict[str, Any]) -> bool:
            model = local["self"]
            self.rewards += local["rewards"]
            self.lengths += 1
            for number in np.flatnonzero(local["dones"]):
                info = local["infos"][number]
                self.episodes.append(
                    Episode(
                        model.num_timesteps,
                        float(self.rewards[number]),
                        float(info["distance"]),
                        int(self.lengths[number]),
                    )
                )
                self.begun[number] += 1
                self.rewards[number] = self.lengths[number] = 0
            advance(len(local["dones"]), note=_note(self.episodes))
            return True

        return follow

    def _save(self, model: BaseAlgorithm) -> None:
        self.checkpoint = AgentCheckpoint.of(
            model, begun=list(self.begun), episodes=self.episodes, identity=self.setup.identity()
        )
        self.checkpoint.save(self.config.out)
        self._write_results(model)

    def _write_results(self, model: BaseAlgorithm) -> None:
        write_policy(self.config.out, model, self.setup)
        write_curves(self.config.out, self.episodes)


def _silent_logger() -> Any:
    from stable_baselines3.common.logger import Logger

    return Logger(folder=None, output_formats=[])


def _note(episodes: list[Episode]) -> str:
    recent = episodes[-_RECENT:]
    if not recent:
        return ""
    reward = math.fsum(episode.total_reward for episode in recent) / len(recent)
    distance = math.fsum(episode.final_distance for episode in recent) / len(recent)
    return f"return {reward:.3g}, final distance {distance:.3g}"


def _diverged(model: BaseAlgorithm) -> TrainingDiverged:
    return TrainingDiverged(
        f"the networks diverged by step {model.num_timesteps}; the last checkpoint is kept: "
        "train again with a smaller learning_rate"
    )
