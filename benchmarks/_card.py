"""Renders the model card of the default encoder from its own files and the results of the metric.

    python benchmarks/_card.py

The same results always give the same card. A test compares the card with the results and the weights.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from _harness import exit_status, say
from _run_all import FOLDER, RESULTS

from morphsim.errors import InputError
from morphsim.files import read_json, write_text

ENCODER = FOLDER.parent / "morphsim" / "assets" / "default"
CARD = ENCODER / "README.md"
_OWN = "encoder"
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
        "# The default encoder",
        *_origin(config, metrics),
        "## Results",
        "The films have recipes and noise that were not used for training; every baseline is fitted on the "
        "same training films, and other networks are trained for up to ten minutes. Triplets: share of those "
        "whose positive (same recipe and moment, other noise) is nearer than the negative: of another recipe "
        "at the same moment, of the same recipe at another moment, and of another recipe among the last "
        "frames of films. [How it is evaluated](metric-evaluation.md), [all figures](benchmarks.md).",
        *(part for process in ("annealing", "drying") for part in _process(process, results[process])),
        "### Frames with equal area fraction, interface length and wavenumber",
        _table(
            ("embedding", *(f"{family} [%]" for family in _FAMILIES)),
            [
                (name, *(_percent(row[f"equal_{family}"]) for family in _FAMILIES))
                for name, row in results["annealing"]["embeddings"].items()
            ],
        ),
        *(_published(results["published_frames"]) if results["published_frames"] else []),
        "## Limits",
        _limits(metadata["frame_shape"], [target for target in result["targets"] if not target["holds"]]),
    ]
    return "\n\n".join(parts) + "\n"


def _origin(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """What the encoder is and how it was made."""
    metadata = config["metadata"]
    data, training = metadata["data"], metadata["training"]
    height, width = metadata["frame_shape"]
    held_out = metrics["held_out"]
    return [
        f"A `{config['architecture']}` network: {len(metadata['latent_names'])} latents of content, which "
        f"distances are computed from, and {config['network']['pose_size']} of pose, for "
        f"{metadata['boundary']} frames of {height} x {width}; {metrics['parameters']:,} parameters.",
        "## Data and command",
        f"{data['training_frames']:,} frames of {data['training_trajectories']} simulated films, made by the "
        "presets `annealing` and `drying`; frames of a single phase are left out, and no published frame was "
        f"used for training. {data['held_out_frames']:,} frames of other recipes were held out. "
        "`make default-encoder` simulates the films, trains the encoder and puts it in place: the content by "
        f"itself for {training['content_steps']:,} steps of the triplet loss, pose and decoder for "
        f"{metrics['epochs']} epochs.",
        f"On the held-out frames: -ELBO {held_out['negative_elbo']:,.0f} nats per frame, "
        f"{100 * held_out['pixel_error']:.1f} % wrong pixels.",
    ]


def _process(process: str, found: Mapping[str, Any]) -> list[str]:
    """The measures on films of one process."""
    ceiling = found["ceiling"]
    rows = [
        (
            name,
            _percent(row["triplets_recipe"]),
            _percent(row["triplets_moment"]),
            _percent(row["triplets_last"]),
            _percent(row["precision_at_1_recipe_and_moment"]),
            _ratio(row["mirror_ratio"]),
            _ratio(row["roll_ratio"]),
        )
        for name, row in found["embeddings"].items()
    ]
    reached = (
        _percent([ceiling[kind]["value"]]) if kind in ceiling else "" for kind in ("recipe", "moment", "last")
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
    return [
        f"### {process.capitalize()}: {found['recipes']} recipes, {found['films']} films, "
        f"{found['frames']:,} frames",
        _table(header, [*rows, ("ceiling", *reached, "", "", "")]),
    ]


def _published(found: Mapping[str, Any]) -> list[str]:
    """The predictions on published frames."""
    return [
        "### Published frames",
        "R2 of a prediction by five nearest neighbours / by ridge regression, with one chi left out at a "
        "time and mirrored test frames.",
        _table(
            ("embedding", *_PREDICTED),
            [
                (name, *(" / ".join(f"{value:.2f}" for value in row[target]) for target in _PREDICTED))
                for name, row in found.items()
            ],
        ),
    ]


def _limits(shape: Sequence[int], missed: Sequence[Mapping[str, Any]]) -> str:
    """The limitations, and the targets that are missed."""
    return "\n".join(
        [
            f"- It takes periodic frames of {shape[0]} x {shape[1]}. Frames with no-flux walls are encoded "
            "as if they were periodic, with a seam where their ends meet.",
            "- Films of one recipe differ by chance; the ceiling in the tables is the score of a classifier "
            "trained on the evaluated recipes themselves.",
            "- It decodes layers sharply and labyrinths hardly: a few latents of pose can't describe the "
            "positions of many domains.",
            "- Frames of a single phase were left out of training.",
            *(
                f"- Target missed: {target['name']}: {target['value']:.3g}, required {target['sense']} "
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


def main() -> int:
    """Write the card and return the exit status: 2 if the results can't be used."""

    def work() -> int:
        write_card()
        say(f"{CARD.relative_to(FOLDER.parent)} is written")
        return 0

    return exit_status("benchmarks/_card.py", work)


if __name__ == "__main__":
    sys.exit(main())
