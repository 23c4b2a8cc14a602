"""A new architecture is a configuration, a network and a line in the registry; nothing else names it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from morphsim._commandline import parse
from morphsim._commands import evaluate_encoder, train_encoder, tune_encoder
from morphsim.encoder import ARCHITECTURES, Network, NetworkConfig, load_encoder
from morphsim.encoder.networks.pretraining import Pretraining
from morphsim.encoder.networks.search import SearchDimension, SearchRange
from morphsim.encoder.tuning import TuningConfig
from morphsim.errors import InputError
from morphsim.frames import write_frames
from morphsim.types import Boundary
from tests.encoder.test_encoder_options import replicas

PACKAGE = Path(__file__).resolve().parents[2] / "morphsim"


@dataclass(frozen=True, kw_only=True)
class LinearConfig(NetworkConfig):
    """The size of a linear autoencoder."""

    architecture: ClassVar[str] = "linear"
    summary: ClassVar[str] = "a linear autoencoder"
    variational: ClassVar[bool] = False
    pretrains_content: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, SearchDimension]] = {"size": SearchRange(2, 8)}

    size: int = 3
    """Number of latents."""

    def uninitialised(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> Linear:
        return Linear(self, frame_shape, channels)


class Linear(Network):
    """One dense layer to the latents and one back."""

    def __init__(self, config: LinearConfig, frame_shape: tuple[int, int], channels: int) -> None:
        super().__init__(config, frame_shape, channels, latent_size=config.size)
        pixels = channels * frame_shape[0] * frame_shape[1]
        self.encoder = nn.Linear(pixels, config.size)
        self.decoder = nn.Linear(config.size, pixels)

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, None]:
        return self.encoder(frames.flatten(1)), None

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return self.decoder(latents).view(-1, self.channels, *self.frame_shape)

    @torch.no_grad()
    def pretrain(self, pretraining: Pretraining) -> None:
        """Take some training frames as the rows of the encoder."""
        chosen = pretraining.frames.batch(pretraining.training[: self.latent_size])
        self.encoder.weight.copy_(chosen.flatten(1) / pretraining.steps)

    def freeze_pretrained(self) -> None:
        self.encoder.requires_grad_(False)


@pytest.fixture
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of frames; meanwhile the architecture is registered."""
    monkeypatch.setitem(ARCHITECTURES, LinearConfig.architecture, LinearConfig)
    write_frames(tmp_path / "frames.h5", replicas())
    return tmp_path / "frames.h5"


def train(frames: Path, *words: str) -> None:
    options = ("--out", str(frames.parent / "out"), "--device", "cpu", "--no-tensorboard", "--epochs", "1")
    command = [str(frames), *options, "--architecture", "linear", *words]
    parse(train_encoder.Options, command, program="train").run()


def test_it_trains_resumes_is_saved_and_loaded(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(frames, "--network", "size=4", "--json")
    assert json.loads(capsys.readouterr().out)["epochs"] == 1
    train(frames, "--network", "size=4", "--resume", "--epochs", "2")
    out = capsys.readouterr().out
    assert "linear of 16 x 32 frames, 4 latents" in out and "reconstruction loss" in out
    encoder = load_encoder(frames.parent / "out", device="cpu")
    assert (encoder.architecture, encoder.latent_size) == ("linear", 4)
    shown = replicas().frames[:5]
    encoder.save(frames.parent / "copy")
    copy = load_encoder(frames.parent / "copy", device="cpu")
    assert copy.hash == encoder.hash
    assert np.array_equal(copy.encode(shown), encoder.encode(shown))
    assert copy.reconstruct(shown).shape == shown.shape


def test_a_part_of_it_can_be_pretrained(frames: Path) -> None:
    train(frames, "--content-steps", "8", "--objective.triplet", "1")
    encoder = load_encoder(frames.parent / "out", device="cpu")
    weights = encoder.network.get_parameter("encoder.weight")
    assert set(weights.unique().tolist()) == {0.0, 0.125}


def test_the_command_lines_offer_it(frames: Path) -> None:
    for module in (train_encoder, tune_encoder):
        with pytest.raises(InputError, match=r"--architecture is 'lineal'; use one of .*split, linear"):
            parse(module.Options, [str(frames), "--architecture", "lineal"], program="train")
    options = parse(train_encoder.Options, [str(frames), "--architecture", "linear"], program="train")
    with pytest.raises(InputError, match="network linear has no setting 'sise'; did you mean 'size'"):
        parse(
            train_encoder.Options,
            [str(frames), "--architecture", "linear", "--network", "sise=4"],
            program="train",
        ).config()
    assert options.config().network == LinearConfig()


def test_an_architecture_that_is_not_registered_is_not_offered() -> None:
    with pytest.raises(InputError, match=r"--architecture is 'linear'; use one of cvae, autoencoder, split$"):
        parse(train_encoder.Options, ["frames.h5", "--architecture", "linear"], program="train")


def test_it_is_tuned_within_its_own_bounds(frames: Path) -> None:
    config = TuningConfig(frames=frames, architecture="linear")
    assert config.space["network.size"] == SearchRange(2, 8)
    # Without noise there is no KL divergence to weight.
    assert {"objective.l1", "objective.l2"} <= set(config.space) and "objective.kl" not in config.space
    assert config.training({"network.size": 5}, frames.parent).network == LinearConfig(size=5)


def test_the_help_describes_every_architecture(capsys: pytest.CaptureFixture[str]) -> None:
    for module in (train_encoder, tune_encoder):
        with pytest.raises(SystemExit):
            parse(module.Options, ["--help"], program="train")
        text = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert "(default: cvae)" in text
        for name, config in ARCHITECTURES.items():
            assert f"{name}, {config.summary}" in text


def test_no_module_but_its_own_names_an_architecture() -> None:
    own = {Path(__import__(kind.__module__, fromlist=["x"]).__file__) for kind in ARCHITECTURES.values()}
    files = [*(PACKAGE / "encoder").rglob("*.py")]
    files += [Path(module.__file__) for module in (train_encoder, tune_encoder, evaluate_encoder)]
    for file in set(files) - own:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        assert not set(ARCHITECTURES) & {text for text in texts if isinstance(text, str)}, file


@pytest.mark.parametrize("kind", ARCHITECTURES.values())
def test_every_architecture_says_truly_whether_it_is_variational(kind: type[NetworkConfig]) -> None:
    network = kind().build((12, 20), generator=torch.Generator().manual_seed(0)).eval()
    _, log_variances = network.encode(torch.zeros(1, 1, 12, 20))
    assert (log_variances is not None) == kind.variational
