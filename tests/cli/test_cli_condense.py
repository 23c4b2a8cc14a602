"""Whatever a command line has wrong is one plain line: no box, no markup, no name of a Python type."""

from __future__ import annotations

import pytest

from morphsim._commandline import condense, parse
from morphsim.cli import COMMANDS
from morphsim.errors import InputError


def said(line: str) -> str:
    name, *words = line.split()
    with pytest.raises(InputError) as caught:
        parse(COMMANDS[name].options(), words, program=f"morphsim {name}")
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # A value or all of them missing.
        ("simulate --shape 8", "--shape is '8'; it must be 2 whole numbers"),
        ("simulate --shape", "--shape is ''; it must be 2 whole numbers"),
        ("demo --shape 48 --rates", "--shape needs 2 values"),
        ("score f.h5 --target", "--target needs a value"),
        ("train-agent --target t --sac.tau", "--sac.tau needs a value"),
        ("import", "SOURCE and --out PATH must be given; see morphsim import --help"),
        # Not of the type.
        ("simulate --frames 1.5", "--frames is '1.5'; it must be a whole number"),
        ("train-encoder f.h5 --objective.kl many", "--objective.kl is 'many'; it must be a number"),
        ("simulate --shape 8 x", "--shape is '8 x'; it must be 2 whole numbers"),
        ("train-agent --target t --hidden a", "--hidden is 'a', which can't be read as numbers; see "),
        (
            "demo --rates 1 x",
            "--rates is '1 x', which can't be read as numbers; see morphsim demo --help",
        ),
        # Of several types, as what may be left out.
        ("train-agent --target t --shape 8", "--shape is '8'; it must be 2 whole numbers"),
        ("train-agent --target t --shape None 3", "--shape is 'None 3'; it must be 2 whole numbers"),
        ("dataset --out o --replicas x", "--replicas is 'x'; it must be a whole number"),
        ("import f --out o --threshold high", "--threshold is 'high'; it must be otsu, median or a number"),
        # A choice.
        (
            "train-encoder f.h5 --objective.miner some",
            "--objective.miner is 'some'; use one of all, semi-hard",
        ),
        ("tune-encoder f.h5 --search weather", "--search is 'weather'; use one of learning-rate, batch-size"),
        # Options that are none, and flags.
        (
            "train-encoder f.h5 --objective.tripet 3",
            "'--objective.tripet'; did you mean --objective.triplet?",
        ),
        ("train-encoder f.h5 --mirror maybe", "unknown option '--mirror'; did you mean --no-mirror?"),
        ("train-encoder f.h5 --objective", "unknown option '--objective'; did you mean --objective."),
        ("train-agent --target t --no-resume", "unknown option '--no-resume'; did you mean --resume?"),
        ("train-agent --target t --resume yes", "unknown option 'yes'"),
        # What the user wrote stays.
        ("train-agent --target t --shape [red]", "--shape is '[red]'; it must be 2 whole numbers"),
        (
            "train-agent --target t --algorithm [bold]x[/bold]",
            "--algorithm is '[bold]x[/bold]'; use one of ppo",
        ),
        (
            f"train-agent --target t --n-envs {'9' * 5000}",
            "--n-envs is a whole number of thousands of digits",
        ),
    ],
)
def test_what_is_wrong_is_one_plain_line(line: str, message: str) -> None:
    text = said(line)
    assert message in text and len(text) < 200
    assert not any(sign in text for sign in "\n│╭╮╰╯─`") and "Got errors" not in text and "typing" not in text
    assert "[bold]" not in text or "[bold]" in line


def test_markup_is_taken_out_of_what_is_not_known() -> None:
    box = "╭ Parsing error ╮\n│ Error parsing --x: a `[bold]INT INT[/bold]` of [a] │\n│ ──────── │\n╰──╯\n"
    assert condense(box, ["[a]"], program="morphsim") == "--x: a `INT INT` of [a]"
