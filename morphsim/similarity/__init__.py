"""Similarity of morphologies: distances of latents and scores against a target."""

from morphsim.similarity.calibration import percentile_of_distance
from morphsim.similarity.distances import euclidean
from morphsim.similarity.scoring import ScoreTable, score

__all__ = ["ScoreTable", "euclidean", "percentile_of_distance", "score"]
