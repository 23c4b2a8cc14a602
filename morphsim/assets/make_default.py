"""Make the default encoder: `python -m morphsim.assets.make_default`.

It simulates films of both processes, several of each recipe with different noise, and trains a network of
content and pose on them with the triplet loss, so that films of one recipe are near each other. Published
frames are not used.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from morphsim.encoder import ObjectiveConfig, SplitConfig, TrainingConfig, train_encoder
from morphsim.frames import DatasetConfig, FrameSet, make_dataset, moment_labels, read_frames, write_frames
from morphsim.frames.presets import DEFAULT_ENCODER

FOLDER = Path("runs/default")
TRAINING = TrainingConfig(
    frames=FOLDER / "films.h5",
    out=FOLDER / "encoder",
    network=SplitConfig(),
    objective=ObjectiveConfig(triplet=1.0),
    content_steps=12_000,
    epochs=8,
    batch_size=64,
    schedule="cosine",
    held_out=0.1,
    hold_out="recipes",
    keep="last",
    precision="bfloat16",
    resume=True,
    tensorboard=False,
)


def to_learn_from(frames: FrameSet) -> FrameSet:
    """Leave out the frames of a single phase, which tell nothing about their recipe, and the columns of time.

    The two processes have different units of time; a column keeps the moment of each frame within its film.
    """
    named = replace(
        frames, columns={"trajectory": frames.trajectory, "moment": moment_labels(frames)}, units={}
    )
    share = frames.frames.mean(axis=(1, 2))
    return named.select((share > 0.0) & (share < 1.0))


def films() -> Path:
    """Make the training films, unless they exist."""
    made = []
    for name in DEFAULT_ENCODER:
        config = DatasetConfig(out=FOLDER / f"{name}.h5", preset=name, workers=2)
        made.append(to_learn_from(read_frames(make_dataset(config))))
    write_frames(TRAINING.frames, FrameSet.concatenate(made))
    return TRAINING.frames


def main() -> None:
    """Simulate, train and put the encoder in place; finished stages are skipped."""
    films()
    train_encoder(TRAINING)
    place = Path(__file__).parent / "default"
    place.mkdir(exist_ok=True)
    for name in ("weights.safetensors", "latents.safetensors", "config.json", "metrics.json", "curves.csv"):
        shutil.copyfile(TRAINING.out / name, place / name)


if __name__ == "__main__":
    main()
