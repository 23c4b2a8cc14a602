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
    """Compare how well an encoder and baselines distinguish films that the encoder was not trained on.

    Example: morphsim evaluate-encoder unseen.h5 --encoder runs/encoder --training frames.h5
    """

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    frames: Annotated[Positional[Path], arg(metavar="FRAMES")]
    """HDF5 file of the films to evaluate on: several films of each recipe, of recipes unseen in training."""
    encoder: str = "default"
    """Name of a shipped encoder, or the folder of an encoder."""
    training: Path | None = None
    """HDF5 file to fit the baselines on; without it they are fitted on half of the recipes of FRAMES, and the
    evaluation uses the other half."""
    compare: tuple[str, ...] = ()
    """Names or folders of other encoders, as further baselines."""
    published: Path | None = None
    """HDF5 file of the published frames with device currents (opv_frames.h5), to predict the currents."""
    most: int = 4000
    """Approximate largest number of frames to evaluate on; whole films are left out."""
    quick: bool = False
    """Make fewer frames with equal descriptors."""
    out: Path | None = None
    """Folder for all results as judgement.json, and a picture of them."""
    seed: int = 0
    """Of all random choices."""
    device: DeviceName = "auto"
    """Where to encode; auto takes a CUDA GPU if there is one."""
    threads: int = 1
    """CPU threads of torch."""
    json: bool = False
    """Print all results as JSON."""

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
        from morphsim.similarity import judging

        encoder = load_encoder(self.encoder, device=self.device)
        frame_set = read_frames(self.frames)
        check_frames(frame_set.frames, encoder.frame_shape, channels=encoder.channels)
        training = None if self.training is None else read_frames(self.training)
        published = None if self.published is None else judging.read_published(self.published)
        others = [self._other(name, frame_set.frames) for name in self.compare]
        judged, fitted, note = judging.judged_and_fitted(frame_set, training, most=self.most, seed=self.seed)
        notes = [note]
        if (seen := judging.seen_in_training(encoder, frame_set)) is not None:
            notes.append(seen)
        if stated_boundary(self.frames) is not None:
            judges = {"the encoder": encoder, **{other.name: other.encoder for other in others}}
            warned = (judging.other_boundary(each, frame_set, name=name) for name, each in judges.items())
            notes += [note for note in warned if note is not None]
        untrained = judging.untrained_latents(
            encoder.network.config, judged.shape, boundary=judged.boundary, seed=self.seed
        )
        fixed = [
            baseline.fit(fitted, boundary=judged.boundary)
            for baseline in [*judging.baselines(), untrained, *others]
        ]
        equal = None
        if judging.large_enough(judged.shape):
            sizes: dict[str, int] = {"count": 12, "candidates": 60} if self.quick else {}
            equal = judging.equal_sets(shape=judged.shape, seed=self.seed, **sizes)
        else:
            notes.append(
                "frames with equal descriptors are left out: at this size they would show no domains"
            )
        judgement = judging.judge(
            [*fixed, judging.Latents(encoder)],
            judged,
            published=published,
            equal=equal,
            notes=notes,
            seed=self.seed,
        )
        values: dict[str, Any] = {
            "file": self.frames.name,
            "encoder": self.encoder,
            "encoder_hash": encoder.hash,
            **judgement.to_dict(),
        }
        if self.out is not None:
            judging.draw_judgement(self.out / "judgement.png", judgement)
            write_json(self.out / "judgement.json", values)
        if self.json:
            show_json(values)
        else:
            show(judgement.render())

    def _other(self, name: str, frames: Any) -> Any:
        from morphsim.similarity.judging import Latents

        encoder = load_encoder(name, device=self.device)
        check_frames(frames, encoder.frame_shape, channels=encoder.channels)
        return Latents(encoder, name=Path(name).name, baseline=True)
