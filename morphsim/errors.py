"""Errors and warnings for the user."""

from __future__ import annotations


class InputError(ValueError):
    """Invalid input: the message names the value and how to fix it.

    The commands print it as one line and end with status 2.
    """


class MachineError(RuntimeError):
    """The machine can't do what was asked although the input is valid: a full disk, a file in use.

    The message names the file and says what to do. The commands print it as one line and end with status 1.
    """


class FrameWarning(UserWarning):
    """Frames were read but may not be what was meant, for example a single phase or a colour map.

    The commands print it as one line on stderr.
    """


class ResolutionWarning(UserWarning):
    """The solver's cells are too coarse for the interfaces of a film, so that its pattern depends on them.

    The message names the parameters and the values that mend it. The commands print it as one line on stderr.
    """
