from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from morphsim.errors import InputError
from morphsim.frames import animate, frame_strip, to_rgb
from morphsim.look import ACCEPTOR_COLOUR, DONOR_COLOUR


def test_colours_of_phases_and_shares():
    rgb = to_rgb(np.array([[0, 1]], np.uint8))
    assert rgb.dtype == np.uint8
    assert rgb.tolist() == [[list(ACCEPTOR_COLOUR), list(DONOR_COLOUR)]]
    np.testing.assert_array_equal(to_rgb(np.array([[False, True]])), rgb)
    np.testing.assert_array_equal(to_rgb(np.array([[-0.01, 1.02]])), rgb)
    ramp = to_rgb(np.linspace(0, 1, 50)[None])[0].astype(int)
    assert (np.diff(ramp.sum(-1)) >= 0).all()
    np.testing.assert_allclose(ramp[25], np.mean([ACCEPTOR_COLOUR, DONOR_COLOUR], axis=0), atol=4)
    assert to_rgb(np.zeros((2, 3, 4, 5))).shape == (2, 3, 4, 5, 3)


def relative_luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance as defined by WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(colour) / 255]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_the_phases_differ_in_lightness_alone_already():
    ratio = (relative_luminance(DONOR_COLOUR) + 0.05) / (relative_luminance(ACCEPTOR_COLOUR) + 0.05)
    assert ratio > 7


@pytest.mark.parametrize(
    "frame", [np.array([[np.nan]]), np.array([[2]]), np.array([[-1]]), np.array([["a"]]), np.zeros(3)]
)
def test_values_that_can_not_be_coloured(frame):
    with pytest.raises(InputError):
        to_rgb(frame)


