"""Data sets by name on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Morphsim

from morphsim.frames import PRESETS, read_frames, read_notes


def test_a_preset_is_made_smaller(morphsim: Morphsim, tmp_path: Path) -> None:
    words = ("dataset", "--preset", "annealing", "--grid", "chi=2.5,3.5", "--set", "blend_ratio=0.5")
    words = (*words, "--replicas", 2, "--frames", 2, "--shape", 16, 32, "--out", tmp_path / "set.h5")
    outcome = morphsim(*words, "--json")
    assert outcome.status == 0, outcome.err
    result = json.loads(outcome.out)
    assert (result["films"], result["frames"], result["shape"]) == (4, 8, [16, 32])
    frame_set = read_frames(tmp_path / "set.h5")
    assert frame_set.recipes["chi"].tolist() == [2.5, 2.5, 3.5, 3.5]
    assert set(frame_set.recipes["duration"]) == {0.1}
    assert json.loads(read_notes(tmp_path / "set.h5")["plan"])["seed"] == PRESETS["annealing"].seed
    assert "complete already" in morphsim(*words).err
    refused = morphsim(*words, "--seed", 3)
    assert refused.status == 2
    assert "seed is 5800 there and 3 here" in refused.complaint


def test_the_help_tells_what_each_preset_is(morphsim: Morphsim) -> None:
    # Lines are broken anywhere, inside the frame of a box.
    text = "".join(morphsim("dataset", "--help").out.replace("│", "").split())
    for name, preset in PRESETS.items():
        assert "".join(f"{name}: {preset.summary}".split()) in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--preset", "wetting"), "--preset is 'wetting'; use one of "),
        (("--preset", "drying", "--process", "annealing"), "the preset is for drying; leave one of them out"),
        (("--preset", "drying", "--grid", "duration=1", "--set", "duration=2"), "both set and varied"),
        (("--preset", "drying", "--set", "mobility=fast"), "mobility is 'fast'"),
    ],
)
def test_bad_presets_are_one_line(
    morphsim: Morphsim, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    outcome = morphsim("dataset", *words, "--out", tmp_path / "set.h5")
    assert outcome.status == 2
    assert complaint in outcome.complaint
    assert not list(tmp_path.iterdir())
