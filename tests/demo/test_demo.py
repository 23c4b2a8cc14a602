"""The demo at toy size: every stage runs, the page shows what was found, and a second run repeats nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from morphsim.cli import main
from morphsim.demo import DemoConfig, figures, run_demo
from morphsim.demo.rollout import Rollout
from morphsim.errors import InputError

TINY = DemoConfig(
    shape=(16, 48),
    rates=(0.3, 3.0),
    blends=(0.5,),
    chains=(20.0,),
    frames=4,
    epochs=2,
    agent_steps=16,
    seeds=2,
    workers=1,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


def command(folder: Path) -> list[str]:
    words = "--shape 16 48 --rates 0.3 3.0 --blends 0.5 --chains 20 --frames 4 --epochs 2 --agent-steps 16"
    return ["demo", "--out", str(folder), *words.split(), "--seeds", "2", "--workers", "1"]


def test_the_demo_ends_with_its_table_and_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(folder)) == 0
    output = capsys.readouterr()
    for name in ("agent", "random", "recipe", "constant", "blind", "own"):
        assert re.search(rf"^{name} +\d", output.out, re.MULTILINE)
    assert "The median of agent is" in output.out
    assert [line[:5] for line in output.err.splitlines() if line.startswith("[")] == [
        f"[{stage}/6]" for stage in range(1, 7)
    ]
    page = (folder / "index.html").read_text()
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert len(pictures) == 8
    for picture in pictures:
        with Image.open(folder / picture) as image:
            assert min(image.size) >= 30
            assert len(np.unique(np.asarray(image.convert("L")))) > 1
    result = json.loads((folder / "result.json").read_text())
    medians = {name: policy["median"] for name, policy in result["policies"].items()}
    assert result["beats_baselines"] == (medians["agent"] < min(medians["random"], medians["recipe"]))
    assert ("NOT better" in page) != result["beats_baselines"]


def rollout(dryness: list[float], **knobs: list[float]) -> Rollout:
    steps = np.array(dryness)
    return Rollout(
        share=np.zeros((len(steps), 4, 8), np.float32),
        thickness_nm=500.0 - 300.0 * steps,
        dryness=steps,
        time_s=steps,
        distance=1.0 - steps,
        knobs={name: np.array(values) for name, values in knobs.items()},
    )


def test_schedules_show_each_setting_where_it_acted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}

    def keep(figure: Any, path: Path, *, dpi: float) -> None:
        drawn[path.name] = figure
        save(figure, path, dpi=dpi)

    save = figures.save_figure
    monkeypatch.setattr(figures, "save_figure", keep)
    rollouts = {
        "agent": rollout(
            [0.0, 0.1, 0.3, 0.7], evaporation=[0.1, 1.0, 0.3], temperature=[300.0, 350.0, 310.0]
        ),
        "recipe": rollout([0.0, 0.2, 0.6], evaporation=[0.5, 0.5], temperature=[320.0, 320.0]),
    }
    figures.draw_schedules(tmp_path / "schedules.png", rollouts)
    # A Biot number of 1 is 200 µm/s, with h0 500 nm and D 1e-10 m²/s.
    units = {"evaporation": (200.0, 0.0), "temperature": (1.0, -273.15)}
    for axis, (knob, (factor, zero)) in zip(drawn["schedules.png"].axes, units.items(), strict=False):
        drawn_lines = {patch.get_label(): patch for patch in axis.patches}
        for name, shown in rollouts.items():
            patch = drawn_lines[figures.LABELS[name]]
            # Each setting runs level while it acted; the ends of the line come twice.
            values = factor * shown.knobs[knob] + zero
            level = np.column_stack([shown.dryness[:-1], values, shown.dryness[1:], values])
            assert patch.get_path().vertices[1:-1] == pytest.approx(level.reshape(-1, 2))
        low, high = axis.get_ylim()
        settings = factor * np.concatenate([shown.knobs[knob] for shown in rollouts.values()]) + zero
        assert low < settings.min() and high > settings.max()
        left, right = axis.get_xlim()
        assert left <= 0.0 and right >= 0.7


def test_a_second_run_only_compares_and_draws_again(folder: Path) -> None:
    before = {
        name: (folder / name).stat().st_mtime_ns for name in ("films.h5", "encoder/weights.safetensors")
    }
    first = json.loads((folder / "result.json").read_text())
    result = run_demo(DemoConfig(**{**vars(TINY), "out": folder}), show_progress=False)
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert result.to_dict()["policies"] == first["policies"]
    assert set(result.seconds) == {"films", "encoder", "target", "agent", "comparison", "page"}


def test_a_demo_of_another_size_does_not_mix_with_the_old_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(folder), "--frames", "5"]) == 2
    assert "frames" in capsys.readouterr().err
    with pytest.raises(InputError, match="seeds is 0"):
        DemoConfig(seeds=0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "many"], "many"),
        (["--seeds", "0"], "seeds is 0; it must be"),
        (["--rates", "99", "1"], "evaporation is 99"),
        (["--shape", "0", "5"], "shape is"),
        (["--speed", "3"], "--speed"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--out", str(tmp_path / "out"), *words]) == 2
    output = capsys.readouterr()
    last = output.err.splitlines()[-1]
    assert last.startswith("morphsim demo: ")
    assert message in last
    assert "Traceback" not in output.err
    assert output.out == ""
