"""The solver's grid under frames of a given shape."""

from __future__ import annotations

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
    frame = check_shape(shape)
    if cells is not None:
        return check_shape(cells, "cells")
    made = [recipe] if before is None else [recipe, before]
    heights, widths = zip(
        *(check_shape(process_of(each).cells(each, frame), "cells") for each in made), strict=True
    )
    return max(heights), max(widths)
