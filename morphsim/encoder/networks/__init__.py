"""Networks by the name of their architecture: one module each, all with the interface of `base`.

A new architecture is a module with a `Network` and its `NetworkConfig`, and a line in `_CONFIGS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from morphsim.encoder.networks.autoencoder import Autoencoder, AutoencoderConfig
from morphsim.encoder.networks.base import Activation, Network, NetworkConfig
from morphsim.encoder.networks.cvae import CVAE, CVAEConfig
from morphsim.encoder.networks.split import Split, SplitConfig
from morphsim.errors import InputError
from morphsim.suggest import did_you_mean

_CONFIGS: tuple[type[NetworkConfig], ...] = (
    CVAEConfig,
    AutoencoderConfig,
    SplitConfig,
)

ARCHITECTURES: dict[str, type[NetworkConfig]] = {config.architecture: config for config in _CONFIGS}
"""The configuration of every architecture by its name; the first one is the default."""

DEFAULT_ARCHITECTURE = next(iter(ARCHITECTURES))


def find_architecture(name: object) -> type[NetworkConfig]:
    """Return the configuration of an architecture.

    Raises:
        InputError: there is no architecture of that name.
    """
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise InputError(f"architecture is {name!r}; {did_you_mean(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def parse_network(architecture: str, texts: Sequence[str]) -> NetworkConfig:
    """Read the sizes of a network from texts.

    Args:
        architecture: its name.
        texts: `NAME=VALUE` each, several numbers as `NAME=16,32`; all other sizes keep their defaults.

    Raises:
        InputError: an unknown name, a name given twice, or an impossible value.
    """
    kind = find_architecture(architecture)
    names = [field.name for field in fields(kind)]
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"network setting {text!r} is not NAME=VALUE")
        if name not in names:
            raise InputError(f"network {architecture} has no setting {name!r}; {did_you_mean(name, names)}")
        if name in values:
            raise InputError(f"network {name} is given twice; give it once")
        values[name] = _parse(name, value, hints[name])
    return kind(**values)


def _parse(name: str, text: str, hint: Any) -> Any:
    origin = get_origin(hint)
    if origin is tuple:
        return tuple(_parse(name, part, get_args(hint)[0]) for part in text.split(","))
    if origin is Literal:
        return text
    if isinstance(hint, UnionType):
        return None if text.lower() == "none" else _parse(name, text, get_args(hint)[0])
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise InputError(f"network {name} is {text!r}; it must be true or false")
        return text.lower() == "true"
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError as error:
            what = "whole number" if hint is int else "number"
            raise InputError(f"network {name} is {text!r}; it must be a {what}") from error
    return text


__all__ = [
    "ARCHITECTURES",
    "CVAE",
    "DEFAULT_ARCHITECTURE",
    "Activation",
    "Autoencoder",
    "AutoencoderConfig",
    "CVAEConfig",
    "Network",
    "NetworkConfig",
    "Split",
    "SplitConfig",
    "find_architecture",
    "parse_network",
]
