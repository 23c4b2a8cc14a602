"""The metric: does it depend on the recipe, and not on where the pattern lies?

    python benchmarks/metric.py [FRAMES.h5] [--encoder ENCODER] [--training TRAIN.h5]
        [--drying-frames FRAMES.h5] [--drying-training TRAIN.h5] [--published opv_frames.h5] [--json]

The encoder is compared with baselines on annealed and on dried films whose recipes and noise were not used to
train it: principal components of pixels and of two-point statistics, three and all scalar descriptors (fitted
on training films), the convolutional variational autoencoder of the first system and a convolutional
autoencoder (trained here for `--train-seconds` on the same training films), and untrained networks.
docs/metric-evaluation.md explains every measure. Without files, the films of the presets `annealing-unseen`,
`annealing`, `drying-unseen` and `drying` are made and kept in `runs/metric`, as are trained networks. With
--quick a few small films are made, and a network trained for seconds is evaluated on them: its figures are no
results.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from _harness import BenchmarkOptions, Outcome, Target, run, say
from _metric import Films, films, joined, trained

from morphsim.encoder import AutoencoderConfig, CVAEConfig, Encoder, load_encoder
from morphsim.encoder.input import check_frames
from morphsim.errors import InputError
from morphsim.frames.store import frames_shape
from morphsim.similarity import evaluation
from morphsim.similarity.evaluation import (
    Embedding,
    EmbeddingEvaluation,
    EqualSet,
    EvaluationFrames,
    Latents,
    PublishedFrames,
)

ENCODER = "encoder"
QUICK_SECONDS = 1.0
_PUBLISHED = Path(os.environ.get("MORPHSIM_DATA", "../shared/data"), "opv_frames.h5")


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Evaluate an encoder beside baselines."""

    frames: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[FRAMES]")] = None
    """Annealed films to evaluate on; made if not given."""
    encoder: str = "default"
    """Name of a shipped encoder, or the folder of one; with --quick a small CVAE is trained instead."""
    training: Path | None = None
    """Annealed films to fit baselines on; made if not given."""
    drying_frames: Path | None = None
    """Dried films to evaluate on; made if not given."""
    drying_training: Path | None = None
    """Dried films to fit baselines on; made if not given."""
    published: Path | None = None
    """Published frames with device currents (default: those in the folder of MORPHSIM_DATA if there are any,
    and none with --quick)."""
    cvae: Path | None = None
    """Folder of a trained CVAE to compare with, instead of training one."""
    autoencoder: Path | None = None
    """Folder of a trained autoencoder to compare with, instead of training one."""
    train_seconds: float = 600.0
    """Training time of each network to compare with [s]; 0 for none."""
    cache: Path = Path("runs/metric")
    """Folder for films and networks that are made here."""
    workers: int = 1
    """Processes that make films."""
    most: int = 4000
    """Approximate upper limit of the frames of each process."""
    figures: Path | None = None
    """Folder for a figure of each evaluation."""
    seed: int = 0
    """Of every random choice."""


def measure(options: Options) -> Outcome:
    """Evaluate on annealed and on dried films."""
    if not 0.0 <= options.train_seconds < 1e7:
        raise InputError(f"--train-seconds is {options.train_seconds:g}; it must lie from 0 to 1e7")
    files = (options.frames, options.training, options.drying_frames, options.drying_training)
    named = [path for path in files if path is not None]
    if options.quick and named:
        raise InputError("--quick makes a few small films of its own; give no files of films with it")
    # Bad files are found before a quarter of an hour is spent on making films.
    encoder = None if options.quick else load_encoder(options.encoder)
    given = [load_encoder(path) for path in (options.cvae, options.autoencoder) if path is not None]
    published = _published(options)
    for path in named:
        frames_shape(path)
    options.cache.mkdir(parents=True, exist_ok=True)
    sets = {
        "annealing": _films("annealing", options.frames, options.training, options),
        "drying": _films("drying", options.drying_frames, options.drying_training, options),
    }
    if encoder is not None:
        for each in (encoder, *given):
            for found in sets.values():
                check_frames(found.unseen.frames[:1], each.frame_shape, channels=each.channels)
    networks = _networks(options, [found.training for found in sets.values()])
    if encoder is None:
        encoder = networks.pop("cvae")
    sizes = {"count": 8, "candidates": 30} if options.quick else {}
    shape = sets["annealing"].unseen.shape
    say("frames with equal descriptors")
    equal = evaluation.equal_sets(shape=shape, seed=options.seed, **sizes)
    evaluations = {
        process: _evaluate(found, encoder, networks, published, equal, options)
        for process, found in sets.items()
    }
    if options.figures is not None:
        for process, result in evaluations.items():
            evaluation.draw_evaluation(options.figures / f"{process}.png", result)
    return _outcome(evaluations, encoder)


