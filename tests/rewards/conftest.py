"""Fixtures of the tests of rewards."""

from __future__ import annotations

from typing import Any

import pytest

from morphsim.encoder import Encoder


@pytest.fixture
def encoded_counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of frames in each call of an encoder."""
    counts: list[int] = []
    code = Encoder.code

    def counting(self: Encoder, frames: Any, **options: Any) -> Any:
        counts.append(len(frames))
        return code(self, frames, **options)

    monkeypatch.setattr(Encoder, "code", counting)
    return counts
