"""How fast encoders are trained and used: against a plain PyTorch loop, on a GPU, beside a simulator step.

    python benchmarks/training.py [--batch-size 16] [--runs 3] [--json] [--quick]

The peer is the loop that a user of PyTorch would write: a Dataset that makes each frame float, mirrors and
rolls it, a DataLoader, and a step that looks at the loss with `.item()`. It trains the same network from the
same kind of first weights on the same frames, with batches of the same size, Adam and the same loss; only
how the work is done differs. Its frames lie in memory as an array, which is the harder peer and the one that
the targets are held against, or in an HDF5 file, as frames are kept. `morphsim train-encoder` is timed as it
is; frames a second are those of training alone, evaluation left out on both sides, and the first epoch too.
Of its settings, `bfloat16` is --precision bfloat16, `compiled` is --compile; a peer in bfloat16 stands
beside them. Timed runs alternate, and the medians count, all on one core but for the workers of a DataLoader.

With a CUDA GPU 14,535 frames are trained on for 500 epochs or more, and the time of 10,000 is
extrapolated, held-out frames and files included. The last part is one frame through `Encoder.encode` of the
default encoder, beside a step of a drying film under random actions. Frames here are smoothed noise, cut at
its mean: speed depends on their number of pixels alone.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from _harness import BenchmarkOptions, Outcome, Target, medians, run, say, table
from _user_loop import FramesInFile, FramesInMemory, user_loop
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from morphsim.encoder import CVAEConfig, Encoder, NetworkConfig, TrainingConfig, load_encoder, train_encoder
from morphsim.encoder.networks import SplitConfig
from morphsim.errors import InputError
from morphsim.frames import FrameSet, split_by_trajectory, write_frames

SHAPE, QUICK_SHAPE = (100, 400), (20, 48)
LOOP_BOUND, GPU_BOUND, ENCODE_BOUND = 2.0, 200_000.0, 0.1
# As many as the first system's film family has.
GPU_FRAMES, GPU_BATCH, GPU_EPOCHS, ALL_EPOCHS = 14_535, 256, 500, 10_000
FILM = 10


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure the speed of training and of encoding."""

    batch_size: int = 16
    """Frames in a step, on the CPU."""
    frames: int = 640
    """Frames to train on, held-out ones included, on the CPU."""
    runs: int = 3
    """How often each loop is timed."""
    compile: bool = False
    """Time compiled networks too, which takes some minutes more; it needs a C++ compiler."""


def measure(options: Options) -> Outcome:
    """Time the loops on the CPU, training on a GPU where there is one, and encoding."""
    if options.runs < 1 or options.batch_size < 1 or options.frames < 2 * FILM:
        raise InputError(
            f"--runs and --batch-size must be at least 1 and --frames at least {2 * FILM}; "
            f"they are {options.runs}, {options.batch_size} and {options.frames}"
        )
    if options.quick:
        options = replace(options, frames=60, runs=1)
    shape = QUICK_SHAPE if options.quick else SHAPE
    with tempfile.TemporaryDirectory() as folder:
        rates = {
            network.architecture: loop_rates(
                network, frames_like_films(options.frames, shape), options, folder
            )
            for network in (CVAEConfig(), SplitConfig())
        }
        gpu = None
        if torch.cuda.is_available():
            gpu = gpu_training(Path(folder), epochs=3 if options.quick else GPU_EPOCHS, quick=options.quick)
    encoding = encode_cost(shape, options)
    return _outcome(options, rates, gpu, encoding)


