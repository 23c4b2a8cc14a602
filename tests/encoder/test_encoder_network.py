from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from morphsim.encoder import (
    ARCHITECTURES,
    CVAE,
    AutoencoderConfig,
    CVAEConfig,
    NetworkConfig,
    reconstruction_loss,
)
from morphsim.encoder.networks import find_architecture, parse_network
from morphsim.encoder.networks.convolutions import upsampling
from morphsim.errors import InputError


@pytest.mark.parametrize("shape", [(100, 400), (101, 401), (48, 192), (64, 64), (37, 53), (1, 1), (3, 200)])
def test_default_network_takes_and_returns_every_shape(shape: tuple[int, int]) -> None:
    network = CVAEConfig().build(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        means, log_variances = network.encode(torch.zeros(2, 1, *shape))
        logits = network.decode(means)
    assert means.shape == log_variances.shape == (2, 16)
    assert logits.shape == (2, 1, *shape)


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
    network = config.build(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert network.decode(torch.zeros(1, 2)).shape == (1, 1, *shape)
        assert network.encode(torch.zeros(1, 1, *shape))[0].shape == (1, 2)


def test_network_has_two_convolutions_and_two_dense_layers_each_way() -> None:
    network = CVAEConfig().build((32, 64), generator=torch.Generator().manual_seed(0))
    kinds = [type(layer).__name__ for layer in network.encoder if any(True for _ in layer.parameters())]
    assert kinds == ["Conv2d", "Conv2d", "Linear", "Linear"]
    layers = [layer for layer in network.decoder if any(True for _ in layer.parameters())]
    kinds = (torch.nn.Linear, torch.nn.Linear, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose2d)
    assert all(isinstance(layer, kind) for layer, kind in zip(layers, kinds, strict=True))


def test_first_weights_come_from_the_generator_alone() -> None:
    state = torch.random.get_rng_state()
    config = CVAEConfig(channels=(2, 3), hidden=8)
    one, two, other = (
        config.build((16, 16), generator=torch.Generator().manual_seed(seed)).state_dict()
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_first_network_paints_even_odds_with_a_narrow_posterior() -> None:
    network = CVAEConfig().build((64, 64), generator=torch.Generator().manual_seed(0))
    frames = (torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(1)) < 0.5).float()
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


def small_networks() -> list[NetworkConfig]:
    """Return a small network of every architecture."""
    sizes: dict[str, list[str]] = {
        "cvae": ["latent_size=4", "channels=3,5", "hidden=8"],
        "autoencoder": ["latent_size=4", "channels=3,5,4"],
    }
    return [parse_network(name, sizes.get(name, [])) for name in ARCHITECTURES]


@pytest.mark.parametrize("config", small_networks(), ids=lambda config: config.architecture)
@pytest.mark.parametrize("shape", [(12, 20), (37, 53), (16, 9)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_every_architecture_takes_every_shape_and_number_of_channels(
    config: NetworkConfig, shape: tuple[int, int], channels: int, boundary: Any
) -> None:
    generator = torch.Generator().manual_seed(0)
    network = config.build(shape, channels=channels, boundary=boundary, generator=generator)
    frames = (torch.rand(2, channels, *shape, generator=generator) < 0.5).float()
    network.eval()
    means, log_variances = network.encode(frames)
    assert means.shape == (2, network.latent_size)
    assert log_variances is None or log_variances.shape == means.shape
    assert 1 <= network.content_size <= network.latent_size
    logits = network.decode(means)
    assert logits.shape == frames.shape and bool(logits.isfinite().all())
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.decoder.parameters())
    assert not list(network.buffers())
    loaded = config.build_on_meta(shape, channels=channels, boundary=boundary)
    assert all(parameter.is_meta for parameter in loaded.parameters())
    loaded.load_state_dict(network.state_dict(), assign=True)
    assert torch.equal(loaded.eval().encode(frames)[0], means)


@pytest.mark.parametrize("config", small_networks(), ids=lambda config: config.architecture)
def test_every_architecture_survives_json_and_its_name_finds_it(config: NetworkConfig) -> None:
    kind = find_architecture(config.architecture)
    assert type(config) is kind
    assert kind.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_autoencoder_shrinks_by_two_as_often_as_it_has_channels() -> None:
    config = AutoencoderConfig(latent_size=7, channels=(2, 3, 4, 5))
    network = config.build((32, 64), generator=torch.Generator().manual_seed(0))
    convolutions = [layer for layer in network.encoder if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.stride for layer in convolutions] == [(2, 2)] * 4
    dense = [layer for layer in network.encoder if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in dense] == [(5 * 2 * 4, 7)]
    assert AutoencoderConfig().latent_size == 192


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latent_size", 0),
        ("channels", ()),
        ("channels", (4,) * 17),
        ("channels", (4, 0)),
        ("channels", [4, 4]),
        ("kernel_size", 4),
        ("kernel_size", 1),
        ("activation", "tanhh"),
    ],
)
def test_bad_sizes_of_an_autoencoder_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=field):
        AutoencoderConfig(**{field: value})


def test_sizes_are_read_from_texts() -> None:
    config = parse_network("cvae", ["latent_size=5", "channels=3,7", "activation=silu"])
    assert config == CVAEConfig(latent_size=5, channels=(3, 7), activation="silu")
    assert parse_network("autoencoder", []) == AutoencoderConfig()
    assert parse_network("autoencoder", ["channels=8"]) == AutoencoderConfig(channels=(8,))


@pytest.mark.parametrize(
    ("architecture", "text", "message"),
    [
        ("transformer", "hidden=3", "use one of cvae, autoencoder"),
        ("cvae", "hidden", "NAME=VALUE"),
        ("cvae", "hiden=3", "no setting 'hiden'; did you mean 'hidden'?"),
        ("autoencoder", "hidden=3", "no setting 'hidden'"),
        ("cvae", "hidden=3.5", "whole number"),
        ("cvae", "channels=3", "two whole numbers"),
        ("cvae", "channels=3,x", "whole number"),
        ("cvae", "channels=", "whole number"),
        ("cvae", "activation=tanhh", "activation"),
    ],
)
def test_bad_texts_are_refused_in_one_line(architecture: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_network(architecture, [text])
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="twice"):
        parse_network("cvae", ["hidden=3", "hidden=3"])


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("target", [(100, 400), (13, 17), (1, 9), (16, 16)])
def test_sub_pixel_convolutions_are_transposed_ones(stride: int, target: tuple[int, int]) -> None:
    shape = (-(-target[0] // stride), -(-target[1] // stride))
    layer = upsampling(3, 1, kernel_size=2 * stride - 1, stride=stride, shape=shape, target=target)
    assert type(layer) is not torch.nn.ConvTranspose2d
    values = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0), requires_grad=True)
    pixels = layer(values)
    expected = torch.nn.ConvTranspose2d.forward(layer, values)
    assert pixels.shape == (2, 1, *target)
    torch.testing.assert_close(pixels, expected, atol=1e-5, rtol=1e-5)
    inputs = (values, layer.weight, layer.bias)
    found, wanted = (torch.autograd.grad(each.square().sum(), inputs) for each in (pixels, expected))
    for own, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(own, other, atol=1e-3, rtol=1e-4)
