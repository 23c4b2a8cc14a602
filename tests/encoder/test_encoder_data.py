from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray

from morphsim.encoder.data import DeviceFrames, augment
from morphsim.encoder.seeding import epoch_generator
from morphsim.encoder.training.sampler import Sampler, label_groups, share_sizes

CPU = torch.device("cpu")


def random_frames(count: int, height: int, width: int, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(2, (count, channels, height, width), generator=generator).byte()


def sampler(count: int = 11, **options: object) -> Sampler:
    values = {"batch_size": 4, "latent_size": 3, "width": 7, "mirror": True, "roll": True, **options}
    return Sampler(indices=2 * torch.arange(count) + 1, **values)  # type: ignore[arg-type]


def test_an_epoch_shows_each_training_frame_once_and_no_other() -> None:
    steps = list(sampler().steps(epoch_generator(0, 0), CPU))
    assert [step.count for step in steps] == [len(step.frames) for step in steps] == [4, 4, 3]
    assert len(sampler()) == 3
    shown = torch.cat([step.frames for step in steps])
    assert sorted(shown.tolist()) == list(range(1, 23, 2)) != shown.tolist()
    for step in steps:
        assert step.mirrored is not None and step.mirrored.shape == (step.count,)
        assert step.shifts is not None and 0 <= int(step.shifts.min()) <= int(step.shifts.max()) < 7
        assert step.noise.shape == (step.count, 3)
        assert step.labels is None and step.pairs is None


def test_without_augmentation_nothing_is_drawn_for_it() -> None:
    for step in sampler(mirror=False, roll=False).steps(epoch_generator(0, 0), CPU):
        assert step.mirrored is None and step.shifts is None


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
@given(
    count=st.integers(1, 30),
    batch_size=st.integers(1, 9),
    processes=st.integers(1, 4),
    labelled=st.booleans(),
    exchange=st.booleans(),
    seed=st.integers(0, 99),
)
def test_processes_share_the_very_batches_of_one(
    count: int, batch_size: int, processes: int, labelled: bool, exchange: bool, seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 5, 2 * count + 1) if labelled else None
    options = {"count": count, "batch_size": batch_size, "labels": labels, "exchange": exchange}
    alone = list(sampler(**options).steps(epoch_generator(seed, 0), CPU))
    shares = [
        list(sampler(**options, rank=rank, processes=processes).steps(epoch_generator(seed, 0), CPU))
        for rank in range(processes)
    ]
    for whole, *parts in zip(alone, *shares, strict=True):
        assert [len(part.frames) for part in parts] == share_sizes(whole.count, processes)
        assert (whole.exchanged is not None) == exchange
        for name in ("frames", "mirrored", "shifts", "noise", *(["exchanged"] if exchange else [])):
            assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
        for part in parts:
            assert part.count == whole.count
            if labelled:
                assert torch.equal(part.labels, whole.labels) and torch.equal(part.pairs, whole.pairs)


def test_labels_meet_in_groups_and_pairs_name_all_positives() -> None:
    labels = np.repeat(np.arange(40), 4)[np.random.default_rng(0).permutation(160)]
    every = Sampler(
        indices=torch.arange(160),
        batch_size=16,
        latent_size=1,
        width=3,
        mirror=False,
        roll=False,
        labels=labels,
        group=4,
    )
    seen = []
    for step in every.steps(epoch_generator(0, 0), CPU):
        assert step.labels is not None and step.pairs is not None
        found = labels[step.frames.numpy()]
        assert np.array_equal(step.labels.numpy(), found)
        assert set(Counter(found.tolist()).values()) == {4}
        expected = {(a, b) for a in range(16) for b in range(16) if a != b and found[a] == found[b]}
        assert set(map(tuple, step.pairs.tolist())) == expected
        seen += step.frames.tolist()
    assert sorted(seen) == list(range(160))


def test_exchanged_frames_are_of_labels_of_their_own() -> None:
    labels = np.arange(80) // 4
    every = Sampler(
        indices=torch.arange(80),
        batch_size=20,
        latent_size=1,
        width=3,
        mirror=False,
        roll=False,
        exchange=True,
        labels=labels,
        group=2,
    )
    exchanged = []
    for step in every.steps(epoch_generator(0, 0), CPU):
        assert step.labels is not None and step.pairs is not None and step.exchanged is not None
        kinds = list(zip(labels[step.frames.numpy()], step.exchanged.tolist(), strict=True))
        same = {(a, b) for a in range(20) for b in range(20) if a != b and kinds[a] == kinds[b]}
        assert set(map(tuple, step.pairs.tolist())) == same
        # Groups are not divided, so that every frame keeps a positive.
        assert {a for a, _ in same} == set(range(20))
        assert [step.labels[a] == step.labels[b] for a, b in same] == [True] * len(same)
        exchanged += step.exchanged.tolist()
    assert 20 < sum(exchanged) < 60


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.integers(-2, 4), min_size=1, max_size=30), group=st.integers(2, 5))
def test_groups_hold_one_label_and_are_as_full_as_can_be(labels: list[int], group: int) -> None:
    values = np.array(labels)
    groups = label_groups(values, group)
    assert sorted(set(groups.tolist())) == list(range(int(groups.max()) + 1))
    for label, count in Counter(labels).items():
        sizes = Counter(groups[values == label].tolist())
        assert sorted(sizes.values(), reverse=True) == [
            min(group, count - start) for start in range(0, count, group)
        ]
    assert len(set(zip(groups.tolist(), labels, strict=True))) == int(groups.max()) + 1


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 6),
    height=st.integers(1, 5),
    width=st.integers(1, 9),
    channels=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_augmented_frames_are_mirror_and_roll_of_the_frame(
    count: int, height: int, width: int, channels: int, seed: int
) -> None:
    batch = random_frames(count, height, width, channels)
    generator = torch.Generator().manual_seed(seed)
    mirrored = torch.rand(count, generator=generator) < 0.5
    shifts = torch.randint(width, (count,), generator=generator)
    augmented = augment(batch, mirrored=mirrored, shifts=shifts)
    for before, after, flipped, shift in zip(batch, augmented, mirrored, shifts, strict=True):
        side = before.flip(-1) if flipped else before
        assert torch.equal(after, torch.roll(side, -int(shift), dims=-1))


