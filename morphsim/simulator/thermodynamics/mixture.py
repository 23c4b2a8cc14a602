"""Free energies of mixing in NumPy, for phase diagrams and linear stability."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from morphsim.checks import is_finite_number, shown
from morphsim.errors import InputError
from morphsim.simulator.core.exact_types import built_in, is_built_in
from morphsim.simulator.processes.annealing import AnnealingRecipe
from morphsim.simulator.processes.laws import chi_at
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.recipe import Recipe

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class _Composition:
    """Base class of mixtures, whose compositions are n volume fractions, (..., n), that sum to 1.

    All n fractions are given, so that the smallest keeps its full precision: in a phase that expels long
    chains it can be 1e-40.
    """

    components: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            low = 1.0 if entry.name.startswith("n_") else 0.0 if entry.name == "barrier" else -math.inf
            allowed = "a finite number" if low == -math.inf else f"a finite number from {low:g}"
            if not (is_finite_number(value) and value >= low):
                raise InputError(
                    f"{type(self).__name__}: {entry.name} is {shown(value)}; it must be {allowed}"
                )

    def checked(self, fractions: ArrayLike) -> Array:
        """Volume fractions as float64, (..., n).

        Raises:
            InputError: not n numbers from 0 to 1 that sum to 1.
        """
        phi = np.asarray(fractions, dtype=np.float64)
        names = ", ".join(self.components)
        if phi.ndim == 0 or phi.shape[-1] != len(self.components):
            raise InputError(f"composition has shape {phi.shape}; its last axis must hold {names}")
        if not phi.size:
            raise InputError(f"composition has shape {phi.shape}; give at least one")
        total = phi.sum(axis=-1)
        if not (np.isfinite(phi).all() and phi.min() >= 0.0 and np.abs(total - 1.0).max() < 1e-6):
            raise InputError(
                f"composition {_first_invalid(phi)} is not valid: {names} must lie from 0 to 1 and sum to 1"
            )
        return phi


@dataclass(frozen=True, kw_only=True)
class _FloryHuggins(_Composition):
    """Flory-Huggins energies of n components, with a barrier b against pure components."""

    chi: float
    barrier: float = 0.0

    @property
    def chain_lengths(self) -> Array:
        """N_i of all components, (n,)."""
        raise NotImplementedError

    @property
    def interactions(self) -> Array:
        """χ_ij of all components, (n, n), symmetric with a zero diagonal."""
        raise NotImplementedError

    def density(self, fractions: ArrayLike) -> Array:
        """Energy density (...) of volume fractions (..., n) [RT/V]."""
        phi = self.checked(fractions)
        logs = np.log(phi, out=np.zeros_like(phi), where=phi > 0.0)
        mixing = (phi / self.chain_lengths * logs).sum(axis=-1)
        contacts = 0.5 * ((phi @ self.interactions) * phi).sum(axis=-1)
        if self.barrier == 0.0:
            return np.asarray(mixing + contacts)
        with np.errstate(divide="ignore"):
            return np.asarray(mixing + contacts + self.barrier * (1.0 / phi).sum(axis=-1))

    def potential(self, fractions: ArrayLike) -> Array:
        """Exchange chemical potentials ∂f/∂φ_i against the last component, (..., n - 1)."""
        slopes = self._slopes(self._mixed(fractions))
        return np.asarray(slopes[..., :-1] - slopes[..., -1:])

    def chemical_potentials(self, fractions: ArrayLike) -> Array:
        """Chemical potentials of all components over their molar volume, (..., n) [RT/V].

        They are f + ∂f/∂φ_i - Σ φ_j ∂f/∂φ_j, and equal in coexisting phases.
        """
        return self.unchecked_potentials(self._mixed(fractions))

    def unchecked_potentials(self, phi: Array) -> Array:
        """`chemical_potentials` of positive fractions (..., n) that need not sum to 1."""
        quadratic = 0.5 * ((phi @ self.interactions) * phi).sum(axis=-1)
        common = -(phi / self.chain_lengths).sum(axis=-1)
        if self.barrier:
            common = common + 2.0 * self.barrier * (1.0 / phi).sum(axis=-1)
        return np.asarray(self._slopes(phi) + (common - quadratic)[..., None])

    def hessian(self, fractions: ArrayLike) -> Array:
        """Second derivatives of the energy in the first n - 1 fractions, (..., n - 1, n - 1)."""
        full = self.curvatures(self._mixed(fractions))
        last = full[..., -1:, :-1]
        return np.asarray(full[..., :-1, :-1] - last - np.swapaxes(last, -1, -2) + full[..., -1:, -1:])

    def curvatures(self, phi: Array) -> Array:
        """Second derivatives of the energy as if all n fractions were independent, (..., n, n)."""
        diagonal = 1.0 / (self.chain_lengths * phi)
        if self.barrier:
            diagonal = diagonal + 2.0 * self.barrier / phi**3
        return np.asarray(self.interactions + diagonal[..., None] * np.eye(len(self.components)))

    def stability(self, fractions: ArrayLike) -> Array:
        """The determinant of the Hessian over Π ∂²f/∂φ_i², (...): zero on the spinodal, finite everywhere.

        With c_i = 1/(1/(N_i φ_i) + 2b/φ_i³) this is a polynomial in c: smooth up to the edges of the
        composition range, where the determinant itself diverges.
        """
        phi = self.checked(fractions)
        chi = self.interactions
        c = self.chain_lengths * phi
        if self.barrier:
            c = c * phi**2 / (phi**2 + 2.0 * self.barrier * self.chain_lengths)
        value = c.sum(axis=-1) - (((c @ chi) * c).sum(axis=-1))
        if len(self.components) == 3:
            cross = 4.0 * chi[0, 2] * chi[1, 2] - (chi[0, 1] - chi[0, 2] - chi[1, 2]) ** 2
            value = value + cross * c.prod(axis=-1)
        return np.asarray(value)

    def _mixed(self, fractions: ArrayLike) -> Array:
        """Check that no component is missing: the potential of a missing component is infinite."""
        phi = self.checked(fractions)
        if phi.min() <= 0.0:
            raise InputError(
                f"composition {_first_invalid(phi, missing=True)} lacks a component, whose potential is "
                "infinite; give it a small fraction"
            )
        return phi

    def _slopes(self, phi: Array) -> Array:
        slopes = (np.log(phi) + 1.0) / self.chain_lengths + phi @ self.interactions
        return np.asarray(slopes - self.barrier / phi**2 if self.barrier else slopes)


@built_in
@dataclass(frozen=True, kw_only=True)
class BinaryMixture(_FloryHuggins):
    """Donor and acceptor: f = (φ/N_d) ln φ + ((1-φ)/N_a) ln(1-φ) + χ φ (1-φ) + b (1/φ + 1/(1-φ)).

    Flory, Principles of Polymer Chemistry (1953), chapter XII. Compositions are (donor, acceptor).

    Attributes:
        chi: interaction parameter.
        n_donor: chain length of the donor.
        n_acceptor: chain length of the acceptor.
        barrier: b [RT/V].
    """

    components: ClassVar[tuple[str, ...]] = ("donor", "acceptor")

    n_donor: float = 1.0
    n_acceptor: float = 1.0

    @property
    def chain_lengths(self) -> Array:
        """N of donor and acceptor, (2,)."""
        return np.array([self.n_donor, self.n_acceptor])

    @property
    def interactions(self) -> Array:
        """χ as a matrix, (2, 2)."""
        return np.array([[0.0, self.chi], [self.chi, 0.0]])


@built_in
@dataclass(frozen=True, kw_only=True)
class TernaryMixture(_FloryHuggins):
    """Donor, acceptor and solvent: the energy of `TernaryFloryHuggins`, with exact logarithms everywhere.

    Wodo and Ganapathysubramanian, Comput. Mater. Sci. 55 (2012) 113 (arXiv:1109.3239). Compositions are
    (donor, acceptor, solvent).

    Attributes:
        n_donor: chain length of the donor [solvent molecules].
        n_acceptor: chain length of the acceptor [solvent molecules].
        chi: donor-acceptor interaction parameter.
        chi_donor_solvent: interaction parameter.
        chi_acceptor_solvent: interaction parameter.
        barrier: b [RT/V_s].
    """

    components: ClassVar[tuple[str, ...]] = ("donor", "acceptor", "solvent")

    n_donor: float
    n_acceptor: float
    chi_donor_solvent: float
    chi_acceptor_solvent: float

    @property
    def chain_lengths(self) -> Array:
        """N of donor, acceptor and solvent, (3,)."""
        return np.array([self.n_donor, self.n_acceptor, 1.0])

    @property
    def interactions(self) -> Array:
        """χ of donor, acceptor and solvent, (3, 3)."""
        da, ds, as_ = self.chi, self.chi_donor_solvent, self.chi_acceptor_solvent
        return np.array([[0.0, da, ds], [da, 0.0, as_], [ds, as_, 0.0]])

    def dry_edge(self) -> BinaryMixture:
        """The mixture without solvent, and without the solvent's barrier."""
        return self.at_solvent(0.0)

    def at_solvent(self, solvent: float) -> BinaryMixture:
        """The solids of a mixture with a uniform solvent fraction s, as a binary mixture of their shares.

        The energy of the mixture is 1 - s times that of the binary one, up to terms that are linear in the
        donor's share of the solids. The solvent's interactions don't matter.
        """
        solids = 1.0 - solvent
        return BinaryMixture(
            chi=solids * self.chi,
            n_donor=self.n_donor,
            n_acceptor=self.n_acceptor,
            barrier=self.barrier / solids**2,
        )


