"""How often the first choice is right, word by word without context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from random import Random

from bench.spelling.clock import within
from bench.spelling.rows import Row, skipped
from bench.spelling.sets import PAIR_FILES, Pair, floor_pairs, pairs
from bench.spelling.spellers import Other, Speller

_TARGET = ">= 87 on sets that are not here"
_LEARNED_FROM = "its weights learned from this set; held out, see docs/performance.md"


def rows(spellers: Sequence[Speller], seconds: float) -> Iterator[Row]:
    """Yield for each set and speller the share that is right, and what was lost as known.

    Args:
        spellers: Each goes through the same pairs in the same order, drawn by a seed.
        seconds: Time for each set and speller of others; a slow one does not see every pair.
    """
    yield from _of_set("our own 300", floor_pairs(), spellers, seconds)
    for name in PAIR_FILES:
        found = pairs(name)
        if found is None:
            yield skipped(f"right at first choice, {name}", f"{PAIR_FILES[name]} is absent")
        else:
            yield from _of_set(name, found, spellers, seconds)


def _of_set(
    name: str, found: list[Pair], spellers: Sequence[Speller], seconds: float
) -> Iterator[Row]:
    drawn = list(found)
    Random(1).shuffle(drawn)  # noqa: S311 - the same for all
    lost: list[Row] = []
    for speller in spellers:
        limit = seconds if isinstance(speller, Other) else inf
        seen = [(pair, is_right(speller, pair)) for pair in within(limit, drawn)]
        right = sum(is_it for _, is_it in seen)
        known = sum(not is_it and speller.is_known(pair.wrong) for pair, is_it in seen)
        share = 100 / len(seen)
        measure = f"right at first choice, {name}"
        note = _LEARNED_FROM if speller.name == "ranked" and name in PAIR_FILES else ""
        yield Row(measure, speller.name, right * share, "%", len(seen), _TARGET, note)
        lost.append(Row(f"lost because known, {name}", speller.name, known * share, "%", len(seen)))
    yield from lost


def is_right(speller: Speller, pair: Pair) -> bool:
    """Whether the first choice is the word that was meant; case does not count."""
    return speller.first(pair.wrong).lower() == pair.right.lower()
