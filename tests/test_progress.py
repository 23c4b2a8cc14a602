"""The rate and the time left that a run shows."""

from __future__ import annotations

import pytest

from morphsim import progress as shown


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shown, "time", clock)
    return clock


def test_the_time_before_the_first_unit_is_no_part_of_the_rate(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown.progress("making", 11, unit="frames") as advance:
        clock.now = 40.0
        advance()
        for _ in range(5):
            clock.now += 1.0
            advance(0, note="still there")
            advance()
        clock.now += 20.0
    first, last = capsys.readouterr().err.splitlines()
    assert first == "making: 1/11 frames, time left unknown"
    assert last == "making: 6/11 frames, 1 frames/s, 5 s left"


def test_units_of_an_earlier_run_do_not_count(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with shown.progress("making", 100, unit="frames", done=90) as advance:
        clock.now = 30.0
        advance(2)
        clock.now = 34.0
        advance(4)
    assert capsys.readouterr().err.splitlines()[-1] == "making: 96/100 frames, 1 frames/s, 4 s left"


def test_a_rate_needs_two_advances(clock: Clock) -> None:
    pace = shown._Rate()
    clock.now = 40.0
    pace.advance(1)
    assert pace.per_second() is None
    clock.now = 41.0
    pace.advance(2)
    assert pace.per_second() == pytest.approx(2.0)


def test_what_is_done_at_once_has_no_rate(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with shown.progress("making", 1, unit="frames") as advance:
        clock.now = 40.0
        advance()
    assert capsys.readouterr().err == "making: 1/1 frames\n"
