"""Simulation of one film through several processes into a folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from morphsim.errors import InputError
from morphsim.files import write_text
from morphsim.frames.chain_file import chain_text, change_stages, read_chain
from morphsim.frames.film_file import Recording, recording_of
from morphsim.frames.film_output import (
    CHAIN,
    FRAMES,
    check_writers,
    draw_film,
    remove_earlier,
    write_exports,
)
from morphsim.frames.frame_set import CHAIN as PROCESS
from morphsim.frames.pictures.chain import chain_pictures, check_chain_shown
from morphsim.frames.plan import check_recording
from morphsim.frames.read_start import read_start
from morphsim.frames.simulate import FilmConfig, FilmReport
from morphsim.frames.stages import chain_frames
from morphsim.frames.store import write_frames
from morphsim.locks import claimed_folder
from morphsim.progress import progress
from morphsim.simulator import Snapshot, Stage, plan_chain, record_chain
from morphsim.simulator.cells import shared_cells
from morphsim.simulator.chain import stage_process
from morphsim.simulator.film_start import FilmStart
from morphsim.simulator.schedules import Schedule, Steps


def simulate_chain(recipes: Sequence[Path], config: FilmConfig, *, show_progress: bool = True) -> FilmReport:
    """Simulate one film by several processes and write `frames.h5`, `film.gif`, `strip.png`, `chain.toml`.

    `chain.toml` is a file from which the same film is made again, bit for bit on the same machine. Nothing is
    written before the last stage has ended.

    Args:
        recipes: the recipe file of each stage, in their order; or a `chain.toml`, with a table [[stage]] for
            each. What a stage does not state is as in `plan_chain`.
        config: all other options, without `recipe`, `process`, `schedule` and `diffusivity`. `frames` are
            those of each stage, a `material` that of the first one; `set` has the form NUMBER.NAME=VALUE,
            with stages from 1, and knows `diffusivity` too; exports are written for each stage.
        show_progress: show a progress bar on stderr.

    Returns:
        The files written, and the final state of the film.

    Raises:
        InputError: an invalid configuration, or a film that does not dry within its duration.
        MachineError: another run writes to the folder, or the disk is full.
        SimulationDiverged: no time step gives an acceptable solution; its `stage` tells where.

    >>> report = simulate_chain(
    ...     [Path("dry.toml"), Path("anneal.toml")], FilmConfig()
    ... )  # doctest: +SKIP
    """
    for name, cure in _ELSEWHERE.items():
        if getattr(config, name) is not None:
            raise InputError(f"{name} does not say for which stage; {cure}")
    tables, film = read_chain(recipes)
    try:
        stages, recording, start = _planned(config, tables, film)
    except InputError as error:
        raise InputError(f"{recipes[0]}: {error}" if len(recipes) == 1 else str(error)) from error
    check_chain_shown(config.show, [stage.recipe.process for stage in stages])
    check_writers(config.animation, config.export)
    with claimed_folder(config.out):
        return _make(config, stages, recording, start, show_progress=show_progress)


def _planned(
    config: FilmConfig, tables: Sequence[Mapping[str, Any]], film: Mapping[str, Any]
) -> tuple[tuple[Stage, ...], Recording, FilmStart | None]:
    """The stages, how the film is recorded, and its initial state."""
    changed = change_stages(tables, config.set)
    recording = recording_of(film, config.recording_options())
    if recording.diffusivity is not None:
        raise InputError(f"diffusivity does not say for which stage; {_ELSEWHERE['diffusivity']}")
    check_recording(
        frames=recording.frames * len(changed),
        shape=recording.shape,
        cells=recording.cells,
        seed=recording.seed,
        threshold=recording.threshold,
    )
    start = None
    if recording.start is not None:
        start = read_start(recording.start, stage_process(changed[0], config.material))
    stages = plan_chain(changed, material_name=config.material, start=start, length_nm=recording.length_nm)
    return stages, recording, start


_ELSEWHERE = {
    "recipe": "give it among the recipes",
    "process": "each recipe names its own",
    "schedule": "give each recipe its schedules, as temperature = {time_s = [0, 60], value_C = [25, 140]}",
    "diffusivity": "write it in a recipe, or --set 2.diffusivity=1e-17",
}


def _make(
    config: FilmConfig,
    planned: Sequence[Stage],
    recording: Recording,
    start: FilmStart | None,
    *,
    show_progress: bool,
) -> FilmReport:
    started = time.perf_counter()
    before = [] if start is None or start.before is None else [start.before]
    cells = shared_cells([*before, *(stage.recipe for stage in planned)], recording.shape, recording.cells)
    moments: list[tuple[Stage, Snapshot]] = []
    made: list[Steps] = []
    with progress(
        "simulating", recording.frames * len(planned), unit="frames", show=show_progress
    ) as advance:
        for moment in record_chain(
            planned,
            seed=recording.seed,
            frames=recording.frames,
            shape=recording.shape,
            cells=cells,
            start=start,
            steps=made,
            tolerance=recording.tolerance,
            dtype=recording.dtype,
            device=config.device,
        ):
            moments.append(moment)
            advance()
    seconds = time.perf_counter() - started
    remove_earlier(config.out)
    stages = list({stage.number: stage for stage, _ in moments}.values())
    text = chain_text(stages, replace(recording, cells=cells))
    frame_set = chain_frames(moments, seed=recording.seed, threshold=recording.threshold)
    notes = {"chain": text} | ({"start": recording.start} if recording.start else {})
    write_frames(config.out / FRAMES, frame_set, notes=notes)
    pictures = chain_pictures(moments, frame_set, show=config.show, steps=made)
    files = [FRAMES, *draw_film(config.out, config.animation, pictures)]
    write_text(config.out / CHAIN, text)
    files.append(CHAIN)
    for stage in stages:
        own = [snapshot for each, snapshot in moments if each is stage]
        files += write_exports(config.out, config.export, own, stage.recipe, stage.units, stage=stage.number)
    stage, last = moments[-1]
    return FilmReport(
        out=config.out,
        files=tuple(files),
        process=PROCESS,
        stages=tuple(stage.recipe.process for stage in stages),
        frames=len(frame_set),
        shape=frame_set.shape,
        cells=cells,
        time=last.time,
        time_s=stage.time_s(last),
        thickness=last.thickness,
        thickness_nm=stage.thickness_nm(last),
        dryness=last.dryness,
        donor_pixels=float(frame_set.frames[-1].mean()),
        seconds=seconds,
        lagging=tuple(
            f"{stage.number}.{name}"
            for stage in stages
            if isinstance(stage.schedule, Schedule)
            for name, each in stage.schedule.profiles.items()
            if each.lags
        ),
    )