def _films(process: str, unseen: Path | None, training: Path | None, options: Options) -> Films:
    return films(process, unseen, training, cache=options.cache, workers=options.workers, quick=options.quick)


def _published(options: Options) -> PublishedFrames | None:
    path = options.published or _PUBLISHED
    if options.published is None and (options.quick or not path.is_file()):
        if options.quick:
            return None
        say(f"published frames are left out: {path} is missing; give them with --published")
        return None
    return evaluation.read_published(path)


def _networks(options: Options, training: Sequence[Any]) -> dict[str, Encoder]:
    """The networks to compare with, by name."""
    seconds = QUICK_SECONDS if options.quick else options.train_seconds
    found: dict[str, Encoder] = {}
    path = None
    for network, folder in ((CVAEConfig(), options.cvae), (AutoencoderConfig(), options.autoencoder)):
        if folder is not None:
            found[network.architecture] = load_encoder(folder)
        elif seconds > 0.0:
            path = path or joined(list(training), options.cache)
            found[network.architecture] = trained(network, path, seconds=seconds, cache=options.cache)
    return found


def _evaluate(
    found: Films,
    encoder: Encoder,
    networks: dict[str, Encoder],
    published: PublishedFrames | None,
    equal: dict[str, EqualSet],
    options: Options,
) -> EmbeddingEvaluation:
    labelled = evaluation.subsample_films(
        EvaluationFrames.of(found.unseen), most=options.most, seed=options.seed
    )
    configs = {each.architecture: each for each in (encoder.network.config, CVAEConfig())}
    beside: list[Embedding] = [
        *evaluation.baselines(),
        *(
            evaluation.untrained_latents(config, labelled.shape, boundary=labelled.boundary)
            for config in configs.values()
        ),
        *(Latents(network, name=name, baseline=True) for name, network in networks.items()),
    ]
    for embedding in beside:
        embedding.fit(found.training.frames, boundary=labelled.boundary)
    seen = evaluation.seen_in_training(encoder, found.unseen)
    return evaluation.evaluate_embeddings(
        [*beside, Latents(encoder, name=ENCODER)],
        labelled,
        published=published,
        equal=equal,
        notes=["baselines are fitted on other films of the process", *([seen] if seen else [])],
        seed=options.seed,
    )


