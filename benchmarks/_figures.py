"""The figures of the page of benchmarks, as SVG that is the same whenever it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from morphsim.look import BLACK, BLUE, ORANGE, look, save_figure

Result = Mapping[str, Any]


def draw(name: str, result: Result, folder: Path) -> Path | None:
    """Draw the figure of the result `name` as `folder`/NAME.svg; None where there is nothing to draw."""
    plot = FIGURES.get(result["benchmark"])
    if plot is None:
        return None
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with look():
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        FigureCanvasSVG(figure)
        if not plot(figure, result):
            return None
        target = folder / f"{name}.svg"
        save_figure(figure, target, dpi=72)
    return target


def _energy(figure: Any, result: Result) -> bool:
    """How far the free energy is from the reference, with what others have published."""
    axes = figure.add_subplot()
    axes.axhline(0.0, color="k", lw=0.8)
    for name, published in result["results"]["published"].items():
        deviations = [_gap(value) for value in published["deviation_percent"]]
        axes.plot(result["times"], deviations, ".:", label=name, alpha=0.7)
    own = [_gap(row["deviation_percent"]) for row in result["results"]["by_time"]]
    axes.plot(result["times"], own, "x-", color="k", label="morphsim")
    axes.set(xscale="log", xlabel="time", ylabel="free energy, deviation from the reference [%]")
    axes.set_title(f"PFHub {result['case']}")
    axes.legend()
    return True


def _matched(figure: Any, result: Result) -> bool:
    """Seconds at equal error, of py-pde and of this package."""
    problems = [entry for entry in result["results"]["matched_error"] if entry["matched"]]
    if not problems:
        return False
    labels, peer, own = [], [], []
    for problem in problems:
        for entry in problem["matched"]:
            labels.append(f"{problem['problem']}\n{entry['backend']}, {entry['stencil']}")
            peer.append(entry["peer_seconds"])
            own.append(entry["own_seconds"])
    axes = figure.add_subplot()
    rows = range(len(labels))
    axes.barh([row + 0.2 for row in rows], peer, height=0.36, color="0.7", label="py-pde")
    axes.barh([row - 0.2 for row in rows], own, height=0.36, color="C0", label="morphsim")
    for row in rows:
        axes.text(peer[row], row + 0.2, f" {peer[row] / own[row]:.3g} times", va="center", fontsize=7)
    axes.set(xlabel="seconds on one core at equal error", yticks=list(rows))
    axes.margins(x=0.15)
    axes.set_yticklabels(labels, fontsize=7)
    axes.invert_yaxis()
    axes.legend()
    return True


def _coarsening(figure: Any, result: Result) -> bool:
    """Interface length against time, published (dots) and simulated (lines)."""
    axes = figure.add_subplot()
    chis = sorted({film["chi"] for film in result["results"]["films"]})
    for film in result["results"]["films"]:
        colour = f"C{chis.index(film['chi'])}"
        axes.plot(film["time"], film["published"], ".", ms=4, color=colour, alpha=0.6)
        axes.plot(film["time"], film["simulated"], "-", lw=1, color=colour)
    for index, chi in enumerate(chis):
        axes.plot([], [], ".-", color=f"C{index}", label=f"chi {chi:g}")
    axes.set(xscale="log", yscale="log", xlabel="published time", ylabel="interface length [edges]")
    axes.set_title("Published frames (dots) and simulated films (lines)")
    axes.legend()
    return True


def _strip(figure: Any, result: Result) -> bool:
    """Drying time and stratification as shares of the published ones."""
    axes = figure.add_subplot()
    cases = result["results"]
    for offset, key, label in (
        (-0.15, "final_time", "final time"),
        (0.15, "stratification", "stratification"),
    ):
        for row, found in enumerate(cases.values()):
            published = found["published"][key]
            low, high = (value / published for value in found[f"{key}_range"])
            colour = "C0" if key == "final_time" else "C1"
            axes.plot([row + offset] * 2, [low, high], color=colour, lw=1)
            axes.plot(row + offset, found[key] / published, "o", color=colour, label=None if row else label)
    axes.axhline(1.0, color="k", lw=0.8)
    axes.set(xticks=range(len(cases)), ylabel="over the published value")
    axes.set_xticklabels([f"Bi {bi}" for bi in cases])
    axes.set_title("One-dimensional drying: median and range over the seeds")
    axes.legend()
    return True


def _learning(figure: Any, result: Result) -> bool:
    """-ELBO against epochs, on training and on held-out films, of the first system's network and of ours."""
    axes = figure.add_subplot()
    for colour, (name, curves) in zip(("C0", "C1"), result["results"]["curves"].items(), strict=True):
        for column, style in (("train", "--"), ("held_out", "-")):
            values = [_gap(value) for value in curves[f"{column}_negative_elbo"]]
            label = f"{name}, {column.replace('_', ' ')}"
            axes.plot(curves["epoch"], values, style, marker=".", color=colour, label=label)
    axes.set(xlabel="epoch", ylabel="-ELBO [nats a frame]", yscale="log")
    first = result["results"]["networks"]["cvae"]
    axes.set_title(f"{100 * first['share_of_10000_epochs']:.3g} % of the first system's epochs")
    axes.legend()
    return True


