"""A search for the settings of an encoder by many short trainings, each proposed from the earlier ones.

Settings are proposed by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011, section 4,
https://proceedings.neurips.cc/paper/2011/hash/86e8f7ab32cfd12577bc2619bc635690-Abstract.html).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from morphsim.device import resolve_device
from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.io.layout import METRICS
from morphsim.encoder.networks.search import SearchChoice, SearchDimension
from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.data import held_out_triplets, split_frames, training_labels
from morphsim.encoder.training.run import train_encoder
from morphsim.encoder.tuning.config import TuningConfig
from morphsim.encoder.tuning.space import By
from morphsim.errors import InputError
from morphsim.files import read_sealed_json, write_json, write_sealed_json
from morphsim.frames import read_frames
from morphsim.hashes import hash_arrays
from morphsim.locks import claimed_folder
from morphsim.optional import quiet_optuna
from morphsim.progress import progress
from morphsim.resuming import check_same_run
from morphsim.system_errors import explain

if TYPE_CHECKING:
    import optuna

BEST = "best.json"
_SEARCH, _JOURNAL = "search.json", "trials.journal"
_FREE = frozenset({"frames", "out", "trials", "threads", "resume"})


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The best trial of a search."""

    trial: int
    """Its number, from 0; its encoder is in `trial-NNN`."""
    value: float
    """-ELBO or reconstruction loss [nats a frame], or share of correct triplets, on held-out frames."""
    settings: dict[str, int | float | str]
    """The varied settings, by name."""
    config: TrainingConfig
    """The configuration of its training."""
    finished: int
    """Number of trials that were trained to their end."""
    diverged: int
    """Number of trials whose loss became NaN or infinite."""


def tune_encoder(config: TuningConfig, *, show_progress: bool = True) -> Tuned:
    """Search the settings of an encoder.

    Each trial is a run of `train_encoder` in the subfolder `trial-NNN`; all of them hold out the same frames.
    `trials.journal` has a line of JSON for every step of the search, and `best.json` the best trial so far.
    With `resume` an interrupted search goes on, and the interrupted training with it; its trials are those of
    a search without interruption.

    Args:
        config: of the search.
        show_progress: whether to show progress on stderr.

    Returns:
        The best trial.

    Raises:
        InputError: Optuna is missing, the frames can't be used, or the folder holds another search.
        TrainingDiverged: all trials diverged.
        MachineError: another run writes to the folder, or the disk is full.
    """
    with quiet_optuna("tuning") as optuna, claimed_folder(config.out), _explained(config.out / _JOURNAL):
        from morphsim.encoder.tuning.journal import open_study

        _check_and_describe(config)
        study = open_study(config.out / _JOURNAL, maximize=config.by == "triplet")
        with progress(
            "tuning", config.trials, unit="trials", done=_ended(study), show=show_progress
        ) as advance:
            while _ended(study) < config.trials:
                _one_trial(optuna, study, config)
                best = _best(study, config)
                if best is not None:
                    _write(best, config)
                advance(1, note="" if best is None else f"best {best.value:.6g} in trial {best.trial}")
        best = _best(study, config)
    if best is None:
        raise TrainingDiverged(
            f"all of {config.trials} trials diverged; try more, or look at the frames in {config.frames}"
        )
    _write(best, config)
    return best


def _one_trial(library: Any, study: optuna.Study, config: TuningConfig) -> None:
    """Train the trial that was interrupted, or else the next one, and report its score to the study."""
    running = study.get_trials(deepcopy=False, states=(library.trial.TrialState.RUNNING,))
    number = running[0].number if running else len(study.trials)
    # With a sampler for each trial a resumed search proposes the same settings as one without interruption.
    seed = int(np.random.SeedSequence((config.seed, number)).generate_state(1)[0])
    study.sampler = library.samplers.TPESampler(seed=seed)
    # Settings that an interrupted trial has already got are not drawn again.
    trial = library.trial.Trial(study, running[0]._trial_id) if running else study.ask()
    settings = {name: _suggest(trial, name, found) for name, found in config.space.items()}
    training = replace(config.training(settings, config.out / f"trial-{number:03}"), resume=True)
    try:
        train_encoder(training, show_progress=False)
    except TrainingDiverged:
        study.tell(trial, state=library.trial.TrialState.PRUNED)
        return
    held_out = read_sealed_json(training.out / METRICS)["held_out"]
    study.tell(trial, _value(held_out, config.by))


def _value(held_out: Mapping[str, float], by: By) -> float:
    if by == "triplet":
        return held_out["triplet_accuracy"]
    return held_out["negative_elbo"] if "negative_elbo" in held_out else held_out["reconstruction"]


def _suggest(trial: optuna.Trial, name: str, dimension: SearchDimension) -> int | float | str:
    if isinstance(dimension, SearchChoice):
        return cast("int | str", trial.suggest_categorical(name, dimension.values))
    if isinstance(dimension.low, int) and isinstance(dimension.high, int):
        return trial.suggest_int(name, dimension.low, dimension.high, log=True)
    return trial.suggest_float(name, dimension.low, dimension.high, log=True)


def _check_and_describe(config: TuningConfig) -> None:
    """Check everything that can be wrong before the first training, and store what is searched.

    Raises:
        InputError: the frames can't be used, or the folder holds another search.
    """
    resolve_device(config.device)
    frame_set = read_frames(config.frames)
    training = config.training({}, config.out)
    numbers, held_out = split_frames(training, frame_set)
    training_labels(training, frame_set, numbers)
    held_out_triplets(training, frame_set, held_out)
    digest = hash_arrays({"frames": frame_set.frames, "trajectory": frame_set.trajectory})
    now = {"frames_sha256": digest, **{k: v for k, v in config.to_dict().items() if k not in _FREE}}
    path = config.out / _SEARCH
    if path.exists():
        if not config.resume:
            raise InputError(f"{config.out} holds a search; go on with --resume, or choose another --out")
        before = read_sealed_json(path)
        if not isinstance(before, dict):
            raise InputError(f"{path} does not describe a search; search again with another --out")
        check_same_run(before, now)
        return
    write_sealed_json(path, now)


def _ended(study: optuna.Study) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def _best(study: optuna.Study, config: TuningConfig) -> Tuned | None:
    """Return the best finished trial, the first of equally good ones; None if none is finished."""
    trials = study.get_trials(deepcopy=False)
    finished = [trial for trial in trials if trial.value is not None]
    if not finished:
        return None
    sign = -1.0 if config.by == "triplet" else 1.0
    best = min(finished, key=lambda trial: (sign * (trial.value or 0.0), trial.number))
    assert best.value is not None
    return Tuned(
        trial=best.number,
        value=best.value,
        settings=dict(best.params),
        config=config.training(best.params, config.out / f"trial-{best.number:03}"),
        finished=len(finished),
        diverged=sum(trial.state.is_finished() for trial in trials) - len(finished),
    )


def _write(best: Tuned, config: TuningConfig) -> None:
    values = {**vars(best), "by": config.by, "config": best.config.to_dict()}
    write_json(config.out / BEST, values)


@contextlib.contextmanager
def _explained(journal: Path) -> Iterator[None]:
    """Turn errors of the system, when Optuna writes its journal, into errors with an explanation."""
    try:
        yield
    except OSError as error:
        raise explain(error, error.filename or journal) or error from error
