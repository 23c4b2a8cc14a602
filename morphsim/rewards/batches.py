"""Actions or observations of several environments as one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np


def batch_of(space: gym.Space[Any], items: Sequence[Any]) -> Any:
    """Put B actions or observations together, as vector environments do.

    Args:
        space: of each of them.
        items: B actions or observations.

    Returns:
        An array (B, ...); a dict or tuple of such; a tuple of the items of any other space.
    """
    if isinstance(space, gym.spaces.Dict):
        return {key: batch_of(part, [item[key] for item in items]) for key, part in space.spaces.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(batch_of(part, [item[at] for item in items]) for at, part in enumerate(space.spaces))
    if space.shape is None or space.dtype is None:
        return tuple(items)
    return np.stack([np.asarray(item, space.dtype) for item in items])
