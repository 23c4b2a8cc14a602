"""Interface length against time of annealed films, and the two scales that map it onto published films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _mixed import noisy_fields
from _published import Array, Frames, interface_length

from morphsim._version import __version__
from morphsim.errors import InputError
from morphsim.files import read_json, write_json
from morphsim.simulator import AnnealingRecipe, Simulation

NOISE = 0.02
"""Initial noise of a pixel's volume fraction, rms; that of the published films is not known."""
TOLERANCE = 0.002
"""Of the simulation; with a quarter of it interface lengths change by up to 4 %, less than with the seed."""
LONGEST = 1e5
"""How long a film is followed at most [px^2 / M]."""
FIRST, STEP = 1.0, 1.08
"""First time at which the interface is counted [px^2 / M], and the ratio of one such time to that before."""
_HALVINGS = 6


@dataclass(frozen=True)
class Scales:
    """What maps a simulation onto one campaign.

    Attributes:
        kappa: gradient energy coefficient [RT/V px^2], the square of the length scale.
        mobility: M [px^2 per unit of published time], the time scale.
    """

    kappa: float
    mobility: float


@dataclass(frozen=True)
class Trajectory:
    """Interface length of one film against time.

    Attributes:
        time: (T,) [px^2 / M], rising.
        interface: (T,) [pixels].
    """

    time: Array
    interface: Array

    def at(self, time: Array) -> Array:
        """Logarithm of the interface length at `time`, linear in log time; held beyond both ends."""
        logarithm = np.log(np.maximum(self.interface, 1.0))
        return np.asarray(np.interp(np.log(time), np.log(self.time), logarithm))


def anneal(
    film: tuple[float, float],
    *,
    kappa: float,
    seed: int,
    shape: tuple[int, int],
    lowest: float,
    longest: float = LONGEST,
) -> Trajectory:
    """Anneal one film between walls without flux and count its interface as it coarsens.

    Args:
        film: chi and the blend ratio.
        kappa: [RT/V px^2].
        seed: of the initial noise.
        shape: (H, W) pixels, one cell each.
        lowest: interface length [pixels] at which to stop.
        longest: time at which to stop [px^2 / M].
    """
    height, width = shape
    recipe = AnnealingRecipe(
        chi=film[0],
        blend_ratio=film[1],
        # The recipe's unit of length is the thickness of the film.
        kappa=kappa / height**2,
        width=width / height,
        boundary="no-flux",
        mobility="constant",
        noise=0.0,
        thermal_noise=0.0,
    )
    fields = noisy_fields(recipe.composition, NOISE, [seed], shape)
    simulation = Simulation([recipe], seeds=[seed], shape=shape, fields=fields, tolerance=TOLERANCE)
    count = int(np.ceil(np.log(longest / FIRST) / np.log(STEP))) + 1
    times, lengths, separated = [], [], False
    for time in np.geomspace(FIRST, longest, count):
        simulation.advance(time=float(time) / height**2)
        length = interface_length(simulation.donor_share()[0].numpy() > 0.5)
        times.append(float(time))
        lengths.append(length)
        separated = separated or length > lowest
        if separated and length < lowest:
            break
    return Trajectory(np.array(times), np.array(lengths, dtype=np.float64))


