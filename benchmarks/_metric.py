"""Films, and networks trained for a given time, for the benchmark of the metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from _harness import say

from morphsim.encoder import Encoder, NetworkConfig, TrainingConfig, load_encoder, train_encoder
from morphsim.encoder.io.layout import METRICS
from morphsim.files import read_json
from morphsim.frames import DatasetConfig, FrameSet, make_dataset, read_frames, read_notes, write_frames
from morphsim.hashes import hash_arrays

QUICK_SHAPE = (32, 128)
# For each process a grid, and values of all other parameters that its presets vary.
_QUICK = {
    "annealing": ("chi=2.3,3,4.1", ("blend_ratio=0.5",)),
    "drying": (
        "evaporation=1,2,4",
        ("blend_ratio=0.5", "substrate_donor=0.2", "temperature=298.15", "n_donor=10"),
    ),
}


@dataclass(frozen=True)
class Films:
    """Films of one process.

    Attributes:
        unseen: to evaluate on.
        training: to fit baselines on.
    """

    unseen: FrameSet
    training: FrameSet


def films(
    process: str, unseen: Path | None, training: Path | None, *, cache: Path, workers: int, quick: bool
) -> Films:
    """Read films, or make those of the presets `PROCESS-unseen` and `PROCESS`.

    Args:
        process: `annealing` or `drying`.
        unseen: file of films to evaluate on; None for the preset.
        training: file of films to fit baselines on; None for the preset.
        cache: folder of the films that are made.
        workers: processes that make films.
        quick: make a few small films instead.
    """
    made = [
        path or _made(name, cache=cache, workers=workers, quick=quick)
        for name, path in ((f"{process}-unseen", unseen), (process, training))
    ]
    return Films(*(read_frames(path) for path in made))


def joined(sets: list[FrameSet], cache: Path) -> Path:
    """Write the training films of all processes into one file."""
    # The processes have different units of time, which training does not use.
    together = FrameSet.concatenate([replace(each, units={}) for each in sets])
    path = cache / f"training-{_digest(together)}.h5"
    if not path.exists():
        write_frames(path, together)
    return path


def trained(network: NetworkConfig, frames: Path, *, seconds: float, cache: Path) -> Encoder:
    """Train a network on a file of frames for some seconds, or load what an earlier run trained.

    One epoch is timed to find the number of epochs that fit, so that the schedule of the learning rate ends
    with the training.

    Args:
        network: what to train.
        frames: the file.
        seconds: training time, evaluation on held-out frames included.
        cache: folder of trained networks.
    """
    digest = _digest(read_frames(frames))
    out = cache / f"{network.architecture}-{seconds:g}s-{digest}"
    config = TrainingConfig(frames=frames, out=out, epochs=1, network=network, tensorboard=False, resume=True)
    counted = out / "epochs.txt"
    if not counted.exists():
        say(f"{network.architecture}: timing an epoch")
        train_encoder(config, show_progress=False)
        one = float(read_json(out / METRICS)["seconds"])
        counted.write_text(f"{max(1, int(seconds / one))}\n", encoding="utf-8")
    epochs = int(counted.read_text(encoding="utf-8"))
    say(f"{network.architecture}: {epochs} epochs")
    train_encoder(replace(config, epochs=epochs))
    return load_encoder(out)


def _made(name: str, *, cache: Path, workers: int, quick: bool) -> Path:
    out = cache / (f"quick-{name}.h5" if quick else f"{name}.h5")
    config = DatasetConfig(out=out, preset=name, workers=workers)  # type: ignore[arg-type]
    if quick:
        grid, same = _QUICK[name.partition("-")[0]]
        config = replace(
            config,
            grid=(grid,),
            set=same,
            replicas=3 if name.endswith("unseen") else 2,
            frames=4,
            shape=QUICK_SHAPE,
        )
    if out.exists():
        stored = read_notes(out).get("plan")
        if stored is None or config.plan().differences(stored):
            # They were made by an older simulator.
            config = replace(config, overwrite=True)
    say(f"{name}: {config.plan().films} films")
    return make_dataset(config)


def _digest(frame_set: FrameSet) -> str:
    return hash_arrays({"frames": frame_set.frames, "trajectory": frame_set.trajectory})[:12]
