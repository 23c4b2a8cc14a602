"""Where a film's path meets its phase diagram, and the phases at its end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, VapourAnnealingRecipe
from morphsim.simulator.thermodynamics import (
    binodal,
    critical_point,
    demixing,
    energy_of,
    plot_phase_diagram,
    tie_line_through,
)

SYMMETRIC = DryingRecipe(n_donor=5, n_acceptor=5, barrier=0.0)


def test_a_symmetric_film_demixes_at_the_critical_point():
    found = demixing(SYMMETRIC)
    assert (found.start, found.end) == ("mixed", "unstable")
    # The Hessian's antisymmetric mode vanishes at phi = 1 / (N chi).
    assert found.at_spinodal == pytest.approx([0.2, 0.2, 0.6], abs=1e-9)
    assert found.at_binodal == pytest.approx(critical_point(SYMMETRIC), abs=1e-4)
    assert found.donor_rich == pytest.approx(0.5, abs=1e-9)
    np.testing.assert_allclose(found.phases[0], found.phases[1][[1, 0, 2]], atol=1e-9)


@given(
    blend_ratio=st.floats(0.2, 0.8),
    n_donor=st.floats(2.0, 60.0),
    chi=st.floats(0.7, 1.5),
    barrier=st.sampled_from([0.0, 1e-3]),
)
@settings(max_examples=12, deadline=None)
def test_a_drying_film_meets_the_binodal_before_the_spinodal(blend_ratio, n_donor, chi, barrier):
    recipe = DryingRecipe(blend_ratio=blend_ratio, n_donor=n_donor, chi=chi, barrier=barrier, solvent=0.95)
    mixture = energy_of(recipe)
    found = demixing(recipe)
    if found.at_spinodal is None:
        assert found.end != "unstable"
        return
    assert abs(float(mixture.stability(found.at_spinodal))) < 1e-8
    assert found.at_binodal is not None
    # Tie lines are a finite number of points.
    assert found.at_binodal[2] > found.at_spinodal[2] - 1e-3
    for point in (found.at_binodal, found.at_spinodal):
        assert point.sum() == pytest.approx(1.0)
        assert point[0] / (point[0] + point[1]) == pytest.approx(blend_ratio)


@pytest.mark.parametrize("blend_ratio", [0.35, 0.5, 0.7])
def test_phases_at_the_end_share_the_film_by_the_lever_rule(blend_ratio):
    recipe = DryingRecipe(blend_ratio=blend_ratio)
    found = demixing(recipe)
    solids = 1.0 - recipe.residual_solvent
    mean = [blend_ratio * solids, (1 - blend_ratio) * solids, recipe.residual_solvent]
    acceptor_rich, donor_rich = found.phases
    np.testing.assert_allclose(
        found.donor_rich * donor_rich + (1 - found.donor_rich) * acceptor_rich, mean, atol=1e-6
    )
    potentials = energy_of(recipe).chemical_potentials(found.phases)
    np.testing.assert_allclose(potentials[0], potentials[1], atol=5e-3)


def test_no_tie_line_outside_the_gap():
    lines = binodal(SYMMETRIC)
    assert tie_line_through(lines, [0.1, 0.1, 0.8]) is None
    ends, share = tie_line_through(lines, [0.3, 0.3, 0.4])
    assert share == pytest.approx(0.5)
    assert ends[1, 0] > 0.3 > ends[0, 0]
    with pytest.raises(InputError, match="composition has shape"):
        tie_line_through(lines, [0.5, 0.5])


@pytest.mark.parametrize(
    ("blend_ratio", "chi", "state"), [(0.5, 3.0, "unstable"), (0.15, 3.0, "metastable"), (0.5, 1.5, "mixed")]
)
def test_annealed_films(blend_ratio, chi, state):
    # At chi 3 the binodal is at 0.0707 and 0.9293, the spinodal at 0.2113 and 0.7887.
    found = demixing(AnnealingRecipe(blend_ratio=blend_ratio, chi=chi))
    assert found.start == found.end == state
    assert found.at_binodal is None
    if state == "mixed":
        assert found.phases is None
        return
    np.testing.assert_allclose(found.phases[:, 0], [0.0707, 0.9293], atol=1e-4)
    assert found.donor_rich * found.phases[1, 0] + (1 - found.donor_rich) * found.phases[
        0, 0
    ] == pytest.approx(blend_ratio)


def test_a_film_that_swells_enough_dissolves():
    found = demixing(VapourAnnealingRecipe(ambient_vapour=0.9))
    assert (found.start, found.end) == ("unstable", "mixed")
    assert found.at_spinodal is not None
    assert found.phases is None
    assert demixing(VapourAnnealingRecipe()).end == "unstable"


def test_a_diagram_marks_where_the_film_begins_to_demix():
    ax = plot_phase_diagram(SYMMETRIC)
    found = demixing(SYMMETRIC)
    marks = {line.get_label(): line for line in ax.get_lines()}
    for label, point in (("phases can coexist", found.at_binodal), ("film is unstable", found.at_spinodal)):
        x, y = marks[label].get_data()
        assert float(np.ravel(x)[0]) == pytest.approx(point[1] + 0.5 * point[2])
        assert float(np.ravel(y)[0]) == pytest.approx(point[2] * 3**0.5 / 2)
    plain = plot_phase_diagram(SYMMETRIC, path=[[0.1, 0.1, 0.8]])
    assert "film is unstable" not in {line.get_label() for line in plain.get_lines()}
