"""Renders the cards in docs/tasks.md, one for each task, with films in docs/tasks.

    python benchmarks/_task_cards.py [--page-only]

A film follows the actions that made the task's target `columns`, on that target's material, with new noise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from _harness import exit_status
from _run_all import FOLDER
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from morphsim._commandline import parse
from morphsim.files import write_text
from morphsim.frames.pictures.movie_files import write_movie
from morphsim.frames.pictures.quantity import ACCEPTOR, DONOR, QUANTITIES, WHITE, grey, palette
from morphsim.frames.pictures.title_bar import font_of
from morphsim.tasks import SPLITS, TASKS, Task, film_environment, load_targets

PAGE = FOLDER.parent / "docs" / "tasks.md"
PICTURES = PAGE.parent / "tasks"
BEGIN, END = "<!-- cards -->\n", "<!-- end of cards -->"
GOAL = "columns"
SEED = 70_000_000
_UNITS = {"evaporation": "Biot number, logarithmic", "ambient_vapour": "solvent share", "temperature": "K"}
_MEANINGS = {
    "dryness": "evaporated share of the solvent that must leave",
    "drying_rate": "common logarithm of the dryness gained per unit of time in the last step",
    "time": "log(1 + t) over that of the recipe's duration",
    "step_fraction": "steps made over the largest number",
    "solvent": "mean volume share of solvent",
    "thickness": "relative to the start",
    "last_action": "the last action, 0 before the first step",
}
_MARGIN, _TITLE, _HOLD = 6, 20, 8


@dataclass(frozen=True, kw_only=True)
class Options:
    """Render the cards of tasks."""

    page_only: bool = False
    """Keep the films."""


def page(text: str) -> str:
    """The page with its cards made anew."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}{''.join(map(card, TASKS.values()))}\n{END}{after}"


def card(task: Task) -> str:
    """The section of a task."""
    film = film_environment(task)
    targets = load_targets(task)
    counts = [f"{len(targets.rows(split))} {split}" for split in SPLITS[:-1]]
    goals = ", ".join(f"`{targets.names[row]}`" for row in targets.rows("goals"))
    knobs = [f"`{k.name}` {k.low:g} to {k.high:g} ({_UNITS[k.name]})" for k in film.panel.knobs]
    # The latents have the size of the task's encoder, on both sides of the state.
    state = len(film.state_names)
    env = gym.make(task.id)
    (total,) = env.observation_space.shape  # type: ignore[misc]
    steps = "always" if task.process != "drying" else "at most; the film's drying ends an episode earlier"
    rows = [
        ("make", f'`gym.make("{task.id}")`'),
        ("action", f"`{_short(env.action_space)}`: {', '.join(knobs)}"),
        (
            "observation",
            f"`Box(({total},), float32)`: {(total - state) // 2} latents of the frame, {state} numbers of "
            f"the process, {(total - state) // 2} latents of the target",
        ),
        ("hidden", ", ".join(_range(name, ends) for name, ends in task.hidden.items()) or "nothing"),
        ("drafts", f"{task.drafts:g}" if task.drafts else "none"),
        ("steps", f"{task.steps} {steps}"),
        ("reward threshold", f"{task.reward_threshold:g}"),
        ("targets", f"set `{task.targets}`: {', '.join(counts)}; by name {goals}"),
    ]
    low, high = film.observation_space["state"].low, film.observation_space["state"].high
    entries = [
        (f"`{name}`", f"{a:g} to {b:g}", _MEANINGS[name.partition(":")[0]])
        for name, a, b in zip(film.state_names, low, high, strict=True)
    ]
    return "\n".join(
        (
            f"\n### {task.name}\n",
            f"{task.summary[:1].upper()}{task.summary[1:]}.\n",
            f"![A film of {task.name} on its way to a target](tasks/{task.name}.gif)\n",
            _table(("", ""), rows),
            _table(("process", "range", "meaning"), entries),
        )
    )


def _short(space: Any) -> str:
    return f"Box({space.low.min():g}, {space.high.max():g}, {space.shape}, {space.dtype})"


def _range(name: str, ends: Sequence[float]) -> str:
    spread = ", evenly in the logarithm" if len(ends) > 2 else ""
    return f"`{name}` {min(ends):g} to {max(ends):g}{spread}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def draw(task: Task, path: Path) -> None:
    """Draw a film above the target whose actions it follows."""
    write_movie(iter(list(_pictures(task))), palette(QUANTITIES["frame"]), path, fps=4.0)


def _pictures(task: Task) -> Iterator[NDArray[np.uint8]]:
    env: Any = gym.make(task.id)
    targets = load_targets(task)
    row = targets.row(GOAL)
    options = {**targets.materials[row], "film_seed": SEED, "target": GOAL}
    _, info = env.reset(seed=SEED, options=options)
    actions, number, over = targets.actions[row], 0, False
    picture = _picture(env.unwrapped.frame, targets.frames[row], number, info)
    while not over:
        yield picture
        _, _, terminated, truncated, info = env.step(actions[min(number, len(actions) - 1)])
        number, over = number + 1, terminated or truncated
        picture = _picture(env.unwrapped.frame, targets.frames[row], number, info)
    for _ in range(_HOLD):
        yield picture


def _picture(
    frame: NDArray[np.uint8], target: NDArray[np.uint8], number: int, info: dict[str, Any]
) -> NDArray[np.uint8]:
    height, width = frame.shape
    image = Image.new("L", (width + 2 * _MARGIN, 2 * (height + _TITLE) + _MARGIN), WHITE)
    pen = ImageDraw.Draw(image)
    film = f"film after step {number}: {info['temperature_K']:.0f} K, distance {info['distance']:.2f}"
    for place, (text, shown) in enumerate(((film, frame), ("target", target))):
        top = place * (height + _TITLE)
        pen.text((_MARGIN, top + 3), text, font=font_of(12), fill=grey(0))
        colours = np.where(shown == 1, DONOR, ACCEPTOR).astype(np.uint8)
        image.paste(Image.fromarray(colours), (_MARGIN, top + _TITLE))
    return np.asarray(image)


def _work() -> int:
    options = parse(Options, sys.argv[1:], program="benchmarks/_task_cards.py")
    write_text(PAGE, page(PAGE.read_text(encoding="utf-8")))
    if not options.page_only:
        PICTURES.mkdir(exist_ok=True)
        for task in TASKS.values():
            draw(task, PICTURES / f"{task.name}.gif")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status("benchmarks/_task_cards.py", _work))
