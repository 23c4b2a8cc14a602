"""Strips and movies of films: lengths, surface and substrate, scale bar, colours, mixed films, knobs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from morphsim.errors import InputError
from morphsim.frames.pictures import KnobTrace, check_shown, draw_movie, draw_strip, film_pictures
from morphsim.frames.pictures.chain import chain_pictures
from morphsim.frames.pictures.film import FilmPictures, share_pictures
from morphsim.frames.pictures.knobs import held_settings, knob_traces
from morphsim.frames.pictures.lengths import length_text, round_length, time_scale
from morphsim.frames.pictures.mixing import is_mixed, mixed_pixels
from morphsim.frames.pictures.movie import MovieLayout
from morphsim.frames.pictures.quantity import DONOR, MIXED, QUANTITIES, SHADES, palette
from morphsim.frames.pictures.scale import scale_bar, stretch_of
from morphsim.frames.pictures.strip import DOTS_PER_INCH, StripLayout, shown_moments
from morphsim.frames.pictures.substrate import NEUTRAL, SubstratePattern
from morphsim.frames.snapshots import film_frames
from morphsim.frames.stages import chain_frames
from morphsim.look import ACCEPTOR_COLOUR, BLUE, CYCLE, DONOR_COLOUR, MIXED_COLOUR
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Snapshot, Units
from morphsim.simulator.chain import Stage

# Machado, Oliveira and Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291, severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def lightness(colours: np.ndarray, blindness: str = "none") -> np.ndarray:
    """CIE L* of sRGB colours (..., 3), 0 to 255, as a colour-blind reader sees them."""
    values = np.asarray(colours) / 255.0
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    luminance = np.clip(linear @ BLINDNESS[blindness].T, 0.0, 1.0) @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 0.008856, 116.0 * np.cbrt(luminance) - 16.0, 903.3 * luminance)


def a_film(
    *,
    width: float = 2000.0,
    thickness: tuple[float, ...] = (500.0, 250.0, 100.0),
    shape: tuple[int, int] = (20, 80),
    donor: float | None = None,
    period: float = 0.0,
) -> FilmPictures:
    """A film whose lower half is donor, above a neutral substrate by default."""
    indices = np.zeros((len(thickness), *shape), np.uint8)
    indices[:, shape[0] // 2 :] = SHADES - 1
    times = np.arange(1.0, len(thickness) + 1.0)
    return FilmPictures(
        quantity=QUANTITIES["share"],
        largest=1.0,
        indices=indices,
        mixed=np.zeros(len(thickness), np.bool_),
        time_s=times,
        thickness_nm=np.array(thickness),
        width_nm=width,
        substrate=SubstratePattern(donor=donor, period_nm=period, width_nm=width),
        knobs=(KnobTrace(name="temperature", unit="°C", time_s=times, values=0 * times + 25.0),),
        stages=np.zeros(len(thickness), np.int64),
        processes=("drying",),
        thickness_changes=True,
    )


def movie_of(path, film) -> list[np.ndarray]:
    draw_movie(path, film)
    pictures = []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            pictures.append(np.array(image.convert("RGB")).astype(int))
    return pictures


def longest_run(values: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.r_[0, values.astype(int), 0]))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def near(picture: np.ndarray, colour: tuple[int, int, int], tolerance: int = 3) -> np.ndarray:
    return (abs(picture.astype(int) - colour) <= tolerance).all(-1)


@given(st.floats(1e-3, 1e9))
def test_round_lengths(longest):
    length = round_length(longest)
    assert length <= longest * (1 + 1e-9)
    assert longest < 2.5 * length * (1 + 1e-9)
    digit = length / 10 ** np.floor(np.log10(length) + 1e-9)
    assert min(abs(digit - 1), abs(digit - 2), abs(digit - 5)) < 1e-6


def test_texts_of_lengths_and_times():
    assert [length_text(value) for value in (0.5, 111.1, 999.9999999999, 1000.0, 32000.0, 5e6)] == [
        "0.5 nm",
        "111 nm",
        "1 µm",
        "1 µm",
        "32 µm",
        "5000 µm",
    ]
    assert time_scale(0.0128) == (1e3, "ms")
    assert time_scale(90.0) == (1.0, "s")
    assert time_scale(2e-7) == (1e9, "ns")


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("show", ["share", "donor", "acceptor", "solvent"])
def test_lightness_alone_orders_the_values_of_a_scale(show, blindness):
    scale = lightness(palette(QUANTITIES[show])[:SHADES], blindness)
    steps = np.diff(scale) * np.sign(scale[-1] - scale[0])
    # Colours are whole numbers, so neighbours may be equal.
    assert steps.min() > -0.3
    assert (scale[4:] - scale[:-4]).min() * (scale[4:] - scale[:-4]).max() > 0.0
    assert abs(scale[-1] - scale[0]) > 45.0


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_phases_and_mixed_films_differ_in_lightness(blindness):
    acceptor, mixed, donor = lightness(np.array([ACCEPTOR_COLOUR, MIXED_COLOUR, DONOR_COLOUR]), blindness)
    assert mixed - acceptor > 25.0
    assert donor - mixed > 25.0


def test_lines_of_figures_differ_in_lightness_or_hue():
    colours = [np.array([int(name[at : at + 2], 16) for at in (1, 3, 5)]) for name in CYCLE]
    for number, colour in enumerate(colours):
        for other in colours[:number]:
            assert abs(colour - other).max() > 60


@pytest.mark.parametrize(
    ("width", "thickness", "along", "across", "text"),
    [
        (2000, 500, 1, 1, ""),
        (32000, 500, 1, 10, "height × 10"),
        (5000, 500, 1, 2, "height × 2"),
        (25, 500, 5, 1, "width × 5"),
        (500, 500, 1, 1, ""),
    ],
)
def test_flat_and_steep_films_are_stretched_by_a_stated_factor(width, thickness, along, across, text):
    stretch = stretch_of(width, thickness)
    assert (stretch.along, stretch.across) == pytest.approx((along, across))
    assert stretch.text == text


@pytest.mark.parametrize(
    ("width", "thickness", "shape"),
    [
        (2000.0, (500.0, 250.0, 100.0), (20, 80)),
        (500.0, (500.0, 125.0), (100, 100)),
        (32000.0, (500.0, 111.0), (10, 1600)),
        (25.0, (500.0, 111.0), (50, 5)),
        (2000.0, (500.0, 60.0), (1, 1)),
    ],
)
def test_a_movie_has_one_scale_along_and_across(tmp_path, width, thickness, shape):
    film = a_film(width=width, thickness=thickness, shape=shape)
    layout = MovieLayout.of(film)
    along = layout.columns / (width * layout.stretch.along)
    across = layout.rows / (thickness[0] * layout.stretch.across)
    assert along == pytest.approx(across, rel=0.01)
    pictures = movie_of(tmp_path / "a.gif", film)
    bottom = layout.top + layout.rows
    for picture, height in zip(pictures, thickness, strict=True):
        column = picture[:, layout.left + layout.columns // 2]
        inside = np.flatnonzero(near(column, DONOR_COLOUR) | near(column, ACCEPTOR_COLOUR))
        inside = inside[(inside >= layout.top) & (inside < bottom)]
        assert len(inside) == pytest.approx(height * across * layout.stretch.across, abs=1)
        # Above the film lie the surface, two black rows, and air; below it the substrate's black edge.
        assert inside[-1] == bottom - 1
        assert (column[inside[0] - 2 : inside[0]] == 0).all()
        assert (column[inside[0] - 3] == 255).all()
        assert (column[bottom] == 0).all()


def test_the_scale_bar_of_a_movie_has_its_length(tmp_path):
    film = a_film()
    layout = MovieLayout.of(film)
    (picture, *_) = movie_of(tmp_path / "a.gif", film)
    footer = picture[layout.top + layout.rows + 20 :, layout.left :]
    runs = [longest_run((row == 0).all(-1)) for row in footer]
    assert scale_bar(film.width_nm) == 500.0
    assert max(runs) == layout.bar(film, 500.0)
    assert max(runs) / layout.columns == pytest.approx(500.0 / 2000.0, abs=0.002)


def test_stripes_of_the_substrate_lie_below_the_film(tmp_path):
    film = a_film(donor=0.9, period=1000.0)
    layout = MovieLayout.of(film)
    (picture, *_) = movie_of(tmp_path / "a.gif", film)
    band = picture[layout.top + layout.rows + 2 : layout.top + layout.rows + 8]
    stripes = band[:, layout.left : layout.left + layout.columns]
    for quarter, colour in enumerate([DONOR_COLOUR, ACCEPTOR_COLOUR] * 2):
        part = stripes[:, quarter * layout.columns // 4 : (quarter + 1) * layout.columns // 4]
        # The rest are lines of the hatching.
        assert 0.6 < near(part, colour).mean() < 0.9
    assert film.substrate.text() == "striped substrate, period 1 µm"


def test_which_phase_a_substrate_prefers():
    units = Units(length_nm=500.0, diffusivity=1e-10)
    neutral = SubstratePattern.of(DryingRecipe(substrate_strength=0.0), units)
    assert set(neutral.colours(7).tolist()) == {NEUTRAL}
    assert neutral.text() == "neutral substrate"
    uniform = SubstratePattern.of(DryingRecipe(), units)
    assert set(uniform.colours(7).tolist()) == {DONOR}
    assert uniform.text() == "substrate prefers donor"
    acceptor = SubstratePattern.of(DryingRecipe(substrate_donor=0.2), units)
    assert acceptor.text() == "substrate prefers acceptor"


@pytest.mark.parametrize(
    ("width", "thickness"),
    [(2000.0, (500.0, 250.0, 100.0)), (500.0, (500.0,)), (32000.0, (500.0,) * 8), (25.0, (500.0, 100.0))],
)
def test_a_strip_has_one_scale_along_and_across(tmp_path, width, thickness):
    film = a_film(width=width, thickness=thickness)
    draw_strip(tmp_path / "a.png", film)
    layout = StripLayout.of(film, shown_moments(len(film)), traces=0)
    along, across = (value * DOTS_PER_INCH for value in layout.per_nm)
    assert along / layout.stretch.along == pytest.approx(across / layout.stretch.across)
    with Image.open(tmp_path / "a.png") as image:
        picture = np.array(image.convert("RGB")).astype(int)
    assert picture.shape[0] == pytest.approx(layout.size[1] * DOTS_PER_INCH, abs=1)
    film_pixels = near(picture, DONOR_COLOUR) | near(picture, ACCEPTOR_COLOUR)
    for (left, bottom, panel_width), height in zip(layout.panels, thickness, strict=True):
        x = round((left + 0.5 * panel_width) * DOTS_PER_INCH)
        base = picture.shape[0] - bottom * DOTS_PER_INCH
        rows = np.flatnonzero(film_pixels[: round(base), x])
        rows = rows[rows > base - height * across - 2]
        # The lines of surface and substrate cover a little more than a pixel of the film each.
        assert len(rows) == pytest.approx(height * across, abs=5)
        columns = film_pixels[round(base) - 4, : round((left + panel_width) * DOTS_PER_INCH) + 3]
        assert longest_run(columns) == pytest.approx(width * along, abs=2)
    footer = picture[-round(layout.bottom * DOTS_PER_INCH) :]
    bar = max(longest_run((row == 0).all(-1)) for row in footer)
    assert bar == pytest.approx(scale_bar(width) * along, abs=2)


def test_strips_and_movies_are_repeatable(tmp_path):
    film = a_film()
    for name in ("a", "b"):
        draw_strip(tmp_path / f"{name}.png", film)
        draw_movie(tmp_path / f"{name}.gif", film)
    for suffix in ("png", "gif"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_names_of_pictures_that_can_not_be(tmp_path):
    with pytest.raises(InputError, match=r"let its name end in \.png"):
        draw_strip(tmp_path / "a.jpg", a_film())
    with pytest.raises(InputError, match="neither GIF nor MP4"):
        draw_movie(tmp_path / "a.avi", a_film())
    assert not list(tmp_path.iterdir())


def test_up_to_eight_moments_with_the_first_and_the_last():
    assert shown_moments(1) == [0]
    assert shown_moments(5) == [0, 1, 2, 3, 4]
    assert len(shown_moments(50)) == 8
    assert {0, 49} <= set(shown_moments(50))


def snapshot(share: np.ndarray, *, solvent: float = 0.0, time: float = 1.0) -> Snapshot:
    share = np.asarray(share, np.float32)
    fields = np.stack([share, 1 - share]) * (1 - solvent)
    return Snapshot(fields=fields, time=time, thickness=1.0, dryness=1.0, free_energy=0.0)


def noise(deviation: float, mean: float = 0.5) -> np.ndarray:
    return mean + deviation * np.random.default_rng(0).standard_normal((50, 200))


def columns_of_phases(low: float, high: float) -> np.ndarray:
    x = np.arange(200)
    return np.tile(np.where(x // 20 % 2 == 0, low, high), (50, 1))


@pytest.mark.parametrize("mean", [0.3, 0.5, 0.8])
def test_noise_about_the_mean_is_mixed_and_phases_are_not(mean):
    assert is_mixed(mixed_pixels(noise(0.05, mean), mean, aspect=4.0))
    phases = columns_of_phases(mean - 0.25, mean + 0.2)
    assert not mixed_pixels(phases, mean, aspect=4.0).any()


def test_a_film_that_has_demixed_at_the_substrate_only_is_mixed_above():
    share = noise(0.03)
    share[40:] = 0.9
    pixels = mixed_pixels(share, 0.5, aspect=4.0)
    assert pixels[:35].all()
    assert not pixels[42:].any()
    assert not is_mixed(pixels)


def pictures_of(shares, show, recipe=None, **options):
    recipe = recipe or DryingRecipe()
    snapshots = [
        snapshot(share, solvent=options.pop("solvent", 0.2), time=1.0 + number)
        for number, share in enumerate(shares)
    ]
    frame_set = film_frames(recipe, snapshots, seed=0, threshold=0.5)
    units = Units(length_nm=500.0, diffusivity=1e-10)
    return film_pictures(snapshots, frame_set, recipe, units, show=show, **options)


def test_a_mixed_film_is_no_speckle():
    film = pictures_of([noise(0.03), columns_of_phases(0.1, 0.9)], "frame")
    assert film.mixed.tolist() == [True, False]
    assert set(np.unique(film.indices[0]).tolist()) == {MIXED}
    assert set(np.unique(film.indices[1]).tolist()) == {0, SHADES - 1}
    assert film.titles[0].endswith("mixed")
    share = pictures_of([noise(0.03)], "share")
    assert np.ptp(share.indices.astype(int)) < 0.3 * SHADES


def test_what_is_shown_is_on_the_scale_of_its_colour_bar():
    shares = [columns_of_phases(0.25, 0.75)]
    share, donor, solvent = (pictures_of(shares, show, solvent=0.2) for show in ("share", "donor", "solvent"))
    assert (share.largest, donor.largest, solvent.largest) == (1.0, 0.6, 0.2)
    found = np.unique(donor.indices) / (SHADES - 1) * donor.largest
    np.testing.assert_allclose(found, [0.2, 0.6], atol=0.002)
    assert set(np.unique(solvent.indices).tolist()) == {SHADES - 1}
    np.testing.assert_allclose(np.unique(share.indices) / (SHADES - 1), [0.25, 0.75], atol=0.003)


def test_quantities_that_a_film_lacks():
    with pytest.raises(InputError, match="films of annealing hold no solvent"):
        check_shown("solvent", "annealing")
    with pytest.raises(InputError, match="show is 'phase'"):
        check_shown("phase", "drying")
    check_shown("solvent", "vapour-annealing")


def test_knobs_in_physical_units():
    units = Units(length_nm=500.0, diffusivity=1e-10)
    times = [0.0, 1.0]
    evaporation, vapour, temperature = knob_traces(DryingRecipe(evaporation=0.3), units, times, {})
    assert evaporation.text(0.5) == "evaporation 60 µm/s"  # 0.3 x 1e-10 m²/s / 500 nm
    assert vapour.text(0.5) == "vapour 0"
    assert temperature.text(0.5) == "temperature 25 °C"
    assert temperature.is_constant
    ramp = knob_traces(AnnealingRecipe(), units, times, {"temperature": np.array([300.0, 400.0])})[0]
    assert not ramp.is_constant
    assert ramp.at(0.5) == pytest.approx(350.0 - 273.15)


def test_settings_of_an_episode_are_held_from_step_to_step():
    units = Units(length_nm=500.0, diffusivity=1e-10)
    (rate,) = held_settings({"evaporation": np.array([0.3, 0.6])}, units, [0.0, 2.0, 3.0])
    assert rate.unit == "µm/s"
    assert [rate.at(time) for time in (0.0, 1.0, 2.0, 2.5, 3.0)] == pytest.approx([60, 60, 60, 120, 120])
    (slow,) = held_settings({"evaporation": np.array([0.001])}, units, [0.0, 2.0])
    assert slow.text(1.0) == "evaporation 200 nm/s"


def test_a_film_of_which_only_the_share_is_known():
    units = Units(length_nm=500.0, diffusivity=1e-10)
    share = columns_of_phases(0.0, 1.0)[None].astype(np.float32)
    film = share_pictures(share, DryingRecipe(), units, time_s=[2e-3], thickness_nm=[400.0])
    assert film.titles == ["2 ms, 400 nm"]
    assert film.width_nm == 2000.0
    assert set(np.unique(film.indices).tolist()) == {0, SHADES - 1}


@pytest.mark.parametrize(
    ("times", "values"),
    [
        ([0, 1], [1]),
        ([], []),
        ([1, 0], [1, 2]),
        ([0, 1], [1, np.inf]),
        ([0, 1], [np.nan, np.nan]),
        (3.0, 3.0),
    ],
)
def test_knobs_that_can_not_be_drawn(times, values):
    with pytest.raises(InputError, match="the knob heat"):
        KnobTrace(name="heat", unit="°C", time_s=np.array(times), values=np.array(values))


def test_turned_knobs_are_drawn_against_time(tmp_path):
    film = a_film()
    times, values = np.array([0.0, 3.0]), np.array([25.0, 80.0])
    ramp = KnobTrace(name="temperature", unit="°C", time_s=times, values=values)
    turned = dataclasses.replace(
        film, knobs=(ramp,), stages=np.array([0, 1, 1]), processes=("drying", "annealing")
    )
    draw_strip(tmp_path / "held.png", film)
    draw_strip(tmp_path / "turned.png", turned)
    held, drawn = (Image.open(tmp_path / f"{name}.png").convert("RGB") for name in ("held", "turned"))
    assert drawn.height > held.height + 100
    blue = tuple(int(BLUE[at : at + 2], 16) for at in (1, 3, 5))
    assert not near(np.array(held), blue).any()
    trace = near(np.array(drawn), blue)
    rows, columns = np.nonzero(trace)
    # It rises from the left to the right.
    assert rows[columns < columns.min() + 20].mean() > rows[columns > columns.max() - 20].mean() + 30
    assert turned.boundaries() == [(0.0, "drying"), (1.0, "annealing")]
    assert [title.split(":")[0] for title in turned.titles] == ["drying", "annealing", "annealing"]
    assert turned.settings(2) == "temperature 80 °C"


def test_a_moment_at_a_step_was_made_with_the_setting_before_it():
    step = KnobTrace(name="heat", unit="°C", time_s=np.array([0, 1, 1, 2]), values=np.array([25, 25, 80, 80]))
    assert [step.at(time) for time in (0.0, 1.0, 1.5, 2.0, 9.0)] == [25.0, 25.0, 80.0, 80.0, 80.0]


def test_a_film_of_several_processes(tmp_path):
    units, slow = Units(length_nm=500.0, diffusivity=1e-10), Units(length_nm=500.0, diffusivity=1e-14)
    stages = [
        Stage(number=1, recipe=DryingRecipe(temperature=298.15), units=units),
        Stage(number=2, recipe=AnnealingRecipe(temperature=373.15), units=slow, start_s=4 * units.time_s),
    ]
    share = np.full((20, 80), 0.5, np.float32)
    dry, annealed = snapshot(share, solvent=0.1, time=4.0), snapshot(share, time=2.0)
    moments = [
        (stages[0], dataclasses.replace(dry, knobs={"evaporation": 0.3, "temperature": 298.15})),
        (stages[1], dataclasses.replace(annealed, fields=share[None], knobs={"temperature": 413.15})),
    ]
    frames = chain_frames(moments, seed=0, threshold=0.5)
    film = chain_pictures(moments, frames, show="solvent")
    assert film.titles == ["drying: 10 ms, 500 nm", "annealing: 50 s, 500 nm"]
    assert film.settings(0) == "evaporation 60 µm/s, temperature 25 °C"
    assert film.settings(1) == "temperature 140 °C"
    assert film.boundaries() == [(0.0, "drying"), (pytest.approx(0.01), "annealing")]
    assert film.indices[0].max() == SHADES - 1
    assert film.indices[1].max() == 0
    draw_strip(tmp_path / "a.png", film)
    with Image.open(tmp_path / "a.png") as image:
        assert near(
            np.array(image.convert("RGB")), tuple(int(BLUE[at : at + 2], 16) for at in (1, 3, 5))
        ).any()
    with pytest.raises(InputError, match="films of annealing hold no solvent"):
        chain_pictures(moments[1:], frames, show="solvent")
