"""What an encoder remembers of its training frames: measures by hand, and as training and files keep them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from morphsim.encoder import Encoder, load_encoder
from morphsim.encoder.familiarity import (
    MEASURES,
    fit_familiarity,
    frame_statistics,
    nearest_distance,
    reconstruction_errors,
)
from morphsim.errors import InputError
from tests.encoders import blobs, small_encoder

SHAPE = (12, 20)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Path]:
    folder = tmp_path_factory.mktemp("familiarity") / "encoder"
    return small_encoder(folder, SHAPE), folder


@pytest.fixture
def copy(trained: tuple[Encoder, Path], tmp_path: Path) -> Path:
    trained[0].save(tmp_path / "copy")
    return tmp_path / "copy"


def test_training_remembers_its_frames_and_files_keep_them(trained: tuple[Encoder, Path]) -> None:
    encoder, folder = trained
    loaded = load_encoder(folder, device="cpu")
    assert loaded.metadata["held_out"] == encoder.metadata["held_out"]
    assert set(loaded.metadata["held_out"]) == set(MEASURES)
    assert encoder.familiarity is not None and loaded.familiarity is not None
    for name in ("mean", "scale", "components"):
        assert np.array_equal(getattr(loaded.familiarity, name), getattr(encoder.familiarity, name))


def test_residuals_are_what_orthonormal_components_leave() -> None:
    frames = blobs(100, SHAPE)
    familiarity = fit_familiarity(frames, boundary="periodic")
    components = familiarity.components
    assert components @ components.T == pytest.approx(np.eye(len(components)), abs=1e-4)
    values = (frame_statistics(frames, boundary="periodic") - familiarity.mean) / familiarity.scale
    # Pythagoras: what the components hold and what they leave make up the whole.
    whole = np.square(values).sum(axis=1)
    held = np.square(values @ components.T).sum(axis=1)
    residual = familiarity.residual(frames, boundary="periodic")
    assert residual == pytest.approx(np.sqrt(np.maximum(whole - held, 0.0) / values.shape[1]), abs=1e-3)
    board = (np.indices(SHAPE).sum(axis=0) % 2).astype(np.uint8)
    assert familiarity.residual(board[None], boundary="periodic")[0] > 2.0 * residual.max()


def test_rolls_do_not_change_the_residual() -> None:
    frames = blobs(30, SHAPE)
    familiarity = fit_familiarity(frames, boundary="periodic")
    rolled = familiarity.residual(np.roll(frames, 7, axis=2), boundary="periodic")
    assert rolled == pytest.approx(familiarity.residual(frames, boundary="periodic"), abs=1e-4)


def test_the_nearest_distance_is_that_of_brute_force() -> None:
    generator = np.random.default_rng(0)
    latents, known = (generator.standard_normal((n, 5)).astype(np.float32) for n in (20, 300))
    wanted = np.linalg.norm(latents[:, None] - known[None], axis=2).min(axis=1)
    assert nearest_distance(latents, known) == pytest.approx(wanted, rel=1e-5)
    assert nearest_distance(known[:4], known).tolist() == [0.0] * 4


def test_reconstruction_errors_by_hand_and_finite() -> None:
    frames = np.array([[[1, 0]], [[1, 0]], [[1, 0]]], np.uint8)
    painted = np.array([[[0.5, 0.5]], [[0.9, 0.2]], [[0.0, 1.0]]], np.float32)
    errors = reconstruction_errors(frames, painted)
    assert errors[:2] == pytest.approx([np.log(2.0), -(np.log(0.9) + np.log(0.8)) / 2.0], rel=1e-5)
    # A pixel painted for certain and wrong counts as one in a million.
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


def test_encoders_without_memory_still_load(copy: Path) -> None:
    path = copy / "config.json"
    values = json.loads(path.read_text())
    del values["metadata"]["held_out"]
    path.write_text(json.dumps(values))
    save_file({"content": load_file(copy / "latents.safetensors")["content"]}, copy / "latents.safetensors")
    loaded = load_encoder(copy, device="cpu")
    assert loaded.familiarity is None and "held_out" not in loaded.metadata
    assert loaded.training_latents is not None


@pytest.mark.parametrize("fault", ["missing", "extra", "double", "shape", "nan", "scale"])
def test_altered_statistics_are_refused(copy: Path, fault: str) -> None:
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
    elif fault == "nan":
        tensors["statistics_mean"][0] = torch.nan
    else:
        tensors["statistics_scale"][0] = 0.0
    save_file(tensors, path)
    with pytest.raises(InputError, match="restore it or train again"):
        load_encoder(copy, device="cpu")
