from __future__ import annotations

import math
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.frames.names import film_of, in_order


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("phi_t=0.25", 0.25),
        ("phi_t=0,25", 0.25),
        ("t=-0.5", -0.5),
        ("t=+0.5", 0.5),
        ("film_-5", -5),
        ("film--5", -5),
        ("-5", -5),
        ("0.25", 0.25),
        ("_.5", 0.5),
        # A dash after a letter, a digit or a bracket separates two words.
        ("film-10", 10),
        ("film-0.5", 0.5),
        ("3-4", 4),
        ("a (1)-10", 10),
        ("ü-5", 5),
        ("step_0010", 10),
        ("frame10", 10),
        ("run2frame10", 10),
        ("frame.0010", 10),
        ("film.0.25", 0.25),
        ("t_1e-3", 1e-3),
        ("t1e-3", 1e-3),
        ("t_1.5E+06", 1.5e6),
        ("step1e3", 1000),
        ("20240115", 20240115),
        ("t=\N{MINUS SIGN}0.5", -0.5),
        ("t_1e\N{MINUS SIGN}3", 1e-3),
        ("t=0.1000D+01", 1),
        ("t=1.E-03", 1e-3),
        # Not times.
        ("first", math.nan),
        ("t=10^-3", math.nan),
        ("t=1d-3", math.nan),
        ("crop_100x400", math.nan),
        ("a_12:30:05", math.nan),
        ("a_10-30-05", math.nan),
        ("12h30", math.nan),
        ("15-01-2024", math.nan),
        ("550e8400-e29b-41d4-a716-446655440000", math.nan),
        ("1.5.2", math.nan),
        ("v1.5.2", math.nan),
        ("2024-01-15", math.nan),
        ("a_2024_01_31", math.nan),
        ("20240115_103000", math.nan),
        ("2024-01-15T10-30-00", math.nan),
        ("9e107d9d372bb6826bd81d3542a419d6", math.nan),
        ("3f9a12b7", math.nan),
        ("t0p5", math.nan),
        ("t_1e999", math.nan),
        ("1" * 200, math.nan),
        ("t=٣", math.nan),
    ],
)
def test_the_time_in_a_name(name, time):
    for folder in ("", "film/"):
        np.testing.assert_equal(film_of(PurePosixPath(f"{folder}{name}.png")).time, time)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data_0.514_2.4_000220.txt", ("data_0.514_2.4", 0.514, 2.4, 220)),
        ("data_0.514_-2.4_0.02.txt", ("data_0.514_-2.4", 0.514, -2.4, 0.02)),
        ("a/data_5e-1_2.4_1e-3.txt", ("a/data_5e-1_2.4", 0.5, 2.4, 1e-3)),
        ("BR0.54-CHI2.4/t=0.5.png", ("BR0.54-CHI2.4", 0.54, 2.4, 0.5)),
        ("br5e-1-chi-0.5/3.png", ("br5e-1-chi-0.5", 0.5, -0.5, 3)),
        # A share lies between 0 and 1: these are other numbers.
        ("tile_3_4_5.png", ("", math.nan, math.nan, 5)),
        ("scan_2024_01_15.png", ("", math.nan, math.nan, math.nan)),
        ("BR54-CHI2.4/3.png", ("BR54-CHI2.4", math.nan, math.nan, 3)),
    ],
)
def test_the_recipe_in_a_name(path, expected):
    film = film_of(PurePosixPath(path))
    np.testing.assert_equal((film.name, film.blend_ratio, film.chi, film.time), expected)


FORMATS = ["{:g}", "{:.3f}", "{:e}", "{:010.4f}", "{:+.3f}", "{:.10g}", "{}"]


@given(
    times=st.lists(
        st.floats(-1e6, 1e6, allow_subnormal=False) | st.floats(-1, 1) | st.integers(0, 10**9),
        min_size=1,
        max_size=8,
    ),
    text=st.sampled_from(FORMATS),
    prefix=st.sampled_from(["phi_t=", "", "frame_", "film-1_"]),
)
def test_times_in_usual_formats_are_read_back_and_in_order(times, text, prefix):
    names = [f"{prefix}{text.format(time)}.png" for time in times]
    for name, time in zip(names, times, strict=True):
        assert film_of(PurePosixPath(name)).time == float(text.format(time))
    ordered = [film_of(PurePosixPath(name)).time for name in sorted(names, key=by_name)]
    assert ordered == sorted(ordered)


@given(
    times=st.lists(st.floats(0, 1e6) | st.integers(0, 10**9), min_size=1, max_size=8),
    text=st.sampled_from(["{:g}", "{:.3f}", "{:e}", "{:010.4f}"]),
    prefix=st.sampled_from(["frame", "film-", "a.b-", "x "]),
)
def test_times_after_a_letter_or_a_dash(times, text, prefix):
    for time in times:
        assert film_of(PurePosixPath(f"{prefix}{text.format(time)}.png")).time == float(text.format(time))


@pytest.mark.parametrize(
    "names",
    [
        ["frame2.png", "frame10.png"],
        ["t=-0.5s.png", "t=1e-3s.png", "t=0.02s.png", "t=0.1s.png", "t=0.5s.png", "t=2s.png"],
        ["t=\N{MINUS SIGN}2.png", "t=\N{MINUS SIGN}1.png", "t=1.png"],
        ["0.9000D-03.png", "0.1000D-01.png", "0.2000D+00.png"],
        ["v1.9.3.png", "v1.10.2.png", "v1.10.10.png"],
        ["0.02/a.png", "0.1/a.png", "0.1/b.png"],
        ["01.tif", "1.png", "2.png"],
        ["a-9.png", "a-10.png"],
        ["2023-12-31.png", "2024-01-02.png", "2024-01-15.png"],
    ],
)
def test_names_are_sorted_as_people_count(names):
    backwards = names[::-1]
    assert sorted(backwards, key=by_name) == names


@given(st.lists(st.text("0123456789.,-+eE_ab/", min_size=1, max_size=30), max_size=6))
def test_any_names_can_be_sorted_and_read(names):
    sorted(names, key=by_name)
    for name in names:
        film_of(PurePosixPath(name))


def by_name(name):
    return in_order(PurePosixPath(name))
