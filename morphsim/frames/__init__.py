"""Binary frames: made from fields or imported files, stored as frame files, drawn as pictures."""

from typing import TYPE_CHECKING

from morphsim.frames.binary import as_binary_frames
from morphsim.frames.frame_set import FrameSet
from morphsim.frames.importing import ImportConfig, ImportReport, import_frames
from morphsim.frames.labels import frame_labels, moment_labels, recipe_labels
from morphsim.frames.preparation import Preparation
from morphsim.frames.presets import PRESETS, Preset
from morphsim.frames.readers import read_any
from morphsim.frames.render import animate, frame_strip, to_rgb
from morphsim.frames.splits import split_by_recipe, split_by_trajectory
from morphsim.frames.store import read_frames, read_notes, write_frames
from morphsim.frames.targets import read_frame, read_target_frames, stated_boundary
from morphsim.frames.transforms import binarise, mirror, resize, roll
from morphsim.lazy import lazy_names

if TYPE_CHECKING:
    from morphsim.frames.dataset import DatasetConfig, failed_films, make_dataset
    from morphsim.frames.simulate import FilmConfig, FilmReport, simulate_film
    from morphsim.frames.simulate_chain import simulate_chain
    from morphsim.frames.snapshots import film_frames
    from morphsim.frames.stages import chain_frames, stage_recipes

__all__ = [
    "PRESETS",
    "DatasetConfig",
    "FilmConfig",
    "FilmReport",
    "FrameSet",
    "ImportConfig",
    "ImportReport",
    "Preparation",
    "Preset",
    "animate",
    "as_binary_frames",
    "binarise",
    "chain_frames",
    "failed_films",
    "film_frames",
    "frame_labels",
    "frame_strip",
    "import_frames",
    "make_dataset",
    "mirror",
    "moment_labels",
    "read_any",
    "read_frame",
    "read_frames",
    "read_notes",
    "read_target_frames",
    "recipe_labels",
    "resize",
    "roll",
    "simulate_chain",
    "simulate_film",
    "split_by_recipe",
    "split_by_trajectory",
    "stage_recipes",
    "stated_boundary",
    "to_rgb",
    "write_frames",
]

# Loaded on first use: these import the simulator, which reading frames does not need.
__getattr__ = lazy_names(
    __name__,
    {
        "DatasetConfig": "morphsim.frames.dataset",
        "FilmConfig": "morphsim.frames.simulate",
        "FilmReport": "morphsim.frames.simulate",
        "chain_frames": "morphsim.frames.stages",
        "failed_films": "morphsim.frames.dataset",
        "film_frames": "morphsim.frames.snapshots",
        "make_dataset": "morphsim.frames.dataset",
        "simulate_chain": "morphsim.frames.simulate_chain",
        "simulate_film": "morphsim.frames.simulate",
        "stage_recipes": "morphsim.frames.stages",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
