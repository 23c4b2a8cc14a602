"""Shared code of the commands: options from dataclasses, one-line errors, results as text or JSON."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import Any, ClassVar, Protocol, TypeVar

from morphsim.errors import InputError
from morphsim.json_values import json_values

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = "│╭╮╰╯"
_RULE = re.compile(r"\s*(─{4,}|-{4,})")
_BAD_CHOICE = re.compile(
    r"invalid choice (?P<value>.*) for argument '(?P<name>[^']*)'\. Expected one of \((?P<choices>.*)\)\.",
    re.DOTALL,
)
_BAD_NUMBER = re.compile(
    r"(?P<name>\S+): (invalid literal for (?P<int>int)\(\) with base 10|"
    r"could not convert string to float): (?P<value>.*)",
    re.DOTALL,
)
# A union of types, as for an optional number: `{None}|{INT INT}`.
_NO_TYPE = re.compile(
    r"(?P<name>\S+): no type matching (?P<types>.*) could be instantiated from\s+(?P<values>\[.*?\])\. Got "
    r"errors:.*",
    re.DOTALL,
)
_BAD_TUPLE = re.compile(
    r"(?P<name>\S+): Could not parse arguments (?P<values>\[.*\]) into tuple type "
    r"typing\.Tuple\[(?P<types>.*)\]",
    re.DOTALL,
)
_BAD_LIST = re.compile(
    r"(?P<name>\S+): Could not find valid parse for arguments: (?P<values>\[.*\])", re.DOTALL
)
_TOO_LONG = re.compile(r"(?P<name>\S+): Exceeds the limit \(\d+ digits\).*", re.DOTALL)
_TOO_FEW = re.compile(r"Missing value for argument '(?P<name>[^']*)'\. Expected (?P<count>\d+) values\.")
_MARKUP = re.compile(r"\[/?[a-z_ ]+\]")
_WORDS = {"INT": "whole number", "FLOAT": "number", "int": "whole number", "float": "number", "PATH": "path"}

T = TypeVar("T")


class Options(Protocol):
    """The options of a command: a dataclass whose fields tyro turns into a command line."""

    failures: ClassVar[tuple[type[Exception], ...]]
    """Errors that may occur with valid input; they end the command with one line and status 1."""

    def run(self) -> None:
        """Run the command and print the results on stdout."""


@dataclass(frozen=True)
class Command:
    """A command, given by the module of its class `Options`, which is imported only when it is used.

    Attributes:
        module: name of the module in `morphsim._commands`.
        summary: one line for `morphsim --help`.
    """

    module: str
    summary: str

    def options(self, words: Sequence[str] = ()) -> type[Options]:
        """Import the options of the command.

        Args:
            words: after the command; a command with very different uses chooses its options by them.
        """
        module = import_module(f"morphsim._commands.{self.module}")
        chosen: type[Options] = (
            module.options_for(words) if hasattr(module, "options_for") else module.Options
        )
        return chosen


def parse(kind: type[T], arguments: Sequence[str], *, program: str) -> T:
    """Read a command line into a dataclass.

    Args:
        kind: the dataclass.
        arguments: the words after the command.
        program: name of the command, for its help.

    Raises:
        InputError: one line that names the unknown option, the bad value or the missing option.
        SystemExit: the help was requested and printed.
    """
    import tyro

    words = _joined_lists(kind, arguments)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, args=words, prog=program, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as end:
        if not end.code:
            raise
        raise InputError(condense(said.getvalue(), words, program=program)) from None


def condense(text: str, words: Iterable[str], *, program: str) -> str:
    """Condense the box in which tyro prints an error, with or without a frame, to one line.

    Args:
        text: the box.
        words: words of the command line, to rejoin words that the box has wrapped.
        program: name of the command.
    """
    words = tuple(words)
    # The first line is the title of the box.
    sections: list[list[str]] = [[]]
    for raw in _ESCAPES.sub("", text).splitlines()[1:]:
        line = raw.strip(_FRAME).rstrip()
        if _RULE.fullmatch(line):
            sections.append([])
        elif line:
            sections[-1].append(line)
    boxed = len(sections) > 1
    sections = [section for section in sections if section]
    if not boxed or not sections:
        return f"{' '.join(text.split())}; see {program} --help"
    first = sections[0]
    message = _unwrapped(first, words)
    if message.startswith("Missing from "):
        # A missing option is above its explanation, which is indented further.
        names = [line.strip() for line in first[1:] if _indent(line) == _indent(first[1])]
        return f"{' and '.join(names)} must be given; see {program} --help"
    if message.startswith("Unrecognized options: "):
        unknown = message.removeprefix("Unrecognized options: ").split(", ")[0]
        hint = f"see {program} --help"
        if len(sections) > 1 and len(sections[1]) > 1 and "Perhaps you meant" in sections[1][0]:
            hint = f"did you mean {sections[1][1].split()[0]}?"
        return f"unknown option {unknown!r}; {hint}"
    if match := _BAD_CHOICE.fullmatch(message):
        choices = ", ".join(text for text in re.findall("'([^']*)'", match["choices"]) if text != "None")
        return f"{match['name']} is {match['value']}; use one of {choices}"
    return _bad_value(message.removeprefix("Error parsing "), words, program)


def _bad_value(message: str, words: Sequence[str], program: str) -> str:
    """Name the value that can't be parsed and what it must be."""
    if match := _BAD_NUMBER.fullmatch(message):
        kind = "whole number" if match["int"] else "number"
        return f"{match['name']} is {match['value']}; it must be a {kind}"
    if match := _NO_TYPE.fullmatch(message):
        return f"{match['name']} is {_given(match['values'])}; it must be {_wanted(match['types'])}"
    if match := _BAD_TUPLE.fullmatch(message):
        return f"{match['name']} is {_given(match['values'])}; it must be {_kind(match['types'].split(', '))}"
    if match := _BAD_LIST.fullmatch(message):
        given = _given(match["values"])
        return f"{match['name']} is {given}, which can't be read as numbers; see {program} --help"
    if match := _TOO_LONG.fullmatch(message):
        return f"{match['name']} is a whole number of thousands of digits; give a smaller one"
    if match := _TOO_FEW.fullmatch(message):
        count = int(match["count"])
        return f"{match['name']} needs {count} values" if count > 1 else f"{match['name']} needs a value"
    # An error of a nested configuration begins with its own name.
    message = re.sub(r"^(\w+): (?=\1[ .])", "", message)
    # The words of the user stay as they are, even if they look like markup.
    return _MARKUP.sub(lambda tag: tag[0] if any(tag[0] in word for word in words) else "", message)


