"""Renders the model card of the default encoder from its own files and the results of the metric.

    python benchmarks/_card.py

A test compares the card with these results, and the results with the hash of the weights.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from _harness import BAD_INPUT, say
from _run_all import FOLDER, RESULTS

from morphsim._commandline import complain
from morphsim.errors import InputError
from morphsim.files import read_json, write_text

ENCODER = FOLDER.parent / "morphsim" / "assets" / "default"
CARD = ENCODER / "README.md"
_TRIPLETS = ("recipe", "moment", "last")
_FAMILIES = ("layering", "orientation", "connectivity")
_PREDICTED = ("JSC", "log time", "log interface length")


def card(result: Mapping[str, Any], config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Render the card.

    Args:
        result: `benchmarks/results/metric.json`.
        config: `config.json` of the encoder.
        metrics: `metrics.json` of the encoder.

    Raises:
        InputError: the result is of another encoder.
    """
    metadata, results = config["metadata"], result["results"]
    if results["encoder_hash"] != metadata["weights_sha256"]:
        raise InputError(
            "benchmarks/results/metric.json is of another encoder; run benchmarks/metric.py again"
        )
    parts = [
        *_network_and_data(config, metrics),
        *_films(results),
        *_equal_descriptors(results),
        *_published(results),
        *_limits(result, metadata),
    ]
    return "\n\n".join(parts) + "\n"


def _network_and_data(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[str]:
    """Render what the encoder is, and how it was trained."""
    metadata = config["metadata"]
    data, training = metadata["data"], metadata["training"]
    height, width = metadata["frame_shape"]
    held_out = metrics["held_out"]
    yield "# The default encoder"
    yield (
        f"A `{config['architecture']}` network for {metadata['boundary']} frames of {height} x {width}, with "
        f"{len(metadata['latent_names'])} latents of content, which distances read, "
        f"{config['network']['pose_size']} latents of pose, and {metrics['parameters']:,} parameters."
    )
    yield "## Data and command"
    yield (
        f"It was trained on {data['training_frames']:,} frames of {data['training_trajectories']} simulated "
        "films, made by the presets `annealing` and `drying`. Frames of a single phase are left out, and no "
        f"published frame was used. {data['held_out_frames']:,} frames of other recipes were held out. "
        "`make default-encoder` simulates the films, trains the encoder and installs it: first the content "
        f"alone, for {training['content_steps']:,} steps of the triplet loss, then pose and decoder for "
        f"{metrics['epochs']} epochs."
    )
    yield (
        f"On the held-out frames: -ELBO {held_out['negative_elbo']:,.0f} nats a frame, "
        f"{100 * held_out['pixel_error']:.1f} % wrong pixels."
    )


def _films(results: Mapping[str, Any]) -> Iterator[str]:
    """Render the tables of triplets, retrieval and invariance on simulated films."""
    yield "## What it distinguishes"
    yield (
        "The films of these tables have recipes and noise that were not used in training. Every baseline is "
        "fitted on the same training films, and the other networks are trained for up to ten minutes. "
        "Triplets: share of those whose positive (same recipe and moment, other noise) is nearer than the "
        "negative, which is of another recipe at the same moment, of the same recipe at another moment, or "
        "of another recipe among the last frames of films. [How the metric is "
        "evaluated](metric-evaluation.md), [all figures](benchmarks.md)."
    )
    header = (
        "embedding",
        "other recipe [%]",
        "other moment [%]",
        "last frames [%]",
        "precision at 1 [%]",
        "mirror ratio",
        "roll ratio",
    )
    for process in ("annealing", "drying"):
        found = results[process]
        yield (
            f"### {process.capitalize()}: {found['recipes']} recipes, {found['films']} films, "
            f"{found['frames']:,} frames"
        )
        rows = [(name, *_measures(row)) for name, row in found["embeddings"].items()]
        ceiling = found["ceiling"]
        shares = [ceiling[name]["value"] if name in ceiling else None for name in _TRIPLETS]
        yield _table(header, [*rows, ("ceiling", *(_percent([share]) for share in shares), "", "", "")])


def _measures(row: Mapping[str, Any]) -> Iterator[str]:
    for name in _TRIPLETS:
        yield _percent(row[f"triplets_{name}"])
    yield _percent(row["precision_at_1_recipe_and_moment"])
    yield _ratio(row["mirror_ratio"])
    yield _ratio(row["roll_ratio"])


def _equal_descriptors(results: Mapping[str, Any]) -> Iterator[str]:
    """Render the table of frames that plain descriptors can't distinguish."""
    yield "### Frames with equal area fraction, interface length and wavenumber"
    yield _table(
        ("embedding", *(f"{family} [%]" for family in _FAMILIES)),
        [
            (name, *(_percent(row[f"equal_{family}"]) for family in _FAMILIES))
            for name, row in results["annealing"]["embeddings"].items()
        ],
    )


def _published(results: Mapping[str, Any]) -> Iterator[str]:
    """Render the table of predictions on published frames, if there are any."""
    if not results["published_frames"]:
        return
    yield "### Published frames"
    yield (
        "R2 of a prediction by five nearest neighbours / by ridge regression. One chi at a time is left out, "
        "and the test frames are mirrored."
    )
    yield _table(
        ("embedding", *_PREDICTED),
        [
            (name, *(" / ".join(f"{value:.2f}" for value in row[target]) for target in _PREDICTED))
            for name, row in results["published_frames"].items()
        ],
    )


def _limits(result: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[str]:
    """Render what the encoder can't do, and the targets that it missed."""
    height, width = metadata["frame_shape"]
    missed = [target for target in result["targets"] if not target["holds"]]
    yield "## Limits"
    yield "\n".join(
        [
            f"- It takes frames of {height} x {width} with periodic left and right ends. Frames between "
            "walls are encoded as if they were periodic, with a seam.",
            "- Films of one recipe differ by chance. The ceiling in the tables is what a classifier reaches "
            "that is trained on the test recipes themselves.",
            "- It reconstructs layers well and labyrinths badly: a few latents of pose can't store the "
            "positions of many domains.",
            "- Frames of a single phase were left out of training.",
            *(
                f"- Target missed: {target['name']}: {target['value']:.3g} instead of {target['sense']} "
                f"{target['target']:g}."
                for target in missed
            ),
        ]
    )


def write_card() -> None:
    """Write the card beside the weights."""
    files = (RESULTS / "metric.json", ENCODER / "config.json", ENCODER / "metrics.json")
    write_text(CARD, card(*(read_json(path) for path in files)))


def _percent(share: Sequence[float | None]) -> str:
    return "" if share[0] is None else f"{100 * share[0]:.1f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.1g}" if value < 0.001 else f"{value:.3f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    try:
        write_card()
    except InputError as error:
        complain("benchmarks/_card.py", error)
        sys.exit(BAD_INPUT)
    say(f"wrote {CARD.relative_to(FOLDER.parent)}")
