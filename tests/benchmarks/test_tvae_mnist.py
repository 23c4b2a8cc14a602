"""The benchmark on MNIST: what it counts, and a quick run of it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import tvae_mnist
from _harness import run
from numpy.typing import NDArray
from test_idx import idx

from morphsim.encoder.triplet import random_triplets
from morphsim.errors import InputError
from morphsim.frames import frame_labels


def write_digits(folder: Path, *, training: int = 60, test: int = 40) -> NDArray[np.uint8]:
    """Write images like those of MNIST, bars whose column is the digit; return the test labels."""
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for part, count in (("train", training), ("t10k", test)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = random.integers(0, 128, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:, 2 + 2 * label : 4 + 2 * label] = 200
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return labels


def test_digits_are_recipes_and_images_films_of_their_own(tmp_path: Path) -> None:
    labels = write_digits(tmp_path)
    found = tvae_mnist.digits(tmp_path, "t10k")
    assert (found.shape, found.trajectories, found.boundary) == ((28, 28), 40, "no-flux")
    np.testing.assert_array_equal(frame_labels(found), labels)
    # Half of 255 is the bound: the noise below it is white, the bars above it are black.
    columns = found.frames.all(axis=1)
    for row, label in zip(columns, labels, strict=True):
        assert np.flatnonzero(row).tolist() == [2 + 2 * label, 3 + 2 * label]
    assert found.frames.sum() == 40 * 2 * 28
    assert len(tvae_mnist.digits(tmp_path, "t10k", most=7)) == 7


def test_accuracy_is_the_share_of_triplets_without_loss() -> None:
    latents = np.array([[0.0], [1.0], [3.0], [-1.5]], np.float32)
    triplets = np.array([[0, 1, 2], [0, 1, 3], [0, 2, 1], [1, 0, 2]])
    # D(a, n) - D(a, p) is 2, 0.5, -2 and 1.
    found = tvae_mnist.accuracies(latents, triplets, [0.0, 0.5, 0.75, 1.0, 2.0, 2.5])
    assert found == {"0": 0.75, "0.5": 0.75, "0.75": 0.5, "1": 0.5, "2": 0.25, "2.5": 0.0}


def test_test_images_are_never_trained_on_and_only_the_weight_differs(tmp_path: Path) -> None:
    options = tvae_mnist.Options(folder=tmp_path)
    tvae, vae = (
        tvae_mnist.configuration(options, tmp_path / "digits.h5", tmp_path, seed=1, weight=weight).to_dict()
        for weight in (tvae_mnist.WEIGHT, 0.0)
    )
    assert tvae["objective"].pop("triplet") == tvae_mnist.WEIGHT
    assert vae["objective"].pop("triplet") == 0.0
    assert tvae == vae
    assert (tvae["architecture"], tvae["network"]["latent_size"], tvae["mirror"]) == ("cvae", 20, False)


def test_a_quick_run_measures_networks_and_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_digits(tmp_path / "mnist")
    arguments = [str(tmp_path / "mnist"), "--quick", "--json", "--margin", "0.3"]
    assert run("tvae_mnist", tvae_mnist.Options, tvae_mnist.measure, arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["benchmark"], result["targets"]) == ("tvae_mnist", [])
    found = result["results"]["accuracy_by_margin"]
    assert list(found) == ["TVAE", "VAE", "pixels"]
    for by_margin in found.values():
        assert list(by_margin) == ["0", "0.2", "0.3", "0.5", "1"]
        values = list(by_margin.values())
        # A larger margin is never easier.
        assert values == sorted(values, reverse=True)
    # All images of a digit are the same once they are binarised.
    assert found["pixels"]["1"] == 1.0
    assert {(row["network"], row["seed"]) for row in result["results"]["runs"]} == {("TVAE", 0), ("VAE", 0)}


def test_the_targets_are_the_published_accuracy() -> None:
    accuracy = {"0": 0.97, "1": 0.95}
    runs = {name: [{"seed": 0, "test": accuracy, "held_out": {}}] for name in ("TVAE", "VAE")}
    outcome = tvae_mnist._outcome(tvae_mnist.Options(), runs, accuracy, images=(1, 1))
    assert [(t.value, t.target, t.holds) for t in outcome.targets] == [
        (0.97, 0.956, True),
        (0.95, 0.956, False),
    ]


def test_missing_and_unfitting_files_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tvae_mnist", tvae_mnist.Options, tvae_mnist.measure, [str(tmp_path / "none")]) == 2
    assert "train-images-idx3-ubyte.gz does not exist; fetch" in capsys.readouterr().err
    write_digits(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(3, np.uint8)))
    with pytest.raises(InputError, match="40 t10k images and 3 labels"):
        tvae_mnist.digits(tmp_path, "t10k")
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros((40, 1), np.uint8)))
    with pytest.raises(InputError, match="labels are uint8 of shape"):
        tvae_mnist.digits(tmp_path, "t10k")


def test_mnist_is_read_and_its_pixels_order_triplets_as_they_do_elsewhere(shared_data: Path) -> None:
    if not (shared_data / "mnist").is_dir():
        pytest.skip("MNIST is not beside the published frames")
    test = tvae_mnist.digits(shared_data / "mnist", "t10k")
    # The counts that everyone finds.
    assert np.bincount(test.recipes["digit"]).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    triplets = random_triplets(test.recipes["digit"], test.trajectory, count=5000, seed=2)
    assert triplets is not None
    pixels = test.frames.reshape(len(test), -1).astype(np.float32)
    assert tvae_mnist.accuracies(pixels, triplets, [0.0])["0"] == pytest.approx(0.768, abs=0.02)