def _outcome(evaluations: dict[str, EmbeddingEvaluation], encoder: Encoder) -> Outcome:
    results: dict[str, Any] = {
        "encoder": encoder.architecture,
        "encoder_hash": encoder.hash,
    }
    for process, result in evaluations.items():
        values = result.to_dict()
        lead = values["lead_over_best_baseline"][ENCODER]["last"]
        results[process] = {
            "frames": result.frames,
            "frames_of_a_single_phase": result.single_phase,
            "films": result.films,
            "recipes": result.recipes,
            "notes": "; ".join(result.notes),
            "last_frames_lead": [lead[end] for end in ("value", "low", "high")] if lead else None,
            "last_frames_lead_over": lead["over"] if lead else None,
            "ceiling": {
                kind: {end: share[end] for end in ("value", "low", "high")}
                for kind, share in values["ceiling"].items()
            },
            "embeddings": {name: _row(found) for name, found in values["embeddings"].items()},
        }
    first = evaluations["annealing"].to_dict()
    results["published_frames"] = {
        name: _published_row(found["published"])
        for name, found in first["embeddings"].items()
        if found["published"]
    } | {
        f"{name} (fitted on these frames)": _published_row(found)
        for name, found in first["published_baselines"].items()
    }
    text = "\n\n\n".join(f"{process.upper()}\n\n{result.render()}" for process, result in evaluations.items())
    return Outcome(results=results, targets=targets(evaluations), table=text)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    """One embedding as a row of a table; shares have the ends of their 95 % intervals."""

    def share(values: dict[str, Any]) -> list[Any]:
        return [values[end] for end in ("value", "low", "high")]

    retrieved = found["retrieval"]
    row = {
        "dimensions": found["dimensions"],
        "milliseconds_per_frame": found["milliseconds_per_frame"],
        **{f"triplets_{kind}": share(values) for kind, values in found["triplets"].items()},
        "mirror_ratio": found["mirror_ratio"],
        "roll_ratio": found["roll_ratio"],
        **{f"equal_{family}": share(values) for family, values in found["equal_sets"].items()},
        **{
            f"{measure}_{relevant}": share(retrieved[relevant][measure])
            for relevant in retrieved
            for measure in ("precision_at_1", "mean_average_precision_at_r")
        },
        **{f"rank_correlation_{name}": value for name, value in found["rank_correlation"].items()},
    }
    return row | {name: value for name, value in (found["decoding"] or {}).items() if name != "latents"}


def _published_row(found: dict[str, Any]) -> dict[str, Any]:
    """R2 of neighbours and ridge for each target, and for each fold of the current."""
    row: dict[str, Any] = {}
    for target, methods in found.items():
        row[f"{target}"] = [methods[method]["r2"] for method in ("neighbours", "ridge")]
    for fold in found["JSC"]["neighbours"]["by_fold"]:
        row[f"JSC_chi_{fold}"] = [found["JSC"][method]["by_fold"][fold] for method in ("neighbours", "ridge")]
    return row


def targets(evaluations: dict[str, EmbeddingEvaluation]) -> list[Target]:
    """Targets for the encoder."""
    annealing, drying = evaluations["annealing"], evaluations["drying"]
    own, dried = annealing.scores[ENCODER], drying.scores[ENCODER]
    recipe = own.triplets["recipe"].value
    three = annealing.scores["three descriptors"].triplets["recipe"].value
    lead = drying.lead(ENCODER, "last")
    retrieved = own.retrieval["recipe_and_moment"].precision_at_1.value
    found = [
        Target("annealing, unseen recipes: same-recipe triplets", recipe, ">=", 0.97),
        Target("the same, less that of three descriptors", recipe - three, ">=", 0.0),
        Target("annealing, unseen recipes: same-moment triplets", own.triplets["moment"].value, ">=", 0.995),
        Target("annealing, unseen recipes: precision at 1", retrieved, ">=", 0.9),
        Target("drying, last frames: lead over the best baseline", lead[0] if lead else None, ">=", 0.02),
    ]
    found += [
        Target(f"equal descriptors, {family}: triplets", own.equal_sets[family].value, ">=", 0.95)
        for family in evaluation.FAMILIES
        if family in own.equal_sets
    ]
    rolls = [score.nuisance.roll for score in (own, dried) if score.nuisance.roll is not None]
    mirrors = [own.nuisance.mirror, dried.nuisance.mirror]
    found += [
        Target("mirror ratio, the larger of both processes", max(mirrors), "<=", 0.002),
        Target("roll ratio, the larger of both processes", max(rolls) if rolls else None, "<=", 0.005),
    ]
    if own.prediction is not None:
        found += [
            Target(f"published frames: 5-NN R2 of {name}", own.prediction[name]["neighbours"].r2, ">=", bound)
            for name, bound in (("JSC", 0.79), ("log interface length", 0.95), ("log time", 0.6))
        ]
    return found


if __name__ == "__main__":
    sys.exit(run("metric", Options, measure))
