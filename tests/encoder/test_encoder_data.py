from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import given, settings

from morphsim.encoder.data import DeviceFrames, augment, epoch_generator

CPU = torch.device("cpu")


def random_frames(count: int, height: int, width: int) -> torch.Tensor:
    return torch.randint(2, (count, height, width), generator=torch.Generator().manual_seed(3)).byte()


def test_an_epoch_shows_each_training_frame_once_and_no_other() -> None:
    frames = np.arange(10, dtype=np.uint8)[:, None, None].repeat(2, 1).repeat(3, 2)
    data = DeviceFrames(frames, CPU)
    indices = torch.tensor([1, 3, 5, 7, 9])
    batches = list(data.training_batches(indices, 2, mirror=True, roll=True, generator=epoch_generator(0, 0)))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert all(batch.dtype == torch.float32 for batch in batches)
    shown = torch.cat(batches)[:, 0, 0]
    assert sorted(shown.tolist()) == [1, 3, 5, 7, 9]


def test_epochs_differ_and_an_epoch_repeats_itself() -> None:
    draws = {
        (seed, epoch, purpose): torch.rand(
            4, generator=epoch_generator(seed, epoch, purpose=purpose)
        ).tolist()
        for seed in (0, 1)
        for epoch in (0, 1)
        for purpose in (0, 1)
    }
    assert len({tuple(draw) for draw in draws.values()}) == 8
    assert torch.rand(4, generator=epoch_generator(1, 1)).tolist() == draws[1, 1, 0]


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 6), height=st.integers(1, 5), width=st.integers(1, 9), seed=st.integers(0, 10**6))
def test_augmented_frames_are_mirror_and_roll_of_the_frame(
    count: int, height: int, width: int, seed: int
) -> None:
    batch = random_frames(count, height, width)
    augmented = augment(batch, mirror=True, roll=True, generator=torch.Generator().manual_seed(seed))
    for before, after in zip(batch, augmented, strict=True):
        allowed = [
            torch.roll(side, shift, dims=-1) for side in (before, before.flip(-1)) for shift in range(width)
        ]
        assert any(torch.equal(after, frame) for frame in allowed)


def test_without_roll_a_frame_is_only_itself_or_its_mirror() -> None:
    batch = random_frames(64, 4, 9)
    augmented = augment(batch, mirror=True, roll=False, generator=torch.Generator().manual_seed(0))
    same = (augmented == batch).flatten(1).all(1)
    mirrored = (augmented == batch.flip(-1)).flatten(1).all(1)
    assert bool((same | mirrored).all())
    assert 16 < int(mirrored.sum()) < 48


def test_roll_alone_uses_every_shift() -> None:
    batch = torch.zeros(400, 1, 5, dtype=torch.uint8)
    batch[:, :, 0] = 1
    rolled = augment(batch, mirror=False, roll=True, generator=torch.Generator().manual_seed(0))
    assert (rolled.sum(dim=(0, 1)) > 40).all()


def test_no_augmentation_leaves_frames_alone() -> None:
    batch = random_frames(3, 2, 4)
    generator = torch.Generator().manual_seed(0)
    assert augment(batch, mirror=False, roll=False, generator=generator) is batch


def test_frames_that_must_not_be_written_to_are_copied_and_others_shared() -> None:
    frames = np.zeros((3, 2, 2), np.uint8)
    assert DeviceFrames(frames, CPU).frames.data_ptr() == frames.ctypes.data
    frames.flags.writeable = False
    data = DeviceFrames(frames, CPU)
    assert data.frames.data_ptr() != frames.ctypes.data
    assert len(data) == 3
