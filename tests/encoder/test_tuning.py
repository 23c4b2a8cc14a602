"""A search for settings: its ranges, its resumption and its results."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import morphsim.encoder.tuning.search as search_module
from morphsim.encoder import CVAEConfig, TrainingConfig, TrainingDiverged, load_encoder, train_encoder
from morphsim.encoder.networks import ARCHITECTURES
from morphsim.encoder.networks.search import SearchChoice, SearchRange
from morphsim.encoder.tuning import TuningConfig, tune_encoder
from morphsim.encoder.tuning.space import search_space
from morphsim.errors import InputError
from morphsim.frames import FrameSet, write_frames
from tests.encoder.conftest import frame_set, stripes

ALL = ("learning-rate", "batch-size", "network", "objective")

pytest.importorskip("optuna")


def search(tmp_path: Path, **options: Any) -> TuningConfig:
    path = tmp_path / "frames.h5"
    if not path.exists():
        write_frames(path, frame_set())
    defaults: dict[str, Any] = {
        "frames": path,
        "out": tmp_path / "search",
        "trials": 3,
        "epochs": 1,
        "device": "cpu",
        "search": ("learning-rate", "batch-size", "objective"),
    }
    return TuningConfig(**{**defaults, **options})


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[TrainingConfig]:
    """Replace training by a score that is best at a learning rate of 1e-3; collect what was trained."""
    trained: list[TrainingConfig] = []

    def train(config: TrainingConfig, **_: object) -> None:
        trained.append(config)
        score = abs(np.log10(config.learning_rate) + 3.0)
        config.out.mkdir(parents=True, exist_ok=True)
        metrics = {"held_out": {"negative_elbo": score, "triplet_accuracy": 1.0 - score}}
        (config.out / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")

    monkeypatch.setattr(search_module, "train_encoder", train)
    return trained


def settings_of(trained: list[TrainingConfig]) -> list[dict[str, Any]]:
    return [{**config.to_dict(), "out": config.out.name} for config in trained]


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("by", ["elbo", "triplet"])
@pytest.mark.parametrize("end", [0, -1])
def test_the_ends_of_every_range_are_settings_that_networks_take(
    architecture: Any, by: Any, end: int, tmp_path: Path
) -> None:
    space = search_space(ARCHITECTURES[architecture], by, ALL)  # type: ignore[arg-type]
    config = search(tmp_path, architecture=architecture, by=by, search=ALL)
    assert config.space == space
    values = {
        name: found.values[end] if isinstance(found, SearchChoice) else (found.low, found.high)[end]
        for name, found in space.items()
    }
    training = config.training(values, tmp_path)
    assert (training.network.architecture, training.keep) == (
        architecture,
        "triplet" if by == "triplet" else "best",
    )
    network = training.network.build((12, 20), generator=torch.Generator().manual_seed(0))
    assert network.frame_shape == (12, 20)
    assert (training.objective.triplet > 0.0) == (by == "triplet")


def test_defaults_lie_within_the_ranges() -> None:
    for kind in ARCHITECTURES.values():
        usual = kind().to_dict()
        for name, found in search_space(kind, "elbo", ("network",)).items():
            value = usual[name.removeprefix("network.")]
            text = ",".join(map(str, value)) if isinstance(value, list) else value
            if isinstance(found, SearchRange):
                assert found.low <= value <= found.high, name
            else:
                assert text in found.values, name


def test_groups_that_are_not_searched_keep_their_defaults(tmp_path: Path) -> None:
    config = search(tmp_path, search=("network",))
    assert {name.partition(".")[0] for name in config.space} == {"network"}
    training = config.training({"network.hidden": 64}, tmp_path)
    assert training.network == CVAEConfig(hidden=64)
    assert training.learning_rate == TrainingConfig(frames=config.frames).learning_rate


def test_the_best_trial_can_be_trained_again(tmp_path: Path) -> None:
    config = search(tmp_path, trials=2, search=("learning-rate", "batch-size", "network", "objective"))
    best = tune_encoder(config, show_progress=False)
    assert (best.finished, best.diverged) == (2, 0)
    values = []
    for number in range(2):
        metrics = json.loads((config.out / f"trial-{number:03}" / "metrics.json").read_text())
        values.append(metrics["held_out"]["negative_elbo"])
    assert best.value == min(values)
    assert best.trial == values.index(min(values))
    stored = json.loads((config.out / "best.json").read_text(encoding="utf-8"))
    read = TrainingConfig.from_dict(stored["config"])
    assert read == best.config
    assert (stored["trial"], stored["value"], stored["by"]) == (best.trial, best.value, "elbo")
    again = train_encoder(replace(read, out=tmp_path / "again"), show_progress=False)
    assert again.hash == load_encoder(best.config.out, device="cpu").hash


def test_a_rerun_gives_the_same_trials_and_another_seed_others(
    tmp_path: Path, scored: list[TrainingConfig]
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        tune_encoder(search(tmp_path, trials=14, out=tmp_path / name, seed=seed), show_progress=False)
    first, second, other = (settings_of(scored[start : start + 14]) for start in (0, 14, 28))
    assert first == second
    assert [row["learning_rate"] for row in first] != [row["learning_rate"] for row in other]
    rates = [row["learning_rate"] for row in first]
    assert len(set(rates)) == 14
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)


def test_a_search_learns_from_its_trials(tmp_path: Path, scored: list[TrainingConfig]) -> None:
    config = search(tmp_path, trials=40, search=("learning-rate",))
    best = tune_encoder(config, show_progress=False)
    distances = [abs(np.log10(each.learning_rate) + 3.0) for each in scored]
    # Random ones would be half a decade away on average, and the mean of 15 within 0.08 of that.
    assert np.mean(distances[-15:]) < 0.3
    assert best.value == min(distances) < 0.05


@pytest.mark.parametrize("killed_at", [0, 11])
def test_a_killed_search_goes_on_as_if_it_had_not_been(
    killed_at: int, tmp_path: Path, scored: list[TrainingConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tune_encoder(search(tmp_path, trials=13, out=tmp_path / "whole"), show_progress=False)
    expected = settings_of(scored)
    scored.clear()
    train = search_module.train_encoder

    def kill(config: TrainingConfig, **_: object) -> None:
        if config.out.name == f"trial-{killed_at:03}":
            raise KeyboardInterrupt
        train(config)

    monkeypatch.setattr(search_module, "train_encoder", kill)
    config = search(tmp_path, trials=13)
    with pytest.raises(KeyboardInterrupt):
        tune_encoder(config, show_progress=False)
    assert len(scored) == killed_at
    # A line that was not finished.
    with (config.out / "trials.journal").open("ab") as file:
        file.write(b'{"op_code":4,"worker')
    monkeypatch.setattr(search_module, "train_encoder", train)
    with pytest.raises(InputError, match="go on with --resume"):
        tune_encoder(config, show_progress=False)
    best = tune_encoder(replace(config, resume=True), show_progress=False)
    assert settings_of(scored) == expected
    assert (best.trial, best.value, best.settings, best.finished) == (
        whole.trial,
        whole.value,
        whole.settings,
        13,
    )
    # An interrupted training is resumed too.
    assert all(each.resume for each in scored)


def test_more_trials_add_to_a_finished_search(tmp_path: Path, scored: list[TrainingConfig]) -> None:
    config = search(tmp_path, trials=2)
    tune_encoder(config, show_progress=False)
    assert tune_encoder(replace(config, trials=2, resume=True), show_progress=False).finished == 2
    assert tune_encoder(replace(config, trials=5, resume=True), show_progress=False).finished == 5
    assert [each.out.name for each in scored] == [f"trial-{number:03}" for number in range(5)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"by": "triplet"}, "no recipe"),
        ({"seed": 4}, "seed is 4, but this run was started with 0"),
        ({"epochs": 2}, "epochs is 2"),
        ({"search": ("network",)}, "search is"),
    ],
)
def test_another_search_does_not_go_on_in_the_folder(
    change: dict[str, Any], complaint: str, tmp_path: Path, scored: list[TrainingConfig]
) -> None:
    config = search(tmp_path, trials=1)
    tune_encoder(config, show_progress=False)
    with pytest.raises(InputError, match=complaint):
        tune_encoder(replace(config, resume=True, **change), show_progress=False)
    assert len(scored) == 1


def test_other_frames_are_another_search(tmp_path: Path, scored: list[TrainingConfig]) -> None:
    config = search(tmp_path, trials=1)
    tune_encoder(config, show_progress=False)
    write_frames(tmp_path / "other.h5", frame_set(films=5))
    other = replace(config, resume=True, frames=tmp_path / "other.h5")
    with pytest.raises(InputError, match="frames_sha256"):
        tune_encoder(other, show_progress=False)


def test_trials_that_diverge_are_passed_over(
    tmp_path: Path, scored: list[TrainingConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = search_module.train_encoder

    def diverge(config: TrainingConfig, **_: object) -> None:
        if config.out.name != "trial-001":
            raise TrainingDiverged("the loss became NaN")
        train(config)

    monkeypatch.setattr(search_module, "train_encoder", diverge)
    config = search(tmp_path, trials=3)
    best = tune_encoder(config, show_progress=False)
    assert (best.trial, best.finished, best.diverged) == (1, 1, 2)
    with pytest.raises(TrainingDiverged, match="all of 1 trials diverged"):
        tune_encoder(replace(config, out=tmp_path / "one", trials=1), show_progress=False)


def test_triplets_are_searched_for_the_largest_share(tmp_path: Path, scored: list[TrainingConfig]) -> None:
    labelled = FrameSet(
        frames=stripes(24, (12, 20)),
        columns={"trajectory": np.arange(24)},
        recipes={"chi": np.repeat([2.0, 3.0], 12)},
        boundary="periodic",
    )
    write_frames(tmp_path / "frames.h5", labelled)
    best = tune_encoder(search(tmp_path, trials=4, by="triplet"), show_progress=False)
    shares = [1.0 - abs(np.log10(each.learning_rate) + 3.0) for each in scored]
    assert best.value == max(shares)
    assert {each.keep for each in scored} == {"triplet"}
    assert len({each.objective.triplet for each in scored}) == 4


def test_bad_frames_leave_nothing_behind(tmp_path: Path) -> None:
    config = search(tmp_path, by="triplet")
    with pytest.raises(InputError, match="no recipe"):
        tune_encoder(config, show_progress=False)
    assert not config.out.exists()


@pytest.mark.parametrize(
    "content", [b"no json\n{}\n", b"[]\n", b'{"op_code":5,"study_id":0}\n', b'{"op_code":99}\n']
)
def test_a_damaged_journal_is_one_line(content: bytes, tmp_path: Path, scored: list[TrainingConfig]) -> None:
    config = search(tmp_path, trials=1)
    tune_encoder(config, show_progress=False)
    (config.out / "trials.journal").write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        tune_encoder(replace(config, resume=True), show_progress=False)


@pytest.mark.parametrize("name", ["trials.journal", "search.json"])
def test_a_flipped_bit_in_a_search_is_refused_or_harmless(
    name: str, tmp_path: Path, scored: list[TrainingConfig]
) -> None:
    config = replace(search(tmp_path, trials=2), resume=True)
    expected = tune_encoder(config, show_progress=False)
    path = config.out / name
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            assert tune_encoder(config, show_progress=False) == expected
        except InputError as error:
            assert name in str(error) or "but this run was started with" in str(error)
            refused += 1
        assert len(scored) == 2
    assert refused > 40


def test_a_journal_of_a_version_without_hashes_goes_on(tmp_path: Path, scored: list[TrainingConfig]) -> None:
    config = search(tmp_path, trials=2)
    tune_encoder(config, show_progress=False)
    path = config.out / "trials.journal"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(line.pop("sha256") for line in lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert tune_encoder(replace(config, trials=3, resume=True), show_progress=False).finished == 3


def test_without_optuna_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    config = search(tmp_path)
    with pytest.raises(InputError, match=r"pip install 'morphsim\[tune\]'"):
        tune_encoder(config, show_progress=False)
    assert not config.out.exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"trials": 0}, "trials is 0"),
        ({"trials": True}, "trials is True"),
        ({"by": "beauty"}, "by is 'beauty'; use one of elbo, triplet"),
        ({"search": ()}, "search names nothing"),
        ({"search": ("weather",)}, "search holds 'weather'"),
        ({"resume": 1}, "resume is 1"),
        ({"epochs": 0}, "epochs is 0"),
        ({"held_out": 1.0}, "held_out is 1.0"),
        ({"architecture": "oracle"}, "architecture is 'oracle'"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        search(tmp_path, **options)
    assert complaint in str(caught.value)


def test_optuna_logs_as_much_as_before(tmp_path: Path, scored: list[TrainingConfig]) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    tune_encoder(search(tmp_path, trials=1), show_progress=False)
    assert optuna.logging.get_verbosity() == before
