from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.frames import PRESETS, DatasetConfig, make_dataset, read_frames
from morphsim.frames.plan import DatasetPlan
from morphsim.frames.presets import preset_help


def plan_of(**options) -> DatasetPlan:
    return DatasetConfig(**{"out": Path("a.h5"), **options}).plan()


@pytest.mark.parametrize("name", PRESETS)
def test_the_plan_of_a_preset_matches_it(name):
    plan, preset = plan_of(preset=name), PRESETS[name]
    assert plan.films == preset.replicas * math.prod(len(values) for values in preset.grid.values())
    assert (plan.frames, plan.seed, plan.shape) == (preset.frames, preset.seed, [100, 400])
    assert plan.recipe["process"] == preset.process
    assert {key: plan.recipe[key] for key in preset.set} == dict(preset.set)
    assert plan.grid == {key: list(values) for key, values in preset.grid.items()}
    assert f"{name}: {preset.summary}" in preset_help()


def test_the_published_family_has_57_recipes_of_255_frames_that_demix():
    plan = plan_of(preset="annealing-57")
    assert (plan.films, plan.replicas, plan.frames) == (57, 1, 255)
    recipes = [plan.film_recipe(film) for film in range(57)]
    assert len({(recipe.chi, recipe.blend_ratio) for recipe in recipes}) == 57
    assert {recipe.chi for recipe in recipes} == {round(2.2 + 0.1 * step, 1) for step in range(19)}
    for recipe in recipes:
        phi = recipe.blend_ratio
        stiffness = 1.0 / phi + 1.0 / (1.0 - phi) - 2.0 * recipe.chi
        # The fastest-growing wave has the rate D f''^2 / 4 kappa. The noise must grow to domains well before
        # the middle frame, at duration / sqrt(200).
        growth = stiffness**2 / (4.0 * recipe.kappa)
        assert stiffness < 0.0
        assert growth * recipe.duration / math.sqrt(200.0) > math.log(0.5 / recipe.noise)


@pytest.mark.parametrize("process", ["annealing", "drying"])
def test_evaluation_presets_share_no_recipe_with_training(process):
    unseen = plan_of(preset=f"{process}-unseen")
    for name, preset in PRESETS.items():
        if preset.process != process or name.endswith("-unseen"):
            continue
        training = plan_of(preset=name)
        varied = training.grid.keys() | unseen.grid.keys()

        def recipes(plan, varied=varied):
            return {
                tuple(plan.film_recipe(film).to_dict()[key] for key in sorted(varied))
                for film in range(0, plan.films, plan.replicas)
            }

        assert not recipes(training) & recipes(unseen)
        for key, values in unseen.grid.items():
            low, high = min(training.grid[key]), max(training.grid[key])
            assert key == "blend_ratio" or all(low <= value <= high for value in values)


def test_presets_share_no_noise():
    seeds = [
        plan.film_seed(film)
        for plan in (plan_of(preset=name) for name in PRESETS)
        for film in range(plan.films)
    ]
    assert len(seeds) == len(set(seeds))
    assert len({PRESETS[name].seed for name in PRESETS}) == len(PRESETS)
    assert 0 not in {preset.seed for preset in PRESETS.values()}


def test_options_win_over_the_preset(tmp_path):
    plan = plan_of(
        preset="annealing",
        replicas=4,
        frames=20,
        shape=(50, 200),
        seed=3,
        grid=("chi=2.25,2.75", "noise=0.01,0.02"),
        set=("duration=0.5", "blend_ratio=0.45"),
    )
    assert plan.grid == {"chi": [2.25, 2.75], "noise": [0.01, 0.02]}
    assert (plan.recipe["duration"], plan.recipe["blend_ratio"]) == (0.5, 0.45)
    assert (plan.replicas, plan.frames, plan.shape, plan.seed, plan.films) == (4, 20, [50, 200], 3, 16)
    # A parameter shared by all films of the preset may be varied.
    assert plan_of(preset="annealing", grid=("duration=0.1,0.3",)).grid["duration"] == [0.1, 0.3]
    assert plan_of(preset="annealing", seed=0).seed == 0


def test_a_recipe_file_overrides_the_preset_and_options_override_both(tmp_path):
    file = tmp_path / "recipes.toml"
    file.write_text(
        'process = "annealing"\nreplicas = 2\nduration = 0.3\nkappa = 1e-3\n[grid]\nchi = [2.2, 2.6]\n'
    )
    plan = plan_of(preset="annealing", recipes=file, set=("kappa=2e-3",))
    assert plan.grid == {"chi": [2.2, 2.6], "blend_ratio": list(PRESETS["annealing"].grid["blend_ratio"])}
    assert (plan.replicas, plan.recipe["duration"], plan.recipe["kappa"]) == (2, 0.3, 2e-3)
    file.write_text("blend_ratio = 0.4")
    plan = plan_of(preset="annealing", recipes=file)
    assert (list(plan.grid), plan.recipe["blend_ratio"], plan.replicas) == (["chi"], 0.4, 8)


def test_without_a_preset_nothing_has_changed():
    plan = plan_of(process="annealing")
    assert (plan.frames, plan.seed, plan.replicas, plan.films) == (50, 0, 1, 1)


def test_contradictions_are_named(tmp_path):
    assert plan_of(preset="drying", process="drying").films == 480
    with pytest.raises(InputError, match="'annealing' and the preset is for drying"):
        plan_of(preset="drying", process="annealing")
    file = tmp_path / "recipes.toml"
    file.write_text('process = "drying"')
    with pytest.raises(InputError, match="'drying' and the preset is for annealing"):
        plan_of(preset="annealing", recipes=file)
    with pytest.raises(InputError, match="annealing has no parameter 'evaporation'"):
        plan_of(preset="annealing", set=("evaporation=1",))
    with pytest.raises(InputError, match="preset is 'wetting'; use one of annealing-57"):
        plan_of(preset="wetting")


def test_a_small_set_of_a_preset_is_made(tmp_path):
    config = DatasetConfig(
        out=tmp_path / "a.h5",
        preset="annealing-unseen",
        grid=("chi=2.8,3.6", "blend_ratio=0.475,0.575"),
        replicas=2,
        frames=3,
        shape=(16, 64),
    )
    frame_set = read_frames(make_dataset(config, show_progress=False))
    pairs = list(zip(frame_set.recipes["chi"], frame_set.recipes["blend_ratio"], strict=True))
    assert pairs == [pair for pair in itertools.product((2.8, 3.6), (0.475, 0.575)) for _ in range(2)]
    assert len(np.unique(frame_set.columns["seed"])) == 8
    last = frame_set.frames[frame_set.columns["time"] == 0.1]
    assert len(last) == 8
    assert (np.abs(last.mean(axis=(1, 2)) - 0.5) < 0.3).all()
