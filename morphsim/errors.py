"""The errors that tell a user what to do."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave can't be used: the message names the value and how to fix it.

    The commands print it as one line and end with status 2.
    """


class MachineError(RuntimeError):
    """The machine can't do what was asked, though the input is good: a full disk, a file in use.

    The message names the file and says what to do. The commands print it as one line and end with status 1.
    """


class FrameWarning(UserWarning):
    """Frames were read, and may not show what was meant: one phase alone, a colour map.

    The commands print it as one line on stderr.
    """