class Trajectories:
    """Simulated films of a set of frames, each made once and, with a `folder`, kept there.

    Args:
        frames: the published frames; films are followed until their interface is well below the shortest.
        seeds: noises to average over.
        folder: where trajectories are kept as JSON, or None.
        done: called after each film.
    """

    def __init__(
        self,
        frames: Frames,
        *,
        seeds: Sequence[int],
        folder: Path | None = None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self.seeds = tuple(seeds)
        self._shape = frames.shape
        self._folder = folder
        self._done = done
        self._known: dict[tuple[tuple[float, float], float, int, float], Trajectory] = {}
        self._lowest = {
            film: 0.85
            * float(frames.interface[(frames.chi == film[0]) & (frames.blend_ratio == film[1])].min())
            for film in frames.films()
        }

    def interface(self, film: tuple[float, float], kappa: float, time: Array, longest: float) -> Array:
        """Interface length [pixels] at `time` [px^2 / M], the geometric mean over the seeds."""
        curves = [self._one(film, kappa, seed, longest).at(time) for seed in self.seeds]
        return np.asarray(np.exp(np.mean(curves, axis=0)))

    def _one(self, film: tuple[float, float], kappa: float, seed: int, longest: float) -> Trajectory:
        key = (film, kappa, seed, longest)
        if key not in self._known:
            self._known[key] = self._load_or_anneal(film, kappa, seed, longest)
            self._done()
        return self._known[key]

    def _load_or_anneal(
        self, film: tuple[float, float], kappa: float, seed: int, longest: float
    ) -> Trajectory:
        settings: dict[str, Any] = {
            "version": __version__,
            "chi": film[0],
            "blend_ratio": film[1],
            "kappa": kappa,
            "seed": seed,
            "shape": list(self._shape),
            "noise": NOISE,
            "tolerance": TOLERANCE,
            "lowest": self._lowest[film],
            "longest": longest,
        }
        path = None
        if self._folder is not None:
            path = self._folder / f"chi{film[0]:g}_blend{film[1]:g}_kappa{kappa:.6g}_seed{seed}.json"
            if path.is_file():
                kept = read_json(path)
                if isinstance(kept, dict) and kept.get("settings") == settings:
                    return Trajectory(np.array(kept["time"]), np.array(kept["interface"]))
        made = anneal(
            film, kappa=kappa, seed=seed, shape=self._shape, lowest=self._lowest[film], longest=longest
        )
        if path is not None:
            write_json(
                path,
                {"settings": settings, "time": made.time.tolist(), "interface": made.interface.tolist()},
            )
        return made


def predict(frames: Frames, trajectories: Trajectories, scales: Scales) -> Array:
    """Interface length (N,) [pixels] of the frames, simulated at the kappa of `scales` itself."""
    longest = float(np.exp(np.ceil(np.log(scales.mobility * frames.time.max()) * 4.0) / 4.0))
    return _each_film(
        frames,
        lambda film, time: trajectories.interface(film, scales.kappa, time * scales.mobility, longest),
    )


def fit(frames: Frames, trajectories: Trajectories, kappas: Sequence[float]) -> Scales:
    """Find the scales with the smallest mean relative error of the interface length of `frames`.

    Simulations are made at `kappas` only; in between, the logarithm of the length is linear in log kappa.

    Raises:
        InputError: fewer than two kappas.
    """
    if len(kappas) < 2:
        raise InputError(f"{len(kappas)} kappa is given; a length scale needs at least 2 to be fitted")
    logarithms = np.log(sorted(kappas))

    def interface(log_kappa: float, log_mobility: float) -> Array:
        index = int(np.clip(np.searchsorted(logarithms, log_kappa) - 1, 0, len(logarithms) - 2))
        weight = (log_kappa - logarithms[index]) / (logarithms[index + 1] - logarithms[index])
        below, above = (float(np.exp(value)) for value in logarithms[index : index + 2])

        def of_film(film: tuple[float, float], time: Array) -> Array:
            scaled = time * np.exp(log_mobility)
            ends = [np.log(trajectories.interface(film, k, scaled, LONGEST)) for k in (below, above)]
            return np.asarray(np.exp((1.0 - weight) * ends[0] + weight * ends[1]))

        return _each_film(frames, of_film)

    def cost(log_kappa: float, log_mobility: float) -> float:
        return float(relative_error(interface(log_kappa, log_mobility), frames).mean())

    def best_mobility(log_kappa: float) -> tuple[float, float]:
        return _minimise(lambda value: cost(log_kappa, value), np.linspace(np.log(0.05), np.log(50.0), 40))

    candidates = np.linspace(logarithms[0], logarithms[-1], 3 * (len(logarithms) - 1) + 1)
    log_kappa, _ = _minimise(lambda value: best_mobility(value)[1], candidates)
    log_mobility, _ = best_mobility(log_kappa)
    return Scales(kappa=float(np.exp(log_kappa)), mobility=float(np.exp(log_mobility)))


def relative_error(interface: Array, frames: Frames) -> Array:
    """|simulated / published - 1| of the interface length, (N,)."""
    return np.asarray(np.abs(interface / frames.interface - 1.0))


def _each_film(frames: Frames, interface: Callable[[tuple[float, float], Array], Array]) -> Array:
    lengths = np.empty(len(frames))
    for film in frames.films():
        chosen = (frames.chi == film[0]) & (frames.blend_ratio == film[1])
        lengths[chosen] = interface(film, frames.time[chosen])
    return lengths


def _minimise(cost: Callable[[float], float], candidates: Array) -> tuple[float, float]:
    """Where the best of evenly spaced `candidates` lies, refined by halving the spacing, and its cost."""
    costs = [cost(float(value)) for value in candidates]
    best = int(np.argmin(costs))
    where, lowest = float(candidates[best]), costs[best]
    spacing = float(candidates[1] - candidates[0])
    for _ in range(_HALVINGS):
        spacing *= 0.5
        for value in (where - spacing, where + spacing):
            if candidates[0] <= value <= candidates[-1] and (found := cost(value)) < lowest:
                where, lowest = value, found
    return where, lowest
