"""Engine `exact`: the candidates and the choice of pyspellchecker 0.9.1 at distance 2.

Known words, numbers and over-long words are themselves; else all dictionary words one edit away;
else all two edits away. The choice is the one that differs in accents only, else the most
frequent; equals in alphabetical order (pyspellchecker leaves those to the hash seed).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence

from rapidfuzz.distance.DamerauLevenshtein import distance

from huleedu_streams.domain.spelling import Choices
from huleedu_streams.spelling.dictionary import is_checkable
from huleedu_streams.spelling.lexicon import Lexicon

# Only what holds one of these can be between a word and a number on every way.
_NEAR_NUMBER = re.compile(r"\d|nan|inf")


class ExactEngine:
    """See the module. Immutable; safe from threads."""

    rule = "exact"

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.certain: Container[str] = lexicon.ids

    def is_known(self, word: str) -> bool:
        """Whether the dictionary has the word."""
        return self._lexicon.knows(word.lower())

    def ranked(self, word: str) -> tuple[str, ...]:
        """Return the candidates, best first.

        A known word is its own only one, and so is what pyspellchecker does not look at.
        """
        return self.ranked_each([word])[0]

    def is_right(self, word: str) -> bool:
        """Whether the dictionary has the word, whatever its case."""
        return word.lower() in self._lexicon.ids

    def choices(self, words: Sequence[str]) -> list[Choices]:
        """Return the candidates of words of a text."""
        found = self.ranked_each([word.lower() for word in words])
        return [Choices(self.rule, candidates) for candidates in found]

    def ranked_each(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Do as `ranked` for many words, in a fraction of the time a word."""
        ranked: list[tuple[str, ...]] = [(word,) for word in words]
        asked = {
            place: word.lower()
            for place, word in enumerate(words)
            if not self.is_known(word) and self._is_checkable(word)
        }
        near = self._near(list(asked.values()))
        for (place, lowered), ids in zip(asked.items(), near, strict=True):
            # "İ" is longer in lower case.
            found = ids if self._is_checkable(lowered) else []
            candidates = [self._lexicon.words[i] for i in found]
            ranked[place] = _accents_first(words[place], candidates)
        return ranked

    def _near(self, words: Sequence[str]) -> list[list[int]]:
        """Return the ids of all one edit away from each of some words, or else two away."""
        found = self._lexicon.within_each(words, 1)
        further = [place for place, ids in enumerate(found) if not ids]
        two_edits = self._lexicon.within_each([words[place] for place in further], 2)
        for place, ids in zip(further, two_edits, strict=True):
            found[place] = self._over_checkable_steps(words[place], ids)
        return found

    def _over_checkable_steps(self, word: str, ids: list[int]) -> list[int]:
        if word and not _NEAR_NUMBER.search(word):
            return ids
        words = self._lexicon.words
        return [i for i in ids if self._has_checkable_step(word, words[i])]

    def _has_checkable_step(self, word: str, candidate: str) -> bool:
        """Whether one way leads over no number and no lone sign: there the library stops."""
        return any(
            distance(step, candidate, score_cutoff=1) <= 1 and self._is_checkable(step)
            for step in _one_edit(word, frozenset(candidate))
        )

    def _is_checkable(self, word: str) -> bool:
        return is_checkable(word, self._lexicon.longest)


def _accents_first(word: str, candidates: list[str]) -> tuple[str, ...]:
    if word.isascii() and all(map(str.isascii, candidates)):
        return tuple(candidates)
    plain = _without_accents(word)
    return tuple(sorted(candidates, key=lambda candidate: _without_accents(candidate) != plain))


def _without_accents(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _one_edit(word: str, letters: frozenset[str]) -> set[str]:
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    deleted = {left + right[1:] for left, right in splits if right}
    transposed = {left + right[1] + right[0] + right[2:] for left, right in splits if right[1:]}
    replaced = {left + c + right[1:] for left, right in splits if right for c in letters}
    inserted = {left + c + right for left, right in splits for c in letters}
    return deleted | transposed | replaced | inserted
