"""Micrographs go from their files to a score, by the commands of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import SMALL_NETWORK, Morphsim
from PIL import Image

from morphsim.encoder import CVAEConfig, load_encoder
from morphsim.frames import read_frames
from morphsim.frames.binarisation import Binarisation
from tests.encoders import untrained_encoder
from tests.frames.micrographs import Frame, afm_phase, agreement, height_map, pattern, tem

SHAPE = (32, 64)
STEPS = {
    "afm": ["--flatten", "rows", "--denoise", "3", "--threshold", "otsu"],
    "tem": ["--mask", "bar", "--flatten", "plane", "--denoise", "5", "--threshold", "otsu"],
    "heights": ["--flatten", "plane", "--denoise", "3", "--threshold", "otsu"],
}


def save(kind: str, frame: Frame, path: Path, seed: int) -> None:
    if kind == "afm":
        np.savetxt(path.with_suffix(".csv"), afm_phase(frame, seed), delimiter=",", fmt="%.3f")
    elif kind == "tem":
        Image.fromarray(tem(frame, seed)).save(path.with_suffix(".png"))
    else:
        np.save(path.with_suffix(".npy"), height_map(frame, seed))


@pytest.mark.parametrize("kind", STEPS)
def test_micrographs_go_to_a_score(kind: str, tmp_path: Path, morphsim: Morphsim) -> None:
    """Frames of coarse and fine films, and a target: the target's own size of domains is the nearest."""
    encoder = untrained_encoder(
        SHAPE, CVAEConfig(latent_size=4, channels=(4, 6), kernel_size=3, strides=(2, 2), hidden=16)
    )
    encoder.save(tmp_path / "encoder")
    (tmp_path / "images").mkdir()
    wanted = {f"film-{number}": pattern((140, 160), 4 + 2 * number, number) for number in range(3)}
    for number, (name, frame) in enumerate(wanted.items()):
        save(kind, frame, tmp_path / "images" / name, number)
    done = morphsim(
        "import", tmp_path / "images", "--out", tmp_path / "images.h5", *STEPS[kind], "--pixel-size", 2.5,
        "--shape", *SHAPE,
    )  # fmt: skip
    assert done.status == 0 and "warning" not in done.err, done
    found = read_frames(tmp_path / "images.h5")
    assert len(found) == 3 and found.columns["pixel_width"][0] > 2.5
    # The frames themselves: the right proportions, cut out of the centre.
    for frame in found.frames:
        assert 0.3 < frame.mean() < 0.6
    # The same micrograph taken again, with other noise, is the nearest.
    (tmp_path / "again").mkdir()
    save(kind, wanted["film-1"], tmp_path / "again" / "film-1", 99)
    done = morphsim(
        "import", tmp_path / "again", "--out", tmp_path / "target.h5", *STEPS[kind], "--shape", *SHAPE
    )
    assert done.status == 0
    target = read_frames(tmp_path / "target.h5").frames[0]
    overlaps = [agreement(frame, target) for frame in found.frames]
    assert overlaps[1] > 0.9 > max(overlaps[0], overlaps[2])
    scored = morphsim(
        "score", tmp_path / "images.h5", "--target", f"{tmp_path / 'target.h5'}:0",
        "--encoder", tmp_path / "encoder", "--json",
    )  # fmt: skip
    assert (scored.status, scored.err) == (0, "")
    rows = json.loads(scored.out)["rows"]
    assert json.loads(scored.out)["closest"] == 1
    assert rows[1]["distance"] < min(rows[0]["distance"], rows[2]["distance"])


def test_an_encoder_of_micrographs_reads_micrographs(tmp_path: Path, morphsim: Morphsim) -> None:
    """Replicas of a table train triplets, and a raw micrograph is a target with no option given by hand."""
    (tmp_path / "images").mkdir()
    lines = ["file,rpm,replicate,efficiency"]
    for number in range(8):
        frame = pattern((80, 128), 3 + 2 * (number % 4), number)
        save("tem", frame, tmp_path / "images" / f"film{number}", number)
        lines.append(f"film{number},{1000 * (1 + number % 4)},{number // 4},{number / 10}")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    done = morphsim(
        "import", tmp_path / "images", "--out", tmp_path / "frames.h5", *STEPS["tem"], "--shape", *SHAPE,
        "--table", tmp_path / "metadata.csv", "--recipe", "rpm",
    )  # fmt: skip
    assert done.status == 0 and "warning" not in done.err, done
    done = morphsim(
        "train-encoder", tmp_path / "frames.h5", "--out", tmp_path / "encoder", "--epochs", 1,
        "--batch-size", 4, "--objective.triplet", 1, "--hold-out", "recipes", "--held-out", 0.5,
        *SMALL_NETWORK,
    )  # fmt: skip
    assert done.status == 0, done
    assert "held-out triplets" in done.out
    encoder = load_encoder(tmp_path / "encoder")
    made = Binarisation.of_encoder(encoder.metadata)
    assert made.preparation.mask == "bar" and made.preparation.rule == "otsu"
    scored = morphsim(
        "score", tmp_path / "images" / "film2.png", "--target", tmp_path / "frames.h5",
        "--encoder", tmp_path / "encoder", "--json",
    )  # fmt: skip
    assert scored.status == 0, scored
    (row,) = json.loads(scored.out)["rows"]
    stored = read_frames(tmp_path / "frames.h5")
    assert stored.columns["source"][row["nearest_target"]] == "film2.png"
    assert row["distance"] == pytest.approx(0.0, abs=1e-5)


def test_bad_options_are_one_line(tmp_path: Path, morphsim: Morphsim) -> None:
    np.save(tmp_path / "a.npy", pattern((16, 24), 2, 0))
    out = ["--out", tmp_path / "out.h5"]
    for words, complaint in (
        (["--threshold", "best"], "threshold"),
        (["--threshold", "1.5"], "threshold is 1.5"),
        (["--mask", "1,2,3"], "X,Y,WIDTH,HEIGHT"),
        (["--flatten", "sphere"], "flatten"),
        (["--denoise", "2"], "denoise is 2"),
        (["--aspect", "squash"], "aspect"),
        (["--pixel-size", "-1"], "pixel_size is -1"),
        (["--table", tmp_path / "none.csv"], "none.csv does not exist"),
        (["--recipe", "rpm"], "--table"),
    ):
        done = morphsim("import", tmp_path / "a.npy", *out, *words)
        assert done.status == 2
        assert complaint in done.complaint
    assert not (tmp_path / "out.h5").exists()
    # The name of earlier versions.
    assert morphsim("import", tmp_path / "a.npy", *out, "--dataset", "frames").status == 0
