"""Hashes of films, trainings and environment steps, to see whether a change altered what is computed.

    python tests/fingerprints.py > before.json          # at the one version
    python tests/fingerprints.py --against before.json  # at the other, on the same machine

The hashes hold on one machine with one set of libraries: another processor rounds otherwise. So they are no
test, but a tool for changes that should alter nothing. `PYTHONPATH` decides which checkout is looked at.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from morphsim import LatentRewardWrapper, load_encoder
from morphsim.frames import read_frames
from morphsim.rewards import LatentGoalWrapper, VectorLatentRewardWrapper
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Recipe, Simulation, record_film

SMALL, TALL, NARROW = (24, 96), (48, 64), (40, 8)
EPISODES = 10

FILMS: dict[str, tuple[Recipe, tuple[int, int], str]] = {
    "annealing": (AnnealingRecipe(), SMALL, "float32"),
    "annealing-double": (AnnealingRecipe(), SMALL, "float64"),
    "annealing-walls": (AnnealingRecipe(boundary="no-flux", width=3.0), SMALL, "float32"),
    "annealing-onsager": (AnnealingRecipe(mobility="onsager", blend_ratio=0.4), SMALL, "float32"),
    "annealing-noise": (AnnealingRecipe(thermal_noise=2e-7), SMALL, "float32"),
    "annealing-substrate": (AnnealingRecipe(substrate_strength=2e-3), SMALL, "float32"),
    "annealing-stripes": (
        AnnealingRecipe(substrate_strength=2e-3, substrate_period=1.0, thermal_noise=1e-7),
        SMALL,
        "float64",
    ),
    "annealing-hot": (AnnealingRecipe(temperature=420.0, duration=0.02), TALL, "float32"),
    "annealing-narrow": (AnnealingRecipe(thermal_noise=1e-7, width=0.5), NARROW, "float32"),
    "drying": (DryingRecipe(), SMALL, "float32"),
    "drying-double": (DryingRecipe(), SMALL, "float64"),
    "drying-walls": (DryingRecipe(boundary="no-flux", width=3.0), SMALL, "float32"),
    "drying-negi": (DryingRecipe(mobility="negi", evaporation=0.1), SMALL, "float32"),
    "drying-onsager": (DryingRecipe(mobility="onsager", evaporation=0.2), SMALL, "float32"),
    "drying-constant": (DryingRecipe(mobility="constant"), SMALL, "float32"),
    "drying-quiet": (DryingRecipe(thermal_noise=0.0, substrate_strength=0.0), SMALL, "float32"),
    "drying-fast": (DryingRecipe(evaporation=3.0), TALL, "float32"),
    "drying-vapour": (DryingRecipe(ambient_vapour=0.05, temperature=310.0), TALL, "float32"),
    "drying-stripes": (DryingRecipe(substrate_period=1.0, blend_ratio=0.6), SMALL, "float32"),
    "drying-narrow": (DryingRecipe(width=0.5), NARROW, "float32"),
}

TRAININGS: dict[str, tuple[str, ...]] = {
    "cvae": ("--architecture", "cvae", "--network", "latent_size=4"),
    "autoencoder": ("--architecture", "autoencoder", "--network", "latent_size=4"),
    "split": ("--architecture", "split"),
}


def digest(*parts: Any) -> str:
    """SHA-256 of arrays, tensors and plain values, the first 16 digits."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, torch.Tensor):
            part = part.detach().cpu().numpy()
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, dict):
            found.update(digest(*(entry for key in sorted(part) for entry in (key, part[key]))).encode())
        elif isinstance(part, list | tuple):
            found.update(digest(*part).encode())
        else:
            found.update(repr(part).encode())
    return found.hexdigest()[:16]


def films() -> Iterator[tuple[str, str]]:
    """Twenty films of all closures, and a batch that is steered, divided and gone on with."""
    for seed, (name, (recipe, shape, dtype)) in enumerate(FILMS.items()):
        snapshots = record_film(recipe, seed=seed, frames=5, shape=shape, dtype=dtype)
        yield f"film {name}", digest([(s.fields, s.time, s.thickness, s.free_energy) for s in snapshots])
    recipes = [DryingRecipe(evaporation=rate) for rate in (0.1, 0.5, 2.0)]
    batch = Simulation(recipes, seeds=[1, 2, 3], shape=SMALL)
    batch.advance_to_dryness(0.4, time=400.0)
    batch.set_knobs(temperature=315.0, evaporation=[0.2, 0.2, 1.0])
    batch.advance_to_dryness(0.8, time=400.0)
    batch.replace([1], [DryingRecipe(evaporation=1.0)], [9])
    batch.advance(time=batch.time + 0.5)
    joined = Simulation.join([batch, batch.take([2])])
    joined.advance(time=joined.time + 0.1)
    yield "film batch", digest(joined.snapshot())


