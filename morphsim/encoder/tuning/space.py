"""The settings that a search varies, and their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from morphsim.encoder.networks import NetworkConfig
from morphsim.encoder.networks.search import SearchChoice, SearchDimension, SearchRange

Searched = Literal["learning-rate", "batch-size", "network", "objective"]
By = Literal["elbo", "triplet"]

_LEARNING_RATE: Mapping[str, SearchDimension] = {"learning_rate": SearchRange(1e-4, 1e-2)}
_BATCH_SIZE: Mapping[str, SearchDimension] = {"batch_size": SearchChoice((8, 16, 32, 64))}
_VARIATIONAL: Mapping[str, SearchDimension] = {"kl": SearchRange(0.1, 2.0)}
# A network without noise has no KL divergence; penalties on latents and weights take its place.
_WITHOUT_NOISE: Mapping[str, SearchDimension] = {
    "l1": SearchRange(1e-4, 1.0),
    "l2": SearchRange(1e-6, 1e-2),
}
_TRIPLETS: Mapping[str, SearchDimension] = {
    "triplet": SearchRange(1.0, 300.0),
    "margin": SearchRange(0.1, 5.0),
}


def search_space(
    network: type[NetworkConfig], by: By, searched: tuple[Searched, ...]
) -> dict[str, SearchDimension]:
    """Return the settings that are varied, and their bounds.

    Args:
        network: the configuration of the architecture, which states the bounds of its sizes.
        by: the score of an encoder; the triplet loss is varied only with `triplet`.
        searched: groups of settings; all others keep their defaults.

    Returns:
        Dimensions by the name of a setting; those of the network and of the objective begin with `network.`
        and `objective.`.
    """
    objective = dict(_VARIATIONAL if network.variational else _WITHOUT_NOISE)
    if by == "triplet":
        objective |= _TRIPLETS
    groups: Mapping[Searched, Mapping[str, SearchDimension]] = {
        "learning-rate": _LEARNING_RATE,
        "batch-size": _BATCH_SIZE,
        "network": {f"network.{name}": value for name, value in network.search_space.items()},
        "objective": {f"objective.{name}": value for name, value in objective.items()},
    }
    return {
        name: value for group, found in groups.items() if group in searched for name, value in found.items()
    }
