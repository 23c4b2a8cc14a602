"""A trained encoder: frames in, latent vectors out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder.cvae import CVAE
from morphsim.encoder.evaluation import FRAMES_AT_ONCE
from morphsim.encoder.input import check_frames
from morphsim.encoder.objective import kl_divergence, reconstruction_loss, sample_latents
from morphsim.encoder.provenance import hash_tensors


class Encoder:
    """Codes frames into latent vectors whose Euclidean distance compares their morphology.

    Made by `load_encoder` or `train_encoder`. It holds plain values and weights only, so that it can be
    pickled into the worker processes of a vector environment; it never changes torch's number of threads.

    Args:
        network: with its trained weights; it is frozen and moved to `device`.
        metadata: what is known about the encoder, as `config.json` holds it.
        device: where frames are coded.

    Example:
        >>> encoder = load_encoder("runs/encoder")      # doctest: +SKIP
        >>> encoder.encode(frames).shape                # doctest: +SKIP
        (277, 16)
    """

    def __init__(self, network: CVAE, metadata: Mapping[str, Any], *, device: torch.device) -> None:
        self.network = network.to(device).eval().requires_grad_(False)
        # Weights that were mapped from a file lie at odd addresses, where the kernels round otherwise: in
        # memory of their own, every copy of an encoder gives the same latents to the last bit.
        for parameter in self.network.parameters():
            parameter.data = parameter.data.clone()
        self.device = device
        self.metadata: dict[str, Any] = {**metadata, "weights_sha256": hash_tensors(network.state_dict())}

    def __repr__(self) -> str:
        height, width = self.frame_shape
        return f"Encoder({height} x {width} frames -> {self.latent_size} latents, hash {self.hash[:12]})"

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(H, W) of the frames that it takes [pixels]."""
        return self.network.frame_shape

    @property
    def boundary(self) -> str:
        """`periodic` or `no-flux`: what happened at the left and right end of the training frames."""
        return str(self.metadata["boundary"])

    @property
    def latent_size(self) -> int:
        """D, the number of latents."""
        return self.network.config.latent_size

    @property
    def hash(self) -> str:
        """SHA-256 of the weights."""
        return str(self.metadata["weights_sha256"])

    def encode(self, frames: ArrayLike) -> NDArray[np.float32]:
        """Code frames into their latent means.

        Args:
            frames: (N, H, W): bool; uint8 of 0/1 or of 0/255; or floating point from 0 to 1, whose grey
                values reach the network as they are, though it was trained on binary frames.

        Returns:
            (N, D) float32.

        Raises:
            InputError: another shape, type or value.
        """
        return self.encode_distribution(frames)[0]

    @torch.inference_mode()
    def encode_distribution(self, frames: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Code frames into normal distributions.

        Args:
            frames: as for `encode`.

        Returns:
            The means and the standard deviations, each (N, D) float32.

        Raises:
            InputError: another shape, type or value.
        """
        checked = check_frames(frames, self.frame_shape)
        means = np.empty((len(checked), self.latent_size), np.float32)
        deviations = np.empty_like(means)
        for rows, batch in self._batches(checked):
            batch_means, log_variances = self.network.encode(batch)
            means[rows] = batch_means.cpu().numpy()
            deviations[rows] = torch.exp(0.5 * log_variances).cpu().numpy()
        return means, deviations

    @torch.inference_mode()
    def reconstruct(self, frames: ArrayLike) -> NDArray[np.float32]:
        """Paint frames from their latent means.

        Args:
            frames: as for `encode`.

        Returns:
            (N, H, W) float32, the probability of donor in each pixel.

        Raises:
            InputError: another shape, type or value.
        """
        checked = check_frames(frames, self.frame_shape)
        painted = np.empty(checked.shape, np.float32)
        for rows, batch in self._batches(checked):
            painted[rows] = torch.sigmoid(self.network.decode(self.network.encode(batch)[0])).cpu().numpy()
        return painted

    @torch.inference_mode()
    def elbo(self, frames: ArrayLike, *, seed: int = 0) -> NDArray[np.float32]:
        """Estimate the evidence lower bound of each frame from one sample of its latents.

        Args:
            frames: as for `encode`.
            seed: of the latent noise.

        Returns:
            (N,) float32 [nats a frame], negative; larger is better.

        Raises:
            InputError: another shape, type or value.
        """
        checked = check_frames(frames, self.frame_shape)
        bounds = np.empty(len(checked), np.float32)
        generator = torch.Generator().manual_seed(seed)
        for rows, batch in self._batches(checked):
            means, log_variances = self.network.encode(batch)
            logits = self.network.decode(sample_latents(means, log_variances, generator=generator))
            loss = reconstruction_loss(logits, batch) + kl_divergence(means, log_variances)
            bounds[rows] = -loss.cpu().numpy()
        return bounds

    def save(self, folder: str | Path) -> None:
        """Write `weights.safetensors` and `config.json` into `folder`, for `load_encoder`."""
        from morphsim.encoder.folder import save_encoder

        save_encoder(self, folder)

    def _batches(self, frames: NDArray[Any]) -> Iterator[tuple[slice, torch.Tensor]]:
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            rows = slice(start, start + FRAMES_AT_ONCE)
            # A copy, since torch warns of arrays that it must not write to.
            yield rows, torch.from_numpy(np.array(frames[rows])).to(self.device).float()
