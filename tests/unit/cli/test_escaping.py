from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.cli.escaping import escaped


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("essay-1 å 漢", "essay-1 å 漢"),
        (b"essay-1", "essay-1"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[2J\x07\x9b", r"\x1b[2J\x07\x9b"),
        ("\u202ereversed\u2066", r"\u202ereversed\u2066"),
        ("\u2028\ufeff\U000e0001", r"\u2028\ufeff\U000e0001"),
        ("\\n", r"\\n"),
    ],
)
def test_what_is_not_printable_is_shown_as_its_escape(raw: str | bytes, shown: str) -> None:
    assert escaped(raw) == shown


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert escaped("x" * 10, 10) == "x" * 10
    assert escaped("x" * 11, 10) == "x" * 9 + "…"
    assert escaped(bytes(1_000_000), 10) == r"\x00\x00\…"


@given(raw=st.one_of(st.text(), st.binary()), longest=st.one_of(st.none(), st.integers(1, 20)))
def test_nothing_but_printable_characters_is_ever_shown(
    raw: str | bytes, longest: int | None
) -> None:
    shown = escaped(raw, longest)

    assert shown.isprintable()
    assert longest is None or len(shown) <= longest
