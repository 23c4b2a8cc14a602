"""Scalings and embeddings, and the split of frames that they are fitted and evaluated on."""

from __future__ import annotations

import numpy as np
import pytest
from encoders import blobs, untrained_encoder
from evaluation_frames import SHAPE, films

from morphsim.encoder import CVAEConfig
from morphsim.errors import InputError
from morphsim.frames import FrameSet
from morphsim.similarity.evaluation import (
    AllDescriptors,
    PixelComponents,
    PrincipalComponents,
    Standardisation,
    ThreeDescriptors,
    TwoPointComponents,
    baselines,
    seen_in_training,
    split_for_evaluation,
    untrained_latents,
)

# Scalings


def test_standardisation_leaves_what_is_constant_alone():
    random = np.random.default_rng(0)
    values = np.stack([3.0 + 2.0 * random.standard_normal(500), np.full(500, 7.0)], axis=1)
    scaled = Standardisation.fit(values)(values)
    assert scaled[:, 0].mean() == pytest.approx(0.0, abs=1e-12)
    assert scaled[:, 0].std() == pytest.approx(1.0)
    assert (scaled[:, 1] == 0.0).all()


@pytest.mark.parametrize("shape", [(50, 6), (10, 40)])
def test_components_are_those_of_the_singular_value_decomposition(shape: tuple[int, int]):
    values = np.random.default_rng(0).standard_normal(shape) * np.arange(1, shape[1] + 1)
    components = PrincipalComponents.fit(values, components=3)
    centred = values - values.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(components(values)), np.abs(left[:, :3] * sizes[:3]), atol=1e-8)
    np.testing.assert_allclose(components.directions.T @ components.directions, np.eye(3), atol=1e-9)


def test_components_of_bytes_and_of_few_vectors():
    frames = blobs(20, (8, 12)).reshape(20, -1)
    exact = PrincipalComponents.fit(frames.astype(float), components=16)
    np.testing.assert_allclose(PrincipalComponents.fit(frames, components=16)(frames), exact(frames))
    few = np.random.default_rng(0).random((3, 96))
    # Three points lie in a plane.
    assert PrincipalComponents.fit(few, components=16)(few).shape == (3, 2)
    assert PrincipalComponents.fit(np.ones((5, 4)), components=2)(np.ones((5, 4))).max() == 0.0
    with pytest.raises(InputError, match="at least two vectors"):
        PrincipalComponents.fit(frames[:1], components=2)


# Embeddings


def test_baselines_give_vectors_and_keep_their_scaling():
    frames = films().frames
    for embedding in baselines():
        embedding.fit(frames[:16], boundary="periodic")
        vectors = embedding(frames, boundary="periodic")
        assert vectors.ndim == 2 and len(vectors) == 24
        assert np.isfinite(vectors).all()
        # A frame's vector does not depend on what stands beside it.
        np.testing.assert_allclose(embedding(frames[3:5], boundary="periodic"), vectors[3:5], atol=1e-9)
    assert [each.baseline for each in baselines()] == [True] * 4


def test_what_baselines_see():
    frames = films().frames
    rolled = np.roll(frames, 13, axis=2)
    flipped = np.ascontiguousarray(frames[:, ::-1])
    for kind, sees_roll, sees_flip in (
        (PixelComponents, True, True),
        (TwoPointComponents, False, False),
        (ThreeDescriptors, False, False),
        (AllDescriptors, False, True),
    ):
        embedding = kind().fit(frames, boundary="periodic")
        vectors = embedding(frames, boundary="periodic")
        for changed, sees in ((rolled, sees_roll), (flipped, sees_flip)):
            apart = np.linalg.norm(embedding(changed, boundary="periodic") - vectors, axis=1)
            assert (apart.mean() > 1e-3) == sees, (kind, apart.mean())


def test_an_embedding_is_fitted_on_frames_that_show_something():
    frames = films().frames
    blank = np.ones_like(frames)
    alone = ThreeDescriptors().fit(frames, boundary="periodic")
    among = ThreeDescriptors().fit(np.concatenate([blank, frames]), boundary="periodic")
    np.testing.assert_array_equal(alone(frames, boundary="periodic"), among(frames, boundary="periodic"))
    with pytest.raises(InputError, match="0 training frames hold both phases; three descriptors needs"):
        ThreeDescriptors().fit(blank, boundary="periodic")
    with pytest.raises(InputError, match="frames are 32 x 60, but pixels"):
        PixelComponents().fit(frames, boundary="periodic")(frames[:, :, :60], boundary="periodic")


def test_an_untrained_network_is_that_of_its_seed():
    config = CVAEConfig(latent_size=4, channels=(4, 6), hidden=16)
    frames = films().frames
    one = untrained_latents(config, SHAPE, boundary="periodic", seed=3)
    two = untrained_latents(config, SHAPE, boundary="periodic", seed=3)
    assert one.name == "untrained cvae" and one.baseline
    np.testing.assert_array_equal(one(frames, boundary="periodic"), two(frames, boundary="periodic"))
    assert one(frames, boundary="periodic").shape == (24, 4)


# Which frames are used


def test_half_of_the_recipes_fit_the_baselines():
    frame_set = films(recipes=5)
    labelled, fitted, note = split_for_evaluation(frame_set, None, most=1000, seed=0)
    assert (labelled.recipes, len(labelled), len(fitted)) == (3, 18, 12)
    assert "2 of the 5 recipes" in note and "other 3 are evaluated" in note
    shown = {frame.tobytes() for frame in labelled.frames}
    assert not shown & {frame.tobytes() for frame in fitted}
    labelled, fitted, note = split_for_evaluation(frame_set, films(seed=1), most=1000, seed=0)
    assert (labelled.recipes, len(fitted)) == (5, 24)
    with pytest.raises(InputError, match="2 recipes; to fit baselines"):
        split_for_evaluation(films(recipes=2), None, most=1000, seed=0)
    other = FrameSet(frames=blobs(4, (8, 8)), columns={"trajectory": np.arange(4)})
    with pytest.raises(InputError, match="give training frames of the same kind"):
        split_for_evaluation(frame_set, other, most=1000, seed=0)


def test_an_encoder_that_has_seen_the_frames_is_found_out():
    from morphsim.hashes import hash_arrays

    frame_set = films()
    encoder = untrained_encoder(SHAPE, CVAEConfig(latent_size=2, channels=(4, 4), hidden=8))
    assert seen_in_training(encoder, frame_set) is None
    encoder.metadata["data"] = {
        "sha256": hash_arrays({"frames": frame_set.frames, "trajectory": frame_set.trajectory})
    }
    assert "trained on these very frames" in str(seen_in_training(encoder, frame_set))
    assert seen_in_training(encoder, films(seed=1)) is None
