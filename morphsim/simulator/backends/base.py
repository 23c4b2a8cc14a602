"""What a backend computes: the loops over cells and modes in which a step spends its time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from morphsim.simulator.backends.whole_steps import SpectralFilms
from morphsim.simulator.core.energy import FreeEnergy
from morphsim.simulator.core.etd import Damping
from morphsim.simulator.core.evaporation import Evaporation
from morphsim.simulator.core.grid import Grid, Squares
from morphsim.simulator.core.mobility import Mobility
from morphsim.simulator.core.per_film import PerFilmArray
from morphsim.simulator.core.relaxation import Relaxation
from morphsim.simulator.core.state import State
from morphsim.simulator.core.substrate import Substrate

if TYPE_CHECKING:
    from morphsim.simulator.core.noise import ThermalNoise

BackendName = Literal["auto", "torch", "numba"]
"""A backend by its name; "auto" is numba where it is installed, and torch elsewhere."""


class CellRates(NamedTuple):
    """Rates of finite volumes.

    Attributes:
        fields: d(h φ_i)/dt of the cells, (B, C, H, W).
        stiffness2: factor of k² in the damping, (B, C, 1, 1).
        stiffness4: factor of k⁴ in the damping, (B, C, 1, 1).
        mobility: M_ii, (B, C, H, W).
        cross: M_12, (B, H, W), or None.
    """

    fields: Tensor
    stiffness2: Tensor
    stiffness4: Tensor
    mobility: Tensor
    cross: Tensor | None


class ModeStep(NamedTuple):
    """A step of the modes, see `Backend.advance_modes`.

    Attributes:
        rates: R_n of the modes, (B, C, H, modes).
        rate_changes: R_n - R_{n-1} and R_{n-1} - R_{n-2}.
        content_changes: the same of the content q.
        damping: Λ.
        dt: (B,).
        weights: of `step_weights`, six of (B,).
    """

    rates: Tensor
    rate_changes: tuple[Tensor, Tensor]
    content_changes: tuple[Tensor, Tensor]
    damping: Damping
    dt: Tensor
    weights: Sequence[PerFilmArray]


class SurfaceStep(NamedTuple):
    """The end of a step of films that evaporate, see `Backend.correct_surface`.

    Attributes:
        grid: between walls in depth.
        evaporation: at the surface.
        phi: fields at the start of the step, (B, C, H, W).
        content: modes at its end, (B, C, H, modes); corrected in place.
        thickness: at its end, (B,).
        expected: dh/dt at its end, extrapolated from the past, (B,).
        damping: of the modes.
        dt: (B,).
    """

    grid: Grid
    evaporation: Evaporation
    phi: Tensor
    content: Tensor
    thickness: Tensor
    expected: Tensor
    damping: Damping
    dt: Tensor


class Kicks(NamedTuple):
    """What thermal noise did to the means of rows, see `Backend.compare`.

    Attributes:
        of_line: their difference from the line through the last two that is due to noise, (B, C, H).
        noisy: films under noise, bool (B,).
    """

    of_line: Tensor
    noisy: Tensor


class RandomFluxes(NamedTuple):
    """Thermal noise of a step, see `Backend.noise_increments`.

    Attributes:
        grid: where the fields live.
        counters: of each film's present step, int64 (B,).
        scale: sqrt(24 ε Δt / cell), (B,).
        thickness: h, (B,).
        mobility: M_ii, (B, C, H, W).
        cross: M_12, (B, H, W), or None.
    """

    grid: Grid
    counters: Tensor
    scale: Tensor
    thickness: Tensor
    mobility: Tensor
    cross: Tensor | None


class FilmEquations(Protocol):
    """What `Backend.cell_rates` uses of a `FilmModel`."""

    @property
    def grid(self) -> Grid:
        """Where the fields live."""

    @property
    def energy(self) -> FreeEnergy:
        """The homogeneous free energy."""

    @property
    def mobility(self) -> Mobility:
        """The closure of the mobilities."""

    @property
    def kappa(self) -> Tensor:
        """Gradient energy coefficients, (B, C, 1, 1)."""

    @property
    def evaporation(self) -> Evaporation | None:
        """None for a film of fixed height."""

    @property
    def substrate(self) -> Substrate | None:
        """None for a neutral one."""

    @property
    def spectral(self) -> bool:
        """Whether gradients are exact for each mode of the grid, rather than those of finite volumes."""

    def mobilities(self, phi: Tensor) -> tuple[Tensor, Tensor | None]:
        """M_ii (B, C, H, W) and M_12 (B, H, W), or None."""

    def potential(self, phi: Tensor, thickness: Tensor) -> Tensor:
        """Chemical potentials μ_i of the finite volumes, (B, C, H, W)."""


class Journey(NamedTuple):
    """Films on their way to a time or a thickness, see `Backend.advance_films`.

    Attributes:
        model: their equations.
        state: the films; advanced in place.
        noise: thermal noise, or None.
        tolerance: see `Stepper`.
        until: wanted time, (B,).
        lowest: wanted thickness, (B,).
        most_refusals: a film is given up after so many refused steps in a row.
        threads: on which films may be advanced side by side.
    """

    model: FilmEquations
    state: State
    noise: ThermalNoise | None
    tolerance: float
    until: np.ndarray[tuple[int], np.dtype[np.float64]]
    lowest: np.ndarray[tuple[int], np.dtype[np.float64]]
    most_refusals: int
    threads: int


class Journeys(NamedTuple):
    """How films arrived.

    Attributes:
        stuck: films (B,) whose steps have become too small for them ever to arrive.
        tries: steps that were tried, of the film with the most.
        refused: steps that were refused, of the film with the most.
    """

    stuck: Tensor
    tries: int
    refused: int


class Backend(ABC):
    """How the loops over cells and modes are computed.

    All backends compute the same to rounding. `TorchBackend` does so for any object with the right methods,
    on any device. Another backend computes what it was made for, and leaves the rest to torch.
    """

    name: str

    def advance_films(self, journey: Journey) -> Journeys | None:
        """Advance each film until it arrives, with the steps of `Stepper`, in place.

        Returns:
            How they arrived; None if this backend can't take such films, which are then as they were.
        """
        return None

    @abstractmethod
    def local_potential(self, energy: FreeEnergy, phi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Chemical potentials without gradients.

        Args:
            energy: the homogeneous free energy.
            phi: (B, C, H, W).

        Returns:
            ∂f/∂φ_i (B, C, H, W), and the smallest and the largest curvature of each field (B, C, 1, 1).
        """

    @abstractmethod
    def modal_rates(
        self, mu: Tensor, content: Tensor, h: Tensor, mobility: Tensor, kappa: Tensor, squares: Squares
    ) -> Tensor:
        """Rates -M k² (h F[μ] + κ k² q) of the modes of a pseudo-spectral film.

        Args:
            mu: modes F[μ] of the local potential, (B, C, H, modes), which may be overwritten.
            content: modes q of h φ.
            h: thickness, (B,).
            mobility: M, (B or 1, C or 1, 1, 1).
            kappa: κ, (B or 1, C or 1, 1, 1).
            squares: k² of the modes.
        """

    def spectral_films(self, film: FilmEquations) -> SpectralFilms | None:
        """Whole steps of pseudo-spectral films; None where each is computed part by part."""
        return None

    @abstractmethod
    def cell_rates(self, film: FilmEquations, phi: Tensor, thickness: Tensor, speed: Tensor) -> CellRates:
        """Rates of the finite volumes of films.

        Args:
            film: their equations.
            phi: (B, C, H, W).
            thickness: h, (B,).
            speed: dh/dt, (B,).
        """

    @abstractmethod
    def surface_speed(self, evaporation: Evaporation, phi: Tensor) -> Tensor:
        """dh/dt (B,) in float64 of fields (B, C, H, W)."""

    @abstractmethod
    def advance_modes(self, modes: ModeStep) -> Tensor:
        """What a step adds to the contents q of the modes.

        With the linear damping Λ = A2 k² + A4 k⁴, z = Λ Δt and the differences D = ΔR + Λ Δq of the rates R
        without the damping,

            q_{n+1} = q_n + Δt p1 R_n + ((1 - s) e1 p2 + s ((a1 + b1) p2 + c1 p3)) D_n
                          - s (b2 p2 + c2 p3) D_{n-1},
            p1 = (1 - e^{-z}) / z,  p2 = (1 - p1) / z,  p3 = (1/2 - p2) / z.

        At s = 1 this is of third order. Slow modes with a large Λ are then unstable for z > 5; at second
        order, s = 0, they are not, as long as steps don't grow: for z -> infinity x² - (1-ρ)(1+w) x + (1-ρ) w
        = 0, with ρ the mode's rate over Λ and w the ratio of the steps, needs w <= 1. So s = min(1, 4 / z),
        and e1 = min(a1, Δt) is the weight of a line that is not followed further than the last step was
        long. A mode gains the third order as soon as the step resolves it.
        A mean (z = 0) whose rate is zero stays what it is to the last bit.
        """

    @abstractmethod
    def mean_relaxation(
        self, energy: FreeEnergy, mobility: Tensor, cross: Tensor | None, kappa: Tensor, phi: Tensor
    ) -> Relaxation:
        """How fast the modes of films relax in the mean.

        Args:
            energy: the homogeneous free energy.
            mobility: M_ii, (B, C, H, W) or (B, C, 1, 1).
            cross: M_12, (B, H, W), or None.
            kappa: κ, (B, C, 1, 1).
            phi: the fields, (B, C, H, W).
        """

    @abstractmethod
    def relax_noise(
        self, noise: Tensor, relaxation: Relaxation, damping: Damping, dt: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What is left of the modes of the noise of a step at its end, and the rates at which it relaxes.

        Noise of wavelengths below that of an interface, k² > 1 / κ, is cut off by the factor exp(-κ k² / 2):
        it would depend on the cells, and single cells would leave the simplex. Modes that relax within a step
        keep the variance that they have in equilibrium, see `kept_noise`, with the mean rates -A of
        the film. The rates of what is left are -A times it.

        Args:
            noise: (B, C, H, modes), which may be overwritten.
            relaxation: A.
            damping: Λ.
            dt: (B,).
        """

    @abstractmethod
    def waves(self, content: Tensor, damping: Damping, kappa: Tensor) -> tuple[Tensor, Tensor]:
        """Power of the waves of which patterns grow, and their mean damping Λ, (B, 2) float64 each.

        First of layers, that is of modes which are constant along x, then of ripples along the film, all
        others. Modes above the wavenumber of an interface fade by the factor exp(-4 κ k²). Layers are
        weighted with k⁴ exp(-4 κ k²) as well: the smooth profile of a drying film is far larger than layers
        that form, and there are so few layers of short wavelengths that they seem to grow by chance.

        Args:
            content: modes of h φ, (B, C, H, modes).
            damping: Λ.
            kappa: κ, (B, C, 1, 1).
        """

    @abstractmethod
    def compare(
        self, new: Tensor, old: Tensor, before: Tensor, ratio: Tensor, kicks: Kicks | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How far new fields are from the line through the old ones.

        Args:
            new: φ_{n+1}, (B, C, H, W).
            old: φ_n.
            before: φ_{n-1}.
            ratio: the new step over the last one, (B,).
            kicks: of thermal noise; None without noise.

        Returns:
            The largest difference of a row, its rms without noise, or of its mean under noise; the smallest
            volume fraction; the contrast: (B,) each.
        """

    @abstractmethod
    def noise_increments(self, fluxes: RandomFluxes) -> Tensor:
        """Divergence of the random fluxes of a step: what they add to h φ, (B, C, H, W)."""

    @abstractmethod
    def correct_surface(self, end: SurfaceStep) -> Tensor:
        """Correct a step for the evaporation from the surface at its end.

        The row under the surface answers to dh/dt within h dθ / Bi, far faster than anything else in the film
        when evaporation is fast. So the thickness h + δ at the end of the step is taken from

            δ = Δt [-Bi (s(δ) - φ_ambient) - e],

        with e the dh/dt that was expected there and s the solvent at the surface, linear in δ. That keeps the
        order of the step, and evaporation no longer limits its size. Only the mean over x of the fields moves
        with the surface, so this needs no more than the modes that are constant along x.

        Returns:
            The corrected thickness, (B,); the content is corrected in place.
        """


BackendLike = Backend | BackendName
"""A backend, or its name."""
