"""How one word is written for another, in any alphabet: the edits between them, by kind.

Only what writers of every language do is told apart: accents left out, letters doubled, vowels
confused, neighbours swapped. Not here: how frequent words are and what sounds alike in one
language (`weighted.py`); English, which has learned what each letter's edits cost.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType

# In powers of e. Learned by `scripts/languages/fit_edits.py` from English misspellings, but for
# the first: English has no accents to leave out.
COSTS: Mapping[str, float] = MappingProxyType(
    {
        "accent": 1.0,
        "vowel": 2.4,
        "alike": 2.3,
        "letter": 4.3,
        "doubled": 1.5,
        "undoubled": 0.4,
        "missing vowel": 1.1,
        "missing": 2.2,
        "extra vowel": 3.1,
        "extra": 4.1,
        "swapped": 1.5,
        "first": 1.7,
        "last": 0.7,
    }
)
# Two letters added here and dropped there is as far as words are compared.
_BAND = 1
_VOWELS = frozenset(
    "aeiouy\u00f8\u00e6\u0153\u0131"
    "\u0430\u0435\u0438\u043e\u0443\u044b\u044d\u044e\u044f\u0454\u0456"
)
# Consonants that differ in voice only or share a sound in many languages; Latin, Cyrillic.
_PAIRS = (
    *("bp", "dt", "gk", "fv", "vw", "sz", "ck", "cs", "kq", "mn", "gj"),
    *("\u0434\u0442", "\u0431\u043f", "\u0433\u043a", "\u0432\u0444", "\u0437\u0441"),
    "\u0436\u0448",
)
_ALIKE = frozenset(_PAIRS) | frozenset(pair[::-1] for pair in _PAIRS)

# What a way costs, and its edits.
_Way = tuple[float, tuple[str, ...]]


def edits(written: str, meant: str) -> tuple[str, ...]:
    """Return the kinds of edits that make `written` of `meant`, those that cost least."""
    if written == meant:
        return ()
    start = _shared(written, meant)
    end = _shared(written[start:][::-1], meant[start:][::-1])
    kinds = _cheapest(
        written[start : len(written) - end],
        meant[start : len(meant) - end],
        written[start - 1 : start] if start else "",
        written[len(written) - end :][:1],
    )
    return kinds + ("first",) * (start == 0) + ("last",) * (end == 0)


def cost(written: str, meant: str) -> float:
    """Return what the edits between two words cost."""
    return sum(COSTS[kind] for kind in edits(written, meant))


def ends_differently(written: str, meant: str) -> tuple[str, str]:
    """Return how two words end after what they begin with alike."""
    start = _shared(written, meant)
    return written[start:], meant[start:]


@cache
def plain(letter: str) -> str:
    """Return a letter without its accents: a for å."""
    return unicodedata.normalize("NFD", letter)[:1]


@lru_cache(maxsize=65_536)
def _cheapest(wrong: str, right: str, before: str, after: str) -> tuple[str, ...]:
    """Return the edits between two stretches that stand between the same two letters."""
    extra = _added(before + wrong + after, len(before), len(wrong), ("doubled", "extra"))
    missing = _added(before + right + after, len(before), len(right), ("undoubled", "missing"))
    band = _BAND + abs(len(wrong) - len(right))
    best: dict[tuple[int, int], _Way] = {(0, 0): (0.0, ())}
    for i in range(len(wrong) + 1):
        for j in range(max(0, i - band), min(len(right), i + band) + 1):
            ways = []
            if way := best.get((i - 1, j - 1)):
                ways.append(_further(way, _substituted(wrong[i - 1], right[j - 1])))
            if way := best.get((i - 1, j)):
                ways.append(_further(way, extra[i - 1]))
            if way := best.get((i, j - 1)):
                ways.append(_further(way, missing[j - 1]))
            if (way := best.get((i - 2, j - 2))) and wrong[i - 2 : i] == right[j - 2 : j][::-1]:
                ways.append(_further(way, "swapped"))
            if ways:
                best[i, j] = min(ways)
    return best[len(wrong), len(right)][1]


def _further(way: _Way, kind: str) -> _Way:
    return (way[0] + COSTS[kind], (*way[1], kind)) if kind else way


def _added(word: str, start: int, length: int, kinds: tuple[str, str]) -> list[str]:
    """Return what each letter of a stretch is called if the other word has it not."""
    double, kind = kinds
    return [
        double
        if word[place] in (word[place - 1 : place] if place else "", word[place + 1 : place + 2])
        else f"{kind} vowel"
        if plain(word[place]) in _VOWELS
        else kind
        for place in range(start, start + length)
    ]


@cache
def _substituted(written: str, meant: str) -> str:
    if written == meant:
        return ""
    one, other = plain(written), plain(meant)
    if one == other:
        return "accent"
    if one in _VOWELS and other in _VOWELS:
        return "vowel"
    return "alike" if one + other in _ALIKE else "letter"


def _shared(one: str, other: str) -> int:
    count = 0
    for letter, same in zip(one, other, strict=False):
        if letter != same:
            break
        count += 1
    return count
