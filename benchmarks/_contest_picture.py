"""The picture of a contest: targets above, the films of a policy below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.steering.contest import Standing
from morphsim.frames import to_rgb
from morphsim.look import phase_patches, save_figure, with_look

_COLUMNS = 4
_DOTS_PER_INCH = 100


@with_look
def draw_contest(
    path: Path, targets: NDArray[np.uint8], names: list[str], standing: Standing, regret: NDArray[np.float64]
) -> None:
    """Draw the first targets and the first film of each, none of them chosen.

    Args:
        path: of the picture.
        targets: (T, H, W) 0/1.
        names: (T,) of the targets.
        standing: whose films are drawn.
        regret: (T,) of the first film of each target, by the ruler.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = min(2 * _COLUMNS, len(targets))
    rows = 2 * -(-shown // _COLUMNS)
    height, width = targets.shape[1:]
    across = 11.0
    figure = Figure(
        figsize=(across, rows * (across / _COLUMNS * height / width + 0.3) + 0.3), layout="constrained"
    )
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for place in range(shown):
        row, column = 2 * (place // _COLUMNS), place % _COLUMNS
        axes[row, column].imshow(to_rgb(targets[place]), interpolation="nearest")
        axes[row, column].set_title(f"target {names[place]}")
        axes[row + 1, column].imshow(to_rgb(standing.films.frames[place, 0]), interpolation="nearest")
        axes[row + 1, column].set_title(f"the agent's film, regret {regret[place]:.2f}")
    figure.legend(handles=phase_patches(), loc="outside lower right", ncols=2)
    save_figure(figure, path, dpi=_DOTS_PER_INCH)
