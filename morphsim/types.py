"""Types that every room of the package uses."""

from __future__ import annotations

from typing import Literal

Boundary = Literal["periodic", "no-flux"]
"""What happens at the left and right end of a film."""
