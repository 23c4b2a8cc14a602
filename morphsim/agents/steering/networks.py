"""The two kinds of network of a steering agent: surrogates, and the planner that is trained through them."""

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


class History(nn.Module):
    """What was observed so far, as a vector from which the hidden parameters can be told.

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
        self.estimate = nn.Linear(units, sizes.hidden) if sizes.hidden else None

    def forward(self, observed: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read observations in turn.

        Args:
            observed: (B, T, D + S) latents and states.
            memory: (1, B, units) of the observations before; None for none.

        Returns:
            What is known after each observation, (B, T, units), and the memory.
        """
        known, memory = self.memory(nn.functional.silu(self.read(observed)), memory)
        return known, memory

    def hidden(self, known: Tensor) -> Tensor:
        """Estimates (..., M) of the hidden parameters from what is known (..., units)."""
        if self.estimate is None:
            return known[..., :0]
        found: Tensor = self.estimate(known)
        return found


class Surrogate(nn.Module):
    """Predicts the latents of a film after each of the actions to come, from all that was observed so far.

    Args:
        sizes: of its input and output.
        units: of its memory and of each hidden layer.
        dropout: share of the units that is left out in training.
    """

    def __init__(self, sizes: Sizes, units: int, dropout: float) -> None:
        super().__init__()
        self.sizes = sizes
        self.history = History(sizes, units)
        self.begin = nn.Sequential(
            nn.Linear(units + sizes.latent + sizes.state, units),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(units, units),
        )
        self.action = nn.Linear(sizes.knobs, units)
        self.course = nn.GRU(units, units, batch_first=True)
        self.change = nn.Sequential(
            nn.Linear(2 * units, units), nn.SiLU(), nn.Dropout(dropout), nn.Linear(units, sizes.latent)
        )

    def forward(self, observed: Tensor, step: Tensor, plan: Tensor) -> tuple[Tensor, Tensor]:
        """Predict latents.

        Args:
            observed: (B, T + 1, D + S) latents and states; those after `step` are not used.
            step: (B,) number of steps made.
            plan: (B, T, K) the next action first; what lies beyond the last step has no effect.

        Returns:
            Latents (B, T, D) after each action of the plan, and estimates (B, T + 1, M) of the hidden
            parameters after each observation.
        """
        known, _ = self.history(observed)
        row = torch.arange(len(step))
        present = observed[row, step]
        begin = self.begin(torch.cat([known[row, step], present], dim=-1))
        course, _ = self.course(nn.functional.silu(self.action(plan)), begin[None].contiguous())
        change = self.change(torch.cat([course, begin[:, None].expand_as(course)], dim=-1))
        return present[:, None, : self.sizes.latent] + change, self.history.hidden(known)

    def last(self, observed: Tensor, step: Tensor, plan: Tensor) -> Tensor:
        """Predict the last latents (B, D); arguments as above."""
        latents, _ = self(observed, step, plan)
        found: Tensor = latents[torch.arange(len(step)), self.sizes.steps - 1 - step]
        return found


class Planner(nn.Module):
    """Chooses the actions that lead to a target; only the first of them is used, and then all anew.

    Args:
        sizes: of its input and output.
        memory: units of its memory.
        units: of each of its three hidden layers.
    """

    def __init__(self, sizes: Sizes, memory: int, units: int) -> None:
        super().__init__()
        self.sizes, self.units = sizes, units
        self.history = History(sizes, memory)
        modules: list[nn.Module] = []
        for width in (memory + 2 * sizes.latent + sizes.state, units, units):
            modules += [nn.Linear(width, units), nn.SiLU()]
        self.choose = nn.Sequential(*modules, nn.Linear(units, sizes.steps * sizes.knobs))

    def forward(self, known: Tensor, present: Tensor, target: Tensor) -> Tensor:
        """Choose actions.

        Args:
            known: (B, units) what its history tells.
            present: (B, D + S) the last observation.
            target: (B, D) latent of the target.

        Returns:
            (B, T, K) from -1 to 1.
        """
        chosen = torch.tanh(0.5 * self.choose(torch.cat([known, present, target], dim=-1)))
        return chosen.reshape(-1, self.sizes.steps, self.sizes.knobs)


def remaining(actions: Tensor, step: Tensor) -> Tensor:
    """The actions from a step on, the next one first, 0 beyond the end.

    Args:
        actions: (B, T, K).
        step: (B,) number of steps made.

    Returns:
        (B, T, K).
    """
    count, knobs = actions.shape[1:]
    place = step[:, None] + torch.arange(count)
    inside = (place < count)[..., None]
    return actions.gather(1, place.clamp_max(count - 1)[..., None].expand(-1, -1, knobs)) * inside


def mean_and_spread(predictions: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The mean (B, D) of the predictions of several surrogates, and their root mean square spread (B,)."""
    stacked = torch.stack([*predictions])
    return stacked.mean(dim=0), stacked.var(dim=0, unbiased=False).sum(dim=-1).add(1e-6).sqrt()
