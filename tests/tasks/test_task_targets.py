"""Sets of targets: what a file of them must hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames, write_frames
from morphsim.tasks import Task, load_targets
from morphsim.tasks.targets import ACTIONS, NAME, SPLIT, TASK, hash_targets, read_targets, targets_of

ONE = "[[0.5,-1.0],[0.25,1.0]]"


def frame_set(**columns: Any) -> FrameSet:
    """Three targets with two knobs; `columns` replace their own, None removes one."""
    recipes: dict[str, Any] = {
        TASK: np.array(["Drying-v1"] * 3),
        NAME: np.array(["test-0", "train-0", "fine"]),
        SPLIT: np.array(["test", "train", "goals"]),
        ACTIONS: np.array([ONE, "[[0,0]]", "[[1,-1]]"]),
        "chi": np.array([0.9, 1.0, 1.1]),
        **columns,
    }
    frames = np.eye(8, dtype=np.uint8)[None].repeat(3, axis=0)
    frames[1, 0], frames[2, 1] = 1, 1
    return FrameSet(
        frames=frames,
        columns={"trajectory": np.arange(3)},
        recipes={name: values for name, values in recipes.items() if values is not None},
        process="drying",
        boundary="periodic",
    )


def test_a_set_of_targets(tmp_path: Path) -> None:
    write_frames(tmp_path / "set.h5", frame_set())
    targets = read_targets(tmp_path / "set.h5")
    assert (len(targets), targets.task, targets.splits) == (3, "Drying-v1", ("test", "train", "goals"))
    assert targets.rows("test").tolist() == [0] and targets.rows("validation").tolist() == []
    assert targets.row("fine") == 2
    assert targets.name_of(np.array(targets.frames[1])) == "train-0"
    assert targets.name_of(np.ones((8, 8), np.uint8)) is None
    assert targets.actions[0].tolist() == [[0.5, -1.0], [0.25, 1.0]]
    assert targets.materials[2] == {"chi": 1.1}
    # Who writes to one array of the set would change it for all others.
    with pytest.raises(ValueError, match="read-only"):
        targets.frames[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        targets.actions[0][0] = 0.0
    with pytest.raises(InputError, match="split is 'tests'; did you mean 'test'"):
        targets.rows("tests")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="there is no target 'fin'; did you mean 'fine'"):
        targets.row("fin")
    # The hash is of the content, read from a file or not.
    assert targets.hash == hash_targets(read_frames(tmp_path / "set.h5"))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({NAME: None}, "x.h5 is not a set of targets: it lacks name"),
        ({SPLIT: None, ACTIONS: None}, "x.h5 is not a set of targets: it lacks split, actions"),
        ({NAME: np.array(["a", "a", "b"])}, "names or splits are wrong"),
        ({SPLIT: np.array(["test", "train", "exam"])}, "names or splits are wrong"),
        ({TASK: np.array(["Drying-v1", "Drying-v1", "Annealing-v1"])}, "names or splits are wrong"),
        ({ACTIONS: np.array([ONE, ONE, "[[0.5, 0.5"])}, "x.h5 holds actions that can't be read"),
        ({ACTIONS: np.array([ONE, ONE, "[[0.5],[0.5,0.5]]"])}, "x.h5 holds actions that can't be read"),
        ({ACTIONS: np.array([ONE, ONE, '"open"'])}, "x.h5 holds actions that can't be read"),
        ({ACTIONS: np.array([ONE, ONE, '{"a": 1}'])}, "x.h5 holds actions that can't be read"),
        ({ACTIONS: np.array([ONE, ONE, "[0.5]"])}, r"x.h5 holds actions of the shape \(1,\)"),
        ({ACTIONS: np.array([ONE, ONE, "[]"])}, r"x.h5 holds actions of the shape \(0,\)"),
        ({ACTIONS: np.array([ONE, ONE, "[[1.5,0]]"])}, "must be .* -1 to 1"),
        ({ACTIONS: np.array([ONE, ONE, "[[NaN,0]]"])}, "must be .* -1 to 1"),
        ({ACTIONS: np.array([ONE, ONE, "[[1e300,0]]"])}, "must be .* -1 to 1"),
    ],
)
def test_what_is_no_set_of_targets_is_refused(columns: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        targets_of(frame_set(**columns), source="x.h5")


def test_several_frames_of_a_film_are_no_targets() -> None:
    frames = replace(frame_set(), columns={"trajectory": np.array([0, 1, 1])})
    cut = {name: values[:2] for name, values in frames.recipes.items()}
    with pytest.raises(InputError, match="it lacks frames"):
        targets_of(replace(frames, recipes=cut), source="x.h5")


@given(st.text(max_size=30) | st.recursive(st.floats(-2, 2) | st.none(), st.lists).map(json.dumps))
def test_any_text_is_actions_or_an_error(text: str) -> None:
    try:
        targets = targets_of(frame_set(**{ACTIONS: np.array([ONE, ONE, text])}), source="x.h5")
    except InputError as error:
        assert str(error).startswith("x.h5 holds actions")
    else:
        assert targets.actions[2].ndim == 2
        assert (np.abs(targets.actions[2]) <= 1.0).all()


@pytest.mark.parametrize(
    "columns", [{"chi": np.array([0.9, 1.0, 1.2])}, {ACTIONS: np.array([ONE, "[[0,0]]", "[[1,-0.999]]"])}]
)
def test_the_hash_follows_the_content(columns: dict[str, Any]) -> None:
    assert hash_targets(frame_set(**columns)) != hash_targets(frame_set())
    frames = frame_set()
    frames.frames[0, 0, 0] ^= 1
    assert hash_targets(frames) != hash_targets(frame_set())


def test_another_set_than_the_task_names_is_refused(coarse: Task) -> None:
    with pytest.raises(InputError, match=r"have the hash .*, but the task names 00ff; install"):
        load_targets(replace(coarse, targets_hash="00ff"))


def test_a_damaged_file_is_refused(coarse: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from morphsim.tasks import targets

    content = bytearray((targets.ASSETS / "coarse.h5").read_bytes())
    content[len(content) // 2 :] = b""
    (tmp_path / "coarse.h5").write_bytes(content)
    monkeypatch.setattr(targets, "ASSETS", tmp_path)
    with pytest.raises(InputError, match=r"coarse\.h5"):
        load_targets(coarse)
