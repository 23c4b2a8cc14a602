"""What the pictures of one film show, ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.frames.frame_set import FrameSet
from morphsim.frames.pictures.knobs import KnobTrace, knob_traces
from morphsim.frames.pictures.lengths import length_text, time_scale
from morphsim.frames.pictures.mixing import is_mixed, mixed_pixels
from morphsim.frames.pictures.quantity import (
    MIXED,
    QUANTITIES,
    Quantity,
    Show,
    check_shown,
    largest_shown,
    shades,
    shown_values,
)
from morphsim.frames.pictures.substrate import SubstratePattern
from morphsim.simulator import Recipe, Snapshot, Units, find_process


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmPictures:
    """The pictures of one film, of N moments.

    Attributes:
        quantity: what they show.
        largest: value of the colour `quantity.high`.
        indices: (N, H, W) uint8 places in `palette(quantity)`; row 0 lies under the surface.
        mixed: (N,) whether the film has not demixed.
        time_s: (N,) [s].
        thickness_nm: (N,) [nm].
        width_nm: [nm].
        substrate: what it prefers.
        knobs: of the process.
        stages: (N,) number of the stage of each moment, from 0, which does not decrease.
        processes: name of each stage's process.
        thickness_changes: whether titles name the thickness.
    """

    quantity: Quantity
    largest: float
    indices: NDArray[np.uint8]
    mixed: NDArray[np.bool_]
    time_s: NDArray[np.float64]
    thickness_nm: NDArray[np.float64]
    width_nm: float
    substrate: SubstratePattern
    knobs: tuple[KnobTrace, ...]
    stages: NDArray[np.int64]
    processes: tuple[str, ...]
    thickness_changes: bool

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def titles(self) -> list[str]:
        """Time, thickness if it changes, process if there are several, and whether the film is mixed."""
        scales = [time_scale(float(self.time_s[self.stages <= stage][-1])) for stage in self.stages]
        titles = []
        for number, time in enumerate(self.time_s):
            factor, unit = scales[number]
            parts = [f"{time * factor:.3g} {unit}"]
            if self.thickness_changes:
                parts.append(length_text(float(self.thickness_nm[number])))
            if self.mixed[number]:
                parts.append("mixed")
            stage = f"{self.processes[self.stages[number]]}: " if len(self.processes) > 1 else ""
            titles.append(stage + ", ".join(parts))
        return titles

    def settings(self, number: int) -> str:
        """The settings of all knobs at one moment."""
        time = float(self.time_s[number])
        return ", ".join(knob.text(time) for knob in self.knobs if np.isfinite(knob.at(time)))

    def boundaries(self) -> list[tuple[float, str]]:
        """Start [s] and process of each stage; a later one starts with the last moment of the one before."""
        starts = [(0.0, self.processes[0])]
        for stage in range(1, len(self.processes)):
            before = np.flatnonzero(self.stages < stage)
            starts.append((float(self.time_s[before[-1]]) if len(before) else 0.0, self.processes[stage]))
        return starts


def film_pictures(
    snapshots: Sequence[Snapshot],
    frame_set: FrameSet,
    recipe: Recipe,
    units: Units,
    *,
    show: Show = "share",
    knobs: Sequence[KnobTrace] | None = None,
    stages: Sequence[int] | None = None,
    processes: Sequence[str] | None = None,
) -> FilmPictures:
    """Prepare the pictures of a simulated film.

    Args:
        snapshots: of the film, in order.
        frame_set: the binary frames of the same moments.
        recipe: of the film, or of the last stage.
        units: of the film.
        show: the quantity. Where `frame` is shown, pixels of no phase are grey.
        knobs: their course; by default the settings of the snapshots, or else the recipe's own.
        stages: number of the stage of each moment, from 0, in order; by default there is one.
        processes: name of each stage's process.

    Raises:
        InputError: a quantity that the film lacks.
    """
    check_shown(show, recipe.process)
    time_s = np.array([snapshot.time for snapshot in snapshots]) * units.time_s
    largest = largest_shown(snapshots, show)
    indices = np.empty((len(snapshots), *snapshots[0].fields.shape[1:]), np.uint8)
    mixed = np.zeros(len(snapshots), np.bool_)
    for number, snapshot in enumerate(snapshots):
        if show != "frame":
            indices[number] = shades(shown_values(snapshot, show), largest)
            continue
        indices[number] = shades(frame_set.frames[number], largest)
        aspect = recipe.width / snapshot.thickness
        pixels = mixed_pixels(snapshot.share, recipe.blend_ratio, aspect=aspect)
        mixed[number] = is_mixed(pixels)
        indices[number][pixels | mixed[number]] = MIXED
    if knobs is None:
        settings = {name: np.array([each.knobs[name] for each in snapshots]) for name in snapshots[0].knobs}
        knobs = knob_traces(recipe, units, time_s, settings)
    names = tuple(processes or (recipe.process,))
    return FilmPictures(
        quantity=QUANTITIES[show],
        largest=largest,
        indices=indices,
        mixed=mixed,
        time_s=time_s,
        thickness_nm=np.array([snapshot.thickness for snapshot in snapshots]) * units.length_nm,
        width_nm=recipe.width * units.length_nm,
        substrate=SubstratePattern.of(recipe, units),
        knobs=tuple(knobs),
        stages=np.zeros(len(snapshots), np.int64) if stages is None else np.asarray(stages, np.int64),
        processes=names,
        thickness_changes=any(find_process(name).thickness_changes for name in names),
    )


def share_pictures(
    share: NDArray[np.float32],
    recipe: Recipe,
    units: Units,
    *,
    time_s: ArrayLike,
    thickness_nm: ArrayLike,
    knobs: Sequence[KnobTrace] = (),
) -> FilmPictures:
    """Prepare the pictures of a film of which the donor share is known, such as that of an episode.

    Args:
        share: (N, H, W) donor share of the solids.
        recipe: of the film.
        units: of the film.
        time_s: (N,) [s].
        thickness_nm: (N,) [nm].
        knobs: their course.
    """
    return FilmPictures(
        quantity=QUANTITIES["share"],
        largest=1.0,
        indices=shades(share, 1.0),
        mixed=np.zeros(len(share), np.bool_),
        time_s=np.asarray(time_s, np.float64),
        thickness_nm=np.asarray(thickness_nm, np.float64),
        width_nm=recipe.width * units.length_nm,
        substrate=SubstratePattern.of(recipe, units),
        knobs=tuple(knobs),
        stages=np.zeros(len(share), np.int64),
        processes=(recipe.process,),
        thickness_changes=find_process(recipe.process).thickness_changes,
    )
