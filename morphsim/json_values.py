"""Values that JSON can hold."""

from __future__ import annotations

import math
from typing import Any


def json_values(value: Any) -> Any:
    """Replace NaN and infinity by None, in lists, tuples and dicts too."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: json_values(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(item) for item in value]
    return value
