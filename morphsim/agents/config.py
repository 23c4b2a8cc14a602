"""Configuration of the training of an agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

from morphsim.checks import (
    LARGEST,
    LEARNING_RATES,
    MOST_PROCESSES,
    MOST_THREADS,
    check_choice,
    check_flag,
    check_frame_shape,
    check_number,
    check_seed,
    check_tuple,
    check_whole,
    exact_fields,
    shown,
)
from morphsim.device import DeviceName
from morphsim.errors import InputError
from morphsim.rewards import RewardName
from morphsim.simulator.processes import DEFAULT_PROCESS, PROCESSES, ProcessName

AlgorithmName = Literal["ppo", "sac"]

_MOST_LAYERS = 32
_LARGEST_LAYER = 8192
# Per network; an agent has up to five networks, three of them with the moments of Adam.
_MOST_WEIGHTS = 70_000_000
# Steps in memory; their size in bytes is checked once the size of an observation is known.
_MOST_REMEMBERED = 100_000_000
_MOST_UPDATES = 1_000_000
MOST_STEPS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017, doi 10.48550/arXiv.1707.06347).

    Raises:
        InputError: a value is out of range.
    """

    rollout_steps: int = 256
    """Steps between two updates, counted over all environments; a multiple of their number."""
    batch_size: int = 64
    """Batch size of a gradient step; a divisor of `rollout_steps`."""
    n_epochs: int = 10
    """Passes over the rollout in an update."""
    ent_coef: float = 0.0
    """Weight of the policy's entropy."""
    gae_lambda: float = 0.95
    """λ of generalised advantage estimation: 1 relies on returns, 0 on the value network."""
    clip_range: float = 0.2
    """Largest relative change of the probability of an action in an update."""

    def __post_init__(self) -> None:
        check_whole("ppo.rollout_steps", self.rollout_steps, 2, _MOST_REMEMBERED)
        check_whole("ppo.batch_size", self.batch_size, 2, _MOST_REMEMBERED)
        check_whole("ppo.n_epochs", self.n_epochs, 1, _MOST_UPDATES)
        check_number("ppo.ent_coef", self.ent_coef, 0.0, 1e3)
        check_number("ppo.gae_lambda", self.gae_lambda, 0.0, 1.0)
        check_number("ppo.clip_range", self.clip_range, 0.0, 1.0, above=True)
        if self.rollout_steps % self.batch_size:
            raise InputError(
                f"ppo.batch_size is {self.batch_size}; it must divide ppo.rollout_steps, {self.rollout_steps}"
            )


