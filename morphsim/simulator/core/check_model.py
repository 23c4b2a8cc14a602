"""Whether the parts of a model fit its fields.

Broadcasting would accept many shapes that don't fit, and compute meaningless numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from morphsim.errors import InputError
from morphsim.simulator.core.model import FilmModel


def check_model(model: FilmModel, phi: Tensor, noise: Any) -> None:
    """Check what each part of a model computes from fields (B, C, H, W).

    Args:
        model: each of whose parts is called once.
        phi: fields of the grid's type.
        noise: thermal noise, or None.

    Raises:
        InputError: a part that can't be computed for such fields, or whose result has another shape.
    """
    films, components, height, width = phi.shape
    cells, wall = (films, height, width), (films, components, width)
    constants = (films, components, 1, 1)
    energy, mobility = model.energy, model.mobility
    _check_shape("kappa", model.kappa, constants, phi)
    _check("energy.potential", lambda: energy.potential(phi), tuple(phi.shape), phi, exact=True)
    _check("energy.curvature", lambda: energy.curvature(phi), tuple(phi.shape), phi)
    _check("mobility", lambda: mobility(phi), constants if model.spectral else tuple(phi.shape), phi)
    if not model.spectral:
        _check("mobility.cross", lambda: mobility.cross(phi), cells, phi, optional=True)
    substrate, evaporation = model.substrate, model.evaporation
    if substrate is not None:
        _check("substrate.slope", lambda: substrate.slope(phi[:, :, -1]), wall, phi)
        _check_shape("substrate.quadratic", substrate.quadratic, wall, phi)
        if substrate.cross is not None:
            if components != 2:
                raise InputError(
                    f"substrate.cross couples two fields, the film has {components}; leave it out"
                )
            _check_shape("substrate.cross", substrate.cross, (films, width), phi)
    if evaporation is not None:
        _check("evaporation", lambda: evaporation(phi), (films,), phi)
    strength = getattr(noise, "strength", None)
    if isinstance(strength, Tensor) and strength.shape != (films,):
        raise InputError(
            f"noise is of {strength.numel()} films, the fields are of {films}; give a strength and a seed "
            "for each film"
        )


def _check(
    name: str,
    compute: Callable[[], Any],
    shape: tuple[int, ...],
    phi: Tensor,
    *,
    exact: bool = False,
    optional: bool = False,
) -> None:
    try:
        found = compute()
    except (RuntimeError, IndexError) as error:
        # Raised by torch for shapes or indices that don't match.
        raise InputError(
            f"{name} can't be computed for fields of the shape {tuple(phi.shape)}: "
            f"{' '.join(str(error).split())}"
        ) from error
    if optional and found is None:
        return
    _check_shape(name, found, shape, phi, exact=exact)


def _check_shape(name: str, found: Any, shape: tuple[int, ...], phi: Tensor, *, exact: bool = False) -> None:
    if isinstance(found, Tensor):
        got = tuple(found.shape)
        fits = got == shape or (not exact and len(got) == len(shape) and _stretches(got, shape))
        what = f"the shape {got}"
    else:
        fits, what = False, f"the type {type(found).__name__}"
    if not fits:
        or_one = "" if exact else ", or 1 in place of any of these"
        raise InputError(
            f"{name} has {what}; for fields of the shape {tuple(phi.shape)} it must be a tensor of the shape "
            f"{shape}{or_one}"
        )


def _stretches(got: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(have in (1, want) for have, want in zip(got, shape, strict=True))
