from __future__ import annotations

import math
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morphsim.errors import InputError
from morphsim.frames.graspi import parse_graspi, read_graspi
from morphsim.frames.names import film_of


def text_of(frame: np.ndarray) -> str:
    """Without a header; the donor is 1 in frames and 0 in GraSPI's files."""
    return "\n".join(" ".join(map(str, row)) for row in 1 - frame)


WIDE = hnp.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(4, 9)), elements=st.integers(0, 1))


@given(frame=WIDE, ending=st.sampled_from(["", "\n", " \n\n"]))
def test_without_header_each_line_is_a_row(frame, ending):
    np.testing.assert_array_equal(parse_graspi(text_of(frame) + ending), frame)


@given(frame=WIDE, layers=st.sampled_from(["", " 1", " 0"]), separator=st.sampled_from([" ", "\n", "\t"]))
def test_with_header_line_breaks_don_t_matter(frame, layers, separator):
    height, width = frame.shape
    values = separator.join(map(str, 1 - frame.ravel()))
    if separator != "\n" or (height, width) == (width, height) or height != 1:
        np.testing.assert_array_equal(parse_graspi(f"{width} {height}{layers}\n{values}"), frame)
    np.testing.assert_array_equal(parse_graspi(f"{width} {height}{layers}\n{text_of(frame)}\n"), frame)


def test_published_sizes(tmp_path):
    rng = np.random.default_rng(0)
    for (height, width), header in [((101, 401), ""), ((128, 512), "512 128\n"), ((204, 830), "830 204 1\n")]:
        frame = rng.integers(0, 2, (height, width), dtype=np.uint8)
        (tmp_path / "a.txt").write_text(header + text_of(frame) + "\n")
        np.testing.assert_array_equal(read_graspi(tmp_path / "a.txt"), frame)


def test_floats_of_whole_phases_are_read():
    assert parse_graspi("0.0 1.0 1e0 0\n1 1 1 1").tolist() == [[1, 0, 0, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n \n", "empty"),
        ("2 2 2\n0 1 0 1 0 1 0 1", "2 layers"),
        ("2 2 -1\n0 1 0 1", "first line"),
        ("0 2 1\n0 1 0 1", "first line"),
        ("4 3 0\n0 0 1 1", "asks for 12"),
        ("2 2\n0 1 0 2", "phase 2"),
        ("0 1 0 3\n", "phase 3"),
        ("0 1 0 nan\n", "phase nan"),
        ("0 1 0 0.5\n", "phase 0.5"),
        ("0 1 0 1\n0 1 0 1 0", "4 to 5"),
        ("3 2\n0 1 0 1 0", "asks for 6"),
        ("3 2\n0 1 0 1 0 1 1", "asks for 6"),
        ("3 2", "asks for 6"),
        ("3 2\n0 1\n0 1\n1 1", "transpose"),
        ("0 2\n", "first line"),
        ("-1 2\n0 1", "first line"),
        ("1", "first line"),
        ("hello world\n", "first line"),
        ("this is no frame at all", "not a number"),
        ("9" * 5000 + " 2\n0 1", "first line"),
        ("² ³\n0 1", "first line"),
    ],
)
def test_other_texts_are_dropped_with_the_reason(text, words):
    with pytest.raises(InputError, match=words):
        parse_graspi(text)


@given(text=st.text(st.sampled_from("01 2\n.-e\x00²"), max_size=40) | st.text(max_size=30))
def test_any_text_gives_a_frame_or_a_reason(text):
    try:
        frame = parse_graspi(text)
    except InputError:
        return
    assert frame.ndim == 2
    assert frame.size > 0
    assert set(np.unique(frame)) <= {0, 1}


@given(
    frame=WIDE,
    layers=st.sampled_from(["", " 0", " 1", "\t0 "]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    separator=st.sampled_from([" ", "\t", "  "]),
    ending=st.sampled_from(["", "\n", "\n\n \n"]),
    encoding=st.sampled_from(["ascii", "utf-8-sig", "utf-16"]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_of_other_programs(tmp_path, frame, layers, newline, separator, ending, encoding):
    text = f"{frame.shape[1]} {frame.shape[0]}{layers}\n{text_of(frame)}\n{ending}"
    text = text.replace(" ", separator).replace("\n", newline)
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    np.testing.assert_array_equal(read_graspi(tmp_path / "a.txt"), frame)


def test_graspi_s_own_header():
    found = parse_graspi("4 3 0\n0 0 1 1\n0 1 1 0\n0 1 1 0\n")
    assert found.tolist() == [[1, 1, 0, 0], [1, 0, 0, 1], [1, 0, 0, 1]]


def test_a_text_that_is_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("morphsim.csv_files.MOST_BYTES", 8)
    (tmp_path / "a.txt").write_text("0 1 0 1 0 1\n")
    with pytest.raises(InputError, match="exceeds the limit of 8 bytes"):
        read_graspi(tmp_path / "a.txt")


def test_bytes_that_are_not_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe0 1")
    with pytest.raises(InputError, match="plain text"):
        read_graspi(tmp_path / "a.txt")
    with pytest.raises(InputError, match="No such file"):
        read_graspi(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("path", "name", "blend_ratio", "chi", "time"),
    [
        ("data_0.514_2.4_000220.txt", "data_0.514_2.4", 0.514, 2.4, 220),
        ("run 1/data_0.514_2.4_000220.txt", "run 1/data_0.514_2.4", 0.514, 2.4, 220),
        ("my_film_1_3_7.png", "my_film_1_3", 1.0, 3.0, 7),
        ("BR0.54-CHI2.4/000123.png", "BR0.54-CHI2.4", 0.54, 2.4, 123),
        ("a/br0.54-chi3/seed1/frame12.png", "a/br0.54-chi3/seed1", 0.54, 3.0, 12),
        ("plain.png", "", math.nan, math.nan, math.nan),
        ("folder/frame007.png", "folder", math.nan, math.nan, 7),
        ("data_0.5.1_2.4_3.txt", "", math.nan, math.nan, 3),
    ],
)
def test_names(path, name, blend_ratio, chi, time):
    film = film_of(PurePosixPath(path))
    assert film.name == name
    np.testing.assert_array_equal([film.blend_ratio, film.chi, film.time], [blend_ratio, chi, time])


@given(
    blend=st.floats(0, 1),
    chi=st.floats(0, 10),
    time=st.integers(0, 10**6),
    prefix=st.text("ab_.0", max_size=5),
)
def test_any_recipe_is_found_in_a_name(blend, chi, time, prefix):
    film = film_of(PurePosixPath(f"x{prefix}_{blend:.3f}_{chi:.2f}_{time:06d}.txt"))
    assert (film.blend_ratio, film.chi, film.time) == (float(f"{blend:.3f}"), float(f"{chi:.2f}"), time)
