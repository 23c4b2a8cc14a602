"""Names of version 0.1 that have changed since: they work, and say what they are called now."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from morphsim.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_a_moved_module_is_found_by_its_old_name(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    new = import_module(MOVED[old])
    spec = new.__spec__
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=rf"^{old} is now {MOVED[old]}; .* 0\.3$"):
        assert import_module(old) is new
    assert new.__spec__ is spec
    assert new.__name__ == MOVED[old]


def test_other_modules_are_not_found() -> None:
    assert find_spec("morphsim.simulator.nothing") is None


def test_unknown_names_of_packages_are_errors() -> None:
    import morphsim
    from morphsim import frames

    for module in (morphsim, frames):
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'nothing'"):
            module.nothing  # noqa: B018
