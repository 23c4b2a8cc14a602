"""What the compiled loop of a film works on: its parameters, its state and the memory of its steps."""

from __future__ import annotations

from typing import Any, NamedTuple

from morphsim.simulator.backends.numba.film import Equations
from morphsim.simulator.backends.numba.transforms import Transforms, Workspace

# Modes between two steps, and those that a step makes.
CONTENT, CHANGE, OLDER_CHANGE, RATE_CHANGE, OLDER_RATE_CHANGE, RATES = range(6)
NEW_CONTENT, NEW_CHANGE, NEW_RATE_CHANGE, PASSING = range(6, 10)
MODES = 10
KEPT_MODES = (
    "content",
    "content_change",
    "older_content_change",
    "rate_change",
    "older_rate_change",
)
NOW, PAST, NEW = range(3)


class Constants(NamedTuple):
    """What all films of a batch share.

    Attributes:
        transforms: of their grid.
        theta: squared wavenumbers in scaled depth, padded with zeros.
        x: squared wavenumbers along x.
        cosines: see `Grid.surface_arrays`.
        face_theta: the same.
        at_surface: the same.
        evaporates: whether the thickness changes.
        tolerance: see `Stepper`.
        most_refusals: a film is given up after so many refused steps in a row.
        tries: most steps to try in one call.
    """

    transforms: Transforms
    theta: Any
    x: Any
    cosines: Any
    face_theta: Any
    at_surface: Any
    evaporates: bool
    tolerance: float
    most_refusals: int
    tries: int


class Film(NamedTuple):
    """One film.

    Attributes:
        equations: its `Equations`.
        biot: of its evaporation.
        ambient: the same.
        strength: of its thermal noise; 0 for none.
        stream: counter of its noise, uint64.
        until: the wanted time.
        lowest: the wanted thickness.
    """

    equations: Equations
    biot: float
    ambient: float
    strength: float
    stream: Any
    until: float
    lowest: float


class Kept(NamedTuple):
    """A batch of films between two steps, as `State` has it: arrays of all films.

    Attributes:
        modes: real views of the modes in the order of `KEPT_MODES`, (5, B, 2, H, .).
        tries: steps tried so far, int64 (B,).
        refused: steps refused so far, int64 (B,).
        watched: time and thickness when the films were last watched for a stall, (2, B).
    """

    phi: Any
    phi_before: Any
    modes: Any
    thickness: Any
    speed_change: Any
    older_speed_change: Any
    time: Any
    step: Any
    last_step: Any
    older_step: Any
    history: Any
    draws: Any
    refusals: Any
    jump: Any
    smallest: Any
    contrast: Any
    amplitude: Any
    gain: Any
    wobble: Any
    span: Any
    wave_damping: Any
    tries: Any
    refused: Any
    watched: Any


class Memory(NamedTuple):
    """Memory for the steps of one film.

    Attributes:
        phi: the fields, those a step before, and those at the end of a step, (3, 2, H, W).
        jump: what noise adds to the mean of each row, in the last step and in this one, (2, 2, H).
        modes: (MODES, 2, K, parts, depth).
        fields: right-hand side, or fields after a transform, (2, H, W).
        potential: (2, H, W).
        curvature: (2, H, W).
        mobility: M_ii, (2, H, W).
        cross: M_12, (H, W).
        kicks: part of the difference of rows that is due to noise, (2, H).
        stiffness: A2 and A4 of each field, (2, 2).
        second: <M f''>, (2, 2).
        fourth: <M> κ, (2, 2).
        gains: of modes, (10, depth).
        work: of the transforms.
    """

    phi: Any
    jump: Any
    modes: Any
    fields: Any
    potential: Any
    curvature: Any
    mobility: Any
    cross: Any
    kicks: Any
    stiffness: Any
    second: Any
    fourth: Any
    gains: Any
    work: Workspace
