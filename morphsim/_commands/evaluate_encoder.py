"""`morphsim evaluate-encoder`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import show, show_json
from morphsim.checks import MOST_THREADS, check_seed, check_whole
from morphsim.device import DeviceName, set_threads
from morphsim.encoder import load_encoder
from morphsim.encoder.input import check_frames
from morphsim.files import write_json
from morphsim.frames import read_frames, stated_boundary
from morphsim.locks import claimed_folder


@dataclass(frozen=True, kw_only=True)
class Options:
    """Evaluate an encoder as a metric of films, beside baselines, on frames that it was not trained on.

    Example: morphsim evaluate-encoder unseen.h5 --encoder runs/encoder --training frames.h5
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    frames: Annotated[Positional[Path], arg(metavar="FRAMES")]
    """HDF5 file of films to evaluate on: several films of each recipe, of recipes not used for training."""
    encoder: str = "default"
    """Name of a shipped encoder, or the folder of one."""
    training: Path | None = None
    """HDF5 file to fit the baselines on; without it they are fitted on half of the recipes of FRAMES, and
    the other half is used for the evaluation."""
    compare: tuple[str, ...] = ()
    """Names or folders of other encoders, to compare with as baselines."""
    published: Path | None = None
    """HDF5 file of the published frames with their device currents (opv_frames.h5), to predict these."""
    most: int = 4000
    """Approximate upper limit of the number of frames; whole films are left out."""
    quick: bool = False
    """Make fewer frames with equal descriptors."""
    out: Path | None = None
    """Folder for all measures (judgement.json) and a figure of them (judgement.png)."""
    seed: int = 0
    """Of every random choice."""
    device: DeviceName = "auto"
    """Device of the encoder; auto takes a CUDA GPU if there is one."""
    threads: int = 1
    """CPU threads of torch."""
    json: bool = False
    """Print all measures as JSON."""

    def check(self) -> None:
        """Check the numbers.

        Raises:
            InputError: one is out of range.
        """
        check_whole("--most", self.most, 2)
        check_seed("--seed", self.seed)
        check_whole("--threads", self.threads, 1, MOST_THREADS)

    def run(self) -> None:
        """Evaluate the encoder and print the tables."""
        self.check()
        set_threads(self.threads)
        with contextlib.nullcontext() if self.out is None else claimed_folder(self.out):
            self._evaluate()

    def _evaluate(self) -> None:
        from morphsim.similarity import evaluation

        encoder = load_encoder(self.encoder, device=self.device)
        frame_set = read_frames(self.frames)
        check_frames(frame_set.frames, encoder.frame_shape, channels=encoder.channels)
        training = None if self.training is None else read_frames(self.training)
        published = None if self.published is None else evaluation.read_published(self.published)
        others = [self._other(name, frame_set.frames) for name in self.compare]
        labelled, fitted, note = evaluation.split_for_evaluation(
            frame_set, training, most=self.most, seed=self.seed
        )
        notes = [note]
        if (seen := evaluation.seen_in_training(encoder, frame_set)) is not None:
            notes.append(seen)
        if stated_boundary(self.frames) is not None:
            encoders = {"the encoder": encoder, **{other.name: other.encoder for other in others}}
            warned = (
                evaluation.boundary_mismatch(each, frame_set, name=name) for name, each in encoders.items()
            )
            notes += [note for note in warned if note is not None]
        untrained = evaluation.untrained_latents(
            encoder.network.config, labelled.shape, boundary=labelled.boundary, seed=self.seed
        )
        fixed = [
            baseline.fit(fitted, boundary=labelled.boundary)
            for baseline in [*evaluation.baselines(), untrained, *others]
        ]
        equal = None
        if evaluation.large_enough(labelled.shape):
            sizes: dict[str, int] = {"count": 12, "candidates": 60} if self.quick else {}
            equal = evaluation.equal_sets(shape=labelled.shape, seed=self.seed, **sizes)
        else:
            notes.append(
                "frames with equal descriptors are left out: at this size they would show no domains"
            )
        result = evaluation.evaluate_embeddings(
            [*fixed, evaluation.Latents(encoder)],
            labelled,
            published=published,
            equal=equal,
            notes=notes,
            seed=self.seed,
        )
        values: dict[str, Any] = {
            "file": self.frames.name,
            "encoder": self.encoder,
            "encoder_hash": encoder.hash,
            **result.to_dict(),
        }
        if self.out is not None:
            evaluation.draw_evaluation(self.out / "judgement.png", result)
            write_json(self.out / "judgement.json", values)
        if self.json:
            show_json(values)
        else:
            show(result.render())

    def _other(self, name: str, frames: Any) -> Any:
        from morphsim.similarity.evaluation import Latents

        encoder = load_encoder(name, device=self.device)
        check_frames(frames, encoder.frame_shape, channels=encoder.channels)
        return Latents(encoder, name=Path(name).name, baseline=True)
