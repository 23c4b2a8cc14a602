"""Modules that have moved: their old names still import, with a warning."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from morphsim.lazy import warn_of_old_name

MOVED: dict[str, str] = {
    **{
        f"morphsim.simulator.{name}": f"morphsim.simulator.core.{name}"
        for name in ("energy", "grid", "mobility", "model", "noise", "solver", "stepper", "substrate")
    },
    **{
        f"morphsim.rewards.{name}": f"morphsim.rewards.wrappers.{name}"
        for name in ("goal", "observation", "reward")
    },
    **{
        f"morphsim.rewards.vector_{name}": f"morphsim.rewards.vector.{name}"
        for name in ("goal", "observation", "reward")
    },
    "morphsim.frames.frameset": "morphsim.frames.frame_set",
    "morphsim.similarity.judging": "morphsim.similarity.evaluation",
    **{
        f"morphsim.similarity.judging.{old}": f"morphsim.similarity.evaluation.{new}"
        for old, new in {
            "ceiling": "ceiling",
            "correlation": "correlation",
            "decoding": "decoding",
            "embeddings": "embeddings",
            "figure": "figure",
            "judged": "frames",
            "nuisance": "nuisance",
            "prediction": "prediction",
            "projection": "projection",
            "published": "published",
            "scores": "results",
            "setting": "split",
            "shares": "bootstrap",
            "triplets": "triplets",
            "untrained": "untrained",
            "upside_down": "upside_down",
        }.items()
    },
}
"""The current name of each module that has moved, by its old name."""


class MovedModules(MetaPathFinder, Loader):
    """Finds modules of `MOVED` by their old names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a loader for a module that has moved; None for all others."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module itself, under its current name."""
        warn_of_old_name(spec.name, MOVED[spec.name])
        module = import_module(MOVED[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec, which the import system has just overwritten."""
        given = module.__spec__
        assert given is not None
        module.__spec__ = given.loader_state


def find_moved_modules() -> None:
    """Install the finder of old names; called when `morphsim` is imported."""
    if not any(isinstance(finder, MovedModules) for finder in sys.meta_path):
        # Before the usual finder, which would load a second copy of the modules of a moved package.
        sys.meta_path.insert(0, MovedModules())
