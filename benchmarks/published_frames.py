"""Annealing against published frames: does the interface of a film shorten as that of published films?

    python benchmarks/published_frames.py FRAMES.h5 [--fit FIT.json] [--save-fit FIT.json] [--json]

The file holds binary frames (`frames`) of films with their `blend_ratio`, `chi` and annealing `time`; those
that come with doi 10.1016/j.commatsci.2021.110409 are meant. They were made in two campaigns, up to chi 3 and
beyond, with different scales. Every film is annealed on the frames' own grid between walls without flux
(binary Flory-Huggins, N = 1, constant mobility); one length scale and one time scale are fitted for each
campaign. The interface is counted alike on both: neighbouring pixels on different sides of a half.

All figures are of films with other noise than those that were fitted on. `leave_one_chi_out` predicts all
frames of a chi with the scales of its campaign's other chi values. With `--fit` nothing is fitted at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from _coarsening import Scales, Trajectories, fit, predict, relative_error
from _harness import BenchmarkOptions, Outcome, Target, run, table
from _published import Array, Frames, read_frames

from morphsim.errors import InputError
from morphsim.files import read_json, write_json
from morphsim.progress import progress

LAST_CHI_OF_FIRST = 3.0
CAMPAIGNS = ("low chi", "high chi")
# Around the kappa at which the pattern is as fine as the earliest frames are [px^2].
KAPPAS = {"low chi": (7.0, 12.0, 20.0), "high chi": (4.0, 7.0, 12.0)}
FIT_SEEDS = (0, 1)
SEEDS = (1000, 1001)
LATEST_WHEN_QUICK = 400.0


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Compare annealed films with published frames."""

    frames: Annotated[Path, tyro.conf.Positional] = Path(
        os.environ.get("MORPHSIM_DATA", "../shared/data"), "opv_frames.h5"
    )
    """HDF5 file with frames (N, H, W), blend_ratio, chi and time."""
    fit: Path | None = None
    """Take the scales from this file instead of fitting them."""
    save_fit: Path | None = None
    """Write the fitted scales to this file."""
    cache: Path | None = None
    """Folder that keeps the simulated trajectories, to go on after an interruption."""


def campaign_of(chi: Array) -> Array:
    """Name of the campaign of each chi, (N,)."""
    return np.where(np.asarray(chi) <= LAST_CHI_OF_FIRST, *CAMPAIGNS)


def measure(options: Options) -> Outcome:
    """Fit or read the scales, predict every frame, and leave out one chi after the other."""
    frames = read_frames(options.frames)
    if options.fit is not None and options.save_fit is not None:
        raise InputError("--fit reads scales and --save-fit writes fitted ones; give one of them")
    if options.quick:
        frames = _fewer(frames)
    given = read_fit(options.fit) if options.fit is not None else None
    seeds = (FIT_SEEDS[:1], SEEDS[:1]) if options.quick else (FIT_SEEDS, SEEDS)
    kappas = {name: values[:2] if options.quick else values for name, values in KAPPAS.items()}
    present = [name for name in CAMPAIGNS if (campaign_of(frames.chi) == name).any()]
    films = {name: frames.where(campaign_of(frames.chi) == name) for name in present}
    folds = [] if given else [(name, chi) for name in present for chi in _folds(films[name])]
    total = sum(len(films[name].films()) * len(seeds[1]) for name in present)
    total += sum(
        len(films[name].where(films[name].chi == chi).films()) * len(seeds[1]) for name, chi in folds
    )
    if given is None:
        total += sum(len(films[name].films()) * len(seeds[0]) * len(kappas[name]) for name in present)

    scales: dict[str, Scales] = {}
    interface = np.empty(len(frames))
    left_out = np.full(len(frames), np.nan)
    fold_scales: dict[str, dict[str, Any]] = {}
    with progress("annealing", total, unit="film") as advance:
        for name in present:
            of_campaign, chosen = films[name], campaign_of(frames.chi) == name
            fitting = Trajectories(of_campaign, seeds=seeds[0], folder=options.cache, done=advance)
            testing = Trajectories(of_campaign, seeds=seeds[1], folder=options.cache, done=advance)
            if given is None:
                scales[name] = fit(of_campaign, fitting, kappas[name])
            elif name in given:
                scales[name] = given[name]
            else:
                raise InputError(
                    f"{options.fit} has no scales of the campaign {name!r}; it has {', '.join(given)}"
                )
            interface[chosen] = predict(of_campaign, testing, scales[name])
            for chi in (chi for fold, chi in folds if fold == name):
                held, rest = (
                    of_campaign.where(of_campaign.chi == chi),
                    of_campaign.where(of_campaign.chi != chi),
                )
                found = fit(rest, fitting, kappas[name])
                fold_scales[f"{chi:g}"] = _scales_to_dict(found)
                left_out[frames.chi == chi] = predict(held, testing, found)
    if options.save_fit is not None:
        write_json(options.save_fit, {name: _scales_to_dict(value) for name, value in scales.items()})
    return _outcome(frames, scales, interface, left_out, fold_scales, fitted=given is None)


