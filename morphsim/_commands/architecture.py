"""The option `--architecture`, whose choices are the registered architectures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from tyro.conf import arg

from morphsim.encoder.networks import ARCHITECTURES, DEFAULT_ARCHITECTURE


def _choices() -> Any:
    return Literal[tuple(ARCHITECTURES)]


Architecture = Annotated[
    str,
    arg(
        constructor_factory=_choices,
        help=f"The kind of network: {'; '.join(f'{n}, {c.summary}' for n, c in ARCHITECTURES.items())}.",
        help_behavior_hint=f"(default: {DEFAULT_ARCHITECTURE})",
    ),
]
"""A name of `ARCHITECTURES`, as it is when the command line is read."""
