"""The metadata of an encoder, checked when they are read from a file."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from morphsim.encoder.networks.base import check_size
from morphsim.encoder.out_of_distribution import MEASURES
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.types import Boundary

DISTANCES = ("euclidean", "cosine", "mahalanobis")

_LARGEST = 1e30  # JSON may contain whole numbers beyond the range of floats


def check_frame_shape(values: object) -> tuple[int, int]:
    """Return the frame shape (H, W) of unchecked metadata.

    Raises:
        InputError: it is missing or not a shape.
    """
    if not isinstance(values, dict):
        raise InputError("metadata must be an object")
    shape = values.get("frame_shape")
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(side) is int for side in shape):
        raise InputError(f"frame_shape is {shape!r}; it must be two whole numbers")
    return shape[0], shape[1]


def check_metadata(values: object) -> dict[str, Any]:
    """Check the fields from which the network is built and loaded.

    Raises:
        InputError: a field is missing or has an impossible value.
    """
    check_frame_shape(values)
    assert isinstance(values, dict)
    check_size("channels", values.get("channels"))
    if values.get("boundary") not in get_args(Boundary):
        raise InputError(
            f"boundary is {values.get('boundary')!r}; it must be one of {', '.join(get_args(Boundary))}"
        )
    if not isinstance(values.get("weights_sha256"), str):
        raise InputError("weights_sha256 must be a text")
    Binarisation.of_encoder(values)
    return values


def check_latents(values: dict[str, Any], latent_size: int) -> None:
    """Check the fields about the latents, of which distances read `latent_size`.

    Raises:
        InputError: a field is missing or has an impossible value.
    """
    names = values.get("latent_names")
    if not isinstance(names, list) or len(names) != latent_size or not all(isinstance(n, str) for n in names):
        raise InputError(f"latent_names must be {latent_size} texts")
    distances = values.get("distances")
    if not isinstance(distances, dict) or set(distances) != set(DISTANCES):
        raise InputError(f"distances must hold {', '.join(DISTANCES)}")
    for name in DISTANCES:
        calibration = distances[name]
        fields = {"scale", "quantiles", "whitening"} if name == "mahalanobis" else {"scale", "quantiles"}
        if not isinstance(calibration, dict) or set(calibration) != fields:
            raise InputError(f"distances {name} must hold {', '.join(sorted(fields))}")
        quantiles = calibration["quantiles"]
        if not isinstance(quantiles, list) or len(quantiles) != 101 or not all(map(_is_distance, quantiles)):
            raise InputError(f"distances {name} quantiles must be 101 finite numbers of at least 0")
        if sorted(quantiles) != quantiles:
            raise InputError(f"distances {name} quantiles must not fall")
        if not _is_distance(calibration["scale"]):
            raise InputError(
                f"distances {name} scale is {calibration['scale']!r}; "
                "it must be a finite number of at least 0"
            )
    _check_whitening(distances["mahalanobis"]["whitening"], latent_size)
    if "held_out" in values:
        _check_held_out(values["held_out"])


def _check_held_out(measures: object) -> None:
    if not isinstance(measures, dict) or not set(measures) <= set(MEASURES):
        raise InputError(f"held_out must hold quantiles of {', '.join(MEASURES)}")
    for name, quantiles in measures.items():
        good = isinstance(quantiles, list) and len(quantiles) == 101 and all(map(_is_distance, quantiles))
        if not good or sorted(quantiles) != quantiles:
            raise InputError(f"held_out {name} must be 101 finite numbers of at least 0 that do not fall")


def _check_whitening(rows: object, size: int) -> None:
    good = (
        isinstance(rows, list)
        and len(rows) == size
        and all(isinstance(row, list) and len(row) == size for row in rows)
        and all(_is_distance(abs(value)) for row in rows for value in row if _is_number(value))
        and all(_is_number(value) for row in rows for value in row)
    )
    if not good or not np.isfinite(np.asarray(rows, float)).all():
        raise InputError(f"distances mahalanobis whitening must be {size} x {size} finite numbers")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_distance(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= _LARGEST
