from __future__ import annotations

from io import BytesIO

import pytest

from huleedu_streams.domain.limits import MAX_LISTED_WORDS
from huleedu_streams.domain.spelling import CheckedText, Correction, UnknownWord
from huleedu_streams.spelling.frames import read_checked, write_checked


def through_a_pipe(checked: CheckedText) -> CheckedText | None:
    pipe = BytesIO()
    write_checked(pipe, checked)
    pipe.seek(0)
    return read_checked(pipe)


def a_text(corrections: int, unknown: int) -> CheckedText:
    """Return a text whose corrections are, in turn, of two rules."""
    wrong = tuple(
        Correction(n, 3, "teh", "the", ("exact", "l2")[n % 2], "other") for n in range(corrections)
    )
    words = tuple(UnknownWord(n, 3, "xqz") for n in range(unknown))
    return CheckedText("the xqz", wrong, words, corrections + unknown)


def test_checked_text_arrives_as_it_was_sent() -> None:
    checked = a_text(MAX_LISTED_WORDS, MAX_LISTED_WORDS)

    assert through_a_pipe(checked) == checked


def test_words_beyond_the_most_are_counted_by_rule() -> None:
    arrived = through_a_pipe(a_text(MAX_LISTED_WORDS + 3, 1))

    assert arrived is not None
    assert len(arrived.corrections) == MAX_LISTED_WORDS
    assert dict(arrived.unlisted) == {"exact": 2, "l2": 1}
    assert arrived.corrections_made == MAX_LISTED_WORDS + 3
    assert arrived.is_abridged


def test_unknown_words_beyond_the_most_are_left_out() -> None:
    arrived = through_a_pipe(a_text(1, MAX_LISTED_WORDS + 1))

    assert arrived is not None
    assert len(arrived.unknown) == MAX_LISTED_WORDS
    assert (arrived.corrections_made, arrived.is_abridged) == (1, True)


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b the\x00 cat",
        "\u202e\u05e9\u05dc\u05d5\u05dd\u202c",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\ufeffThe cat.\r\nThe dog.\r",
        "cafe\u0301 A\u030asa",
        "\ufffe\uffff\U0010ffff\u2028\x85\x0b\x7f",
    ],
    ids=["nul", "right-to-left", "joined-emoji", "bom-crlf", "decomposed", "noncharacters"],
)
def test_text_of_any_characters_arrives_byte_for_byte(text: str) -> None:
    arrived = through_a_pipe(CheckedText(text))

    assert arrived is not None
    assert arrived.text.encode() == text.encode()
