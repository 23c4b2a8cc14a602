"""What single and vector environments let be read of their settings."""

from __future__ import annotations

from morphsim.envs.knobs import Panel
from morphsim.envs.observation import state_names
from morphsim.envs.settings import FilmSettings
from morphsim.simulator import Recipe, Units


class SharedSettings:
    """The arguments of an environment as attributes."""

    settings: FilmSettings

    @property
    def process(self) -> str:
        """What happens to the film, by the name of its process."""
        return self.settings.process

    @property
    def recipe(self) -> Recipe:
        """The recipe of films for which no reset and no draw says otherwise."""
        return self.settings.recipe

    @property
    def units(self) -> Units:
        """The scales of these films."""
        return self.settings.units

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the frames [cells]."""
        return self.settings.shape

    @property
    def steps(self) -> int:
        """Steps of an episode in which nothing holds the film up."""
        return self.settings.steps

    @property
    def limit(self) -> int:
        """Most steps of an episode."""
        return self.settings.limit

    @property
    def threshold(self) -> float:
        """Donor share from which a pixel is donor."""
        return self.settings.threshold

    @property
    def tolerance(self) -> float:
        """Of the simulator, see `morphsim.simulator.Simulation`."""
        return self.settings.tolerance

    @property
    def device(self) -> str:
        """Where the films are made."""
        return self.settings.device

    @property
    def panel(self) -> Panel:
        """The knobs in the order of the action."""
        return self.settings.panel

    @property
    def state_names(self) -> tuple[str, ...]:
        """What the entries of the process state are, where the observation is a dict."""
        return state_names(self.settings)
