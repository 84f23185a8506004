"""The words of one language as arrays: what engine `ranked` compares misspellings with.

Made once from a word list and then mapped from files that all processes share. Not here: which
words are near (`candidates.py`) and how they are compared (`features.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from huleedu_streams.spelling.deletions import DeletionIndex
from huleedu_streams.spelling.gists import Gists, gists_of
from huleedu_streams.spelling.letters import Letters, letters_of
from huleedu_streams.spelling.lexicon import write_durably
from huleedu_streams.spelling.sounds import keys_of
from huleedu_streams.spelling.wordlist import WordList

Array = npt.NDArray[Any]
Ids = npt.NDArray[np.int64]

# Keys of fewer sounds are near to too many words; they have to be the same.
TELLING_SOUND = 5
# Rarer words are no part of two run together.
_PART_ZIPF = 3.3
# Rarer words are not found by their sound alone.
_SOUNDING_ZIPF = 3.0
# As a length: no word is as long as to be near it.
_FAR = np.iinfo(np.int16).min
_PAIR_BITS = np.uint64(32)
_ARRAYS = (
    "entries", "starts", "letters", "lengths", "zipfs", "traits",
    "spellings", "sound_entries", "sound_starts", "sound_ids", "gists", "pair_keys", "pair_zipfs",
)  # fmt: skip

# Bits of `traits`.
SUGGESTED, CAPITAL, NAME = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Spelled:
    """Words as arrays, a row a word.

    Attributes:
        letters: Codes of the letters.
        lengths: In code points.
        spellings: Hashes of what is heard, the consonants and the word without doubled letters.
        heard: What is heard; empty if not needed.
    """

    letters: Letters
    lengths: Ids
    spellings: npt.NDArray[np.uint32]
    heard: Sequence[str] = ()

    @classmethod
    def of(cls, words: Sequence[str]) -> Spelled:
        """Spell lower-case words."""
        letters = letters_of(words)
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        return cls(letters, lengths, *keys_of(letters))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words by id, most frequent first. Immutable.

    Attributes:
        words: As they are written.
        keys: The same in lower case.
        ids: Lower-case word -> id.
        spelled: The words as arrays.
        zipfs: A row a word, a column a source of frequencies.
        traits: Bits.
        index: Finds ids of words that may be near.
        sounds: Finds places in `sound_ids` of words whose sound keys may be near.
        sound_ids: Ids of the words that are frequent enough to be found by their sound.
        gists: What the cheap score reads of each word.
        suggested_lengths: Of words that may be suggested; of others one that no word is near.
        parts: Those of `ids` that words run together are made of.
    """

    words: list[str]
    keys: list[str] = field(repr=False)
    ids: dict[str, int] = field(repr=False)
    spelled: Spelled = field(repr=False)
    zipfs: npt.NDArray[np.float32] = field(repr=False)
    traits: npt.NDArray[np.uint8] = field(repr=False)
    index: DeletionIndex = field(repr=False)
    sounds: DeletionIndex = field(repr=False)
    sound_ids: npt.NDArray[np.int64] = field(repr=False)
    gists: Gists = field(repr=False)
    suggested_lengths: npt.NDArray[np.int16] = field(repr=False)
    parts: dict[str, int] = field(repr=False)
    pair_keys: npt.NDArray[np.uint64] = field(repr=False)
    pair_zipfs: npt.NDArray[np.float32] = field(repr=False)

    @property
    def id_bits(self) -> int:
        """How many bits an id takes."""
        return len(self.words).bit_length()

    @classmethod
    def build(cls, listed: WordList) -> Vocabulary:
        """Make the arrays; some seconds for a large list."""
        return cls._of(listed.words, _arrays(listed))

    @classmethod
    def open(cls, folder: Path) -> Vocabulary:
        """Map what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: the folder is absent or damaged.
        """
        content = orjson.loads((folder / "words.json").read_bytes())
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        if {name: len(array) for name, array in arrays.items()} != content["sizes"]:
            raise ValueError("the arrays of a vocabulary are of other sizes than they were")
        return cls._of(content["words"], {n: a.view(np.ndarray) for n, a in arrays.items()})

    def save(self, folder: Path) -> None:
        """Write everything into an existing folder, durably."""
        arrays = self.arrays()
        sizes = {name: len(array) for name, array in arrays.items()}
        write_durably(folder / "words.json", orjson.dumps({"words": self.words, "sizes": sizes}))
        for name, array in arrays.items():
            write_durably(folder / f"{name}.npy", array)

    def arrays(self) -> dict[str, Array]:
        """Return all that `open` needs, the words apart."""
        return {
            "entries": self.index.entries,
            "starts": self.index.starts,
            "letters": self.spelled.letters,
            "lengths": self.spelled.lengths,
            "zipfs": self.zipfs,
            "traits": self.traits,
            "spellings": self.spelled.spellings,
            "sound_entries": self.sounds.entries,
            "sound_starts": self.sounds.starts,
            "sound_ids": self.sound_ids,
            "gists": self.gists,
            "pair_keys": self.pair_keys,
            "pair_zipfs": self.pair_zipfs,
        }

    def pair_zipfs_of(self, first: Ids, second: Ids) -> npt.NDArray[np.float32]:
        """Return how frequent two words in a row are, each; 0 if it is not known to happen."""
        if not len(self.pair_keys):
            return np.zeros(len(first), np.float32)
        keys = first.astype(np.uint64) << _PAIR_BITS | second.astype(np.uint64)
        places = self.pair_keys.searchsorted(keys).clip(max=len(self.pair_keys) - 1)
        return np.where(self.pair_keys[places] == keys, self.pair_zipfs[places], np.float32(0))

    @classmethod
    def _of(cls, words: list[str], arrays: dict[str, Array]) -> Vocabulary:
        # One string for both where they are the same: less memory, and in the caches once.
        keys = [word if word.islower() else word.lower() for word in words]
        ids = {key: i for i, key in enumerate(keys)}
        is_suggested = arrays["traits"] & SUGGESTED > 0
        is_part = is_suggested & (arrays["zipfs"][:, 0] >= _PART_ZIPF)
        return cls(
            words,
            keys,
            ids,
            Spelled(arrays["letters"], arrays["lengths"], arrays["spellings"]),
            arrays["zipfs"],
            arrays["traits"],
            DeletionIndex(arrays["entries"], arrays["starts"]),
            DeletionIndex(arrays["sound_entries"], arrays["sound_starts"]),
            arrays["sound_ids"],
            arrays["gists"],
            np.where(is_suggested, arrays["lengths"], _FAR).astype(np.int16),
            {keys[i]: i for i in np.flatnonzero(is_part).tolist() if ids[keys[i]] == i},
            arrays["pair_keys"],
            arrays["pair_zipfs"],
        )


