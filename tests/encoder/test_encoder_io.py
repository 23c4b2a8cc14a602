from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from safetensors.torch import load_file, save_file

import morphsim.encoder.io.load as load_module
from morphsim.encoder import AutoencoderConfig, Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.files import read_json
from tests.encoders import untrained_encoder


@pytest.fixture
def folder(encoder: Encoder, tmp_path: Path) -> Path:
    encoder.save(tmp_path / "saved")
    return tmp_path / "saved"


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def whitening(values: dict[str, Any]) -> Any:
    return values["metadata"]["distances"]["mahalanobis"]["whitening"]


def refused(folder: Path | str, match: str | None = None) -> str:
    with pytest.raises(InputError, match=match) as caught:
        load_encoder(folder, device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_saved_encoder_comes_back_the_same(encoder: Encoder, folder: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 2, (3, 12, 20), dtype=np.uint8)
    loaded = load_encoder(folder, device="cpu")
    assert np.array_equal(loaded.encode(frames), encoder.encode(frames))
    assert loaded.metadata == encoder.metadata
    assert loaded.hash == encoder.hash and loaded.network.config == encoder.network.config
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "weights.safetensors"]
    loaded.save(folder)
    assert load_encoder(str(folder), device="cpu").hash == encoder.hash


def test_loading_draws_no_random_numbers(folder: Path) -> None:
    state = torch.random.get_rng_state()
    load_encoder(folder, device="cpu")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_shipped_encoders_go_by_name(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "_ASSETS", tmp_path / "assets")
    refused("default", "none is shipped")
    encoder.save(tmp_path / "assets" / "default")
    assert load_encoder("default", device="cpu").hash == encoder.hash
    refused("defualt", "did you mean 'default'")


def test_the_shipped_encoder_has_all_its_hashes(tmp_path: Path) -> None:
    encoder = load_encoder("default", device="cpu")
    encoder.save(tmp_path)
    shipped = Path(load_module.__file__).parents[2] / "assets" / "default"
    assert (tmp_path / "config.json").read_text() == (shipped / "config.json").read_text()
    assert {"latents_sha256", "config_sha256"} <= set(read_json(shipped / "config.json")["metadata"])


