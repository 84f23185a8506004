"""What a word sounds like, roughly, to an ear trained on English.

Two words of one key are heard alike by many learners: `fone` and `phone`. Not here: what the key
is used for (`candidates.py`, `features.py`).
"""

from __future__ import annotations

import re

# Applied in this order; a capital is a sound that has no letter of its own.
_STARTS = (
    ("kn", "n"), ("gn", "n"), ("pn", "n"), ("wr", "r"), ("ps", "s"), ("wh", "w"), ("x", "s"),
    ("who", "ho"), ("rh", "r"),
)  # fmt: skip
_REPLACED = (
    ("tch", "C"), ("sch", "sk"), ("chr", "kr"), ("sh", "S"), ("ch", "C"), ("ph", "f"),
    ("ght", "t"), ("gh", "g"), ("th", "T"), ("tion", "Sn"), ("sion", "Sn"), ("cian", "Sn"),
    ("tian", "Sn"), ("cious", "Ss"), ("tious", "Ss"), ("cial", "Sl"), ("tial", "Sl"),
    ("cien", "Sn"), ("tien", "Sn"), ("sure", "Sr"), ("ture", "Cr"), ("dge", "j"), ("dj", "j"),
    ("ck", "k"), ("cq", "k"), ("qu", "kw"), ("q", "k"), ("sce", "se"), ("sci", "si"),
    ("ce", "se"), ("ci", "si"), ("cy", "si"), ("c", "k"), ("ge", "je"), ("gi", "ji"),
    ("gy", "ji"), ("z", "s"), ("x", "ks"), ("v", "f"), ("mn", "m"), ("lk", "k"),
)  # fmt: skip
_ENDS = (("mb", "m"), ("es", "s"), ("ed", "d"))
_SILENT = str.maketrans("", "", "aeiouyhw'-\u00e5\u00e4\u00f6\u00e9\u00e8\u00ea")
_VOWELS = frozenset("aeiouyh\u00e5\u00e4\u00f6\u00e9\u00e8\u00ea")
_REPEATED = re.compile(r"(.)\1+")


def sound_key(word: str) -> str:
    """Return the consonants that are heard in a lower-case word; a first vowel is `a`."""
    for start, sound in _STARTS:
        if word.startswith(start):
            word = sound + word[len(start) :]
            break
    for end, sound in _ENDS:
        if word.endswith(end):
            word = word[: -len(end)] + sound
            break
    is_vowel_first = word[:1] in _VOWELS
    for spelling, sound in _REPLACED:
        word = word.replace(spelling, sound)
    key = _REPEATED.sub(r"\1", word.translate(_SILENT))
    return f"a{key}" if is_vowel_first else key


def skeleton(word: str) -> str:
    """Return the consonants of a lower-case word as written, doubled ones once."""
    return _REPEATED.sub(r"\1", word.translate(_SILENT))


def undoubled(word: str) -> str:
    """Return the word with every repeated letter once."""
    return _REPEATED.sub(r"\1", word)
