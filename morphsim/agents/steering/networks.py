"""The three networks of a steering agent: estimator, surrogate and planner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Numbers of values that the networks read and return."""

    latent: int
    """D, of the content of a frame."""
    state: int
    """S, of the state of the process."""
    knobs: int
    """K, of an action."""
    hidden: int
    """M, parameters that are drawn for each film and not observed."""
    steps: int
    """T, the largest number of steps of an episode."""


class Estimator(nn.Module):
    """Estimates the hidden parameters of a film from all that was observed so far.

    A gated recurrent unit (Cho et al. 2014, doi 10.48550/arXiv.1406.1078) reads the observations in turn.

    Args:
        sizes: of its input and output.
        units: of its memory.
    """

    def __init__(self, sizes: Sizes, units: int) -> None:
        super().__init__()
        self.units = units
        self.read = nn.Linear(sizes.latent + sizes.state, units)
        self.memory = nn.GRU(units, units, batch_first=True)
        self.tell = nn.Linear(units, sizes.hidden)

    def forward(self, latents: Tensor, states: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read observations in turn.

        Args:
            latents: (B, T, D).
            states: (B, T, S).
            memory: (1, B, units) of the observations before; None for none.

        Returns:
            Estimates (B, T, M) after each observation, and the memory.
        """
        read = nn.functional.silu(self.read(torch.cat([latents, states], dim=-1)))
        found, memory = self.memory(read, memory)
        return self.tell(found), memory


class Surrogate(nn.Module):
    """Predicts the last latent of a film from its present and from the actions that follow.

    Args:
        sizes: of its input and output.
        units: of each hidden layer.
        dropout: share of the units that is left out in training.
    """

    def __init__(self, sizes: Sizes, units: int, dropout: float) -> None:
        super().__init__()
        inputs = sizes.latent + sizes.state + sizes.hidden + sizes.steps * sizes.knobs
        self.change = layers(inputs, sizes.latent, units, dropout)

    def forward(self, latent: Tensor, state: Tensor, hidden: Tensor, plan: Tensor) -> Tensor:
        """Predict the last latent.

        Args:
            latent: (B, D).
            state: (B, S).
            hidden: (B, M) estimates.
            plan: (B, T K) the next action first; 0 beyond the last step.

        Returns:
            (B, D).
        """
        change: Tensor = self.change(torch.cat([latent, state, hidden, plan], dim=-1))
        return latent + change


class Planner(nn.Module):
    """Chooses the actions that lead to a target; only the first of them is used, and then all anew.

    Args:
        sizes: of its input and output.
        units: of each hidden layer.
    """

    def __init__(self, sizes: Sizes, units: int) -> None:
        super().__init__()
        self.sizes, self.units = sizes, units
        inputs = 2 * sizes.latent + sizes.state + sizes.hidden
        self.choose = layers(inputs, sizes.steps * sizes.knobs, units, 0.0)

    def forward(self, latent: Tensor, state: Tensor, hidden: Tensor, target: Tensor) -> Tensor:
        """Choose actions.

        Args:
            latent: (B, D).
            state: (B, S).
            hidden: (B, M) estimates.
            target: (B, D) latent of the target.

        Returns:
            (B, T, K) from -1 to 1.
        """
        chosen = torch.tanh(0.5 * self.choose(torch.cat([latent, state, hidden, target], dim=-1)))
        return chosen.reshape(-1, self.sizes.steps, self.sizes.knobs)


def layers(inputs: int, outputs: int, units: int, dropout: float) -> nn.Sequential:
    """Three hidden layers."""
    modules: list[nn.Module] = []
    for width in (inputs, units, units):
        modules += [nn.Linear(width, units), nn.SiLU()]
        modules += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*modules, nn.Linear(units, outputs))


def remaining(actions: Tensor, step: Tensor) -> Tensor:
    """The actions from a step on, the next one first, 0 beyond the end.

    Args:
        actions: (B, T, K).
        step: (B,) number of steps made.

    Returns:
        (B, T K).
    """
    count, knobs = actions.shape[1:]
    place = step[:, None] + torch.arange(count)
    inside = (place < count)[..., None]
    chosen = actions.gather(1, place.clamp_max(count - 1)[..., None].expand(-1, -1, knobs))
    return (chosen * inside).flatten(1)


def mean_and_spread(predictions: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The mean (B, D) of the predictions of several surrogates, and their root mean square spread (B,)."""
    stacked = torch.stack([*predictions])
    return stacked.mean(dim=0), stacked.var(dim=0, unbiased=False).sum(dim=-1).add(1e-6).sqrt()
