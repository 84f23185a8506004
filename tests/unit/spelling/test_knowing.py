from __future__ import annotations

import pytest

from huleedu_streams.spelling.knowing import is_right

LISTED = {"dog", "violent", "cafe", "the", "know", "isn't", "boy"}


@pytest.mark.parametrize(
    "word",
    [
        "dog", "Dog", "DOG", "dog's", "Dog's", "dog'd", "isn't", "ISN'T", "x", "BBC", "USSR",
        "eBook", "McDonald", "iPhone", "nonviolent", "haha", "hahahah", "noooo", "iv", "xii",
        "caf\u00e9", "hmm",
    ],
)  # fmt: skip
def test_word_is_right_that_no_list_needs_to_have(word: str) -> None:
    assert is_right(word, LISTED)


@pytest.mark.parametrize(
    "word",
    ["dgo", "dogs's", "dgo's", "isnt", "FREIND", "Freind", "nonviolant", "kafe", "THs", "soo"],
)
def test_word_that_is_none_is_not_right(word: str) -> None:
    assert not is_right(word, LISTED)
