"""Evaluation of a morphology metric: measures, baselines, and their comparison side by side."""

from morphsim.lazy import lazy_names
from morphsim.similarity.evaluation.bootstrap import BootstrapMean, bootstrap_difference
from morphsim.similarity.evaluation.ceiling import FisherScaling, triplet_ceiling
from morphsim.similarity.evaluation.correlation import known_differences, known_features, rank_correlation
from morphsim.similarity.evaluation.decoding import Decoding, evaluate_decoding
from morphsim.similarity.evaluation.embeddings import (
    AllDescriptors,
    Embedding,
    Latents,
    PixelComponents,
    ThreeDescriptors,
    TwoPointComponents,
    baselines,
)
from morphsim.similarity.evaluation.equal_descriptors import (
    FAMILIES,
    EqualSet,
    Family,
    equal_set,
    equal_sets,
    equal_triplets,
    large_enough,
)
from morphsim.similarity.evaluation.evaluate import evaluate_embeddings
from morphsim.similarity.evaluation.figure import draw_evaluation
from morphsim.similarity.evaluation.frames import EvaluationFrames, has_both_phases, subsample_films
from morphsim.similarity.evaluation.nuisance import (
    NuisanceFrames,
    NuisanceRatio,
    nuisance_frames,
    nuisance_ratio,
)
from morphsim.similarity.evaluation.prediction import Prediction, leave_one_out, r_squared
from morphsim.similarity.evaluation.projection import PrincipalComponents, Standardisation
from morphsim.similarity.evaluation.published import (
    PublishedFrames,
    correlate_published,
    embed_published,
    predict_targets,
    published_baselines,
    read_published,
)
from morphsim.similarity.evaluation.ranking import Retrieval, retrieval
from morphsim.similarity.evaluation.results import EmbeddingEvaluation, Scores
from morphsim.similarity.evaluation.split import boundary_mismatch, seen_in_training, split_for_evaluation
from morphsim.similarity.evaluation.triplets import recipe_triplets
from morphsim.similarity.evaluation.untrained import untrained_latents
from morphsim.similarity.evaluation.upside_down import layered_films, upside_down_triplets

__all__ = [
    "FAMILIES",
    "AllDescriptors",
    "BootstrapMean",
    "Decoding",
    "Embedding",
    "EmbeddingEvaluation",
    "EqualSet",
    "EvaluationFrames",
    "Family",
    "FisherScaling",
    "Latents",
    "NuisanceFrames",
    "NuisanceRatio",
    "PixelComponents",
    "Prediction",
    "PrincipalComponents",
    "PublishedFrames",
    "Retrieval",
    "Scores",
    "Standardisation",
    "ThreeDescriptors",
    "TwoPointComponents",
    "baselines",
    "bootstrap_difference",
    "boundary_mismatch",
    "correlate_published",
    "draw_evaluation",
    "embed_published",
    "equal_set",
    "equal_sets",
    "equal_triplets",
    "evaluate_decoding",
    "evaluate_embeddings",
    "has_both_phases",
    "known_differences",
    "known_features",
    "large_enough",
    "layered_films",
    "leave_one_out",
    "nuisance_frames",
    "nuisance_ratio",
    "predict_targets",
    "published_baselines",
    "r_squared",
    "rank_correlation",
    "read_published",
    "recipe_triplets",
    "retrieval",
    "seen_in_training",
    "split_for_evaluation",
    "subsample_films",
    "triplet_ceiling",
    "untrained_latents",
    "upside_down_triplets",
]

__getattr__ = lazy_names(
    __name__,
    {},
    renamed={
        "JudgedFrames": "EvaluationFrames",
        "Judgement": "EmbeddingEvaluation",
        "Share": "BootstrapMean",
        "difference": "bootstrap_difference",
        "draw_judgement": "draw_evaluation",
        "fewer_films": "subsample_films",
        "judge": "evaluate_embeddings",
        "judge_decoding": "evaluate_decoding",
        "judged_and_fitted": "split_for_evaluation",
        "other_boundary": "boundary_mismatch",
        "shows_something": "has_both_phases",
    },
)
