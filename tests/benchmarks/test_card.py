"""The model card says what the benchmark measured on the very weights that are shipped."""

from __future__ import annotations

import json

import pytest
from _card import CARD, ENCODER, card
from _run_all import RESULTS

from morphsim import load_encoder
from morphsim.errors import InputError


def test_the_card_is_of_the_shipped_encoder() -> None:
    result, config, metrics = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (RESULTS / "metric.json", ENCODER / "config.json", ENCODER / "metrics.json")
    )
    assert load_encoder("default", device="cpu").hash == result["results"]["encoder_hash"]
    assert CARD.read_text(encoding="utf-8") == card(result, config, metrics)
    for target in result["targets"]:
        assert target["holds"] or target["name"] in CARD.read_text(encoding="utf-8")
    result["results"]["encoder_hash"] = "another"
    with pytest.raises(InputError, match="another encoder"):
        card(result, config, metrics)