def _tolerances(figure: Any, result: Result) -> bool:
    """Error of the last frames and steps against the tolerance, a line for each recipe."""
    found = result["results"]
    errors, steps = figure.subplots(1, 2)
    rows = found["by_tolerance"]
    for index, summary in enumerate(found["recipes"]):
        own = sorted(
            (row for row in rows if row["recipe"] == summary["recipe"]), key=lambda row: row["tolerance"]
        )
        tolerances = [row["tolerance"] for row in own]
        look: Any = {"color": f"C{index}", "marker": ".", "lw": 1, "label": summary["recipe"]}
        errors.plot(tolerances, [_gap(row["last"]) for row in own], **look)
        steps.plot(tolerances, [row["steps"] for row in own], **look)
        if "old steps" in summary:
            steps.plot(found["default tolerance"], summary["old steps"], "x", color=f"C{index}")
    chance = [row["last chance"] for row in rows]
    errors.axhspan(min(chance), max(chance), color="0.9", zorder=0, label="by chance")
    for axes in (errors, steps):
        axes.axvline(found["default tolerance"], color="k", lw=0.8, ls=":")
        axes.set(xscale="log", yscale="log", xlabel="tolerance")
    errors.set(ylabel="shift of the mean last frame")
    steps.set(ylabel="steps of a film (crosses: version 0.1.0)")
    errors.legend(fontsize=6)
    return True


def _gap(value: float | None) -> float:
    return float("nan") if value is None else value


def _contest(figure: Any, result: Result) -> bool:
    """The regret of each policy by both measures, with its interval."""
    policies = result["results"]["policies"]
    axes = figure.add_subplot()
    for offset, measure, colour in ((-0.15, "ruler", BLUE), (0.15, "latent", ORANGE)):
        for row, found in enumerate(policies.values()):
            regret = found["regret"][measure]
            axes.plot([regret["low"], regret["high"]], [row + offset] * 2, color=colour, lw=1.5)
            axes.plot(regret["value"], row + offset, "o", color=colour, label=None if row else measure)
    for value in (0.0, 1.0):
        axes.axvline(value, color=BLACK, lw=0.8)
    axes.set(yticks=range(len(policies)), xlabel="regret: 0 repeats the target's recipe, 1 is chance")
    axes.set_yticklabels([name.replace("agent, ", "") for name in policies])
    axes.invert_yaxis()
    axes.set_title(result["results"]["task"])
    axes.legend()
    return True


FIGURES: Mapping[str, Callable[[Any, Result], bool]] = {
    "first_system": _learning,
    "pfhub": _energy,
    "published_frames": _coarsening,
    "simulator": _matched,
    "steering": _contest,
    "step_control": _tolerances,
    "wodo1d": _strip,
}
