"""Fixtures of the tests of rewards."""

from __future__ import annotations

from typing import Any

import pytest

from morphsim.encoder import Encoder


@pytest.fixture
def encoded_counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of frames in each call of an encoder."""
    counts: list[int] = []
    encode_all = Encoder.encode_all

    def counting(self: Encoder, frames: Any, **options: Any) -> Any:
        counts.append(len(frames))
        return encode_all(self, frames, **options)

    monkeypatch.setattr(Encoder, "encode_all", counting)
    return counts
