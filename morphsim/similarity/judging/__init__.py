"""Judging a morphology metric: measures, baselines, and all of them side by side."""

from morphsim.similarity.judging.ceiling import FisherScaling, triplet_ceiling
from morphsim.similarity.judging.correlation import known_differences, known_features, rank_correlation
from morphsim.similarity.judging.decoding import Decoding, judge_decoding
from morphsim.similarity.judging.embeddings import (
    AllDescriptors,
    Embedding,
    Latents,
    PixelComponents,
    ThreeDescriptors,
    TwoPointComponents,
    baselines,
)
from morphsim.similarity.judging.equal_sets import (
    FAMILIES,
    EqualSet,
    Family,
    equal_set,
    equal_sets,
    equal_triplets,
    large_enough,
)
from morphsim.similarity.judging.figure import draw_judgement
from morphsim.similarity.judging.judge import judge
from morphsim.similarity.judging.judged import JudgedFrames, fewer_films, shows_something
from morphsim.similarity.judging.nuisance import (
    NuisanceFrames,
    NuisanceRatio,
    nuisance_frames,
    nuisance_ratio,
)
from morphsim.similarity.judging.prediction import Prediction, leave_one_out, r_squared
from morphsim.similarity.judging.projection import PrincipalComponents, Standardisation
from morphsim.similarity.judging.published import (
    PublishedFrames,
    correlate_published,
    embed_published,
    predict_targets,
    published_baselines,
    read_published,
)
from morphsim.similarity.judging.retrieval import Retrieval, retrieval
from morphsim.similarity.judging.scores import Judgement, Scores
from morphsim.similarity.judging.setting import judged_and_fitted, other_boundary, seen_in_training
from morphsim.similarity.judging.shares import Share, difference
from morphsim.similarity.judging.triplets import recipe_triplets
from morphsim.similarity.judging.untrained import untrained_latents
from morphsim.similarity.judging.upside_down import layered_films, upside_down_triplets

__all__ = [
    "FAMILIES",
    "AllDescriptors",
    "Decoding",
    "Embedding",
    "EqualSet",
    "Family",
    "FisherScaling",
    "JudgedFrames",
    "Judgement",
    "Latents",
    "NuisanceFrames",
    "NuisanceRatio",
    "PixelComponents",
    "Prediction",
    "PrincipalComponents",
    "PublishedFrames",
    "Retrieval",
    "Scores",
    "Share",
    "Standardisation",
    "ThreeDescriptors",
    "TwoPointComponents",
    "baselines",
    "correlate_published",
    "difference",
    "draw_judgement",
    "embed_published",
    "equal_set",
    "equal_sets",
    "equal_triplets",
    "fewer_films",
    "judge",
    "judge_decoding",
    "judged_and_fitted",
    "known_differences",
    "known_features",
    "large_enough",
    "layered_films",
    "leave_one_out",
    "nuisance_frames",
    "nuisance_ratio",
    "other_boundary",
    "predict_targets",
    "published_baselines",
    "r_squared",
    "rank_correlation",
    "read_published",
    "recipe_triplets",
    "retrieval",
    "seen_in_training",
    "shows_something",
    "triplet_ceiling",
    "untrained_latents",
    "upside_down_triplets",
]
