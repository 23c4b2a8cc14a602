"""The tasks by their ids."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from morphsim.errors import InputError
from morphsim.frames import read_frames
from morphsim.registration import register_environments
from morphsim.tasks import SPLITS, TASKS, Film, Task, find_task, load_targets
from morphsim.tasks.films import film_environment, make_film
from morphsim.tasks.targets import ASSETS

BARE = [
    "morphsim:morphsim/Drying-v0",
    "morphsim:morphsim/Annealing-v0",
    "morphsim:morphsim/VapourAnnealing-v0",
]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_registered_with_its_threshold(name: str) -> None:
    spec = gym.spec(f"morphsim/{name}")
    assert spec.reward_threshold == TASKS[name].reward_threshold
    assert spec.reward_threshold is not None and 0.0 < spec.reward_threshold < 3.0
    # The environment ends its episodes itself, and as complete ones, a step before Gymnasium would.
    assert spec.max_episode_steps == TASKS[name].steps + 1


@pytest.mark.parametrize("name", BARE)
def test_the_bare_simulators_are_not_out_of_date(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gym.make(name, shape=(16, 32)).close()


def test_registering_again_changes_nothing() -> None:
    before = {name: (id(spec), spec.version) for name, spec in gym.registry.items() if "morphsim" in name}
    register_environments()
    assert before == {
        name: (id(spec), spec.version) for name, spec in gym.registry.items() if "morphsim" in name
    }


def test_the_registry_shows_both_versions() -> None:
    shown = gym.pprint_registry(disable_print=True)
    assert shown is not None
    assert {"morphsim/Drying-v0", "morphsim/Drying-v1", "morphsim/DryingUnknown-v1"} <= set(shown.split())


@pytest.mark.parametrize("name", TASKS)
def test_specifications_can_be_stored(name: str) -> None:
    spec = gym.spec(f"morphsim/{name}")
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert EnvSpec.from_json(spec.to_json()).id == spec.id


def test_registering_loads_neither_wrappers_nor_torch() -> None:
    code = (
        "import sys, morphsim, morphsim.tasks as tasks; tasks.TASKS; "
        "print(*(name for name in ('torch', 'morphsim.encoder', 'morphsim.envs', 'morphsim.rewards', "
        "'morphsim.tasks.environment') if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_tasks_are_found_by_name_and_by_id() -> None:
    task = find_task("DryingUnknown-v1")
    assert find_task(task.id) is task
    with pytest.raises(InputError, match=r"there is no task '.*-v2'; did you mean 'DryingUnknown-v1'"):
        find_task("morphsim/DryingUnknown-v2")


def test_a_family_of_tasks_grows_harder() -> None:
    known, unknown, disturbed = (TASKS[f"Drying{kind}-v1"] for kind in ("", "Unknown", "Disturbed"))
    assert not known.hidden and unknown.hidden
    assert (unknown.hidden, unknown.targets) == (disturbed.hidden, disturbed.targets)
    assert known.drafts == unknown.drafts == 0.0 < disturbed.drafts
    # Knowing the recipe is worth the more, the less is hidden.
    thresholds = [task.reward_threshold or 0.0 for task in (known, unknown, disturbed)]
    assert thresholds == sorted(thresholds, reverse=True)


@pytest.mark.parametrize(
    "task", {task.targets: task for task in TASKS.values()}.values(), ids=lambda t: t.targets
)
def test_the_shipped_targets_are_whole(task: Task) -> None:
    targets = load_targets(task)
    sizes = {split: len(targets.rows(split)) for split in SPLITS}
    assert sizes == {"train": 64, "validation": 24, "test": 40, "goals": 5}
    assert [targets.names[row] for row in targets.rows("goals")] == [
        "fine",
        "coarse",
        "columns",
        "layers",
        "graded",
    ]
    assert targets.frames.shape[1:] == task.shape
    knobs = {"drying": 3, "annealing": 1, "vapour-annealing": 2}[task.process]
    for frame, actions, material in zip(targets.frames, targets.actions, targets.materials, strict=True):
        assert 0.1 < frame.mean() < 0.9
        assert actions.shape[1] == knobs
        assert 1 <= len(actions) <= task.steps
        assert set(material) == set(task.hidden)
        for name, value in material.items():
            assert min(task.hidden[name]) <= value <= max(task.hidden[name])
    # No frame occurs twice, so none of a test is one to learn from.
    assert len({frame.tobytes() for frame in targets.frames}) == len(targets)


@pytest.mark.parametrize("name", ["Drying-v1", "DryingUnknown-v1", "Annealing-v1", "VapourAnnealing-v1"])
def test_a_shipped_target_is_made_again_from_its_actions(name: str) -> None:
    task = TASKS[name]
    targets = load_targets(task)
    row = targets.row("test-7")
    seeds = read_frames(ASSETS / f"{task.targets}.h5").columns["seed"]
    film = Film(seed=0, noise=int(seeds[row]), actions=targets.actions[row], options=targets.materials[row])
    made = make_film(film_environment(task), film, task)
    assert np.array_equal(made.frames[-1], targets.frames[row])
