from __future__ import annotations

import multiprocessing
import pickle
from typing import Any

import hypothesis.extra.numpy as stnp
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray

from morphsim.encoder import AutoencoderConfig, CVAEConfig, Encoder
from morphsim.encoder.input import check_frames
from morphsim.errors import InputError
from tests.encoders import untrained_encoder

SHAPE = (12, 20)


def random_frames(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (count, *SHAPE), dtype=np.uint8)


def test_every_kind_of_input_gives_the_same_latents(encoder: Encoder) -> None:
    frames = random_frames(3)
    latents = encoder.encode(frames)
    assert latents.shape == (3, 4) and latents.dtype == np.float32
    read_only = frames.copy()
    read_only.flags.writeable = False
    kinds: list[Any] = [
        frames * np.uint8(255),
        frames.astype(bool),
        frames.astype(np.float16),
        frames.astype(np.float32),
        frames.astype(np.float64),
        read_only,
        frames[:, ::-1][:, ::-1],
        np.asfortranarray(frames),
    ]
    for same in kinds:
        assert np.array_equal(encoder.encode(same), latents)


def test_grey_values_reach_the_network(encoder: Encoder) -> None:
    frames = random_frames(1)
    grey = 0.25 + 0.5 * frames
    assert not np.allclose(encoder.encode(grey), encoder.encode(frames))


def test_no_frames_give_no_latents(encoder: Encoder) -> None:
    empty = np.zeros((0, *SHAPE), np.uint8)
    assert encoder.encode(empty).shape == (0, 4)
    assert encoder.reconstruct(empty).shape == (0, *SHAPE)
    assert encoder.elbo(empty).shape == (0,)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros(SHAPE, np.uint8), r"frame\[None\]"),
        (np.zeros((2, 20, 12), np.uint8), r"\(N, 12, 20\)"),
        (np.zeros((1, 1, *SHAPE), np.uint8), "shape"),
        (np.full((1, *SHAPE), 2, np.uint8), "value 2"),
        (np.full((1, *SHAPE), 254, np.uint8), "value 254"),
        (np.zeros((1, *SHAPE), np.int64), "int64"),
        (np.zeros((1, *SHAPE), complex), "complex"),
        (np.full((1, *SHAPE), np.nan), "NaN"),
        (np.full((1, *SHAPE), np.inf), "inf"),
        (np.full((1, *SHAPE), -0.01), "from 0 to 1"),
        (np.full((1, *SHAPE), 1.01), "from 0 to 1"),
        (np.full((1, *SHAPE), "a"), "<U1"),
        ([[1, 2], [3]], "one array"),
        (None, "shape"),
    ],
)
def test_bad_frames_are_refused_in_one_line(encoder: Encoder, frames: Any, message: str) -> None:
    for method in (encoder.encode, encoder.reconstruct, encoder.elbo):
        with pytest.raises(InputError, match=message) as caught:
            method(frames)
        assert "\n" not in str(caught.value)


def test_bytes_of_both_conventions_at_once_are_refused(encoder: Encoder) -> None:
    frames = random_frames(2)
    frames[0] *= 255
    with pytest.raises(InputError, match="value 1"):
        encoder.encode(frames)


@settings(max_examples=60, deadline=None)
@given(
    frames=stnp.arrays(
        st.sampled_from([np.uint8, np.float32, np.float64, np.int32, np.bool_]),
        st.sampled_from([(2, 3), (1, 2, 3), (0, 2, 3), (2, 3, 2)]),
    )
)
def test_any_array_is_brought_to_zero_and_one_or_refused(frames: NDArray[Any]) -> None:
    try:
        checked = check_frames(frames, (2, 3))
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert checked.shape == frames.shape and checked.shape[1:] == (2, 3)
        assert checked.dtype in (np.uint8, np.float32)
        assert ((checked >= 0) & (checked <= 1)).all()
        if frames.dtype == np.uint8:
            assert np.array_equal(checked, frames != 0)


def test_a_frame_has_the_same_latents_alone_and_in_a_batch(encoder: Encoder) -> None:
    frames = random_frames(300)
    together = encoder.encode(frames)
    alone = np.concatenate([encoder.encode(frame[None]) for frame in frames[::37]])
    np.testing.assert_allclose(alone, together[::37], atol=2e-6)


