"""What a search for a better encoder may change, and between which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Searched = Literal["learning-rate", "batch-size", "network", "objective"]
By = Literal["elbo", "triplet"]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, as likely at each scale: spread evenly in their logarithm.

    They are whole where the bounds are.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """One of some values. Several numbers stand in a text, as the command line has them."""

    values: tuple[int | str, ...]


Dimension = Range | Choice

_NETWORKS: Mapping[str, Mapping[str, Dimension]] = {
    "cvae": {
        "latent_size": Range(4, 32),
        "channels": Choice(("8,16", "16,32", "32,64")),
        "kernel_size": Choice((5, 7, 9)),
        "hidden": Choice((64, 128, 256)),
    },
    "autoencoder": {
        "latent_size": Range(16, 256),
        "channels": Choice(("8,16,16,32", "8,16,32,64", "16,32,64,64")),
        "kernel_size": Choice((3, 5, 7)),
    },
    "split": {
        "content_size": Range(4, 32),
        "pose_size": Range(4, 32),
        "dropout": Range(0.05, 0.5),
        "content_hidden": Choice((128, 256, 512)),
        "channels": Choice(("8,16", "16,32", "32,64")),
        "hidden": Choice((64, 128, 256)),
    },
}
# Of a network without noise the KL divergence is nothing; small codes and weights take its place.
_WITHOUT_NOISE: Mapping[str, Dimension] = {"l1": Range(1e-4, 1.0), "l2": Range(1e-6, 1e-2)}
_WITH_NOISE: Mapping[str, Dimension] = {"kl": Range(0.1, 2.0)}
_TRIPLETS: Mapping[str, Dimension] = {"triplet": Range(1.0, 300.0), "margin": Range(0.1, 5.0)}


def search_space(architecture: str, by: By, searched: tuple[Searched, ...]) -> dict[str, Dimension]:
    """Name what is searched, with its bounds.

    Args:
        architecture: of the network.
        by: what tells how good an encoder is; only where triplets do, their loss is searched.
        searched: groups of settings; all others keep their defaults.

    Returns:
        Dimensions by the name of a setting: of the network as `network.NAME`, of the objective as
        `objective.NAME`.
    """
    objective = dict(_WITHOUT_NOISE if architecture == "autoencoder" else _WITH_NOISE)
    if by == "triplet":
        objective |= _TRIPLETS
    groups: Mapping[Searched, Mapping[str, Dimension]] = {
        "learning-rate": {"learning_rate": Range(1e-4, 1e-2)},
        "batch-size": {"batch_size": Choice((8, 16, 32, 64))},
        "network": {f"network.{name}": value for name, value in _NETWORKS[architecture].items()},
        "objective": {f"objective.{name}": value for name, value in objective.items()},
    }
    return {
        name: value for group, found in groups.items() if group in searched for name, value in found.items()
    }
