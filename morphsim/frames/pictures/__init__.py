"""Pictures of films to scale: strips and movies with surface, substrate, scale bar, time and knobs."""

from typing import TYPE_CHECKING

from morphsim.lazy import lazy_names

if TYPE_CHECKING:
    from morphsim.frames.pictures.film import FilmPictures, film_pictures, share_pictures
    from morphsim.frames.pictures.knobs import KnobTrace, held_settings, knob_traces
    from morphsim.frames.pictures.movie import draw_movie
    from morphsim.frames.pictures.quantity import Show, check_shown
    from morphsim.frames.pictures.strip import draw_strip

_PLACES = {
    "FilmPictures": "morphsim.frames.pictures.film",
    "KnobTrace": "morphsim.frames.pictures.knobs",
    "Show": "morphsim.frames.pictures.quantity",
    "check_shown": "morphsim.frames.pictures.quantity",
    "draw_movie": "morphsim.frames.pictures.movie",
    "draw_strip": "morphsim.frames.pictures.strip",
    "film_pictures": "morphsim.frames.pictures.film",
    "held_settings": "morphsim.frames.pictures.knobs",
    "knob_traces": "morphsim.frames.pictures.knobs",
    "share_pictures": "morphsim.frames.pictures.film",
}

__all__ = [
    "FilmPictures",
    "KnobTrace",
    "Show",
    "check_shown",
    "draw_movie",
    "draw_strip",
    "film_pictures",
    "held_settings",
    "knob_traces",
    "share_pictures",
]

# Loaded on first use: encoders draw frames without the simulator.
__getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
