"""TOML and JSON from strangers: what can be read is, all else ends in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.envs.recipes import other_recipe
from morphsim.errors import InputError
from morphsim.frames.plan import make_plan
from morphsim.simulator import DryingRecipe, load_recipe, recipe_from_dict
from morphsim.text_files import read_json, read_toml

GOOD = "process = 'drying'\nchi = 1.2\n[grid]\nkappa = [1e-4, 2e-4]\n"
READERS: list[Callable[[Path], object]] = [read_toml, load_recipe, lambda path: plan_of(path)]


def plan_of(path: Path) -> object:
    return make_plan(
        process=None, file=path, settings=(), grid=(), replicas=None, frames=2, shape=[4, 8], seed=0,
        threshold=0.5, dtype="float32", device="cpu",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("process = 'drying'\nx = " + "[" * 5000 + "]" * 5000, "nested at most 32 deep"),
        ("process = 'drying'\nx = " + "[" * 100 + "]" * 100, "nested at most 32 deep"),
        ("x" + ".x" * 20_000 + " = 1", "nested at most 32 deep"),
        ("[x" + ".x" * 20_000 + "]", "nested at most 32 deep"),
        ("x = " + "{a = " * 3000, "nested at most 32 deep"),
        ("chi = 1" + "0" * 5000, "can't be read as TOML"),
        ("chi = 1" + "0" * 400, "more than 100 digits"),
        ("process = 'drying'\n# " + "x" * 70_000, "longer than 65536 bytes"),
        ("chi = ", "can't be read as TOML"),
    ],
)
def test_toml_that_can_not_be_used_is_refused_by_every_reader(tmp_path, text, words):
    path = tmp_path / "a.toml"
    path.write_text(text)
    for reader in READERS:
        with pytest.raises(InputError, match=words) as caught:
            reader(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=words):
        other_recipe(DryingRecipe(), path)


def test_a_byte_order_mark_is_no_text(tmp_path):
    for name, encoding in (("plain", "utf-8"), ("marked", "utf-8-sig")):
        (tmp_path / f"{name}.toml").write_text(GOOD.partition("[grid]")[0], encoding=encoding)
        assert load_recipe(tmp_path / f"{name}.toml").to_dict()["chi"] == 1.2
        assert other_recipe(DryingRecipe(), tmp_path / f"{name}.toml").chi == 1.2
        (tmp_path / f"{name}.json").write_text('{"a": "µ"}', encoding=encoding)
        assert read_json(tmp_path / f"{name}.json") == {"a": "µ"}
    (tmp_path / "plan.toml").write_text(GOOD, encoding="utf-8-sig")
    assert getattr(plan_of(tmp_path / "plan.toml"), "grid") == {"kappa": [1e-4, 2e-4]}  # noqa: B009


def test_other_encodings_say_what_they_are(tmp_path):
    for encoding, words in (("utf-16", "UTF-16 text; save it as UTF-8"), ("latin-1", "not UTF-8 text")):
        (tmp_path / "a.toml").write_text("name = 'µ'", encoding=encoding)
        for reader in (*READERS, read_json):
            with pytest.raises(InputError, match=words):
                reader(tmp_path / "a.toml")


def test_what_is_not_there_or_no_file(tmp_path):
    for reader in (*READERS, read_json):
        with pytest.raises(InputError, match=r"none\.toml does not exist"):
            reader(tmp_path / "none.toml")
        with pytest.raises(InputError, match="directory"):
            reader(tmp_path)


@pytest.mark.parametrize("text", ["[" * 10**5, "[" * 60 + "]" * 60, "1" * 5000, "-" + "1" * 400, "{", "NaN,"])
def test_json_that_can_not_be_used(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(
        InputError, match=r"a\.json can't be read as JSON .*; restore it from a backup"
    ) as caught:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_json_keeps_the_integers_of_random_states(tmp_path):
    state: dict[str, Any] = dict(np.random.default_rng(0).bit_generator.state)
    (tmp_path / "a.json").write_text(json.dumps(state))
    assert read_json(tmp_path / "a.json") == state


def test_an_integer_that_no_float_holds_is_refused():
    with pytest.raises(InputError, match="chi is a whole number of over 30 digits"):
        recipe_from_dict({"process": "drying", "chi": 10**400})


def test_changed_bytes_give_values_or_one_line(tmp_path):
    rng = np.random.default_rng(3)
    for number in range(300):
        content = bytearray(GOOD.encode())
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        path = tmp_path / f"{number % 3}.toml"
        path.write_bytes(bytes(content))
        for reader in READERS:
            try:
                reader(path)
            except InputError as error:
                assert "\n" not in str(error)
