"""Pictures of a training run: frames over their reconstructions, and the curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.files import atomic_path

_INCHES_ACROSS = 12.0
_DOTS_PER_INCH = 120


def draw_reconstructions(
    path: Path, frames: NDArray[np.uint8], probabilities: NDArray[np.float32], titles: Sequence[str]
) -> None:
    """Draw each frame above its reconstruction, donor in black.

    Args:
        path: of the PNG.
        frames: (K, H, W) 0/1, or (K, C, H, W), whose channels are drawn below each other.
        probabilities: of donor, in the same shape.
        titles: K texts, one above each frame.
    """
    from matplotlib.figure import Figure

    frames, probabilities = (pictures(values) for values in (frames, probabilities))
    count, height, width = frames.shape
    across = min(count, 3 if width > 2 * height else 6)
    down = -(-count // across)
    panel = _INCHES_ACROSS / across
    size = (_INCHES_ACROSS, down * (2 * panel * height / width + 0.6))
    figure = Figure(figsize=size, layout="constrained")
    for group, row in zip(figure.subfigures(down, 1, squeeze=False)[:, 0], range(down), strict=True):
        axes = group.subplots(2, across, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for column, index in enumerate(range(row * across, min(count, (row + 1) * across))):
            for axis, image in zip(axes[:, column], (frames[index], probabilities[index]), strict=True):
                axis.imshow(image, cmap="gray_r", vmin=0.0, vmax=1.0, interpolation="nearest")
                # A thin line around it: frames of one phase are white on white.
                axis.set_axis_on()
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set(linewidth=0.5, color="gray")
            axes[0, column].set_title(titles[index], fontsize=8)
    _save(figure, path)


def pictures(frames: NDArray[Any]) -> NDArray[Any]:
    """Lay the channels of frames (K, C, H, W) below each other, (K, C * H, W); (K, H, W) stays as it is."""
    return frames.reshape(len(frames), -1, frames.shape[-1])


def draw_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Draw the losses, active units and, where it is known, triplet accuracy over the epochs."""
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
        axis.legend(frameon=False)
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
        axis.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DOTS_PER_INCH)
