"""The triplet loss: frames of one label nearer to each other than to those of others, by a margin.

For an anchor a, a positive p of the same label and a negative n of another: max(0, d(a, p) - d(a, n) + m)
(Schroff et al. 2015, equation 3, https://doi.org/10.1109/CVPR.2015.7298682). On the latent means of a
variational autoencoder it makes the TVAE (Ishfaq et al. 2018, https://doi.org/10.48550/arXiv.1802.04403).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Miner = Literal["all", "semi-hard", "hard"]
TripletDistance = Literal["euclidean", "cosine"]


def positive_pairs(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all anchors with all their positives, (P, 2) places in `labels` (B,)."""
    same = labels[:, None] == labels[None, :]
    np.fill_diagonal(same, False)
    return np.argwhere(same)


def triplet_loss(
    content: torch.Tensor,
    labels: torch.Tensor,
    pairs: torch.Tensor,
    *,
    margin: float,
    miner: Miner = "all",
    distance: TripletDistance = "euclidean",
) -> torch.Tensor:
    """Return the mean loss of the mined triplets of a batch that violate the margin; 0 if none does.

    The positive pairs are computed beforehand, so that nothing here waits for a GPU.

    Args:
        content: (B, D) latents.
        labels: (B,).
        pairs: (P, 2) from `positive_pairs`.
        margin: how much farther away negatives must be than positives.
        miner: `all` triplets, those that are `hard` (the negative is not farther away than the positive), or
            those that are `semi-hard` (the negative is farther away, but by less than the margin).
        distance: `euclidean`, or `cosine`: 1 less the cosine of the angle.
    """
    distances = pairwise_distances(content, distance)
    anchors, positives = pairs[:, 0], pairs[:, 1]
    gaps = distances[anchors] - distances[anchors, positives].unsqueeze(1)
    chosen = (labels[anchors].unsqueeze(1) != labels.unsqueeze(0)) & (gaps < margin)
    if miner == "hard":
        chosen = chosen & (gaps <= 0)
    elif miner == "semi-hard":
        chosen = chosen & (gaps > 0)
    losses = torch.where(chosen, margin - gaps, torch.zeros((), dtype=gaps.dtype, device=gaps.device))
    return losses.sum() / chosen.sum().clamp(min=1)


def pairwise_distances(vectors: torch.Tensor, distance: TripletDistance) -> torch.Tensor:
    """Return the distances (B, B) between vectors (B, D)."""
    if distance == "cosine":
        unit = functional.normalize(vectors, dim=1)
        return 1.0 - unit @ unit.T
    # Products of matrices would cancel the small differences of close vectors.
    distances: torch.Tensor = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    return distances


def random_triplets(
    labels: NDArray[np.int64], trajectory: NDArray[np.int64], *, count: int, seed: int
) -> NDArray[np.int64] | None:
    """Draw triplets of frames: anchor and positive of one label from two trajectories, negative of another.

    Args:
        labels: (N,) of the frames.
        trajectory: (N,) that they belong to.
        count: how many triplets.
        seed: of the draw.

    Returns:
        (count, 3) frame numbers, or None if no label has two trajectories or there is only one label.
    """
    films = np.unique(np.stack([labels, trajectory], axis=1), axis=0)[:, 0]
    names, counts = np.unique(films, return_counts=True)
    if len(names) < 2 or counts.max() < 2:
        return None
    generator = np.random.default_rng(seed)
    anchors = generator.choice(np.flatnonzero(np.isin(labels, names[counts > 1])), size=count)
    order = np.argsort(labels, kind="stable")
    first, last = (np.searchsorted(labels[order], labels[anchors], side) for side in ("left", "right"))
    triplets = np.empty((count, 3), np.int64)
    for row, anchor in enumerate(anchors):
        alike = order[first[row] : last[row]]
        triplets[row] = anchor, generator.choice(alike[trajectory[alike] != trajectory[anchor]]), 0
    # A negative of the anchor's own label is drawn again.
    wrong = np.arange(count)
    while wrong.size:
        triplets[wrong, 2] = generator.integers(len(labels), size=wrong.size)
        wrong = wrong[labels[triplets[wrong, 2]] == labels[triplets[wrong, 0]]]
    return triplets


def triplet_accuracy(
    content: torch.Tensor, triplets: torch.Tensor, *, distance: TripletDistance = "euclidean"
) -> torch.Tensor:
    """Return the share of triplets (T, 3) whose positive is nearer to the anchor than the negative.

    Args:
        content: (N, D) latents.
        triplets: (T, 3) numbers of anchors, positives and negatives.
        distance: as for `triplet_loss`.
    """
    vectors = functional.normalize(content, dim=1) if distance == "cosine" else content
    anchor, positive, negative = (vectors[triplets[:, place]] for place in range(3))
    # For unit vectors the Euclidean distance orders pairs as the cosine distance does.
    nearer = (anchor - positive).norm(dim=1) < (anchor - negative).norm(dim=1)
    share: torch.Tensor = nearer.float().mean()
    return share