@built_in
@dataclass(frozen=True, kw_only=True)
class DoubleWellMixture(_Composition):
    """The polynomial f = ρ (c - c_low)² (c_high - c)² of a concentration c; compositions are (c, 1 - c).

    Jokisaari, Voorhees, Guyer, Warren and Heinonen, Comput. Mater. Sci. 126 (2017) 139,
    doi 10.1016/j.commatsci.2016.09.022.

    Attributes:
        height: ρ.
        low: c of one phase.
        high: c of the other phase.
    """

    components: ClassVar[tuple[str, ...]] = ("c", "1 - c")

    height: float = 5.0
    low: float = 0.3
    high: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.height > 0.0 and 0.0 < self.low < self.high < 1.0):
            raise InputError(
                f"DoubleWellMixture: height {self.height:g}, low {self.low:g}, high {self.high:g}; "
                "height must be positive, and 0 < low < high < 1"
            )

    def density(self, fractions: ArrayLike) -> Array:
        """Energy density (...) of compositions (..., 2)."""
        c = self.checked(fractions)[..., 0]
        return np.asarray(self.height * ((c - self.low) * (self.high - c)) ** 2)

    def potential(self, fractions: ArrayLike) -> Array:
        """df/dc, (..., 1)."""
        c = self.checked(fractions)[..., 0]
        wells = (c - self.low) * (self.high - c)
        return np.asarray(2.0 * self.height * wells * (self.low + self.high - 2.0 * c))[..., None]

    def hessian(self, fractions: ArrayLike) -> Array:
        """d²f/dc², (..., 1, 1)."""
        c = self.checked(fractions)[..., 0]
        wells = (c - self.low) * (self.high - c)
        slope = self.low + self.high - 2.0 * c
        return np.asarray(2.0 * self.height * (slope**2 - 2.0 * wells))[..., None, None]


