"""Pictures stay within size limits, whatever the shape of the frames."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from morphsim.encoder.training.board import Board
from morphsim.encoder.training.figures import draw_reconstructions
from morphsim.frames import animate, frame_strip
from morphsim.frames.pictures.size import LONGEST_SIDE, MOST_PIXELS, shrink

SHAPES = [(1, 10000), (10000, 1), (1, 1)]


def size_of(path, *, most=MOST_PIXELS):
    with Image.open(path) as image:
        width, height = image.size
    assert max(width, height) <= LONGEST_SIDE
    assert width * height <= 1.01 * most
    return width, height


@pytest.mark.parametrize("shape", SHAPES)
def test_strips(tmp_path, shape):
    frame_strip(np.ones((3, *shape), np.uint8), tmp_path / "a.png", titles=["a title"] * 3)
    size_of(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        # The frame is visible.
        donor = (np.asarray(image.convert("RGB")) == (250, 190, 70)).all(-1)
    assert donor[: -round(0.4 * 150)].any()


def test_a_strip_of_many_high_frames(tmp_path):
    frame_strip(np.ones((32, 40, 5), np.uint8), tmp_path / "a.png", titles=["a"] * 32)
    size_of(tmp_path / "a.png")


@pytest.mark.parametrize("shape", SHAPES)
def test_movies(tmp_path, shape):
    frames = np.stack([np.zeros(shape, np.uint8), np.ones(shape, np.uint8)])
    animate(frames, tmp_path / "a.gif")
    assert max(size_of(tmp_path / "a.gif")) <= 4096
    animate(frames, tmp_path / "b.gif", titles=["a long title " * 500, "b"])
    assert max(size_of(tmp_path / "b.gif", most=2**25)) <= 4096 + 2 * 28
    animate(frames, tmp_path / "c.gif", thickness=[1.0, 0.5], width=1e-3)
    assert max(size_of(tmp_path / "c.gif")) <= 4096


@pytest.mark.parametrize("shape", [*SHAPES, (4, 3000, 2)])
def test_reconstructions(tmp_path, shape):
    frames = np.ones((4, *shape), np.uint8)
    draw_reconstructions(tmp_path / "a.png", frames, frames.astype(np.float32), ["a title"] * 4)
    size_of(tmp_path / "a.png")


def test_pictures_on_the_board(tmp_path):
    written = []

    class Writer:
        def add_image(self, name, picture, epoch, dataformats):
            written.append(picture.shape)

    board = Board(tmp_path, first_epoch=1, enabled=False)
    board._writer = Writer()
    for shape in SHAPES:
        frames = np.ones((12, 1, *shape), np.float32)
        board.reconstructions(0, frames, frames)
    assert len(written) == len(SHAPES)
    for height, width, _ in written:
        assert max(height, width) <= LONGEST_SIDE and height * width <= MOST_PIXELS


def test_a_picture_within_the_limits_stays_as_it_is():
    picture = np.arange(12).reshape(3, 4)
    assert shrink(picture) is picture
    assert shrink(np.zeros((3000, 3000, 3))).shape[0] ** 2 <= MOST_PIXELS
