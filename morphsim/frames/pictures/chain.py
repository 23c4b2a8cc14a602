"""Pictures of films that went through several processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from morphsim.frames.frame_set import FrameSet
from morphsim.frames.pictures.film import FilmPictures, film_pictures
from morphsim.frames.pictures.knobs import KnobTrace, knob_trace
from morphsim.frames.pictures.quantity import Show, check_shown
from morphsim.simulator import Snapshot, find_process
from morphsim.simulator.chain import Stage


def check_chain_shown(show: Show, processes: Sequence[str]) -> None:
    """Check that a film of several processes has a quantity.

    Raises:
        InputError: an unknown quantity, or the solvent of films that never have any.
    """
    check_shown(show, max(processes, key=lambda name: find_process(name).components))


def chain_pictures(
    moments: Sequence[tuple[Stage, Snapshot]], frame_set: FrameSet, *, show: Show = "share"
) -> FilmPictures:
    """Prepare the pictures of a film over the time of all its stages.

    Args:
        moments: of the film, as `record_chain` yields them.
        frame_set: the binary frames of the same moments.
        show: the quantity.

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
        knobs=_traces(moments, stages),
        stages=[numbers.index(stage.number) for stage, _ in moments],
        processes=[stage.recipe.process for stage in stages],
    )


def _traces(moments: Sequence[tuple[Stage, Snapshot]], stages: Sequence[Stage]) -> list[KnobTrace]:
    """Each knob at the start of each stage and at its moments; NaN in stages that lack it."""
    traces = []
    for name in dict.fromkeys(name for _, snapshot in moments for name in snapshot.knobs):
        times, settings = [], []
        for stage in stages:
            own = [snapshot for each, snapshot in moments if each.number == stage.number]
            times += [stage.start_s, *(stage.time_s(snapshot) for snapshot in own)]
            settings.append(getattr(stage.recipe, name, np.nan) if name in own[0].knobs else np.nan)
            settings += [snapshot.knobs.get(name, np.nan) for snapshot in own]
        traces.append(knob_trace(name, np.array(times), np.array(settings), stages[0].units))
    return traces