Mixture = BinaryMixture | TernaryMixture | DoubleWellMixture


def energy_of(recipe: Recipe) -> BinaryMixture | TernaryMixture:
    """The free energy of a recipe's film at the recipe's temperature.

    Raises:
        InputError: neither an `AnnealingRecipe` nor a recipe with solvent.
    """
    if not isinstance(recipe, AnnealingRecipe | TernaryRecipe):
        raise InputError(f"{recipe!r} has no free energy; give an AnnealingRecipe or a DryingRecipe")
    chi = float(chi_at([recipe], np.array([recipe.temperature]))[0])
    if isinstance(recipe, AnnealingRecipe):
        return BinaryMixture(chi=chi)
    return TernaryMixture(
        n_donor=recipe.n_donor,
        n_acceptor=recipe.n_acceptor,
        chi=chi,
        chi_donor_solvent=recipe.chi_donor_solvent,
        chi_acceptor_solvent=recipe.chi_acceptor_solvent,
        barrier=recipe.barrier,
    )


def known_mixture(energy: Recipe | Mixture) -> Mixture:
    """The mixture of a recipe, or the given built-in mixture.

    Raises:
        InputError: a mixture of a user's class, for which the formulas for phases may not hold.
    """
    if isinstance(energy, Recipe):
        return energy_of(energy)
    if not is_built_in(energy):
        raise InputError(
            f"{type(energy).__name__} is not one of BinaryMixture, TernaryMixture and DoubleWellMixture, for "
            "which phases can be found; give one of these, or a recipe"
        )
    return energy


def _first_invalid(phi: Array, *, missing: bool = False) -> str:
    """The composition, or the first invalid one of many, for an error."""
    rows = phi.reshape(-1, phi.shape[-1])
    good = np.isfinite(rows) & ((rows > 0.0) if missing else (rows >= 0.0))
    wrong = ~good.all(axis=1) | ~(np.abs(rows.sum(axis=1) - 1.0) < 1e-6)
    return str(tuple(float(f"{value:.6g}") for value in rows[int(wrong.argmax())]))
