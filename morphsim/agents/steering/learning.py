"""Training of the networks of a steering agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from morphsim.agents.steering.examples import Examples
from morphsim.agents.steering.networks import Planner, Surrogate, mean_and_spread, remaining

Advance = Callable[[int], None]
"""Called with the number of gradient steps that were made."""

BATCH = 128
# Latents and states are of the order of 1; noise of this size keeps the networks smooth in between the films.
_LATENT_NOISE, _STATE_NOISE = 0.02, 0.01
# Share of the planner's examples whose target is the film's own last frame, which is surely within reach.
_OWN_TARGETS = 0.3
# Weight of each latent on the way in units of that of the last one, by which alone a film is judged.
_ON_THE_WAY = 1.0 / 3.0
# Weight of the estimates of hidden parameters, so that the memory holds them.
_ESTIMATES = 0.2
_CLIP = 1.0


def train_surrogate(
    network: Surrogate,
    examples: Examples,
    *,
    steps: int,
    rate: float = 2e-3,
    advance: Advance | None = None,
) -> None:
    """Train a surrogate to predict latents from random moments of films on, by Huber's loss.

    Each film is used from one random moment on. The last latent counts three times as much as each on the
    way. The estimates of the hidden parameters are learnt beside, so that the memory holds what can be known
    of them.
    """
    most = examples.sizes.steps

    def loss() -> Tensor:
        films = examples.draw(BATCH)
        step = (torch.rand(BATCH) * films.lengths).long()
        predicted, estimates = network(
            _noisy(films.latents, films.states), step, remaining(films.actions, step)
        )
        place = step[:, None] + 1 + torch.arange(most)
        true = films.latents.gather(1, place.clamp_max(most)[..., None].expand_as(predicted))
        weight = torch.where(place == most, 1.0, _ON_THE_WAY * (place <= films.lengths[:, None]))
        error = nn.functional.huber_loss(predicted, true, reduction="none").mean(dim=-1)
        return (weight * error).sum() / BATCH + _estimate_loss(estimates, films.hidden)

    _train(network, loss, steps, rate, 1e-2, advance)


def train_planner(
    network: Planner,
    surrogates: Sequence[Surrogate],
    examples: Examples,
    targets: Tensor,
    *,
    steps: int,
    caution: float,
    rate: float = 1e-3,
    advance: Advance | None = None,
) -> None:
    """Train the planner through the surrogates, by the distance of their mean prediction from the target.

    Args:
        network: the planner.
        surrogates: trained; they stay as they are.
        examples: the films from whose random moments on plans are made.
        targets: (N, D) latents of targets.
        steps: gradient steps.
        caution: weight of the spread of the surrogates, so that plans keep to what is known.
        rate: largest step size.
        advance: reports progress.
    """
    for surrogate in surrogates:
        surrogate.requires_grad_(False)
    most = examples.sizes.steps

    def loss() -> Tensor:
        films = examples.draw(BATCH)
        step = (torch.rand(BATCH) * films.lengths).long()
        row = torch.arange(BATCH)
        observed = _noisy(films.latents, films.states)
        goal = targets[torch.randint(len(targets), (BATCH,))]
        own = torch.rand(BATCH) < _OWN_TARGETS
        goal = torch.where(own[:, None], films.latents[:, -1], goal)
        goal = goal + _LATENT_NOISE * torch.randn_like(goal)
        known, _ = network.history(observed)
        plan = network(known[row, step], observed[row, step], goal)
        plan = plan * (step[:, None] + torch.arange(most) < most)[..., None]
        mean, spread = mean_and_spread([each.last(observed, step, plan) for each in surrogates])
        distance = (mean - goal).square().sum(dim=-1).add(1e-4).sqrt()
        estimates = _estimate_loss(network.history.hidden(known), films.hidden)
        return (distance + caution * spread).mean() + estimates

    _train(network, loss, steps, rate, 1e-4, advance)
    for surrogate in surrogates:
        surrogate.requires_grad_(True)


def _noisy(latents: Tensor, states: Tensor) -> Tensor:
    """Observations (B, T + 1, D + S) with noise."""
    return torch.cat(
        [
            latents + _LATENT_NOISE * torch.randn_like(latents),
            states + _STATE_NOISE * torch.randn_like(states),
        ],
        dim=-1,
    )


def _estimate_loss(estimates: Tensor, hidden: Tensor) -> Tensor:
    """Weighted mean squared error of estimates (B, T, M) of hidden parameters (B, M); 0 if there are none."""
    if not hidden.shape[-1]:
        return hidden.new_zeros(())
    error: Tensor = (estimates - hidden[:, None]).square().mean()
    return _ESTIMATES * error


def _train(
    network: nn.Module,
    loss: Callable[[], Tensor],
    steps: int,
    rate: float,
    decay: float,
    advance: Advance | None,
) -> None:
    """Minimise a loss with AdamW and one cycle of the step size."""
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    network.train()
    for _ in range(steps):
        value = loss()
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimiser.step()
        cycle.step()
        if advance is not None:
            advance(1)
    network.eval()
