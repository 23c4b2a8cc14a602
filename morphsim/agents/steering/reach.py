"""Which targets are within reach of constant recipes, whatever is known."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.steering.baselines import constant_schedules
from morphsim.agents.steering.contest import Contest
from morphsim.agents.steering.references import last_frames
from morphsim.agents.steering.seeds import CONSTANTS_ON_MATERIAL, MOST_FILMS, film_seed
from morphsim.checks import check_whole
from morphsim.similarity.regret import regret
from morphsim.tasks import Film, load_targets, make_films


def constant_regret(contest: Contest, *, constants: int = 40) -> NDArray[np.float64]:
    """The regret by the ruler of the best constant recipe on each target's own material, (T,).

    It is the smallest over one film of each recipe, so it flatters constant recipes: a target that is out of
    reach by it needs a schedule. Targets of the same material share their films.

    Args:
        contest: holds the targets.
        constants: number of constant recipes.

    Raises:
        InputError: a film could not be made.
    """
    check_whole("constants", constants, 1, MOST_FILMS)
    task, references = contest.task, contest.references
    materials = [load_targets(task).materials[row] for row in contest.rows]
    distinct = [number for number, each in enumerate(materials) if each not in materials[:number]]
    films = [
        Film(seed=seed, noise=seed, actions=actions, options=materials[number])
        for number in distinct
        for film, actions in enumerate(constant_schedules(task, constants))
        for seed in [film_seed(CONSTANTS_ON_MATERIAL, int(contest.rows[number]), film)]
    ]
    made = make_films(
        dataclasses.replace(task, drafts=0.0),
        films,
        workers=contest.workers,
        show_progress=contest.show_progress,
    )
    apart = contest.distances(last_frames(made)).ruler.reshape(len(distinct), constants, -1)
    nearest = apart.min(axis=1)
    found = np.array(
        [nearest[distinct.index(materials.index(each)), target] for target, each in enumerate(materials)]
    )
    return regret(found, np.median(references.own.ruler, axis=1), np.median(references.random.ruler, axis=1))
