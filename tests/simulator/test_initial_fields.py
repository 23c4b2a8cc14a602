"""The fields of freshly mixed films."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft

from morphsim.simulator import AnnealingRecipe, DryingRecipe
from morphsim.simulator.initial_fields import initial_fields
from morphsim.types import Boundary


@pytest.mark.parametrize("width", [24, 25])
@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_noise_is_cut_off_below_an_interface(boundary: Boundary, width: int) -> None:
    recipe = AnnealingRecipe(boundary=boundary, width=0.5, initial_thickness=0.8, kappa=4e-4)
    finer = replace(recipe, kappa=1e-4)
    one, other = (initial_fields(each, 7, (10, width))[0] for each in (recipe, finer))
    # The same random numbers, mode by mode.
    k2 = (np.pi / 0.8 * np.arange(10)[:, None]) ** 2
    if boundary == "periodic":
        k2 = k2 + (2.0 * np.pi * np.fft.rfftfreq(width, 0.5 / width)) ** 2
        modes = [np.fft.rfft(scipy.fft.dct(field, axis=0), axis=1) for field in (one, other)]
    else:
        k2 = k2 + (np.pi / 0.5 * np.arange(width)) ** 2
        modes = [scipy.fft.dctn(field) for field in (one, other)]
    expected = modes[1] * np.exp(-0.5 * (4e-4 - 1e-4) * k2)
    np.testing.assert_allclose(modes[0], expected, rtol=0.0, atol=1e-11)
    assert one.mean() == pytest.approx(recipe.blend_ratio, abs=1e-15)


def test_noise_has_the_same_strength_on_every_grid() -> None:
    # Its variance is that of the spectrum: (noise / 100)² over 4 pi kappa in an endless film.
    recipe = DryingRecipe(width=2.0, kappa=1e-4)
    for shape in ((80, 160), (160, 320)):
        fields = np.stack([initial_fields(recipe, seed, shape) for seed in range(8)])
        spread = (fields - np.array(recipe.composition)[:, None, None]).std()
        expected = recipe.noise * 0.01 / np.sqrt(4.0 * np.pi * recipe.kappa)
        assert spread == pytest.approx(expected, rel=0.03)
