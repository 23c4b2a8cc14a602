"""Solvent-vapour annealing of a dry film, with vapour pressure and temperature as the action."""

from __future__ import annotations

from typing import Unpack

from morphsim.envs.arguments import FilmArguments, checked_arguments
from morphsim.envs.film import FilmEnv
from morphsim.envs.settings import film_settings
from morphsim.envs.vector import VectorFilmEnv


class VapourAnnealingEnv(FilmEnv):
    """`morphsim/VapourAnnealing-v0`: a dry film swells in vapour and coarsens; the agent sets the vapour.

    ## Action space
    `Box(-1, 1, (2,), float32)`, or fewer with `knobs`:

    | knob | from -1 to 1 | scale | unit |
    |---|---|---|---|
    | `ambient_vapour` | 0 to 0.6 | linear | solvent share in equilibrium with the vapour, 0.05 at least |
    | `temperature` | 288.15 to 338.15 | linear | K |

    More vapour swells the film, which raises its mobility and mixes its phases; less dries and freezes it.

    ## Observation space
    With `observation="frame"` `Box(0, 255, (1, H, W), uint8)`: 255 where the donor's share of the solids
    reaches the threshold, else 0. Row 0 lies under the free surface, the last row on the substrate; the frame
    spans the present thickness.

    With `"fields"` `Box(0, 1, (2, H, W), float32)`: the volume fractions of donor and acceptor.

    With `"dict"` `Dict(frame=..., state=Box(float32))`, whose state holds what sensors could measure:

    | entry | range | meaning |
    |---|---|---|
    | `solvent` | 0 to 1 | mean volume share of solvent in the film |
    | `thickness` | 0 to 3 | relative to the start |
    | `step_fraction` | 0 to 1 | steps made over `steps` |
    | each knob | -1 to 1 | its present setting, as an action |

    `sensors` names these entries, or others: `time` and `last_actions`, as for `DryingEnv`.

    ## Rewards
    0.0. Wrap it with `morphsim.LatentRewardWrapper` or your own reward.

    ## Starting state
    The film given as `start`, or a dry, mixed film of the recipe with noise from a seed drawn from the
    environment's generator. `reset(options={...})` takes, for one film, `film_seed`, `recipe` or `material`,
    and any parameter of the recipe by its name except `width` and `boundary`. With `randomize`, each episode
    draws a new film.

    ## Steps and episode end
    `steps` steps, equally spaced in the logarithm of time over the last factor of 200 of the recipe's
    duration, since coarsening is a power law; with `step_time_s`, equally spaced in time. Never terminated:
    annealing has no end state. Truncated after `steps` steps, or when the simulator can't advance the film
    (`info["diverged"]`, with a warning that names the film).

    ## Info
    `time_s`, `thickness_nm`, `temperature_K`, `drying_rate_nm_per_s` (thickness lost during the last step per
    s, below 0 for a film that swells), `ambient_vapour`, `solvent`, `step_fraction`, `film_seed`,
    `material` (empty for none), `boundary`, `diverged`.

    ## Arguments
    `recipe`: a `VapourAnnealingRecipe`, a dict of its parameters or a TOML file. `start`: the initial state
    of the film; None for a mixed film. See `morphsim.frames.read_start`: a `DryingRecipe` (or a dict or TOML
    file of one), whose film is dried first; a frame file, as FILE or FILE:ROW; a file of fields; or fields
    (2, H, W). What the film is holds in any case: width, boundary, blend ratio, solvent and solids; other
    known parameters of the source apply unless `recipe` overrides them. `material`: one with a solvent.
    `step_time_s`: [s] makes steps of equal physical time; the recipe's duration then has no effect. `steps`,
    `shape`, `cells`, `knobs`, `ranges`, `randomize`, `observation`, `sensors`, `units`, `threshold`,
    `tolerance`, `device` and `render_mode`, as for `DryingEnv`.

    ## Planning
    `env.unwrapped.get_state()` copies the complete state, `set_state(state)` restores it bit for bit.

    ## Version history
    v0: first version.

    >>> import gymnasium as gym
    >>> env = gym.make("morphsim:morphsim/VapourAnnealing-v0", shape=(32, 128), recipe={"duration": 50.0})
    >>> frame, info = env.reset(seed=1)
    >>> info["solvent"] < 0.2
    True
    """

    def __init__(self, *, render_mode: str | None = None, **arguments: Unpack[FilmArguments]) -> None:
        super().__init__(
            film_settings("vapour-annealing", **checked_arguments("VapourAnnealingEnv", arguments)),
            render_mode=render_mode,
        )


class VectorVapourAnnealingEnv(VectorFilmEnv):
    """`morphsim/VapourAnnealing-v0` for many films at once. For arguments see `VapourAnnealingEnv`."""

    single = VapourAnnealingEnv