def _wanted(types: str) -> str:
    """One of several types, such as `{None}|{INT INT}` or `{None,otsu}|FLOAT`, in words."""
    wanted: list[str] = []
    for braced, plain in re.findall(r"\{([^{}]*)\}|([^{}|]+)", types):
        # Words in capitals are types, others are choices.
        names = braced.split(",") if braced else [plain]
        wanted += [
            name if name.islower() else _kind(name.split()) for name in names if name not in ("None", "|")
        ]
    return " or ".join(filter(None, (", ".join(wanted[:-1]), wanted[-1])))


def _kind(types: Sequence[str]) -> str:
    name = _WORDS.get(types[0], types[0])
    return f"a {name}" if len(types) == 1 else f"{len(types)} {name}s"


def _given(values: str) -> str:
    """The words of a printed Python list, as they were given."""
    try:
        return repr(" ".join(ast.literal_eval(values)))
    except (ValueError, SyntaxError):
        return values


def only(kind: type[T], options: object) -> T:
    """Build the configuration `kind` from the options of the same names."""
    assert is_dataclass(kind)
    return kind(**{entry.name: getattr(options, entry.name) for entry in fields(kind)})


def show_json(value: object) -> None:
    """Print a result as JSON on stdout; NaN and infinity become null."""
    print(json.dumps(json_values(value), allow_nan=False, indent=2))  # noqa: T201


def show(text: str) -> None:
    """Print a result on stdout."""
    print(text)  # noqa: T201


def complain(program: str, message: object) -> None:
    """Print an error as one line on stderr, unless stderr is closed."""
    with contextlib.suppress(OSError):
        print(f"{program}: {' '.join(str(message).split())}", file=sys.stderr, flush=True)  # noqa: T201


def _joined_lists(kind: type[Any], arguments: Sequence[str]) -> list[str]:
    """Join `--set a=1 --set b=2` into `--set a=1 b=2`, since tyro would keep only the last one."""
    lists = {_option(entry.name) for entry in fields(kind) if str(entry.type).endswith(", ...]")}
    kept: list[str] = []
    values: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in arguments:
        text, equals, value = word.partition("=")
        name = _option(text.removeprefix("--")) if text.startswith("--") else text
        if name in lists:
            current = values.setdefault(name, [])
            current += [value] if equals else []
        elif word.startswith("-") or current is None:
            current = None
            kept.append(word)
        else:
            current.append(word)
    return [*kept, *(word for name, texts in values.items() for word in (name, *texts))]


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _unwrapped(lines: Sequence[str], words: Sequence[str]) -> str:
    text = ""
    for line in map(str.strip, lines):
        broken = text.rsplit(" ", 1)[-1] + line.split(" ", 1)[0]
        whole = any(broken.strip("'\",.") in word for word in words)
        text += line if whole or not text else f" {line}"
    return text


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
