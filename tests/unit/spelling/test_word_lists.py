from __future__ import annotations

from importlib.resources import files

import pytest

from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling import packed
from huleedu_streams.spelling.dictionary import read_source, unpack
from huleedu_streams.spelling.roles import FIRST, LAST, MIDDLE, WORD

DATA = files("huleedu_streams.spelling") / "data"
FREQUENCIES = ("sv.frequencies.xz", "es.added.xz", "fa.added.xz", "ru.added.xz")


@pytest.mark.parametrize("name", FREQUENCIES)
def test_frequencies_state_source_and_licence(name: str) -> None:
    notice = packed.notice(packed.read(name))

    assert "wordfreq 3.1.1" in notice
    assert "Attribution-ShareAlike 4.0 International" in notice
    assert "https://creativecommons.org/licenses/by-sa/4.0/" in notice
    assert "OpenSubtitles" in notice
    assert "Changed from" in notice


def test_swedish_words_state_source_and_licence() -> None:
    notice = packed.notice(packed.read("sv.words.xz"))

    assert "Copyright 2003-2015 Göran Andersson" in notice
    assert "GNU Lesser General Public License version 3" in notice
    assert "Changed from" in notice


def test_licence_texts_lie_beside_the_words() -> None:
    lesser = (DATA / "LGPL-3.0.txt").read_text("utf-8")
    general = (DATA / "GPL-3.0.txt").read_text("utf-8")

    assert "GNU LESSER GENERAL PUBLIC LICENSE" in lesser
    assert "GNU GENERAL PUBLIC LICENSE" in general


@pytest.mark.parametrize("name", FREQUENCIES)
def test_frequencies_are_of_lower_case_words_without_digits(name: str) -> None:
    levels = packed.unpack(packed.read(name))

    assert len(levels) > 10_000
    assert all(word == word.lower() and not any(map(str.isdigit, word)) for word in levels)
    assert all(0 < level < 180 for level in levels.values())


def test_swedish_words_have_roles() -> None:
    roles = packed.unpack(packed.read("sv.words.xz"))

    assert len(roles) == 818_452
    assert all(0 < bits <= WORD | FIRST | MIDDLE | LAST for bits in roles.values())
    assert roles["skola"] & WORD
    assert roles["skola"] & LAST
    assert roles["flick"] == FIRST
    assert roles["gatu"] & FIRST
    assert not roles["arbets"] & WORD


def test_dictionary_of_swedish_has_no_word_that_only_begins_compounds() -> None:
    dictionary = unpack(read_source("sv"))

    assert dictionary.counts["skola"] > dictionary.counts["skolsal"]
    assert "flick" not in dictionary.counts
    # Not listed, but as frequent as words are.
    assert dictionary.roles["xbox"] & WORD
    assert "lungt" not in dictionary.roles
    assert "goteborg" not in dictionary.roles


def test_words_that_complete_a_dictionary_are_not_for_exact() -> None:
    assert "fue" not in unpack(read_source("es")).counts
    assert "fue" in unpack(read_source("es", is_completed=True)).counts


def test_damaged_list_is_a_one_line_error() -> None:
    with pytest.raises(DictionaryError, match="a word list is damaged; install huleedu-streams"):
        packed.unpack(b"\xfd7zXZ\x00 damaged")
    with pytest.raises(DictionaryError, match="cannot read the word list xx"):
        packed.read("xx")
