"""The ruler: known patterns, its symmetries, its scale, and its files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descriptor_frames import blobs, boundaries, frames
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.similarity.descriptors import power_spectrum
from morphsim.similarity.ruler import FAMILIES, Ruler, ruler_descriptors
from morphsim.similarity.ruler.ruler import LEAST_WITHIN

SHAPE = (32, 64)
REPEATS = 5


def stripes(period: int, shape: tuple[int, int] = SHAPE) -> NDArray[np.uint8]:
    """An upright pattern of equal stripes, (H, W)."""
    row = (np.arange(shape[1]) % period < period // 2).astype(np.uint8)
    return np.tile(row, (shape[0], 1))


def films() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Films of three recipes that differ in the size of their domains."""
    parts = [blobs(REPEATS, *SHAPE, seed=number, scale=scale) for number, scale in enumerate((1.5, 2.0, 3.0))]
    return np.concatenate(parts), np.repeat(np.arange(3), REPEATS)


@pytest.fixture(scope="module")
def ruler() -> Ruler:
    return Ruler.fit(*films(), boundary="periodic")


def by_hand(**changes: Any) -> Ruler:
    """A ruler of the depth profile alone, with a spread of 0.1."""
    values: dict[str, Any] = {
        "names": tuple(f"donor_in_slice_{number}" for number in range(10)),
        "families": ("profile",) * 10,
        "within": np.full(10, 0.1),
        "between": np.zeros(10),
        "shape": SHAPE,
        "boundary": "periodic",
    }
    return Ruler(**{**values, **changes})


def test_upright_stripes_have_the_descriptors_that_geometry_gives() -> None:
    found = ruler_descriptors(stripes(8)[None], boundary="periodic")
    row = {name: float(found.table[name][0]) for name in found.table.names}
    # A pair of different neighbours after every 4 pixels; none above each other, which counts as one pair.
    assert row["log_interface_x"] == pytest.approx(math.log(0.25))
    assert row["log_interface_depth"] == pytest.approx(-math.log(32 * 64))
    assert all(row[f"donor_in_slice_{number}"] == pytest.approx(0.5) for number in range(10))
    for phase in ("donor", "acceptor"):
        assert row[f"log_chord_x_{phase}"] == pytest.approx(math.log(4.0))
        assert row[f"log_chord_depth_{phase}"] == pytest.approx(math.log(32.0))
        for side in ("top", "bottom"):
            assert row[f"connected_{phase}_{side}"] == 1.0
            assert row[f"log_tortuosity_{phase}_{side}"] == pytest.approx(0.0)
    # After a quarter of the period half of the pixels agree, after a half none, after a whole one all.
    correlation = [row[f"correlation_x_{lag}"] for lag in (2, 4, 8, 16, 32)]
    assert correlation == pytest.approx([0.0, -1.0, 1.0, 1.0, 1.0], abs=1e-12)
    assert [row[f"correlation_depth_{lag}"] for lag in (2, 4, 8, 16)] == pytest.approx([1.0] * 4)
    assert "correlation_depth_32" not in row
    assert found.families.count("two_point") == 9


def test_the_power_of_stripes_lies_in_their_odd_harmonics() -> None:
    shares = power_spectrum(stripes(8, (1, 8))[None], boundary="periodic")[0]
    # A sampled square wave: amplitudes go as 1 / sin(pi n / 8), and each ring holds the modes n and -n.
    powers = [math.sin(math.pi * n / 8) ** -2 for n in (1, 3)]
    expected = np.zeros(8)
    expected[[0, int(8 * math.log(3) / math.log(4))]] = np.array(powers) / sum(powers)
    np.testing.assert_allclose(shares, expected, atol=1e-12)


def test_frames_of_one_phase_have_a_place() -> None:
    plain = np.stack([np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)])
    assert np.isnan(power_spectrum(plain, boundary="periodic")).all()
    found = ruler_descriptors(plain, boundary="periodic").table
    assert np.isfinite(found.values).all()
    assert found["log_power_0"].tolist() == [0.0, 0.0]
    assert found["log_chord_x_donor"].tolist() == [0.0, pytest.approx(math.log(64.0))]
    assert found["correlation_x_2"].tolist() == [0.0, 0.0]


@settings(deadline=None, max_examples=40)
@given(frames, boundaries, st.integers(0, 20))
def test_mirroring_and_rolling_change_nothing(values: Any, boundary: Any, shift: int) -> None:
    moved = np.roll(values, shift, axis=-1) if boundary == "periodic" else values
    before, after = (ruler_descriptors(each, boundary=boundary) for each in (values, moved[..., ::-1]))
    assert before.table.names == after.table.names
    assert np.isfinite(before.table.values).all()
    np.testing.assert_allclose(after.table.values, before.table.values, atol=1e-9)