def _arrays(listed: WordList) -> dict[str, Array]:
    keys = [word.lower() for word in listed.words]
    spelled = Spelled.of(keys)
    index = DeletionIndex.build(keys)
    is_suggested = np.fromiter((word not in listed.only_known for word in listed.words), np.bool_)
    zipfs = np.array(listed.zipfs, np.float32)
    is_frequent = np.array(listed.zipfs)[:, 0] >= _SOUNDING_ZIPF
    sound_ids = np.flatnonzero(is_frequent & is_suggested)
    sounds = DeletionIndex.build([spelled.heard[i] for i in sound_ids.tolist()], 1, TELLING_SOUND)
    pair_keys, pair_zipfs = _pairs(listed, {key: i for i, key in enumerate(keys)})
    return {
        "entries": index.entries,
        "starts": index.starts,
        "letters": spelled.letters,
        "lengths": spelled.lengths,
        "zipfs": zipfs,
        "traits": np.fromiter(_traits(listed), np.uint8, len(keys)),
        "spellings": spelled.spellings,
        "sound_entries": sounds.entries,
        "sound_starts": sounds.starts,
        "sound_ids": sound_ids,
        "gists": gists_of(spelled.letters, spelled.spellings, zipfs),
        "pair_keys": pair_keys,
        "pair_zipfs": pair_zipfs,
    }


def _traits(listed: WordList) -> Iterable[int]:
    for word in listed.words:
        suggested = 0 if word in listed.only_known else SUGGESTED
        capital = 0 if word.islower() else CAPITAL
        yield suggested | capital | (NAME if word in listed.names else 0)


def _pairs(listed: WordList, ids: dict[str, int]) -> tuple[Array, Array]:
    rows = [
        (ids[first] << int(_PAIR_BITS) | ids[second], zipf)
        for first, seconds in listed.pairs.items()
        for second, zipf in seconds.items()
    ]
    rows.sort()
    keys = np.array([key for key, _ in rows], np.uint64)
    return keys, np.array([zipf for _, zipf in rows], np.float32)