def read_fit(path: Path) -> dict[str, Scales]:
    """Read scales that `--save-fit` wrote.

    Raises:
        InputError: the file is missing or something else.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} holds no scales; write it with --save-fit")
    scales = {}
    for name, entry in content.items():
        values = [entry.get(key) for key in ("kappa", "mobility")] if isinstance(entry, dict) else []
        numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if name not in CAMPAIGNS or len(numbers) < 2 or not all(1e-2 <= value <= 1e3 for value in numbers):
            raise InputError(
                f"{path}: {name!r} is {entry!r}; campaigns are {', '.join(CAMPAIGNS)}, each with a kappa and "
                "a mobility from 0.01 to 1000"
            )
        scales[name] = Scales(kappa=numbers[0], mobility=numbers[1])
    return scales


def _fewer(frames: Frames) -> Frames:
    """The early frames of one film of each chi."""
    first = dict(reversed(frames.films()))
    chosen = np.array(
        [first[chi] == blend for chi, blend in zip(frames.chi, frames.blend_ratio, strict=True)]
    )
    early = chosen & (frames.time <= LATEST_WHEN_QUICK)
    return frames.where(early if early.any() else chosen)


def _folds(frames: Frames) -> list[float]:
    """The chi values of a campaign that can be predicted from its others."""
    values = sorted({float(chi) for chi in frames.chi})
    return values if len(values) > 1 else []


def _scales_to_dict(scales: Scales) -> dict[str, float]:
    return {"kappa": scales.kappa, "mobility": scales.mobility}


def _median(errors: Array) -> float | None:
    found = errors[np.isfinite(errors)]
    return float(np.median(found)) if len(found) else None


def _outcome(
    frames: Frames,
    scales: Mapping[str, Scales],
    interface: Array,
    left_out: Array,
    fold_scales: Mapping[str, Any],
    *,
    fitted: bool,
) -> Outcome:
    errors, held = relative_error(interface, frames), relative_error(left_out, frames)
    chis = sorted({float(chi) for chi in frames.chi})
    by_chi = {f"{chi:g}": _median(errors[frames.chi == chi]) for chi in chis}
    held_by_chi = {name: _median(held[frames.chi == float(name)]) for name in fold_scales}
    films = []
    for chi, blend in frames.films():
        chosen = np.flatnonzero((frames.chi == chi) & (frames.blend_ratio == blend))
        chosen = chosen[np.argsort(frames.time[chosen])]
        films.append(
            {
                "chi": chi,
                "blend_ratio": blend,
                "time": frames.time[chosen],
                "published": frames.interface[chosen],
                "simulated": interface[chosen].round(1),
                "left_out": left_out[chosen].round(1),
                "median_relative_error": _median(errors[chosen]),
            }
        )
    values = [value for value in held_by_chi.values() if value is not None]
    # Each chi counts alike, however many of its frames were published.
    left_out_error = float(np.mean(values)) if values else None
    results = {
        "frames": len(frames),
        "scales_fitted": fitted,
        "scales": {name: _scales_to_dict(value) for name, value in scales.items()},
        "median_relative_error": _median(errors),
        "relative_error_90th_percentile": float(np.quantile(errors, 0.9)),
        "median_relative_error_of_late_frames": _median(errors[frames.time > 1000.0]),
        "median_relative_error_by_chi": by_chi,
        "leave_one_chi_out": {
            "mean_of_medians": left_out_error,
            "median_relative_error_by_chi": held_by_chi,
            "scales": dict(fold_scales),
        },
        "films": films,
    }
    targets = [Target("median relative error of the interface length", _median(errors), "<=", 0.10)]
    if fitted:
        targets.append(
            Target("the same, one chi left out, mean over the chi values", left_out_error, "<=", 0.12)
        )
    rows = [
        (f"{chi:g}", int((frames.chi == chi).sum()), by_chi[f"{chi:g}"], held_by_chi.get(f"{chi:g}"))
        for chi in chis
    ]
    rows.append(("all", len(frames), _median(errors), left_out_error))
    lines = [
        f"{name}: kappa {value.kappa:.3g} px^2, mobility {value.mobility:.3g} px^2 per unit of time"
        for name, value in scales.items()
    ]
    text = table(("chi", "frames", "median error", "chi left out"), rows)
    return Outcome(results=results, targets=targets, table="\n".join([*lines, "", text]))


if __name__ == "__main__":
    sys.exit(run("published_frames", Options, measure))