def test_turning_a_film_upside_down_is_seen(ruler: Ruler) -> None:
    layered = np.zeros((1, *SHAPE), np.uint8)
    layered[0, :10] = 1
    # Slices are 3.2 rows thick: three at each face change by 1 and their neighbours by 0.4 / 3.2.
    apart = math.sqrt((6 + 2 * 0.125**2) / 10 / (2 * 0.1**2))
    assert by_hand().distance(layered, layered[:, ::-1])[0] == pytest.approx(apart)
    assert ruler.distance(layered, layered[:, ::-1])[0] > 1.0
    assert ruler.distance(layered, np.roll(layered, 7, axis=-1))[0] == pytest.approx(0.0, abs=1e-9)


def test_the_distance_is_in_units_of_the_spread_within_a_recipe() -> None:
    plain = np.stack([np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)])
    # All slices differ by 1, which is 10 spreads.
    assert by_hand().distance(plain[:1], plain[1:]).tolist() == [pytest.approx(10.0 / math.sqrt(2.0))]


def test_films_of_one_recipe_are_at_a_root_mean_square_distance_of_one(ruler: Ruler) -> None:
    made, recipe = films()
    # Where the floor is at work, the distance is smaller.
    kept = ruler.select("chords", "profile")
    assert (kept.within > LEAST_WITHIN * kept.between).all()
    apart = kept.distances(made, made)
    same = (recipe[:, None] == recipe) & ~np.eye(len(made), dtype=bool)
    assert np.sqrt((apart[same] ** 2).mean()) == pytest.approx(1.0)
    whole = ruler.distances(made, made)
    assert np.median(whole[recipe[:, None] != recipe]) > 1.5 * np.median(whole[same])


def test_families_weigh_equally(ruler: Ruler) -> None:
    made, _ = films()
    whole = ruler.distance(made, made[::-1])
    parts = [ruler.select(family).distance(made, made[::-1]) for family in FAMILIES]
    np.testing.assert_allclose(whole**2, np.mean([part**2 for part in parts], axis=0), rtol=1e-12)
    chosen = Ruler.fit(*films(), boundary="periodic", families=("chords", "interface"))
    np.testing.assert_allclose(
        chosen.distance(made, made[::-1]), ruler.select("interface", "chords").distance(made, made[::-1])
    )


def test_the_spread_between_recipes_is_without_what_chance_gives() -> None:
    # Shares of donor 0.25 +- 0.05 and 0.75 +- 0.05: variance within 2 x 0.0025 / 1 per recipe.
    made = np.zeros((4, 20, 20), np.uint8)
    for frame, columns in zip(made, (4, 6, 14, 16), strict=True):
        frame[:, :columns] = 1
    found = Ruler.fit(made, ["a", "a", "b", "b"], boundary="periodic", families=("profile",))
    np.testing.assert_allclose(found.within, math.sqrt(0.005))
    np.testing.assert_allclose(found.between, math.sqrt(0.5**2 / 2 - 0.005 / 2))


def test_a_descriptor_that_does_not_vary_within_recipes_has_the_floor_and_a_constant_one_no_weight() -> None:
    made = np.stack([np.roll(stripes(period), shift, axis=-1) for period in (8, 16) for shift in (0, 3)])
    found = Ruler.fit(made, [0, 0, 1, 1], boundary="periodic")
    at = found.names.index("log_interface_x")
    assert found.within[at] == 0.0
    # Interfaces of length 1/4 and 1/8: two means log 2 apart.
    assert found.between[at] == pytest.approx(math.log(2.0) / math.sqrt(2.0))
    assert found.scale[at] == pytest.approx(LEAST_WITHIN * found.between[at])
    assert not found.varying[found.names.index("log_interface_depth")]
    interface = found.select("interface").distance(made[:1], made[2:3])
    assert interface[0] == pytest.approx(1.0 / LEAST_WITHIN)
    # Neither does a family without a varying descriptor count, nor rounding become a descriptor.
    assert found.distance(made[:1], made[1:2])[0] < 1e-6
    assert {found.families[at] for at in np.flatnonzero(found.varying)} == {
        "interface",
        "spectrum",
        "chords",
        "two_point",
    }
    with pytest.raises(InputError, match="no descriptor varies"):
        found.select("tortuosity")


def test_a_target_of_several_frames_counts_with_the_mean_distance(ruler: Ruler) -> None:
    made, _ = films()
    found = ruler.distances(made[:4], [made[5], made[10:12], made[:3]])
    assert found.shape == (4, 3)
    single = ruler.distances(made[:4], made)
    np.testing.assert_allclose(found[:, 0], single[:, 5])
    np.testing.assert_allclose(found[:, 1], single[:, 10:12].mean(axis=1))
    np.testing.assert_allclose(found[:, 2], single[:, :3].mean(axis=1))
    np.testing.assert_allclose(ruler.distance(made[:4], made[5:6]), found[:, 0])
    assert ruler.distances(made[:4], []).shape == (4, 0)
    assert ruler.distances(made[:0], made[:2]).shape == (0, 2)


