"""What passes the faces between the rows of films that swell or dry."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from morphsim.simulator import Simulation, VapourAnnealingRecipe
from morphsim.simulator.core.sweep import swept


def rows(donor: list[float], acceptor: list[float]) -> torch.Tensor:
    return torch.tensor([donor, acceptor], dtype=torch.float64)[None, :, :, None]


def faces(phi: torch.Tensor, speed: float) -> torch.Tensor:
    above, below = phi[..., :-1, :], phi[..., 1:, :]
    return swept(0.5 * (above + below), below - above, torch.full((1, 1, 1, 1), speed, dtype=phi.dtype))


@pytest.mark.parametrize("speed", [0.3, -0.3])
def test_faces_are_means_where_rows_are_alike(speed: float) -> None:
    phi = rows([0.1, 0.3, 0.6, 0.65], [0.5, 0.3, 0.1, 0.05])
    expected = 0.5 * (phi[..., :-1, :] + phi[..., 1:, :])
    torch.testing.assert_close(faces(phi, speed), expected, rtol=1e-14, atol=0.0)


def test_the_row_upstream_decides_at_an_interface() -> None:
    phi = rows([0.01, 0.94], [0.97, 0.03])
    # A film that swells carries the upper row downwards: at most four times its 0.01 of donor, and so the
    # same share, 0.03 / 0.465, of the change of the acceptor.
    torch.testing.assert_close(faces(phi, 1.0), rows([0.04], [0.97 - 0.47 * 0.03 / 0.465]))
    # One that dries carries the lower row upwards: at most 0.12 of acceptor.
    torch.testing.assert_close(faces(phi, -1.0), rows([0.94 - 0.465 * 0.09 / 0.47], [0.12]))
    # Nothing leaves a row that holds nothing.
    assert faces(rows([0.0, 0.5], [0.5, 0.2]), 1.0)[0, :, 0, 0].tolist() == [0.0, 0.5]


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=2, max_size=6), st.booleans())
def test_no_component_leaves_a_row_faster_than_four_times_its_share(
    parts: list[tuple[float, float]], swells: bool
) -> None:
    phi = rows([a for a, _ in parts], [(1.0 - a) * b for a, b in parts])
    passing = faces(phi, 1.0 if swells else -1.0)
    upstream = phi[..., :-1, :] if swells else phi[..., 1:, :]

    def all_three(fields: torch.Tensor) -> torch.Tensor:
        return torch.cat((fields, 1.0 - fields.sum(dim=1, keepdim=True)), dim=1)

    assert bool((all_three(passing) <= 4.0 * all_three(upstream) + 1e-14).all())
    assert bool((all_three(passing) >= -1e-14).all())


@pytest.mark.parametrize("thermal_noise", [0.0, 3e-7])
def test_films_with_unresolved_interfaces_swell(thermal_noise: float) -> None:
    # Layers of single rows, as a coarse film may begin with: means of rows would empty the top one of donor.
    layers = np.tile([[0.011, 0.94, 0.05, 0.88], [0.976, 0.03, 0.88, 0.05]], 4)
    fields = np.repeat(layers[:, :, None], 32, axis=2)
    fields[0] += 0.003 * np.cos(np.arange(32) * np.pi / 16)
    recipe = VapourAnnealingRecipe(initial_thickness=2 / 3, evaporation=3.0, thermal_noise=thermal_noise)
    film = Simulation([recipe], seeds=[3], shape=(16, 32), fields=fields[None])
    film.set_knobs(ambient_vapour=0.488, temperature=333.8)
    film.advance(time=0.002)
    # The smallest fraction of the start was 0.008.
    assert float(film.state.smallest) > 0.004
    film.advance(time=1.0)
    assert float(film.thickness[0]) > 0.8
