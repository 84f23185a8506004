from __future__ import annotations

import pytest

from huleedu_streams.domain.misspellings import categorise


@pytest.mark.parametrize(
    ("original", "replacement", "category"),
    [
        ("hapy", "happy", "doubling"),
        ("untill", "until", "doubling"),
        ("accomodate", "accommodate", "doubling"),
        ("seperate", "separate", "vowel"),
        ("definately", "definitely", "vowel"),
        ("freand", "friend", "vowel"),
        ("absense", "absence", "consonant"),
        ("freind", "friend", "transposition"),
        ("Teh", "The", "transposition"),
        ("goverment", "government", "missing letter"),
        ("sweden", "Sweden", "other"),
        ("writting", "writing", "doubling"),
        ("welcomed", "welcome", "extra letter"),
        ("dont", "don't", "apostrophe"),
        ("your's", "yours", "apostrophe"),
        ("alot", "a lot", "joined words"),
        ("in-fact", "in fact", "joined words"),
        ("fone", "phone", "sound-alike"),
        ("rite", "write", "missing letter"),
        ("nite", "knight", "sound-alike"),
        ("nashun", "nation", "sound-alike"),
        ("xqz", "cat", "other"),
        ("hse", "use", "other"),
        ("\u043f\u0440\u0435", "\u0431\u0430\u0431", "other"),
    ],
)
def test_error_has_the_name_that_a_teacher_gives_it(
    original: str, replacement: str, category: str
) -> None:
    assert categorise(original, replacement) == category
