"""The solver's grid under frames of a given shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from morphsim.checks import check_shape
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.recipe_io import process_of
from morphsim.simulator.resolution import resolving_cells

MOST_FINER_CELLS = 200_000
"""Largest grid that is chosen for the sake of interfaces in frames with fewer pixels."""


def solver_cells(
    recipe: Recipe,
    shape: tuple[int, int],
    cells: tuple[int, int] | None = None,
    *,
    before: Recipe | None = None,
    others: Sequence[Recipe] = (),
) -> tuple[int, int]:
    """The solver's grid (h, w) for frames of a shape.

    By default it is that of the process, see `Process.cells`, but at least `resolving_cells`, so that
    interfaces are resolved where frames have few pixels; `MOST_FINER_CELLS` limits what that may cost.

    Args:
        recipe: of the film.
        shape: (H, W) of the frames [pixels].
        cells: (h, w); None for the default.
        before: of a film that is made first, on the same grid: the default then is as fine as both need.
        others: of more films on this grid; it resolves their interfaces too.

    Raises:
        InputError: a shape or cells that are not two whole numbers from 1 up, or too many.
    """
    made = [recipe] if before is None else [recipe, before]
    return shared_cells(made, shape, cells, others=others)


def shared_cells(
    recipes: Sequence[Recipe],
    shape: tuple[int, int],
    cells: tuple[int, int] | None = None,
    *,
    others: Sequence[Recipe] = (),
) -> tuple[int, int]:
    """The solver's grid (h, w) for a film that is made by several recipes in turn.

    By default it is as fine as each of them needs.

    Args:
        recipes: at least one.
        shape: (H, W) of the frames [pixels].
        cells: (h, w); None for the default.
        others: of more films on this grid; it resolves their interfaces too.

    Raises:
        InputError: as for `solver_cells`.
    """
    frame = check_shape(shape)
    if cells is not None:
        return check_shape(cells, "cells")
    usual = _finest(check_shape(process_of(each).cells(each, frame), "cells") for each in recipes)
    resolved = _finest(resolving_cells(each, usual) for each in (*recipes, *others))
    return resolved if resolved[0] * resolved[1] <= MOST_FINER_CELLS else usual


def _finest(grids: Iterable[tuple[int, int]]) -> tuple[int, int]:
    heights, widths = zip(*grids, strict=True)
    return max(heights), max(widths)
