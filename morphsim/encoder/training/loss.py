"""The loss of a step: the forward pass, and the terms of the objective by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from morphsim.encoder.networks import Network
from morphsim.encoder.objective import ObjectiveConfig, TermName
from morphsim.encoder.terms import (
    activity,
    kl_divergence,
    reconstruction_loss,
    sample_latents,
    squared_weights,
)
from morphsim.encoder.training.distributed import Processes
from morphsim.encoder.training.sampler import Step
from morphsim.encoder.triplet import triplet_loss

Forward = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]]


def forward_pass(network: Network, *, half: bool) -> Forward:
    """Make the function from frames (B, C, H, W) and noise (B, D) to means, log variances and logits.

    Args:
        network: on its device.
        half: compute convolutions and dense layers in bfloat16; what is returned is always float32.
    """
    device = next(network.parameters()).device.type

    def forward(
        frames: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        with torch.autocast(device, torch.bfloat16, enabled=half):
            means, log_variances = network.encode(frames)
        means = means.float()
        latents = means
        if log_variances is not None:
            log_variances = log_variances.float()
            latents = sample_latents(means, log_variances, noise)
        with torch.autocast(device, torch.bfloat16, enabled=half):
            logits = network.decode(latents)
        return means, log_variances, logits.float()

    return forward


class Loss:
    """The loss of a step, as this process's share of the loss of the whole batch.

    Args:
        network: for its weights, which the L2 term penalises.
        objective: the terms.
        forward: from `forward_pass`, or compiled.
        processes: that train together.
    """

    def __init__(
        self, network: Network, objective: ObjectiveConfig, forward: Forward, processes: Processes
    ) -> None:
        self.network = network
        self.objective = objective
        self.forward = forward
        self.processes = processes

    def terms(self, frames: torch.Tensor, step: Step) -> dict[TermName, torch.Tensor]:
        """Measure the terms of the objective.

        Args:
            frames: (b, C, H, W) float of this process.
            step: noise, labels and pairs.

        Returns:
            Scalars that, summed over the processes, are means over the frames of the batch.
        """
        objective, network = self.objective, self.network
        means, log_variances, logits = self.forward(frames, step.noise)
        reconstruction = reconstruction_loss(logits, frames, kind=objective.reconstruction)
        terms: dict[TermName, torch.Tensor] = {"reconstruction": reconstruction.sum() / step.count}
        if log_variances is not None:
            terms["kl"] = kl_divergence(means, log_variances).sum() / step.count
        if objective.triplet:
            assert step.labels is not None and step.pairs is not None
            content = self.processes.gather(means[:, : network.content_size], step.count)
            loss = triplet_loss(
                content,
                step.labels,
                step.pairs,
                margin=objective.margin,
                miner=objective.miner,
                distance=objective.distance,
            )
            # Every process computes the whole loss, but the gradient of its own rows only.
            terms["triplet"] = _counted_once(loss, self.processes.size)
        if objective.l1:
            terms["l1"] = activity(means).sum() / step.count
        if objective.l2:
            terms["l2"] = squared_weights(network) / self.processes.size
        return terms


def weighted(terms: Mapping[TermName, torch.Tensor], weights: Mapping[TermName, float]) -> torch.Tensor:
    """Return the weighted sum of terms."""
    return torch.stack([weights[name] * value for name, value in terms.items()]).sum()


def _counted_once(loss: torch.Tensor, processes: int) -> torch.Tensor:
    """Divide the value, but not the gradient, by the number of processes."""
    return loss if processes == 1 else loss + (loss.detach() / processes - loss.detach())