def trainings(folder: Path) -> Iterator[tuple[str, str]]:
    """Three encoders, and an agent, trained by the commands."""
    frames = folder / "frames.h5"
    grid = ("--grid", "blend_ratio=0.35,0.5,0.65", "chi=2.6,3.4", "--replicas", "2", "--frames", "6")
    _command("dataset", *grid, "--process", "annealing", "--shape", "32", "64", "--out", str(frames))
    read = read_frames(frames)
    yield "data set", digest(read.frames, read.columns, read.recipes)
    for name, options in TRAININGS.items():
        out = folder / name
        _command("train-encoder", str(frames), "--out", str(out), "--epochs", "2", *options)
        encoder = load_encoder(out)
        yield f"training {name}", digest(encoder.hash, encoder.encode(read.frames))
    target, out = f"{frames}:5", folder / "agent"
    numbers = ("--total-steps", "64", "--steps", "8", "--ppo.rollout-steps", "32", "--ppo.batch-size", "16")
    place = ("--encoder", str(folder / "cvae"), "--target", target, "--out", str(out))
    _command("train-agent", *place, "--env", "annealing", *numbers)
    yield "training agent", digest(*_curves(out / "curves.csv"))


def environments() -> Iterator[tuple[str, str]]:
    """Two hundred steps: bare, with observation and reward, with goals, and as a vector."""
    encoder = load_encoder("default")
    frame = np.zeros((100, 400), np.uint8)
    frame[:50] = 1
    small: dict[str, Any] = {"shape": (25, 100), "steps": 10}
    kinds: dict[str, Callable[[], Any]] = {
        "annealing": lambda: gym.make("morphsim:morphsim/Annealing-v0", **small, randomize=True),
        "drying": lambda: gym.make("morphsim:morphsim/Drying-v0", **small, randomize=True),
    }
    for name, make in kinds.items():
        yield f"steps {name}", digest(*_steps(make(), 60))
    large: dict[str, Any] = {"shape": (100, 400), "steps": 5}
    yield (
        "steps rewarded",
        digest(
            *_steps(
                LatentRewardWrapper(
                    gym.make("morphsim:morphsim/Annealing-v0", **large), encoder, target=frame
                ),
                20,
            )
        ),
    )
    yield (
        "steps goals",
        digest(
            *_steps(
                LatentGoalWrapper(gym.make("morphsim:morphsim/Annealing-v0", **large), encoder, target=frame),
                20,
            )
        ),
    )
    envs = gym.make_vec(
        "morphsim:morphsim/Annealing-v0", num_envs=2, vectorization_mode="vector_entry_point", **large
    )
    yield "steps vector", digest(*_steps(VectorLatentRewardWrapper(envs, encoder, target=frame), 20))
    envs = gym.make_vec(
        "morphsim:morphsim/Drying-v0", num_envs=3, vectorization_mode="vector_entry_point", **small
    )
    yield "steps drying vector", digest(*_steps(envs, 20))


def _vector(name: str, count: int, **settings: Any) -> Any:
    return gym.make_vec(name, num_envs=count, vectorization_mode="vector_entry_point", **settings)


def _steps(env: Any, count: int) -> Iterator[Any]:
    env.action_space.seed(4)
    observation, info = env.reset(seed=3)
    yield observation
    for _ in range(count):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        yield from (observation, np.asarray(reward), np.asarray(terminated), np.asarray(truncated))
        yield [info.get(key) for key in ("time", "dryness", "distance", "thickness")]
        if not hasattr(env, "num_envs") and (terminated or truncated):
            observation, info = env.reset()
            yield observation
    env.close()


def _curves(path: Path) -> Iterator[str]:
    """The columns of a table of curves that do not tell time."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    for column in zip(*lines, strict=True):
        if "second" not in column[0] and "time" not in column[0]:
            yield ",".join(column)


def _command(*words: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "morphsim", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SystemExit(f"morphsim {' '.join(words)} failed: {result.stderr}")


def main() -> int:
    """Print the hashes, or what of them differs from an earlier print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="hashes to compare with")
    parser.add_argument("--films-only", action="store_true", help="leave out trainings and environments")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, str] = dict(films())
    if not options.films_only:
        found |= dict(environments())
        with tempfile.TemporaryDirectory() as folder:
            found |= dict(trainings(Path(folder)))
    if options.against is None:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    before = json.loads(options.against.read_text())
    differing = [name for name, value in found.items() if before.get(name) != value]
    for name in differing:
        sys.stdout.write(f"{name} was {before.get(name)} and is {found[name]}\n")
    sys.stdout.write(f"{len(found) - len(differing)} of {len(found)} are equal\n")
    return bool(differing)


if __name__ == "__main__":
    raise SystemExit(main())
