from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from morphsim.encoder import (
    CVAE,
    CVAEConfig,
    build_cvae,
    kl_divergence,
    reconstruction_loss,
    sample_latents,
)
from morphsim.errors import InputError


@pytest.mark.parametrize("shape", [(100, 400), (101, 401), (48, 192), (64, 64), (37, 53), (1, 1), (3, 200)])
def test_default_network_takes_and_returns_every_shape(shape: tuple[int, int]) -> None:
    network = build_cvae(CVAEConfig(), shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        means, log_variances = network.encode(torch.zeros(2, *shape))
        logits = network.decode(means)
    assert means.shape == log_variances.shape == (2, 16)
    assert logits.shape == (2, *shape)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    strides=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    kernel=st.sampled_from([5, 7]),
)
def test_every_stride_comes_back_to_the_frame_shape(
    shape: tuple[int, int], strides: tuple[int, int], kernel: int
) -> None:
    config = CVAEConfig(latent_size=2, channels=(1, 1), hidden=2, strides=strides, kernel_size=kernel)
    network = build_cvae(config, shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert network.decode(torch.zeros(1, 2)).shape == (1, *shape)
        assert network.encode(torch.zeros(1, *shape))[0].shape == (1, 2)


def test_network_has_two_convolutions_and_two_dense_layers_each_way() -> None:
    network = build_cvae(CVAEConfig(), (32, 64), generator=torch.Generator().manual_seed(0))
    kinds = [type(layer).__name__ for layer in network.encoder if any(True for _ in layer.parameters())]
    assert kinds == ["Conv2d", "Conv2d", "Linear", "Linear"]
    kinds = [type(layer).__name__ for layer in network.decoder if any(True for _ in layer.parameters())]
    assert kinds == ["Linear", "Linear", "ConvTranspose2d", "ConvTranspose2d"]


def test_first_weights_come_from_the_generator_alone() -> None:
    state = torch.random.get_rng_state()
    config = CVAEConfig(channels=(2, 3), hidden=8)
    one, two, other = (
        build_cvae(config, (16, 16), generator=torch.Generator().manual_seed(seed)).state_dict()
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_first_network_paints_even_odds_with_a_narrow_posterior() -> None:
    network = build_cvae(CVAEConfig(), (64, 64), generator=torch.Generator().manual_seed(0))
    frames = (torch.rand(4, 64, 64, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    with torch.inference_mode():
        means, log_variances = network.encode(frames)
        loss = reconstruction_loss(network.decode(means), frames)
    assert torch.equal(log_variances, torch.full_like(log_variances, -4.0))
    assert torch.allclose(loss / 64**2, torch.full_like(loss, 0.6931), atol=0.05)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latent_size", 0),
        ("latent_size", 2.0),
        ("latent_size", True),
        ("hidden", 10**9),
        ("kernel_size", 4),
        ("kernel_size", 3),
        ("channels", (8,)),
        ("channels", (8, -1)),
        ("strides", [2, 2]),
        ("strides", (0, 2)),
        ("activation", "tanhh"),
    ],
)
def test_bad_sizes_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=field):
        CVAEConfig(**{field: value})


def test_configuration_survives_json() -> None:
    config = CVAEConfig(latent_size=5, channels=(3, 7), activation="silu")
    assert CVAEConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@settings(max_examples=80, deadline=None)
@given(
    values=st.one_of(
        st.none(),
        st.integers(),
        st.dictionaries(st.text(), st.integers()),
        st.fixed_dictionaries(
            {
                name: st.one_of(st.integers(), st.text(), st.none(), st.lists(st.integers()), st.floats())
                for name in CVAEConfig().to_dict()
            }
        ),
    )
)
def test_any_stored_configuration_is_read_or_refused(values: Any) -> None:
    try:
        config = CVAEConfig.from_dict(values)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert config.to_dict() == values


def test_network_refuses_a_shape_without_pixels() -> None:
    with pytest.raises(InputError, match="frame_shape"):
        CVAE(CVAEConfig(), (0, 5))


def test_kl_divergence_is_that_of_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    log_variances = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    posterior = torch.distributions.Normal(means, torch.exp(0.5 * log_variances))
    prior = torch.distributions.Normal(torch.zeros_like(means), torch.ones_like(means))
    expected = torch.distributions.kl_divergence(posterior, prior).sum(dim=1)
    torch.testing.assert_close(kl_divergence(means, log_variances), expected)
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0.0, 0.0]


def test_reconstruction_loss_is_the_log_likelihood_summed_over_pixels() -> None:
    logits = torch.tensor([[[0.0, 2.0], [-3.0, 50.0]]])
    frames = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    expected = -torch.distributions.Bernoulli(logits=logits).log_prob(frames).sum(dim=(1, 2))
    torch.testing.assert_close(reconstruction_loss(logits, frames), expected)
    even = reconstruction_loss(torch.zeros(1, 100, 400), torch.ones(1, 100, 400))
    assert even.item() == pytest.approx(40_000 * 0.693147, rel=1e-4)


def test_samples_have_the_mean_and_deviation_asked_for_and_a_gradient() -> None:
    means = torch.tensor([[2.0, -1.0]]).repeat(20_000, 1).requires_grad_()
    log_variances = torch.tensor([[0.0, -2.0]]).repeat(20_000, 1).requires_grad_()
    samples = sample_latents(means, log_variances, generator=torch.Generator().manual_seed(0))
    assert samples.mean(dim=0).tolist() == pytest.approx([2.0, -1.0], abs=0.03)
    assert samples.std(dim=0).tolist() == pytest.approx([1.0, 0.3679], rel=0.03)
    samples.sum().backward()
    assert torch.equal(means.grad, torch.ones_like(means))
    assert log_variances.grad is not None and log_variances.grad.abs().sum() > 0
    again = sample_latents(means, log_variances, generator=torch.Generator().manual_seed(0))
    assert torch.equal(samples, again)
