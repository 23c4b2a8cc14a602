"""Out-of-distribution measures: by hand, after training, and in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import load_file, save_file

from morphsim.encoder import Encoder, load_encoder
from morphsim.encoder.out_of_distribution import (
    MEASURES,
    fit_training_statistics,
    frame_statistics,
    nearest_distance,
    reconstruction_errors,
    statistics_size,
)
from morphsim.errors import InputError
from morphsim.types import Boundary
from tests.encoders import blobs, small_encoder

SHAPE = (12, 20)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Path]:
    folder = tmp_path_factory.mktemp("statistics") / "encoder"
    return small_encoder(folder, SHAPE), folder


@pytest.fixture
def copy(trained: tuple[Encoder, Path], tmp_path: Path) -> Path:
    trained[0].save(tmp_path / "copy")
    return tmp_path / "copy"


def test_training_measures_frames_and_files_store_the_measures(trained: tuple[Encoder, Path]) -> None:
    encoder, folder = trained
    loaded = load_encoder(folder, device="cpu")
    assert loaded.metadata["held_out"] == encoder.metadata["held_out"]
    assert set(loaded.metadata["held_out"]) == set(MEASURES)
    kept, read = encoder.training_statistics, loaded.training_statistics
    assert kept is not None and read is not None
    for name in ("mean", "scale", "components"):
        assert np.array_equal(getattr(read, name), getattr(kept, name))


def test_residuals_are_what_orthonormal_components_leave() -> None:
    frames = blobs(100, SHAPE)
    statistics = fit_training_statistics(frames, boundary="periodic")
    components = statistics.components
    assert components @ components.T == pytest.approx(np.eye(len(components)), abs=1e-4)
    values = (frame_statistics(frames, boundary="periodic") - statistics.mean) / statistics.scale
    # Pythagoras: the components and the residual add up to the whole.
    whole = np.square(values).sum(axis=1)
    held = np.square(values @ components.T).sum(axis=1)
    residual = statistics.residual(frame_statistics(frames, boundary="periodic"))
    assert residual == pytest.approx(np.sqrt(np.maximum(whole - held, 0.0) / values.shape[1]), abs=1e-3)
    board = (np.indices(SHAPE).sum(axis=0) % 2).astype(np.uint8)
    assert statistics.residual(frame_statistics(board[None], boundary="periodic"))[0] > 2.0 * residual.max()


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.integers(1, 3),
    boundary=st.sampled_from(get_args(Boundary)),
)
def test_the_size_of_the_statistics_is_known_beforehand(
    shape: tuple[int, int], channels: int, boundary: Boundary
) -> None:
    frames = np.zeros((2, channels, *shape), np.uint8)
    found = frame_statistics(frames, boundary=boundary)
    assert found.shape == (2, statistics_size(shape, channels, boundary=boundary))


def test_rolls_do_not_change_the_residual() -> None:
    frames = blobs(30, SHAPE)
    statistics = fit_training_statistics(frames, boundary="periodic")
    rolled = statistics.residual(frame_statistics(np.roll(frames, 7, axis=2), boundary="periodic"))
    assert rolled == pytest.approx(
        statistics.residual(frame_statistics(frames, boundary="periodic")), abs=1e-4
    )


def test_the_nearest_distance_is_that_of_brute_force() -> None:
    generator = np.random.default_rng(0)
    latents, known = (generator.standard_normal((n, 5)).astype(np.float32) for n in (20, 300))
    wanted = np.linalg.norm(latents[:, None] - known[None], axis=2).min(axis=1)
    assert nearest_distance(latents, known) == pytest.approx(wanted, rel=1e-5)
    assert nearest_distance(known[:4], known).tolist() == [0.0] * 4


def test_reconstruction_errors_by_hand_and_finite() -> None:
    frames = np.array([[[1, 0]], [[1, 0]], [[1, 0]]], np.uint8)
    probabilities = np.array([[[0.5, 0.5]], [[0.9, 0.2]], [[0.0, 1.0]]], np.float32)
    errors = reconstruction_errors(frames, probabilities)
    assert errors[:2] == pytest.approx([np.log(2.0), -(np.log(0.9) + np.log(0.8)) / 2.0], rel=1e-5)
    # A wrong pixel with a probability of 0 counts as one in a million.
    assert errors[2] == pytest.approx(-np.log(1e-6), rel=0.01)


def edit(folder: Path, held_out: Any) -> None:
    path = folder / "config.json"
    values = json.loads(path.read_text())
    values["metadata"]["held_out"] = held_out
    path.write_text(json.dumps(values))


RISING = list(np.linspace(0.0, 1.0, 101))


@pytest.mark.parametrize(
    "held_out",
    [
        [],
        {"colour": RISING},
        {"training_distance": RISING[:100]},
        {"training_distance": RISING[::-1]},
        {"training_distance": [-1.0, *RISING[1:]]},
        {"reconstruction_error": [*RISING[:100], float("inf")]},
        {"statistics_residual": [*RISING[:100], "1"]},
    ],
)
def test_altered_quantiles_are_refused(copy: Path, held_out: Any) -> None:
    edit(copy, held_out)
    with pytest.raises(InputError, match=r"held_out|number"):
        load_encoder(copy, device="cpu")


def forget_hashes(folder: Path, *also: str) -> None:
    """Turn the folder into one of an earlier version, with the hash of the weights alone."""
    path = folder / "config.json"
    values = json.loads(path.read_text())
    for name in ("latents_sha256", "config_sha256", *also):
        del values["metadata"][name]
    path.write_text(json.dumps(values))


def test_encoders_without_statistics_still_load(copy: Path) -> None:
    forget_hashes(copy, "held_out")
    save_file({"content": load_file(copy / "latents.safetensors")["content"]}, copy / "latents.safetensors")
    loaded = load_encoder(copy, device="cpu")
    assert loaded.training_statistics is None and "held_out" not in loaded.metadata
    assert loaded.training_latents is not None


@pytest.mark.parametrize("hashes", [True, False])
@pytest.mark.parametrize("fault", ["missing", "extra", "double", "shape", "rank", "nan", "scale"])
def test_altered_statistics_are_refused(copy: Path, fault: str, hashes: bool) -> None:
    if not hashes:
        forget_hashes(copy)
    path = copy / "latents.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    if fault == "missing":
        del tensors["statistics_scale"]
    elif fault == "extra":
        tensors["statistics_colour"] = torch.zeros(1)
    elif fault == "double":
        tensors["statistics_mean"] = tensors["statistics_mean"].double()
    elif fault == "shape":
        tensors["statistics_components"] = tensors["statistics_components"][:, :-1].contiguous()
    elif fault == "rank":
        tensors["statistics_components"] = torch.tensor(1.0)
    elif fault == "nan":
        tensors["statistics_mean"][0] = torch.nan
    else:
        tensors["statistics_scale"][0] = 0.0
    save_file(tensors, path)
    with pytest.raises(InputError, match="restore it or train again"):
        load_encoder(copy, device="cpu")


@pytest.mark.parametrize("hashes", [True, False])
@pytest.mark.parametrize("shape", [(12, 40), (24, 20)])
def test_latents_of_an_encoder_for_other_frames_are_refused(
    copy: Path, shape: tuple[int, int], hashes: bool
) -> None:
    tensors = load_file(copy / "latents.safetensors")
    other = fit_training_statistics(blobs(30, shape), boundary="periodic")
    assert other.mean.shape != tensors["statistics_mean"].shape
    for name in ("mean", "scale", "components"):
        tensors[f"statistics_{name}"] = torch.from_numpy(getattr(other, name))
    save_file(tensors, copy / "latents.safetensors")
    if not hashes:
        forget_hashes(copy)
    with pytest.raises(InputError, match=r"latents\.safetensors: statistics_\w+ of shape .*train again"):
        load_encoder(copy, device="cpu")


@pytest.mark.parametrize("name", ["content", "statistics_mean", "statistics_scale", "statistics_components"])
def test_a_flipped_bit_of_the_latents_is_refused(copy: Path, name: str) -> None:
    path = copy / "latents.safetensors"
    tensors = {key: tensor.clone() for key, tensor in load_file(path).items()}
    tensors[name].view(torch.uint8).flatten()[0] ^= 1
    save_file(tensors, path)
    with pytest.raises(InputError, match=r"latents\.safetensors has been altered.*restore it or train again"):
        load_encoder(copy, device="cpu")


def test_earlier_folders_load_and_get_their_hashes_when_saved(
    trained: tuple[Encoder, Path], copy: Path
) -> None:
    written = (copy / "config.json").read_text()
    forget_hashes(copy)
    loaded = load_encoder(copy, device="cpu")
    assert loaded.metadata == trained[0].metadata and loaded.training_statistics is not None
    loaded.save(copy)
    assert (copy / "config.json").read_text() == written
