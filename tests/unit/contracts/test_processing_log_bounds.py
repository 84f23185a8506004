from __future__ import annotations

from time import thread_time

import orjson

from huleedu_streams.contracts.processing_log import pack
from huleedu_streams.domain.limits import MAX_LISTED_WORDS, derived_max_bytes
from huleedu_streams.domain.spelling import CheckedText, Correction, UnknownWord

TEXT_MAX_BYTES = 1_048_576
# The event loop is never held for longer by one essay.
HELD_SECONDS = 0.05


def a_text(corrections: int, unknown: int = 0) -> CheckedText:
    """Return a checked text in which so many words of six letters are wrong."""
    wrong = tuple(
        Correction(n * 7, 6, "sepret", "secret", "ranked", "substitution", ("separate", "serpent"))
        for n in range(corrections)
    )
    words = tuple(UnknownWord(n * 7, 6, "xqzzyw") for n in range(unknown))
    return CheckedText("secret " * corrections + "xqzzyw " * unknown, wrong, words, corrections)


def test_log_lists_every_word_that_was_wrong() -> None:
    log = orjson.loads(pack(a_text(2, unknown=1)))

    assert log == {
        "text": "secret secret xqzzyw ",
        "corrections": [
            {
                "offset": offset,
                "length": 6,
                "original": "sepret",
                "replacement": "secret",
                "rule": "ranked",
                "category": "substitution",
                "alternatives": ["separate", "serpent"],
            }
            for offset in (0, 7)
        ],
        "unknown": [{"offset": 0, "length": 6, "word": "xqzzyw"}],
        "truncated": False,
    }


def test_log_of_the_largest_text_holds_no_loop_and_fits_its_store() -> None:
    checked = a_text(150_000)

    started = thread_time()
    log = pack(checked, derived_max_bytes(TEXT_MAX_BYTES))
    taken = thread_time() - started

    assert taken < HELD_SECONDS
    assert len(log) < 4 * TEXT_MAX_BYTES
    content = orjson.loads(log)
    assert len(content["corrections"]) == MAX_LISTED_WORDS
    assert content["truncated"]


def test_log_lists_fewer_words_where_the_store_takes_less() -> None:
    checked = a_text(100, unknown=100)

    log = pack(checked, derived_max_bytes(700))

    assert len(log) <= derived_max_bytes(700)
    content = orjson.loads(log)
    assert content["text"] == checked.text
    assert 0 < len(content["corrections"]) < 100
    assert content["truncated"]


def test_log_keeps_the_text_whatever_the_store_takes() -> None:
    content = orjson.loads(pack(a_text(1), 1))

    assert (content["text"], content["corrections"], content["truncated"]) == ("secret ", [], True)


def test_log_of_the_worst_characters_fits_its_store() -> None:
    log = pack(CheckedText("\x01" * 1_000), derived_max_bytes(1_000))

    assert len(log) <= derived_max_bytes(1_000)
    assert not orjson.loads(log)["truncated"]
