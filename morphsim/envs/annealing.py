"""Annealing of a dry film, with the temperature as the action."""

from __future__ import annotations

from typing import Unpack

from morphsim.envs.arguments import FilmArguments, checked_arguments
from morphsim.envs.film import FilmEnv
from morphsim.envs.settings import film_settings
from morphsim.envs.vector import VectorFilmEnv


class AnnealingEnv(FilmEnv):
    """`morphsim/Annealing-v0`: a quenched donor/acceptor film coarsens; the agent sets its temperature.

    ## Action space
    `Box(-1, 1, (1,), float32)`: `temperature` from 303.15 to 453.15 K, linear. It changes chi (and so how
    pure the phases are) and the mobility (and so how fast they coarsen).

    ## Observation space
    With `observation="frame"` `Box(0, 255, (1, H, W), uint8)`: 255 where the donor's share reaches the
    threshold, else 0. Row 0 lies at the upper surface, the last row on the substrate.

    With `"fields"` `Box(0, 1, (1, H, W), float32)`: the volume fraction of the donor.

    With `"dict"` `Dict(frame=..., state=Box(float32))`, whose state holds `thickness` (relative to the start,
    0 to 2), `step_fraction` (steps made over `steps`) and the present setting of each knob as an action.
    `sensors` names these entries, or others: `time` and `last_actions`, as for `DryingEnv`.

    ## Rewards
    0.0. Wrap it with `morphsim.LatentRewardWrapper` or your own reward.

    ## Starting state
    A mixed film of the recipe, with noise from a seed drawn from the environment's generator.
    `reset(options={...})` takes, for one film, `film_seed`, `recipe` or `material`, and any parameter of the
    recipe by its name (`blend_ratio`, `chi`, `substrate_strength`, ...) except `width` and `boundary`. With
    `randomize`, each episode draws a new film.

    ## Steps and episode end
    `steps` steps, equally spaced in the logarithm of time over the last factor of 200 of the recipe's
    duration, since coarsening is a power law; with `step_time_s`, equally spaced in time. Never terminated:
    annealing has no end state. Truncated after `steps` steps, or when the simulator can't advance the film
    (`info["diverged"]`, with a warning that names the film).

    ## Info
    `time_s`, `thickness_nm`, `temperature_K`, `chi`, `step_fraction`, `film_seed`, `material` (empty for
    none), `boundary`, `diverged`.

    ## Arguments
    `recipe`: an `AnnealingRecipe`, a dict of its parameters or a TOML file. `start`: the initial state of the
    film, see `morphsim.frames.read_start`; None for a mixed film. `step_time_s`: step length in
    physical time [s]; the recipe's duration is then ignored. `steps`, `material`, `shape`, `cells`, `knobs`,
    `ranges`, `randomize`, `observation`, `sensors`, `units`, `threshold`, `tolerance`, `device` and
    `render_mode`: as for `DryingEnv`.

    ## Planning
    `env.unwrapped.get_state()` copies the complete state, `set_state(state)` restores it bit for bit.

    ## Version history
    v0: first version.

    >>> import gymnasium as gym
    >>> env = gym.make("morphsim:morphsim/Annealing-v0", shape=(32, 128), randomize={"chi": (2.6, 3.4)})
    >>> frame, info = env.reset(seed=1)
    >>> 2.6 <= env.unwrapped.film_recipe.chi <= 3.4
    True
    """

    def __init__(self, *, render_mode: str | None = None, **arguments: Unpack[FilmArguments]) -> None:
        super().__init__(
            film_settings("annealing", **checked_arguments("AnnealingEnv", arguments)),
            render_mode=render_mode,
        )


class VectorAnnealingEnv(VectorFilmEnv):
    """`morphsim/Annealing-v0` for many films at once. For arguments and spaces see `AnnealingEnv`."""

    single = AnnealingEnv
