"""The words of one language with the index over them: what every engine asks.

Not here: where the words come from (`dictionary.py`), where a built lexicon is kept (`cache.py`)
and which candidate is chosen (the engines).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from rapidfuzz.distance.DamerauLevenshtein import distance

from huleedu_streams.spelling.deletions import DeletionIndex
from huleedu_streams.spelling.dictionary import Dictionary
from huleedu_streams.spelling.roles import WORD, Roles


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words by id, most frequent first, equals in alphabetical order. Immutable.

    Attributes:
        words: Lower-case; a word's id is its place.
        counts: How often each occurs.
        longest: Length of the longest word in the source, in code points.
        index: Finds ids of words that may be near.
        ids: Word -> id.
        lengths: Of the words, in code points.
        roles: Of forms that are right or part of compounds, words or not.
    """

    words: Sequence[str]
    counts: npt.NDArray[np.int64]
    longest: int
    index: DeletionIndex
    ids: dict[str, int] = field(repr=False)
    lengths: npt.NDArray[np.int16] = field(repr=False)
    roles: Roles = field(repr=False)

    @classmethod
    def build(cls, dictionary: Dictionary) -> Lexicon:
        """Index a dictionary; about a second for a large one."""
        counts = dictionary.counts
        words = sorted(counts, key=lambda word: (-counts[word], word))
        return cls._of(
            words,
            np.array([counts[word] for word in words], np.int64),
            dictionary.longest,
            DeletionIndex.build(words),
            Roles.build(dictionary.roles),
        )

    @classmethod
    def open(cls, folder: Path) -> Lexicon:
        """Map what `save` wrote; the index is shared by all processes that do.

        Raises:
            OSError, ValueError, KeyError: the folder is absent or damaged.
        """
        content = orjson.loads((folder / "words.json").read_bytes())
        index = DeletionIndex(_mapped(folder, "entries"), _mapped(folder, "starts"))
        roles = Roles(_mapped(folder, "roles"))
        counts = _mapped(folder, "counts")
        lexicon = cls._of(content["words"], counts, content["longest"], index, roles)
        sizes = {"entries": len(index.entries), "counts": len(counts), "roles": len(roles.entries)}
        if sizes != content["sizes"] or len(counts) != len(lexicon.words):
            raise ValueError("the index and its words are of different sizes")
        return lexicon

    def save(self, folder: Path) -> None:
        """Write everything into an existing folder, durably."""
        content = {
            "longest": self.longest,
            "sizes": {
                "entries": len(self.index.entries),
                "counts": len(self.counts),
                "roles": len(self.roles.entries),
            },
            "words": list(self.words),
        }
        write_durably(folder / "words.json", orjson.dumps(content))
        for name, array in (
            ("counts", self.counts),
            ("entries", self.index.entries),
            ("starts", self.index.starts),
            ("roles", self.roles.entries),
        ):
            write_durably(folder / f"{name}.npy", array)

    def knows(self, word: str) -> bool:
        """Whether a lower-case word is right as it is."""
        return word in self.ids or bool(self.roles.of(word) & WORD)

    def within(self, word: str, edits: int) -> list[int]:
        """Return the ids of all words at most `edits` (1 or 2) from a lower-case word, sorted.

        The distance is Damerau-Levenshtein without restriction: a transposed pair may be edited
        again.
        """
        return self.within_each([word], edits)[0]

    def within_each(self, words: Sequence[str], edits: int) -> list[list[int]]:
        """Do as `within` for many words, each in a fraction of the time."""
        found: list[list[int]] = [[] for _ in words]
        rows, ids, _, is_near = self.index.met(words, edits)
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        is_near &= np.abs(self.lengths.take(ids) - lengths.take(rows)) <= edits
        for row, i in set(zip(rows[is_near].tolist(), ids[is_near].tolist(), strict=True)):
            if distance(words[row], self.words[i], score_cutoff=edits) <= edits:
                found[row].append(i)
        for ids_of_word in found:
            ids_of_word.sort()
        return found

    @classmethod
    def _of(
        cls,
        words: Sequence[str],
        counts: npt.NDArray[np.int64],
        longest: int,
        index: DeletionIndex,
        roles: Roles,
    ) -> Lexicon:
        ids = {word: i for i, word in enumerate(words)}
        lengths = np.fromiter(map(len, words), np.int16, len(words))
        return cls(words, counts, longest, index, ids, lengths, roles)


def _mapped(folder: Path, name: str) -> npt.NDArray[Any]:
    mapped: npt.NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return mapped.view(np.ndarray)


def write_durably(path: Path, content: bytes | npt.NDArray[Any]) -> None:
    """Write bytes, or an array as `numpy.load` reads it, and wait until they are on the disk."""
    with path.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            np.save(file, content)
        file.flush()
        os.fsync(file.fileno())
