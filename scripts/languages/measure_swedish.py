"""Print how Swedish does on learners' text, and list what it changes.

    python -m scripts.languages.measure_swedish FILE [--list]

FILE: one token a line with `c` (correct) or `i` (not), sentences apart, as MultiGED-2023 has them.
Which changes of errors are right is not in the file: read the list. Last comes how many random
slips in frequent words are taken for compounds.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from huleedu_streams.domain.tokens import words
from huleedu_streams.spelling import SpellChecker, packed
from huleedu_streams.spelling.roles import WORD

Token = tuple[str, str]

_SLIPS, _FREQUENT, _SHORTEST = 20_000, 8_000, 4
_LETTERS = "abcdefghijklmnopqrstuvyåäö"


def main(path: Path, *, is_listed: bool) -> None:
    """Measure."""
    checker = SpellChecker.load("sv")
    counts = dict.fromkeys(("c", "i", "c changed", "c flagged", "i non-word", "i changed"), 0)
    for sentence in _sentences(path):
        for word, label, verdict in _judged(checker, sentence):
            counts[label] += 1
            if verdict:
                counts[f"{label} {verdict}"] = counts.get(f"{label} {verdict}", 0) + 1
            if label == "i" and (verdict or not checker.is_known(word)) and list(words(word)):
                counts["i non-word"] += 1
            if is_listed and verdict:
                print(label, word, verdict, checker.check(word).text, sep="\t")
    wrong = 1000 * (counts["c changed"] + counts["c flagged"]) / counts["c"]
    print(counts)
    print(f"changes and flags per 1,000 correct tokens: {wrong:.2f}")
    print(f"of errors that are no words, changed: {counts['i changed'] / counts['i non-word']:.1%}")

    slips = list(_slips())
    swallowed = sum(map(checker.is_known, slips))
    print(f"slips taken for compounds: {swallowed} of {len(slips)}, {swallowed / len(slips):.2%}")


def _slips() -> Iterator[str]:
    """Yield frequent words with one random letter dropped, added, replaced or doubled."""
    levels = packed.unpack(packed.read("sv.frequencies.xz"))
    roles = packed.unpack(packed.read("sv.words.xz"))
    listed = [word for word in levels if roles.get(word, 0) & WORD and len(word) >= _SHORTEST]
    frequent = sorted(listed, key=lambda word: -levels[word])[:_FREQUENT]
    chance = random.Random(1)  # noqa: S311 - no secret
    for word in chance.choices(frequent, k=_SLIPS):
        place = chance.randrange(len(word))
        left, letter, right = word[:place], word[place], word[place + 1 :]
        other = chance.choice(_LETTERS)
        slip = left + chance.choice(("", other + letter, other, letter * 2)) + right
        if not roles.get(slip, 0) & WORD:
            yield slip


def _sentences(path: Path) -> Iterator[list[Token]]:
    for block in path.read_text("utf-8").split("\n\n"):
        rows = (line.split("\t") for line in block.splitlines())
        yield [(row[0], row[1]) for row in rows if len(row) == 2]  # noqa: PLR2004 - word, label


def _judged(checker: SpellChecker, sentence: list[Token]) -> Iterator[tuple[str, str, str]]:
    """Yield each token with its label and `changed`, `flagged` or nothing."""
    checked = checker.check(" ".join(word for word, _ in sentence))
    changed = [correction.offset for correction in checked.corrections]
    flagged = [unknown.offset for unknown in checked.unknown]
    start = 0
    for word, label in sentence:
        end = start + len(word)
        verdict = "changed" if any(start <= offset < end for offset in changed) else ""
        if not verdict and any(start <= offset < end for offset in flagged):
            verdict = "flagged"
        yield word, label, verdict
        start = end + 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), is_listed="--list" in sys.argv)
