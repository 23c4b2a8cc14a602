from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from morphsim.errors import InputError
from morphsim.frames import animate, frame_strip, to_rgb
from morphsim.frames.render import ACCEPTOR_COLOUR, DONOR_COLOUR


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
    """As WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(colour) / 255]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_the_phases_differ_in_lightness_alone_already():
    ratio = (relative_luminance(DONOR_COLOUR) + 0.05) / (relative_luminance(ACCEPTOR_COLOUR) + 0.05)
    assert ratio > 7


@pytest.mark.parametrize(
    "frame", [np.array([[np.nan]]), np.array([[2]]), np.array([[-1]]), np.array([["a"]]), np.zeros(3)]
)
def test_what_has_no_colour(frame):
    with pytest.raises(InputError):
        to_rgb(frame)


@pytest.mark.parametrize(("count", "shape"), [(1, (8, 8)), (4, (10, 40)), (8, (10, 40)), (7, (16, 12))])
def test_a_strip_shows_every_frame_in_its_proportions(tmp_path, count, shape):
    frames = np.zeros((count, *shape), np.uint8)
    frames[:, :, : shape[1] // 2] = 1
    frame_strip(frames, tmp_path / "a.png", titles=[f"frame {k}" for k in range(count)])
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.array(image.convert("RGB"))
    # The legend's patches are alike in colour, so the picture is read above it.
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


def test_mp4_without_its_extra_says_how_to_get_it(tmp_path, monkeypatch):
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
