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
NOW, PAST, NEW, NEW_PAST = range(4)


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
    noise: Any
    smallest: Any
    contrast: Any
    tries: Any
    refused: Any
    watched: Any


class Memory(NamedTuple):
    """Memory for the steps of one film.

    Attributes:
        phi: the fields, those a step before, and both at the end of a step, (4, 2, H, W).
        noise: rms of the noise in each row, before and after a step, (2, 2, H).
        modes: (MODES, 2, K, parts, depth).
        fields: right-hand side, or fields after a transform, (2, H, W).
        potential: (2, H, W).
        curvature: (2, H, W).
        mobility: at the start of a step and of passing use, (2, 2, H, W).
        cross: the same, (2, H, W).
        allowance: of the error in each row, (2, H).
        stiffness: at the start of a step, (2, 2).
        gains: of modes, (3, depth).
        work: of the transforms.
    """

    phi: Any
    noise: Any
    modes: Any
    fields: Any
    potential: Any
    curvature: Any
    mobility: Any
    cross: Any
    allowance: Any
    stiffness: Any
    gains: Any
    work: Workspace
