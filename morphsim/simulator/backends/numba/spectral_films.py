"""Whole steps of pseudo-spectral films: three compiled loops and the transforms between them, film by film.

Each film is computed alone: transforms of several films at once may round differently from those of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.backends.base import FilmEquations
from morphsim.simulator.backends.numba import spectral
from morphsim.simulator.backends.numba.arrays import Array, as_array, real_view
from morphsim.simulator.backends.numba.local import KINDS, LocalKernel
from morphsim.simulator.backends.whole_steps import (
    SpectralEnd,
    SpectralFilms,
    SpectralRates,
    SpectralStart,
)
from morphsim.simulator.core.exact_types import ExactTypes, is_built_in
from morphsim.simulator.core.mobility import ConstantMobility
from morphsim.simulator.core.per_film import Shared, of_array, of_tensor


def compiled_films(film: FilmEquations, potentials: ExactTypes[LocalKernel]) -> SpectralFilms | None:
    """See `Backend.spectral_films`; `potentials` are the compiled ones of the energies."""
    grid, mobility = film.grid, film.mobility
    # Cosines along x with Fourier modes in depth are left to torch.
    mixed = grid.boundary == "no-flux" and grid.depth_boundary == "periodic"
    if mixed or grid.device.type != "cpu" or not is_built_in(film, grid, mobility, grid.exact):
        return None
    return _CompiledFilms(film, mobility, potentials) if isinstance(mobility, ConstantMobility) else None


class _CompiledFilms(SpectralFilms):
    """Films of one model, with arrays that all their steps use."""

    def __init__(
        self, film: FilmEquations, mobility: ConstantMobility, potentials: ExactTypes[LocalKernel]
    ) -> None:
        grid = film.grid
        self._film, self._mobility, self._potentials = film, mobility, potentials
        self._depth, self._along = grid.half_cosines
        self._folded = np.array([self._depth is not None, self._along is not None])
        cells = 1 if self._along is not None else grid.shape[1]
        cells *= 1 if self._depth is not None else grid.shape[0]
        # What these transforms lack to orthonormal ones, either way.
        self._scale = 1.0 / math.sqrt(cells)
        self._shape, self._dtype = grid.shape, grid.dtype
        self._x, self._x_of_numbers, self._theta = grid.exact.arrays
        self._modes = torch.complex64 if grid.dtype == torch.float32 else torch.complex128
        if self._along is not None:
            self._modes, self._x_of_numbers = grid.dtype, self._x
        self._spectrum = of_tensor(torch.empty((len(self._theta), len(self._x)), dtype=self._modes))
        self._aligned = torch.empty(grid.shape, dtype=grid.dtype)
        self._known: dict[str, tuple[object, Array]] = {}
        self._films = 0

    def advance(self, start: SpectralStart) -> SpectralEnd | None:
        """See `SpectralFilms.advance`."""
        films = len(start.phi)
        if films != self._films:
            self._allocate(films)
        kind = self._read()
        if kind is None:
            return None
        numbers = self._numbers
        numbers[:, 0] = start.dt
        for place, weight in enumerate(start.weights):
            numbers[:, place + 1] = weight
        numbers[:, 7] = start.stiffness2[:, 0, 0, 0]
        numbers[:, 8] = start.stiffness4[:, 0, 0, 0]
        numbers[:, 9] = start.thickness
        numbers[:, 10] = self._scale / start.thickness
        content, change = self._new_modes(), self._new_modes()
        phi = of_tensor(torch.empty((films, 1, *self._shape), dtype=self._dtype))
        for film in start.films:
            spectral.advance_film(
                start.rates[film, 0],
                start.rate_change[film, 0],
                start.content_change[film, 0],
                start.older_rate_change[film, 0],
                start.older_content_change[film, 0],
                start.content[film, 0],
                numbers[film],
                self._x,
                self._theta,
                self._folded,
                change.array[film, 0],
                content.array[film, 0],
                self._spectrum.array,
            )
            spectral.compare_fields(
                self._inverse(self._spectrum.tensor).numpy(),
                start.phi[film, 0],
                start.before[film, 0],
                start.ratio[film],
                self._folded,
                phi.array[film, 0],
                self._found[film],
            )
            self._find_potential(kind, phi.array, film)
        error, smallest, contrast = self._found[:, :3].T.copy()
        return SpectralEnd(phi, content, change, error, smallest, contrast)

    def rates(self, end: SpectralEnd, start: SpectralStart, films: Sequence[int]) -> SpectralRates:
        """See `SpectralFilms.rates`."""
        return self._rates(end.content.array, start.rates, start.thickness, films)

    def first_rates(self, phi: Array, content: Array, thickness: Array) -> SpectralRates | None:
        """See `SpectralFilms.first_rates`."""
        films = len(phi)
        if films != self._films:
            self._allocate(films)
        kind = self._read()
        if kind is None:
            return None
        for film in range(films):
            self._find_potential(kind, phi, film)
        return self._rates(content, content, thickness, range(films))

    def _find_potential(self, kind: int, phi: Array, film: int) -> None:
        spectral.potential_of_film(
            phi[film, 0],
            kind,
            self._parameters[film],
            self._folded,
            self._potential.array[film],
            self._found[film],
        )

    def _rates(self, content: Array, before: Array, thickness: Array, films: Sequence[int]) -> SpectralRates:
        """Rates of films whose potential is known, and how they changed from `before`."""
        out, change = self._new_modes(), self._new_modes()
        numbers = self._transport
        numbers[:, 2] = thickness
        for film in films:
            potential = self._potential.tensor[film]
            if film > 0:
                # Transforms round by where their input lies in memory, and a film alone lies at the start.
                potential = self._aligned.copy_(potential)
            spectral.rates_of_modes(
                real_view(self._forward(potential)),
                content[film, 0],
                before[film, 0],
                numbers[film],
                self._x_of_numbers,
                self._theta,
                self._folded,
                out.array[film, 0],
                change.array[film, 0],
            )
        shape = (self._films, 1, 1, 1)
        stiffness2 = of_array((numbers[:, 0] * self._found[:, 3]).astype(numbers.dtype).reshape(shape))
        stiffness4 = of_array((numbers[:, 0] * numbers[:, 1]).reshape(shape))
        return SpectralRates(out, change, stiffness2, stiffness4)

    def _allocate(self, films: int) -> None:
        self._films = films
        real = self._theta.dtype
        self._numbers = np.empty((films, 11), real)
        self._transport = np.full((films, 4), self._scale, real)
        self._parameters = np.empty((films, 3), real)
        # Nothing is found of films that are not advanced.
        self._found = np.zeros((films, 4))
        self._potential = of_tensor(torch.empty((films, *self._shape), dtype=self._dtype))

    def _new_modes(self) -> Shared:
        return of_tensor(torch.empty((self._films, 1, *self._spectrum.tensor.shape), dtype=self._modes))

    def _read(self) -> int | None:
        """Take over the parameters of the films; returns the kind of their energy, None for unknown ones.

        They are read in each step, since a user may write into the tensors of a model.
        """
        energy = self._film.energy
        kernel = self._potentials.find(energy)
        kind = None if kernel is None else KINDS.get(kernel.loop)
        if kernel is None or kind is None:
            return None
        for place, name in enumerate(kernel.parameters):
            if not self._fill(self._parameters, place, name, getattr(energy, name)):
                return None
        fits = self._fill(self._transport, 0, "mobility", self._mobility.value)
        return kind if fits and self._fill(self._transport, 1, "kappa", self._film.kappa) else None

    def _fill(self, out: Array, column: int, name: str, parameter: Any) -> bool:
        """Read one number for each film; False where there are others."""
        known = self._known.get(name)
        if known is None or known[0] is not parameter:
            array = as_array(parameter)
            fits = array.size == 1 or len(array) == array.size
            known = self._known[name] = parameter, array.reshape(-1) if fits else None
        values = known[1]
        if values is None or (values.size != 1 and values.size != self._films):
            return False
        out[:, column] = values
        return True

    def _forward(self, field: Tensor) -> Tensor:
        """Modes of a folded field (H, W), folded, without factors."""
        if self._depth is None:
            return _tensor(torch.fft.rfft2(field))
        half = len(self._depth[0])
        modes = torch.empty_like(field)
        torch.mm(self._depth[0], field[:half], out=modes[:half])
        torch.mm(self._depth[1], field[half:], out=modes[half:])
        if self._along is None:
            return _tensor(torch.fft.rfft(modes))
        half = len(self._along[0])
        both = modes[:, :half] @ self._along[0].T, modes[:, half:] @ self._along[1].T
        return torch.cat(both, dim=1)

    def _inverse(self, modes: Tensor) -> Tensor:
        """Undo `_forward`; the modes are overwritten."""
        width = self._shape[1]
        if self._depth is None:
            columns = torch.fft.fft(modes, dim=0)
            spectral.upright(_whole_modes(columns.T), _whole_modes(modes))
            return _tensor(torch.fft.irfft(modes, n=width, norm="forward"))
        if self._along is None:
            rows = torch.fft.irfft(modes, n=width, norm="forward")
        else:
            half = len(self._along[0])
            rows = torch.cat((modes[:, :half] @ self._along[0], modes[:, half:] @ self._along[1]), dim=1)
        half = len(self._depth[0])
        field = torch.empty_like(rows)
        torch.mm(self._depth[0].T, rows[:half], out=field[:half])
        torch.mm(self._depth[1].T, rows[half:], out=field[half:])
        return field


def _whole_modes(modes: Tensor) -> Array:
    """Complex modes as numbers that loops move in one piece."""
    array = modes.contiguous().numpy()
    return array.view(np.float64) if array.dtype == np.complex64 else array


def _tensor(value: Tensor) -> Tensor:
    """Add the type that the stubs of torch.fft lack."""
    return value
