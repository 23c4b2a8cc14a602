"""The solver's grid under frames of a given shape."""

from __future__ import annotations

from collections.abc import Sequence

from morphsim.checks import check_shape
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.recipe_io import process_of


def solver_cells(
    recipe: Recipe,
    shape: tuple[int, int],
    cells: tuple[int, int] | None = None,
    *,
    before: Recipe | None = None,
) -> tuple[int, int]:
    """The solver's grid (h, w) for frames of a shape.

    Args:
        recipe: of the film.
        shape: (H, W) of the frames [pixels].
        cells: (h, w); None for the default of the process, see `Process.cells`.
        before: of a film that is made first, on the same grid: the default then is as fine as both need.

    Raises:
        InputError: a shape or cells that are not two whole numbers from 1 up, or too many.
    """
    made = [recipe] if before is None else [recipe, before]
    return shared_cells(made, shape, cells)


def shared_cells(
    recipes: Sequence[Recipe], shape: tuple[int, int], cells: tuple[int, int] | None = None
) -> tuple[int, int]:
    """The solver's grid (h, w) for a film that is made by several recipes in turn.

    By default it is as fine as each of them needs.

    Args:
        recipes: at least one.
        shape: (H, W) of the frames [pixels].
        cells: (h, w); None for the default.

    Raises:
        InputError: as for `solver_cells`.
    """
    frame = check_shape(shape)
    if cells is not None:
        return check_shape(cells, "cells")
    heights, widths = zip(
        *(check_shape(process_of(each).cells(each, frame), "cells") for each in recipes), strict=True
    )
    return max(heights), max(widths)