@pytest.mark.parametrize(("count", "shape"), [(1, (8, 8)), (4, (10, 40)), (8, (10, 40)), (7, (16, 12))])
def test_a_strip_shows_every_frame_in_its_proportions(tmp_path, count, shape):
    frames = np.zeros((count, *shape), np.uint8)
    frames[:, :, : shape[1] // 2] = 1
    frame_strip(frames, tmp_path / "a.png", titles=[f"frame {k}" for k in range(count)])
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.array(image.convert("RGB"))
    # The legend has the same colours, so only the picture above it is read.
    donor = (pixels[: -round(0.4 * 150)] == DONOR_COLOUR).all(-1)
    acceptor = (pixels[: -round(0.4 * 150)] == ACCEPTOR_COLOUR).all(-1)
    assert abs(donor.sum() - acceptor.sum()) < 0.05 * donor.sum()
    row = (donor | acceptor)[np.argmax((donor | acceptor).sum(1))]
    edges = np.flatnonzero(np.diff(np.r_[0, row, 0]))
    column = (donor | acceptor)[:, edges[0] + 2]
    height = np.diff(np.flatnonzero(np.diff(np.r_[0, column, 0]))[:2])[0]
    assert (edges[1] - edges[0]) / height == pytest.approx(shape[1] / shape[0], rel=0.03)
    columns = len(edges) // 2
    assert columns == {(1, (8, 8)): 1, (4, (10, 40)): 1, (8, (10, 40)): 2, (7, (16, 12)): 4}[count, shape]


def test_strips_are_repeatable_and_take_shares(tmp_path):
    for name in ("a.png", "b.png"):
        frame_strip([np.linspace(0, 1, 60).reshape(6, 10), np.eye(4)], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("frames", "options"),
    [
        (np.zeros((0, 2, 2)), {}),
        (np.zeros((33, 2, 2)), {}),
        (np.zeros((2, 2)), {}),
        (np.zeros((1, 2, 2, 2)), {}),
        (np.zeros((2, 2, 2)), {"titles": ["one"]}),
    ],
)
def test_strips_that_can_not_be(tmp_path, frames, options):
    with pytest.raises(InputError):
        frame_strip(frames, tmp_path / "a.png", **options)
    with pytest.raises(InputError, match=r"\.png"):
        frame_strip(np.zeros((1, 2, 2)), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_a_gif_shows_every_frame_for_its_time(tmp_path):
    frames = np.random.default_rng(0).integers(0, 2, (5, 10, 20), dtype=np.uint8)
    animate(frames, tmp_path / "a.gif", fps=8)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 5
        assert image.info["loop"] == 0
        for number, frame in enumerate(frames):
            image.seek(number)
            assert image.info["duration"] == 120
            pixels = np.array(image.convert("RGB"))[::32, ::32].astype(int)
            assert abs(pixels - to_rgb(frame)).max() == 0


def test_a_gif_of_shares(tmp_path):
    shares = np.stack([np.tile(np.linspace(0, 1, 64), (8, 1)) * scale for scale in (1.0, 0.5)])
    animate(shares, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        image.seek(1)
        pixels = np.array(image.convert("RGB"))[::10, ::10].astype(int)
    assert abs(pixels - to_rgb(shares[1])).max() <= 1


def film_rows(picture: np.ndarray) -> np.ndarray:
    """Which rows of a picture hold film, by its first column."""
    return (picture[:, 0] != 255).any(axis=-1)


def pictures_of(path) -> list[np.ndarray]:
    with Image.open(path) as image:
        pictures = []
        for number in range(image.n_frames):
            image.seek(number)
            pictures.append(np.array(image.convert("RGB")))
    return pictures


@pytest.mark.parametrize(
    ("shape", "width", "thickness"),
    [
        ((20, 80), 4.0, 1.0),
        ((20, 20), 4.0, 1.0),
        ((80, 20), 0.5, 2.0),
        ((6, 6), 64.0, 1.0),
        ((10, 400), 300, 90),
    ],
)
def test_a_movie_to_scale(tmp_path, shape, width, thickness):
    frames = np.zeros((3, *shape))
    frames[:, shape[0] // 2 :] = 1.0
    heights = [thickness, 0.5 * thickness, 0.25 * thickness]
    animate(frames, tmp_path / "a.gif", thickness=heights, width=width)
    pictures = pictures_of(tmp_path / "a.gif")
    rows, columns = pictures[0].shape[:2]
    assert 300 <= max(rows, columns) <= 1920
    assert columns / rows == pytest.approx(width / thickness, rel=0.02)
    for picture, height in zip(pictures, heights, strict=True):
        film = film_rows(picture)
        assert film.sum() == pytest.approx(rows * height / thickness, abs=1)
        assert not film[: rows - film.sum()].any()
        # The donor is the lower half of the remaining film.
        assert (picture[-1] == DONOR_COLOUR).all()
        assert (picture[rows - film.sum()] == ACCEPTOR_COLOUR).all()
        assert ((picture == DONOR_COLOUR).all(-1)[:, 0].sum()) == pytest.approx(film.sum() / 2, abs=1)


def test_titles_are_drawn_above_the_pictures_with_a_legend(tmp_path):
    frames = np.zeros((2, 10, 40))
    animate(frames, tmp_path / "bare.gif")
    animate(frames, tmp_path / "a.gif", titles=["1 s, 500 nm", "2 s, 400 nm"])
    bare, (first, second) = pictures_of(tmp_path / "bare.gif")[0], pictures_of(tmp_path / "a.gif")
    bar = len(first) - len(bare)
    assert 15 < bar < 60
    np.testing.assert_array_equal(first[bar:], bare)
    text = (first[:bar] == 0).all(-1)
    assert text.any()
    assert not np.array_equal(first[:bar], second[:bar])
    # The legend runs from one colour to the other.
    middle = first[bar // 2]
    left = np.flatnonzero((middle == ACCEPTOR_COLOUR).all(-1))
    right = np.flatnonzero((middle == DONOR_COLOUR).all(-1))
    assert len(left)
    assert len(right)
    assert left.max() < right.min()
    assert left.min() > first.shape[1] / 2


def test_a_narrow_picture_is_widened_for_its_title(tmp_path):
    animate(np.zeros((1, 640, 4)), tmp_path / "a.gif", titles=["123 ms, 456 nm"])
    (picture,) = pictures_of(tmp_path / "a.gif")
    assert picture.shape[1] > 60
    assert (picture[-1, :4] == ACCEPTOR_COLOUR).all()
    assert (picture[-1, 4:] == 255).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"titles": ["one"]}, "1 titles are given for 2 frames"),
        ({"titles": ["one", "two\nlines"]}, "several lines"),
        ({"thickness": [1.0]}, "thickness must be 2 positive numbers"),
        ({"thickness": [1.0, 0.0]}, "thickness must be 2 positive numbers"),
        ({"width": 1.0}, "width is given without thickness"),
        ({"width": 0.0, "thickness": [1.0, 1.0]}, "width is 0.0; it must be a positive length"),
        ({"width": float("nan"), "thickness": [1.0, 1.0]}, "width is nan"),
    ],
)
def test_options_of_a_movie_that_can_not_be(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        animate(np.zeros((2, 4, 4)), tmp_path / "a.gif", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("frames", "name", "fps"),
    [
        (np.zeros((2, 2)), "a.gif", 10),
        (np.zeros((0, 2, 2)), "a.gif", 10),
        (np.zeros((1, 2, 2)), "a.gif", 51),
        (np.zeros((1, 2, 2)), "a.gif", 0),
        (np.zeros((1, 2, 2)), "a.gif", float("nan")),
        (np.zeros((1, 2, 2)), "a.avi", 10),
        (np.full((1, 2, 2), np.nan), "a.gif", 10),
    ],
)
def test_movies_that_can_not_be(tmp_path, frames, name, fps):
    with pytest.raises(InputError):
        animate(frames, tmp_path / name, fps=fps)
    assert not list(tmp_path.iterdir())


def test_mp4_without_its_extra_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match=r"pip install morphsim\[movie\]"):
        animate(np.zeros((2, 4, 4)), tmp_path / "a.mp4")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # imageio-ffmpeg leaves pipes
def test_mp4(tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the extra `movie` is not installed")
    frames = np.zeros((6, 31, 65), np.uint8)
    frames[:, :, 30:] = 1
    animate(frames, tmp_path / "a.mp4", fps=10)
    reader = imageio_ffmpeg.read_frames(str(tmp_path / "a.mp4"))
    width, height = next(reader)["source_size"]
    pictures = [np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in reader]
    assert len(pictures) == 6
    assert width / height == pytest.approx(65 / 31, rel=0.02)
    assert abs(pictures[3][height // 2, width // 4].astype(int) - ACCEPTOR_COLOUR).max() < 16
    assert abs(pictures[3][height // 2, -width // 4].astype(int) - DONOR_COLOUR).max() < 16
