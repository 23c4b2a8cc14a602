"""Data sets of Minari, written through its own interface."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from morphsim.agents.episodes.episode import RecordedEpisode
from morphsim.errors import InputError
from morphsim.optional import import_minari
from morphsim.temporary import remove_leftovers, temporary_folder

_PURPOSE = "a data set of episodes"


class NewDataset:
    """A data set in the making; use `new_dataset`.

    Args:
        dataset_id: Minari's id.
        folder: where the data set will be.
        hidden: an empty folder beside it.
    """

    def __init__(self, dataset_id: str, folder: Path, hidden: Path) -> None:
        self.dataset_id = dataset_id
        self.folder = folder
        self._hidden = hidden

    def write(
        self,
        episodes: Sequence[RecordedEpisode],
        *,
        env: gym.Env[Any, Any],
        evaluation: gym.Env[Any, Any],
        metadata: Mapping[str, Any],
    ) -> None:
        """Write the episodes; the data set appears at once, whole.

        Args:
            episodes: in their order.
            env: environment that made them.
            evaluation: environment for evaluations of what learns from them.
            metadata: further entries, by Minari's names.

        Raises:
            InputError: the data set exists by now.
        """
        minari = import_minari(_PURPOSE)
        from minari.data_collector.episode_buffer import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage
        from minari.namespace import create_namespace, list_local_namespaces

        made = self._hidden / "dataset"
        made.mkdir()
        assert evaluation.spec is not None
        storage = MinariStorage.new(
            made / "data",
            observation_space=env.observation_space,
            action_space=env.action_space,
            env_spec=env.spec,
        )
        storage.update_metadata(
            {
                "dataset_id": self.dataset_id,
                "minari_version": minari.__version__,
                "eval_env_spec": evaluation.spec.to_json(),
                **metadata,
            }
        )
        storage.update_episodes(_buffer(EpisodeBuffer, each) for each in episodes)
        storage.update_episode_metadata({"policy": each.policy} for each in episodes)
        namespace = self.dataset_id.rpartition("/")[0]
        if namespace not in list_local_namespaces():
            create_namespace(namespace)
        try:
            made.rename(self.folder)
        except OSError as error:
            if not self.folder.exists():
                raise
            raise _exists(self.dataset_id, self.folder) from error


@contextlib.contextmanager
def new_dataset(dataset_id: str) -> Iterator[NewDataset]:
    """Begin a data set in Minari's folder; nothing of it stays if the block fails.

    Args:
        dataset_id: Minari's id, with a namespace.

    Raises:
        InputError: Minari isn't installed, or the data set exists.
    """
    import_minari(_PURPOSE)
    from minari.storage import get_dataset_path

    # Minari makes this folder.
    root = Path(get_dataset_path())
    folder = root / dataset_id
    if folder.exists():
        raise _exists(dataset_id, folder)
    remove_leftovers(root)
    with temporary_folder(root) as hidden:
        yield NewDataset(dataset_id, folder, hidden)


def _exists(dataset_id: str, folder: Path) -> InputError:
    return InputError(f"the data set {dataset_id} exists in {folder}; give another dataset_id, or delete it")


def _buffer(kind: Any, episode: RecordedEpisode) -> Any:
    ends = np.zeros((2, episode.steps), np.bool_)
    ends[0 if episode.terminated else 1, -1] = True
    return kind(
        seed=episode.seed,
        options=episode.options,
        observations=episode.observations,
        actions=episode.actions,
        rewards=episode.rewards,
        terminations=ends[0],
        truncations=ends[1],
        infos=episode.infos,
    )
