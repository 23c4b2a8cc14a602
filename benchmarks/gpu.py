"""What a GPU does: the films of a CPU, steps of batches of films, training of encoders, and environments.

    python benchmarks/gpu.py [--device auto] [--json] [--quick]

It takes less than four minutes on a GPU. Without one, `--quick` runs the same on the CPU, small and without
compiling, to show that it works. Figures are those of default drying films of 100 x 400 cells in float32. A
film-step is one try of a step of one film; films take them from the start, all of a batch at once. The bytes
of a film-step are counted: what the kernels that the compiler has made read and write, each of their
arguments once. Their share of the bandwidth is held against copying 256 MB within the memory of the device.
Steps of environments include the latent reward; those of a batch on the GPU are held against 16 processes on
the CPU of the same machine.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import reward
import torch
import training
from _costs import drying
from _harness import BenchmarkOptions, Outcome, Target, medians, run, say, table
from _traffic import Traffic, compiled_traffic, eager_traffic

from morphsim import load_encoder
from morphsim.device import resolve_device
from morphsim.errors import InputError
from morphsim.simulator import Simulation
from morphsim.simulator.core.device_step import DeviceStepper

RATE_BOUND, BANDWIDTH_BOUND, DIFFERENCE_BOUND, SPEEDUP_BOUND = 1e5, 0.30, 1e-4, 20.0
_NEVER = 1e9


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure a GPU."""

    device: str = "auto"
    """auto, cpu or cuda."""


@dataclass(frozen=True)
class _Size:
    """How much is measured."""

    film: tuple[int, int]
    batches: Sequence[int]
    until: float
    steps: int
    runs: int
    copied: int
    epochs: int
    environments: Sequence[int]
    processes: int
    environment_steps: int


_FULL = _Size(
    film=(100, 400),
    batches=tuple(2**power for power in range(11)),
    # Rounding has not changed the size of steps yet, on which the noise depends.
    until=1e-4,
    steps=16,
    runs=3,
    copied=256 << 20,
    epochs=30,
    environments=(64, 256, 1024),
    processes=16,
    environment_steps=3,
)
_QUICK = _Size(
    film=(16, 64),
    batches=(1, 2, 4),
    until=1e-4,
    steps=2,
    runs=1,
    copied=1 << 20,
    epochs=2,
    environments=(2,),
    processes=2,
    environment_steps=1,
)


def same_films(shape: tuple[int, int], until: float, device: str) -> dict[str, Any]:
    """Two films on the CPU and on the device: the largest difference of a volume fraction, and the steps."""
    films = [drying(shape, films=2, device=each) for each in ("cpu", device)]
    films[1].stepper.sync_each_step = False
    for simulation in films:
        simulation.advance(time=[until, 0.7 * until])
    on_cpu, on_device = (simulation.fields().cpu() for simulation in films)
    return {
        "until": until,
        "largest_difference": float((on_cpu - on_device).abs().max()),
        "steps": [simulation.steps for simulation in films],
    }


def first_steps(shape: tuple[int, int], device: str) -> dict[str, Any]:
    """Compile the steps; return seconds, and kernels and bytes of a film-step, eager and compiled."""
    simulation = drying(shape, films=2, device=device)
    _steps(simulation, 1, compiled=False)
    films = len(simulation)
    plain = eager_traffic(lambda: _steps(simulation, 1, compiled=False))
    found: dict[str, Any] = {"eager": _of_a_film(plain, films), "compiled": None, "seconds": None}
    if simulation.stepper.compile_steps:
        started = time.perf_counter()
        with compiled_traffic() as graphs:
            _steps(simulation, 1)
        found["seconds"] = time.perf_counter() - started
        found["compiled"] = _of_a_film(graphs[0], films)
    return found


def throughput(
    shape: tuple[int, int], batches: Sequence[int], *, device: str, moved: float, size: _Size
) -> dict[str, Any]:
    """Films times steps in a second, and the share of the copy bandwidth that they use.

    Args:
        shape: of the films.
        batches: numbers of films.
        device: where.
        moved: bytes of a film-step.
        size: how many steps and runs.
    """
    bandwidth = copy_bandwidth(device, runs=size.runs, size=size.copied)
    rows = []
    for films in batches:
        try:
            # A film alone is stepped with a copy, as `Solver.advance` does it.
            simulation = drying(shape, films=max(films, 2), device=device)
            _steps(simulation, size.steps)

            def task(simulation: Simulation = simulation) -> float:
                _wait(device)
                started = time.perf_counter()
                _steps(simulation, size.steps)
                _wait(device)
                return (time.perf_counter() - started) / size.steps

            seconds = medians({"step": task}, runs=size.runs)["step"]
        except torch.OutOfMemoryError:
            say(f"{films} films don't fit into the memory of {device}; larger batches are left out")
            break
        rate = films / seconds
        rows.append(
            {
                "films": films,
                "step_ms": 1e3 * seconds,
                "film_steps_per_second": rate,
                "bandwidth_share": moved * rate / bandwidth,
            }
        )
    return {"shape": shape, "copy_bytes_per_second": bandwidth, "batches": rows}


