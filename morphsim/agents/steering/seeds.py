"""Seeds of the films around a contest: each purpose has a range of its own.

Targets have those from 40 and 50 million on, libraries those from 60 million on, and training those above
2^31.
"""

from __future__ import annotations

from morphsim.checks import check_whole

CONTEST = 70_000_000
"""Films by which policies are compared."""
OWN = 80_000_000
"""Repeats of the targets' own schedules."""
RANDOM = 90_000_000
"""Films of random schedules, which stand for chance."""
CONSTANTS = 95_000_000
"""Films of constant schedules on the nominal material."""
CONSTANTS_ON_MATERIAL = 96_000_000
"""Films of constant schedules on the material of a target."""
REPEATS = 97_000_000
"""Repeats of a library's films."""
NOMINAL = 98_000_000
"""Films of schedules on the nominal material, for the trajectory that is expected."""
SEARCH = 100_000_000
"""Films that searches make."""
MOST_FILMS = 1000
"""Largest number of films of a target, for each purpose."""
_MOST_SEARCHED = 10_000


def film_seed(base: int, row: int, film: int) -> int:
    """The seed of a film of a target.

    Args:
        base: that of the purpose.
        row: number of the target in its set.
        film: number of the film, from 0.

    Raises:
        InputError: there are too many films.
    """
    check_whole("the number of a target's film", film, 0, MOST_FILMS - 1)
    return base + row * MOST_FILMS + film


def search_seed(search: int, film: int) -> int:
    """The seed of a film of a search.

    Args:
        search: number of the search, from 0.
        film: number of its film, from 0.
    """
    check_whole("the number of a search's film", film, 0, _MOST_SEARCHED - 1)
    return SEARCH + search * _MOST_SEARCHED + film
