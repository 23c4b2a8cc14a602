"""What steers a film to a target: a policy that knows the target and observes the film."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.tasks import TargetSet

Actions = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class SteeringTarget:
    """A target as a policy sees it: what its film was made with stays hidden."""

    name: str
    """Its name in the set of targets."""
    frame: NDArray[np.uint8] = field(repr=False)
    """(H, W) 0/1."""
    latent: NDArray[np.float32] = field(repr=False)
    """(D,) content of the frame."""


class SteeringPolicy(Protocol):
    """Steers film after film, each to its target. It must be picklable, for the processes of a contest."""

    def begin(self, target: SteeringTarget, seed: int) -> None:
        """Begin a film.

        Args:
            target: of the film.
            seed: for random choices of the policy. It is also the film's own: whoever makes a film with it in
                advance knows what is hidden from others.
        """

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action (K,) for an observation of the task, latent | state | latent of the target."""
        ...


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A policy in a contest, with the films that it has cost."""

    name: str
    """Name of the policy."""
    policy: SteeringPolicy
    """The policy."""
    films: int = 0
    """Films that were made once, for all targets."""
    films_per_target: int = 0
    """Films that were made for each target besides."""


def steering_targets(targets: TargetSet, rows: NDArray[np.int64], encoder: Encoder) -> list[SteeringTarget]:
    """The targets of some rows of a set.

    Args:
        targets: the set.
        rows: (N,) numbers of targets.
        encoder: of their latents.
    """
    return [
        # One by one, since the last bits of a latent depend on the batch.
        SteeringTarget(
            name=targets.names[row],
            frame=targets.frames[row],
            latent=encoder.encode(targets.frames[row][None])[0],
        )
        for row in rows
    ]
