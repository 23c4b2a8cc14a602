"""Make the default encoder anew: `python -m morphsim.assets.make_default`.

Films of both processes over a grid of recipes, each with noise of its own, and the CVAE trained on them.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from morphsim.encoder import TrainingConfig, train_encoder
from morphsim.frames import DatasetConfig, FrameSet, make_dataset, read_frames, write_frames

EPOCHS = 60
SHAPE = (100, 400)
DRYING = DatasetConfig(
    out=Path("runs/default/drying.h5"),
    process="drying",
    grid=(
        "evaporation=0.03,0.1,0.3,1,3",
        "n_donor=5,10,20",
        "temperature=288.15,318.15",
        "blend_ratio=0.4,0.5,0.6",
    ),
    frames=8,
    shape=SHAPE,
    seed=1,
    workers=2,
)
ANNEALING = DatasetConfig(
    out=Path("runs/default/annealing.h5"),
    process="annealing",
    grid=("chi=2.4,2.8,3.2,3.6,4.0", "blend_ratio=0.5,0.55,0.6"),
    replicas=2,
    frames=20,
    shape=SHAPE,
    seed=2,
    workers=2,
)


def _without_time(frames: FrameSet) -> FrameSet:
    """Frames and films only: the two processes count time in different units."""
    return replace(frames, columns={"trajectory": frames.trajectory}, units={})


def main() -> None:
    """Simulate, train and put the encoder in its place; what is done already is not done again."""
    made = [_without_time(read_frames(make_dataset(config))) for config in (DRYING, ANNEALING)]
    frames = Path("runs/default/films.h5")
    write_frames(frames, FrameSet.concatenate(made))
    config = TrainingConfig(
        frames=frames,
        out=Path("runs/default/encoder"),
        epochs=EPOCHS,
        batch_size=32,
        resume=True,
        tensorboard=False,
    )
    train_encoder(config)
    place = Path(__file__).parent / "default"
    place.mkdir(exist_ok=True)
    for name in ("weights.safetensors", "latents.safetensors", "config.json", "metrics.json", "curves.csv"):
        shutil.copyfile(config.out / name, place / name)


if __name__ == "__main__":
    main()