def test_bad_frames_and_labels_are_named(ruler: Ruler) -> None:
    made, recipe = films()
    for call, found in (
        (lambda: Ruler.fit(made, recipe[:-1], boundary="periodic"), r"recipes have the shape \(14,\)"),
        (lambda: Ruler.fit(made, np.arange(len(made)), boundary="periodic"), "15 frames are of 15 recipes"),
        (lambda: Ruler.fit(made, np.zeros(len(made)), boundary="periodic"), "15 frames are of 1 recipes"),
        (lambda: Ruler.fit(made[:0], [], boundary="periodic"), "0 frames are of 0 recipes"),
        (
            lambda: Ruler.fit(np.zeros((4, 8, 8)), [0, 0, 1, 1], boundary="periodic"),
            "no descriptor varies",
        ),
        (
            lambda: Ruler.fit(made, recipe, boundary="periodic", families=("chord",)),  # type: ignore[arg-type]
            "family is 'chord'",
        ),
        (lambda: ruler.select(), "families are none"),
        (lambda: ruler.select("chords", "chords"), "families are chords, chords"),
        (lambda: ruler.select("chords").select("profile"), "the ruler has no family 'profile'"),
        (lambda: ruler.vectors(made[:, :16]), "frames are 16 x 64, but the ruler was fitted on frames of 32"),
        (lambda: ruler.vectors(2 * made), "hold the value 2"),
        (lambda: ruler.distance(made, made[:2]), "15 frames and 2 others"),
        (lambda: ruler.distances(made, [made[:0]]), "a target holds no frame"),
        (lambda: by_hand(within=np.full(9, 0.1)), "within must have 10 values"),
        (lambda: by_hand(between=np.full(10, np.nan)), "a spread of the ruler"),
    ):
        with pytest.raises(InputError, match=found):
            call()


def test_a_file_gives_the_same_ruler(tmp_path: Path, ruler: Ruler) -> None:
    made, _ = films()
    for each in (ruler, ruler.select("two_point", "connectivity")):
        each.save(tmp_path / "ruler.json")
        read = Ruler.load(tmp_path / "ruler.json")
        assert (read.names, read.families, read.shape, read.boundary) == (
            each.names,
            each.families,
            each.shape,
            each.boundary,
        )
        assert read.vectors(made).tobytes() == each.vectors(made).tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["ruler.json"]


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"format": 2}, "is of format 2, and this version reads format 1"),
        ({"format": True}, "is of format True"),
        ({"shape": [32]}, "shape is"),
        ({"shape": [16, 64]}, "within must have a value for each of the 40 descriptors of frames of 16 x 64"),
        ({"boundary": "open"}, "boundary is 'open'"),
        ({"families": ["profile", "chord"]}, "family is 'chord'"),
        ({"families": "profile"}, "families are 'profile'; they must be a list"),
        ({"families": [["profile"]]}, "family is"),
        ({"families": []}, "families are none"),
        ({"families": ["profile"]}, "within must have a value for each of the 10 descriptors"),
        ({"within": {}}, "within must have a value for each"),
        ({"within": [0.1]}, "within must have a value for each"),
        ({"more": 1}, "exactly the fields"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, ruler: Ruler, values: dict[str, Any], found: str) -> None:
    path = tmp_path / "ruler.json"
    ruler.save(path)
    changed(path, **values)
    with pytest.raises(InputError, match=found) as refused:
        Ruler.load(path)
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)


@pytest.mark.parametrize("value", [-0.1, 1e10, True, "0.1", None, [0.1], 10**40])
def test_broken_spreads_are_refused(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "ruler.json"
    by_hand().save(path)
    within = json.loads(path.read_text())["within"]
    changed(path, within={**within, "donor_in_slice_3": value})
    with pytest.raises(InputError, match="within of donor_in_slice_3 is"):
        Ruler.load(path)


def test_a_file_without_a_spread_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ruler.json"
    by_hand().save(path)
    changed(path, within=dict.fromkeys(by_hand().names, 0))
    with pytest.raises(InputError, match=f"{path}: no descriptor varies"):
        Ruler.load(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"format": NaN}', "\x00", "[" * 10_000])
def test_files_that_are_no_ruler_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "ruler.json").write_text(text)
    with pytest.raises(InputError):
        Ruler.load(tmp_path / "ruler.json")
    with pytest.raises(InputError, match="does not exist"):
        Ruler.load(tmp_path / "nothing.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["donor_in_slice_0", "format", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["format", "shape", "boundary", "families", "within", "between"]), JSON)
def test_any_value_of_a_field_is_read_or_refused(tmp_path: Path, field: str, value: Any) -> None:
    path = tmp_path / "ruler.json"
    by_hand().save(path)
    changed(path, **{field: value})
    try:
        read = Ruler.load(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        # Only the value that it had, or another size of the frames, which the profile does not depend on.
        assert read.names == by_hand().names
