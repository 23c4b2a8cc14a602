"""Episodes of tasks, recorded as data sets of Minari."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.agents import Agent
from morphsim.agents.episodes import EpisodesConfig, EpisodesReport, PredictPolicy, record, record_episodes
from morphsim.agents.episodes.config import BUILT_IN
from morphsim.agents.episodes.policies import SchedulePolicy, agent_policy
from morphsim.errors import InputError
from morphsim.tasks import find_task, load_targets

TASK = "Drying-v1"
EPISODES = 2


class Halfway:
    """A model whose actions follow from the observation."""

    def predict(self, observation: Any, *, deterministic: bool = False) -> tuple[Any, None]:
        assert deterministic
        return np.tanh(observation[:3]), None


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("minari") / "datasets"


@pytest.fixture(autouse=True)
def minari_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))


@pytest.fixture(scope="module")
def minari() -> Any:
    return pytest.importorskip("minari", reason="the extra `minari` is not installed")


def config_of(*policies: str, **options: Any) -> EpisodesConfig:
    return EpisodesConfig(task=TASK, policies=policies, episodes=EPISODES, **options)


@pytest.fixture(scope="module")
def recorded(minari: Any, root: Path) -> EpisodesReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        return record_episodes(
            config_of("own", "half"), policies={"half": PredictPolicy(Halfway())}, show_progress=False
        )


def test_a_data_set_is_minari_s_own(minari: Any, recorded: EpisodesReport, root: Path) -> None:
    assert recorded.dataset_id == "morphsim/Drying-v1/own-half-v0"
    assert recorded.folder == root / recorded.dataset_id
    assert list(minari.list_local_datasets()) == [recorded.dataset_id]
    dataset = minari.load_dataset(recorded.dataset_id)
    assert len(dataset) == 2 * EPISODES
    assert dataset.total_steps == sum(each.steps for each in recorded.policies)
    env = dataset.recover_environment()
    assert (dataset.observation_space, dataset.action_space) == (env.observation_space, env.action_space)
    assert env.spec.kwargs["split"] == "train"
    assert dataset.recover_environment(eval_env=True).spec.kwargs["split"] == "validation"
    for episode in dataset:
        steps = len(episode.rewards)
        assert episode.observations.shape == (steps + 1, *env.observation_space.shape)
        assert episode.observations.dtype == np.float32
        assert np.abs(episode.actions).max() <= 1.0
        assert episode.terminations.tolist() == [False] * (steps - 1) + [True]
        assert not episode.truncations.any()
        assert set(episode.infos) == {"distance", "success", "time_s", "film_seed"}
        assert (np.diff(episode.infos["time_s"]) > 0.0).all()
        # The reward is progress.
        np.testing.assert_allclose(episode.rewards, -np.diff(episode.infos["distance"]), atol=1e-6)


def test_scores_are_those_of_the_episodes(minari: Any, recorded: EpisodesReport) -> None:
    dataset = minari.load_dataset(recorded.dataset_id)
    returns = np.array([episode.rewards.sum() for episode in dataset])
    means = returns.reshape(2, EPISODES).mean(axis=1)
    np.testing.assert_allclose([each.mean_return for each in recorded.policies], means)
    # Films of random schedules are made for the scores alone.
    assert [each.policy for each in recorded.policies] == ["own", "half"]
    scores = minari.get_normalized_score(dataset, np.array([recorded.ref_min_score, means[0]]))
    np.testing.assert_allclose(scores, [0.0, 1.0], atol=1e-9)
    last = [episode.infos["distance"][-1] for episode in dataset]
    np.testing.assert_allclose(
        [each.mean_distance for each in recorded.policies], np.reshape(last, (2, EPISODES)).mean(axis=1)
    )
    text = recorded.render()
    assert text.startswith(f"{recorded.dataset_id}: 4 episodes, {dataset.total_steps} steps")
    assert f"own   mean return {means[0]:.4f}" in text


def test_policies_have_the_same_films_and_targets(minari: Any, recorded: EpisodesReport) -> None:
    dataset = minari.load_dataset(recorded.dataset_id)
    told = list(dataset.storage.get_episode_metadata(range(4)))
    assert [each["policy"] for each in told] == ["own", "own", "half", "half"]
    targets = load_targets(find_task(TASK))
    for own, half in ((0, 2), (1, 3)):
        assert told[own]["seed"] == told[half]["seed"] >= 2**31
        name = told[own]["options"]["target"]
        assert name == told[half]["options"]["target"]
        assert name.startswith("train-")
        (film,) = {*dataset[own].infos["film_seed"].tolist(), *dataset[half].infos["film_seed"].tolist()}
        assert film >= 0
        schedule = targets.actions[targets.row(name)]
        made = dataset[own].actions
        count = min(len(made), len(schedule))
        assert made[:count].tolist() == schedule[:count].tolist()
        np.testing.assert_array_equal(
            dataset[half].actions, np.tanh(dataset[half].observations[:-1, :3]).astype(np.float32)
        )
    assert told[0]["options"]["target"] != told[1]["options"]["target"]


def test_an_episode_can_be_made_again(minari: Any, recorded: EpisodesReport) -> None:
    dataset = minari.load_dataset(recorded.dataset_id)
    (told,) = dataset.storage.get_episode_metadata([3])
    env = dataset.recover_environment()
    observation, _ = env.reset(seed=told["seed"], options=told["options"])
    episode = dataset[3]
    assert observation.tolist() == episode.observations[0].tolist()
    for step, action in enumerate(episode.actions):
        observation, reward, terminated, _, _ = env.step(action)
        assert observation.tolist() == episode.observations[step + 1].tolist()
        assert reward == episode.rewards[step]
    assert terminated


def test_an_episode_does_not_depend_on_those_before(minari: Any, recorded: EpisodesReport) -> None:
    alone = record._Recorder(config_of("own", "half"), {"half": PredictPolicy(Halfway())})()
    episode = alone(("half", 1), lambda: False)
    stored = minari.load_dataset(recorded.dataset_id)[3]
    assert episode.observations.tolist() == stored.observations.tolist()
    assert episode.rewards.tolist() == stored.rewards.tolist()


def test_a_data_set_is_never_overwritten(
    recorded: EpisodesReport, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setattr(record, "run_jobs", lambda *_, **__: pytest.fail("films were made"))
    with pytest.raises(InputError, match=r"own-half-v0 exists in .*; give another dataset_id"):
        record_episodes(
            config_of("own", "random", dataset_id=recorded.dataset_id), policies={}, show_progress=False
        )


def test_a_recording_that_fails_leaves_nothing(
    minari: Any, recorded: EpisodesReport, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        assert any(path.name.startswith(".morphsim-") for path in root.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "run_jobs", killed)
    with pytest.raises(KeyboardInterrupt):
        record_episodes(config_of("random"), show_progress=False)
    assert [path.name for path in root.iterdir()] == ["morphsim"]
    assert list(minari.list_local_datasets()) == [recorded.dataset_id]


def test_another_run_may_have_been_faster(
    minari: Any, recorded: EpisodesReport, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    config = config_of("own", dataset_id="morphsim/raced-v0")
    episode = record._Recorder(config, {})()(("own", 0), lambda: False)

    def meanwhile(*_: object, **__: object) -> list[Any]:
        shutil.copytree(recorded.folder, root / config.id)
        return [episode] * 2 * EPISODES

    monkeypatch.setattr(record, "run_jobs", meanwhile)
    with pytest.raises(InputError, match=r"raced-v0 exists"):
        record_episodes(config, show_progress=False)
    assert not [path for path in root.iterdir() if path.name.startswith(".")]
    shutil.rmtree(root / config.id)


def test_an_agent_of_another_environment_is_refused(
    trained: Callable[[str], Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = trained("ppo")
    config = config_of("random", f"ours={agent.folder}")
    monkeypatch.setattr(record, "run_jobs", lambda *_, **__: pytest.fail("films were made"))
    with pytest.raises(
        InputError, match=r"agent in .* observes 5 numbers, but in Drying-v1 these are \d+ numbers; give an"
    ):
        record_episodes(config, show_progress=False)


def test_an_agent_that_fits_acts(trained: Callable[[str], Agent]) -> None:
    agent = trained("ppo")
    env = agent.make_env()
    observation, _ = env.reset(seed=0)
    policy = agent_policy(agent, env, TASK)
    policy.begin(env, 0)
    assert policy.act(observation).tolist() == agent.act(observation).tolist()


def test_a_schedule_holds_its_last_action() -> None:
    policy = SchedulePolicy(np.array([[0.5], [-1.0]], np.float32))
    for _ in range(2):
        policy.begin(None, 0)  # type: ignore[arg-type]
        assert [float(policy.act(np.zeros(1, np.float32))[0]) for _ in range(3)] == [0.5, -1.0, -1.0]


def test_minari_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(
        InputError, match=r"needs the package minari; install it with pip install 'morphsim\[minari\]'"
    ):
        record_episodes(config_of("random"), show_progress=False)


def test_names_of_policies_and_of_the_data_set() -> None:
    config = config_of("random", "tuned=runs/a=b")
    assert config.names == ("random", "tuned")
    assert config.folders == {"tuned": Path("runs/a=b")}
    assert config.id == "morphsim/Drying-v1/random-tuned-v0"
    assert (
        EpisodesConfig(task="morphsim:morphsim/Annealing-v1").id
        == "morphsim/Annealing-v1/random-recipe-own-v0"
    )
    assert EpisodesConfig(task=TASK).policies == BUILT_IN
    assert config_of("own", dataset_id="ab/b/c-v12").id == "ab/b/c-v12"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"task": "Dying-v1"}, "did you mean 'Drying-v1'"),
        ({"policies": ()}, "policies is"),
        ({"policies": ("",)}, "policies has ''"),
        ({"policies": ("a b",)}, "policies has 'a b'"),
        ({"policies": ("a=",)}, "give an agent another name, and its folder"),
        ({"policies": ("random=x",)}, "give an agent another name"),
        ({"policies": ("a=x", "a=y")}, "policies has a name twice: a, a"),
        ({"episodes": 0}, "episodes is 0"),
        ({"split": "all"}, "split is 'all'"),
        ({"seed": -1}, "seed is -1"),
        ({"workers": 0}, "workers is 0"),
        ({"dataset_id": "drying-v0"}, "must be NAMESPACE/NAME-v0"),
        ({"dataset_id": "../up-v0"}, "must be NAMESPACE/NAME-v0"),
        ({"dataset_id": "a/b-v0"}, "must be NAMESPACE/NAME-v0, with two or more letters"),
        ({"dataset_id": "ab/b"}, "must be NAMESPACE/NAME-v0"),
        ({"dataset_id": 3}, "dataset_id is 3"),
    ],
)
def test_bad_options(options: dict[str, Any], found: str) -> None:
    with pytest.raises(InputError) as error:
        EpisodesConfig(**{"task": TASK, **options})
    assert found in str(error.value)