def frames_like_films(count: int, shape: tuple[int, int], *, seed: int = 0) -> FrameSet:
    """Make smoothed noise, cut at its mean and periodic along x, in films of 10 frames."""
    random = np.random.default_rng(seed)
    frames = np.empty((count, *shape), np.uint8)
    for row in range(count):
        width = random.uniform(1.0, 6.0)
        noise = random.standard_normal(shape, np.float32)
        frames[row] = gaussian_filter(noise, width, mode=("nearest", "wrap")) > 0.0
    return FrameSet(frames=frames, columns={"trajectory": np.arange(count) // FILM}, boundary="periodic")


def loop_rates(
    network: NetworkConfig, frame_set: FrameSet, options: Options, folder: str
) -> dict[str, dict[str, Any]]:
    """Frames a second of our loop and of its peers, by name, each with whose it is."""
    path = Path(folder) / f"{network.architecture}.h5"
    write_frames(path, frame_set)
    config = TrainingConfig(
        frames=path,
        out=Path(folder) / "run",
        epochs=3,
        batch_size=options.batch_size,
        schedule="constant",
        device="cpu",
        tensorboard=False,
        network=network,
    )
    training, _ = split_by_trajectory(frame_set.trajectory, held_out=config.held_out, seed=config.seed)
    # The peers' data are the same frames: those that ours trains on.
    in_file = Path(folder) / f"{network.architecture}-training.h5"
    write_frames(in_file, frame_set.select(training))
    chosen = frame_set.frames[training]
    tasks: dict[str, Callable[[], float]] = {
        "ours, float32": partial(own_seconds, config),
        "ours, bfloat16": partial(own_seconds, replace(config, precision="bfloat16")),
        "plain loop": partial(peer_seconds, chosen, frame_set, config),
        "plain loop, bfloat16": partial(peer_seconds, chosen, frame_set, config, half=True),
        "plain loop, 2 workers": partial(peer_seconds, chosen, frame_set, config, workers=2),
        "plain loop, HDF5": partial(peer_seconds, in_file, frame_set, config),
        "plain loop, HDF5, 2 workers": partial(peer_seconds, in_file, frame_set, config, workers=2),
    }
    if options.compile:
        for precision in ("float32", "bfloat16"):
            compiled = replace(config, compile=True, precision=precision)  # type: ignore[arg-type]
            tasks[f"ours, {precision}, compiled"] = partial(own_seconds, compiled)
    say(f"{network.architecture}: {len(tasks)} loops, {options.runs} times each")
    seconds = medians(tasks, runs=options.runs)
    return {
        name: {"ours": name.startswith("ours"), "frames_per_second": 1.0 / seconds[name]} for name in tasks
    }


def own_seconds(config: TrainingConfig) -> float:
    """Train as `morphsim train-encoder` does; return the median seconds of a training frame."""
    shutil.rmtree(config.out, ignore_errors=True)
    train_encoder(config, show_progress=False)
    return 1.0 / median(_rates(config.out))


def peer_seconds(
    frames: NDArray[np.uint8] | Path,
    frame_set: FrameSet,
    config: TrainingConfig,
    *,
    workers: int = 0,
    half: bool = False,
) -> float:
    """Train by a plain loop; return the median seconds of a training frame.

    Args:
        frames: to train on, in memory or in a file.
        frame_set: of whose kind they are.
        config: of our run.
        workers: of the DataLoader.
        half: compute in bfloat16.
    """
    network = config.network.build(
        frame_set.shape,
        boundary=frame_set.boundary,
        generator=torch.Generator().manual_seed(config.seed),
    )
    dataset = FramesInFile(frames) if isinstance(frames, Path) else FramesInMemory(frames)
    try:
        seconds, losses = user_loop(
            dataset,
            network,
            batch_size=config.batch_size,
            epochs=config.epochs,
            workers=workers,
            device=torch.device("cpu"),
            half=half,
            learning_rate=config.learning_rate,
        )
    finally:
        dataset.close()
    if not losses[-1] < losses[0]:
        raise RuntimeError(
            f"the peer's loss went from {losses[0]:.1f} to {losses[-1]:.1f}: that is no training"
        )
    return seconds / len(dataset)


def gpu_training(folder: Path, *, epochs: int, quick: bool, device: str = "cuda") -> dict[str, Any]:
    """Train a CVAE on a GPU; return frames a second, and the time of all epochs of the first system."""
    say(f"{device}: {epochs} epochs")
    path = folder / "gpu.h5"
    count, shape = (200, QUICK_SHAPE) if quick else (GPU_FRAMES, SHAPE)
    write_frames(path, frames_like_films(count, shape))
    config = TrainingConfig(
        frames=path,
        out=folder / "gpu",
        epochs=epochs,
        batch_size=GPU_BATCH,
        device=device,
        precision="bfloat16",
        checkpoint_every=max(1, epochs // 10),
        tensorboard=False,
    )
    started = time.perf_counter()
    train_encoder(config, show_progress=False)
    seconds = time.perf_counter() - started
    return {
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "batch_size": GPU_BATCH,
        "precision": config.precision,
        "frames": count,
        "epochs": epochs,
        "seconds": seconds,
        "frames_per_second": median(_rates(config.out)),
        "seconds_of_10000_epochs": ALL_EPOCHS / epochs * seconds,
    }


def encode_cost(shape: tuple[int, int], options: Options) -> dict[str, Any]:
    """Milliseconds to encode one frame, beside those of a step of a drying environment."""
    say("one frame through the encoder, and a step of a drying film")
    default = load_encoder("default", device="cpu")
    encoder = default if default.frame_shape == shape else _untrained(default, shape)
    frame = frames_like_films(1, shape).frames
    env = gym.make("morphsim:morphsim/Drying-v0", shape=shape)
    env.action_space.seed(0)
    most = 3 if options.quick else 10_000
    seeds = iter(range(1_000_000))

    def step() -> float:
        """A whole film, since its steps differ."""
        env.reset(seed=next(seeds))
        count, over = 0, False
        started = time.perf_counter()
        while not over and count < most:
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            count, over = count + 1, terminated or truncated
        return (time.perf_counter() - started) / count

    def encode(calls: int = 20) -> float:
        started = time.perf_counter()
        for _ in range(calls):
            encoder.encode(frame)
        return (time.perf_counter() - started) / calls

    try:
        # Compiled kernels and caches of both are there before they are timed.
        for task in (step, encode):
            task()
        seconds = medians({"step": step, "encode": encode}, runs=options.runs)
    finally:
        env.close()
    return {
        "architecture": encoder.architecture,
        "default_encoder": encoder is default,
        "encode_ms": 1e3 * seconds["encode"],
        "step_ms": 1e3 * seconds["step"],
        "ratio": seconds["encode"] / seconds["step"],
    }


def _untrained(default: Encoder, shape: tuple[int, int]) -> Encoder:
    """An encoder of the default one's kind for another shape, without training, which makes none faster."""
    network = default.network.config.build(
        shape,
        channels=default.channels,
        boundary=default.boundary,  # type: ignore[arg-type] # as it was when it was trained
        generator=torch.Generator().manual_seed(0),
    )
    return Encoder(network, default.metadata, device=torch.device("cpu"))


def _rates(folder: Path) -> list[float]:
    """Frames a second of all epochs but the first."""
    with (folder / "curves.csv").open(encoding="utf-8") as file:
        return [float(row["frames_per_second"]) for row in csv.DictReader(file)][1:]


def _outcome(
    options: Options,
    rates: Mapping[str, Mapping[str, Mapping[str, Any]]],
    gpu: dict[str, Any] | None,
    encoding: dict[str, Any],
) -> Outcome:
    targets = []
    summary: dict[str, dict[str, Any]] = {}
    for architecture, found in rates.items():
        own = {name: row["frames_per_second"] for name, row in found.items() if row["ours"]}
        fastest = max(own, key=lambda name: own[name])
        summary[architecture] = {
            "fastest_of_ours": fastest,
            **{
                f"over {name}": own[fastest] / row["frames_per_second"]
                for name, row in found.items()
                if not row["ours"]
            },
            "float32 over plain loop": own["ours, float32"] / found["plain loop"]["frames_per_second"],
        }
        targets.append(
            Target(
                f"{architecture} on the CPU: {fastest}, times the plain loop in memory",
                summary[architecture]["over plain loop"],
                ">=",
                LOOP_BOUND,
            )
        )
    targets += [
        Target("GPU: frames a second", None if gpu is None else gpu["frames_per_second"], ">=", GPU_BOUND),
        Target("one frame encoded, over a drying step", encoding["ratio"], "<=", ENCODE_BOUND),
    ]
    results = {
        "shape": QUICK_SHAPE if options.quick else SHAPE,
        "batch_size": options.batch_size,
        "frames": options.frames,
        "loops": [
            {"network": architecture, "loop": name, "frames_per_second": row["frames_per_second"]}
            for architecture, found in rates.items()
            for name, row in found.items()
        ],
        "ratios": summary,
        "cuda": gpu,
        "encoding": encoding,
    }
    rows = [(f"{row['network']}: {row['loop']}", row["frames_per_second"]) for row in results["loops"]]
    text = [table(("loop", "frames a second"), rows)]
    if gpu is not None:
        text.append(
            f"GPU: {gpu['frames_per_second']:.4g} frames a second, "
            f"10,000 epochs in {gpu['seconds_of_10000_epochs'] / 3600:.3g} h"
        )
    text.append(
        f"One frame is encoded in {encoding['encode_ms']:.3g} ms, a drying step takes "
        f"{encoding['step_ms']:.3g} ms"
    )
    return Outcome(
        results=results,
        targets=[] if options.quick else targets,
        table="\n\n".join(text),
        headline={"cuda": gpu},
    )


if __name__ == "__main__":
    # Workers of a DataLoader start with the threads of this process.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(run("training", Options, measure))
