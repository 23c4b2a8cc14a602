"""Which frames an encoder is evaluated on, and which frames the baselines are fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames import FrameSet
from morphsim.hashes import hash_arrays
from morphsim.similarity.evaluation.frames import EvaluationFrames, subsample_films


def split_for_evaluation(
    frame_set: FrameSet, training: FrameSet | None, *, most: int, seed: int
) -> tuple[EvaluationFrames, NDArray[np.uint8], str]:
    """Choose frames to evaluate on and frames to fit baselines on, without a film in common.

    Args:
        frame_set: frames that the encoder was not trained on.
        training: frames to fit baselines on; None to fit them on half of the recipes of `frame_set`, chosen
            at random, and to evaluate on the other half.
        most: approximate upper limit of the number of frames to evaluate on.
        seed: of the random choice.

    Returns:
        The frames to evaluate on, the frames (N, H, W) to fit baselines on, and a line that says which those
        are.

    Raises:
        InputError: training frames of another shape or boundary, or fewer than three recipes to split.
    """
    labelled = EvaluationFrames.of(frame_set)
    if training is not None:
        others = EvaluationFrames.of(training)
        if others.shape != labelled.shape or others.boundary != labelled.boundary:
            raise InputError(
                f"training frames are {others.shape} and {others.boundary}, those to evaluate on "
                f"{labelled.shape} and {labelled.boundary}; give training frames of the same kind"
            )
        return (
            subsample_films(labelled, most=most, seed=seed),
            others.frames,
            "baselines are fitted on --training",
        )
    recipes = np.unique(labelled.recipe)
    if len(recipes) < 3:
        raise InputError(
            f"the frames hold {len(recipes)} recipes; to fit baselines on half of them takes at least 3, "
            "or give other frames with --training"
        )
    fitted = np.random.default_rng(seed).choice(recipes, len(recipes) // 2, replace=False)
    own = np.isin(labelled.recipe, fitted)
    note = (
        f"baselines are fitted on {len(fitted)} of the {len(recipes)} recipes of the file and only the other "
        f"{len(recipes) - len(fitted)} are evaluated; --training fits them on other frames"
    )
    return subsample_films(labelled.select(~own), most=most, seed=seed), labelled.frames[own], note


def seen_in_training(encoder: Encoder, frame_set: FrameSet) -> str | None:
    """Return a warning if the encoder was trained on these very frames, else None."""
    data = encoder.metadata.get("data")
    found = hash_arrays({"frames": frame_set.frames, "trajectory": frame_set.trajectory})
    if not isinstance(data, dict) or data.get("sha256") != found:
        return None
    return "the encoder was trained on these very frames: its figures say nothing about other films"


def boundary_mismatch(encoder: Encoder, frame_set: FrameSet, *, name: str = "the encoder") -> str | None:
    """Return a warning if the frames have another lateral boundary than the encoder's training frames.

    It is not an error: an evaluation may test an encoder on frames that it was not trained for. The published
    frames, for example, have no-flux walls, whichever encoder predicts their currents.
    """
    if frame_set.boundary == encoder.boundary:
        return None
    return (
        f"the frames are {frame_set.boundary}, but {name} was trained on {encoder.boundary} ones: it has not "
        "learned their left and right ends"
    )
