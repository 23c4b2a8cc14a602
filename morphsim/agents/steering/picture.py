"""The picture of a steered film: target, film, knobs in physical units, and distance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from morphsim.agents.steering.steer import SteeredFilm
from morphsim.frames import to_rgb
from morphsim.frames.pictures.lengths import length_text, time_scale
from morphsim.frames.pictures.scale import scale_bar, stretch_of
from morphsim.frames.pictures.size import figure_size, shrink
from morphsim.look import BLACK, BLUE, RED, phase_patches, save_figure, with_look

_DOTS_PER_INCH = 110
_WIDTH = 10.0
_TRACE = 1.15


@with_look
def draw_steered(path: Path, film: SteeredFilm) -> None:
    """Draw the target beside the film's last frame, and below them each knob and the distance over time.

    Args:
        path: of the picture.
        film: that an agent steered.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stretch = stretch_of(*film.size_nm)
    aspect = stretch.across / stretch.along
    height = 0.5 * _WIDTH * film.size_nm[1] / film.size_nm[0] * aspect + 0.7
    heights = [height, _TRACE * (len(film.knobs) + 1) + 0.4]
    figure = Figure(figsize=figure_size(_WIDTH, sum(heights), dpi=_DOTS_PER_INCH), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subfigures(2, 1, height_ratios=heights)  # type: ignore[misc]
    _draw_frames(above, film, aspect, stretch.text)
    axes = below.subplots(len(film.knobs) + 1, 1, sharex=True, squeeze=False).ravel()
    scale, unit = time_scale(float(film.time_s[-1]))
    for axis, knob in zip(axes, film.knobs, strict=False):
        axis.plot(knob.time_s * scale, knob.values, color=BLUE)
        axis.set_ylabel(f"{knob.name}\n[{knob.unit}]" if knob.unit else knob.name)
    axes[-1].plot(film.time_s * scale, film.distances, color=RED, marker="o", ms=3)
    axes[-1].set_ylabel("distance\nfrom target")
    axes[-1].set_ylim(bottom=0.0)
    axes[-1].set_xlabel(f"time [{unit}]")
    below.align_ylabels()
    save_figure(figure, path, dpi=_DOTS_PER_INCH)


def _draw_frames(figure: Any, film: SteeredFilm, aspect: float, stretched: str) -> None:
    width, thickness = film.size_nm
    place: dict[str, Any] = {
        "interpolation": "nearest",
        "extent": (0.0, width, 0.0, thickness),
        "aspect": aspect,
    }
    axes = figure.subplots(1, 2)
    for axis, frame, title in (
        (axes[0], film.target, "target"),
        (axes[1], film.frames[-1], f"the agent's film, distance {film.distances[-1]:.3f}"),
    ):
        axis.imshow(shrink(to_rgb(frame)), **place)
        axis.set_axis_off()
        axis.set_title(title)
    bar = scale_bar(width)
    text = ", ".join(part for part in (length_text(bar), stretched) if part)
    axes[0].autoscale(False)
    (line,) = axes[0].plot([0.0, bar], [-0.12 * thickness] * 2, color=BLACK, lw=3, clip_on=False)
    told = axes[0].text(1.05 * bar, -0.12 * thickness, text, va="center", fontsize=8)
    for each in (line, told):
        each.set_in_layout(False)
    figure.legend(handles=phase_patches(), loc="outside lower right", ncols=2)
