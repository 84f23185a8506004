from __future__ import annotations

import pytest

from huleedu_streams.spelling.edits import cost, edits


@pytest.mark.parametrize(
    ("written", "meant", "kinds"),
    [
        ("skola", "skola", ()),
        ("skolla", "skola", ("doubled",)),
        ("gamal", "gammal", ("undoubled",)),
        ("trädgard", "trädgård", ("accent",)),
        ("ungdomer", "ungdomar", ("vowel",)),
        ("rigtigt", "riktigt", ("alike",)),
        ("sukhus", "sjukhus", ("missing",)),
        ("klädder", "kläder", ("doubled",)),
        ("lungt", "lugnt", ("swapped",)),
        ("äta", "mäta", ("missing", "first")),
        ("nam", "namn", ("missing", "last")),
        ("хадил", "ходил", ("vowel",)),
    ],
)
def test_kinds_of_edits_are_told_apart(written: str, meant: str, kinds: tuple[str, ...]) -> None:
    assert edits(written, meant) == kinds


def test_accent_left_out_costs_less_than_another_letter() -> None:
    assert 0 == cost("är", "är") < cost("for", "för") < cost("fir", "för") < cost("fxr", "för")
