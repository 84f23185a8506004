from __future__ import annotations

from huleedu_streams.runtime.standstill import Standstill


def test_process_that_ticks_does_not_stand_still() -> None:
    found: list[float] = []
    moments = iter([0.0, 0.0, 6.9, 6.9, 13.8, 13.8, 20.7, 20.7])
    standstill = Standstill(7, found.append, lambda: next(moments))

    for _ in range(3):
        standstill.tick()

    assert found == []


def test_pause_longer_than_the_limit_is_found_by_whoever_comes_first() -> None:
    found: list[float] = []
    moments = [0.0]
    standstill = Standstill(7, found.append, lambda: moments[0])
    moments[0] = 12.0

    standstill.look()
    standstill.tick()
    standstill.look()

    assert found == [12.0, 12.0], "the look and the tick; from the tick on it runs again"
