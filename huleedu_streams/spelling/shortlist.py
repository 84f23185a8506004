"""The words that many misspelt words most likely are, cut down by a cheap score, at once.

Not here: which of them is the likeliest (`weighted.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import DamerauLevenshtein
from rapidfuzz.process import cpdist

from huleedu_streams.spelling.lexicon import Lexicon

# 14 cost a third more time and were no better on Swedish learners' text.
_KEPT = 10
_EDITS = 2
_EDIT, _DECADE = 2.0, 0.8
_ROW_BITS = 32


def shortlists(lexicon: Lexicon, words: Sequence[str]) -> list[list[int]]:
    """Return, for each lower-case word, the ids of likely words within two edits."""
    near = lexicon.index.near(words)
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    is_near = np.abs(lexicon.lengths[near.ids] - lengths[near.rows]) <= _EDITS
    pairs = np.unique(near.rows[is_near] << _ROW_BITS | near.ids[is_near])
    rows, ids = pairs >> _ROW_BITS, pairs & ((1 << _ROW_BITS) - 1)
    edits = cpdist(
        [words[row] for row in rows.tolist()],
        [lexicon.words[i] for i in ids.tolist()],
        scorer=DamerauLevenshtein.distance,
        score_cutoff=_EDITS,
        dtype=np.int32,
    )
    scores = _DECADE * np.log10(lexicon.counts[ids] + 1) - _EDIT * edits
    order = np.lexsort((-scores, rows))
    order = order[edits[order] <= _EDITS]
    found: list[list[int]] = [[] for _ in words]
    for row, i in zip(rows[order].tolist(), ids[order].tolist(), strict=True):
        if len(found[row]) < _KEPT:
            found[row].append(i)
    return found
