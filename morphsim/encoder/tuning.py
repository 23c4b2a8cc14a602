"""A search for the settings of an encoder: many short trainings, each chosen by what the earlier ones taught.

Settings are proposed by a tree-structured Parzen estimator (Bergstra et al. 2011, section 4,
https://proceedings.neurips.cc/paper/2011/hash/86e8f7ab32cfd12577bc2619bc635690-Abstract.html) of Optuna,
which is imported here alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from morphsim.checks import check_choice, check_flag, check_whole
from morphsim.device import DeviceName, resolve_device
from morphsim.encoder.config import HoldOut, Precision, TrainingConfig
from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.networks import find_architecture, parse_network
from morphsim.encoder.objective import ObjectiveConfig
from morphsim.encoder.preparation import held_out_triplets, split_frames, training_labels
from morphsim.encoder.results import METRICS
from morphsim.encoder.search_space import By, Choice, Dimension, Searched, search_space
from morphsim.encoder.training import train_encoder
from morphsim.errors import InputError
from morphsim.files import read_sealed_json, write_json, write_sealed_json
from morphsim.frames import read_frames
from morphsim.hashes import hash_arrays
from morphsim.locks import claimed_folder
from morphsim.progress import progress
from morphsim.resuming import check_same_run
from morphsim.system_errors import explain

if TYPE_CHECKING:
    import optuna

BEST = "best.json"
_SEARCH, _JOURNAL = "search.json", "trials.journal"
# Optuna reads all of them before each new one.
_MOST_TRIALS = 100_000
_FREE = frozenset({"frames", "out", "trials", "threads", "resume"})


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """A search for the settings of an encoder of one architecture.

    Raises:
        InputError: a value is out of range.
    """

    frames: Path
    """HDF5 file of the frames to train on."""
    out: Path = Path("runs/tuning")
    """Folder for the trials, each a training run of its own, and the best of them."""
    trials: int = 20
    """Trainings in all, those of an interrupted search included."""
    architecture: Literal["cvae", "autoencoder", "split"] = "cvae"
    """What kind of network."""
    by: By = "elbo"
    """What makes an encoder better, on held-out frames: a lower -ELBO (of an autoencoder, reconstruction
    loss), or a higher share of triplets that are right."""
    search: tuple[Searched, ...] = get_args(Searched)
    """What is searched; all else keeps the defaults of train-encoder."""
    epochs: int = 5
    """Of each training."""
    held_out: float = 0.2
    """Share of the trajectories, or of the recipes, that is held out, the same in all trials."""
    hold_out: HoldOut = "trajectories"
    """What is held out whole: trajectories, or recipes with all their replicas."""
    precision: Precision = "float32"
    """Of convolutions and dense layers."""
    seed: int = 0
    """Of the search and of each training."""
    device: DeviceName = "auto"
    """Where to train; auto takes a CUDA GPU where there is one."""
    threads: int = 1
    """CPU threads of torch."""
    resume: bool = False
    """Go on with the search in the folder, or start where there is none."""

    def __post_init__(self) -> None:
        check_whole("trials", self.trials, 1, _MOST_TRIALS)
        find_architecture(self.architecture)
        check_choice("by", self.by, get_args(By))
        unknown = [name for name in self.search if name not in get_args(Searched)]
        if unknown or not self.search:
            found = f"holds {unknown[0]!r}" if unknown else "names nothing"
            raise InputError(f"search {found}; use some of {', '.join(get_args(Searched))}")
        check_flag("resume", self.resume)
        # The rest is checked as what it is, the configuration of a training.
        self.training({}, self.out)

    @property
    def space(self) -> dict[str, Dimension]:
        """What is searched, by name."""
        return search_space(self.architecture, self.by, self.search)

    def training(self, settings: Mapping[str, int | float | str], out: Path) -> TrainingConfig:
        """Build the training run of a trial.

        Args:
            settings: values by the names of `space`; what is not named keeps its default.
            out: its folder.
        """
        own = {name: value for name, value in settings.items() if "." not in name}
        groups: dict[str, dict[str, Any]] = {"network": {}, "objective": {}}
        if self.by == "triplet":
            # The triplet loss is there also where its weight is not searched.
            groups["objective"]["triplet"] = 50.0
        for name, value in settings.items():
            group, dot, setting = name.partition(".")
            if dot:
                groups[group][setting] = value
        network = parse_network(
            self.architecture, [f"{name}={value}" for name, value in groups["network"].items()]
        )
        return TrainingConfig(
            frames=self.frames,
            out=out,
            epochs=self.epochs,
            held_out=self.held_out,
            hold_out=self.hold_out,
            precision=self.precision,
            seed=self.seed,
            device=self.device,
            threads=self.threads,
            keep="triplet" if self.by == "triplet" else "best",
            tensorboard=False,
            objective=ObjectiveConfig(**groups["objective"]),
            network=network,
            **own,  # type: ignore[arg-type] # learning_rate and batch_size
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values that JSON can hold."""
        return {**asdict(self), "frames": str(self.frames), "out": str(self.out), "search": list(self.search)}


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The best of a search."""

    trial: int
    """Its number, from 0; its encoder lies in `trial-NNN`."""
    value: float
    """-ELBO or reconstruction loss [nats a frame], or share of triplets, on held-out frames."""
    settings: dict[str, int | float | str]
    """What was searched, by name."""
    config: TrainingConfig
    """Of its training."""
    finished: int
    """Trials that were trained to their end."""
    diverged: int
    """Trials whose loss became NaN or infinite."""


def tune_encoder(config: TuningConfig, *, show_progress: bool = True) -> Tuned:
    """Search the settings of an encoder.

    Each trial is a run of `train_encoder` in `trial-NNN` of the folder; all of them hold out the same frames.
    `trials.journal` has a line of JSON for every step of the search, and `best.json` the best trial so far.
    A search that is killed at any moment goes on with `resume`, and the interrupted training with it: the
    trials are those of a search that never stopped.

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
    with _quiet_optuna() as optuna, claimed_folder(config.out), _told(config.out / _JOURNAL):
        from morphsim.encoder.trials import open_study

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
    """Train the trial that was interrupted, or else the next one, and tell the study."""
    running = study.get_trials(deepcopy=False, states=(library.trial.TrialState.RUNNING,))
    number = running[0].number if running else len(study.trials)
    # A sampler for each trial: a resumed search then proposes what one that never stopped would.
    seed = int(np.random.SeedSequence((config.seed, number)).generate_state(1)[0])
    study.sampler = library.samplers.TPESampler(seed=seed)
    # A setting that an interrupted trial has got already is not drawn again.
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


