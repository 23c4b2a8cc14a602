"""A steering agent: one policy for all targets of a task, with the interface of Stable-Baselines3."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from morphsim.agents.steering.examples import HiddenScale
from morphsim.agents.steering.networks import Planner, Sizes
from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.files import load_tree, save_tree
from morphsim.tasks import Split, Task, find_task, make_task

POLICY = "steering.safetensors"
FORMAT = 2

Memory = tuple[NDArray[np.float32], ...]
"""What a policy remembers between steps, as Stable-Baselines3's recurrent policies do."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SteeringAgent:
    """A policy for all targets of a task.

    At each step it estimates what is hidden from all that it observed, plans the remaining actions, and makes
    the first of them.

    Examples:
        >>> agent = load_steering_agent("runs/steering")                    # doctest: +SKIP
        >>> env = agent.make_env(split="test")                              # doctest: +SKIP
        >>> observation, info = env.reset(seed=1)                           # doctest: +SKIP
        >>> action, memory = agent.predict(observation)                     # doctest: +SKIP
    """

    task: Task
    """The task that it was trained for."""
    sizes: Sizes
    """Numbers of values of its networks."""
    planner: Planner
    """Estimates the hidden parameters and chooses the actions."""
    scale: HiddenScale
    """Unit of the hidden parameters."""
    encoder: str
    """Hash of the encoder whose latents it observes."""
    films: int
    """Number of films that it was trained on."""

    @torch.no_grad()
    def predict(
        self,
        observation: ArrayLike,
        state: Memory | None = None,
        episode_start: ArrayLike | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Memory]:
        """Choose actions, as `predict` of Stable-Baselines3's policies.

        Args:
            observation: (O,), or (N, O) for several films, of the task with the observation "latent".
            state: what the last call returned; None at the start of all episodes.
            episode_start: (N,) whether a film's episode has just begun.
            deterministic: has no effect; the policy is deterministic.

        Returns:
            Actions (K,) or (N, K) from -1 to 1, and the memory.

        Raises:
            InputError: an observation of another shape, or with values that are not finite.
        """
        values = np.asarray(observation, np.float32)
        size = 2 * self.sizes.latent + self.sizes.state
        if values.ndim not in (1, 2) or values.shape[-1] != size:
            raise InputError(
                f"the observation has the shape {values.shape}; this agent takes ({size},) or (N, {size})"
            )
        if not np.isfinite(values).all():
            raise InputError("the observation holds NaN or infinity; it must be finite")
        rows = torch.from_numpy(np.atleast_2d(values))
        ends = self.sizes.latent, self.sizes.latent + self.sizes.state
        latent, process, target = torch.tensor_split(rows, ends, dim=1)
        memory = torch.zeros(1, len(rows), self.planner.history.units)
        if state is not None:
            memory = torch.from_numpy(np.asarray(state[0], np.float32)).reshape(memory.shape).clone()
            if episode_start is not None:
                memory[:, torch.from_numpy(np.atleast_1d(np.asarray(episode_start, np.bool_)))] = 0.0
        present = torch.cat([latent, process], dim=1)
        known, memory = self.planner.history(present[:, None], memory)
        actions = self.planner(known[:, 0], present, target)[:, 0].numpy()
        return (actions[0] if values.ndim == 1 else actions), (memory.numpy(),)

    def hidden_parameters(self, memory: Memory) -> dict[str, NDArray[np.float64]]:
        """What the agent takes the hidden parameters for, (N,) each by name.

        Args:
            memory: returned by `predict`.
        """
        with torch.no_grad():
            found = self.planner.history.hidden(torch.from_numpy(memory[0])[0]).double().numpy()
        values = np.exp(found * self.scale.spread + self.scale.mean)
        return {name: values[:, place] for place, name in enumerate(self.scale.names)}

    def make_env(
        self, split: Split = "test", *, encoder: str | Encoder | None = None, **options: Any
    ) -> gym.Env[Any, Any]:
        """Build the environment of the agent's task; see `morphsim.tasks.make_task`.

        Raises:
            InputError: the encoder is another one than the agent was trained with.
        """
        given = self.task.encoder if encoder is None else encoder
        network = given if isinstance(given, Encoder) else load_encoder(given)
        self.check_encoder(network)
        return make_task(task=self.task.name, split=split, encoder=network, **options)

    def check_encoder(self, encoder: Encoder) -> None:
        """Check that the agent can read the latents of an encoder.

        Raises:
            InputError: it was trained with another one.
        """
        if encoder.hash != self.encoder:
            raise InputError(
                f"the agent was trained with the encoder {self.encoder[:12]}, and this one is "
                f"{encoder.hash[:12]}; train it again"
            )

    def save(self, folder: Path) -> None:
        """Write the agent into a folder, atomically."""
        save_tree(
            folder / POLICY,
            {
                "format": FORMAT,
                "task": self.task.name,
                "encoder": self.encoder,
                "films": self.films,
                "sizes": asdict(self.sizes),
                "units": [self.planner.history.units, self.planner.units],
                "hidden": list(self.scale.names),
                "mean": torch.from_numpy(self.scale.mean),
                "spread": torch.from_numpy(self.scale.spread),
                "planner": dict(self.planner.state_dict()),
            },
        )


def is_steering_agent(folder: Path) -> bool:
    """Whether a folder holds an agent for all targets of a task."""
    return (folder / POLICY).is_file()


def load_steering_agent(folder: str | Path) -> SteeringAgent:
    """Load an agent from the folder that its training wrote; nothing in it is executed.

    Raises:
        InputError: the file is missing, damaged or altered.
    """
    path = Path(folder) / POLICY
    tree = load_tree(path)
    try:
        if tree["format"] != FORMAT:
            raise InputError(f"{path} is an agent of another version; train it again")
        sizes = Sizes(**tree["sizes"])
        planner = Planner(sizes, *(int(units) for units in tree["units"]))
        planner.load_state_dict(tree["planner"])
        scale = HiddenScale(
            names=tuple(tree["hidden"]), mean=tree["mean"].numpy(), spread=tree["spread"].numpy()
        )
        if not all(torch.isfinite(value).all() for value in planner.parameters()):
            raise ValueError("a weight is not finite")
        return SteeringAgent(
            task=find_task(tree["task"]),
            sizes=sizes,
            planner=planner.eval(),
            scale=scale,
            encoder=str(tree["encoder"]),
            films=int(tree["films"]),
        )
    except (AttributeError, KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not an agent ({error}); train it again") from error
