"""Similarity of morphologies: distances of latents, and scores against a target.

Descriptors of the frames themselves are in `morphsim.similarity.descriptors`.
"""

from morphsim.encoder.distances import cosine, euclidean, mahalanobis, whitening_matrix
from morphsim.similarity.calibration import percentile_of_distance
from morphsim.similarity.scoring import ScoreTable, score

__all__ = [
    "ScoreTable",
    "cosine",
    "euclidean",
    "mahalanobis",
    "percentile_of_distance",
    "score",
    "whitening_matrix",
]
