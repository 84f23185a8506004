"""The walk over a text, with a lookup whose words fit on one line."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.domain.spelling import (
    CheckedText,
    Choices,
    Findings,
    Lookup,
    begins_sentence,
    correct,
    keep_case,
)

KNOWN = {"the", "a", "well", "known", "don't"}
WRONG = {"teh": ("the", "ten"), "alot": ("a lot",), "dont": ("don't",), "knwon": ("known",)}

# Text full of what makes offsets go wrong.
PIECES = st.sampled_from(
    ["teh", "Teh", "TEH", "the", "alot", "dont", "well-knwon", " ", "\n", "-", "'", "\u2019", "1",
     "e\u0301", "\u200b", "\ufeff", "\U0001f600", "\u05e9\u05dc\u05d5\u05dd", "@", ".", "x.com",
     "http://", "\r\n", "\ud800", "_"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join))


class SmallLookup:
    certain: Container[str] = frozenset({"the", "a"})

    def is_known(self, word: str) -> bool:
        return word.lower() in KNOWN

    def listed(self, word: str) -> str | None:
        return "colour" if word.lower() == "colur" else None

    def choices(self, words: Sequence[str]) -> list[Choices]:
        return [Choices("exact", WRONG.get(word.lower(), ())) for word in words]


class NoMemory:
    def get(self, word: str) -> Findings | None:
        del word
        return None

    def update(self, found: Iterable[tuple[str, Findings]]) -> None:
        del found


def checked(text: str, lookup: Lookup | None = None) -> CheckedText:
    return correct(text, lookup or SmallLookup(), NoMemory())


@given(TEXTS)
def test_text_is_the_original_wherever_nothing_was_corrected(text: str) -> None:
    result = checked(text)

    rebuilt, copied = [], 0
    for correction in result.corrections:
        rebuilt += [text[copied : correction.offset], correction.replacement]
        copied = correction.offset + correction.length
    assert result.text == "".join(rebuilt) + text[copied:]


@given(TEXTS)
def test_offsets_and_lengths_are_code_points_of_the_original(text: str) -> None:
    result = checked(text)

    for correction in result.corrections:
        end = correction.offset + correction.length
        assert text[correction.offset : end] == correction.original != correction.replacement
    for word in result.unknown:
        assert text[word.offset : word.offset + word.length] == word.word


@given(TEXTS)
def test_text_without_any_candidate_is_returned_unchanged(text: str) -> None:
    class Hopeless(SmallLookup):
        def listed(self, word: str) -> str | None:
            del word
            return None

        def choices(self, words: Sequence[str]) -> list[Choices]:
            return [Choices("exact", ())] * len(words)

    assert checked(text, Hopeless()).text == text


def test_listed_word_is_corrected_by_rule_l2() -> None:
    (correction,) = checked("My Colur").corrections

    assert (correction.replacement, correction.rule) == ("Colour", "l2")


def test_apostrophe_follows_the_word_and_then_the_text() -> None:
    assert checked("dont").text == "don't"
    assert checked("\u2019Twas, dont").text == "\u2019Twas, don\u2019t"


def test_choice_that_is_the_word_itself_leaves_it_alone() -> None:
    class Lenient(SmallLookup):
        def choices(self, words: Sequence[str]) -> list[Choices]:
            return [Choices("exact", (word.lower(),)) for word in words]

    result = checked("Xyz", Lenient())

    assert (result.corrections, result.unknown) == ((), ())


def test_word_that_may_be_a_name_is_replaced_where_a_sentence_begins() -> None:
    class Cautious(SmallLookup):
        def choices(self, words: Sequence[str]) -> list[Choices]:
            return [Choices("exact", ("the",), may_be_name=word[:1].isupper()) for word in words]

    result = checked("Teh a Teh teh. Teh", Cautious())

    assert result.text == "The a Teh the. The"


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Teh", True),
        ("a Teh", False),
        ("a. Teh", True),
        ("a.\n\n \u201cTeh", True),
        ("a\nTeh", True),
        ("a, \u201cTeh", False),
        ("\u201cA?\u201d Teh", True),
    ],
)
def test_sentence_begins_after_its_end_a_line_or_nothing(text: str, begins: object) -> None:
    assert begins_sentence(text, text.index("Teh")) is begins


def test_alternatives_carry_the_case_of_the_word() -> None:
    (correction,) = checked("TEH").corrections

    assert (correction.replacement, correction.alternatives) == ("THE", ("TEN",))


@pytest.mark.parametrize(
    ("original", "replacement", "expected"),
    [
        ("teh", "the", "the"),
        ("Teh", "the", "The"),
        ("TEH", "the", "THE"),
        ("tEh", "the", "the"),
        ("I", "i", "I"),
        ("U", "you", "You"),
        ("Alot", "a lot", "A lot"),
        ("sweden", "Sweden", "Sweden"),
        ("SWEDEN", "Sweden", "SWEDEN"),
        ("Iphone", "iPhone", "iPhone"),
        ("\u00c5r", "\u00e5ren", "\u00c5ren"),
    ],
)
def test_replacement_takes_the_case_of_the_original(
    original: str, replacement: str, expected: str
) -> None:
    assert keep_case(original, replacement) == expected
