"""Words that a language joins of others as its writers please: `skol|uniform`, `livs|läxor`.

A word list says which forms begin, continue and end compounds; here is how a word splits into
them, and what it could be if one part is misspelt. Parts that are short would make misspelt
words known, so they do not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from huleedu_streams.spelling.lexicon import Lexicon
from huleedu_streams.spelling.roles import FIRST, LAST, MIDDLE

_SHORTEST_FIRST, _SHORTEST_LAST = 3, 4
# A shorter last part is safe after a long first one that only a compound has: hanterings|tid.
_LONG_FIRST, _SHORTER_LAST = 6, 3
_SHORTEST_OF_THREE = 4
_LETTERS = "abcdefghijklmnopqrstuvwxyzåäö"
# What is longer has no use for this; it bounds the time of one word.
_LONGEST = 40


class Compounds:
    """Splits words into parts. Immutable; safe from threads."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._roles = lexicon.roles

    def has(self, word: str) -> bool:
        """Whether a lower-case word is made of known parts."""
        return any(True for _ in self.splits(word))

    def splits(self, word: str) -> Iterator[tuple[str, ...]]:
        """Yield the ways in which a lower-case word is made of two or three known parts."""
        firsts = list(self._firsts(word))
        rests = [rest for _, rest in firsts]
        for (first, rest), roles in zip(firsts, self._roles.of_each(rests), strict=True):
            if roles & LAST and _is_long_enough(first, rest):
                yield first, rest
        for first, rest in firsts:
            if len(first) >= _SHORTEST_OF_THREE:
                for middle, last in self._pairs(rest):
                    yield first, middle, last

    def near(self, word: str) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
        """Yield compounds of two parts one of which is misspelt: as written, as meant."""
        if len(word) > _LONGEST:
            return
        for first, rest in self._firsts(word):
            if len(rest) >= _SHORTEST_LAST:
                for last in self._lasts_near(rest):
                    yield (first, rest), (first, last)
        for rest, last in self._lasts(word):
            for first in self._firsts_near(rest):
                yield (rest, last), (first, last)

    def _firsts(self, word: str) -> Iterator[tuple[str, str]]:
        """Yield the parts that a word may begin with, each with the rest."""
        if not self._roles or len(word) > _LONGEST:
            return
        ends = range(_SHORTEST_FIRST, len(word) - _SHORTER_LAST + 1)
        for end, roles in zip(ends, self._roles.of_each([word[:end] for end in ends]), strict=True):
            if roles & FIRST:
                yield word[:end], word[end:]
                # Of three equal letters two are written: fallucka is fall + lucka.
                if word[end - 1] == word[end - 2]:
                    yield word[:end], word[end - 1 :]

    def _pairs(self, rest: str) -> Iterator[tuple[str, str]]:
        ends = range(_SHORTEST_OF_THREE, len(rest) - _SHORTEST_OF_THREE + 1)
        middles = self._roles.of_each([rest[:end] for end in ends])
        lasts = self._roles.of_each([rest[end:] for end in ends])
        for end, middle, last in zip(ends, middles, lasts, strict=True):
            if middle & (FIRST | MIDDLE) and last & LAST:
                yield rest[:end], rest[end:]

    def _lasts(self, word: str) -> Iterator[tuple[str, str]]:
        starts = range(_SHORTEST_FIRST, len(word) - _SHORTEST_LAST + 1)
        roles = self._roles.of_each([word[start:] for start in starts])
        for start, bits in zip(starts, roles, strict=True):
            if bits & LAST:
                yield word[:start], word[start:]

    def _lasts_near(self, written: str) -> list[str]:
        words = [self._lexicon.words[i] for i in self._lexicon.within(written, 1)]
        return _with(LAST, words, self._roles.of_each(words))

    def _firsts_near(self, written: str) -> list[str]:
        # Many are no words, so no index has them.
        forms = sorted(_one_edit(written))
        return _with(FIRST, forms, self._roles.of_each(forms))


def _is_long_enough(first: str, last: str) -> bool:
    shortest = _SHORTER_LAST if len(first) >= _LONG_FIRST and first[-1] == "s" else _SHORTEST_LAST
    return len(last) >= shortest


def _with(role: int, forms: list[str], roles: list[int]) -> list[str]:
    return [form for form, bits in zip(forms, roles, strict=True) if bits & role]


def _one_edit(word: str) -> set[str]:
    found: set[str] = set()
    for place in range(len(word) + 1):
        left, right = word[:place], word[place:]
        found.update((left + right[1:], left + right[1:2] + right[:1] + right[2:]))
        for letter in _LETTERS:
            found.update((left + letter + right, left + letter + right[1:]))
    return {form for form in found if len(form) >= _SHORTEST_FIRST and form != word}
