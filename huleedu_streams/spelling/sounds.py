"""What words sound like, roughly, to an ear trained on English; many words at once.

Two words of one key are heard alike by many learners: `fone` and `phone`. A key of consonants
and one without doubled letters are made in the same way. Not here: what keys are used for
(`candidates.py`, `features.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.letters import Letters, code_of

Hashes = npt.NDArray[np.uint64]

_VOWELS = "aeiouyhw'åäöéèê"
# Codes of sounds that have no letter of their own, above all letters.
_SH, _CH, _TH, _FIRST_VOWEL = 201, 202, 203, 204
# Drawn once: the weight of each place of a key in its hash.
_WEIGHTS = np.random.default_rng(7).integers(1, 2**63, 64, dtype=np.uint64) | np.uint64(1)


def _sound_table() -> npt.NDArray[np.uint8]:
    """Return the sound of each letter by the one after it: [after, letter]."""
    own = np.arange(256, dtype=np.uint8)
    own[[code_of(vowel) for vowel in _VOWELS]] = 0
    for letter, heard in ("qk", "ck", "zs", "vf"):
        own[code_of(letter)] = code_of(heard)
    table = np.tile(own, (256, 1))
    for letter, afters, sound in (
        ("c", "eiy", code_of("s")),
        ("g", "eiy", code_of("j")),
        ("c", "h", _CH),
        ("s", "h", _SH),
        ("t", "h", _TH),
        ("p", "h", code_of("f")),
        ("c", "kq", 0),
        ("d", "gj", 0),
        ("l", "k", 0),
    ):
        for after in afters:
            table[code_of(after), code_of(letter)] = sound
    return table


_SOUNDS = _sound_table()
_CONSONANTS = np.arange(256, dtype=np.uint8)
_CONSONANTS[[code_of(vowel) for vowel in _VOWELS]] = 0
_IS_VOWEL = _CONSONANTS == 0
_T, _S, _C, _I, _O, _A, _G, _H, _M, _B, _N = map(code_of, "tscioaghmbn")
_IS_SILENT_START = np.zeros((256, 256), np.bool_)
for _silent, _spoken in ("kn", "gn", "pn", "wr", "ps"):
    _IS_SILENT_START[code_of(_silent), code_of(_spoken)] = True


class Keys(NamedTuple):
    """Keys of words, a row a word.

    Attributes:
        hashes: Of what is heard, of the consonants and of the word without doubled letters.
        heard: What is heard, as a string of codes.
    """

    hashes: npt.NDArray[np.uint32]
    heard: list[str]


def keys_of(letters: Letters) -> Keys:
    """Return the keys of words given as codes, a row a word, zeros after its end."""
    # What lies beyond the longest word is nothing to work on.
    letters = letters[:, : np.flatnonzero(letters.any(0)).max(initial=0) + 1]
    sounds = _heard(letters)
    codes = np.concatenate((sounds, _CONSONANTS.take(letters), letters))
    is_kept = _first_of_run(codes)
    hashes = _hashed(codes, is_kept).reshape(3, len(letters)).T
    is_heard = is_kept[: len(letters)]
    all_heard = sounds[is_heard].tobytes().decode("latin-1")
    ends = is_heard.sum(1).cumsum().tolist()
    heard = [all_heard[first:end] for first, end in zip((0, *ends), ends, strict=False)]
    return Keys(hashes.astype(np.uint32), heard)


def _heard(letters: Letters) -> Letters:
    count, width = letters.shape
    padded = np.zeros((count, 1 + width + 2), np.uint8)
    padded[:, 1:-2] = letters
    before, after, second = padded[:, :-3], padded[:, 2:-1], padded[:, 3:]
    sounds = _SOUNDS[after, letters]
    is_hissed = (after == _I) & ((second == _O) | (second == _A))
    sounds[is_hissed & ((letters == _T) | (letters == _S) | (letters == _C))] = _SH
    # light, high; but ghost
    is_silent = (letters == _G) & (after == _H) & ((second == 0) | (second == _T))
    is_silent |= (letters == _T) & (after == _C) & (second == _H)
    is_silent |= ((letters == _B) | (letters == _N)) & (before == _M) & (after == 0)
    sounds[is_silent] = 0
    first = letters[:, 0]
    sounds[_IS_VOWEL[first] & (first != 0), 0] = _FIRST_VOWEL
    sounds[_IS_SILENT_START[first, after[:, 0]], 0] = 0
    return sounds


def _first_of_run(codes: Letters) -> npt.NDArray[np.bool_]:
    """Tell codes that are neither 0 nor the same as the last one that is not 0."""
    is_sound: npt.NDArray[np.bool_] = codes != 0
    places = np.where(is_sound, np.arange(codes.shape[1]), 0)
    last = np.maximum.accumulate(places[:, :-1], axis=1)
    last += np.arange(0, codes.size, codes.shape[1])[:, None]
    is_sound[:, 1:] &= codes[:, 1:] != codes.ravel().take(last)
    return is_sound


def _hashed(codes: Letters, is_kept: npt.NDArray[np.bool_]) -> Hashes:
    places = is_kept.cumsum(1) - 1
    mixed: Hashes = (codes * _WEIGHTS.take(places) * is_kept).sum(1, dtype=np.uint64)
    return mixed >> np.uint64(32)
