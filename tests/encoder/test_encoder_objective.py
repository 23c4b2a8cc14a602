from __future__ import annotations

import json
import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from morphsim.encoder import (
    ObjectiveConfig,
    kl_divergence,
    reconstruction_loss,
    sample_latents,
    triplet_accuracy,
    triplet_loss,
)
from morphsim.encoder.terms import activity, squared_weights
from morphsim.encoder.triplet import pairwise_distances, positive_pairs, random_triplets
from morphsim.errors import InputError


def test_kl_divergence_is_that_of_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    log_variances = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    posterior = torch.distributions.Normal(means, torch.exp(0.5 * log_variances))
    prior = torch.distributions.Normal(torch.zeros_like(means), torch.ones_like(means))
    expected = torch.distributions.kl_divergence(posterior, prior).sum(dim=1)
    torch.testing.assert_close(kl_divergence(means, log_variances), expected)
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0.0, 0.0]


def test_reconstruction_loss_is_the_log_likelihood_summed_over_pixels() -> None:
    logits = torch.tensor([[[0.0, 2.0], [-3.0, 50.0]]])
    frames = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    expected = -torch.distributions.Bernoulli(logits=logits).log_prob(frames).sum(dim=(1, 2))
    torch.testing.assert_close(reconstruction_loss(logits, frames), expected)
    even = reconstruction_loss(torch.zeros(1, 100, 400), torch.ones(1, 100, 400))
    assert even.item() == pytest.approx(40_000 * 0.693147, rel=1e-4)


def test_samples_have_the_mean_and_deviation_asked_for_and_a_gradient() -> None:
    means = torch.tensor([[2.0, -1.0]]).repeat(20_000, 1).requires_grad_()
    log_variances = torch.tensor([[0.0, -2.0]]).repeat(20_000, 1).requires_grad_()
    noise = torch.randn(means.shape, generator=torch.Generator().manual_seed(0))
    samples = sample_latents(means, log_variances, noise)
    assert samples.mean(dim=0).tolist() == pytest.approx([2.0, -1.0], abs=0.03)
    assert samples.std(dim=0).tolist() == pytest.approx([1.0, 0.3679], rel=0.03)
    samples.sum().backward()
    assert torch.equal(means.grad, torch.ones_like(means))
    assert log_variances.grad is not None and log_variances.grad.abs().sum() > 0


def test_squared_error_is_that_of_probabilities_summed_over_pixels() -> None:
    logits = torch.tensor([[[0.0, 50.0], [-50.0, math.log(3)]]])
    frames = torch.tensor([[[1.0, 1.0], [1.0, 0.0]]])
    # 0.5² + 0² + 1² + 0.75²
    assert reconstruction_loss(logits, frames, kind="mse").tolist() == pytest.approx([1.8125])


def test_activity_and_squared_weights_by_hand() -> None:
    assert activity(torch.tensor([[1.0, -2.0], [0.0, 0.5]])).tolist() == [3.0, 0.5]
    network = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Conv2d(1, 1, 1))
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 2.0)
    # Two dense weights and one of the convolution; biases do not count.
    assert squared_weights(network).item() == 12.0


# Points on a line: two labels, {0, 1} and {3, 2}.
CONTENT = torch.tensor([[0.0], [1.0], [3.0], [2.0]], dtype=torch.float64)
LABELS = torch.tensor([5, 5, 7, 7])
PAIRS = torch.from_numpy(positive_pairs(LABELS.numpy()))


def test_positive_pairs_are_all_ordered_pairs_of_a_label() -> None:
    assert PAIRS.tolist() == [[0, 1], [1, 0], [2, 3], [3, 2]]
    assert positive_pairs(np.array([1, 2, 3])).shape == (0, 2)