def test_either_augmentation_alone_and_none() -> None:
    batch = random_frames(2, 4, 9)
    mirrored, shifts = torch.tensor([True, False]), torch.tensor([0, 2])
    flipped = augment(batch, mirrored=mirrored, shifts=None)
    assert torch.equal(flipped[0], batch[0].flip(-1)) and torch.equal(flipped[1], batch[1])
    rolled = augment(batch, mirrored=None, shifts=shifts)
    assert torch.equal(rolled[0], batch[0]) and torch.equal(rolled[1], batch[1].roll(-2, dims=-1))
    assert augment(batch, mirrored=None, shifts=None) is batch
    exchanged = augment(batch, mirrored=None, shifts=shifts, exchanged=torch.tensor([False, True]))
    assert torch.equal(exchanged[0], batch[0])
    assert torch.equal(exchanged[1], 1 - batch[1].roll(-2, dims=-1)) and exchanged.dtype == torch.uint8


@pytest.mark.parametrize("shape", [(5, 4, 9), (5, 1, 8), (5, 3, 4, 17), (2, 2, 1, 1)])
def test_bits_unpack_to_the_very_frames(shape: tuple[int, ...]) -> None:
    frames: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 2, shape, dtype=np.uint8)
    plain, packed = (DeviceFrames(frames, CPU, packed=packed) for packed in (False, True))
    chosen = torch.tensor([1, 0, 1])
    for data in (plain, packed):
        batch = data.bytes(chosen)
        assert batch.dtype == torch.uint8 and batch.shape[2:] == frames.shape[-2:]
        assert np.array_equal(batch.numpy(), frames.reshape(len(frames), -1, *shape[-2:])[chosen])
        assert (data.channels, data.height, data.width) == batch.shape[1:]
        assert [len(part) for part in data.batches(chosen, 2)] == [2, 1]
    assert packed.frames.numel() <= plain.frames.numel()


def test_frames_that_must_not_be_written_to_are_copied_and_others_shared() -> None:
    frames = np.zeros((3, 2, 2), np.uint8)
    assert DeviceFrames(frames, CPU).frames.data_ptr() == frames.ctypes.data
    frames.flags.writeable = False
    data = DeviceFrames(frames, CPU)
    assert data.frames.data_ptr() != frames.ctypes.data
    assert len(data) == 3
