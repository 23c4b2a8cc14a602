"""Content and pose: invariances of the content, and its statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.encoder import (
    CVAEConfig,
    Encoder,
    ObjectiveConfig,
    TrainingConfig,
    load_encoder,
    train_encoder,
)
from morphsim.encoder.networks import SplitConfig
from morphsim.encoder.networks.statistics import moments_size, spectra_size, statistics
from morphsim.encoder.out_of_distribution import frame_statistics
from morphsim.encoder.triplet import random_triplets, triplet_accuracy
from morphsim.errors import InputError
from morphsim.frames import FrameSet, frame_labels, read_frames, write_frames
from morphsim.types import Boundary

SMALL = SplitConfig(
    content_size=5,
    pose_size=3,
    channels=(4, 6),
    kernel_size=3,
    strides=(2, 2),
    bottleneck=3,
    content_hidden=16,
    hidden=16,
)


def built(
    shape: tuple[int, int], boundary: Boundary, *, channels: int = 1, config: SplitConfig = SMALL
) -> Any:
    generator = torch.Generator().manual_seed(3)
    network = config.build(shape, channels=channels, boundary=boundary, generator=generator)
    return network.eval()


def blobs(count: int, shape: tuple[int, int], *, channels: int = 1, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(count, channels, *shape, generator=torch.Generator().manual_seed(seed))
    return (torch.nn.functional.avg_pool2d(noise, 3, 1, 1) > 0).float()


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
@pytest.mark.parametrize("shape", [(1, 9), (13, 7), (24, 32)])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_frame_has_content_and_pose(boundary: Boundary, shape: tuple[int, int], channels: int) -> None:
    network = built(shape, boundary, channels=channels)
    frames = blobs(3, shape, channels=channels)
    means, log_variances = network.encode(frames)
    assert means.shape == log_variances.shape == (3, 8) and network.content_size == 5
    assert network.decode(means).shape == frames.shape
    content, _ = network.encode_content(frames)
    assert torch.equal(content, means[:, :5])
    assert network.train().encode(frames)[0].shape == (3, 8)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 31), st.integers(0, 100))
def test_content_does_not_depend_on_where_a_periodic_pattern_lies(shift: int, seed: int) -> None:
    network = built((24, 32), "periodic")
    frames = blobs(4, (24, 32), seed=seed)
    content = network.encode_content(frames)[0]
    for moved in (frames.roll(shift, 3), frames.flip(3), frames.flip(3).roll(shift, 3)):
        torch.testing.assert_close(network.encode_content(moved)[0], content, atol=2e-5, rtol=0)
    assert (content[0] - content[1]).abs().max() > 1e-3


def test_content_between_walls_does_not_depend_on_left_and_right() -> None:
    network = built((24, 30), "no-flux")
    frames = blobs(4, (24, 30))
    content = network.encode_content(frames)[0]
    torch.testing.assert_close(network.encode_content(frames.flip(3))[0], content, atol=2e-5, rtol=0)


def test_content_depends_on_depth_and_phase_and_pose_on_position() -> None:
    network = built((24, 32), "periodic")
    frames = blobs(4, (24, 32))
    frames[:, :, 12:] = 1.0
    content, pose = network.encode(frames)[0].split([5, 3], dim=1)
    for other in (frames.flip(2), 1.0 - frames):
        assert (network.encode_content(other)[0] - content).norm(dim=1).min() > 0.01
    assert (network.encode(frames.roll(9, 3))[0][:, 5:] - pose).norm(dim=1).min() > 1e-3


def test_statistics_of_stripes_are_what_they_must_be() -> None:
    x = torch.arange(32)
    upright = ((x // 4) % 2).float().expand(1, 1, 16, 32)
    few, many = statistics(upright, boundary="periodic")
    assert few.shape == (1, moments_size(1))
    assert many.shape == (1, spectra_size((16, 32), 1, boundary="periodic"))
    fraction, *layers, every, across_x, across_depth, mean, along_x, along_depth, both, euler, smooth = few[
        0
    ].tolist()
    assert euler == smooth == 0.0 and layers == pytest.approx([0.0] * 3, abs=1e-6)
    assert both == pytest.approx(along_depth, abs=1e-3)
    assert fraction == pytest.approx(0.0)
    assert every == across_x == pytest.approx(np.log(8 / 32 + 1e-3) + 3.0)
    assert across_depth == pytest.approx(np.log(1e-3) + 3.0)
    assert mean == pytest.approx(along_x) and along_depth == pytest.approx(np.log(1e-3) + 3.5, abs=1e-3)
    # A square wave has odd harmonics only, and the ring average divides each by k: the first moment is
    # between the first and the third.
    wavenumber = np.exp(mean - 3.5) - 1e-3
    assert 1 / 8 < wavenumber < 3 / 8


def test_layers_are_distinguished_by_their_depth() -> None:
    depth = torch.arange(40)[:, None].expand(1, 1, 40, 60)
    first = []
    for donor in (depth < 20, depth >= 20, (depth < 10) | (depth >= 30), (depth >= 10) & (depth < 30)):
        first.append(statistics(donor.float(), boundary="periodic")[0][0, 1:3].tolist())
    # The mean of a cosine over half of its period is 2 / pi, and half of the frame is donor.
    size = (8.0 / np.pi) ** 2
    expected = [[size, 0.0], [-size, 0.0], [0.0, size], [0.0, -size]]
    assert np.allclose(first, expected, rtol=0.01, atol=1e-4)


def test_leaning_domains_have_waves_along_both_axes() -> None:
    z, x = torch.meshgrid(torch.arange(40), torch.arange(80), indexing="ij")
    upright, flat, leaning = (((wave // 4) % 2).float().expand(1, 1, 40, 80) for wave in (x, z, (x + z)))
    values = [statistics(frame, boundary="periodic")[0][0, 10].item() for frame in (upright, flat, leaning)]
    assert values[2] > max(values[:2]) + 0.5


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_euler_number_counts_domains_less_holes(boundary: Boundary) -> None:
    frame = torch.zeros(1, 1, 40, 60)
    frame[..., 4:12, 5:15] = frame[..., 20:30, 10:20] = frame[..., 20:34, 30:44] = 1.0
    frame[..., 24:30, 34:40] = 0.0
    frame[..., 36, 50] = 1.0  # a speck
    for phases, sign in ((frame, 1.0), (1.0 - frame, -1.0)):
        raw, smooth = statistics(phases, boundary=boundary)[0][0, -2:].tolist()
        # Three domains, one of them with a hole, and the speck.
        assert raw == pytest.approx(sign * np.arcsinh(1000.0 * 3 / 2400))
        assert smooth == pytest.approx(sign * np.arcsinh(1000.0 * 2 / 2400))


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_spectra_keep_the_variance_of_a_frame(boundary: Boundary) -> None:
    from morphsim.encoder.networks import statistics as module

    frames = blobs(2, (12, 20))
    rows = frames if boundary == "periodic" else torch.cat([frames, frames.flip(3)], dim=3)
    modes = torch.view_as_real(torch.fft.rfft(rows, dim=3)).flatten(3) / rows.shape[3] ** 0.5
    power = module._power(module._cosines(12, "cpu") @ modes)
    twice = torch.full((power.shape[3],), 2.0)
    twice[0] = twice[-1] = 1.0
    total = (power * twice).sum(dim=(2, 3)) - power[..., 0, 0]
    pixels = rows.shape[2] * rows.shape[3]
    variance = (frames - frames.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(2, 3))
    torch.testing.assert_close(total / pixels, variance, rtol=1e-4, atol=1e-6)


def test_statistics_are_normalised() -> None:
    network = built((24, 32), "periodic")
    frames = blobs(64, (24, 32))
    network.fit_normalisation(frames)
    measured = network.measure(frames)
    assert measured.mean(dim=0).abs().max() < 1e-3
    deviations = measured.std(dim=0, correction=0)
    assert ((deviations - 1.0).abs() < 1e-3).sum() > 0.8 * len(deviations) and deviations.max() < 1.001


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_statistics_are_returned_with_the_encoded_frames(boundary: Boundary) -> None:
    encoder = Encoder(built((13, 7), boundary), {"boundary": boundary}, device=torch.device("cpu"))
    frames = blobs(70, (13, 7))[:, 0].numpy().astype(np.uint8)
    encoded = encoder.encode_all(frames)
    np.testing.assert_allclose(encoded.statistics, frame_statistics(frames, boundary=boundary), atol=1e-5)
    assert np.array_equal(encoded.rows([3, 1]).statistics, encoded.statistics[[3, 1]])


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_content_is_trained_by_itself_and_then_stays(
    boundary: Boundary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = labelled_frames(tmp_path / "frames.h5", boundary)
    options: dict[str, Any] = {
        "frames": frames,
        "network": SMALL,
        "batch_size": 8,
        "device": "cpu",
        "tensorboard": False,
        "hold_out": "recipes",
        "objective": ObjectiveConfig(triplet=1.0),
    }
    encoders = {}
    for name, steps, epochs in (("untrained", 1, 1), ("one", 500, 1), ("two", 500, 2)):
        config = TrainingConfig(out=tmp_path / name, content_steps=steps, epochs=epochs, **options)
        encoders[name] = train_encoder(config, show_progress=False)
    config = TrainingConfig(out=tmp_path / "one", content_steps=500, epochs=2, resume=True, **options)
    resumed = train_encoder(config, show_progress=True)
    assert "content" not in capsys.readouterr().err
    weights = {name: each.network.content.state_dict() for name, each in encoders.items()}
    for name, value in weights["two"].items():
        assert torch.equal(value, weights["one"][name])
        assert torch.equal(value, resumed.network.content.state_dict()[name])
    assert resumed.hash == encoders["two"].hash
    frame_set = read_frames(frames)
    triplets = random_triplets(frame_labels(frame_set), frame_set.trajectory, count=2000, seed=0)
    assert triplets is not None
    shares = [
        float(triplet_accuracy(torch.from_numpy(each.encode(frame_set.frames)), torch.from_numpy(triplets)))
        for each in (encoders["untrained"], encoders["two"])
    ]
    assert shares[1] > 0.9 and shares[1] > shares[0] + 0.02, shares


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": CVAEConfig()}, "'cvae' has no content of its own"),
        ({"objective": ObjectiveConfig()}, "no triplet loss"),
        ({"content_steps": -1}, "content_steps"),
    ],
)
def test_content_steps_that_cannot_be_are_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    frames = labelled_frames(tmp_path / "frames.h5", "periodic")
    given = {"network": SMALL, "objective": ObjectiveConfig(triplet=1.0), "content_steps": 5, **options}
    with pytest.raises(InputError, match=message):
        train_encoder(
            TrainingConfig(frames=frames, out=tmp_path / "out", epochs=1, device="cpu", **given),
            show_progress=False,
        )


def labelled_frames(path: Path, boundary: Boundary) -> Path:
    """Write films of stripes: four recipes of different widths, three films each, four moments."""
    random = np.random.default_rng(0)
    frames, trajectory = [], []
    for film in range(12):
        for moment in range(4):
            width = 2 + film // 3 + 1.5 * moment
            place = np.arange(20) + random.uniform(0.0, 20.0)
            frames.append(np.broadcast_to(np.sin(np.pi * place / width) > 0, (12, 20)))
            trajectory.append(film)
    write_frames(
        path,
        FrameSet(
            frames=np.stack(frames).astype(np.uint8),
            columns={"trajectory": np.array(trajectory), "time": np.tile(np.arange(4.0), 12)},
            recipes={"chi": np.repeat(np.arange(4.0), 3)},
            boundary=boundary,
        ),
    )
    return path


def test_features_are_dropped_in_training_only_and_by_the_seed() -> None:
    network = built((24, 32), "periodic")
    frames = blobs(4, (24, 32))
    assert torch.equal(network.encode(frames)[0], network.encode(frames)[0])
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = network.encode(frames)[0]
        assert not torch.equal(first, network.encode(frames)[0])
        torch.manual_seed(1)
        assert torch.equal(first, network.encode(frames)[0])


def test_a_split_network_trains_and_resumes_bit_for_bit(
    small_config: Callable[..., TrainingConfig], tmp_path: Any
) -> None:
    state = torch.random.get_rng_state()
    whole = small_config(out=tmp_path / "whole", network=SMALL, epochs=3)
    train_encoder(whole, show_progress=False)
    for epochs in (1, 3):
        config = small_config(
            out=tmp_path / "parts", network=SMALL, epochs=epochs, schedule="constant", resume=True
        )
        train_encoder(config, show_progress=False)
    straight = small_config(out=tmp_path / "straight", network=SMALL, epochs=3, schedule="constant")
    assert train_encoder(straight, show_progress=False).hash == load_encoder(tmp_path / "parts").hash
    assert torch.equal(torch.random.get_rng_state(), state)
    encoder = load_encoder(tmp_path / "whole", device="cpu")
    assert encoder.latent_size == 5
    frames = blobs(3, (12, 20))[:, 0].numpy()
    assert encoder.encode(frames).shape == (3, 5) and encoder.encode_pose(frames).shape == (3, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"content_size": 0}, "content_size"),
        ({"channels": ()}, "channels"),
        ({"strides": (2,)}, "strides"),
        ({"kernel_size": 4}, "kernel_size"),
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": "none"}, "dropout"),
        ({"activation": "step"}, "activation"),
    ],
)
def test_impossible_sizes_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SplitConfig(**options)


def test_gradients_run_through_the_statistics_after_an_inference() -> None:
    # Constants that were first computed in inference mode must not break a later gradient.
    from tests.encoders import blobs, untrained_encoder

    encoder = untrained_encoder((24, 40), SplitConfig())
    frames = blobs(2, (24, 40))
    encoder.encode(frames)
    pixels = torch.from_numpy(frames).float()[:, None].requires_grad_()
    encoder.network.encode(pixels)[0].square().sum().backward()
    assert pixels.grad is not None
    assert float(pixels.grad.abs().sum()) > 0