@pytest.mark.parametrize(
    ("margin", "miner", "expected"),
    [
        # d(a, n) - d(a, p): 0: 2, 1; 1: 1, 0; 2: 2, 1; 3: 1, 0. All positives are 1 away.
        (1.0, "all", 1.0),  # two gaps of 0 violate by 1 each; gaps of 1 do not
        (1.5, "all", (1.5 + 1.5 + 4 * 0.5) / 6),
        (1.5, "semi-hard", 0.5),  # the four gaps of 1
        (1.5, "hard", 1.5),  # the two gaps of 0
        (0.0, "all", 0.0),
    ],
)
def test_triplet_loss_by_hand(margin: float, miner: Any, expected: float) -> None:
    loss = triplet_loss(CONTENT, LABELS, PAIRS, margin=margin, miner=miner)
    assert loss.item() == pytest.approx(expected)


def test_triplet_loss_of_a_batch_without_positives_or_negatives_is_zero_with_a_gradient() -> None:
    for labels in ([1, 2, 3, 4], [1, 1, 1, 1]):
        content = CONTENT.clone().requires_grad_()
        pairs = torch.from_numpy(positive_pairs(np.array(labels)))
        loss = triplet_loss(content, torch.tensor(labels), pairs, margin=1.0)
        loss.backward()
        assert loss.item() == 0.0 and content.grad is not None and not content.grad.any()


def test_equal_frames_have_a_finite_gradient() -> None:
    for distance in ("euclidean", "cosine"):
        content = torch.zeros(4, 3).requires_grad_()
        triplet_loss(content, LABELS, PAIRS, margin=1.0, distance=distance).backward()  # type: ignore[arg-type]
        assert content.grad is not None and bool(content.grad.isfinite().all())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(3, 40),
    kinds=st.integers(1, 6),
    margin=st.floats(0.05, 3.0),
    miner=st.sampled_from(["all", "semi-hard", "hard"]),
    distance=st.sampled_from(["euclidean", "cosine"]),
)
def test_triplet_loss_is_that_of_every_triplet_one_by_one(
    seed: int, count: int, kinds: int, margin: float, miner: Any, distance: Any
) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, kinds, count)
    content = torch.from_numpy(generator.standard_normal((count, 3)))
    between = pairwise_distances(content, distance)
    losses = []
    for a in range(count):
        for p in range(count):
            for n in range(count):
                if a != p and labels[a] == labels[p] and labels[a] != labels[n]:
                    gap = float(between[a, n] - between[a, p])
                    wanted = {"all": True, "hard": gap <= 0, "semi-hard": gap > 0}[miner]
                    losses += [margin - gap] if gap < margin and wanted else []
    pairs = torch.from_numpy(positive_pairs(labels))
    loss = triplet_loss(
        content, torch.from_numpy(labels), pairs, margin=margin, miner=miner, distance=distance
    )
    assert loss.item() == pytest.approx(np.mean(losses) if losses else 0.0)


