"""Where the words of a text are: offsets into the text as it was written, never a copy of it.

A word is a run of letters (combining and invisible marks included), joined by apostrophes and
hyphens. Web addresses, e-mail addresses, mentions, hashtags and runs with a digit are no words.
Not here: whether a word is right (`domain/spelling.py` asks a lookup).

Every pattern below is linear: quantifiers are possessive or bounded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator

# Marks that belong to the letter before them: accents of decomposed text, Arabic and Hebrew
# vowel signs, and the invisible: soft hyphen, zero-width space and joiners, byte order mark.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed" + _INVISIBLE
)
# What pupils' keyboards and word processors put for an apostrophe and a hyphen within a word.
_APOSTROPHES = "'\u2019\u2018\u00b4`\uff07\u02bc"
_HYPHENS = "\\-\u2010\u2011"

# The two empty groups say what stands next to a run: the sign of a mention before it, and after
# it what an address goes on with. Most runs have neither.
_RUN = re.compile(
    rf"\w(?:(?<=[@#].)())?[\w{_MARKS}]*+(?:[{_APOSTROPHES}{_HYPHENS}]\w[\w{_MARKS}]*+)*+"
    r"(?:(?=[.:@+][\w/])())?"
)
_PART = re.compile(rf"[^{_HYPHENS}]++")
_APOSTROPHE = re.compile(rf"[{_APOSTROPHES}]")

_TOP_LEVEL = "com|org|net|edu|gov|info|eu|uk|se|no|dk|fi|de|nl|fr|es|it"
# Tried where a run begins that goes on as an address does.
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,15}+://\S++"
    r"|www\.\S++"
    r"|[\w.+-]{1,64}+@\w[\w-]{0,62}(?:\.[\w-]{1,63}){1,8}"
    rf"|(?:[\w-]{{1,63}}\.){{1,4}}(?:{_TOP_LEVEL})\b(?!\.\w)(?:/\S*+)?",
    re.IGNORECASE,
)

# What may follow a word that is not part of it; nothing else comes before the space.
_CLOSING = frozenset(".,!?;:")
# A longer run is no word of any language served. One of many hyphens is read part by part.
LONGEST_WORD = 100
# Of words that are certain: each takes a third of a microsecond at most.
_PASSED_A_STEP = 4096

_FOLDING = {ord(mark): "'" for mark in _APOSTROPHES} | {
    0x2010: "-",
    0x2011: "-",
    **{ord(mark): None for mark in _INVISIBLE},
    # What typesetting makes of two letters; it comes with what is copied from a printed page.
    **dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)),
}


def words(text: str) -> Iterator[tuple[int, str]]:
    """Yield every word as (offset in code points, the word as written), left to right."""
    return ((offset, word) for offset, word in Scan(text) if word)


class Scan:
    """One walk over the words of a text that are not certain to be right.

    Yields them as `words` does, and "" for runs that are no words and now and then, so that no step
    takes long. `word_count` counts all words, once the walk is over.
    """

    def __init__(self, text: str, certain: Container[str] = frozenset()) -> None:
        self.word_count = 0
        self._text = text
        self._certain = certain

    def __iter__(self) -> Iterator[tuple[int, str]]:
        # No run goes over a space, and most of what stands between two is one word, with a comma
        # at most: no pattern is needed for that.
        certain, next_start = self._certain, 0
        chunks = self._text.split(" ")
        for first in range(0, len(chunks), _PASSED_A_STEP):
            step = chunks[first : first + _PASSED_A_STEP]
            self.word_count += len(step)
            for chunk in step:
                next_start += len(chunk) + 1
                if chunk in certain:
                    continue
                word = chunk[:-1] if chunk[-1:] in _CLOSING else chunk
                if word in certain:
                    continue
                start = next_start - len(chunk) - 1
                if word.isalpha() and len(word) <= LONGEST_WORD:
                    yield start, word
                    continue
                self.word_count -= 1
                if word and not word.isdigit():
                    yield from self._words_between(start, start + len(chunk))
            yield next_start, ""

    def _words_between(self, start: int, end: int) -> Iterator[tuple[int, str]]:
        certain, address_end, passed = self._certain, 0, 0
        for match in _RUN.finditer(self._text, start, end):
            run = match.group()
            # Within an address there is nothing to correct in a right word either.
            if run in certain and not match.lastindex:
                passed += 1
                if passed % _PASSED_A_STEP == 0:
                    yield match.start(), ""
                continue
            offset = match.start()
            if match.lastindex and offset >= address_end:
                address_end = _address_end(match)
            if offset < address_end:
                yield offset, ""
                continue
            for place, word in _words_of_run(offset, run):
                self.word_count += bool(word)
                yield place, word
        self.word_count += passed


def fold(word: str) -> str:
    """Return the word as dictionaries have it: composed, straight apostrophes, nothing invisible.

    Case is kept.
    """
    if word.isascii():
        return word.replace("`", "'")
    return unicodedata.normalize("NFC", word.translate(_FOLDING))


def hyphen_parts(word: str) -> list[tuple[int, str]]:
    """Return the parts of a word as written, each with its offset within the word."""
    return [(match.start(), match.group()) for match in _PART.finditer(word)]


def apostrophe_of(text: str) -> str | None:
    """Return the first apostrophe as the writer types it, or None if there is none."""
    match = _APOSTROPHE.search(text)
    return match.group() if match else None


def _words_of_run(start: int, run: str) -> Iterable[tuple[int, str]]:
    if len(run) <= LONGEST_WORD:
        return ((start, run if run.isalpha() or _has_letters_only(run) else ""),)
    return _words_of_long_run(start, run)


def _words_of_long_run(start: int, run: str) -> Iterator[tuple[int, str]]:
    for match in _PART.finditer(run):
        part = match.group()
        is_word = len(part) <= LONGEST_WORD and _has_letters_only(part)
        yield start + match.start(), part if is_word else ""


def _has_letters_only(run: str) -> bool:
    # Digits, but also superscripts and fractions, which \w counts as letters.
    return not any(char == "_" or char.isnumeric() for char in run)


def _address_end(run: re.Match[str]) -> int:
    if run.start(1) >= 0:
        return run.end()
    address = _ADDRESS.match(run.string, run.start())
    return address.end() if address else 0
