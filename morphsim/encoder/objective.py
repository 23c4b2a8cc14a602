"""The objective of a training: a weighted sum of named terms."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from morphsim.checks import check_choice, check_number, check_whole, exact_fields
from morphsim.encoder.terms import Reconstruction
from morphsim.encoder.triplet import Miner, TripletDistance

# Larger weights overflow single precision.
_LARGEST_WEIGHT = 1e9

TermName = Literal["reconstruction", "kl", "triplet", "l1", "l2"]


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """The terms of the loss and their weights; a weight of 0 leaves a term out.

    Reconstruction plus KL divergence is -ELBO; with a triplet term it is the loss of a TVAE.

    Raises:
        InputError: a value is out of range.
    """

    reconstruction: Reconstruction = "cross-entropy"
    """Summed over the pixels of a frame: the binary cross-entropy [nats], or the squared error."""
    kl: float = 1.0
    """Weight of the KL divergence; 1 gives the evidence lower bound. Ignored by a network without noise."""
    kl_warm_up: int = 0
    """Epochs over which the weight of the KL divergence rises linearly to its value."""
    triplet: float = 0.0
    """Weight of the triplet loss on the content latents; frames of one recipe and moment have one label."""
    margin: float = 1.0
    """How much farther away frames of other labels must be than those of the same label."""
    miner: Miner = "all"
    """Which triplets of a batch count: all, only semi-hard ones or only hard ones."""
    distance: TripletDistance = "euclidean"
    """The distance of the triplet loss and of triplet accuracy."""
    group: int = 2
    """Frames of one label from different trajectories that are put together in a batch."""
    l1: float = 0.0
    """Weight of the sum of the absolute values of the latents."""
    l2: float = 0.0
    """Weight of the sum of the squared weights of the network, as a term of the loss."""

    def __post_init__(self) -> None:
        for name in ("kl", "triplet", "margin", "l1", "l2"):
            check_number(f"objective {name}", getattr(self, name), 0.0, _LARGEST_WEIGHT)
        check_whole("objective kl_warm_up", self.kl_warm_up, 0)
        check_whole("objective group", self.group, 2)
        for name, choices in (
            ("reconstruction", get_args(Reconstruction)),
            ("miner", get_args(Miner)),
            ("distance", get_args(TripletDistance)),
        ):
            check_choice(f"objective {name}", getattr(self, name), choices)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> ObjectiveConfig:
        """Read what `to_dict` gave.

        Raises:
            InputError: a field is missing, unknown or out of range.
        """
        return cls(**exact_fields(cls, values, "the objective"))

    def terms(self, *, variational: bool) -> tuple[TermName, ...]:
        """Return the names of the terms that are measured for a network that is variational, or not."""
        chosen: list[TermName] = ["reconstruction"]
        # It is part of -ELBO even if its weight is 0.
        chosen += ["kl"] if variational else []
        optional: tuple[TermName, ...] = ("triplet", "l1", "l2")
        return (*chosen, *(name for name in optional if getattr(self, name)))

    def weights(self, epoch: int) -> dict[TermName, float]:
        """Return the weight of every term in an epoch (from 0)."""
        warm = min(1.0, (epoch + 1) / (self.kl_warm_up + 1))
        return {
            "reconstruction": 1.0,
            "kl": self.kl * warm,
            "triplet": self.triplet,
            "l1": self.l1,
            "l2": self.l2,
        }
