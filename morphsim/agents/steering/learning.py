"""Training of the three networks of a steering agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from morphsim.agents.steering.examples import Examples, Pool
from morphsim.agents.steering.networks import Estimator, Planner, Surrogate, mean_and_spread

Advance = Callable[[int], None]
"""Called with the number of gradient steps that were made."""

BATCH = 256
# Latents and states are of the order of 1; noise of this size keeps the networks smooth in between the films.
_LATENT_NOISE, _STATE_NOISE = 0.02, 0.01
# Share of the planner's examples whose target is the film's own last frame, which is surely within reach.
_OWN_TARGETS = 0.3
_CLIP = 1.0
# Films with other coefficients and drafts for each film of the library.
_FILMS_PER_EXAMPLE = 12
_AT_ONCE = 1024


def train_estimator(
    network: Estimator, examples: Examples, *, steps: int, rate: float = 3e-3, advance: Advance | None = None
) -> None:
    """Train the estimator to tell the hidden parameters, by the mean squared error after each observation."""
    if not examples.sizes.hidden:
        network.eval()
        return

    def loss() -> Tensor:
        batch = examples.draw(BATCH // 2)
        noise = _LATENT_NOISE * torch.randn_like(batch.latents)
        found, _ = network(batch.latents + noise, batch.states)
        error: Tensor = (found - batch.hidden[:, None]).square().mean()
        return error

    _train(network, loss, steps, rate, 1e-3, advance)


def train_surrogate(
    network: Surrogate,
    estimator: Estimator,
    examples: Examples,
    *,
    steps: int,
    rate: float = 1.5e-3,
    advance: Advance | None = None,
) -> None:
    """Train a surrogate to predict the last latents of films, by Huber's loss.

    It reads the estimates rather than the true hidden parameters, so it knows how far these can be trusted at
    each moment.
    """
    pool = _pool(estimator, examples)

    def loss() -> Tensor:
        moment = pool.draw(BATCH)
        predicted = network(
            moment.latent + _LATENT_NOISE * torch.randn_like(moment.latent),
            moment.state + _STATE_NOISE * torch.randn_like(moment.state),
            moment.hidden,
            moment.actions,
        )
        return nn.functional.huber_loss(predicted, moment.last)

    _train(network, loss, steps, rate, 1e-2, advance)


def train_planner(
    network: Planner,
    estimator: Estimator,
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
        estimator: trained.
        surrogates: trained; they stay as they are.
        examples: the moments at which plans are made.
        targets: (N, D) latents of targets.
        steps: gradient steps.
        caution: weight of the spread of the surrogates, so that plans keep to what is known.
        rate: largest step size.
        advance: reports progress.
    """
    for surrogate in surrogates:
        surrogate.requires_grad_(False)
    place = torch.arange(examples.sizes.steps)
    pool = _pool(estimator, examples)

    def loss() -> Tensor:
        moment = pool.draw(BATCH)
        goal = targets[torch.randint(len(targets), (BATCH,))]
        own = torch.rand(BATCH) < _OWN_TARGETS
        goal = torch.where(own[:, None], moment.last, goal)
        goal = goal + _LATENT_NOISE * torch.randn_like(goal)
        plan = network(moment.latent, moment.state, moment.hidden, goal)
        left = (moment.step[:, None] + place < examples.sizes.steps)[..., None]
        actions = (plan * left).flatten(1)
        mean, spread = mean_and_spread(
            [each(moment.latent, moment.state, moment.hidden, actions) for each in surrogates]
        )
        distance = (mean - goal).square().sum(dim=-1).add(1e-4).sqrt()
        return (distance + caution * spread).mean()

    _train(network, loss, steps, rate, 1e-4, advance)
    for surrogate in surrogates:
        surrogate.requires_grad_(True)


@torch.no_grad()
def _pool(estimator: Estimator, examples: Examples) -> Pool:
    """Films to draw moments from; their changes and estimates are computed once."""
    films = examples.draw(_FILMS_PER_EXAMPLE * len(examples))
    starts = range(0, len(films.lengths), _AT_ONCE)
    parts = [slice(start, start + _AT_ONCE) for start in starts]
    found = [estimator(films.latents[part], films.states[part])[0] for part in parts]
    return Pool(films, torch.cat(found))


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