def test_unknown_names_files_and_devices(folder: Path) -> None:
    refused(folder / "config.json", "unknown")
    refused(folder.parent, r"holds no config\.json")
    refused("a\0b", "unknown")
    refused("x" * 5000, "unknown")
    with pytest.raises(InputError, match="device"):
        load_encoder(folder, device="abacus")


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, name)


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_a_file_cut_anywhere_is_refused(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for length in {0, 1, 7, 8, 9, 100, len(whole) // 3, len(whole) // 2, len(whole) - 5, len(whole) - 2}:
        (folder / name).write_bytes(whole[:length])
        refused(folder)
    (folder / name).write_bytes(whole)
    load_encoder(folder, device="cpu")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_any_changed_byte_of_the_weights_is_refused(folder: Path, place: float, value: int) -> None:
    path = folder / "weights.safetensors"
    whole = bytearray(path.read_bytes())
    changed = whole.copy()
    changed[int(place * len(whole))] = value
    path.write_bytes(changed)
    try:
        encoder = load_encoder(folder, device="cpu")
    except InputError as error:
        assert "\n" not in str(error)
    else:
        # Only blanks in the header have no meaning.
        assert encoder.hash == json.loads((folder / "config.json").read_text())["metadata"]["weights_sha256"]
    path.write_bytes(whole)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_any_changed_byte_of_the_configuration_is_refused_or_harmless(
    folder: Path, place: float, value: int
) -> None:
    path = folder / "config.json"
    whole = bytearray(path.read_bytes())
    changed = whole.copy()
    changed[int(place * len(whole))] = value
    path.write_bytes(changed)
    try:
        load_encoder(folder, device="cpu")
    except InputError as error:
        assert "\n" not in str(error)
    else:
        before, after = (json.loads(text) for text in (whole, changed))
        # Blanks have no meaning.
        assert after == before
    path.write_bytes(whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("network"), "must hold format"),
        (lambda values: values.update(extra=1), "must hold format"),
        (lambda values: values.update(format=1), "format 1"),
        (lambda values: values.update(format=True), "format True"),
        (
            lambda values: values.update(architecture="transformer"),
            "architecture is 'transformer'; use one of cvae",
        ),
        (lambda values: values.update(architecture=["cvae"]), "architecture"),
        (lambda values: values.update(architecture="autoencoder"), "fields"),
        (lambda values: values.update(network=[]), "fields"),
        (lambda values: values["network"].pop("hidden"), "fields"),
        (lambda values: values["network"].update(hidden="16"), "hidden"),
        (lambda values: values["network"].update(hidden=17), "weights.safetensors"),
        (lambda values: values["network"].update(latent_size=3), "latent_names"),
        (lambda values: values["network"].update(channels=[4, [6]]), "channels"),
        (lambda values: values["network"].update(activation=["relu"]), "activation"),
        (lambda values: values["network"].update(activation={}), "activation"),
        (lambda values: values.update(metadata=None), "metadata"),
        (lambda values: values["metadata"].update(frame_shape=[12, 21]), "weights.safetensors"),
        (lambda values: values["metadata"].update(frame_shape=[12, 40]), "weights.safetensors"),
        (lambda values: values["metadata"].update(frame_shape=[12.0, 20]), "frame_shape"),
        (lambda values: values["metadata"].update(frame_shape=[65_536, 65_536]), "the network would have"),
        (lambda values: values["metadata"].update(frame_shape=[10**30, 20]), "frame_shape"),
        (lambda values: values["metadata"].update(boundary="open"), "boundary"),
        (lambda values: values["metadata"].update(boundary=[]), "boundary"),
        (lambda values: values["metadata"].pop("latent_names"), "latent_names"),
        (lambda values: values["metadata"].update(latent_names=[1, 2, 3, 4]), "latent_names"),
        (lambda values: values["metadata"].update(weights_sha256="0" * 64), "hash"),
        (lambda values: values["metadata"].pop("weights_sha256"), "weights_sha256"),
        (lambda values: values["metadata"]["distances"]["cosine"]["quantiles"].pop(), "101"),
        (
            lambda values: values["metadata"]["distances"]["cosine"]["quantiles"].__setitem__(3, 10**400),
            "integer of 401 digits",
        ),
        (
            lambda values: values["metadata"]["distances"]["cosine"]["quantiles"].__setitem__(
                3, float("nan")
            ),
            "101",
        ),
        (lambda values: values["metadata"]["distances"]["cosine"]["quantiles"].reverse(), "must not fall"),
        (lambda values: values["metadata"]["distances"]["euclidean"].update(scale=-1), "euclidean scale"),
        (lambda values: values["metadata"]["distances"]["euclidean"].update(scale=True), "euclidean scale"),
        (lambda values: values["metadata"].pop("distances"), "distances must hold"),
        (lambda values: values["metadata"]["distances"].pop("cosine"), "distances must hold"),
        (lambda values: values["metadata"]["distances"].update(cosine=[]), "distances cosine must hold"),
        (lambda values: values["metadata"]["distances"]["mahalanobis"].pop("whitening"), "whitening"),
        (lambda values: whitening(values).pop(), "whitening must be 4 x 4"),
        (lambda values: whitening(values)[2].append(0.0), "whitening must be 4 x 4"),
        (lambda values: whitening(values)[2].__setitem__(0, "x"), "whitening must be 4 x 4"),
        (lambda values: whitening(values)[2].__setitem__(0, float("nan")), "whitening must be 4 x 4"),
        (lambda values: whitening(values)[2].__setitem__(0, 10**400), "integer of 401 digits"),
        (lambda values: values["metadata"].pop("channels"), "channels"),
        (lambda values: values["metadata"].update(channels=2), "weights.safetensors"),
        (lambda values: values["metadata"].update(channels=0), "channels"),
    ],
)
def test_a_wrong_configuration_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    edit(folder, change)
    refused(folder, message)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["metadata"]["distances"]["euclidean"].update(scale=1.5),
        lambda values: values["metadata"]["distances"]["cosine"]["quantiles"].__setitem__(0, 1e-9),
        lambda values: whitening(values)[0].__setitem__(0, 1.0000001),
        lambda values: values["metadata"].update(held_out={}),
        lambda values: values["metadata"].update(boundary="no-flux"),
        lambda values: values["metadata"].update(note="of another encoder"),
        lambda values: values["metadata"].update(config_sha256=None),
        lambda values: values["metadata"].pop("latents_sha256"),
        lambda values: values["network"].update(activation="relu"),
    ],
)
def test_a_configuration_that_could_be_but_was_altered_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    edit(folder, change)
    refused(folder, r"config\.json has been altered.*restore it or train again")


def test_the_layout_of_the_configuration_does_not_matter(encoder: Encoder, folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True, indent=7))
    assert load_encoder(folder, device="cpu").metadata == encoder.metadata


def test_folders_without_hashes_of_latents_and_configuration_load(encoder: Encoder, tmp_path: Path) -> None:
    known = with_latents(encoder)
    known.save(tmp_path)
    written = (tmp_path / "config.json").read_text()

    def forget(values: dict[str, Any]) -> None:
        for name in ("latents_sha256", "config_sha256"):
            assert isinstance(values["metadata"].pop(name), str)

    edit(tmp_path, forget)
    loaded = load_encoder(tmp_path, device="cpu")
    assert np.array_equal(np.asarray(loaded.training_latents), np.asarray(known.training_latents))
    loaded.save(tmp_path)
    assert (tmp_path / "config.json").read_text() == written