def _suggest(trial: optuna.Trial, name: str, dimension: Dimension) -> int | float | str:
    if isinstance(dimension, Choice):
        return cast("int | str", trial.suggest_categorical(name, dimension.values))
    if isinstance(dimension.low, int) and isinstance(dimension.high, int):
        return trial.suggest_int(name, dimension.low, dimension.high, log=True)
    return trial.suggest_float(name, dimension.low, dimension.high, log=True)


def _check_and_describe(config: TuningConfig) -> None:
    """Check all that can be wrong before the first training, and write down what is searched.

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
            raise InputError(f"{path} describes no search; search again with another --out")
        check_same_run(before, now)
        return
    write_sealed_json(path, now)


def _ended(study: optuna.Study) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def _best(study: optuna.Study, config: TuningConfig) -> Tuned | None:
    """The best finished trial, of equally good ones the first; None where none is finished."""
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
def _told(journal: Path) -> Iterator[None]:
    """Optuna writes its journal itself: say what the system refused it."""
    try:
        yield
    except OSError as error:
        raise explain(error, error.filename or journal) or error from error


@contextlib.contextmanager
def _quiet_optuna() -> Iterator[ModuleType]:
    """Import Optuna, and keep it from logging what progress tells.

    Raises:
        InputError: it isn't installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise InputError("tuning needs Optuna; install it with pip install 'morphsim[tune]'") from error
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(verbosity)
