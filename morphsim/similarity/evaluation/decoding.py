"""Quality of a decoder: evidence lower bound, reconstruction errors, active latents."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from morphsim.encoder import Encoder
from morphsim.lazy import renamed_argument
from morphsim.similarity.evaluation.frames import EvaluationFrames

_ACTIVE_VARIANCE = 0.01
_FRAMES_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """Means over frames that the encoder was not trained on.

    Values of -ELBO are comparable only on the same frames and between decoders of one family.
    """

    negative_elbo: float | None
    """-ELBO [nats per frame]: binary cross-entropy summed over the pixels plus KL divergence; None for an
    encoder whose latents have no distribution."""
    standard_error: float | None
    """Standard error of `negative_elbo`, from the means of the films [nats per frame]."""
    pixel_error: float
    """Share of pixels that are decoded wrongly from the latent means."""
    mean_squared_error: float
    """Mean squared error of the decoded probabilities, per pixel."""
    active_units: int
    """Latents whose means have a variance above 0.01 (https://doi.org/10.48550/arXiv.1509.00519)."""
    latents: int
    """Number of latents that distances are computed from."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@renamed_argument("judged", "labelled")
def evaluate_decoding(encoder: Encoder, labelled: EvaluationFrames, *, seed: int = 0) -> Decoding:
    """Measure how well an encoder's decoder reconstructs frames.

    Args:
        encoder: of the frames' shape.
        labelled: the frames.
        seed: of the latent noise.

    Raises:
        InputError: frames that the encoder does not accept.
    """
    latents, deviations = encoder.encode_distribution(labelled.frames)
    wrong, squares = 0.0, 0.0
    for start in range(0, len(labelled), _FRAMES_AT_ONCE):
        frames = labelled.frames[start : start + _FRAMES_AT_ONCE]
        decoded = encoder.reconstruct(frames)
        wrong += float(((decoded > 0.5) != (frames > 0)).sum())
        squares += float(np.square(decoded - frames, dtype=np.float64).sum())
    bound, error = _negative_elbo(encoder, labelled, seed) if deviations.any() else (None, None)
    return Decoding(
        negative_elbo=bound,
        standard_error=error,
        pixel_error=wrong / labelled.frames.size,
        mean_squared_error=squares / labelled.frames.size,
        active_units=int((latents.astype(np.float64).var(axis=0) > _ACTIVE_VARIANCE).sum()),
        latents=int(latents.shape[1]),
    )


def _negative_elbo(encoder: Encoder, labelled: EvaluationFrames, seed: int) -> tuple[float, float]:
    bounds = np.asarray(encoder.elbo(labelled.frames, seed=seed), np.float64)
    _, film = np.unique(labelled.trajectory, return_inverse=True)
    films = np.bincount(film, bounds) / np.bincount(film)
    error = float(films.std(ddof=1) / np.sqrt(len(films))) if len(films) > 1 else float("nan")
    return -float(bounds.mean()), error
