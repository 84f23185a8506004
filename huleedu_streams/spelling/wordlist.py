"""The word lists that the wheel carries, and how frequent each word is.

`data/<language>.words.gz` has a line a word: as it is written, its frequency in two sources in
hundredths of a Zipf unit, `k` if it is known but never suggested, `n` if it may be a name. Lines
that begin with `#` state the licences. `data/<language>.pairs.gz` holds which words follow which.
Both are written by `scripts/`. Not here: the arrays made of them (`vocabulary.py`).
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from importlib.resources import files

from huleedu_streams.errors import DictionaryError

_DATA = files("huleedu_streams.spelling") / "data"
_HUNDREDTHS = 100


@dataclass(frozen=True, slots=True)
class WordList:
    """The words of a language.

    Attributes:
        words: As they are written, most frequent first; no two differ in letter case alone.
        zipfs: For each, the logarithm of its occurrences in 10**9 words, in two sources.
        only_known: Those that are right and never suggested.
        names: Those that may be the name of a person or a place.
        pairs: Lower-case first word -> lower-case second word -> Zipf unit of the two in a row.
    """

    words: list[str]
    zipfs: list[tuple[float, float]]
    only_known: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    pairs: dict[str, dict[str, float]] = field(default_factory=dict)


def has_words(language: str) -> bool:
    """Whether the wheel carries a list for the language."""
    return (_DATA / f"{language}.words.gz").is_file()


def read_packed(language: str) -> tuple[bytes, bytes]:
    """Return a language's packed words and pairs; the second may be empty.

    Raises:
        DictionaryError: the list cannot be read.
    """
    try:
        words = (_DATA / f"{language}.words.gz").read_bytes()
        pairs = _DATA / f"{language}.pairs.gz"
        return words, pairs.read_bytes() if pairs.is_file() else b""
    except OSError as error:
        raise DictionaryError(
            f"cannot read the words of {language!r}: {error.strerror}; install this package again"
        ) from error


def unpack_words(words: bytes, pairs: bytes) -> WordList:
    """Return what `read_packed` read.

    Raises:
        DictionaryError: the bytes are damaged.
    """
    try:
        rows = [line.split("\t") for line in _lines(words)]
        return WordList(
            [row[0] for row in rows],
            [(int(row[1]) / _HUNDREDTHS, int(row[2]) / _HUNDREDTHS) for row in rows],
            frozenset(row[0] for row in rows if row[3:] == ["k"]),
            frozenset(row[0] for row in rows if row[3:] == ["n"]),
            _pairs(_lines(pairs)) if pairs else {},
        )
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DictionaryError("a word list is damaged; install this package again") from error


def _lines(packed: bytes) -> list[str]:
    lines = gzip.decompress(packed).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def _pairs(lines: list[str]) -> dict[str, dict[str, float]]:
    pairs: dict[str, dict[str, float]] = {}
    for line in lines:
        first, *seconds = line.split("\t")
        followers = (second.split(" ") for second in seconds)
        pairs[first] = {word: int(value) / _HUNDREDTHS for word, value in followers}
    return pairs
