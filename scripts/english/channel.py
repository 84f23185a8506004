"""Learn what edits cost from pairs of written and intended words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from huleedu_streams.spelling.channel import (
    _FOLLOWED,
    CONTEXTS,
    FIRST,
    LETTERS,
    LONGEST,
    Channel,
)
from huleedu_streams.spelling.vocabulary import Spelled

# (kind, index into the table of that kind)
Edit = tuple[str, tuple[int, ...]]

_ROUNDS = 3
_SMOOTHING = 12.0
_FLAT = {"substituted": 7.0, "dropped": 5.5, "added": 6.5, "swapped": 5.0}


def first_guess() -> Channel:
    """Return costs that know letters by equality only."""
    substituted = np.full((CONTEXTS, LETTERS, LETTERS), _FLAT["substituted"], np.float32)
    same = np.arange(LETTERS)
    substituted[:, same, same] = 0.05
    return Channel(
        substituted,
        np.full((2, LETTERS, LETTERS), _FLAT["dropped"], np.float32),
        np.full((2, LETTERS, LETTERS), _FLAT["added"], np.float32),
        np.full((LETTERS, LETTERS), _FLAT["swapped"], np.float32),
    )


def learn(pairs: list[tuple[str, str, float]]) -> Channel:
    """Return costs learned from (written, intended, weight) in a few rounds of alignment."""
    wrong = [list(map(int, row)) for row in Spelled.of([p[0] for p in pairs]).letters]
    right = [list(map(int, row)) for row in Spelled.of([p[1] for p in pairs]).letters]
    channel = first_guess()
    for _ in range(_ROUNDS):
        met = np.zeros((2, LETTERS, LETTERS))
        counts = {name: np.zeros(getattr(channel, name).shape) for name in Channel.__slots__}
        tables = {name: getattr(channel, name).tolist() for name in Channel.__slots__}
        for x, y, (_w, _r, weight) in zip(wrong, right, pairs, strict=True):
            for kind, place in align(trimmed(x), trimmed(y), tables):
                counts[kind][place] += weight
            letters = trimmed(y)
            for place, (before, letter) in enumerate(pairwise([0, *letters])):
                met[int(place + 1 == len(letters)), before, letter] += weight
        channel = from_counts(counts, met)
    return channel


def trimmed(codes: list[int]) -> list[int]:
    """Return the codes of a word without what fills its row, in the range of the tables."""
    return [min(code, LETTERS - 1) for code in codes if code]


def from_counts(counts: dict[str, np.ndarray], met: np.ndarray) -> Channel:
    """Turn counts into smoothed costs.

    Args:
        counts: Of the edits, by kind.
        met: How often each letter was intended: by whether it is the last, the letter before,
            the letter itself.
    """
    letters = met.sum((0, 1)) + 1
    substituted = counts["substituted"]
    overall = (substituted.sum(0) + 0.02) / letters[:, None]
    in_context = substituted.sum(2, keepdims=True)
    dropped = counts["dropped"]
    drop_rate = (dropped.sum((0, 1)) + 0.5) / letters
    after = met.sum(1)
    return Channel(
        _cost((substituted + _SMOOTHING * overall) / (in_context + _SMOOTHING)),
        _cost((dropped + _SMOOTHING * drop_rate) / (met + _SMOOTHING)),
        _cost(
            (counts["added"] + _SMOOTHING * _add_rates(counts["added"], after))
            / (after[:, :, None] + _SMOOTHING)
        ),
        _cost((counts["swapped"] + 0.01 * met.sum(0)) / (met.sum(0) + 2)),
    )


def _add_rates(added: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return how often a letter is added at all: its rate, and another one if it is doubled."""
    doubled = added.diagonal(axis1=1, axis2=2).sum()
    total = after.sum() + 1
    rates = np.tile((added.sum((0, 1)) + 0.1) / total, (LETTERS, 1))
    np.fill_diagonal(rates, np.maximum(rates.diagonal(), doubled / total))
    return rates


def _cost(probability: np.ndarray) -> np.ndarray:
    return (-np.log(np.clip(probability, 1e-6, 0.999))).astype(np.float32)


def align(wrong: list[int], right: list[int], tables: dict[str, list]) -> Iterator[Edit]:
    """Yield the edits of the cheapest alignment of what differs, and the equal letters."""
    start = 0
    while start < min(len(wrong), len(right)) and wrong[start] == right[start]:
        start += 1
    end = 0
    while end < min(len(wrong), len(right)) - start and wrong[-1 - end] == right[-1 - end]:
        end += 1
    x, y = wrong[start : len(wrong) - end], right[start : len(right) - end]
    for place in [*range(start), *range(len(right) - end, len(right))]:
        yield "substituted", (_context(right, place), right[place], right[place])
    if max(len(x), len(y)) > LONGEST:
        return
    yield from _cheapest(x, y, right, start, tables)


def _context(right: list[int], place: int) -> int:
    if place == 0:
        return FIRST
    return int(_FOLLOWED[right[place + 1] if place + 1 < len(right) else 0])


def _cheapest(x: list[int], y: list[int], right: list[int], start: int, tables: dict) -> list[Edit]:
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None, Edit | None]] = {}
    best[0, 0] = (0.0, None, None)
    for i in range(len(x) + 1):
        for j in range(len(y) + 1):
            if i or j:
                best[i, j] = min(
                    (
                        (best[a, b][0] + _at(tables, edit), (a, b), edit)
                        for a, b, edit in _steps(x, y, i, j, right, start)
                    ),
                    key=lambda option: option[0],
                )
    edits, cell = [], (len(x), len(y))
    while best[cell][1] is not None:
        _, before, edit = best[cell]
        edits.append(edit)
        cell = before
    return edits


def _at(tables: dict, edit: Edit) -> float:
    value = tables[edit[0]]
    for place in edit[1]:
        value = value[place]
    return value


def _steps(
    x: list[int], y: list[int], i: int, j: int, right: list[int], start: int
) -> Iterable[tuple[int, int, Edit]]:
    place = start + j - 1
    before = right[place - 1] if place > 0 else 0
    is_last = int(place + 1 >= len(right))
    if i and j:
        edit = ("substituted", (_context(right, place), y[j - 1], x[i - 1]))
        yield i - 1, j - 1, edit
    if j:
        yield i, j - 1, ("dropped", (is_last, before, y[j - 1]))
    if i:
        used = right[place] if place >= 0 else 0
        yield i - 1, j, ("added", (is_last, used, x[i - 1]))
    if i > 1 and j > 1 and x[i - 2 : i] == y[j - 2 : j][::-1]:
        yield i - 2, j - 2, ("swapped", (y[j - 2], y[j - 1]))
