"""Pictures of films that went through several processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from morphsim.frames.frame_set import FrameSet
from morphsim.frames.pictures.film import FilmPictures, film_pictures
from morphsim.frames.pictures.knobs import KnobTrace, knob_trace
from morphsim.frames.pictures.quantity import Show, check_shown
from morphsim.simulator import Snapshot, find_process
from morphsim.simulator.chain import Stage
from morphsim.simulator.schedules import Steps


def check_chain_shown(show: Show, processes: Sequence[str]) -> None:
    """Check that a film of several processes has a quantity.

    Raises:
        InputError: an unknown quantity, or the solvent of films that never have any.
    """
    check_shown(show, max(processes, key=lambda name: find_process(name).components))


def chain_pictures(
    moments: Sequence[tuple[Stage, Snapshot]],
    frame_set: FrameSet,
    *,
    show: Show = "share",
    steps: Sequence[Steps] = (),
) -> FilmPictures:
    """Prepare the pictures of a film over the time of all its stages.

    Args:
        moments: of the film, as `record_chain` yields them.
        frame_set: the binary frames of the same moments.
        show: the quantity.
        steps: of each stage, as `record_chain` tells them; by default knobs are known at the moments alone.

    Raises:
        InputError: a quantity that the film lacks.
    """
    stages = list({stage.number: stage for stage, _ in moments}.values())
    check_chain_shown(show, [stage.recipe.process for stage in stages])
    units = stages[0].units
    snapshots = [
        replace(
            snapshot,
            time=stage.time_s(snapshot) / units.time_s,
            thickness=stage.thickness_nm(snapshot) / units.length_nm,
        )
        for stage, snapshot in moments
    ]
    widest = max(stages, key=lambda stage: find_process(stage.recipe.process).components)
    numbers = [stage.number for stage in stages]
    return film_pictures(
        snapshots,
        frame_set,
        widest.recipe,
        units,
        show=show,
        knobs=_traces(moments, stages, steps or [Steps() for _ in stages]),
        stages=[numbers.index(stage.number) for stage, _ in moments],
        processes=[stage.recipe.process for stage in stages],
    )


def _traces(
    moments: Sequence[tuple[Stage, Snapshot]], stages: Sequence[Stage], steps: Sequence[Steps]
) -> list[KnobTrace]:
    """Each knob through the steps of all stages, or at their moments; NaN in stages that lack it."""
    courses = [
        _held(stage, made)
        if made
        else _at_moments(stage, [s for each, s in moments if each.number == stage.number])
        for stage, made in zip(stages, steps, strict=True)
    ]
    times = np.concatenate([time for time, _ in courses])
    traces = []
    for name in dict.fromkeys(name for _, settings in courses for name in settings):
        values = [settings.get(name, np.full(len(time), np.nan)) for time, settings in courses]
        traces.append(knob_trace(name, times, np.concatenate(values), stages[0].units))
    return traces


_Course = tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]


def _held(stage: Stage, steps: Steps) -> _Course:
    """Times [s] and settings of the knobs, which are constant during each step."""
    trace = steps.trace()
    times = stage.start_s + stage.units.time_s * trace.time
    return np.repeat(times, 2)[1:-1], {name: np.repeat(values, 2) for name, values in trace.knobs.items()}


def _at_moments(stage: Stage, snapshots: Sequence[Snapshot]) -> _Course:
    """The same at the start of the stage and at its moments, where the steps are not known."""
    times = [stage.start_s, *(stage.time_s(snapshot) for snapshot in snapshots)]
    settings = {
        name: np.array([getattr(stage.recipe, name), *(each.knobs[name] for each in snapshots)], np.float64)
        for name in snapshots[0].knobs
    }
    return np.array(times), settings
