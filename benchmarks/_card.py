"""Renders the model card of the default encoder from its own files and the results of the metric.

    python benchmarks/_card.py

The same results always give the same card. A test holds the card to them, and them to the weights.
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
    data, training = metadata["data"], metadata["training"]
    height, width = metadata["frame_shape"]
    held_out = metrics["held_out"]
    parts = [
        "# The default encoder",
        f"A `{config['architecture']}` network: {len(metadata['latent_names'])} latents of content, "
        f"which distances "
        f"read, and {config['network']['pose_size']} of pose, for {metadata['boundary']} frames of "
        f"{height} x "
        f"{width}; {metrics['parameters']:,} parameters.",
        "## Data and command",
        f"{data['training_frames']:,} frames of {data['training_trajectories']} simulated films, made "
        f"by the presets "
        "`annealing` and `drying`; frames of a single phase are left out, and no published frame was "
        "trained on. "
        f"{data['held_out_frames']:,} frames of other recipes were held out. `make default-encoder` "
        f"simulates, trains "
        "and puts it in its place: the content by itself for "
        f"{training['content_steps']:,} steps of the triplet loss, pose and decoder for "
        f"{metrics['epochs']} epochs.",
        f"On the held-out frames: -ELBO {held_out['negative_elbo']:,.0f} nats a frame, "
        f"{100 * held_out['pixel_error']:.1f} % wrong pixels.",
        "## What it sees",
        "Films whose recipes and noise no training saw; every baseline is fitted on the same "
        "training films, and "
        "networks beside it are trained for up to ten minutes. Triplets: share of those whose positive "
        "(same recipe and "
        "moment, other noise) is nearer than the negative: of another recipe at the same moment, of "
        "the same recipe "
        "at another moment, and of another recipe among the last frames of films. "
        "[How it is evaluated](metric-evaluation.md), [all figures](benchmarks.md).",
    ]
    for process in ("annealing", "drying"):
        found = results[process]
        ceiling = found["ceiling"]
        parts.append(
            f"### {process.capitalize()}: {found['recipes']} recipes, {found['films']} films, "
            f"{found['frames']:,} frames"
        )
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
        rows.append(
            (
                "ceiling",
                _percent([ceiling["recipe"]["value"]]),
                _percent([ceiling["moment"]["value"]]) if "moment" in ceiling else "",
                _percent([ceiling["last"]["value"]]) if "last" in ceiling else "",
                "",
                "",
                "",
            )
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
        parts.append(_table(header, rows))
    parts += [
        "### Frames with equal area fraction, interface length and wavenumber",
        _table(
            ("embedding", *(f"{family} [%]" for family in _FAMILIES)),
            [
                (name, *(_percent(row[f"equal_{family}"]) for family in _FAMILIES))
                for name, row in results["annealing"]["embeddings"].items()
            ],
        ),
    ]
    if results["published_frames"]:
        parts += [
            "### Published frames",
            "R2 of a prediction by five nearest neighbours / by ridge, one chi left out at a time, "
            "test frames "
            "mirrored.",
            _table(
                ("embedding", *_PREDICTED),
                [
                    (name, *(" / ".join(f"{value:.2f}" for value in row[target]) for target in _PREDICTED))
                    for name, row in results["published_frames"].items()
                ],
            ),
        ]
    missed = [target for target in result["targets"] if not target["holds"]]
    parts += [
        "## Limits",
        "\n".join(
            [
                f"- It takes frames of {height} x {width} whose left and right end meet. Frames "
                f"between walls are "
                "coded as if they met there; it then sees a seam.",
                "- Films of one recipe differ by chance; the ceiling in the tables is what a "
                "classifier trained on "
                "the evaluated recipes themselves reaches.",
                "- It paints layers sharply and labyrinths hardly: a few latents of pose can't tell "
                "where each of "
                "many domains lies.",
                "- Frames of one phase alone were left out of training.",
                *(
                    f"- Target missed: {target['name']}: {target['value']:.3g}, asked {target['sense']} "
                    f"{target['target']:g}."
                    for target in missed
                ),
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


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