@pytest.mark.parametrize("values", [None, 3, [], "text", {"a": {}}])
def test_json_of_something_else_is_refused(folder: Path, values: Any) -> None:
    (folder / "config.json").write_text(json.dumps(values))
    refused(folder, "must hold")


def test_json_nested_without_end_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 200_000)
    refused(folder, "JSON")


@pytest.mark.parametrize("kind", ["missing", "extra", "shape", "dtype", "nan", "value"])
def test_weights_that_do_not_fit_are_refused(folder: Path, kind: str) -> None:
    path = folder / "weights.safetensors"
    weights = load_file(path)
    name = "encoder.0.weight"
    if kind == "missing":
        del weights[name]
    elif kind == "extra":
        weights["another"] = torch.zeros(1)
    elif kind == "shape":
        weights[name] = weights[name][:, :, :2].contiguous()
    elif kind == "dtype":
        weights[name] = weights[name].double()
    elif kind == "nan":
        weights[name][0, 0, 0, 0] = float("nan")
    else:
        weights[name][0, 0, 0, 0] += 1
    save_file(weights, path)
    refused(folder, {"nan": "NaN", "value": "hash", "extra": "another"}.get(kind, name))


def with_latents(encoder: Encoder, rows: int = 5) -> Encoder:
    latents = np.random.default_rng(1).standard_normal((rows, encoder.latent_size)).astype(np.float16)
    return Encoder(encoder.network, encoder.metadata, device=encoder.device, training_latents=latents)


def test_training_latents_come_back_and_may_be_missing(encoder: Encoder, tmp_path: Path) -> None:
    known = with_latents(encoder)
    known.save(tmp_path)
    loaded = load_encoder(tmp_path, device="cpu")
    assert loaded.training_latents is not None and loaded.training_latents.dtype == np.float32
    assert np.array_equal(loaded.training_latents, np.asarray(known.training_latents))
    loaded.save(tmp_path / "again")
    assert np.array_equal(
        np.asarray(load_encoder(tmp_path / "again", device="cpu").training_latents),
        np.asarray(known.training_latents),
    )
    # Latents of an earlier encoder must be removed.
    encoder.save(tmp_path)
    assert load_encoder(tmp_path, device="cpu").training_latents is None


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"other": torch.zeros(2, 4, dtype=torch.float16)},
        {"content": torch.zeros(2, 4)},
        {"content": torch.zeros(2, 3, dtype=torch.float16)},
        {"content": torch.zeros(4, dtype=torch.float16)},
        {"content": torch.full((2, 4), torch.inf, dtype=torch.float16)},
    ],
)
def test_training_latents_that_do_not_fit_are_refused(
    encoder: Encoder, tmp_path: Path, tensors: dict[str, torch.Tensor]
) -> None:
    with_latents(encoder).save(tmp_path)
    path = tmp_path / "latents.safetensors"
    whole = path.read_bytes()
    save_file(tensors, path)
    refused(tmp_path, r"latents\.safetensors")
    path.write_bytes(whole[:-3])
    refused(tmp_path, r"latents\.safetensors")


@pytest.mark.parametrize("own", [True, False])
def test_training_latents_of_another_encoder_are_refused(encoder: Encoder, tmp_path: Path, own: bool) -> None:
    (with_latents(encoder) if own else encoder).save(tmp_path / "one")
    with_latents(encoder, rows=6).save(tmp_path / "other")
    name = "latents.safetensors"
    (tmp_path / "one" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    refused(tmp_path / "one", r"latents\.safetensors has been altered, or belongs to another encoder")
    # An encoder without them can still encode frames.
    (tmp_path / "one" / name).unlink()
    assert load_encoder(tmp_path / "one", device="cpu").training_latents is None


@pytest.mark.parametrize("channels", [1, 3])
def test_an_autoencoder_of_any_channels_comes_back_the_same(tmp_path: Path, channels: int) -> None:
    network = AutoencoderConfig(latent_size=6, channels=(3, 5, 4))
    encoder = untrained_encoder((11, 17), network, channels=channels, boundary="no-flux")
    encoder.save(tmp_path)
    loaded = load_encoder(tmp_path, device="cpu")
    shape = (2, 11, 17) if channels == 1 else (2, channels, 11, 17)
    frames = np.random.default_rng(0).integers(0, 2, shape, dtype=np.uint8)
    assert (loaded.architecture, loaded.channels) == ("autoencoder", channels)
    assert np.array_equal(loaded.encode(frames), encoder.encode(frames))
    assert np.array_equal(loaded.reconstruct(frames), encoder.reconstruct(frames))
