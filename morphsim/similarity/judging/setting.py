"""Who is judged, on which frames, and what the baselines are fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames import FrameSet
from morphsim.hashes import hash_arrays
from morphsim.similarity.judging.judged import JudgedFrames, fewer_films


def judged_and_fitted(
    frame_set: FrameSet, training: FrameSet | None, *, most: int, seed: int
) -> tuple[JudgedFrames, NDArray[np.uint8], str]:
    """Choose the frames to judge and those that baselines are fitted on, without a film in common.

    Args:
        frame_set: frames that the encoder never saw.
        training: frames to fit baselines on; None to fit them on half of the recipes of `frame_set`, chosen
            at random, and judge the other half.
        most: about how many frames to judge at most.
        seed: of what is chosen.

    Returns:
        The judged frames, the frames (N, H, W) to fit baselines on, and a line that says which they are.

    Raises:
        InputError: training frames of another shape or boundary, or fewer than three recipes to split.
    """
    judged = JudgedFrames.of(frame_set)
    if training is not None:
        others = JudgedFrames.of(training)
        if others.shape != judged.shape or others.boundary != judged.boundary:
            raise InputError(
                f"training frames are {others.shape} and {others.boundary}, those to judge "
                f"{judged.shape} and {judged.boundary}; give training frames of the same kind"
            )
        return fewer_films(judged, most=most, seed=seed), others.frames, "baselines are fitted on --training"
    recipes = np.unique(judged.recipe)
    if len(recipes) < 3:
        raise InputError(
            f"the frames hold {len(recipes)} recipes; to fit baselines on half of them takes at least 3; "
            "or name other frames with --training"
        )
    fitted = np.random.default_rng(seed).choice(recipes, len(recipes) // 2, replace=False)
    own = np.isin(judged.recipe, fitted)
    note = (
        f"baselines are fitted on {len(fitted)} of the {len(recipes)} recipes of the file and only the other "
        f"{len(recipes) - len(fitted)} are judged; --training fits them on other frames"
    )
    return fewer_films(judged.select(~own), most=most, seed=seed), judged.frames[own], note


def seen_in_training(encoder: Encoder, frame_set: FrameSet) -> str | None:
    """A line of warning where an encoder was trained on these very frames; None where it was not."""
    data = encoder.metadata.get("data")
    found = hash_arrays({"frames": frame_set.frames, "trajectory": frame_set.trajectory})
    if not isinstance(data, dict) or data.get("sha256") != found:
        return None
    return "the encoder was trained on these very frames: its figures say nothing about other films"


def other_boundary(encoder: Encoder, frame_set: FrameSet, *, name: str = "the encoder") -> str | None:
    """A line of warning where frames end at their sides otherwise than those an encoder was trained on.

    No error, since a judgement is there to tell how an encoder does on what it was not made for: published
    frames lie between walls, whatever encoder predicts their currents.
    """
    if frame_set.boundary == encoder.boundary:
        return None
    return (
        f"the frames are {frame_set.boundary}, but {name} was trained on {encoder.boundary} ones: their left "
        "and right ends are not what it has learned"
    )
