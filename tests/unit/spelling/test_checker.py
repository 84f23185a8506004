from __future__ import annotations

import time

import pytest

from huleedu_streams.errors import DictionaryError, UnsupportedLanguageError
from huleedu_streams.spelling import SpellChecker, languages


def test_corrected_text_keeps_case_and_punctuation(english: SpellChecker) -> None:
    checked = english.check("\u201cTeh dog\u2019s  FREIND isnt hapy,\u201d he said.\r\n\tWich?!")

    assert checked.text == (
        "\u201cThe dog\u2019s  FRIEND isn\u2019t happy,\u201d he said.\r\n\tWhich?!"
    )
    assert [c.original for c in checked.corrections] == ["Teh", "FREIND", "isnt", "hapy", "Wich"]
    assert {c.rule for c in checked.corrections} == {"ranked"}


def test_addresses_mentions_and_tokens_with_digits_are_left_alone(english: SpellChecker) -> None:
    text = "http://teh.com/wrld www.teh.se teh@wrld.co.uk @teh #wrld teh2 1st teh_x teh.com m\u00b2"

    assert english.check(text).corrections == ()


def test_word_without_any_candidate_is_listed_as_unknown(english: SpellChecker) -> None:
    checked = english.check("A xqzvkw!")

    assert checked.text == "A xqzvkw!"
    assert [(w.offset, w.length, w.word) for w in checked.unknown] == [(2, 6, "xqzvkw")]
    assert checked.word_count == 2


def test_hyphenated_word_is_corrected_part_by_part(english: SpellChecker) -> None:
    checked = english.check("a well-knwon freind-ship")

    assert checked.text == "a well-known friend-ship"
    assert [(c.offset, c.length) for c in checked.corrections] == [(7, 5), (13, 6)]


def test_decomposed_accents_are_looked_up_composed(english: SpellChecker) -> None:
    text = "a cafe\u0301, a cafe\u0301"

    assert english.check(text).text == text
    assert english.check(text).corrections == ()


def test_over_long_words_are_neither_changed_nor_reported(english: SpellChecker) -> None:
    text = "x" * 60 + " " + "y" * 200

    checked = english.check(text)

    assert (checked.text, checked.corrections, checked.unknown) == (text, (), ())


def test_every_language_of_pyspellchecker_is_served() -> None:
    expected = ("ar", "de", "en", "es", "eu", "fa", "fr", "it", "lv", "nl", "pt", "ru")
    assert set(languages()) >= set(expected)


def test_language_tag_with_a_region_is_its_language(english: SpellChecker) -> None:
    assert SpellChecker.load("en-GB").language == english.language == "en"


def test_small_languages_correct_their_own_words() -> None:
    assert SpellChecker.load("es").correction("escula") == "escuela"
    assert SpellChecker.load("es").check("la escula").text == "la escuela"


def test_unknown_language_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(UnsupportedLanguageError, match=r"'nb'; there are ar, de, en, "):
        SpellChecker.load("nb")
    with pytest.raises(UnsupportedLanguageError):
        SpellChecker.load("../en")


def test_unknown_engine_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(DictionaryError, match="'best'; there are ranked, exact"):
        SpellChecker.load("en", engine="best")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a-" * 500_000,
        "a." * 500_000,
        "www." * 250_000,
        "a@" * 500_000,
        "." * 10**6,
    ],
    ids=["letters", "hyphens", "dots between", "addresses", "signs", "dots"],
)
def test_megabyte_without_a_space_takes_seconds_at_most_and_stays(
    english: SpellChecker, text: str
) -> None:
    start = time.process_time()

    checked = english.check(text)

    # Ten times what it takes; anything quadratic takes minutes.
    assert time.process_time() - start < 15
    assert checked.text == text
