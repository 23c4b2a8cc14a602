"""Settings that single and vector environments expose as attributes."""

from __future__ import annotations

from morphsim.envs.knobs import Panel
from morphsim.envs.settings import FilmSettings
from morphsim.simulator import Recipe, Units
from morphsim.simulator.processes.pace import Pace


class SharedSettings:
    """The arguments of an environment as attributes."""

    settings: FilmSettings

    @property
    def process(self) -> str:
        """The name of the process."""
        return self.settings.process

    @property
    def recipe(self) -> Recipe:
        """The recipe of films unless `reset` or `randomize` changes it."""
        return self.settings.recipe

    @property
    def units(self) -> Units:
        """The scales of these films."""
        return self.settings.units

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the frames [pixels]."""
        return self.settings.shape

    @property
    def cells(self) -> tuple[int, int]:
        """(h, w) of the solver's grid."""
        return self.settings.cells

    @property
    def steps(self) -> int:
        """Steps of an episode in which the film dries without delay, or is annealed."""
        return self.settings.steps

    @property
    def limit(self) -> int:
        """Largest number of steps of an episode."""
        return self.settings.limit

    @property
    def pace(self) -> Pace:
        """Where the steps of an episode end."""
        return self.settings.pace

    @property
    def threshold(self) -> float:
        """Smallest donor share of a donor pixel."""
        return self.settings.threshold

    @property
    def tolerance(self) -> float:
        """Tolerance of the simulator, see `morphsim.simulator.Simulation`."""
        return self.settings.tolerance

    @property
    def device(self) -> str:
        """Device of the simulation."""
        return self.settings.device

    @property
    def panel(self) -> Panel:
        """The knobs, in the order of the action."""
        return self.settings.panel

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the entries of the process state in observations of kind "dict"."""
        return self.settings.sensors
