"""Engine `exact` against pyspellchecker: its recorded answers, and itself on small dictionaries."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spellchecker import SpellChecker as Oracle

from huleedu_streams.spelling import SpellChecker
from huleedu_streams.spelling.dictionary import Dictionary
from huleedu_streams.spelling.exact import ExactEngine
from huleedu_streams.spelling.lexicon import Lexicon

TRUTH = Path(__file__).parents[2] / "samples" / "pyspellchecker_0.9.1_candidates_truth.json"

# Few letters, so that words are near each other; digits and signs, so that numbers come near.
LETTERS = st.sampled_from("abcde'éÉ")
SIGNS = st.sampled_from("abn1.+-ei")
WORDS = st.one_of(st.text(LETTERS, max_size=7), st.text(SIGNS, max_size=6))
PARTS = st.sampled_from(["inf", "nan", "a", "b", "ab", "abcdefghij", "jihgfedcb", "1", "."])
JOINED = st.lists(PARTS, max_size=3).map("".join)
COUNTS = st.dictionaries((WORDS | JOINED).filter(bool), st.integers(1, 9), min_size=1, max_size=30)


def small_engine(counts: dict[str, int]) -> ExactEngine:
    return ExactEngine(Lexicon.build(Dictionary.of(counts)))


def oracle_of(counts: dict[str, int]) -> Oracle:
    oracle = Oracle(language=None)
    oracle.word_frequency.load_json(counts)
    return oracle


def test_candidates_are_those_of_pyspellchecker_for_every_recorded_word(
    exact: SpellChecker,
) -> None:
    truth = json.loads(TRUTH.read_text("utf-8"))

    different = [
        word for word, words in truth.items() if exact.candidates(word) != frozenset(words or ())
    ]

    assert len(truth) == 3445
    assert different == []


def test_suggestions_are_the_candidates_for_every_recorded_word(exact: SpellChecker) -> None:
    truth = json.loads(TRUTH.read_text("utf-8"))

    different = [
        word
        for word, words in truth.items()
        if sorted(exact.suggestions(word, limit=1000)) != sorted(words or ())
    ]

    assert different == []


def test_many_words_at_once_are_answered_as_each_alone() -> None:
    engine = small_engine({"abc": 3, "abcd": 2, "bcd": 2, "nan": 1, "11": 1})
    words = ["abd", "ABC", "", "abd", "1.1", "na", "xyzxyz", "abcdefghijabcdefghij", "bdc"]

    assert engine.ranked_each(words) == [engine.ranked(word) for word in words]
    assert engine.ranked_each([]) == []


@settings(max_examples=300)
@given(counts=COUNTS, word=WORDS | JOINED)
def test_candidates_and_choice_agree_with_pyspellchecker_on_any_dictionary(
    counts: dict[str, int], word: str
) -> None:
    engine, oracle = small_engine(counts), oracle_of(counts)

    ranked = engine.ranked(word)

    expected = oracle.candidates(word) or set()
    assert set(ranked) == expected
    assert engine.is_known(word) == bool(oracle.known([word]))
    if ranked:
        choice = oracle.correction(word)
        assert choice is not None
        assert oracle[ranked[0]] == oracle[choice]
        assert ranked[0] in expected


# The library tries every string two edits away: seconds for a long word and many letters.
@settings(max_examples=20)
@given(counts=COUNTS, edits=st.lists(st.tuples(st.integers(0, 13), LETTERS), max_size=2))
def test_words_two_edits_from_a_long_word_are_found(
    counts: dict[str, int], edits: list[tuple[int, str]]
) -> None:
    word = "abcabcabcabcab"
    for place, letter in edits:
        word = word[:place] + letter + word[place + 1 :]
    counts = {**counts, "abcabcabcabcab": 5, "abcabcabcabcba": 5}

    assert set(small_engine(counts).ranked(word)) == (oracle_of(counts).candidates(word) or set())


def test_candidates_agree_with_the_library_itself(exact: SpellChecker) -> None:
    random, library = Random(41), Oracle()  # noqa: S311 - the same words every time
    letters = "abcdefghijklmnopqrstuvwxyz'"
    words = ["becuase", "hte", "tehre", "speling", "untill"]
    words += ["".join(random.choices(letters, k=length)) for length in (2, 3, 4, 4, 5, 5, 6)]

    different = [w for w in words if exact.candidates(w) != (library.candidates(w) or set())]

    assert different == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [("3.14", "3.14"), ("!", "!"), ("Hello", "Hello"), ("freind", "friend"), ("xqzvkw", "xqzvkw")],
)
def test_correction_is_the_word_itself_when_known_or_hopeless(
    exact: SpellChecker, word: str, expected: str
) -> None:
    assert exact.correction(word) == expected


def test_hopeless_word_has_no_candidates_and_no_suggestions(exact: SpellChecker) -> None:
    assert exact.candidates("xqzvkw") == frozenset()
    assert exact.suggestions("xqzvkw") == []


def test_transposed_pair_with_a_letter_between_is_two_edits() -> None:
    # The restricted distance (optimal string alignment) says three.
    assert small_engine({"abc": 1}).ranked("ca") == ("abc",)


def test_equally_frequent_candidates_come_in_alphabetical_order() -> None:
    engine = small_engine({"cat": 1, "bat": 1, "hat": 1, "rat": 9})

    assert engine.ranked("zat") == ("rat", "bat", "cat", "hat")


def test_candidate_that_differs_in_accents_only_comes_first() -> None:
    engine = small_engine({"esta": 900, "está": 2, "este": 1000})

    assert engine.ranked("està")[0] == "esta"
    assert engine.ranked("esté")[0] == "este"
