"""Embeddings side by side: baselines, published frames, tables, the picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from encoders import blobs, untrained_encoder
from evaluation_frames import SHAPE, films, knowing, labelled_frames
from PIL import Image

from morphsim.encoder import AutoencoderConfig, CVAEConfig
from morphsim.errors import InputError
from morphsim.similarity.evaluation import (
    Embedding,
    EmbeddingEvaluation,
    EvaluationFrames,
    baselines,
    draw_evaluation,
    equal_sets,
    evaluate_decoding,
    evaluate_embeddings,
    published_baselines,
    read_published,
    untrained_latents,
)
from morphsim.similarity.evaluation.published import bring_to_shape


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
    with pytest.raises(InputError, match="each with a different name"):
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
