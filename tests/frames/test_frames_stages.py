"""Frame files of films that went through several processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from morphsim.envs import VapourAnnealingEnv
from morphsim.errors import InputError
from morphsim.frames import (
    FrameSet,
    ImportConfig,
    chain_frames,
    film_frames,
    frame_labels,
    import_frames,
    moment_labels,
    read_frames,
    read_target_frames,
    recipe_labels,
    split_by_trajectory,
    stage_recipes,
    write_frames,
)
from morphsim.frames.read_start import read_start
from morphsim.frames.stages import stage_values
from morphsim.frames.store import merge_frames
from morphsim.simulator import DryingRecipe, Stage, record_chain, record_film

SHAPE = (16, 32)
DRY: dict[str, Any] = {"process": "drying", "evaporation": 3.0, "solvent": 0.6, "width": 2.0, "chi": 1.1}
VAPOUR: dict[str, Any] = {"process": "vapour-annealing", "duration": 0.5}
ANNEAL: dict[str, Any] = {"process": "annealing", "duration": 0.003, "diffusivity": 3e-17}


def film(seed: int, stages: list[dict[str, Any]]) -> tuple[FrameSet, list[Stage]]:
    moments = list(record_chain(stages, seed=seed, frames=2, shape=SHAPE))
    return chain_frames(moments, seed=seed, threshold=0.5), [stage for stage, _ in moments]


@pytest.fixture(scope="module")
def films() -> tuple[FrameSet, list[Stage]]:
    return film(0, [DRY, VAPOUR, ANNEAL])


@pytest.fixture
def file(films: tuple[FrameSet, list[Stage]], tmp_path: Path) -> Path:
    write_frames(tmp_path / "chain.h5", films[0])
    return tmp_path / "chain.h5"


def test_a_file_holds_every_stage_with_its_process_and_recipe(
    films: tuple[FrameSet, list[Stage]], file: Path
) -> None:
    frame_set, stages = read_frames(file), films[1]
    assert (frame_set.process, frame_set.trajectories, len(frame_set)) == ("chain", 1, 6)
    assert frame_set.columns["stage"].tolist() == [1, 1, 2, 2, 3, 3]
    names = ["drying", "vapour-annealing", "annealing"]
    assert frame_set.columns["process"].tolist() == [name for name in names for _ in range(2)]
    assert np.all(np.diff(frame_set.columns["time"]) > 0.0)
    assert frame_set.units == {"time": "s", "thickness": "h0", "thickness_nm": "nm"}
    np.testing.assert_allclose(frame_set.columns["thickness_nm"], 500.0 * frame_set.columns["thickness"])
    assert frame_set.recipes["3.diffusivity"].tolist() == [3e-17]
    # Stages have the parameters of their own process.
    assert {name for name in frame_set.recipes if name.startswith("3.")}.isdisjoint(
        {"3.evaporation", "3.width"}
    )
    for row, stage in enumerate(stages):
        recipes = stage_recipes(frame_set, row)
        assert len(recipes) == stage.number
        found, made = recipes[-1].to_dict(), stage.recipe.to_dict()
        kept = [name for name in made if name not in {"initial_thickness", "solvent"}]
        assert {name: found[name] for name in kept} == {name: made[name] for name in kept}
    # HDF5 of other programs sees plain columns.
    with h5py.File(file) as raw:
        assert raw.attrs["process"] == "chain"
        assert raw["recipes/2.ambient_vapour"][0] == 0.4
        assert raw["process"].asstr()[-1] == "annealing"


def test_frames_of_a_stage_begin_other_films(films: tuple[FrameSet, list[Stage]], file: Path) -> None:
    for row, stage in enumerate(films[1]):
        start = read_start(f"{file}:{row}", "vapour-annealing")
        assert start is not None
        # The parameters of films with solvent are those of the last stage that had it.
        assert start.kept["chi"] == 1.1
        assert start.geometry["width"] == 2.0
        assert start.solids == pytest.approx(0.4, rel=1e-3)
        assert start.units is not None
        assert (start.units.length_nm, start.units.diffusivity) == (500.0, 1e-10)
        thickness = films[0].columns["thickness"][row]
        if stage.number < 3:
            assert start.recipe({}).initial_thickness == pytest.approx(thickness, rel=1e-9)
    annealed = read_start(file, "annealing")
    assert annealed is not None
    assert (annealed.kept["activation_energy"], annealed.diffusivity) == (50.0, 3e-17)
    env = VapourAnnealingEnv(shape=SHAPE, steps=2, start=f"{file}:1")
    env.reset(seed=0)
    np.testing.assert_array_equal(env.frame, films[0].frames[1])


def test_replicas_of_a_chain_share_their_recipe(films: tuple[FrameSet, list[Stage]]) -> None:
    again, _ = film(1, [DRY, VAPOUR, ANNEAL])
    other, _ = film(1, [DRY, ANNEAL])
    joined = FrameSet.concatenate([films[0], again, other])
    assert (joined.process, joined.trajectories) == ("chain", 3)
    assert recipe_labels(joined).tolist() == [0, 0, 1]
    assert moment_labels(joined).tolist() == [*range(6), *range(6), *range(4)]
    assert len(set(frame_labels(joined).tolist())) == 10
    training, held_out = split_by_trajectory(joined.trajectory, held_out=0.4, seed=0)
    assert set(joined.trajectory[training]).isdisjoint(joined.trajectory[held_out])
    assert stage_values(joined, 2, 3) == {}
    assert stage_values(joined, 2, 2)["process"] == "annealing"
    late = joined.select(joined.columns["stage"] == 2)
    assert len(late) == 6
    assert stage_recipes(late, 5)[-1].process == "annealing"


def test_files_of_chains_are_merged_imported_and_scored_like_others(
    films: tuple[FrameSet, list[Stage]], file: Path, tmp_path: Path
) -> None:
    merge_frames(tmp_path / "two.h5", [file, file])
    merged = read_frames(tmp_path / "two.h5")
    assert (merged.process, merged.trajectories, len(merged)) == ("chain", 2, 12)
    import_frames(ImportConfig(source=file, out=tmp_path / "imported.h5"), show_progress=False)
    imported = read_frames(tmp_path / "imported.h5")
    assert imported.process == "chain"
    assert imported.columns["stage"].tolist() == films[0].columns["stage"].tolist()
    np.testing.assert_array_equal(read_target_frames(f"{file}:4")[0], films[0].frames[4])


def test_a_set_of_other_films_beside_a_chain_keeps_the_stages(films: tuple[FrameSet, list[Stage]]) -> None:
    recipe = DryingRecipe(evaporation=3.0, solvent=0.4)
    single = film_frames(recipe, record_film(recipe, seed=0, frames=1, shape=SHAPE), seed=0, threshold=0.5)
    columns = {name: values for name, values in single.columns.items() if name != "time"}
    alone = FrameSet(
        frames=single.frames,
        columns=columns,
        recipes=single.recipes,
        process="drying",
        boundary=single.boundary,
    )
    mixed = FrameSet.concatenate([films[0], alone])
    assert mixed.process == "unknown"
    assert np.isnan(mixed.columns["stage"][6])
    assert stage_recipes(mixed, 3)[-1].process == "vapour-annealing"


def test_files_of_version_2_still_load(films: tuple[FrameSet, list[Stage]], tmp_path: Path) -> None:
    recipe = DryingRecipe(evaporation=3.0, solvent=0.4)
    single = film_frames(recipe, record_film(recipe, seed=0, frames=1, shape=SHAPE), seed=0, threshold=0.5)
    write_frames(tmp_path / "old.h5", single)
    with h5py.File(tmp_path / "old.h5", "r+") as raw:
        assert raw.attrs["version"] == 3
        raw.attrs["version"] = 2
        del raw.attrs["sha256"]
    old = read_frames(tmp_path / "old.h5")
    np.testing.assert_array_equal(old.frames, single.frames)
    assert (old.process, old.recipes["evaporation"][0]) == ("drying", 3.0)


def test_broken_stages_of_a_file_are_refused(films: tuple[FrameSet, list[Stage]]) -> None:
    whole = films[0]
    recipes = {name: values for name, values in whole.recipes.items() if not name.startswith("2.")}
    missing = FrameSet(frames=whole.frames, columns=whole.columns, recipes=recipes, process="chain")
    with pytest.raises(InputError, match="process is"):
        stage_recipes(missing, 5)
    assert len(stage_recipes(missing, 0)) == 1
    zero = {**whole.columns, "stage": np.zeros(6, np.int64)}
    with pytest.raises(InputError, match="stage is 0 in row 2; stages count from 1"):
        stage_recipes(FrameSet(frames=whole.frames, columns=zero, recipes=whole.recipes), 2)