@pytest.mark.parametrize("miner", ["all", "semi-hard", "hard"])
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_triplet_loss_and_gradient_are_those_of_pytorch_metric_learning(miner: Any, distance: Any) -> None:
    pytest.importorskip("pytorch_metric_learning", reason="pytorch-metric-learning is not installed")
    from pytorch_metric_learning.distances import CosineSimilarity, LpDistance
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import TripletMarginMiner

    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(8, (32,), generator=generator)
    contents = [torch.randn(32, 5, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    for content in contents:
        content.requires_grad_()
    theirs = LpDistance(normalize_embeddings=False) if distance == "euclidean" else CosineSimilarity()
    mined = TripletMarginMiner(margin=0.7, type_of_triplets=miner.replace("-", ""), distance=theirs)(
        contents[0], labels
    )
    expected = TripletMarginLoss(margin=0.7, distance=theirs)(contents[0], labels, mined)
    pairs = torch.from_numpy(positive_pairs(labels.numpy()))
    loss = triplet_loss(contents[1], labels, pairs, margin=0.7, miner=miner, distance=distance)
    torch.testing.assert_close(loss, expected)
    for value in (loss, expected):
        value.backward()
    torch.testing.assert_close(contents[1].grad, contents[0].grad, atol=1e-6, rtol=1e-4)


def test_triplet_accuracy_by_hand() -> None:
    content = torch.tensor([[0.0, 1.0], [0.0, 3.0], [2.0, 0.0], [0.1, 1.0]])
    triplets = torch.tensor([[0, 1, 3], [0, 1, 2], [0, 3, 1], [0, 3, 2]])
    assert triplet_accuracy(content, triplets).item() == 0.75
    # Frames 0 and 1 have the same angle.
    assert triplet_accuracy(content, triplets, distance="cosine").item() == 0.75
    assert triplet_accuracy(content, triplets[:1], distance="cosine").item() == 1.0
    assert triplet_accuracy(content, triplets[:1]).item() == 0.0
    # A tie counts as wrong: a network that encodes all frames alike has an accuracy of 0.
    assert triplet_accuracy(torch.zeros(4, 2), triplets).item() == 0.0


def test_random_triplets_are_what_they_claim() -> None:
    generator = np.random.default_rng(0)
    labels, trajectory = generator.integers(0, 9, 80), generator.integers(0, 6, 80)
    triplets = random_triplets(labels, trajectory, count=500, seed=1)
    assert triplets is not None and triplets.shape == (500, 3)
    anchor, positive, negative = triplets.T
    assert (labels[anchor] == labels[positive]).all() and (labels[anchor] != labels[negative]).all()
    assert (trajectory[anchor] != trajectory[positive]).all()
    assert np.array_equal(triplets, random_triplets(labels, trajectory, count=500, seed=1))
    assert not np.array_equal(triplets, random_triplets(labels, trajectory, count=500, seed=2))


def test_no_triplets_where_no_label_has_two_films_or_there_is_one_label() -> None:
    film = np.array([0, 1, 2, 3])
    assert random_triplets(film, film, count=5, seed=0) is None
    assert random_triplets(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), count=5, seed=0) is None
    assert random_triplets(np.zeros(4, np.int64), film, count=5, seed=0) is None


def test_terms_and_weights_of_an_objective() -> None:
    plain = ObjectiveConfig()
    assert plain.terms(variational=True) == ("reconstruction", "kl")
    assert plain.terms(variational=False) == ("reconstruction",)
    full = ObjectiveConfig(kl=4.0, kl_warm_up=3, triplet=50, l1=0.1, l2=0.2)
    assert full.terms(variational=True) == ("reconstruction", "kl", "triplet", "l1", "l2")
    assert [full.weights(epoch)["kl"] for epoch in range(5)] == [1.0, 2.0, 3.0, 4.0, 4.0]
    assert full.weights(0) == {"reconstruction": 1.0, "kl": 1.0, "triplet": 50, "l1": 0.1, "l2": 0.2}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reconstruction", "l1"),
        ("kl", -1.0),
        ("kl", math.inf),
        ("kl", True),
        ("kl_warm_up", -1),
        ("kl_warm_up", 1.5),
        ("triplet", math.nan),
        ("margin", "wide"),
        ("miner", "easy"),
        ("distance", "manhattan"),
        ("group", 1),
        ("l1", -0.1),
        ("l2", math.nan),
    ],
)
def test_bad_objectives_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"objective {field}") as caught:
        ObjectiveConfig(**{field: value})
    assert "\n" not in str(caught.value)


def test_an_objective_survives_json() -> None:
    objective = ObjectiveConfig(triplet=5.0, miner="hard", kl_warm_up=3)
    values = json.loads(json.dumps(objective.to_dict()))
    assert ObjectiveConfig.from_dict(values) == objective
    for wrong in (None, [], {}, {**values, "beta": 1.0}, {**values, "miner": []}):
        with pytest.raises(InputError):
            ObjectiveConfig.from_dict(wrong)
