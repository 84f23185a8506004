"""Learn what each kind of edit costs in `huleedu_streams/spelling/edits.py`, and print it.

    python -m scripts.languages.fit_edits FOLDER

FOLDER: Roger Mitton's sets of English misspellings (`mitton_*.dat`). The kinds of edits are not
English, so what they cost is taken for every language that has no set of its own. A fifth of the
misspellings is held out and their share that is right at first choice is printed.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from huleedu_streams.spelling.cache import load_lexicon
from huleedu_streams.spelling.edits import COSTS, edits
from huleedu_streams.spelling.lexicon import Lexicon

# Kinds of edits, then the logarithm of the frequency.
KINDS = tuple(COSTS)
Case = tuple["np.ndarray", int]
_MOST_A_FILE, _MOST_CANDIDATES = 3_000, 40
_ROUNDS, _BATCH, _RATE, _DECAY = 12, 50, 0.05, 1e-3


def main(folder: Path) -> None:
    """Fit and print."""
    cases = list(_cases(folder, load_lexicon("en")))
    held_out = len(cases) // 5
    weights = np.array([*(-COSTS[kind] for kind in KINDS), 1.0])
    print(f"{len(cases)} misspellings, {held_out} held out")
    print(f"before: {_share_right(cases[:held_out], weights):.3f} of those held out right")
    weights = _fitted(cases[held_out:], weights)
    print(f"after: {_share_right(cases[:held_out], weights):.3f}")
    for kind, weight in zip((*KINDS, "frequency, a decade"), weights, strict=True):
        print(f"{kind}: {abs(weight):.1f}")


def _cases(folder: Path, lexicon: Lexicon) -> Iterator[Case]:
    """Yield, for each misspelling, a row of features a candidate, and which one is right."""
    chance = random.Random(1)  # noqa: S311 - no secret
    pairs = []
    for path in sorted(folder.glob("mitton_*.dat")):
        of_file = sorted(
            (wrong, right)
            for wrong, right in set(_pairs(path))
            if wrong.isalpha() and wrong not in lexicon.ids and right in lexicon.ids
        )
        pairs += chance.sample(of_file, min(len(of_file), _MOST_A_FILE))
    chance.shuffle(pairs)
    for wrong, right in pairs:
        near = lexicon.within(wrong, 2)
        meant = lexicon.ids[right]
        if meant in near and len(near) > 1:
            kept = [meant, *(i for i in near if i != meant)][:_MOST_CANDIDATES]
            yield np.array([_features(wrong, i, lexicon) for i in kept]), 0


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    right = ""
    for line in path.read_text("latin-1").lower().split():
        if line.startswith("$"):
            right = line.removeprefix("$")
        else:
            yield line, right


def _features(wrong: str, word_id: int, lexicon: Lexicon) -> list[float]:
    kinds = edits(wrong, lexicon.words[word_id])
    frequency = float(np.log10(lexicon.counts[word_id] + 1))
    return [*(float(kinds.count(kind)) for kind in KINDS), frequency]


def _fitted(cases: list[Case], weights: np.ndarray) -> np.ndarray:
    """Raise the likelihood of the right candidates (Adam, softmax over the candidates)."""
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    batches = [*range(0, len(cases), _BATCH)] * _ROUNDS
    for step, first in enumerate(batches, start=1):
        batch = cases[first : first + _BATCH]
        slope = -_DECAY * weights
        for rows, right in batch:
            scores = rows @ weights
            shares = np.exp(scores - scores.max())
            slope += (rows[right] - shares / shares.sum() @ rows) / len(batch)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        speed = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        weights = weights + _RATE * speed
    return weights


def _share_right(cases: list[Case], weights: np.ndarray) -> float:
    return float(np.mean([int((rows @ weights).argmax()) == right for rows, right in cases]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
