"""Drying of a wet film, with evaporation, vapour and temperature as the action."""

from __future__ import annotations

from typing import Unpack

from morphsim.envs.arguments import FilmArguments, checked_arguments
from morphsim.envs.film import FilmEnv
from morphsim.envs.pace import PaceName
from morphsim.envs.settings import film_settings
from morphsim.envs.vector import VectorFilmEnv


class DryingEnv(FilmEnv):
    """`morphsim/Drying-v0`: a donor/acceptor/solvent film dries; the agent sets how.

    ## Action space
    `Box(-1, 1, (3,), float32)`, or fewer with `knobs`:

    | knob | from -1 to 1 | scale | unit |
    |---|---|---|---|
    | `evaporation` | 0.03 to 3 | logarithmic | Biot number at the reference temperature |
    | `ambient_vapour` | 0 to 0.6 | linear | solvent share in equilibrium with the vapour |
    | `temperature` | 288.15 to 338.15 | linear | K |

    With `material`, `evaporation` ranges from a tenth to ten times the material's own value.

    ## Observation space
    With `observation="frame"` `Box(0, 255, (1, H, W), uint8)`: 255 where the donor's share of the solids
    reaches the threshold, else 0. Row 0 lies under the free surface, the last row on the substrate; the frame
    spans the present thickness.

    With `"fields"` `Box(0, 1, (2, H, W), float32)`: the volume fractions of donor and acceptor.

    With `"dict"` `Dict(frame=..., state=Box(float32))`, whose state holds what sensors could measure:

    | entry | range | meaning |
    |---|---|---|
    | `dryness` | -1 to 1 | evaporated share of the solvent that must leave; below 0 the film has swollen |
    | `thickness` | 0 to 2 | relative to the start |
    | `step_fraction` | 0 to 1 | steps made over `limit` |
    | each knob | -1 to 1 | its present setting, as an action |

    `sensors` names these entries, or others: `time` (0 to 1, log(1 + t) over that of the recipe's duration),
    `drying_rate` (-5 to 2, common logarithm of the dryness gained per unit of time during the last step) and
    `last_actions` (-1 to 1, that of each knob; 0 before the first step).

    ## Rewards
    0.0. Wrap it with `morphsim.LatentRewardWrapper` or your own reward.

    ## Starting state
    A mixed film of the recipe, with noise from a seed drawn from the environment's generator.
    `reset(options={...})` takes, for one film, `film_seed`, `recipe` or `material`, and any parameter of the
    recipe by its name (`blend_ratio`, `initial_thickness`, `solvent`, `substrate_strength`, ...) except
    `width` and `boundary`. With `randomize`, each episode draws a new film.

    ## Steps and episode end
    Each step ends when the dryness reaches the next multiple of 1/`steps`, or after the time `longest_step`;
    with `step_time_s`, after that time. With a `pace`, steps end at its drynesses instead: `"deciding"` has
    0.45, 0.5, 0.55, ... 0.85 and 1, since the pattern of the default recipe is decided in between. The
    actions therefore affect the number of steps, and the metadata entry `agent_sets_length` is True.
    Terminated when the film is dry; truncated, still wet, after `limit` steps, or when the simulator can't
    advance the film (`info["diverged"]`, with a warning that names it). With `finish`, vapour can't hold a
    film for ever: the last step that the limit allows dries it to its end in dry air, with
    `ambient_vapour` 0 whatever the action.

    ## Info
    `time_s`, `thickness_nm`, `temperature_K`, `evaporation_nm_per_s` (of pure solvent at the present
    temperature), `drying_rate_nm_per_s` (thickness lost during the last step per s), `ambient_vapour`,
    `dryness`, `dry`, `step_fraction`, `film_seed`, `material` (empty
    for none), `boundary`, `diverged`.

    ## Arguments
    `recipe`: a `DryingRecipe`, a dict of its parameters or a TOML file. `start`: the initial state of the
    film, see `morphsim.frames.read_start`; None for a mixed film. `material`: a name of
    `morphsim.simulator.materials`, whose recipe and units are used; a dict `recipe` then overrides
    parameters. `shape`: (H, W) pixels. `cells`: (h, w), the solver's grid, by default that of the process for
    this shape. `steps`: steps of an episode in which the film dries without delay.
    `limit`: largest number of steps, by default twice `steps`, or `steps` with `step_time_s`. `longest_step`:
    [h0²/D_s], by default a twentieth of the recipe's duration. `pace`: "even", "deciding", or the increasing
    drynesses at which steps end, the last 1; `steps` is their number and can't be given as well. `finish`:
    whether the last step dries the film, which may take its recipe's duration. `step_time_s`: step length in
    physical time [s] instead of dryness. `drafts`: standard deviation of the logarithm of a factor on the
    evaporation, which wanders from step to step (see `morphsim.envs.drafts`) and which no observation shows.
    `knobs`: names of the knobs in the action, in this order; the others keep the recipe's values. A `Knob` in
    place of a name may limit how fast the knob follows the action and how often it may change. `ranges`:
    (low, high) by knob, instead of the defaults. `randomize`: True for the ranges of
    `morphsim.envs.randomize.default_ranges`, or a dict that gives for each parameter two numbers (low, high)
    or a list of at least three numbers, or of texts, to choose from; `material` takes a list of names.
    `observation`: "frame", "fields" or "dict". `sensors`: entries of the state of "dict". `units`: scales of
    `info`. `threshold`: smallest donor share of a donor pixel. `tolerance`: error of the simulator per step.
    `device`: "auto", "cpu" or "cuda". `render_mode`: None, "rgb_array", or "human" for a window.

    ## Planning
    `env.unwrapped.get_state()` copies the complete state, `set_state(state)` restores it bit for bit.

    ## Version history
    v0: first version.

    >>> import gymnasium as gym
    >>> env = gym.make("morphsim:morphsim/Drying-v0", shape=(32, 128), knobs=["evaporation"])
    >>> frame, info = env.reset(seed=1, options={"blend_ratio": 0.4})
    >>> state = env.unwrapped.get_state()
    >>> frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
    >>> frame, info = env.unwrapped.set_state(state)
    >>> info["dryness"]
    0.0
    """

    def __init__(
        self,
        *,
        limit: int | None = None,
        longest_step: float | None = None,
        pace: PaceName = "even",
        finish: bool = False,
        render_mode: str | None = None,
        **arguments: Unpack[FilmArguments],
    ) -> None:
        settings = film_settings(
            "drying",
            limit=limit,
            longest_step=longest_step,
            pace=pace,
            finish=finish,
            **checked_arguments("DryingEnv", arguments),
        )
        super().__init__(settings, render_mode=render_mode)


class VectorDryingEnv(VectorFilmEnv):
    """`morphsim/Drying-v0` for many films at once. For arguments and spaces see `DryingEnv`.

    >>> import gymnasium as gym
    >>> envs = gym.make_vec("morphsim:morphsim/Drying-v0", num_envs=2, shape=(32, 128))
    >>> frames, infos = envs.reset(seed=1)
    >>> frames.shape
    (2, 1, 32, 128)
    """

    single = DryingEnv