def copy_bandwidth(device: str, *, runs: int, size: int) -> float:
    """Bytes in a second, read and written, of copying `size` bytes within the memory of `device`."""
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    copied = torch.empty_like(source)

    def task() -> float:
        _wait(device)
        started = time.perf_counter()
        for _ in range(10):
            copied.copy_(source)
        _wait(device)
        return (time.perf_counter() - started) / 10

    task()
    return 2 * size / medians({"copy": task}, runs=runs)["copy"]


def environments(size: _Size, device: str) -> dict[str, float]:
    """Steps a second of rewarded environments: as a batch on the device, and in processes on the CPU."""
    on_cpu = load_encoder("default", device="cpu")
    target = reward.film(on_cpu, seed=1)
    found = {}
    for count in size.environments:
        make = functools.partial(reward.batch, load_encoder("default", device=device), target, count, device)
        if device == "cuda":
            # What is compiled or planned for each number of films, is so in the first steps.
            reward.steps_a_second(make, count, 1)
        found[f"batch of {count}"] = reward.steps_a_second(make, count, size.environment_steps)
        say(f"batch of {count}: {found[f'batch of {count}']:.4g} steps a second")
    make = reward.ways(on_cpu, target, size.processes)["SubprocVecEnv"]
    found["processes"] = reward.steps_a_second(make, size.processes, size.environment_steps)
    return found


def measure(options: Options) -> Outcome:
    """Measure everything that the device can show."""
    device = resolve_device(options.device).type
    if device == "cpu" and not options.quick:
        raise InputError("device is cpu, where this would take hours; use a GPU, or --quick")
    size = _QUICK if options.quick else _FULL
    say("kernels and bytes")
    # Before anything else, since kernels are counted when they are compiled.
    step = first_steps(size.film, device)
    say("the films of a CPU")
    same = same_films(size.film, size.until, device)
    moved = (step["compiled"] or step["eager"])["bytes"]
    say("batches of films")
    films = throughput(size.film, size.batches, device=device, moved=moved, size=size)
    say("environments")
    rates = environments(size, device)
    with tempfile.TemporaryDirectory() as folder:
        trained = training.gpu_training(Path(folder), epochs=size.epochs, quick=options.quick, device=device)
    results = {
        "device": device,
        "same_films": same,
        "step": step,
        "films": films,
        "training_frames_per_second": trained["frames_per_second"],
        "environment_steps_per_second": rates,
    }
    return Outcome(results, [] if device == "cpu" else targets(results), _text(results))


def targets(results: dict[str, Any]) -> list[Target]:
    """What a GPU has to reach."""
    rows, rates = results["films"]["batches"], results["environment_steps_per_second"]
    best = max(rate for name, rate in rates.items() if name.startswith("batch"))
    return [
        Target(
            "difference from the CPU", results["same_films"]["largest_difference"], "<=", DIFFERENCE_BOUND
        ),
        Target("film-steps a second", max(row["film_steps_per_second"] for row in rows), ">=", RATE_BOUND),
        Target(
            "share of the copy bandwidth", max(row["bandwidth_share"] for row in rows), ">=", BANDWIDTH_BOUND
        ),
        Target("training: frames a second", results["training_frames_per_second"], ">=", training.GPU_BOUND),
        Target("environments: a batch over processes", best / rates["processes"], ">=", SPEEDUP_BOUND),
    ]


def _steps(simulation: Simulation, steps: int, *, compiled: bool | None = None) -> None:
    """Try steps of all films, none of which has an end to reach."""
    state, stepper = simulation.state, simulation.stepper
    until, lowest = torch.full_like(state.time, _NEVER), torch.zeros_like(state.time)
    compiles, stepper.compile_steps = stepper.compile_steps, compiled is not False and stepper.compile_steps
    try:
        active = torch.ones_like(state.time, dtype=torch.bool)
        DeviceStepper(stepper).steps(state, until, lowest, active, count=steps)
    finally:
        stepper.compile_steps = compiles


def _of_a_film(traffic: Traffic, films: int) -> dict[str, float]:
    return {"kernels": traffic.kernels, "bytes": traffic.bytes / films}


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _text(results: dict[str, Any]) -> str:
    rows = [tuple(row.values()) for row in results["films"]["batches"]]
    counted = [
        (name, each["kernels"], each["bytes"] / 1e6)
        for name in ("eager", "compiled")
        if (each := results["step"][name]) is not None
    ]
    parts = [
        f"{results['device']}: films differ by {results['same_films']['largest_difference']:.2g} at most "
        "from those of the CPU",
        table(("step of a batch", "kernels", "MB a film"), counted),
        table(("films", "ms a step", "film-steps/s", "share of bandwidth"), rows),
        f"Training: {results['training_frames_per_second']:.4g} frames a second",
        table(("environments", "steps a second"), list(results["environment_steps_per_second"].items())),
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(run("gpu", Options, measure))
