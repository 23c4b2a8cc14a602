"""Measurements on fields with known results."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.simulator.analysis import (
    composition_profile,
    domain_size,
    interface_length,
    porod_length,
    structure_factor,
)
from morphsim.types import Boundary

BOUNDARIES: tuple[Boundary, ...] = ("periodic", "no-flux")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "analysis.md"


def cells(shape: tuple[int, int], width: float, thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """Depth (H, 1) and x (1, W) of the cell centres."""
    z = (np.arange(shape[0]) + 0.5) * thickness / shape[0]
    x = (np.arange(shape[1]) + 0.5) * width / shape[1]
    return z[:, None], x[None, :]


def test_the_profile_is_the_mean_of_each_row() -> None:
    z, x = cells((10, 16), 2.0, 1.0)
    fields = np.stack([z + 0.3 * np.sin(np.pi * x), 1.0 - z + 0.0 * x])
    profile = composition_profile(fields)
    assert profile.shape == (2, 10)
    np.testing.assert_allclose(profile[0], z[:, 0], atol=1e-12)
    np.testing.assert_allclose(profile[1], 1.0 - z[:, 0], atol=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_parseval(boundary: Boundary) -> None:
    for shape in ((24, 40), (25, 41), (1, 32), (32, 1)):
        field = np.random.default_rng(1).normal(0.4, 0.1, shape)
        spectrum = structure_factor(field, width=3.0, thickness=0.7, boundary=boundary)
        total = (spectrum.modes * spectrum.value).sum()
        assert total == pytest.approx(3.0 * 0.7 * field.var(), rel=1e-12)
        assert spectrum.modes.sum() == shape[0] * shape[1] - 1
        assert (np.diff(spectrum.wavenumber) > 0).all()


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_white_noise_has_a_flat_structure_factor(boundary: Boundary) -> None:
    fields = np.random.default_rng(2).normal(0.0, 0.1, (40, 32, 64))
    spectrum = structure_factor(fields, width=2.0, thickness=1.0, boundary=boundary)
    # Independent cells of area a give S = variance x a in every ring.
    expected = 0.01 * (2.0 / 64) * (1.0 / 32)
    mean = spectrum.value.mean(axis=0)
    spread = 5.0 * expected * np.sqrt(2.0 / (40 * spectrum.modes))
    assert (np.abs(mean - expected) < spread).all()


def test_rings_are_one_fundamental_wavenumber_wide() -> None:
    field = np.random.default_rng(3).normal(size=(16, 64))
    spectrum = structure_factor(field, width=4.0, thickness=1.0, boundary="periodic")
    fundamental = 2.0 * np.pi / 4.0
    rings = np.floor(spectrum.wavenumber / fundamental + 0.5)
    np.testing.assert_array_equal(rings, np.arange(1, len(rings) + 1))
    # The first ring: one wave across the film, to the right and to the left.
    assert spectrum.modes[0] == 2
    assert spectrum.wavenumber[0] == pytest.approx(fundamental)


@settings(max_examples=30, deadline=None)
@given(
    periods=st.integers(1, 12),
    width=st.floats(0.1, 20.0),
    thickness=st.floats(0.05, 5.0),
    amplitude=st.floats(1e-4, 0.5),
)
def test_a_wave_has_its_wavelength(periods: int, width: float, thickness: float, amplitude: float) -> None:
    z, x = cells((12, 30), width, thickness)
    across = 0.5 + amplitude * np.cos(2 * np.pi * periods * x / width + 0.3) + 0.0 * z
    size = domain_size(across, width=width, thickness=thickness, boundary="periodic")
    assert float(size) == pytest.approx(width / periods, rel=1e-9)
    between_walls = amplitude * np.cos(np.pi * periods * x / width) + 0.0 * z
    size = domain_size(between_walls, width=width, thickness=thickness, boundary="no-flux")
    assert float(size) == pytest.approx(2 * width / periods, rel=1e-9)
    layers = min(periods, 11)
    down = amplitude * np.cos(np.pi * layers * z / thickness) + 0.0 * x
    for boundary in BOUNDARIES:
        size = domain_size(down, width=width, thickness=thickness, boundary=boundary)
        assert float(size) == pytest.approx(2 * thickness / layers, rel=1e-9)


def upright_stripes(shape: tuple[int, int], periods: int) -> np.ndarray[Any, Any]:
    half = shape[1] // (2 * periods)
    return np.broadcast_to((np.arange(shape[1]) // half + 1) % 2, shape)


def test_fine_binary_stripes_have_the_domain_size_of_a_square_wave() -> None:
    # Odd overtones n of power 1/n^2, averaged over rings of about n modes: sum of n^-3 over sum of n^-2.
    odd = np.arange(1.0, 1e6, 2.0)
    share = (odd**-3).sum() / (odd**-2).sum()
    assert share == pytest.approx(7 * 1.2020569 / np.pi**2, abs=1e-5) == pytest.approx(0.8526, abs=1e-4)
    frame = upright_stripes((1024, 1024), 16)
    size = float(domain_size(frame, width=1.0, thickness=1.0, boundary="periodic"))
    assert 16 * size == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "periods"), [((64, 64), 4), ((100, 400), 20), ((64, 64), 1), ((24, 384), 2)]
)
def test_binary_stripes_have_the_domain_size_of_their_overtones(shape: tuple[int, int], periods: int) -> None:
    width, thickness = shape[1] / shape[0], 1.0
    cells_a_period = shape[1] // periods
    # The overtones of a sampled square wave have powers proportional to 1 / sin^2.
    odd = np.arange(1, cells_a_period // 2 + 1, 2)
    # At the end of the band there is a single mode instead of one for each direction.
    power = np.where(2 * odd == cells_a_period, 0.5, 1.0) / np.sin(np.pi * odd / cells_a_period) ** 2
    along = np.abs(np.fft.fftfreq(shape[1], width / shape[1]))
    down = np.arange(shape[0]) / (2 * thickness)
    unit = min(1 / width, 1 / (2 * thickness))
    rings = np.floor(np.hypot(along[None], down[:, None]) / unit + 0.5).astype(int)
    modes = np.array([(rings == int(n * periods / width / unit + 0.5)).sum() for n in odd])
    share = (power / modes).sum() / (odd * power / modes).sum()
    frame = upright_stripes(shape, periods)
    size = float(domain_size(frame, width=width, thickness=thickness, boundary="periodic"))
    assert size * periods / width == pytest.approx(share, rel=1e-9)
    if periods / width >= 1.0 and cells_a_period >= 16:
        assert 0.79 <= size * periods / width <= 0.88
    about = {"width": width, "thickness": thickness, "boundary": "periodic"}
    assert float(porod_length(frame, **about)) * periods / width == pytest.approx(0.41, abs=0.01)


def test_the_page_gives_the_lengths_of_stripes_as_they_are_measured() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    (stated,) = re.findall(r"equal binary stripes it is 7 ζ\(3\)/π² λ ≈ ([\d.]+) λ", page)
    bounds = re.findall(r"about ([\d.]+) to ([\d.]+) λ for upright stripes of at least 16 cells", page)
    ((low, high),) = bounds
    (porod,) = re.findall(r"about ([\d.]+) λ for upright binary stripes", page)
    assert float(stated) == pytest.approx(7 * 1.2020569 / np.pi**2, abs=0.005)
    shares = []
    for rows, ratio in ((64, 1), (100, 4), (128, 4), (100, 8)):
        about: dict[str, Any] = {"width": float(ratio), "thickness": 1.0, "boundary": "periodic"}
        for periods in range(ratio, rows * ratio // 16 + 1):
            if rows * ratio % (2 * periods) == 0:
                frame = upright_stripes((rows, rows * ratio), periods)
                shares.append(float(domain_size(frame, **about)) * periods / ratio)
                assert float(porod_length(frame, **about)) * periods / ratio == pytest.approx(
                    float(porod), abs=0.005
                )
    assert (round(min(shares), 2), round(max(shares), 2)) == (float(low), float(high))


def test_a_ring_of_waves_has_its_wavelength_and_scales_with_the_film() -> None:
    random = np.random.default_rng(5)
    z, x = cells((128, 128), 1.0, 1.0)
    field = np.zeros((128, 128))
    for angle, phase in random.uniform(0.0, 2.0 * np.pi, (300, 2)):
        field += np.cos(2 * np.pi * 10.0 * (x * np.cos(angle) + z * np.sin(angle)) + phase)
    size = domain_size(field, width=1.0, thickness=1.0, boundary="no-flux")
    assert float(size) == pytest.approx(0.1, rel=0.15)
    double = domain_size(field, width=2.0, thickness=2.0, boundary="no-flux")
    assert float(double) == pytest.approx(2.0 * float(size), rel=1e-12)


def test_measures_run_over_leading_axes() -> None:
    fields = np.random.default_rng(6).random((2, 3, 12, 20))
    frames = fields > 0.5
    film: dict[str, Any] = {"width": 2.0, "thickness": 0.6, "boundary": "periodic"}
    assert structure_factor(fields, **film).value.shape[:2] == (2, 3)
    for name, values, measure in (
        ("domain", fields, domain_size),
        ("porod", frames, porod_length),
        ("total", frames, lambda frame, **options: interface_length(frame, **options).total),
        ("lateral", frames, lambda frame, **options: interface_length(frame, **options).lateral),
        ("vertical", frames, lambda frame, **options: interface_length(frame, **options).vertical),
    ):
        together = measure(values, **film)
        assert together.shape == (2, 3), name
        assert together[1, 2] == pytest.approx(float(measure(values[1, 2], **film)), rel=1e-12)


def test_a_uniform_film_has_no_domains() -> None:
    film: dict[str, Any] = {"width": 2.0, "thickness": 0.6, "boundary": "periodic"}
    assert math.isnan(domain_size(np.full((8, 8), np.float32(0.3)), **film))
    assert math.isnan(domain_size(np.ones((1, 1)), **film))
    assert len(structure_factor(np.ones((1, 1)), **film).modes) == 0
    assert math.isnan(porod_length(np.ones((8, 8), np.uint8), **film))
    assert float(interface_length(np.ones((8, 8), np.uint8), **film).total) == 0.0


@settings(max_examples=30, deadline=None)
@given(
    columns=st.integers(1, 5),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 3)),
    width=st.floats(0.1, 10.0),
    thickness=st.floats(0.1, 10.0),
)
def test_columns_and_layers_have_exact_projections(
    columns: int, shape: tuple[int, int], width: float, thickness: float
) -> None:
    film: dict[str, Any] = {"width": width, "thickness": thickness}
    stripe = np.repeat([0, 1] * columns, shape[1])
    standing = np.tile(stripe, (shape[0], 1))
    periodic = interface_length(standing, boundary="periodic", **film)
    walled = interface_length(standing, boundary="no-flux", **film)
    assert float(periodic.lateral) == 0.0
    assert float(periodic.vertical) == pytest.approx(2 * columns / width)
    assert float(walled.vertical) == pytest.approx((2 * columns - 1) / width)
    lying = standing.T
    for boundary in BOUNDARIES:
        layers = interface_length(lying, boundary=boundary, **film)
        assert float(layers.vertical) == 0.0
        assert float(layers.lateral) == pytest.approx((2 * columns - 1) / thickness)
    if shape[0] > 1:
        # Only the direction differs.
        turned = interface_length(lying, width=thickness, thickness=width, boundary="no-flux")
        assert float(turned.total) == pytest.approx(float(walled.total))


@pytest.mark.parametrize("degrees", [0.0, 10.0, 22.5, 30.0, 45.0, 70.0, 90.0])
def test_a_straight_interface_is_met_in_every_direction(degrees: float) -> None:
    z, x = cells((200, 200), 1.0, 1.0)
    direction = math.radians(degrees)
    frame = (x - 0.5) * math.cos(direction) + (z - 0.5) * math.sin(direction) > 0.0013
    length = 1.0 / max(math.cos(direction), math.sin(direction))
    measured = interface_length(frame, width=1.0, thickness=1.0, boundary="no-flux")
    assert float(measured.total) == pytest.approx(length, rel=0.06)
    assert float(measured.vertical) == pytest.approx(length * math.cos(direction), abs=0.02)
    assert float(measured.lateral) == pytest.approx(length * math.sin(direction), abs=0.02)


@pytest.mark.parametrize("shape", [(200, 200), (100, 200), (300, 150)])
def test_discs_have_their_circumference_and_porod_length(shape: tuple[int, int]) -> None:
    z, x = cells(shape, 1.0, 1.0)
    frame = np.zeros(shape, bool)
    for centre in ((0.25, 0.27), (0.72, 0.3), (0.48, 0.75)):
        frame |= (z - centre[0]) ** 2 + (x - centre[1]) ** 2 < 0.15**2
    measured = interface_length(frame, width=1.0, thickness=1.0, boundary="periodic")
    assert float(measured.total) == pytest.approx(3 * 2 * np.pi * 0.15, rel=0.02)
    assert float(measured.lateral) == pytest.approx(3 * 4 * 0.15, rel=0.03)
    assert float(measured.vertical) == pytest.approx(3 * 4 * 0.15, rel=0.03)
    share = 3 * np.pi * 0.15**2
    expected = np.pi * share * (1 - share) / (6 * np.pi * 0.15)
    size = porod_length(frame, width=1.0, thickness=1.0, boundary="periodic")
    assert float(size) == pytest.approx(expected, rel=0.03)


def test_the_porod_length_is_the_slope_of_the_two_point_correlation() -> None:
    random = np.random.default_rng(8)
    z, x = cells((160, 160), 1.0, 1.0)
    # Many waves of one length make an isotropic pattern with a negligible seam.
    field = sum(
        np.cos(2 * np.pi * 8 * (x * np.cos(a) + z * np.sin(a)) + p)
        for a, p in random.uniform(0.0, 2.0 * np.pi, (200, 2))
    )
    frame = np.asarray(field > 0.0)
    size = float(porod_length(frame, width=1.0, thickness=1.0, boundary="no-flux"))
    share = frame.mean()
    slopes = []
    for axis in (0, 1):
        # Share of pairs two cells apart that are on different sides of the interface, per length.
        moved = np.roll(frame, 2, axis=axis).take(range(2, 160), axis=axis)
        parted = (moved != frame.take(range(2, 160), axis=axis)).mean()
        slopes.append(parted / (2 / 160) / (2 * share * (1 - share)))
    assert size == pytest.approx(1.0 / np.mean(slopes), rel=0.06)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_mirroring_and_rolling_change_nothing(boundary: Boundary) -> None:
    field = np.random.default_rng(9).random((14, 30))
    film: dict[str, Any] = {"width": 2.0, "thickness": 1.0, "boundary": boundary}
    same = [field[:, ::-1], field[::-1]]
    if boundary == "periodic":
        same.append(np.roll(field, 7, axis=1))
    for other in same:
        assert float(domain_size(other, **film)) == pytest.approx(float(domain_size(field, **film)))
        for part in ("total", "lateral", "vertical"):
            before, after = (getattr(interface_length(f > 0.5, **film), part) for f in (field, other))
            assert float(after) == pytest.approx(float(before))


GOOD: dict[str, Any] = {"width": 1.0, "thickness": 1.0, "boundary": "periodic"}


@pytest.mark.parametrize("measure", [structure_factor, domain_size, interface_length, porod_length])
@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.zeros(4), {}, r"float64 \(4,\); it must be numbers \(..., H, W\)"),
        (np.zeros((0, 4)), {}, r"\(0, 4\)"),
        (np.array([["a"]]), {}, "it must be numbers"),
        (np.array([[0.0, np.nan]]), {}, "holds"),
        (np.array([[0.0, np.inf]]), {}, "holds"),
        (np.eye(4), {"width": 0.0}, "width is 0.0; it must be a positive length"),
        (np.eye(4), {"thickness": math.nan}, "thickness is nan"),
        (np.eye(4), {"boundary": "open"}, "boundary is 'open'; use one of periodic, no-flux"),
    ],
)
def test_fields_that_can_not_be_measured_are_refused(
    measure: Any, values: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        measure(values, **{**GOOD, **options})


def test_only_binary_frames_have_an_interface() -> None:
    with pytest.raises(InputError, match=r"the value 0\.5; a binary frame holds only 0 and 1"):
        interface_length(np.array([[0.0, 0.5]]), width=1.0, thickness=1.0, boundary="periodic")
    with pytest.raises(InputError, match="NaN"):
        composition_profile(np.array([[np.nan]]))


def test_the_code_on_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "analysis.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    energies = [float(line.split()[3]) for line in lines[:-1]]
    assert len(energies) == 6
    assert energies == sorted(energies, reverse=True)
    # The pattern coarsens after it has formed, and its peak agrees with the domain size.
    sizes = [float(line.split()[5]) for line in lines[:-1]]
    assert sizes[-1] > sizes[-2]
    assert 2 * math.pi / float(lines[-1].split()[-1]) == pytest.approx(sizes[-1], rel=0.5)
    assert (tmp_path / "film.pvd").is_file()
