"""Encoders: from binary frames to latent vectors, their training and their files."""

from morphsim.encoder.encoder import EncodedFrames, Encoder
from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.io.load import load_encoder
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
from morphsim.encoder.training import TrainingConfig, train_encoder
from morphsim.encoder.triplet import triplet_accuracy, triplet_loss
from morphsim.lazy import lazy_names

__all__ = [
    "ARCHITECTURES",
    "CVAE",
    "Autoencoder",
    "AutoencoderConfig",
    "CVAEConfig",
    "EncodedFrames",
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

__getattr__ = lazy_names(__name__, {}, renamed={"Codes": "EncodedFrames"})
