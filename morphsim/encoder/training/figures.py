"""Pictures of a training run: frames over their reconstructions, and the curves."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.frames import FrameSet, to_rgb
from morphsim.frames.pictures.size import MOST_PIXELS, drawn_aspect, shrink
from morphsim.look import ACCEPTOR_COLOUR, DONOR_COLOUR, hexadecimal, save_figure, with_look

_SHOWN_FRAMES = 12
_INCHES_ACROSS = 12.0
_INCHES_OF_LEGEND = 0.6
_LETTERS_AN_INCH = 13
_DOTS_PER_INCH = 120


@with_look
def draw_reconstructions(
    path: Path, frames: NDArray[np.uint8], probabilities: NDArray[np.float32], titles: Sequence[str]
) -> None:
    """Draw each frame above its reconstruction, in the colours of `to_rgb` and with a legend.

    Args:
        path: of the PNG.
        frames: (K, H, W) 0/1, or (K, C, H, W), whose channels are drawn below each other.
        probabilities: of donor, in the same shape.
        titles: K texts, one above each frame.

    The picture stays within the limits of `morphsim.frames.pictures.size`, however high the frames are.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    one, none = ("donor", "acceptor") if frames.ndim == 3 else ("present", "absent")
    frames, probabilities = (pictures(values) for values in (frames, probabilities))
    count, height, width = frames.shape
    across = min(count, 3 if width > 2 * height else 6)
    down = -(-count // across)
    panel = _INCHES_ACROSS / across
    aspect = drawn_aspect(height, width)
    wanted = down * (2 * panel / aspect + 0.6) + _INCHES_OF_LEGEND
    # The text needs the full width, so high frames become narrower.
    size = (_INCHES_ACROSS, min(wanted, MOST_PIXELS / _DOTS_PER_INCH**2 / _INCHES_ACROSS))
    figure = Figure(figsize=size, layout="constrained")
    heights = [*[size[1] - _INCHES_OF_LEGEND] * down, _INCHES_OF_LEGEND * down]
    groups = figure.subfigures(down + 1, 1, squeeze=False, height_ratios=heights)[:, 0]
    for group, row in zip(groups[:-1], range(down), strict=True):
        axes = group.subplots(2, across, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for column, index in enumerate(range(row * across, min(count, (row + 1) * across))):
            for axis, image in zip(axes[:, column], (frames[index], probabilities[index]), strict=True):
                axis.imshow(shrink(to_rgb(image)), interpolation="nearest", aspect="auto")
                axis.set_box_aspect(1 / aspect)
            title = textwrap.fill(titles[index], round(panel * _LETTERS_AN_INCH))
            # A user's unit may contain dollar signs.
            axes[0, column].set_title(title, fontsize=8, parse_math=False)
    groups[-1].legend(
        handles=[
            Patch(color=hexadecimal(colour), label=label)
            for colour, label in ((DONOR_COLOUR, one), (ACCEPTOR_COLOUR, none))
        ],
        title="Above: frame. Below: its reconstruction, both colours mixed by their probabilities.",
        title_fontsize=9,
        fontsize=9,
        loc="center",
        ncol=2,
        frameon=False,
    )
    save_figure(figure, path, dpi=_DOTS_PER_INCH)


def pictures(frames: NDArray[Any]) -> NDArray[Any]:
    """Put the channels of frames (K, C, H, W) below each other, (K, C * H, W); (K, H, W) stays as it is."""
    return frames.reshape(len(frames), -1, frames.shape[-1])


def shown_frames(held_out: torch.Tensor, *, most: int = _SHOWN_FRAMES) -> NDArray[np.int64]:
    """Choose at most `most` held-out frames for pictures, evenly spread over all of them."""
    places = np.unique(np.linspace(0, len(held_out) - 1, min(most, len(held_out))).round().astype(int))
    chosen: NDArray[np.int64] = held_out.numpy()[places]
    return chosen


def frame_titles(rows: Sequence[int] | NDArray[np.int64], frame_set: FrameSet) -> list[str]:
    """Return a title for each of the frames `rows`: number, trajectory and time, with the unit if known."""
    columns, unit = frame_set.columns, frame_set.units.get("time", "")
    titles = []
    for row in rows:
        title = f"frame {row}, trajectory {columns['trajectory'][row]}"
        if "time" in columns and np.isfinite(columns["time"][row]):
            title += f", time {columns['time'][row]:g} {unit}".rstrip()
        titles.append(title)
    return titles


@with_look
def draw_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Draw the losses, active units and, if known, triplet accuracy over the epochs."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    labels = {
        "negative_elbo": "-ELBO [nats a frame]",
        "kl": "KL divergence [nats a frame]",
        "reconstruction": "reconstruction loss of a frame",
    }
    shown = ("negative_elbo", "kl") if "train_kl" in history[0] else ("reconstruction",)
    accuracy = "held_out_triplet_accuracy"
    epochs = [record["epoch"] for record in history]
    panels = len(shown) + 1 + (accuracy in history[0])
    figure = Figure(figsize=(_INCHES_ACROSS, 3.6), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    marker = "." if len(epochs) < 50 else None
    for axis, name in zip(axes, shown, strict=False):
        for part, text in (("train", "training"), ("held_out", "held out")):
            axis.plot(epochs, [record[f"{part}_{name}"] for record in history], marker=marker, label=text)
        axis.set_ylabel(labels[name])
        axis.legend()
    active = axes[len(shown)]
    active.plot(epochs, [record["active_units"] for record in history], marker=marker, color="black")
    active.set_ylabel("active latents (held out)")
    active.set_ylim(bottom=0)
    active.yaxis.set_major_locator(MaxNLocator(integer=True))
    if accuracy in history[0]:
        axes[-1].plot(epochs, [100 * record[accuracy] for record in history], marker=marker, color="black")
        axes[-1].set_ylabel("triplet accuracy (held out) [%]")
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    save_figure(figure, path, dpi=_DOTS_PER_INCH)