@dataclass(frozen=True, kw_only=True)
class SACConfig:
    """Soft actor-critic (Haarnoja et al. 2018, doi 10.48550/arXiv.1812.05905).

    The temperature of the entropy is learned.

    Raises:
        InputError: a value is out of range.
    """

    buffer_size: int = 100_000
    """Steps in the replay buffer."""
    learning_starts: int = 200
    """Steps of random actions before the first gradient step."""
    batch_size: int = 256
    """Batch size of a gradient step."""
    train_every: int = 1
    """Steps of each environment between two updates."""
    gradient_steps: int = 1
    """Gradient steps in an update."""
    tau: float = 0.005
    """Weight of the critic in the update of the target network in a gradient step."""
    temperature: float = 0.05
    """Initial weight of the entropy. Rewards are tenths per step, so with the usual 1 the entropy dominates:
    an agent is rewarded for random actions until the weight has been learned down, which takes long."""

    def __post_init__(self) -> None:
        check_whole("sac.learning_starts", self.learning_starts, 0)
        for name, most in (
            ("buffer_size", _MOST_REMEMBERED),
            ("batch_size", _MOST_REMEMBERED),
            ("train_every", LARGEST),
            ("gradient_steps", _MOST_UPDATES),
        ):
            check_whole(f"sac.{name}", getattr(self, name), 1, most)
        check_number("sac.tau", self.tau, 0.0, 1.0, above=True)
        # Its logarithm is learned in single precision.
        check_number("sac.temperature", self.temperature, 1e-12, 10.0)


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """The training of an agent that steers a film towards a target.

    Raises:
        InputError: a value is out of range.
    """

    encoder: str
    """Name of a shipped encoder, or the folder of an encoder."""
    target: str
    """The morphology to reach: FILE, FILE:ROW or FILE:ROW,ROW,...; of several frames the nearest counts."""
    out: Path = Path("runs/agent")
    """Folder for the agent, its curves and its checkpoint."""
    env: ProcessName = DEFAULT_PROCESS
    """What happens to the film."""
    recipe: Path | None = None
    """TOML file of the film's recipe, with the initial values of the knobs (default: the environment's)."""
    knobs: tuple[str, ...] = ()
    """Knobs that the agent controls (default: the environment's)."""
    shape: tuple[int, int] | None = None
    """Height and width of the frames; only those of the encoder, the default, are allowed."""
    cells: tuple[int, int] | None = None
    """Height and width of the solver's grid (default: that of the process for this shape)."""
    steps: int = 20
    """Steps of an episode; a film that is kept from drying may take twice as many."""
    reward: RewardName = "progress"
    """Reward of a step. `progress` is the decrease of the distance to the target in the step, so the rewards
    of an episode add up to the initial distance minus the final one: only the end of the film counts, not
    the path to it. `distance` and `squared` charge for the distance after every step, so they also reward
    approaching the target early and ending the film soon."""
    algorithm: AlgorithmName = "ppo"
    """Learning algorithm: ppo is robust and fast, sac needs fewer steps of the simulator."""
    total_steps: int = 20_000
    """Steps of the simulator; ppo continues to the end of a rollout."""
    n_envs: int = 1
    """Parallel environments; more than one run in separate processes."""
    hidden: tuple[int, ...] = (64, 64)
    """Units in each hidden layer of policy and value networks."""
    learning_rate: float = 1e-3
    """Step size of Adam."""
    gamma: float = 1.0
    """Discount of rewards per step. Episodes are short and terminate, so 1 is valid, and with `progress` the
    return is then the score itself."""
    seed: int = 0
    """Seed of the networks, of exploration and of the films' noise."""
    device: DeviceName = "auto"
    """Device of the networks; auto is the CPU, since networks this small are slower on a GPU."""
    threads: int = 1
    """CPU threads of torch; processes of environments always have one thread."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""
    resume: bool = False
    """Resume from the checkpoint in the folder, or start if there is none."""
    ppo: PPOConfig = field(default_factory=PPOConfig)
    """Options of ppo."""
    sac: SACConfig = field(default_factory=SACConfig)
    """Options of sac."""

    def __post_init__(self) -> None:
        for name in ("encoder", "target"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise InputError(f"{name} is {getattr(self, name)!r}; it must be a string that is not empty")
        check_choice("env", self.env, PROCESSES)
        check_choice("reward", self.reward, get_args(RewardName))
        check_choice("algorithm", self.algorithm, get_args(AlgorithmName))
        for name, most in (
            ("steps", MOST_STEPS),
            ("total_steps", LARGEST),
            ("n_envs", MOST_PROCESSES),
            ("threads", MOST_THREADS),
            ("checkpoint_every", LARGEST),
        ):
            check_whole(name, getattr(self, name), 1, most)
        check_seed("seed", self.seed, below=2**32)
        check_number("learning_rate", self.learning_rate, *LEARNING_RATES)
        check_number("gamma", self.gamma, 0.0, 1.0, above=True)
        self._check_hidden()
        for name in ("shape", "cells"):
            if getattr(self, name) is not None:
                check_frame_shape(name, getattr(self, name))
        if not isinstance(self.knobs, tuple) or not all(isinstance(knob, str) for knob in self.knobs):
            raise InputError(f"knobs is {shown(self.knobs)}; it must be names")
        check_flag("resume", self.resume)
        if self.algorithm == "ppo" and self.ppo.rollout_steps % self.n_envs:
            raise InputError(
                f"n_envs is {self.n_envs}; it must divide ppo.rollout_steps, {self.ppo.rollout_steps}"
            )

    def _check_hidden(self) -> None:
        # The limits keep a damaged file from requesting more memory than any machine has.
        check_tuple("hidden", self.hidden, 0, _MOST_LAYERS, f"the units of at most {_MOST_LAYERS} layers")
        told = f"hidden is {shown(self.hidden)}"
        for units in self.hidden:
            check_whole("hidden", units, 1)
            if units > _LARGEST_LAYER:
                raise InputError(f"{told}; no layer may have over {_LARGEST_LAYER} units")
        weights = sum(first * second for first, second in pairwise(self.hidden))
        if weights > _MOST_WEIGHTS:
            raise InputError(
                f"{told}: {weights:,} weights in a network, but at most {_MOST_WEIGHTS:,} are allowed; make "
                "layers smaller"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values for JSON."""
        values = asdict(self)
        values.update(
            out=str(self.out),
            recipe=None if self.recipe is None else str(self.recipe),
            knobs=list(self.knobs),
            shape=None if self.shape is None else list(self.shape),
            cells=None if self.cells is None else list(self.cells),
            hidden=list(self.hidden),
        )
        return values

    @classmethod
    def from_dict(cls, values: object) -> AgentConfig:
        """Read the values that `to_dict` returned.

        Raises:
            InputError: a field is missing, unknown or out of range.
        """
        if isinstance(values, Mapping):
            # Earlier versions had no choice of cells.
            values = {"cells": None, **values}
        given = exact_fields(cls, values, "the agent's configuration")
        given["ppo"] = PPOConfig(**exact_fields(PPOConfig, given["ppo"], "ppo"))
        given["sac"] = SACConfig(**exact_fields(SACConfig, given["sac"], "sac"))
        for name in ("knobs", "hidden", "shape", "cells"):
            if name in {"shape", "cells"} and given[name] is None:
                continue
            if not isinstance(given[name], list):
                raise InputError(f"{name} is {shown(given[name])}; it must be a list")
            given[name] = tuple(given[name])
        for name in ("out", "recipe"):
            if name == "recipe" and given[name] is None:
                continue
            if not isinstance(given[name], str):
                raise InputError(f"{name} is {given[name]!r}; it must be a path")
            given[name] = Path(given[name])
        return cls(**given)
