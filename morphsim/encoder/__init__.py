"""Encoders: from binary frames to latent vectors, their training and their files."""

from morphsim.encoder.config import TrainingConfig
from morphsim.encoder.cvae import CVAE, CVAEConfig, build_cvae
from morphsim.encoder.encoder import Encoder
from morphsim.encoder.folder import load_encoder
from morphsim.encoder.objective import kl_divergence, reconstruction_loss, sample_latents
from morphsim.encoder.training import TrainingDiverged, train_encoder

__all__ = [
    "CVAE",
    "CVAEConfig",
    "Encoder",
    "TrainingConfig",
    "TrainingDiverged",
    "build_cvae",
    "kl_divergence",
    "load_encoder",
    "reconstruction_loss",
    "sample_latents",
    "train_encoder",
]