def test_distribution_reconstruction_and_elbo(encoder: Encoder) -> None:
    frames = random_frames(5)
    means, deviations = encoder.encode_distribution(frames)
    assert np.array_equal(means, encoder.encode(frames))
    assert deviations.shape == (5, 4) and np.allclose(deviations, np.exp(-2.0))
    decoded = encoder.reconstruct(frames)
    assert decoded.shape == frames.shape and decoded.dtype == np.float32
    assert decoded.min() >= 0 and decoded.max() <= 1
    bound = encoder.elbo(frames, seed=1)
    assert np.array_equal(bound, encoder.elbo(frames, seed=1))
    assert not np.array_equal(bound, encoder.elbo(frames, seed=2))
    # The mean alone leaves out the KL divergence and the cost of the noise, so it is close but not equal.
    likelihood = np.where(frames == 1, np.log(decoded), np.log1p(-decoded)).sum(axis=(1, 2))
    assert np.all(bound < 0) and np.allclose(bound, likelihood, rtol=0.2)


def test_pickling_keeps_everything(encoder: Encoder) -> None:
    frames = random_frames(2)
    copy = pickle.loads(pickle.dumps(encoder))
    assert np.array_equal(copy.encode(frames), encoder.encode(frames))
    assert copy.metadata == encoder.metadata and copy.hash == encoder.hash
    assert copy.frame_shape == SHAPE and copy.boundary == "periodic" and copy.latent_size == 4


def _encode_in_worker(encoder: Encoder, frames: NDArray[np.uint8], answers: Any) -> None:
    answers.put(encoder.encode(frames))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_encoding_in_worker_processes(encoder: Encoder, method: str) -> None:
    frames = random_frames(2)
    expected = encoder.encode(frames)
    context: Any = multiprocessing.get_context(method)
    answers = context.SimpleQueue()
    worker = context.Process(target=_encode_in_worker, args=(encoder, frames, answers))
    worker.start()
    worker.join(timeout=60)
    assert worker.exitcode == 0
    np.testing.assert_allclose(answers.get(), expected, atol=2e-6)


def test_encoding_leaves_torch_as_it_was(encoder: Encoder) -> None:
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    encoder.elbo(random_frames(1))
    encoder.encode(random_frames(1))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not any(parameter.requires_grad for parameter in encoder.network.parameters())


def test_encoder_describes_itself(encoder: Encoder) -> None:
    assert repr(encoder) == f"Encoder(12 x 20 frames -> 4 latents, hash {encoder.hash[:12]})"


def test_an_encoder_without_noise_has_no_deviations_and_no_elbo() -> None:
    encoder = untrained_encoder(SHAPE, AutoencoderConfig(latent_size=5, channels=(3, 4)))
    frames = random_frames(3)
    means, deviations = encoder.encode_distribution(frames)
    assert means.shape == deviations.shape == (3, 5) and not deviations.any()
    assert encoder.encode_pose(frames).shape == (3, 0)
    assert encoder.reconstruct(frames).shape == frames.shape
    with pytest.raises(InputError, match="autoencoder has no ELBO"):
        encoder.elbo(frames)


def test_frames_of_several_channels() -> None:
    small = CVAEConfig(latent_size=3, channels=(2, 3), hidden=8)
    encoder = untrained_encoder(SHAPE, small, channels=2)
    frames = np.random.default_rng(0).integers(0, 2, (4, 2, *SHAPE), dtype=np.uint8)
    latents = encoder.encode(frames)
    assert latents.shape == (4, 3)
    assert not np.allclose(latents, encoder.encode(frames[:, ::-1]))
    assert encoder.reconstruct(frames).shape == frames.shape and encoder.elbo(frames).shape == (4,)
    assert repr(encoder).startswith("Encoder(2 x 12 x 20 frames -> 3 latents")
    for wrong in (frames[:, :1], frames[:, 0], frames[0]):
        with pytest.raises(InputError, match=r"\(N, 2, 12, 20\)"):
            encoder.encode(wrong)
