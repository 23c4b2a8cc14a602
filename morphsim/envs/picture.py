"""Pictures of a film, as arrays and in a window."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.frames import to_rgb

_BACKGROUND = 255
_HIGHEST_WINDOW = 8.0


def film_picture(share: NDArray[np.float32], thickness: float) -> NDArray[np.uint8]:
    """A film as an RGB picture (H, W, 3): donor share, at the present thickness.

    Args:
        share: (H, W) donor share, 0..1.
        thickness: of the film, in units of the picture's height.
    """
    height, width = share.shape
    rows = max(1, min(height, round(height * thickness)))
    source = ((np.arange(rows) + 0.5) * height / rows).astype(int)
    picture = np.full((height, width, 3), _BACKGROUND, np.uint8)
    picture[height - rows :] = to_rgb(share[source])
    return picture


class Window:
    """A window that shows one picture after another.

    Args:
        title: of the window.
        pause: shortest time that each picture is shown [s].
    """

    def __init__(self, title: str, *, pause: float) -> None:
        self._title = title
        self._pause = pause
        self._figure: Any = None
        self._image: Any = None
        self._warned = False

    def show(self, picture: NDArray[np.uint8], *, aspect: float | None = None) -> None:
        """Show a picture (H, W, 3); without a screen, warn once instead.

        Args:
            picture: of the film.
            aspect: width over height of the film that it shows, to which a new window is made; by default
                pixels are square.
        """
        import matplotlib
        from matplotlib import pyplot

        if matplotlib.get_backend().lower() not in _backends_with_windows():
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"matplotlib's backend {matplotlib.get_backend()} opens no window; install a GUI toolkit "
                    "(such as PyQt6), or use render_mode='rgb_array'",
                    UserWarning,
                    stacklevel=4,
                )
            return
        if self._figure is None or not pyplot.fignum_exists(self._figure.number):
            height, width = picture.shape[:2]
            inches = min(max(1.0, 8.0 / (aspect or width / height)), _HIGHEST_WINDOW)
            self._figure = pyplot.figure(self._title, figsize=(8.0, inches))
            self._image = self._figure.add_axes((0.0, 0.0, 1.0, 1.0)).imshow(picture, aspect="auto")
            self._image.axes.set_axis_off()
        self._image.set_data(picture)
        self._figure.canvas.draw_idle()
        pyplot.pause(self._pause)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._figure is not None:
            from matplotlib import pyplot

            pyplot.close(self._figure)
        self._figure = self._image = None

    def __getstate__(self) -> dict[str, Any]:
        # A window can't move to another process.
        return {**vars(self), "_figure": None, "_image": None}


def _backends_with_windows() -> list[str]:
    from matplotlib.backends.registry import BackendFilter, backend_registry

    return [name.lower() for name in backend_registry.list_builtin(BackendFilter.INTERACTIVE)]  # type: ignore[no-untyped-call]
