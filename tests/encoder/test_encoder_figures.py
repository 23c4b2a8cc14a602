"""The pictures of a training run: colours, legend and titles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import morphsim.encoder.training.figures as figures
from morphsim.encoder.training.figures import frame_titles
from morphsim.frames import to_rgb
from morphsim.look import ACCEPTOR_COLOUR, DONOR_COLOUR
from tests.encoder.conftest import frame_set, stripes


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the matplotlib figures that are saved."""
    kept: list[Any] = []
    save = figures.save_figure

    def keep(figure: Any, path: Path, *, dpi: float) -> None:
        save(figure, path, dpi=dpi)
        kept.append(figure)

    monkeypatch.setattr(figures, "save_figure", keep)
    return kept


def legend_of(figure: Any) -> dict[str, tuple[int, ...]]:
    (legend,) = figure.subfigs[-1].legends
    labels = [text.get_text() for text in legend.get_texts()]
    colours = [patch.get_facecolor()[:3] for patch in legend.get_patches()]
    return {
        label: tuple(round(255 * value) for value in colour)
        for label, colour in zip(labels, colours, strict=True)
    }


@pytest.mark.parametrize("shape", [(8, 30), (9, 10)])
def test_reconstructions_have_the_colours_of_all_frames_and_a_legend(
    drawn: list[Any], tmp_path: Path, shape: tuple[int, int]
) -> None:
    frames = stripes(7, shape)
    painted = np.random.default_rng(0).random(frames.shape, np.float32)
    titles = [f"frame {number}, trajectory 12, time 0.25 h0^2/D_s" for number in range(7)]
    figures.draw_reconstructions(tmp_path / "drawn.png", frames, painted, titles)
    (figure,) = drawn
    assert legend_of(figure) == {"donor": DONOR_COLOUR, "acceptor": ACCEPTOR_COLOUR}
    images: dict[int, list[Any]] = {}
    for group in figure.subfigs[:-1]:
        columns = len(group.axes) // 2
        for column in range(columns):
            above, below = group.axes[column], group.axes[columns + column]
            if above.images:
                images[len(images)] = [above.images[0].get_array(), below.images[0].get_array()]
                assert above.get_title().replace("\n", " ") == titles[len(images) - 1]
                # Titles do not overlap.
                title, panel = above.title.get_window_extent(), above.get_window_extent()
                assert title.width <= panel.width
    assert len(images) == 7
    for number, (above, below) in images.items():
        assert np.array_equal(above, to_rgb(frames[number])) and np.array_equal(
            below, to_rgb(painted[number])
        )


def test_channels_are_present_or_absent(drawn: list[Any], tmp_path: Path) -> None:
    frames = stripes(4, (8, 30)).reshape(2, 2, 8, 30)
    titles = ["frame 1, time 2 US$", "frame 2, time 3 US$"]
    figures.draw_reconstructions(tmp_path / "drawn.png", frames, frames.astype(np.float32), titles)
    assert legend_of(drawn[0]) == {"present": DONOR_COLOUR, "absent": ACCEPTOR_COLOUR}
    assert np.array_equal(
        drawn[0].subfigs[0].axes[0].images[0].get_array(), to_rgb(frames[0].reshape(16, 30))
    )


def test_titles_give_the_unit_of_time_where_it_is_known() -> None:
    frames = frame_set()
    assert frame_titles([0, 7], frames) == [
        "frame 0, trajectory 0, time 0",
        "frame 7, trajectory 1, time 1.5",
    ]
    timed = replace(frames, units={"time": "h0^2/D_s"})
    assert frame_titles([7], timed) == ["frame 7, trajectory 1, time 1.5 h0^2/D_s"]
    unknown = replace(timed, columns={**frames.columns, "time": np.full(len(frames), np.nan)})
    assert frame_titles([7], unknown) == ["frame 7, trajectory 1"]
