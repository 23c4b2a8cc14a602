"""Embeddings side by side: baselines, published frames, tables, the picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from encoders import blobs, untrained_encoder
from evaluation_frames import knowing, labelled_frames
from PIL import Image

from morphsim.encoder import AutoencoderConfig, CVAEConfig
from morphsim.errors import InputError
from morphsim.frames import FrameSet
from morphsim.similarity.evaluation import (
    AllDescriptors,
    Embedding,
    EmbeddingEvaluation,
    EvaluationFrames,
    PixelComponents,
    PrincipalComponents,
    Standardisation,
    ThreeDescriptors,
    TwoPointComponents,
    baselines,
    draw_evaluation,
    equal_sets,
    evaluate_decoding,
    evaluate_embeddings,
    published_baselines,
    read_published,
    seen_in_training,
    split_for_evaluation,
    untrained_latents,
)
from morphsim.similarity.evaluation.published import bring_to_shape

SHAPE = (32, 64)


def films(*, recipes: int = 4, replicas: int = 3, seed: int = 0) -> FrameSet:
    """Films whose recipe is the share of donor."""
    count = recipes * replicas * 2
    frames = blobs(count, SHAPE, seed=seed)
    recipe = np.repeat(np.arange(recipes), replicas * 2)
    for number in range(recipes):
        frames[recipe == number, : 4 * number + 2] = 1
    return FrameSet(
        frames=frames,
        columns={"trajectory": np.arange(count) // 2, "time": np.tile([1.0, 2.0], count // 2)},
        recipes={"chi": np.repeat(np.arange(float(recipes)), replicas)},
        boundary="periodic",
    )


class Known(Embedding):
    """Vectors from the labels themselves."""

    name = "known"
    baseline = False
    for_ceiling = True

    def __init__(self, labelled: EvaluationFrames) -> None:
        self.known = {f.tobytes(): v for f, v in zip(labelled.frames, knowing(labelled), strict=True)}

    def _fit(self, frames: Any, boundary: Any) -> None:
        """Nothing to fit."""

    def __call__(self, frames: Any, *, boundary: Any) -> Any:
        found = [self.known.get(f.tobytes(), self.known.get(f[:, ::-1].tobytes())) for f in frames]
        return np.array([[-9.0, -9.0] if each is None else each for each in found])


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


# Decoding


def test_decoding_of_a_network_with_and_without_noise():
    labelled = EvaluationFrames.of(films())
    cvae = untrained_encoder(SHAPE, CVAEConfig(latent_size=4, channels=(4, 6), hidden=16))
    found = evaluate_decoding(cvae, labelled)
    assert found.negative_elbo == pytest.approx(-float(cvae.elbo(labelled.frames).mean()), rel=1e-6)
    # A network that starts near even odds pays about log 2 for a pixel.
    assert found.negative_elbo == pytest.approx(np.log(2.0) * SHAPE[0] * SHAPE[1], rel=0.1)
    assert found.mean_squared_error == pytest.approx(0.25, abs=0.02)
    assert found.pixel_error == pytest.approx(
        float(((cvae.reconstruct(labelled.frames) > 0.5) != (labelled.frames > 0)).mean())
    )
    assert 0 <= found.active_units <= found.latents == 4
    plain = untrained_encoder(SHAPE, AutoencoderConfig(latent_size=6, channels=(4,)))
    assert evaluate_decoding(plain, labelled).negative_elbo is None


# All together


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingEvaluation:
    labelled = EvaluationFrames.of(films(replicas=4))
    published = read_published(published_file(tmp_path_factory.mktemp("published") / "p.h5"))
    network = CVAEConfig(latent_size=4, channels=(4, 6), hidden=16)
    fitted = [each.fit(films(seed=5).frames, boundary="periodic") for each in baselines()[2:3]]
    return evaluate_embeddings(
        [*fitted, untrained_latents(network, SHAPE, boundary="periodic"), Known(labelled)],
        labelled,
        published=published,
        equal=equal_sets(shape=SHAPE, count=4, candidates=6),
        notes=["a note"],
        show_progress=False,
    )


def published_file(path: Path, **changes: Any) -> Path:
    """Stripes between walls, whose width tells the current."""
    width = np.tile([2, 3, 4, 6, 9], 8)
    frames = np.stack(
        [np.broadcast_to((np.arange(65) // each + k) % 2, (33, 65)) for k, each in enumerate(width)]
    )
    content: dict[str, Any] = {
        "frames": frames.astype(np.uint8),
        "chi": np.repeat([2.4, 2.8, 3.4, 3.8], 10),
        "time": 10.0 * width**3,
        "blend_ratio": np.full(40, 0.5),
        "descriptors/JSC": 1.0 / width,
        "descriptors/STAT_e": 100.0 / width,
    }
    content.update(changes)
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            if values is not None:
                file[name] = values
    return path


def test_what_knows_the_labels_wins_everywhere(evaluation: EmbeddingEvaluation):
    known = evaluation.scores["known"]
    assert {kind: share.value for kind, share in known.triplets.items()} == {
        "recipe": 1.0,
        "moment": 1.0,
        "last": 1.0,
    }
    assert known.retrieval["recipe_and_moment"].mean_average_precision.value == 1.0
    assert known.nuisance.mirror == 0.0 and known.nuisance.roll is not None
    assert evaluation.best_baseline("recipe") == "three descriptors"
    lead = evaluation.lead("known", "recipe")
    assert lead is not None
    three = evaluation.scores["three descriptors"].triplets["recipe"].value
    assert lead[0] == pytest.approx(1.0 - three)
    assert evaluation.ceiling["recipe"].value > 0.9
    assert (evaluation.frames, evaluation.films, evaluation.recipes) == (32, 16, 4)


def test_published_currents_are_predicted_by_what_tells_the_width(evaluation: EmbeddingEvaluation):
    three = evaluation.scores["three descriptors"].prediction
    assert three is not None
    assert three["JSC"]["neighbours"].r2 > 0.9
    assert set(three["JSC"]["neighbours"].by_fold) == {"2.4", "2.8", "3.4", "3.8"}
    # Nothing here predicts what does not vary.
    assert np.isnan(three["blend ratio"]["ridge"].r2)
    correlation = evaluation.scores["three descriptors"].published_correlation
    assert correlation is not None and correlation["interface_length"] > 0.9
    assert "JSC" in correlation


def test_a_judgement_as_json_and_as_text(evaluation: EmbeddingEvaluation):
    values = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert values["embeddings"]["known"]["triplets"]["recipe"]["value"] == 1.0
    assert values["embeddings"]["three descriptors"]["decoding"] is None
    assert values["lead_over_best_baseline"]["known"]["last"]["over"] in evaluation.scores
    assert values["published_baselines"]["three descriptors"]["JSC"]["ridge"]["r2"] > 0.9
    text = evaluation.render()
    assert "32 frames of 16 films and 4 recipes; 0 frames hold a single phase" in text
    assert "a note" in text
    for name in (*evaluation.scores, "ceiling", "layering", "orientation", "connectivity"):
        assert name in text
    assert "100.0 (100.0..100.0)" in text
    assert "nan" not in text


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_judgement_as_a_picture(evaluation: EmbeddingEvaluation, tmp_path: Path, suffix: str):
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        draw_evaluation(path, evaluation)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if suffix == "svg":
        assert "three descriptors" in paths[0].read_text()
        return
    with Image.open(paths[0]) as picture:
        assert picture.width > 1000 and picture.height > 300


def test_evaluating_nothing_is_refused():
    labelled = labelled_frames()
    known = Known(labelled)
    with pytest.raises(InputError, match="give at least one"):
        evaluate_embeddings([], labelled)
    with pytest.raises(InputError, match="each with a name of its own"):
        evaluate_embeddings([known, known], labelled)
    blank = labelled.select(np.arange(len(labelled)))
    object.__setattr__(blank, "frames", np.ones_like(labelled.frames))
    with pytest.raises(InputError, match="0 of the frames to evaluate on hold both phases"):
        evaluate_embeddings([known], blank)


# Published frames


def test_published_frames_that_can_not_be_read(tmp_path: Path):
    for changes, found in (
        ({"frames": None}, "no dataset 'frames'"),
        ({"descriptors/JSC": None}, "no dataset 'descriptors/JSC'"),
        ({"frames": np.full((40, 5, 5), 3, np.uint8)}, "they must be 0 and 1"),
        ({"frames": np.ones((40, 5, 5), np.uint8)}, "holds a single phase"),
        ({"chi": np.full(40, 2.4)}, "single chi"),
        ({"time": np.zeros(40)}, "time holds 0; it must be above 0"),
        ({"time": np.full(40, np.nan)}, "time must be 40 finite numbers"),
        ({"blend_ratio": np.ones(3)}, "blend_ratio must be 40 finite numbers"),
    ):
        path = published_file(tmp_path / "p.h5", **changes)
        with pytest.raises(InputError, match=found):
            read_published(path)
    with pytest.raises(InputError, match="does not exist"):
        read_published(tmp_path / "nothing.h5")
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(InputError, match="is not an HDF5 file"):
        read_published(tmp_path / "text.h5")


def test_frames_of_nodes_lose_a_row_and_a_column():
    frames = blobs(3, (33, 65))
    np.testing.assert_array_equal(bring_to_shape(frames, SHAPE), frames[:, :32, :64])
    assert bring_to_shape(frames, (16, 32)).shape == (3, 16, 32)


def test_which_value_is_the_donor_is_read_off_the_donor_nodes(tmp_path: Path):
    frames = read_published(published_file(tmp_path / "frames.h5")).frames
    ones = frames.sum(axis=(1, 2))
    for name, nodes, donor in (("ones", ones, 1), ("zeros", 33 * 65 - ones, 0)):
        path = published_file(tmp_path / f"{name}.h5", **{"descriptors/STAT_n_D": nodes})
        published = read_published(path)
        assert published.donor == donor
        assert np.array_equal(published.donor_frames.sum(axis=(1, 2)), nodes)
        assert np.array_equal(published.frames, frames)


def test_published_figures_of_plain_features_are_reproduced(shared_data: Path):
    """The figures of the data's own description: 5-NN / ridge of JSC, one chi left out at a time."""
    published = read_published(shared_data / "opv_frames.h5")
    found = {name: each["JSC"] for name, each in published_baselines(published).items()}
    for name, neighbours, ridge, within in (
        ("16 components of the pixels", -1.62, -0.37, 0.01),
        ("the same, scaled together", 0.78, 0.78, 0.02),
        ("three descriptors", 0.79, 0.82, 0.01),
        ("22 graph descriptors", 0.79, 0.76, 0.01),
    ):
        assert found[name]["neighbours"].r2 == pytest.approx(neighbours, abs=within)
        assert found[name]["ridge"].r2 == pytest.approx(ridge, abs=within)
