from __future__ import annotations

import pytest

from huleedu_streams.domain.tokens import apostrophe_of, fold, hyphen_parts, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("one, two", ["one", "two"]),
        ("don't don\u2019t don\u00b4t", ["don't", "don\u2019t", "don\u00b4t"]),
        ("'quoted' boys' rock 'n' roll", ["quoted", "boys", "rock", "n", "roll"]),
        ("well-known -- a-", ["well-known", "a"]),
        ("cafe\u0301 \ufeffx wo\u00adrd", ["cafe\u0301", "x", "wo\u00adrd"]),
        ("1st 2nd a1 b_c x\u00b2 \u00bd", []),
        ("10-year-old", []),
        ("see http://a.b/c?d=e, then", ["see", "then"]),
        ("mail a.b@c.de now", ["mail", "now"]),
        ("mail first-name+tag@c.de now", ["mail", "now"]),
        ("go to example.com/path, ok", ["go", "to", "ok"]),
        ("end.Then next.com.x a.b", ["end", "Then", "next", "com", "x", "a", "b"]),
        ("hi @you #tag x@ y", ["hi", "x", "y"]),
        ("\u05e9\u05c1\u05dc\u05d5 \u0645\u064f", ["\u05e9\u05c1\u05dc\u05d5", "\u0645\u064f"]),
        ("\U0001f600ok\U0001f600", ["ok"]),
        ("a" * 101, []),
        ("a" * 101 + "-" + "b" * 100 + "-c1-d", ["b" * 100, "d"]),
    ],
)  # fmt: skip
def test_words_of_a_text_are_found(text: str, expected: list[str]) -> None:
    assert [word for _, word in words(text)] == expected


def test_offset_of_each_word_points_into_the_text() -> None:
    text = "\U0001f600 e\u0301t\u00e9 \u2014 it's"

    assert [text[offset : offset + len(word)] for offset, word in words(text)] == [
        word for _, word in words(text)
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("plain", "plain"),
        ("don`t", "don't"),
        ("don\u2019t", "don't"),
        ("well\u2010known", "well-known"),
        ("cafe\u0301", "caf\u00e9"),
        ("wo\u00adrd\u200b", "word"),
    ],
)
def test_folded_word_is_as_dictionaries_have_it(word: str, expected: str) -> None:
    assert fold(word) == expected


def test_hyphen_parts_carry_their_offsets() -> None:
    assert hyphen_parts("a\u2011bc-d") == [(0, "a"), (2, "bc"), (5, "d")]


def test_apostrophe_of_a_text_is_the_first_one_or_none() -> None:
    assert apostrophe_of("it\u2019s 'x'") == "\u2019"
    assert apostrophe_of("plain") is None
