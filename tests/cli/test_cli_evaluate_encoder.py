"""`morphsim evaluate-encoder` on small films."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from cli_helpers import SHAPE, Morphsim, frame_set
from encoders import blobs, untrained_encoder
from PIL import Image

from morphsim.encoder import AutoencoderConfig, CVAEConfig
from morphsim.frames import FrameSet, read_frames, write_frames


def films(path: Path, *, seed: int = 0, shape: tuple[int, int] = SHAPE) -> Path:
    """Four recipes of four films of two frames, which differ in their donor share."""
    frames = blobs(32, shape, seed=seed)
    for number in range(4):
        frames[8 * number : 8 * number + 8, : 2 * number + 1] = 1
    write_frames(
        path,
        FrameSet(
            frames=frames,
            columns={"trajectory": np.arange(32) // 2, "time": np.tile([1.0, 2.0], 16)},
            recipes={"chi": np.repeat(np.arange(4.0), 4)},
            boundary="periodic",
        ),
    )
    return path


def test_an_encoder_beside_baselines(morphsim: Morphsim, tmp_path: Path, encoder_folder: Path):
    labelled, training = films(tmp_path / "a.h5"), films(tmp_path / "b.h5", seed=1)
    words = ("evaluate-encoder", labelled, "--encoder", encoder_folder, "--training", training)
    outcome = morphsim(*words, "--out", tmp_path / "out", "--json")
    assert outcome.status == 0, outcome.err
    values = json.loads(outcome.out)
    assert values == json.loads((tmp_path / "out" / "judgement.json").read_text())
    with Image.open(tmp_path / "out" / "judgement.png") as picture:
        assert picture.width > 1000
    assert (values["frames"], values["films"], values["recipes"]) == (32, 16, 4)
    assert list(values["embeddings"]) == [
        "pixels + PCA",
        "two-point + PCA",
        "three descriptors",
        "all descriptors",
        "untrained cvae",
        "encoder",
    ]
    assert len(values["encoder_hash"]) == 64
    own = values["embeddings"]["encoder"]
    assert own["dimensions"] == 4 and not own["baseline"]
    assert own["decoding"]["negative_elbo"] > 0
    three = values["embeddings"]["three descriptors"]
    assert own["triplets"]["recipe"]["judged"] == three["triplets"]["recipe"]["judged"] > 0
    assert three["roll_ratio"] == pytest.approx(0.0, abs=1e-9) and own["roll_ratio"] > 0.1
    assert any("too small" in note or "show no domains" in note for note in values["notes"])
    again = json.loads(morphsim(*words, "--json").out)
    for found in (*again["embeddings"].values(), *values["embeddings"].values()):
        del found["milliseconds_per_frame"]
    assert again == values


def test_half_of_the_recipes_fit_the_baselines(morphsim: Morphsim, tmp_path: Path, encoder_folder: Path):
    outcome = morphsim("evaluate-encoder", films(tmp_path / "a.h5"), "--encoder", encoder_folder)
    assert outcome.status == 0, outcome.err
    assert "baselines are fitted on 2 of the 4 recipes of the file and only the other 2" in outcome.out
    assert re.search(r"^encoder +4 ", outcome.out, re.MULTILINE)
    assert re.search(r"^ceiling ", outcome.out, re.MULTILINE)


def test_frames_with_equal_descriptors_and_another_encoder(morphsim: Morphsim, tmp_path: Path):
    shape = (32, 64)
    untrained_encoder(shape, CVAEConfig(latent_size=3, channels=(4, 4), hidden=8)).save(tmp_path / "one")
    untrained_encoder(shape, AutoencoderConfig(latent_size=5, channels=(4,))).save(tmp_path / "two")
    labelled = films(tmp_path / "a.h5", shape=shape)
    words = ("evaluate-encoder", labelled, "--encoder", tmp_path / "one", "--compare", tmp_path / "two")
    outcome = morphsim(*words, "--quick", "--json")
    assert outcome.status == 0, outcome.err
    values = json.loads(outcome.out)
    assert values["embeddings"]["two"]["baseline"] and values["embeddings"]["two"]["dimensions"] == 5
    assert set(values["embeddings"]["encoder"]["equal_sets"]) >= {"layering", "orientation", "connectivity"}
    three = values["embeddings"]["three descriptors"]["equal_sets"]
    assert three["orientation"]["value"] == pytest.approx(0.5, abs=0.02)


def test_frames_of_another_boundary_are_evaluated_with_a_note(
    morphsim: Morphsim, tmp_path: Path, encoder_folder: Path
):
    config = CVAEConfig(latent_size=3, channels=(4, 4), kernel_size=3, strides=(2, 2), hidden=8)
    untrained_encoder(SHAPE, config, boundary="no-flux").save(tmp_path / "walled")
    words = ("--encoder", encoder_folder, "--compare", tmp_path / "walled", "--json")
    periodic = films(tmp_path / "a.h5")
    write_frames(tmp_path / "b.h5", replace(read_frames(periodic), boundary="no-flux"))
    for path, said in (
        (periodic, "the frames are periodic, but walled was trained on no-flux ones"),
        (tmp_path / "b.h5", "the frames are no-flux, but the encoder was trained on periodic ones"),
    ):
        outcome = morphsim("evaluate-encoder", path, *words)
        assert outcome.status == 0, outcome.err
        notes = [note for note in json.loads(outcome.out)["notes"] if "trained on" in note]
        assert len(notes) == 1 and notes[0].startswith(said)
    # A file that does not know its boundary is not held against the encoder.
    with h5py.File(tmp_path / "b.h5", "a") as file:
        del file.attrs["boundary"]
    outcome = morphsim("evaluate-encoder", tmp_path / "b.h5", *words)
    assert not any("trained on" in note for note in json.loads(outcome.out)["notes"])


def test_films_without_a_like_say_nothing(morphsim: Morphsim, tmp_path: Path, encoder_folder: Path):
    # Each of the four films is of a recipe of its own.
    write_frames(tmp_path / "frames.h5", frame_set())
    outcome = morphsim("evaluate-encoder", tmp_path / "frames.h5", "--encoder", encoder_folder, "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)["embeddings"]["encoder"]
    assert found["triplets"]["recipe"]["value"] is None
    assert found["triplets"]["recipe"]["judged"] == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--most", 1), "--most is 1; it must be a whole number of at least 2"),
        (("--seed", -1), "--seed is -1"),
        (("--threads", 0), "--threads is 0"),
        (("--encoder", "nobody"), "encoder 'nobody' is unknown"),
        (("--training", "nothing.h5"), "nothing.h5 does not exist"),
        (("--published", "nothing.h5"), "nothing.h5 does not exist"),
        (("--compare", "nobody"), "encoder 'nobody' is unknown"),
    ],
)
def test_bad_values(
    morphsim: Morphsim, tmp_path: Path, encoder_folder: Path, words: tuple[object, ...], found: str
):
    given = words if "--encoder" in words else ("--encoder", encoder_folder, *words)
    outcome = morphsim("evaluate-encoder", films(tmp_path / "a.h5"), *given)
    assert outcome.status == 2
    assert found in outcome.complaint


def test_frames_of_another_shape_or_kind(morphsim: Morphsim, tmp_path: Path, encoder_folder: Path):
    write_frames(tmp_path / "large.h5", frame_set((16, 24)))
    outcome = morphsim("evaluate-encoder", tmp_path / "large.h5", "--encoder", encoder_folder)
    assert outcome.status == 2
    assert "(24, 16, 24); this encoder takes (N, 12, 20)" in outcome.complaint
    words = ("evaluate-encoder", films(tmp_path / "a.h5"), "--encoder", encoder_folder)
    outcome = morphsim(*words, "--training", tmp_path / "large.h5")
    assert outcome.status == 2
    assert "give training frames of the same kind" in outcome.complaint
    outcome = morphsim(*words, "--compare", encoder_folder, encoder_folder)
    assert outcome.status == 2
    assert "each with a different name" in outcome.complaint
