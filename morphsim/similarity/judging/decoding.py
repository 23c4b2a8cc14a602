"""How well an encoder's decoder paints frames: evidence lower bound, errors, latents in use."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from morphsim.encoder import Encoder
from morphsim.similarity.judging.judged import JudgedFrames

_ACTIVE_VARIANCE = 0.01
_FRAMES_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """Means over frames that training never saw.

    Values of -ELBO can be compared on the same frames and for decoders of one family only.
    """

    negative_elbo: float | None
    """[nats a frame], binary cross-entropy summed over the pixels plus KL divergence; None for an encoder
    whose latents have no distribution."""
    standard_error: float | None
    """Of it, from the means of the films [nats a frame]."""
    pixel_error: float
    """Share of pixels that are painted wrong from the latent means."""
    mean_squared_error: float
    """Of the painted probabilities, per pixel."""
    active_units: int
    """Latents whose means vary with a variance above 0.01 (https://doi.org/10.48550/arXiv.1509.00519)."""
    latents: int
    """How many latents distances read."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def judge_decoding(encoder: Encoder, judged: JudgedFrames, *, seed: int = 0) -> Decoding:
    """Measure how well an encoder's decoder paints frames.

    Args:
        encoder: of the frames' shape.
        judged: the frames.
        seed: of the latent noise.

    Raises:
        InputError: frames that the encoder does not take.
    """
    latents, deviations = encoder.encode_distribution(judged.frames)
    wrong, squares = 0.0, 0.0
    for start in range(0, len(judged), _FRAMES_AT_ONCE):
        frames = judged.frames[start : start + _FRAMES_AT_ONCE]
        painted = encoder.reconstruct(frames)
        wrong += float(((painted > 0.5) != (frames > 0)).sum())
        squares += float(np.square(painted - frames, dtype=np.float64).sum())
    bound, error = _negative_elbo(encoder, judged, seed) if deviations.any() else (None, None)
    return Decoding(
        negative_elbo=bound,
        standard_error=error,
        pixel_error=wrong / judged.frames.size,
        mean_squared_error=squares / judged.frames.size,
        active_units=int((latents.astype(np.float64).var(axis=0) > _ACTIVE_VARIANCE).sum()),
        latents=int(latents.shape[1]),
    )


def _negative_elbo(encoder: Encoder, judged: JudgedFrames, seed: int) -> tuple[float, float]:
    bounds = np.asarray(encoder.elbo(judged.frames, seed=seed), np.float64)
    _, film = np.unique(judged.trajectory, return_inverse=True)
    films = np.bincount(film, bounds) / np.bincount(film)
    error = float(films.std(ddof=1) / np.sqrt(len(films))) if len(films) > 1 else float("nan")
    return -float(bounds.mean()), error
