"""What a teacher would call an error: one category for each correction.

Lives here: the comparison of a word as written with its replacement. Not here: how the
replacement was chosen.
"""

from __future__ import annotations

import re

_VOWELS = frozenset("aeiouyåäöáéíóúàèìòùâêîôûëïüæøãõ")
_DOUBLED = re.compile(r"(.)\1+")
_LATIN = re.compile(r"[a-zåäöéèêëüïøæ]+")

# Spellings that English speakers hear as one sound, applied in this order.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"^(?:kn|gn|pn)", "n"),
        (r"^wr", "r"),
        (r"^ps", "s"),
        (r"^wh", "w"),
        (r"mb$", "m"),
        (r"gh(?=t|$)", ""),
        (r"(?:tion|sion|cian)", "xn"),
        (r"(?:sh|ch|tch|ti(?=a|o)|ci(?=a|o))", "x"),
        (r"ph|gh", "f"),
        (r"th", "0"),
        (r"sc(?=[eiy])|c(?=[eiy])", "s"),
        (r"ck|q|c|x", "k"),
        (r"dg|g(?=[eiy])|j", "j"),
        (r"z", "s"),
        (r"(?<=.)[aeiouyhwåäöéèêëüïøæ]", ""),
        (r"^[aeiouy]", "a"),
    )
)


def categorise(original: str, replacement: str) -> str:
    """Return what kind of error was made.

    Args:
        original: The word as written, apostrophes straight.
        replacement: What it should be; may be several words.

    Returns:
        One of: doubling, vowel, consonant, transposition, missing letter, extra letter,
        apostrophe, joined words, sound-alike, other.
    """
    wrong, right = original.lower(), replacement.lower()
    if wrong == right:
        return "other"  # letter case
    if wrong.replace("'", "") == right.replace("'", ""):
        return "apostrophe"
    if " " in right and wrong.replace("-", "") == right.replace(" ", ""):
        return "joined words"
    if set(wrong) == set(right) and _undoubled(wrong) == _undoubled(right):
        return "doubling"
    return _one_letter(*_differing(wrong, right)) or _several_letters(wrong, right)


def _differing(wrong: str, right: str) -> tuple[str, str]:
    """Return what is left of both when the same beginning and the same end are cut off."""
    limit = min(len(wrong), len(right))
    start = 0
    while start < limit and wrong[start] == right[start]:
        start += 1
    end = 0
    while end < limit - start and wrong[-1 - end] == right[-1 - end]:
        end += 1
    return wrong[start : len(wrong) - end], right[start : len(right) - end]


def _one_letter(wrong: str, right: str) -> str | None:
    lengths = (len(wrong), len(right))
    if lengths == (0, 1):
        return "missing letter"
    if lengths == (1, 0):
        return "extra letter"
    if lengths == (2, 2) and wrong == right[::-1]:
        return "transposition"
    if lengths == (1, 1):
        is_vowel = {letter in _VOWELS for letter in (wrong, right)}
        if len(is_vowel) == 1:
            return "vowel" if is_vowel == {True} else "consonant"
    return None


def _several_letters(wrong: str, right: str) -> str:
    if _consonants(wrong) == _consonants(right):
        return "vowel"
    if _sound(wrong) == _sound(right):
        return "sound-alike"
    return "other"


def _consonants(word: str) -> str:
    return "".join(letter for letter in word if letter not in _VOWELS)


def _sound(word: str) -> str:
    # Words of other scripts are only equal to themselves, which never reaches this.
    if not _LATIN.match(word):
        return word
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return _undoubled(word)


def _undoubled(word: str) -> str:
    return _DOUBLED.sub(r"\1", word)
