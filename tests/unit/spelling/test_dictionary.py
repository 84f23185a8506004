from __future__ import annotations

import gzip

import pytest

from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling.dictionary import Dictionary, read_source, unpack


def test_words_that_differ_in_case_are_one_and_numbers_are_none() -> None:
    dictionary = Dictionary.of({"Haus": 2, "haus": 3, "1e5": 9, "nan": 1, "'": 4})

    assert dictionary.counts == {"haus": 5, "nan": 1}


@pytest.mark.parametrize(
    "source",
    [b"", b"no gzip", gzip.compress(b"{"), gzip.compress(b"[1]")],
    # Packed bytes carry the time: as ids they would differ between test processes.
    ids=["empty", "not packed", "no JSON", "no object"],
)
def test_damaged_dictionary_is_a_one_line_error(source: bytes) -> None:
    with pytest.raises(DictionaryError, match="is damaged; install pyspellchecker again"):
        unpack((source,))


def test_absent_dictionary_is_a_one_line_error() -> None:
    with pytest.raises(DictionaryError, match="cannot read the dictionary of 'xx'"):
        read_source("xx")
