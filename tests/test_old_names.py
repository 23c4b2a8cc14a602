"""Names of version 0.1 that have changed since: they work, and say what they are called now."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from morphsim import load_encoder
from morphsim.encoder import Encoder
from morphsim.envs import Panel
from morphsim.frames import FrameSet, recipe_labels
from morphsim.moved import MOVED
from morphsim.rewards import OutOfDistributionGuard
from morphsim.similarity.evaluation import evaluate_embeddings, recipe_triplets
from morphsim.simulator import AnnealingRecipe, Knob


@pytest.mark.parametrize("old", MOVED)
def test_a_moved_module_is_found_by_its_old_name(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        # A package that has moved as well warns of itself.
        warnings.simplefilter("ignore")
        import_module(old.rpartition(".")[0])
    new = import_module(MOVED[old])
    spec = new.__spec__
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=rf"^{old} is now {MOVED[old]}; .* 0\.3$"):
        assert import_module(old) is new
    assert new.__spec__ is spec
    assert new.__name__ == MOVED[old]


RENAMED = {
    "morphsim.agents": {"Evaluation": "AgentEvaluation"},
    "morphsim.encoder": {"Codes": "EncodedFrames"},
    "morphsim.similarity.evaluation": {
        "JudgedFrames": "EvaluationFrames",
        "Judgement": "EmbeddingEvaluation",
        "Share": "BootstrapMean",
        "difference": "bootstrap_difference",
        "draw_judgement": "draw_evaluation",
        "fewer_films": "subsample_films",
        "judge": "evaluate_embeddings",
        "judge_decoding": "evaluate_decoding",
        "judged_and_fitted": "split_for_evaluation",
        "other_boundary": "boundary_mismatch",
        "shows_something": "has_both_phases",
    },
}


@pytest.mark.parametrize(
    ("package", "old", "new"),
    [(package, old, new) for package, names in RENAMED.items() for old, new in names.items()],
)
def test_a_renamed_name_still_works(package: str, old: str, new: str) -> None:
    module = import_module(package)
    with pytest.warns(DeprecationWarning, match=rf"^{package}\.{old} is now {package}\.{new}; .* 0\.3$"):
        assert getattr(module, old) is getattr(module, new)


def test_other_modules_are_not_found() -> None:
    assert find_spec("morphsim.simulator.nothing") is None


def test_renamed_members_of_an_encoder_are_found_by_their_old_names() -> None:
    encoder = load_encoder("default", device="cpu")
    with pytest.warns(DeprecationWarning, match=r"^Encoder\.familiarity is now Encoder\.training_statistics"):
        assert encoder.familiarity is encoder.training_statistics
    frames = np.zeros((2, *encoder.frame_shape), np.uint8)
    with pytest.warns(DeprecationWarning, match=r"^Encoder\.code is now Encoder\.encode_all") as caught:
        old = encoder.code(frames, reconstruct=True)
    assert caught[0].filename == __file__
    new = encoder.encode_all(frames, reconstruct=True)
    for name in ("content", "deviation", "pose", "reconstruction", "statistics"):
        assert np.array_equal(getattr(old, name), getattr(new, name))


def test_a_renamed_argument_is_taken_by_its_old_name() -> None:
    films = FrameSet(frames=np.zeros((2, 4, 4), np.uint8), columns={"trajectory": np.array([0, 1])})
    old = r"^the argument frameset of morphsim\.frames\.labels\.recipe_labels is now frame_set; .* 0\.3$"
    with pytest.warns(DeprecationWarning, match=old) as caught:
        labels = recipe_labels(frameset=films)
    assert caught[0].filename == __file__
    assert np.array_equal(labels, recipe_labels(frame_set=films))
    with pytest.warns(DeprecationWarning, match=r"usual of .*Panel\.action is now defaults; .* 0\.3$"):
        action = Panel([Knob("temperature", 300.0, 400.0)]).action(
            {}, usual=AnnealingRecipe(temperature=400.0)
        )
    assert action == 1.0


def test_unknown_names_of_packages_are_errors() -> None:
    import morphsim
    from morphsim import encoder, frames

    for module in (morphsim, encoder, frames):
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'nothing'"):
            module.nothing  # noqa: B018


def test_names_that_packages_import_later_are_listed_and_found() -> None:
    for package in ("morphsim", "morphsim.simulator", "morphsim.frames", "morphsim.rewards"):
        module = import_module(package)
        assert set(module.__all__) <= set(dir(module))
    simulator = import_module("morphsim.simulator")
    # As attributes of the package, without an import of their own.
    assert simulator.units.Units is simulator.Units
    assert import_module("morphsim.frames").dataset.make_dataset is not None


def test_an_old_name_warns_where_it_is_used() -> None:
    code = "import warnings\nwarnings.simplefilter('default')\nfrom morphsim.simulator import KNOBS\n"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "<string>:3: DeprecationWarning: morphsim.simulator.KNOBS is now" in found.stderr


@pytest.mark.parametrize(
    ("function", "old", "new"),
    [
        (Encoder.__init__, "familiarity", "training_statistics"),
        (OutOfDistributionGuard.check, "codes", "encoded"),
        (recipe_triplets, "judged", "labelled"),
        (evaluate_embeddings, "judged", "labelled"),
    ],
)
def test_old_arguments_are_handed_on(function: Callable[..., Any], old: str, new: str) -> None:
    assert new in inspect.signature(function).parameters
    # The other arguments are missing.
    warned = pytest.warns(DeprecationWarning, match=f"the argument {old} of .* is now {new}")
    with warned, pytest.raises(TypeError, match="missing"):
        function(**{old: None})
