"""Frames with equal descriptors: they are equal, and they differ in what they should."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_frames import labelled_frames

from morphsim.errors import InputError
from morphsim.similarity.descriptors import (
    composition_profile,
    connected_share,
    interface_components,
    three_descriptors,
)
from morphsim.similarity.evaluation import (
    FAMILIES,
    EqualSet,
    Standardisation,
    equal_set,
    equal_triplets,
    layered_films,
    upside_down_triplets,
)
from morphsim.similarity.evaluation.patterns import droplets, random_waves, upper_half

SHAPE = (48, 160)


@pytest.fixture(scope="module", params=FAMILIES)
def equal(request: pytest.FixtureRequest) -> EqualSet:
    return equal_set(request.param, shape=SHAPE, count=12, candidates=80)


def by_class(equal: EqualSet, values: np.ndarray) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    return {name: values[equal.label == number] for number, name in enumerate(equal.classes)}


def test_three_descriptors_are_at_chance(equal: EqualSet):
    three = three_descriptors(equal.frames, boundary="periodic")
    share = equal_triplets(Standardisation.fit(three)(three), equal)
    assert share.value == pytest.approx(0.5, abs=0.01)
    kinds = len(equal.classes)
    assert share.frames == 12 * kinds
    # Each anchor with 11 positives and 11 frames of each other class.
    assert share.comparisons == 12 * kinds * 11 * 11 * (kinds - 1)


def test_frames_of_a_set_have_equal_descriptors(equal: EqualSet):
    three = three_descriptors(equal.frames, boundary="periodic").reshape(12, -1, 3)
    assert (three[..., 0] == 0.5).all()
    # Logarithms: a spread within a set of 2 % at most, beside a larger one between sets.
    within = np.ptp(three[..., 1:], axis=1)
    assert within.max() < 0.02
    assert np.median(within) < 0.5 * three[:, 0, 1:].std(axis=0).max()


def test_what_knows_the_class_is_right_and_what_knows_nothing_is_not(equal: EqualSet):
    assert equal_triplets(np.eye(4)[equal.label], equal).value == 1.0
    noise = np.random.default_rng(0).standard_normal((len(equal.frames), 4))
    assert equal_triplets(noise, equal).value == pytest.approx(0.5, abs=0.05)
    # Knowing the set is knowing nothing: positives and negatives are all of other sets.
    assert equal_triplets(np.eye(12)[equal.base], equal).value == 0.5


def test_layering_differs_in_depth():
    equal = equal_set("layering", shape=SHAPE, count=12, candidates=40)
    profile = by_class(equal, composition_profile(equal.frames, boundary="periodic", bins=3))
    top, middle, bottom = (np.array([0, 1, 2]) == k for k in range(3))
    for name, least, most in (
        ("donor at the substrate", top, bottom),
        ("donor at the surface", bottom, top),
        ("donor at both", middle, top),
        ("donor in the middle", top, middle),
    ):
        difference = profile[name][:, most] - profile[name][:, least]
        assert (difference > 0.1).all()
    # Turned upside down and with phases exchanged, exactly.
    films = equal.frames.reshape(12, 4, *SHAPE)
    np.testing.assert_array_equal(films[:, 1], films[:, 0, ::-1])
    np.testing.assert_array_equal(films[:, 3], 1 - films[:, 2])


def test_orientation_differs_in_direction():
    equal = equal_set("orientation", shape=SHAPE, count=12, candidates=40)
    beside, above = interface_components(equal.frames, boundary="periodic").T
    upright = by_class(equal, beside / above)
    assert (upright["upright"] > 1.4).all()
    assert (upright["flat"] < 0.7).all()
    for name in ("leaning", "without direction"):
        assert upright[name] == pytest.approx(1.0, abs=0.3)
    # Leaning either way: what a mirror does must not matter.
    frames = by_class(equal, equal.frames)["leaning"].astype(float) - 0.5
    leans = (frames[:, :-2, :-2] * frames[:, 2:, 2:]).mean(axis=(1, 2)) - (
        frames[:, :-2, 2:] * frames[:, 2:, :-2]
    ).mean(axis=(1, 2))
    assert (np.abs(leans) > 0.03).all()
    assert 2 <= (leans > 0).sum() <= 10


def test_connectivity_differs_in_connection():
    equal = equal_set("connectivity", shape=SHAPE, count=12, candidates=80)
    share = connected_share(equal.frames, boundary="periodic").reshape(len(equal.frames), 2, 2)
    connected = by_class(equal, share.mean(axis=2))
    assert (connected["donor droplets"][:, 0] < 0.5).all()
    assert (connected["donor droplets"][:, 1] > 0.95).all()
    assert (connected["acceptor droplets"][:, 1] < 0.5).all()
    assert (connected["acceptor droplets"][:, 0] > 0.95).all()
    assert (connected["labyrinth"].min(axis=1) > 0.3).mean() > 0.7


def test_frames_are_those_of_the_seed():
    first = equal_set("layering", shape=(32, 64), count=3, candidates=6, seed=1)
    again = equal_set("layering", shape=(32, 64), count=3, candidates=6, seed=1)
    np.testing.assert_array_equal(first.frames, again.frames)
    other = equal_set("layering", shape=(32, 64), count=3, candidates=6, seed=2)
    assert (first.frames != other.frames).any()


def test_what_can_not_be_made_is_refused():
    with pytest.raises(InputError, match="family is 'colour'; use one of layering"):
        equal_set("colour")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"shape is \(8, 400\); frames must be at least 32 x 64"):
        equal_set("layering", shape=(8, 400))
    with pytest.raises(InputError, match="count is 30; it must lie from 2 to the number of candidates, 20"):
        equal_set("layering", count=30, candidates=20)


# Patterns


def test_waves_have_their_wavelength_and_direction():
    field = random_waves((100, 400), np.random.default_rng(0), wavelength=20.0, bandwidth=0.05)
    power = np.abs(np.fft.rfft(field, axis=1)) ** 2
    wavenumber = np.fft.rfftfreq(400)
    assert power.mean(axis=0)[wavenumber > 1.3 / 20.0].sum() < 0.02 * power.mean(axis=0).sum()
    assert field.var() == pytest.approx(1.0)
    # Periodic along x: the last column goes on in the first.
    assert np.abs(field[:, 0] - field[:, -1]).mean() < 1.5 * np.abs(np.diff(field, axis=1)).mean()


def test_half_of_the_pixels_to_the_pixel():
    for shape in ((5, 7), (4, 6)):
        frame = upper_half(np.random.default_rng(0).random(shape))
        assert frame.sum() == (frame.size + 1) // 2


def test_droplets_lie_apart():
    from scipy.ndimage import label

    frame = upper_half(droplets((60, 240), np.random.default_rng(0), spacing=20.0, rounding=1.5))
    _, count = label(frame)
    assert count > 0.6 * 60 * 240 / 20.0**2
    _, count = label(1 - frame)
    assert count < 5


# Films upside down


def test_films_upside_down():
    labelled = labelled_frames(recipes=3, films=4, moments=2, shape=(10, 20))
    frames = np.zeros_like(labelled.frames)
    random = np.random.default_rng(0)
    for number in range(len(frames)):
        rows = random.integers(3, 6)
        frames[number, :rows] = 1
        if labelled.recipe[number] == 1 and labelled.trajectory[number] % 2:
            # As often one way up as the other.
            frames[number] = frames[number, ::-1].copy()
    labelled = labelled.select(np.arange(len(frames)))
    object.__setattr__(labelled, "frames", frames)
    chosen = layered_films(labelled)
    assert set(labelled.recipe[chosen]) == {0, 2}
    assert labelled.last[chosen].all() and len(chosen) == 8
    recipe, film = labelled.recipe[chosen], labelled.trajectory[chosen]

    def embed(films: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return films.mean(axis=2)

    films = frames[chosen]
    assert upside_down_triplets(embed(films), embed(films[:, ::-1]), recipe, film).value > 0.99
    three = three_descriptors(films, boundary="periodic")
    turned = three_descriptors(films[:, ::-1], boundary="periodic")
    assert upside_down_triplets(three, turned, recipe, film).value == pytest.approx(0.5)
