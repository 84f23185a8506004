"""Words that a language's texts often have and its word list has not: names, English, slang.

They are known and never suggested. A frequent misspelling is none of them: it lies next to a
listed word that is far more frequent, or is one without its accents.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from huleedu_streams.spelling.roles import WORD

# Zipf units (decades over once in a billion words) times 20, the steps of the frequency list.
_FREQUENT, _VERY_FREQUENT = 60, 80
_FAR_MORE_FREQUENT = 30  # 30 times


def borrowed_words(levels: Mapping[str, int], roles: Mapping[str, int]) -> Iterator[str]:
    """Yield the words to be known besides those listed.

    Args:
        levels: Word -> 20 times the decimal logarithm of its occurrences in a billion.
        roles: Form -> its roles, as `roles.py` has them.
    """
    listed = {word: level for word, level in levels.items() if roles.get(word, 0) & WORD}
    letters = frozenset("".join(w for w, level in listed.items() if level >= _VERY_FREQUENT))
    unaccented: dict[str, int] = {}
    for word, level in listed.items():
        if not word.isascii():
            plain = _plain(word)
            unaccented[plain] = max(level, unaccented.get(plain, 0))
    for word, level in levels.items():
        if (
            level < _FREQUENT
            or word in listed
            or (word.isascii() and unaccented.get(word, 0) > level)
        ):
            continue
        limit = level + _FAR_MORE_FREQUENT
        if level >= _VERY_FREQUENT or not any(
            listed.get(near, 0) > limit for near in _one_edit(word, letters)
        ):
            yield word


def _one_edit(word: str, letters: frozenset[str]) -> Iterator[str]:
    for place in range(len(word) + 1):
        left, right = word[:place], word[place:]
        yield left + right[1:]
        yield left + right[1:2] + right[:1] + right[2:]
        for letter in letters:
            yield left + letter + right
            yield left + letter + right[1:]


def _plain(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", word) if char.isalpha())
