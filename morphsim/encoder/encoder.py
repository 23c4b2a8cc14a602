"""A trained encoder: frames in, latent vectors out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from morphsim.device import threads_for
from morphsim.encoder.evaluation import FRAMES_AT_ONCE
from morphsim.encoder.input import check_frames
from morphsim.encoder.io.save import save_encoder
from morphsim.encoder.networks import Network
from morphsim.encoder.out_of_distribution import TrainingStatistics
from morphsim.encoder.terms import draw_noise, kl_divergence, reconstruction_loss, sample_latents
from morphsim.errors import InputError
from morphsim.hashes import hash_tensors
from morphsim.lazy import renamed_argument, warn_of_old_name
from morphsim.types import Boundary


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedFrames:
    """All that an encoder computes from N frames in one pass."""

    content: NDArray[np.float32]
    """(N, D) latent means that distances read."""
    deviation: NDArray[np.float32]
    """(N, D) standard deviations of the posterior; 0 without noise."""
    pose: NDArray[np.float32]
    """(N, P) latent means that only the decoder reads."""
    reconstruction: NDArray[np.float32] | None = None
    """(N, H, W), or (N, C, H, W), probability of donor in each pixel; None if it was not asked for."""
    statistics: NDArray[np.float32] | None = None
    """(N, S) statistics of the frames, see `networks.statistics`; None if the network measures none."""

    def __len__(self) -> int:
        return len(self.content)

    def rows(self, rows: Sequence[int]) -> EncodedFrames:
        """Return some of the encoded frames, in this order."""
        chosen = list(rows)
        decoded, measured = self.reconstruction, self.statistics
        return EncodedFrames(
            content=self.content[chosen],
            deviation=self.deviation[chosen],
            pose=self.pose[chosen],
            reconstruction=None if decoded is None else decoded[chosen],
            statistics=None if measured is None else measured[chosen],
        )


class Encoder:
    """Encodes frames as latent vectors whose distance compares their morphology.

    Made by `load_encoder` or `train_encoder`. It holds only plain values and weights, so that it can be
    pickled into the worker processes of a vector environment. Small batches are encoded by one thread, and
    torch's number of threads is restored afterwards.

    Args:
        network: with its trained weights; it is frozen and moved to `device`.
        metadata: facts about the encoder, as in `config.json`.
        device: where frames are encoded.
        training_latents: (K, D) content of some training frames, if known.
        training_statistics: principal components of the statistics of training frames, if known.

    Attributes:
        training_latents: as given, float32; a frame far from all of them is out of distribution.
        training_statistics: as given.

    Examples:
        >>> encoder = load_encoder("runs/encoder")      # doctest: +SKIP
        >>> encoder.encode(frames).shape                # doctest: +SKIP
        (277, 16)
    """

    @renamed_argument("familiarity", "training_statistics")
    def __init__(
        self,
        network: Network,
        metadata: Mapping[str, Any],
        *,
        device: torch.device,
        training_latents: NDArray[np.floating[Any]] | None = None,
        training_statistics: TrainingStatistics | None = None,
    ) -> None:
        self.network = network.to(device).eval().requires_grad_(False)
        # Weights that were mapped from a file lie at odd addresses, where the kernels round differently. In
        # memory of their own, every copy of an encoder returns the same latents to the last bit.
        for parameter in self.network.parameters():
            parameter.data = parameter.data.clone()
        self.device = device
        self.metadata: dict[str, Any] = {**metadata, "weights_sha256": hash_tensors(network.state_dict())}
        self.training_latents: NDArray[np.float32] | None = (
            None if training_latents is None else np.asarray(training_latents, np.float32)
        )
        self.training_statistics = training_statistics

    def __repr__(self) -> str:
        height, width = self.frame_shape
        shape = f"{height} x {width}" if self.channels == 1 else f"{self.channels} x {height} x {width}"
        return f"Encoder({shape} frames -> {self.latent_size} latents, hash {self.hash[:12]})"

    @property
    def architecture(self) -> str:
        """The name of the network's architecture."""
        return self.network.config.architecture

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(H, W) of the frames that the encoder takes [pixels]."""
        return self.network.frame_shape

    @property
    def channels(self) -> int:
        """C, the channels of a frame; with a single one frames are (H, W)."""
        return self.network.channels

    @property
    def boundary(self) -> Boundary:
        """`periodic` or `no-flux`: what happened at the left and right end of the training frames."""
        boundary: Boundary = self.metadata["boundary"]
        return boundary

    @property
    def latent_size(self) -> int:
        """D, the number of latents that distances read: the content."""
        return self.network.content_size

    @property
    def hash(self) -> str:
        """SHA-256 of the weights."""
        return str(self.metadata["weights_sha256"])

    @property
    def familiarity(self) -> TrainingStatistics | None:
        """The old name of `training_statistics`."""
        warn_of_old_name("Encoder.familiarity", "Encoder.training_statistics")
        return self.training_statistics

    def code(self, frames: ArrayLike, *, reconstruct: bool = False) -> EncodedFrames:
        """The old name of `encode_all`."""
        warn_of_old_name("Encoder.code", "Encoder.encode_all")
        return self.encode_all(frames, reconstruct=reconstruct)

    @torch.inference_mode()
    def encode_all(self, frames: ArrayLike, *, reconstruct: bool = False) -> EncodedFrames:
        """Encode frames as content, deviation and pose in one pass.

        Args:
            frames: as for `encode`.
            reconstruct: also decode their latent means.

        Raises:
            InputError: another shape, type or value.
        """
        checked = self._check(frames)
        size = self.latent_size
        means = np.empty((len(checked), self.network.latent_size), np.float32)
        deviations = np.zeros((len(checked), size), np.float32)
        decoded = np.empty(checked.shape, np.float32) if reconstruct else None
        measured: list[NDArray[np.float32]] = []
        with threads_for(checked.size, self.device):
            for rows, batch in self._batches(checked):
                batch_means, log_variances, statistics = self.network.encode_with_statistics(batch)
                means[rows] = batch_means.cpu().numpy()
                if statistics is not None:
                    measured.append(statistics.cpu().numpy())
                if log_variances is not None:
                    deviations[rows] = torch.exp(0.5 * log_variances[:, :size]).cpu().numpy()
                if decoded is not None:
                    logits = self.network.decode(batch_means)
                    decoded[rows] = torch.sigmoid(logits).reshape(-1, *checked.shape[1:]).cpu().numpy()
        return EncodedFrames(
            content=means[:, :size],
            deviation=deviations,
            pose=means[:, size:],
            reconstruction=decoded,
            statistics=np.concatenate(measured) if measured else None,
        )

    def encode(self, frames: ArrayLike) -> NDArray[np.float32]:
        """Encode frames as the latent means that distances read.

        Args:
            frames: (N, H, W), or (N, C, H, W) for an encoder of several channels: bool; uint8 of 0/1 or of
                0/255; or floating point from 0 to 1. Grey values are passed to the network unchanged, though
                it was trained on binary frames.

        Returns:
            (N, D) float32.

        Raises:
            InputError: another shape, type or value.
        """
        return self.encode_all(frames).content

    def encode_pose(self, frames: ArrayLike) -> NDArray[np.float32]:
        """Encode frames as the latent means that only the decoder reads: where the pattern lies.

        Args:
            frames: as for `encode`.

        Returns:
            (N, P) float32; P is 0 for networks that do not separate content and pose.

        Raises:
            InputError: another shape, type or value.
        """
        return self.encode_all(frames).pose

    def encode_distribution(self, frames: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Encode frames as normal distributions of the content.

        Args:
            frames: as for `encode`.

        Returns:
            The means and the standard deviations, each (N, D) float32; the latter are zero without noise.

        Raises:
            InputError: another shape, type or value.
        """
        encoded = self.encode_all(frames)
        return encoded.content, encoded.deviation

    def reconstruct(self, frames: ArrayLike) -> NDArray[np.float32]:
        """Reconstruct frames from their latent means.

        Args:
            frames: as for `encode`.

        Returns:
            float32 in the shape of the frames, the probability of donor in each pixel.

        Raises:
            InputError: another shape, type or value.
        """
        decoded = self.encode_all(frames, reconstruct=True).reconstruction
        assert decoded is not None
        return decoded

    @torch.inference_mode()
    def elbo(self, frames: ArrayLike, *, seed: int = 0) -> NDArray[np.float32]:
        """Estimate the evidence lower bound of each frame from one sample of its latents.

        Args:
            frames: as for `encode`.
            seed: of the latent noise.

        Returns:
            (N,) float32 [nats a frame], at most 0; larger is better.

        Raises:
            InputError: another shape, type or value, or a network without noise, which has no bound.
        """
        checked = self._check(frames)
        bounds = np.empty(len(checked), np.float32)
        generator = torch.Generator().manual_seed(seed)
        for rows, batch in self._batches(checked):
            means, log_variances = self.network.encode(batch)
            if log_variances is None:
                raise InputError(
                    f"an encoder of architecture {self.architecture} has no ELBO, since its latents have no "
                    "distribution; compare frames with reconstruct(frames)"
                )
            noise = draw_noise((len(batch), self.network.latent_size), generator, self.device)
            logits = self.network.decode(sample_latents(means, log_variances, noise))
            loss = reconstruction_loss(logits, batch) + kl_divergence(means, log_variances)
            bounds[rows] = -loss.cpu().numpy()
        return bounds

    def save(self, folder: str | Path) -> None:
        """Write the encoder into `folder`, for `load_encoder`."""
        save_encoder(
            folder,
            network=self.network,
            metadata=self.metadata,
            training_latents=self.training_latents,
            training_statistics=self.training_statistics,
        )

    def _check(self, frames: ArrayLike) -> NDArray[Any]:
        return check_frames(frames, self.frame_shape, channels=self.channels)

    def _batches(self, frames: NDArray[Any]) -> Iterator[tuple[slice, torch.Tensor]]:
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            rows = slice(start, start + FRAMES_AT_ONCE)
            # A copy, since torch warns of arrays that it must not write to.
            batch = torch.from_numpy(np.array(frames[rows])).to(self.device).float()
            yield rows, batch.reshape(-1, self.channels, *self.frame_shape)
