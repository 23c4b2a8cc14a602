"""Steps of pseudo-spectral films without noise, where the backend takes one in one go."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator.backends.whole_steps import SpectralStart
from morphsim.simulator.core.control import StepRecord, accept_step, plan_step
from morphsim.simulator.core.model import FilmModel, Rates
from morphsim.simulator.core.per_film import Shared, as_fields, of_array, of_tensor
from morphsim.simulator.core.state import State

Tried = tuple[State, Rates, Tensor, Tensor]
"""The state after a step, the rates there, which films keep it, and the next step of each (B,)."""

_OF_STATE = tuple(entry.name for entry in fields(State))
_OF_RATES = ("modes", "thickness", "stiffness2", "stiffness4")


class SpectralStepper:
    """Takes the steps of films of fixed height on the CPU, as `Stepper` takes them part by part.

    Args:
        model: of the films; those that are not pseudo-spectral are left to `Stepper`.
    """

    def __init__(self, model: FilmModel) -> None:
        self._model = model
        whole = model.spectral and model.grid.device.type == "cpu"
        self._films = model.backend.spectral_films(model) if whole else None
        self._state: dict[str, Shared] = {}
        self._rates: dict[str, Shared] = {}

    def first_rates(self, state: State) -> Rates | None:
        """Rates of films, to the last bit as steps compute them; None where these are taken part by part."""
        if self._films is None or state.phi.shape[1] != 1:
            return None
        phi, content, thickness = map(of_tensor, (state.phi, state.content, state.thickness))
        found = self._films.first_rates(phi.array, content.array, thickness.array)
        if found is None:
            return None
        mobility = as_fields(self._model.mobility(state.phi), state.phi)
        return Rates(
            modes=found.modes.tensor,
            thickness=torch.zeros_like(state.thickness),
            stiffness2=found.stiffness2.tensor,
            stiffness4=found.stiffness4.tensor,
            mobility=mobility,
            cross=None,
        )

    def step(
        self,
        state: State,
        rates: Rates,
        longest: Tensor,
        active: Tensor,
        tolerance: float,
    ) -> Tried | None:
        """Try one step of each active film.

        Args:
            state: the films.
            rates: of the films.
            longest: (B,) longest step that each may take.
            active: (B,) bool.
            tolerance: see `Stepper`.

        Returns:
            What belongs to films that don't keep their step is not defined. None where the step has to be
            computed part by part.
        """
        if self._films is None or state.phi.shape[1] != 1:
            return None
        self._state = old = _shared(state, _OF_STATE, self._state)
        self._rates = speed = _shared(rates, _OF_RATES, self._rates)
        record = StepRecord(*[old[name].array for name in StepRecord._fields])
        taking_part, still = active.numpy(), speed["thickness"].array
        unbounded = np.full(len(still), np.inf)
        tried = plan_step(record, still, longest.numpy(), still, unbounded, tolerance, False)
        start = SpectralStart(
            old["phi"].array,
            old["phi_before"].array,
            old["content"].array,
            speed["modes"].array,
            old["rate_change"].array,
            old["content_change"].array,
            old["older_rate_change"].array,
            old["older_content_change"].array,
            speed["stiffness2"].array,
            speed["stiffness4"].array,
            record.thickness,
            tried.dt,
            tried.ratio,
            tried.weights,
            taking_part.nonzero()[0].tolist(),
        )
        end = self._films.advance(start)
        if end is None:
            return None
        kept, next_step = accept_step(
            record, tried, taking_part, end.error, 0.0 * end.error, end.smallest, record.thickness, tolerance
        )
        change = old["rate_change"]
        films = kept.nonzero()[0].tolist()
        if films:
            found = self._films.rates(end, start, films)
            change = found.change
            self._rates = {
                "modes": found.modes,
                "thickness": speed["thickness"],
                "stiffness2": found.stiffness2,
                "stiffness4": found.stiffness4,
            }
            of_films = {name: part.tensor for name, part in self._rates.items()}
            rates = Rates(**of_films, mobility=rates.mobility, cross=None)
        self._state = {
            "phi": end.phi,
            "phi_before": old["phi"],
            "content": end.content,
            "content_change": end.change,
            "older_content_change": old["content_change"],
            "rate_change": change,
            "older_rate_change": old["rate_change"],
            "thickness": old["thickness"],
            "speed_change": speed["thickness"],
            "older_speed_change": old["speed_change"],
            "time": of_array(old["time"].array + tried.dt),
            "step": of_array(next_step),
            "last_step": of_array(tried.dt),
            "older_step": old["last_step"],
            "history": of_array(record.history + 1),
            "draws": of_array(old["draws"].array + 1),
            "refusals": of_array(0 * record.history),
            "jump": old["jump"],
            "smallest": of_array(end.smallest),
            "contrast": of_array(end.contrast),
            "amplitude": old["amplitude"],
            "gain": old["gain"],
            "wobble": old["wobble"],
            "span": old["span"],
            "wave_damping": old["wave_damping"],
        }
        stepped = State(**{name: part.tensor for name, part in self._state.items()})
        return stepped, rates, torch.from_numpy(kept), stepped.step


def _shared(part: State | Rates, names: tuple[str, ...], known: dict[str, Shared]) -> dict[str, Shared]:
    """Tensors by name, with their arrays; those that are known are not made again."""
    tensors = vars(part)
    for name in names:
        if name not in known or known[name].tensor is not tensors[name]:
            break
    else:
        return known
    return {name: of_tensor(tensors[name]) for name in names}
