"""The solver's grid that a process chooses for its recipe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Recipe,
    VapourAnnealingRecipe,
    find_process,
    process_of,
)
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.materials import MATERIALS
from morphsim.simulator.thermodynamics import interface

FRAME = (100, 400)
SHIPPED: list[Recipe] = [
    AnnealingRecipe(),
    AnnealingRecipe(chi=4.1),
    DryingRecipe(),
    VapourAnnealingRecipe(),
    *(find_process(each.process).recipe_of(each, {}) for each in MATERIALS.values()),
]


@pytest.mark.parametrize("recipe", SHIPPED, ids=lambda recipe: recipe.process)
def test_the_interfaces_of_shipped_recipes_are_more_than_two_cells_wide(recipe: Recipe) -> None:
    rows, columns = solver_cells(recipe, FRAME)
    found = interface(recipe)  # type: ignore[arg-type]
    assert found is not None
    # Phases that differ less have wider interfaces.
    most = 4.5 if recipe.chi > 0.5 else 6.5
    assert 2.2 < found.width * columns / recipe.width < most
    # Of the film at its end, whose rows are thinner than when domains form.
    assert found.width * rows / recipe.last_thickness > (1.7 if recipe.process == "vapour-annealing" else 2.2)
    assert rows <= FRAME[0] and columns <= FRAME[1]


def test_cells_are_as_long_as_kappa_allows() -> None:
    # √kappa is 0.01: 400 columns of a film 4 wide, and √(0.2/0.9)/0.01 = 47.1 rows.
    assert solver_cells(DryingRecipe(), FRAME) == (48, 400)
    assert solver_cells(DryingRecipe(), (1000, 4000)) == (48, 400)
    assert solver_cells(DryingRecipe(width=1.0), (100, 100)) == (48, 100)
    assert solver_cells(DryingRecipe(kappa=4e-4), FRAME) == (24, 200)
    # Half of √kappa, and a thickness that stays.
    assert solver_cells(AnnealingRecipe(), (1000, 4000)) == (100, 400)
    assert solver_cells(AnnealingRecipe(initial_thickness=0.5), FRAME) == (50, 400)


def test_frames_of_few_pixels_have_the_cells_that_interfaces_need() -> None:
    # Three cells across the thinnest interface instead of the 5.4 of large frames.
    assert solver_cells(DryingRecipe(), (16, 32)) == (16, 240)
    assert solver_cells(DryingRecipe(), (48, 192)) == (24, 240)
    assert solver_cells(DryingRecipe(kappa=0.02), (16, 32)) == (16, 30)
    assert solver_cells(DryingRecipe(), (16, 32), (50, 400)) == (50, 400)
    # Resolving cells would be too many, so that the film is refused or warned of.
    assert solver_cells(DryingRecipe(kappa=1e-6), FRAME) == (48, 400)


@pytest.mark.parametrize("width", [0.5, 0.77, 1.3, 2.01, 3.14, 5.9])
def test_numbers_of_cells_have_fast_transforms(width: float) -> None:
    recipe = DryingRecipe(width=width)
    columns = solver_cells(recipe, (1000, 4000))[1]
    assert columns >= width / 0.01 > 0.8 * columns
    rest = columns
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    assert rest == 1 and columns % 2 == 0


def test_a_film_that_is_made_first_has_the_same_cells() -> None:
    dried = DryingRecipe()
    swollen = VapourAnnealingRecipe(initial_thickness=dried.last_thickness)
    assert solver_cells(swollen, FRAME) == (30, 400)
    assert solver_cells(swollen, FRAME, before=dried) == (48, 400)
    wide = replace(swollen, kappa=4e-4)
    assert solver_cells(wide, FRAME, before=dried) == (48, 400)
    assert solver_cells(wide, FRAME, (8, 8), before=dried) == (8, 8)


def test_thickness_at_the_end() -> None:
    assert AnnealingRecipe(initial_thickness=0.7).last_thickness == 0.7
    assert DryingRecipe().last_thickness == pytest.approx(0.2 / 0.9)
    assert process_of(DryingRecipe()).largest_cell == 1.0
