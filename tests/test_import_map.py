"""The picture of the package's folders, made from its imports."""

from __future__ import annotations

import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

MAP = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "import_map.py"))


def test_the_map_shows_every_folder_below_those_that_import_it() -> None:
    graph = MAP["imports"]()
    assert {"simulator", "frames", "encoder", "rewards", "envs", "agents", MAP["GROUND"]} <= set(graph)
    levels = MAP["levels"](graph)
    assert all(levels[name] > levels[below] for name, targets in graph.items() for below in targets)
    picture = ElementTree.fromstring(MAP["picture"](graph))
    texts = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert set(graph) <= texts


def test_arrows_that_say_nothing_new_are_left_out() -> None:
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert MAP["shortened"](graph) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_a_circle_can_not_be_drawn() -> None:
    with pytest.raises(ValueError, match="in a circle: a -> b -> a"):
        MAP["levels"]({"a": {"b"}, "b": {"a"}})
