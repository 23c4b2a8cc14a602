"""Suggestions for unknown names: similar names, or all names if there are few."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_LISTED = 12
_MOST_SIMILAR = 3


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of an error message about an unknown name.

    Args:
        name: the unknown name; a value that is not a string has no similar names.
        known: the valid names.

    >>> did_you_mean("ch", ["chi", "kappa", "width"])
    "did you mean 'chi'?"
    >>> did_you_mean("colour", ["chi", "kappa", "width"])
    'use one of chi, kappa, width'
    """
    # Names are compared without regard to case, hyphens and blanks.
    names = list(known)
    plain = {_plain(entry): entry for entry in names}
    close = difflib.get_close_matches(_plain(name), plain, n=_MOST_SIMILAR) if isinstance(name, str) else []
    if close:
        *others, last = [repr(plain[entry]) for entry in close]
        return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"
    if not names:
        return "there is none"
    if len(names) <= _MOST_LISTED:
        return f"use one of {', '.join(names)}"
    return f"use one of {', '.join(names[:_MOST_LISTED])} and {len(names) - _MOST_LISTED} more, see the docs"


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")
