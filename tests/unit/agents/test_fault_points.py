from __future__ import annotations

import pytest

from huleedu_streams.agents.fault_points import fault_points
from huleedu_streams.errors import SettingsError


def test_stall_happens_at_the_named_pass_and_once() -> None:
    stalls: list[str] = []
    reached = fault_points(["before-ack@2:stall"], lambda: stalls.append("stalled"))

    seen = []
    for point in ("after-send", "before-ack", "before-ack", "before-ack"):
        reached(point)
        seen.append(len(stalls))

    assert seen == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "spec", ["after-lunch", "before-ack@0", "before-ack@x", "before-ack:sleep", "@3"]
)
def test_wrong_fault_point_is_refused_with_its_own_words(spec: str) -> None:
    with pytest.raises(SettingsError, match=f"wrong fault point {spec}: "):
        fault_points([spec], lambda: None)
