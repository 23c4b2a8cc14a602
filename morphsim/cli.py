"""The command `morphsim`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from morphsim._commandline import Command, complain, parse, show
from morphsim._surroundings import signals_interrupt, use_writable_caches, write_any_character
from morphsim._version import __version__
from morphsim.errors import FrameWarning, InputError, MachineError, ResolutionWarning
from morphsim.suggest import did_you_mean
from morphsim.system_errors import explain

COMMANDS = {
    "simulate": Command("simulate", "simulate one film: frames, a movie and a strip of images"),
    "phase-diagram": Command("phase_diagram", "draw the phase diagram of a blend with the path of its film"),
    "dataset": Command("dataset", "simulate many films over a grid of recipes; can be resumed"),
    "import": Command("import_frames", "convert text, images, arrays or HDF5 into one file of frames"),
    "train-encoder": Command("train_encoder", "train an encoder on a file of frames"),
    "evaluate-encoder": Command("evaluate_encoder", "evaluate an encoder beside baselines, on unseen films"),
    "tune-encoder": Command("tune_encoder", "search the options of an encoder by many short trainings"),
    "score": Command("score", "compute the distance of frames from a target morphology"),
    "train-agent": Command("train_agent", "train an agent to steer films towards a target"),
    "evaluate-agent": Command("evaluate_agent", "compare an agent with baselines on new films"),
    "steer": Command("steer", "let an agent steer a film to a target: recipe, schedule and picture"),
    "optimise-recipe": Command("optimise_recipe", "search the knobs whose films come nearest to a target"),
    "record-episodes": Command("record_episodes", "record episodes of a task as a data set of Minari"),
    "demo": Command("demo", "run the whole workflow once, in minutes, and show it on a page"),
}
"""All commands, in the order of a typical workflow."""

_BAD_INPUT = 2
_INTERRUPTED = 130
_BROKEN_PIPE = 141
# Plus the number of the signal, as a shell reports it.
_SIGNAL = 128


def main(argv: Sequence[str] | None = None) -> int:
    """Run `morphsim`.

    Args:
        argv: the words after `morphsim`; None for those of the process.

    Returns:
        The exit status: 0, 1 for a run that failed with valid input, 2 for bad input, 130 if it was
        interrupted, 143 if it was terminated. Every error is one line on stderr.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    program = " ".join(["morphsim", *words[:1]])
    write_any_character()
    use_writable_caches()
    try:
        with signals_interrupt() as received:
            status = _run(words)
            sys.stdout.flush()
    except KeyboardInterrupt as stop:
        complain(program, stop if stop.args else "interrupted")
        return _SIGNAL + received[0] if received else _INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does.
        _close_stdout()
        return _BROKEN_PIPE
    except OSError as error:
        refused = explain(error, "standard output")
        if error.filename is not None or refused is None:
            raise
        complain(program, refused)
        _close_stdout()
        return 1
    return status


def _close_stdout() -> None:
    """Redirect stdout to nothing, or Python would report the error again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: list[str]) -> int:
    name, *rest = words or [""]
    if name in ("-h", "--help"):
        show(_help())
        return 0
    if name == "--version":
        show(f"morphsim {__version__}")
        return 0
    if name not in COMMANDS:
        found = f"{name!r} is not a command" if name else "a command is missing"
        hint = did_you_mean(name, COMMANDS)
        complain("morphsim", f"{found}; {hint}{'' if hint.endswith('?') else ', or --help'}")
        return _BAD_INPUT
    program = f"morphsim {name}"
    kind = COMMANDS[name].options(rest)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, program, warnings.showwarning)
            parse(kind, rest, program=program).run()
    except SystemExit as end:
        return int(end.code or 0)
    except InputError as error:
        complain(program, error)
        return _BAD_INPUT
    except kind.failures as error:
        complain(program, error)
        return 1
    except BrokenPipeError:
        raise
    except MachineError as error:
        complain(program, error)
        return 1
    except OSError as error:
        # The system refuses a path: no permission, no space, or a file instead of a folder.
        refused = None if error.filename is None else explain(error, error.filename)
        if refused is None:
            raise
        complain(program, refused)
        return _BAD_INPUT if isinstance(refused, InputError) else 1
    return 0


def _show_warning(
    program: str,
    usual: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    *place: Any,
    **line: Any,
) -> None:
    """Show warnings about the input as one line on stderr, and other warnings as usual."""
    if issubclass(category, FrameWarning | ResolutionWarning):
        complain(program, f"warning: {message}")
    else:
        usual(message, category, *place, **line)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: morphsim COMMAND [OPTIONS]",
            "",
            "Steer the morphology of organic thin films.",
            "",
            "commands:",
            *lines,
            "",
            "options:",
            "  -h, --help  show this help; `morphsim COMMAND --help` shows that of a command",
            "  --version   show the version",
        ]
    )
