"""The errors that tell a user what to mend."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave can't be used: the message names the value and the mend.

    The commands print it as one line and end with status 2; everything else that is raised is a bug.
    """
