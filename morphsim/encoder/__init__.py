"""Encoders: from binary frames to latent vectors, their training and their files."""

from morphsim.encoder.config import TrainingConfig
from morphsim.encoder.encoder import Codes, Encoder
from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.folder import load_encoder
from morphsim.encoder.networks import (
    ARCHITECTURES,
    CVAE,
    Autoencoder,
    AutoencoderConfig,
    CVAEConfig,
    Network,
    NetworkConfig,
    Split,
    SplitConfig,
)
from morphsim.encoder.objective import ObjectiveConfig
from morphsim.encoder.terms import kl_divergence, reconstruction_loss, sample_latents
from morphsim.encoder.training import train_encoder
from morphsim.encoder.triplet import triplet_accuracy, triplet_loss

__all__ = [
    "ARCHITECTURES",
    "CVAE",
    "Autoencoder",
    "AutoencoderConfig",
    "CVAEConfig",
    "Codes",
    "Encoder",
    "Network",
    "NetworkConfig",
    "ObjectiveConfig",
    "Split",
    "SplitConfig",
    "TrainingConfig",
    "TrainingDiverged",
    "kl_divergence",
    "load_encoder",
    "reconstruction_loss",
    "sample_latents",
    "train_encoder",
    "triplet_accuracy",
    "triplet_loss",
]
